package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// aRun writes the journal of a run that came to these limits.
func aRun(t *testing.T, title string, l *limits.Recommendation) string {
	t.Helper()
	dir := t.TempDir()
	w, err := journal.Create(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(journal.Entry{Run: &journal.Run{Schema: "plimsoll.journal/v1", ID: "x", Command: "find", Title: title, Goal: "p99<250ms"}}); err != nil {
		t.Fatal(err)
	}
	if l != nil {
		if err := w.Write(journal.Entry{Limits: l}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestExportTakesARunsLimitsWithTheirReasons(t *testing.T) {
	dir := aRun(t, "127.0.0.1:8080", &limits.Recommendation{Limit: limits.Limit{Rate: 1400, Burst: 700}, GoalMS: 180, Because: []string{"rate 1400/s: the knee"},
		Notes: []attack.Note{{Code: "thin-margin", Text: "a thin margin"}}, Tiers: map[string]limits.Tier{"gold": {Limit: limits.Limit{Rate: 700, Burst: 350}, Quota: 1_000_000, Period: "day"}}})
	code, stdout, stderr := call(t.Context(), "export", dir, "--to", "cloudformation")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{"for 127.0.0.1-8080:", "# - rate 1400/s: the knee", "# - a thin margin", "ThrottlingRateLimit: 1400", "RateLimit: 700, BurstLimit: 350", "Limit: 1000000, Period: DAY", "Default: 180,"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if !strings.Contains(stderr, "prove it: plimsoll verify URL --limit 1400/s --burst 700 --profile best-effort") {
		t.Errorf("no command that proves it: %s", stderr)
	}
	code, stdout, stderr = call(t.Context(), "export", dir, "--to", "cloudformation", "--goal", "p99<90ms")
	if code != 0 || !strings.Contains(stdout, "Default: 90,") {
		t.Errorf("exit %d, a given goal does not replace the run's: %s", code, stderr)
	}
}

func TestExportWithoutLimitsNamesTheWayOut(t *testing.T) {
	dir := aRun(t, "x", nil)
	code, stdout, stderr := call(t.Context(), "export", dir, "--to", "nginx")
	if code != exitMisuse || stdout != "" || !strings.Contains(stderr, "holds no limits") || !strings.Contains(stderr, "plimsoll advise "+dir) {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

// All formats go into a folder, none over a file that is there, and none at all where one would be in the way.
func TestExportWritesAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	args := []string{"export", "--limit", "1400/s", "--burst", "700", "--tier", "gold=50%", "--to", "nginx,haproxy,envoy,cloudformation", "--out", dir}
	if code, _, stderr := call(t.Context(), args...); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for file, other := range map[string]string{"plimsoll-limits.conf": "nginx", "plimsoll-limits.cfg": "haproxy", "envoy-local-ratelimit.yaml": "envoy", "limits.yaml": "cloudformation"} {
		path := filepath.Join(dir, file)
		given := []string{"export", "--check", path, "--burst", "700", "--tier", "gold=50%", "--to", other}
		if code, stdout, stderr := call(t.Context(), append(given, "--limit", "1400/s")...); code != 0 || !strings.Contains(stdout, "same: ") {
			t.Errorf("%s: exit %d: %s%s", file, code, stdout, stderr)
		}
		if code, stdout, _ := call(t.Context(), append(given, "--limit", "1300/s")...); code != exitBroken || !strings.Contains(stdout, "drifted: ") {
			t.Errorf("%s: drift: exit %d: %s", file, code, stdout)
		}
	}
	if err := os.Remove(filepath.Join(dir, "plimsoll-limits.conf")); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := call(t.Context(), args...)
	if _, err := os.Stat(filepath.Join(dir, "plimsoll-limits.conf")); code != exitMisuse || err == nil || !strings.Contains(stderr, "exists") {
		t.Errorf("exit %d, %v: %s", code, err, stderr)
	}
}

// Where an export has tiers, it names a command that proves them, and says where keys belong. The command is one that verify
// takes.
func TestExportSaysHowItsTiersAreProven(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.yml")
	if err := os.WriteFile(keys, []byte("- {name: ann, secret: sesame, tier: gold}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for format, says := range map[string]string{
		"nginx":   "make plimsoll-nginx-keys.map beside nginx.conf, against whose folder nginx resolves it: a line for each key, KEY gold;\n",
		"haproxy": "make /etc/haproxy/plimsoll-haproxy-keys.map, or change its path in the file: a line for each key, KEY gold\n",
		"go":      " --expect open-keys", "envoy": "tier: gold}", "traefik": "tier: gold}", "cloudformation": "--profile best-effort", "kong": "",
	} {
		_, _, said := call(t.Context(), "export", "--limit", "200/s", "--burst", "100", "--tier", "gold=50%", "--to", format)
		_, rest, tiers := strings.Cut(said, "prove the tiers: plimsoll ")
		if tiers != (says != "") || !strings.Contains(said, says) {
			t.Errorf("%s: want %q\n%s", format, says, said)
		}
		if !tiers {
			continue
		}
		line, _, _ := strings.Cut(rest, "\n")
		args := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(line, "'", ""), "keys.yml", keys))
		if code, plan, stderr := call(t.Context(), append(args, "--plan", "--authorized")...); code != 0 || !strings.Contains(plan, "ladder") {
			t.Errorf("%s: verify does not take %q: exit %d: %s%s", format, line, code, plan, stderr)
		}
	}
}

func TestExportCheckRefusesWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ path, to, want string }{
		{filepath.Join(dir, "absent"), "", "no such file"},
		{dir, "", "is a directory"},
		{write("large", strings.Repeat("#", checkMax+1)), "", "is larger than"},
		{write("zeros", "\x00\x00\xff"), "", "no limit found in it in any format"},
		{write("bomb", "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n"), "envoy", "an alias"},
		{write("half", "limit_req zone=z"), "nginx", "ends within a statement"},
		{write("some", "x"), "go", "cannot read go"},
		{write("more", "x"), "nginx,haproxy", "--to names 2"},
	} {
		args := []string{"export", "--check", c.path, "--limit", "1400/s", "--burst", "700"}
		if c.to != "" {
			args = append(args, "--to", c.to)
		}
		if code, stdout, stderr := call(t.Context(), args...); code != exitMisuse || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d, %q, %q, want %q", c.path, code, stdout, stderr, c.want)
		}
	}
}

// What is secret in a URL is refused, and not repeated.
func TestExportNeverSaysASecret(t *testing.T) {
	for _, url := range []string{"http://ada:sesame@host/", "http://host/?token=sesame"} {
		code, stdout, stderr := call(t.Context(), "export", "--limit", "1400/s", "--burst", "700", "--to", "nginx", "--url", url)
		if code != exitMisuse || strings.Contains(stdout+stderr, "sesame") {
			t.Errorf("%s: exit %d: %s%s", url, code, stdout, stderr)
		}
	}
}

// A link is never written through, and where one file cannot be put in place none is left half-written.
func TestExportLeavesNoHalfWrittenFiles(t *testing.T) {
	dir := t.TempDir()
	precious, link := filepath.Join(dir, "precious"), filepath.Join(dir, "plimsoll-limits.conf")
	if err := os.WriteFile(precious, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, link); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := call(t.Context(), "export", "--limit", "1400/s", "--burst", "700", "--to", "nginx,haproxy", "--out", dir, "--force")
	if text, err := os.ReadFile(precious); code != exitMisuse || err != nil || string(text) != "mine" || !strings.Contains(stderr, "no regular file") {
		t.Errorf("exit %d, %q, %v: %s", code, text, err, stderr)
	}
	if err := writeAll(map[string]string{filepath.Join(dir, "a"): "a", filepath.Join(dir, "absent", "b"): "b"}); err == nil {
		t.Error("a file in a folder that is not there was written")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v, left %v, want the link and what it names", err, left)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := call(t.Context(), "export", "--limit", "1400/s", "--burst", "700", "--to", "nginx,haproxy", "--out", dir, "--force"); code != 0 {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("%v, left %v, want two files beside the one that was there", err, left)
	}
}
