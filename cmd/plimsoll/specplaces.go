package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// keysOfFlags are the keys of a spec that say what a flag says: those that any command binds it to.
func keysOfFlags() map[string][]string {
	a := &app{spec: newSpec()}
	at := map[uintptr]string{}
	keysAt(reflect.ValueOf(a.spec).Elem(), "", at)
	out := map[string][]string{}
	for _, c := range a.root().Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			for _, p := range pointersOf(f.Value) {
				if key, is := at[p]; is && !slices.Contains(out[f.Name], key) {
					out[f.Name] = append(out[f.Name], key)
				}
			}
		})
	}
	runtime.KeepAlive(a)
	return out
}

// keysAt notes where in memory each key of a spec is kept.
func keysAt(part reflect.Value, path string, at map[uintptr]string) {
	for i := range part.NumField() {
		key := part.Type().Field(i).Tag.Get("yaml")
		switch field := part.Field(i); {
		case key == "-":
		case field.Kind() == reflect.Struct:
			keysAt(field, path+key+".", at)
		default:
			at[field.Addr().Pointer()] = path + key
		}
	}
}

// pointersOf are the places that a flag may write to: where its value is, and where what it holds points to.
func pointersOf(v pflag.Value) (out []uintptr) {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer {
		return nil
	}
	out = append(out, p.Pointer())
	if p.Elem().Kind() == reflect.Struct {
		for i := range p.Elem().NumField() {
			if f := p.Elem().Field(i); f.Kind() == reflect.Pointer {
				out = append(out, f.Pointer())
			}
		}
	}
	return out
}

var (
	beginsWithFlag = regexp.MustCompile(`^--([a-z][a-z0-9-]*)`)
	namesFlag      = regexp.MustCompile(`(^|[\s(])--[a-z][a-z0-9-]*`)
)

// inSpec tells of a value that is wrong where it stands in the spec, in the spec's words: it is no flag's, unless that was given.
func inSpec(path string, given *pflag.FlagSet, err error) error {
	var f *failure
	if !errors.As(err, &f) || f.code != exitMisuse {
		return err
	}
	data, unread := os.ReadFile(path)
	if unread != nil {
		return err
	}
	said, keys := f.err.Error(), keysOfFlags()
	m := beginsWithFlag.FindStringSubmatch(said)
	could := []string{f.key}
	switch {
	case f.key != "":
		said = f.key + ": " + said
	case m == nil || given.Changed(m[1]):
		return err
	default:
		could = keys[m[1]]
	}
	key, n := spotted(document(data), could, said)
	if n == nil {
		return err
	}
	words := namesFlag.ReplaceAllStringFunc(said, func(found string) string {
		before, name, _ := strings.Cut(found, "--")
		known := keys[name]
		switch {
		case m != nil && name == m[1]:
			return before + key
		case len(known) == 1 && !given.Changed(name):
			return before + known[0]
		}
		return found
	})
	return &failure{code: f.code, hint: f.hint, err: fmt.Errorf("%s:%d:%d: %s", path, n.Line, n.Column, words)}
}

// spotted is where a spec says what an error speaks of: the value of one of the keys, or the one among its values that the error
// quotes; nil where the spec has none of the keys. What is quoted goes before what is only named.
func spotted(doc *yaml.Node, keys []string, said string) (at string, found *yaml.Node) {
	best := 0
	for _, key := range keys {
		n := doc
		for _, name := range strings.Split(key, ".") {
			n = valueOf(n, name)
		}
		if n != nil && found == nil {
			at, found = key, n
		}
		eachScalar(n, func(s *yaml.Node) {
			if how := spokenOf(said, s.Value); how > best {
				best, at, found = how, key, s
			}
		})
	}
	return at, found
}

// spokenOf tells how a text speaks of a value: not at all 0, as a word of its own 1, between quotes 2.
func spokenOf(said, value string) int {
	switch {
	case value == "":
		return 0
	case strings.Contains(said, strconv.Quote(value)):
		return 2
	case regexp.MustCompile(`(^|[\s:,;(])` + regexp.QuoteMeta(value) + `($|[\s:,;)])`).MatchString(said):
		return 1
	}
	return 0
}

// headerIn is the value that a spec gives as its nth header, of the target itself or, from 1, of one of its requests; nil where
// it cannot be told.
func headerIn(doc *yaml.Node, request, nth int) *yaml.Node {
	of := valueOf(doc, "target")
	if request > 0 {
		if of = valueOf(of, "requests"); of == nil || request > len(of.Content) {
			return nil
		}
		of = of.Content[request-1]
	}
	headers, step, first := valueOf(of, "headers"), 1, 0
	if headers != nil && headers.Kind == yaml.MappingNode {
		step, first = 2, 1
	}
	if at := first + step*nth; headers != nil && at < len(headers.Content) {
		return headers.Content[at]
	}
	return nil
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
