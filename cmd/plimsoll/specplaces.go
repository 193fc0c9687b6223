package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// keysOfFlag are the keys of a spec that say what a flag says, where their names are not alike.
var keysOfFlag = map[string][]string{
	"goal": {"goals"}, "margin": {"limits.margin"}, "tier": {"verify.tiers", "limits.tiers"}, "limit": {"verify.limit"}, "burst": {"verify.burst"},
	"limits": {"verify.limits"}, "expect": {"verify.expect"}, "keys": {"verify.keys"}, "key-header": {"verify.key_header"}, "algorithm": {"verify.algorithm"},
	"stage": {"verify.stage"}, "bypass": {"verify.bypass"}, "scenarios": {"verify.scenarios"}, "max-failed": {"find.max_failed"}, "max-rate": {"find.max_rate"},
	"budget": {"find.budget"}, "health": {"find.health"}, "header": {"target.headers"}, "csv": {"target.csv"}, "targets": {"target.file"},
	"cert": {"target.cert"}, "cacert": {"target.cacert"}, "connect-to": {"target.connect_to"}, "proxy": {"target.proxy"}, "out": {"out"}, "timeout": {"target.timeout"},
}

var namesFlag = regexp.MustCompile(`^--([a-z][a-z0-9-]*):? ?`)

// inSpec tells of a value that is wrong where it stands in the spec: it is no flag's, unless that was given.
func inSpec(path string, given *pflag.FlagSet, err error) error {
	var f *failure
	if !errors.As(err, &f) || f.code != exitMisuse {
		return err
	}
	m := namesFlag.FindStringSubmatch(f.err.Error())
	if m == nil || given.Changed(m[1]) {
		return err
	}
	data, unread := os.ReadFile(path)
	if unread != nil {
		return err
	}
	for _, key := range keysOfFlag[m[1]] {
		if n := spotted(data, key, f.err.Error()); n != nil {
			return &failure{code: f.code, hint: f.hint, err: fmt.Errorf("%s:%d:%d: %s: %s", path, n.Line, n.Column, key, strings.TrimPrefix(f.err.Error(), m[0]))}
		}
	}
	return err
}

// spotted is where a spec says what an error speaks of: the value of a key, or the one of its values that the error quotes; nil
// where the spec does not have the key.
func spotted(data []byte, key, said string) *yaml.Node {
	n := document(data)
	for _, name := range strings.Split(key, ".") {
		if n = valueOf(n, name); n == nil {
			return nil
		}
	}
	found := n
	eachScalar(n, func(s *yaml.Node) {
		if found == n && s.Value != "" && strings.Contains(said, s.Value) {
			found = s
		}
	})
	return found
}

// placed is a path with the line and the column where a spec first writes a text, the path alone where it does not.
func placed(path string, data []byte, text string) string {
	where := path
	eachScalar(document(data), func(s *yaml.Node) {
		if where == path && strings.Contains(s.Value, text) {
			where = fmt.Sprintf("%s:%d:%d", path, s.Line, s.Column)
		}
	})
	return where
}

// document is the root of a spec, nil of what is none.
func document(data []byte) *yaml.Node {
	var doc yaml.Node
	if yaml.Load(data, &doc) != nil {
		return nil
	}
	if doc.Kind == yaml.DocumentNode && len(doc.Content) > 0 {
		return doc.Content[0]
	}
	return &doc
}

// valueOf is the value of a key of a map, nil of anything else.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// eachScalar calls f for every plain value at or below a node, in order. What an alias stands for is written elsewhere.
func eachScalar(n *yaml.Node, f func(*yaml.Node)) {
	if n == nil {
		return
	}
	if n.Kind == yaml.ScalarNode {
		f(n)
	}
	for _, c := range n.Content {
		eachScalar(c, f)
	}
}
