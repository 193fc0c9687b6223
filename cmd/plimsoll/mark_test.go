package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/report"
)

// markedBaseline is a baseline of a target as a run of it would have written it.
func markedBaseline(t *testing.T, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	if code, _, stderr := call(t.Context(), append([]string{"load", "--rate", "50/s", "--for", "100ms", "--quiet", "--out", dir}, args...)...); code != 0 {
		t.Fatal(stderr)
	}
	r, err := readBaseline(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := readBaseline(baselineOf(t, 600))
	if err != nil {
		t.Fatal(err)
	}
	r.Run.Goal, r.Capacity, r.Capacities = c.Run.Goal, c.Capacity, c.Capacities
	path := filepath.Join(t.TempDir(), "baseline.json")
	if err := saveResult(path, r); err != nil {
		t.Fatal(err)
	}
	return path
}

// A query or a body with another value is another question, though no file shows either; credentials and the host are none of it.
func TestGateTellsHiddenQuestionsApart(t *testing.T) {
	url, elsewhere := server(t, fine), server(t, fine)
	baseline := markedBaseline(t, url+"/?q=heavy", "-d", "much")
	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"the same":                   {exitKept, []string{url + "/?q=heavy", "-d", "much"}},
		"the same of another host":   {exitKept, []string{elsewhere + "/?q=heavy", "-d", "much"}},
		"another value in the query": {exitMisuse, []string{url + "/?q=light", "-d", "much"}},
		"another body":               {exitMisuse, []string{url + "/?q=heavy", "-d", "little"}},
	} {
		code, stdout, stderr := call(t.Context(), append([]string{"gate", "--plan", "--baseline", baseline}, c.args...)...)
		if code != c.code || strings.Contains(stderr, "is not what it was") != (c.code == exitMisuse) || strings.Contains(stdout, "is not known") {
			t.Errorf("%s: exit %d, want %d: %s%s", name, code, c.code, stdout, stderr)
		}
		if regexp.MustCompile("light|little|heavy|much").MatchString(stdout + stderr) {
			t.Errorf("%s: a hidden value is shown: %s%s", name, stdout, stderr)
		}
	}
	text, err := os.ReadFile(baseline)
	if err != nil || !regexp.MustCompile(`"asked": "[0-9a-f]{4}"`).Match(text) || strings.Contains(string(text), "heavy") {
		t.Errorf("%v: a baseline holds a short mark and not what it marks", err)
	}

	other := markedBaseline(t, url+"/?q=light", "-d", "much")
	if code, _, stderr := call(t.Context(), "gate", baseline, other, "--quiet", "--out", filepath.Join(t.TempDir(), "out")); code != exitMisuse || !strings.Contains(stderr, "is not what it was") {
		t.Errorf("finished runs of two questions: exit %d, %s", code, stderr)
	}

	older := filepath.Join(t.TempDir(), "older.json")
	if err := os.WriteFile(older, regexp.MustCompile(`,\s*"asked": "[0-9a-f]{4}"`).ReplaceAll(text, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := call(t.Context(), "gate", "--plan", "--baseline", older, url+"/?q=light", "-d", "much"); code != exitKept || !strings.Contains(stdout, "is not known: a run of an older version does not tell") {
		t.Errorf("a baseline without a mark: exit %d, %s%s", code, stdout, stderr)
	}
	for _, sides := range [][2]string{{older, baseline}, {baseline, older}} {
		out := filepath.Join(t.TempDir(), "out")
		code, _, stderr := call(t.Context(), "gate", sides[0], sides[1], "--quiet", "--out", out)
		r, err := readBaseline(filepath.Join(out, "result.json"))
		if err != nil || code != exitKept || !hasNote(r, "unknown-question") {
			t.Errorf("a run without a mark beside one with: exit %d, %v %s", code, err, stderr)
		}
	}
}

func hasNote(r report.Result, code string) bool {
	if r.Gate != nil {
		if _, is := noted(r.Gate.Notes, code); is {
			return true
		}
	}
	return false
}

// Where nothing is hidden there is nothing to mark, and credentials are no part of a question.
func TestAMarkIsOfTheQuestionAlone(t *testing.T) {
	url := server(t, fine)
	marks := map[string]string{}
	for name, spec := range map[string]TargetSpec{
		"plain": {URL: url}, "credentials": {URL: url, User: "bob:x", Headers: Headers{"X-Key: k"}},
		"heavy": {URL: url + "/?q=heavy"}, "heavy as eve": {URL: url + "/?q=heavy", User: "eve:y"}, "light": {URL: url + "/?q=light"},
	} {
		a := &app{spec: newSpec()}
		a.spec.Target.URL, a.spec.Target.User, a.spec.Target.Headers = spec.URL, spec.User, spec.Headers
		w, err := a.wire()
		if err != nil {
			t.Fatal(err)
		}
		if marks[name], err = w.mark(); err != nil {
			t.Fatal(err)
		}
		w.close()
	}
	if marks["plain"] != "" || marks["credentials"] != "" || marks["heavy"] == "" || marks["heavy"] == marks["light"] || marks["heavy"] != marks["heavy as eve"] {
		t.Errorf("marks %v", marks)
	}
}

// Credentials are kept nowhere: that two runs had some is told, that they were the same user's is not claimed, and that only one
// had any makes another question of it.
func TestGateSaysThatCredentialsAreNotCompared(t *testing.T) {
	url := server(t, fine)
	for name, c := range map[string]struct {
		was, is []string
		code    int
		want    string
	}{
		"none":            {nil, nil, exitKept, ""},
		"another user":    {[]string{"-u", "ann:sesame"}, []string{"-u", "bob:open"}, exitKept, "sent with -u, as the baseline was"},
		"another token":   {[]string{"-H", "Authorization: Bearer sesame"}, []string{"-H", "Authorization: Bearer open"}, exitKept, "sent with Authorization, as the baseline was"},
		"with a user now": {nil, []string{"-u", "bob:open"}, exitMisuse, "target.user: nothing before"},
		"a plain header":  {[]string{"-H", "Accept: text/css"}, []string{"-H", "Accept: text/css"}, exitKept, ""},
	} {
		baseline := markedBaseline(t, append([]string{url + "/"}, c.was...)...)
		code, stdout, stderr := call(t.Context(), append([]string{"gate", "--plan", "--baseline", baseline, url + "/"}, c.is...)...)
		if said := stdout + stderr; code != c.code || !strings.Contains(strings.Join(strings.Fields(said), " "), c.want) || c.want == "" && strings.Contains(said, "sent with") || strings.Contains(said, "sesame") || strings.Contains(said, "bob") {
			t.Errorf("%s: exit %d, want %d and %q: %s", name, code, c.code, c.want, said)
		}
	}
}
