package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is wrong in a spec is told with its line and column, under the spec's own word for it; what a flag said is told as the
// flag's.
func TestSpecFaultsNameTheirPlace(t *testing.T) {
	target := "target: {url: \"http://127.0.0.1:1/\"}\n"
	for _, c := range []struct {
		spec string
		args []string
		want string
	}{
		{target + "goals: [\"failed<1%\", \"p99<500mss\"]\n", nil, `spec.yaml:2:22: goals: goal "p99<500mss"`},
		{target + "goals:\n  - failed<1%\n  - p99<500mss\n", nil, `spec.yaml:4:5: goals: goal "p99<500mss"`},
		{target + "limits: {margin: x}\n", nil, "spec.yaml:2:18: limits.margin: "},
		{target + "limits: {tiers: [a]}\n", nil, "spec.yaml:2:18: limits.tiers: "},
		{target + "verify:\n  url: http://127.0.0.1:1/\n  limit: 3x/s\n  burst: 3\n", nil, `spec.yaml:4:10: verify.limit: "3x/s" is no rate`},
		{"target:\n  url: http://127.0.0.1:1/\n  headers:\n    A: Bearer ${PLIMSOLL_UNSET_HERE}\n", nil, "spec.yaml:4:8: header A: ${PLIMSOLL_UNSET_HERE} is not set"},
		{target + "goals: [\"p99<1s\"]\n", []string{"--goal", "xx"}, `--goal: "xx" is no goal`},
		{target + "find: {budget: 45s, max_rate: 5kk/s}\n", nil, "spec.yaml:2:31: \"5kk/s\" is no rate (500/s, 30k/m, 2.5k, 10/100ms)\n  max_rate: …\n            ^"},
		{target + "find: {budget: 45s, max_rat: 5k/s}\n", nil, "unknown key \"max_rat\", did you mean \"max_rate\"?\n  max_rat: …\n  ^"},
	} {
		path := filepath.Join(t.TempDir(), "spec.yaml")
		if err := os.WriteFile(path, []byte(c.spec), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := call(t.Context(), append([]string{"run", path}, c.args...)...)
		if code != exitMisuse || stdout != "" || !strings.Contains(stderr, c.want) || c.args != nil && strings.Contains(stderr, path) {
			t.Errorf("exit %d, want %s in\n%s%s", code, c.want, stdout, stderr)
		}
	}
}

// The line that a fault shows holds its key, and never a value, of whatever key.
func TestSpecFaultsShowNoValue(t *testing.T) {
	for _, c := range []struct {
		line   string
		column int
		shown  string
		caret  int
	}{
		{"  ulr: sesame", 3, "  ulr: …", 2},
		{"  budget: sesame", 11, "  budget: …", 10},
		{"find: { user: sesame, budget: 45 }", 31, "budget: …", 8},
		{"  - {name: sesame, rat: 3}", 20, "  rat: …", 2},
		{"user: sesame", 99, "user: …", 6},
		{"headers:", 1, "headers:", 0},
	} {
		shown, caret := withoutValue(c.line, c.column)
		if shown != c.shown || caret != c.caret || strings.Contains(shown, "sesame") {
			t.Errorf("%q, column %d: %q with the caret at %d, want %q at %d", c.line, c.column, shown, caret, c.shown, c.caret)
		}
	}
}
