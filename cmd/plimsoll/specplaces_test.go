package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
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
		{"name: of ${PLIMSOLL_UNSET_HERE}\ntarget:\n  requests:\n    - {url: \"http://h/\", headers: {A: b}}\n    - url: http://h/\n      headers: [\"A: b\", \"C: ${PLIMSOLL_UNSET_HERE}\"]\n", nil, "spec.yaml:6:25: header C: ${PLIMSOLL_UNSET_HERE} is not set"},
		{target + "verify: {url: \"http://127.0.0.1:1/\", limit: 10/s, burst: 1, tiers: [\"a=1/s,1\", \"b\"]}\n", nil, `spec.yaml:2:80: verify.tiers "b", want name=rate,burst`},
		{target + "verify: {url: \"http://127.0.0.1:1/\", limit: 10/s, burst: 1, key_header: A, key_query: a}\n", nil, "spec.yaml:2:73: verify.key_header and verify.key_query exclude one another"},
		{target + "verify: {url: \"http://127.0.0.1:1/\", limit: 1/s, limits: f}\n", []string{"--limits", "g"}, "verify.limit and --limits exclude one another"},
		{"target: {url: \"http://127.0.0.1:99999/\"}\n", nil, `spec.yaml:1:15: target.url: URL "http://127.0.0.1:99999/": port 99999, want 1 to 65535`},
		{"target:\n  url: ftp://h/--burst\n", nil, `spec.yaml:2:8: target.url: URL "ftp://h/--burst", want`},
		{target + "verify:\n  url: ftp://h/\n  limit: 10/s\n  burst: 1\n", nil, `spec.yaml:3:8: verify.url: URL "ftp://h/", want one that begins`},
		{"target:\n  requests:\n    - url: http://h/\n    - url: ftp://h/\n", nil, `spec.yaml:4:12: target.requests: request 2 of the target: URL "ftp://h/"`},
		{target + "find: {profile: fast}\n", nil, `spec.yaml:2:17: find.profile: "fast" is no profile (quick, standard, thorough)`},
		{target + "verify: {url: \"http://127.0.0.1:1/\", limit: 10/s, burst: 1, algorithm: bucket}\n", nil, `spec.yaml:2:72: verify.algorithm "bucket", want token-bucket`},
		{target + "find: {max_overload_seconds: -1}\n", nil, "spec.yaml:2:30: find.max_overload_seconds -1, want above 0"},
		{target + "goals: [\"p99<1s\"]\n", []string{"--goal", "xx"}, `--goal: "xx" is no goal`},
		{target + "find: {budget: 45s, max_rate: 5kk/s}\n", nil, "spec.yaml:2:31: \"5kk/s\" is no rate (500/s, 30k/m, 2.5k, 10/100ms)\n  max_rate: …\n            ^"},
		{target + "find: {budget: 45s, max_rat: 5k/s}\n", nil, "unknown key \"max_rat\", did you mean \"max_rate\"?\n  max_rat: …\n  ^"},
	} {
		path := filepath.Join(t.TempDir(), "spec.yaml")
		if err := os.WriteFile(path, []byte(c.spec), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := call(t.Context(), append([]string{"run", path}, c.args...)...)
		if code != exitMisuse || stdout != "" || !strings.Contains(stderr, c.want) || strings.HasPrefix(c.want, "--") && strings.Contains(stderr, path) {
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

// What a flag says and what a spec says are bound to one place: each flag of run that means something of the spec is known by
// its key there. The others mean the call alone.
func TestEveryFlagOfRunHasItsKey(t *testing.T) {
	keys := keysOfFlags()
	alone := strings.Fields("baseline commit json live metrics plan quiet save-baseline help")
	(&app{spec: newSpec()}).runCmd().Flags().VisitAll(func(f *pflag.Flag) {
		if (len(keys[f.Name]) > 0) == slices.Contains(alone, f.Name) {
			t.Errorf("--%s has the keys %q of a spec", f.Name, keys[f.Name])
		}
	})
	for flag, want := range map[string]string{"goal": "goals", "tier": "limits.tiers verify.tiers", "quick": "find.profile verify.brief", "header": "target.headers", "key-header": "verify.key_header",
		"max-rate": "find.max_rate", "expect-status": "target.expect_status", "out": "out", "burst": "verify.burst", "identity": "verify.key", "within": "verify.watch.within", "rate": ""} {
		got := slices.Sorted(slices.Values(keys[flag]))
		if strings.Join(got, " ") != want {
			t.Errorf("--%s is %q, want %q", flag, got, want)
		}
	}
}

// A value that is part of another word is not what an error speaks of.
func TestErrorsSpeakOfWholeValues(t *testing.T) {
	for value, want := range map[string]int{"a=1": 2, "1": 0, "a=11": 0, "of": 1, "": 0, "tier": 1} {
		if got := spokenOf(`tier "a=1" of none`, value); got != want {
			t.Errorf("%q: %d, want %d", value, got, want)
		}
	}
	doc := document([]byte("a: [x, named, \"quo ted\"]\nb: [named]\n"))
	for said, want := range map[string]string{"named is wrong": "a 1:8", `named is not "quo ted"`: "a 1:15", "neither": "a 1:4"} {
		if key, n := spotted(doc, []string{"c", "a", "b"}, said); n == nil || fmt.Sprintf("%s %d:%d", key, n.Line, n.Column) != want {
			t.Errorf("%s: %s at %+v, want %s", said, key, n, want)
		}
	}
}
