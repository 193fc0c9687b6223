package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// foundRun is the folder of a run that found a capacity.
func foundRun(t *testing.T, name string, capacity float64, spec, cpus string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := journal.Create(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	e := func(v float64) *analyze.Estimate {
		return &analyze.Estimate{Value: v, Lo: v * .98, Hi: v * 1.02, Confidence: .9}
	}
	for _, entry := range []journal.Entry{
		{Run: &journal.Run{Schema: journal.Schema, ID: name, Command: "find", Title: "shop", Began: time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC), Spec: []byte(spec), Environment: map[string]string{"cpus": cpus}}},
		{Capacity: &analyze.Capacity{Goal: "failed<1%", Estimate: e(capacity), Sustained: e(.98 * capacity), Breaking: e(1.02 * capacity), Cause: analyze.CauseTarget}}, {End: &journal.End{}}} {
		if err := w.Write(entry); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestReportComparesRuns: the text tells the ratio, the page stands in the folder of the last run or where --out says, and what
// makes the runs hard to compare is told.
func TestReportComparesRuns(t *testing.T) {
	const spec, other = `{"target":{"url":"http://127.0.0.1:1/a"}}`, `{"target":{"url":"http://127.0.0.1:1/a","method":"PUT"}}`
	before, after := foundRun(t, "before", 600, spec, "2"), foundRun(t, "after", 528, other, "8")
	code, stdout, stderr := outcomeOf("report", before, after)
	for _, want := range []string{"after bears 12 % less than before", "0.88 (0.86 – 0.91)", "after was asked otherwise than before: method", "another machine than before: cpus 8, not 2"} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if code != exitKept || !strings.Contains(stderr, "wrote comparison.html and comparison.png to "+after) {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if page, err := os.ReadFile(filepath.Join(after, "comparison.html")); err != nil || !strings.Contains(string(page), "<h1>after bears 12 % less than before</h1>") {
		t.Errorf("the page: %v", err)
	}
	code, stdout, stderr = outcomeOf("report", before, after, "--format", "md,json")
	if code != exitKept || !strings.HasPrefix(stdout, "## after bears 12 % less than before\n") || !strings.Contains(stdout, `"told": "less"`) || stderr != "" {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	out := filepath.Join(t.TempDir(), "public")
	if code, stdout, stderr := outcomeOf("report", before, before, after, "--format", "html", "--out", out); code != exitKept || stdout != "" {
		t.Errorf("exit %d, %q, %s", code, stdout, stderr)
	}
	if page, err := os.ReadFile(filepath.Join(out, "comparison.html")); err != nil || !strings.Contains(string(page), "before (2)") {
		t.Errorf("three runs, two of one name: %v", err)
	}
}

// TestComparisonMisuse is told before anything is written.
func TestComparisonMisuse(t *testing.T) {
	run := foundRun(t, "run", 600, "{}", "2")
	for want, args := range map[string][]string{
		"--serve shows one run, got 2":                     {run, run, "--serve"},
		`--format "csv", want text, json, md, html or png`: {run, run, "--format", "csv"},
		"report compares at most 6 runs, got 7":            {run, run, run, run, run, run, run},
		"read run: stat":                                   {run, filepath.Join(run, "absent")},
		"--out is for html and png; md went to standard":   {run, run, "--format", "md", "--out", "x"},
		"report wants one run, got 0 arguments":            {},
	} {
		code, _, stderr := outcomeOf(append([]string{"report"}, args...)...)
		if code != exitMisuse || !strings.Contains(stderr, want) {
			t.Errorf("report %v: exit %d, want %q in %s", args, code, want, stderr)
		}
	}
	for _, name := range []string{"comparison.html", "report.html"} {
		if _, err := os.Stat(filepath.Join(run, name)); err == nil {
			t.Errorf("a wrong call wrote %s", name)
		}
	}
}
