package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// bracketedRun is the folder of a run that found a capacity.
func bracketedRun(t *testing.T) string {
	t.Helper()
	dir := aRun(t, "shop", nil)
	w, _, err := journal.Append(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	at := func(v float64) *analyze.Estimate {
		return &analyze.Estimate{Value: v, Lo: .95 * v, Hi: 1.05 * v, Confidence: .9}
	}
	c := analyze.Capacity{Goal: "p99<250ms", Cause: analyze.CauseTarget, Mode: analyze.ModeCapacity, BaseMS: 5, BaseP99MS: 12, Estimate: at(1000), Sustained: at(980), Breaking: at(1020), Knee: at(900), Saturation: at(1010)}
	if err := w.Write(journal.Entry{Capacity: &c}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What was asked for is printed, and nothing of the search that was printed before; --whole prints that too.
func TestAdvisePrintsTheLimitsAlone(t *testing.T) {
	dir := bracketedRun(t)
	code, stdout, stderr := call(t.Context(), "advise", dir, "--tier", "gold=70%")
	if code != 0 || !strings.Contains(stdout, "recommended limit") || !strings.Contains(stdout, "gold: ") || !strings.Contains(stdout, "rate ") || !strings.Contains(stdout, "report: ") {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	if strings.Contains(stdout, "verification") || strings.Contains(stdout, "latency knee") {
		t.Errorf("the rest of the report was not asked for:\n%s", stdout)
	}
	code, stdout, stderr = call(t.Context(), "advise", dir, "--whole")
	if code != 0 || !strings.Contains(stdout, "latency knee") || !strings.Contains(stdout, "recommended limit") {
		t.Errorf("--whole: exit %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, _ := call(t.Context(), "advise", dir, "--json"); code != 0 || !strings.HasPrefix(stdout, "{") || !strings.Contains(stdout, `"capacity"`) {
		t.Errorf("--json: exit %d: %s", code, stdout)
	}
}

// Limits that a hand wrote stand nowhere else: they are kept, and nothing of the run changes.
func TestAdviseKeepsLimitsThatWereEdited(t *testing.T) {
	dir := bracketedRun(t)
	path := filepath.Join(dir, "limits.json")
	for _, args := range [][]string{{"--tier", "gold=70%"}, {"--tier", "gold=60%"}, {}} {
		if code, _, stderr := call(t.Context(), append([]string{"advise", dir}, args...)...); code != 0 {
			t.Fatalf("%q again, unedited: exit %d: %s", args, code, stderr)
		}
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, edited := range []string{strings.Replace(read("limits.json"), `"burst": `, `"burst": 1`, 1), "{}", "half a fi"} {
		if err := os.WriteFile(path, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
		journalled := read(journalName)
		code, stdout, stderr := call(t.Context(), "advise", dir)
		if code != exitMisuse || stdout != "" || !strings.Contains(stderr, "edited by hand") || !strings.Contains(stderr, "--overwrite") {
			t.Errorf("exit %d: %s%s", code, stdout, stderr)
		}
		if read("limits.json") != edited || read(journalName) != journalled {
			t.Errorf("limits.json or the journal was written to")
		}
		if code, _, stderr := call(t.Context(), "report", dir); code != 0 || !strings.Contains(stderr, "left as it is") || read("limits.json") != edited {
			t.Errorf("report: exit %d, or it wrote over limits.json: %s", code, stderr)
		}
		if code, stdout, stderr := call(t.Context(), "export", dir, "--to", "nginx"); code != exitMisuse || stdout != "" || !strings.Contains(stderr, "--limits "+path) {
			t.Errorf("export: exit %d: %s%s", code, stdout, stderr)
		}
	}
	if code, _, stderr := call(t.Context(), "advise", dir, "--overwrite"); code != 0 || !strings.Contains(read("limits.json"), `"rate"`) {
		t.Errorf("--overwrite: exit %d: %s", code, stderr)
	}
}

// The outcome of a search calls its numbers what the tiles call them: the estimate is no breaking load.
func TestASearchEndsInTheWordsOfItsReport(t *testing.T) {
	_, entries, err := readRun(bracketedRun(t))
	if err != nil {
		t.Fatal(err)
	}
	code, outcome := judgeCapacity(t.Context(), *report.Fold(entries).Capacity())
	if want := "capacity 1000/s (950 to 1050), breaks at 1020/s"; code != exitKept || outcome != want {
		t.Errorf("exit %d, %q, want %q", code, outcome, want)
	}
}
