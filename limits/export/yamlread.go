package export

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// The largest file that is read, and the most documents and the deepest nesting in it.
const (
	readMax  = 4 << 20
	docsMax  = 1000
	depthMax = 100
)

// documents reads the YAML documents of a file as trees. Aliases are refused: they make a small file large.
func documents(r io.Reader) (docs []*yaml.Node, err error) {
	dec := yaml.NewDecoder(io.LimitReader(r, readMax))
	for range docsMax {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, errors.New(oneLine(err.Error()))
		}
		if err := plain(&doc, 0); err != nil {
			return nil, err
		}
		if len(doc.Content) == 1 {
			docs = append(docs, doc.Content[0])
		}
	}
	return nil, fmt.Errorf("more than %d documents", docsMax)
}

func plain(n *yaml.Node, depth int) error {
	if n.Kind == yaml.AliasNode {
		return fmt.Errorf("line %d: an alias (*%s): write out what it stands for", n.Line, oneLine(n.Value))
	}
	if depth > depthMax {
		return fmt.Errorf("line %d: nested deeper than %d", n.Line, depthMax)
	}
	for _, c := range n.Content {
		if err := plain(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// at is what stands under a path of keys; nil if nothing does.
func at(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var value *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				value = n.Content[i+1]
			}
		}
		n = value
	}
	return n
}

// text is a scalar's, or nothing.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// number reads a finite number of 0 or more; an absent one is the default.
func number(n *yaml.Node, absent float64) (float64, error) {
	if n == nil {
		return absent, nil
	}
	v, err := strconv.ParseFloat(text(n), 64)
	if err != nil || !(v >= 0) || math.IsInf(v, 0) || v > burstMax {
		return 0, fmt.Errorf("line %d: %q is no number that a limit can have", n.Line, oneLine(n.Value))
	}
	return v, nil
}

// whole reads a whole number of 0 or more.
func whole(n *yaml.Node, absent int) (int, error) {
	v, err := number(n, float64(absent))
	if err == nil && v != math.Trunc(v) {
		err = fmt.Errorf("line %d: %v is no whole number", n.Line, v)
	}
	return int(v), err
}

// visit walks all mappings of a tree.
func visit(n *yaml.Node, each func(m *yaml.Node) error) error {
	if n.Kind == yaml.MappingNode {
		if err := each(n); err != nil {
			return err
		}
	}
	for _, c := range n.Content {
		if err := visit(c, each); err != nil {
			return err
		}
	}
	return nil
}
