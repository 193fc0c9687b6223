package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/plimsoll-load/plimsoll/"

// house is the import law: what each package of ours may import of ours, in its code and, beside that, in its tests.
var house = map[string]struct{ code, tests string }{
	"attack":                {"", "attack/sim"},
	"attack/engine":         {"attack attack/engine/host", "attack/sim"},
	"attack/engine/host":    {"", ""},
	"attack/sim":            {"attack limits/model", ""},
	"attack/sim/population": {"attack attack/sim limits/model", ""},
	"analyze":               {"attack", "attack/sim attack/sim/population limits/model"},
	"analyze/gate":          {"attack analyze", "attack/sim limits/model"},
	"analyze/history":       {"attack analyze", ""},
	"limits":                {"attack analyze limits/model", "attack/sim attack/sim/population"},
	"limits/export":         {"limits", ""},
	"limits/model":          {"", ""},
	"scenarios":             {"attack analyze limits limits/model", "attack/sim"},
	"scenarios/lab":         {"limits/model", "attack attack/engine limits scenarios scenarios/watch"},
	"scenarios/watch":       {"attack", ""},
	"report":                {"attack analyze analyze/gate analyze/history limits scenarios report/journal", "report/browser"},
	"report/browser":        {"", ""},
	"report/journal":        {"attack analyze analyze/gate limits scenarios", ""},
	"report/live":           {"attack analyze analyze/gate limits scenarios report report/journal", "report/browser"},
	"cmd/plimsoll":          {"attack attack/engine attack/engine/host attack/sim analyze analyze/gate analyze/history limits limits/export limits/model scenarios scenarios/lab scenarios/watch report report/journal report/live", ""},
}

// pure are the packages without a clock, a network, an operating system or chance of their own.
var pure = []string{"attack", "attack/sim", "attack/sim/population", "analyze", "analyze/gate", "analyze/history", "limits", "limits/export", "limits/model", "scenarios"}

// onlyIn names packages that few may import: the lab is no part of a measurement.
var onlyIn = map[string][]string{"scenarios/lab": {"cmd/plimsoll/demo.go", "cmd/plimsoll/lab.go", "cmd/plimsoll/labflags.go"}}

type listed struct {
	ImportPath, Dir                    string
	GoFiles, IgnoredGoFiles            []string
	Imports, TestImports, XTestImports []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,IgnoredGoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p listed
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// trespasses are the imports of p that the house does not allow.
func trespasses(p listed) (bad []string) {
	name := strings.TrimPrefix(p.ImportPath, module)
	room, known := house[name]
	if !known {
		return []string{name + " has no row in the law's table"}
	}
	look := func(kind string, imports []string, allowed string) {
		for _, path := range imports {
			ours, is := strings.CutPrefix(path, module)
			if is && ours != name && !slices.Contains(strings.Fields(allowed), ours) {
				bad = append(bad, fmt.Sprintf("%s imports %s in its %s", name, ours, kind))
			}
		}
	}
	look("code", p.Imports, room.code)
	look("tests", append(p.TestImports, p.XTestImports...), room.code+" "+room.tests)
	return bad
}

func TestLawImportsGoOneWay(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		seen++
		for _, bad := range trespasses(p) {
			t.Error(bad)
		}
	}
	if seen != len(house) {
		t.Errorf("%d packages, the table has %d rows", seen, len(house))
	}
	planted := listed{ImportPath: module + "attack", Imports: []string{module + "report"}}
	if len(trespasses(planted)) != 1 {
		t.Error("the law does not see attack importing report")
	}
}

// outside are the uses of clock, chance and the outside world in one file of a pure package.
func outside(fset *token.FileSet, f *ast.File) (bad []string) {
	names := map[string]string{}
	for _, im := range f.Imports {
		path, _ := strconv.Unquote(im.Path.Value)
		base := filepath.Base(path)
		if base == "v2" {
			base = filepath.Base(filepath.Dir(path))
		}
		if im.Name != nil {
			base = im.Name.Name
		}
		names[base] = path
		for _, root := range []string{"os", "net", "syscall", "io/fs", "io/ioutil", "log", "runtime", "math/rand", "unsafe", "golang.org/x/sys", "crypto/rand"} {
			if path == root || strings.HasPrefix(path, root+"/") && path != "net/url" && path != "math/rand/v2" {
				bad = append(bad, fmt.Sprintf("%s: imports %s", fset.Position(im.Pos()), path))
			}
		}
		if im.Name != nil && im.Name.Name == "." {
			bad = append(bad, fmt.Sprintf("%s: dot import", fset.Position(im.Pos())))
		}
	}
	forbidden := map[string]func(string) bool{
		"time": func(fn string) bool {
			return slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local"}, fn)
		},
		"context": func(fn string) bool {
			return slices.Contains([]string{"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"}, fn)
		},
		"math/rand/v2": func(fn string) bool {
			return !slices.Contains([]string{"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8"}, fn)
		},
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil {
			if rule := forbidden[names[id.Name]]; rule != nil && rule(sel.Sel.Name) {
				bad = append(bad, fmt.Sprintf("%s: uses %s.%s", fset.Position(sel.Pos()), id.Name, sel.Sel.Name))
			}
		}
		return true
	})
	return bad
}

