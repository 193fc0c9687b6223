// Holds the workflows of this repository, the action that one of them uses, and the example for others against actionlint,
// which runs shellcheck over their scripts. A module of its own keeps actionlint out of the program's dependencies.
package workflows

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

const root = "../../.."

// lint copies what actionlint reads of this repository, with one text of one file made another, and lints that.
func lint(t *testing.T, file, old, planted string) []*actionlint.Error {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil { // where actionlint sees a repository
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(paths, filepath.Join(root, "action.yml"), filepath.Join(root, ".ci/examples/github.yml")) {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			t.Fatal(err)
		}
		if name == file {
			if !strings.Contains(string(text), old) {
				t.Fatalf("no %q in %s to plant a fault in", old, name)
			}
			text = []byte(strings.Replace(string(text), old, planted, 1))
		}
		if strings.HasPrefix(name, ".ci/examples") {
			name = ".github/workflows/example.yml"
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Shellcheck: shellcheck(t)})
	if err != nil {
		t.Fatal(err)
	}
	errs, err := linter.LintRepository(dir)
	if err != nil {
		t.Fatal(err)
	}
	return errs
}

// shellcheck is its path, "" where it is not installed.
func shellcheck(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("shellcheck")
	if err != nil && os.Getenv("PLIMSOLL_REQUIRE") == "all" {
		t.Fatal("shellcheck is not installed, and PLIMSOLL_REQUIRE=all")
	}
	return path
}

func TestWorkflowsAreSound(t *testing.T) {
	for _, e := range lint(t, "", "", "") {
		t.Error(e)
	}
}

func TestPlantedFaultsAreRefused(t *testing.T) {
	for _, c := range []struct{ says, file, old, planted string }{
		{"an input that the action does not have", ".github/workflows/action.yml", "          baseline: baseline.json", "          basline: baseline.json"},
		{"a required input left out", ".github/workflows/action.yml", "          target: http://127.0.0.1:8081/\n", ""},
		{"an output that the action does not have", ".github/workflows/action.yml", "steps.worse.outputs.outcome", "steps.worse.outputs.outcom"},
		{"an action of no known kind", "action.yml", "using: composite", "using: composed"},
		{"an action without steps", "action.yml", "  steps:", "  stages:"},
		{"a step that is not there", ".github/workflows/action.yml", "steps.same.outputs", "steps.sam.outputs"},
		{"a permission that is none", ".github/workflows/release.yml", "packages: write", "package: write"},
		{"a workflow that is not there", ".github/workflows/release.yml", "./.github/workflows/ci.yml", "./.github/workflows/gone.yml"},
		{"an expression with a slip", ".ci/examples/github.yml", "github.event_name == 'push'", "github.event_nam == 'push'"},
		{"a script with an unquoted variable", ".github/workflows/action.yml", `test -s "$REPORT"`, "test -s $REPORT"},
	} {
		t.Run(c.says, func(t *testing.T) {
			if strings.HasPrefix(c.says, "a script") && shellcheck(t) == "" {
				t.Skip("shellcheck is not installed")
			}
			if len(lint(t, c.file, c.old, c.planted)) == 0 {
				t.Errorf("%q in %s is accepted", c.planted, c.file)
			}
		})
	}
}
