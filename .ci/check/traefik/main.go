// Command traefik writes the fields of Traefik's dynamic configuration for HTTP, as its own types declare them: a tree of
// names, where * stands for any name or any item. It reads the sources, as the module cannot be built from outside. Run it
// when the exported file gains a field, or Traefik changes:
//
//	dir=$(go mod download -json github.com/traefik/traefik/v3@v3.7.13 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
//	go run . "$dir"/pkg/config/dynamic >../../../limits/export/testdata/traefik/fields.json
package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// kept are the branches that are written; the others are much and of no use here.
var kept = map[string][]string{
	"Middleware": {"rateLimit", "headers", "inFlightReq"}, "HTTPConfiguration": {"routers", "services", "middlewares"}, "Service": {"loadBalancer"},
}

type fields map[string]any

// deepest is how far the tree goes: types within themselves end there.
const deepest = 8

func main() {
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*.go"))
	if err != nil {
		log.Fatal(err)
	}
	structs := map[string]*ast.StructType{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			log.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if t, ok := n.(*ast.TypeSpec); ok {
				if s, ok := t.Type.(*ast.StructType); ok {
					structs[t.Name.Name] = s
				}
			}
			return true
		})
	}
	if structs["HTTPConfiguration"] == nil {
		log.Fatal("no HTTPConfiguration in ", os.Args[1])
	}
	if err := json.NewEncoder(os.Stdout).Encode(fields{"http": of(structs, ast.NewIdent("HTTPConfiguration"), deepest)}); err != nil {
		log.Fatal(err)
	}
}

// of is the tree of a type: nil for what has no fields of its own.
func of(structs map[string]*ast.StructType, t ast.Expr, depth int) any {
	switch t := t.(type) {
	case *ast.StarExpr:
		return of(structs, t.X, depth)
	case *ast.MapType:
		return fields{"*": of(structs, t.Value, depth)}
	case *ast.ArrayType:
		return fields{"*": of(structs, t.Elt, depth)}
	case *ast.Ident:
		s := structs[t.Name]
		if s == nil || depth == 0 {
			return nil
		}
		tree := fields{}
		for _, f := range s.Fields.List {
			if f.Tag == nil {
				continue
			}
			name, options, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("yaml"), ",")
			if strings.Contains(options, "inline") || name == "" || name == "-" || !keep(t.Name, name) {
				continue
			}
			tree[name] = of(structs, f.Type, depth-1)
		}
		return tree
	}
	return nil
}

func keep(owner, field string) bool {
	list, bounded := kept[owner]
	for _, name := range list {
		if name == field {
			return true
		}
	}
	return !bounded
}
