package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/report/journal"
)

// runOf writes the journal of a run of a command that ended with nothing to show.
func runOf(t *testing.T, command string) string {
	t.Helper()
	dir := t.TempDir()
	w, err := journal.Create(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(journal.Entry{Run: &journal.Run{Schema: journal.Schema, Command: command, Title: "shop", Target: "http://127.0.0.1:1/"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Limits come from a capacity: a run of another command is called by its name, and it is told which run has one.
func TestLimitsOfAnotherCommandsRunAreRefused(t *testing.T) {
	for command, word := range does {
		for _, args := range [][]string{{"advise"}, {"export", "--to", "nginx"}} {
			dir := runOf(t, command)
			code, stdout, stderr := call(t.Context(), append(args, dir)...)
			if code != exitMisuse || stdout != "" || !strings.Contains(stderr, "is a run of "+command+", which "+word) || !strings.Contains(stderr, "plimsoll find URL makes one") {
				t.Errorf("%s of a %s: exit %d: %s%s", args[0], command, code, stdout, stderr)
			}
		}
	}
	for command, want := range map[string]string{"find": "plimsoll find --resume ", "run": "run it again"} {
		code, _, stderr := call(t.Context(), "advise", runOf(t, command))
		if code != exitUndecided || !strings.Contains(stderr, want) {
			t.Errorf("advise of a %s that was cut off: exit %d: %s", command, code, stderr)
		}
	}
	dir := bracketedRun(t)
	code, _, stderr := call(t.Context(), "verify", "http://127.0.0.1:1/", "--limits", dir)
	if code != exitMisuse || !strings.Contains(stderr, "holds no limits") || !strings.Contains(stderr, "plimsoll advise "+dir) {
		t.Errorf("verify with a run that was not advised on: exit %d: %s", code, stderr)
	}
}

// Every file that a run wrote is as good a name for it as its folder; what is no run's is told apart from what is damaged.
func TestARunIsNamedByItsFiles(t *testing.T) {
	dir := bracketedRun(t)
	if code, _, stderr := call(t.Context(), "report", dir); code != exitKept {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	alone := filepath.Join(t.TempDir(), "result.json")
	text, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "baseline.json")
	for _, path := range []string{alone, other} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path, want string
		code       int
	}{
		{filepath.Join(dir, journalName), "", exitKept},
		{filepath.Join(dir, "result.json"), "", exitKept},
		{filepath.Join(dir, "report.html"), "", exitKept},
		{alone, "give the run's folder, or the journal.jsonl in it", exitMisuse},
		{other, "is no journal of a run", exitMisuse},
		{t.TempDir(), "holds no journal.jsonl: it is no run's folder\n  a run writes its folder into plimsoll-runs", exitMisuse},
		{filepath.Dir(dir), "it holds those of runs: the last is " + dir, exitMisuse},
	} {
		code, _, stderr := call(t.Context(), "report", c.path, "--format", "text")
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d, want %d and %q in: %s", c.path, code, c.code, c.want, stderr)
		}
	}
}

// A run is no URL, and a verify holds no limits.
func TestARunIsNotTakenForAnother(t *testing.T) {
	dir := bracketedRun(t)
	code, _, stderr := call(t.Context(), "gate", "--baseline", dir, dir)
	if code != exitMisuse || !strings.Contains(stderr, "is a finished run: two of them are compared without --baseline") {
		t.Errorf("a run for a URL: exit %d: %s", code, stderr)
	}
	code, _, stderr = call(t.Context(), "verify", "http://127.0.0.1:1/", "--limits", runOf(t, "verify"))
	if code != exitMisuse || !strings.Contains(stderr, "--limits: ") || !strings.Contains(stderr, "is a run of verify, which proves a throttle") {
		t.Errorf("the limits of a verify: exit %d: %s", code, stderr)
	}
}

// Formats for standard output have no use for --out, which is told before they are printed.
func TestReportPrintsNothingBeforeItRefusesOut(t *testing.T) {
	dir, out := bracketedRun(t), filepath.Join(t.TempDir(), "public")
	code, stdout, stderr := call(t.Context(), "report", dir, "--format", "json,md", "--out", out)
	if code != exitMisuse || stdout != "" || !strings.Contains(stderr, "standard output is for json and md\n  > FILE keeps it") || isFile(filepath.Join(out, "result.json")) {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

// Advice is followed by what to do with it.
func TestAdviseSaysWhatToDoNext(t *testing.T) {
	dir := bracketedRun(t)
	if code, _, stderr := call(t.Context(), "advise", dir); code != exitKept || !strings.Contains(stderr, "next, to write the limits for a gateway: plimsoll export "+dir+" --to nginx\n") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
