package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// manyOf is a number before a noun that stands in the plural whatever the number is: "1 arrivals".
var manyOf = regexp.MustCompile(`%d (arrivals|requests|trials|checks|clients|loads|repeats|attempts|refusals|answers|blocks|pairs|rows|looks|connections|consumers|keys|storms|instances|steps|crowds|manners|times|services)\b`)

// othersWords are packages that write what others read: configuration, and what a lab tells of itself.
var othersWords = []string{"limits/export", "scenarios/lab"}

// boundsTold are formats whose number is never 1.
var boundsTold = []string{"report/journal"}

func pluralsIn(f *ast.File) (bad []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			for _, a := range call.Args {
				if lit, ok := a.(*ast.BasicLit); ok && lit.Kind == token.STRING && manyOf.MatchString(lit.Value) {
					bad = append(bad, lit.Value)
				}
			}
		}
		return true
	})
	return bad
}

// TestLawNumbersAgreeWithTheirNouns: no format writes a number before a plural; attack.Plural and attack.Were know of 1.
func TestLawNumbersAgreeWithTheirNouns(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if slices.Contains(othersWords, name) || slices.Contains(boundsTold, name) {
			continue
		}
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range pluralsIn(f) {
				t.Errorf("%s/%s: %s: want attack.Plural", name, file, bad)
			}
		}
	}
	planted, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x; var _ = f("%d arrivals have no p99", 1)`, 0)
	if err != nil || len(pluralsIn(planted)) != 1 {
		t.Errorf("the law does not see what was planted: %v", err)
	}
}