func TestLawPurePackagesHaveNoClockNetworkSystemOrChance(t *testing.T) {
	fset := token.NewFileSet()
	files := 0
	for _, p := range packages(t) {
		if !slices.Contains(pure, strings.TrimPrefix(p.ImportPath, module)) {
			continue
		}
		for _, name := range append(p.GoFiles, p.IgnoredGoFiles...) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files++
			for _, bad := range outside(fset, f) {
				t.Error(bad)
			}
		}
	}
	if files == 0 {
		t.Error("no file of a pure package was read")
	}
}

func TestLawSeesPlantedImpurities(t *testing.T) {
	for _, body := range []string{
		`import "time"; var x = time.Now()`,
		`import clock "time"; var x = clock.Now`,
		`import "time"; func f() { time.Sleep(1) }`,
		`import "os"`,
		`import "net/http"`,
		`import "net"`,
		`import "math/rand/v2"; var x = rand.IntN(3)`,
		`import "math/rand"`,
		`import . "time"`,
		`import "crypto/rand"`,
		`import "context"; func f() { context.WithTimeout(nil, 1) }`,
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "planted.go", "package p; "+body, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(outside(fset, f)) == 0 {
			t.Errorf("the law does not see: %s", body)
		}
	}
	fset := token.NewFileSet()
	f, _ := parser.ParseFile(fset, "fine.go", `package p; import ("time"; "math/rand/v2"; "net/url"); var d = time.Second; var r = rand.New(rand.NewPCG(1, 2)); var u url.URL`, 0)
	if bad := outside(fset, f); len(bad) > 0 {
		t.Errorf("the law sees fault in what is fine: %v", bad)
	}
}

func TestLawTheLabIsNoPartOfAMeasurement(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			place := strings.TrimPrefix(p.ImportPath, module) + "/" + name
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for path, allowed := range onlyIn {
				if strings.Contains(string(text), `"`+module+path+`"`) && !slices.Contains(allowed, place) {
					t.Errorf("%s imports %s, only %v may", place, path, allowed)
				}
			}
		}
	}
}

func TestLawOnlyTheHouseStandsAtTheTop(t *testing.T) {
	known := strings.Fields("cmd attack analyze limits scenarios report go.mod go.sum README.md LICENSE CHANGELOG.md CONTRIBUTING.md action.yml")
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) && !strings.HasPrefix(e.Name(), ".") && e.Name() != "plimsoll-runs" {
			t.Errorf("%s stands at the top of the house", e.Name())
		}
	}
}

// screen is how many lines of a function fit one.
const screen = 70

// tooLong are the functions of a file, named or not, that do not fit a screen.
func tooLong(fset *token.FileSet, f *ast.File) (bad []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		name := "a function without a name"
		switch fn := n.(type) {
		case *ast.FuncDecl:
			name = fn.Name.Name
		case *ast.FuncLit:
		default:
			return true
		}
		if lines := fset.Position(n.End()).Line - fset.Position(n.Pos()).Line + 1; lines > screen {
			bad = append(bad, fmt.Sprintf("%s: %s is %d lines long, want at most %d", fset.Position(n.Pos()), name, lines, screen))
		}
		return true
	})
	return bad
}

// No function is longer than a screen: it would have more than one job. That goes for tests, and for what checks from outside.
func TestLawFunctionsFitAScreen(t *testing.T) {
	var files []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == runsDir):
			return fs.SkipDir
		case filepath.Ext(path) == ".go":
			files = append(files, path)
		}
		return nil
	})
	if err != nil || len(files) < 200 || !slices.Contains(files, "../../.ci/peers/tools.go") || !slices.Contains(files, "../../cmd/plimsoll/law_test.go") {
		t.Fatalf("%v, %d files, want all of the program's, its tests' and its checkers'", err, len(files))
	}
	for _, path := range files {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range tooLong(fset, f) {
			t.Error(bad)
		}
	}
	fset := token.NewFileSet()
	planted, err := parser.ParseFile(fset, "x.go", "package x; func long() {"+strings.Repeat("\n", screen)+"}; func fits() {"+strings.Repeat("\n", screen-1)+"}; var _ = func() {"+strings.Repeat("\n", screen)+"}", 0)
	if err != nil || len(tooLong(fset, planted)) != 2 {
		t.Errorf("the law sees %v in what was planted, %v", tooLong(fset, planted), err)
	}
}
