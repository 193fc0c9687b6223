package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// nightly writes so many results below a folder, one a night, of a service that bears a tenth less from night half on: each in
// a folder of its own, and every fifth as a lone file.
func nightly(t *testing.T, name, path string, n, half int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range n {
		load := 600 * math.Exp(.02*rng.NormFloat64())
		if i >= half {
			load *= .9
		}
		e := func(v float64) *analyze.Estimate {
			return &analyze.Estimate{Value: v, Lo: v * .98, Hi: v * 1.02, Confidence: .9}
		}
		c := analyze.Capacity{Goal: "failed<1%", Estimate: e(load), Sustained: e(.98 * load), Breaking: e(1.02 * load), Cause: analyze.CauseTarget, BaseMS: 5, BaseP99MS: 9}
		began := time.Date(2026, 1, 1+i, 2, 0, 0, 0, time.UTC)
		r := report.Result{Schema: report.ResultVersion, Run: report.RunResult{ID: fmt.Sprintf("night-%02d", i), Began: &began, Command: "find", Title: name, Target: "http://127.0.0.1:1" + path, Commit: fmt.Sprintf("c%02d", i),
			Spec: json.RawMessage(`{"target":{"url":"http://127.0.0.1:1` + path + `"}}`), Environment: map[string]string{"cpus": "2"}}, Capacities: []analyze.Capacity{c}}
		file := filepath.Join(dir, fmt.Sprintf("%s-%02d.json", name, i))
		if i%5 > 0 {
			folder := filepath.Join(dir, "runs", fmt.Sprintf("%s-%02d", name, i))
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			file = filepath.Join(folder, "result.json")
		}
		if err := saveResult(file, r); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func outcomeOf(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestHistoryOfAFolder(t *testing.T) {
	dir, out := nightly(t, "shop", "/checkout", 30, 18), filepath.Join(t.TempDir(), "public")
	for name, text := range map[string]string{"other.json": `{"schema":"else"}`, "broken.json": `{"schema": "plimsoll.result/v1", `, "notes.txt": "plimsoll.result/v1",
		"runs/shop-01/" + journalName: ""} { // result.json is read in its place
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	copied, _ := os.ReadFile(filepath.Join(dir, "shop-00.json"))
	if err := os.WriteFile(filepath.Join(dir, "baseline.json"), copied, 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := outcomeOf("gate", "--history", dir, "--out", out)
	if code != exitKept {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	for _, want := range []string{"less since 2026-01-19", "shop, 30 runs from 2026-01-01 to 2026-01-30", "behind c17 (2026-01-18) up to c18 (2026-01-19)", "broken.json was left out"} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) {
			t.Errorf("it does not say %q:\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "other.json") || !strings.Contains(stderr, "history.html") {
		t.Errorf("it speaks of what is none of ours, or not of the page:\n%s%s", stdout, stderr)
	}
	for _, name := range []string{"history.html", "history.png", "history.json", "history.txt", "history.csv"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	code, stdout, _ = outcomeOf("gate", "--history", dir, "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if code != exitKept || err != nil || len(rows) != 31 || rows[1][1] != "c00" || rows[30][0] != "2026-01-30T02:00:00Z" {
		t.Errorf("exit %d, %d rows, %v:\n%s", code, len(rows), err, stdout)
	}
	code, stdout, _ = outcomeOf("gate", "--history", dir, "--json")
	fits(t, string(report.HistorySchema), stdout)
	var p report.Past
	if err := json.Unmarshal([]byte(stdout), &p); code != exitKept || err != nil || len(p.Services) != 1 || len(p.Services[0].Metrics[0].Changes) != 1 {
		t.Errorf("exit %d, %v:\n%s", code, err, stdout)
	}
	if _, again, _ := outcomeOf("gate", "--history", dir, "--json"); again != stdout {
		t.Error("the same folder tells two histories")
	}
	if code, stdout, _ := outcomeOf("gate", "--history", dir, "--min-change", "20%"); code != exitKept || !strings.Contains(stdout, "Nothing changed") {
		t.Errorf("exit %d: a change of a tenth is told of where a fifth is the least:\n%s", code, stdout)
	}
}

// The journal of a run whose result is not there is folded; what it measured and who asked is all in it.
func TestHistoryReadsJournals(t *testing.T) {
	dir := t.TempDir()
	began := time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC)
	e := &analyze.Estimate{Value: 600, Lo: 590, Hi: 610, Confidence: .9}
	w, err := journal.Create(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range []journal.Entry{{Run: &journal.Run{Schema: journal.Schema, ID: "r", Command: "find", Title: "shop:8080", Began: began, Commit: "c0", Spec: []byte("{}")}},
		{Capacity: &analyze.Capacity{Goal: "g", Estimate: e, Sustained: e, Breaking: e, Cause: analyze.CauseTarget}}, {End: &journal.End{}}} {
		if err := w.Write(entry); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := outcomeOf("gate", "--history", dir, "--json")
	var p report.Past
	if err := json.Unmarshal([]byte(stdout), &p); err != nil || len(p.Services) != 1 || p.Services[0].Name != "shop" || p.Services[0].Runs[0].Commit != "c0" {
		t.Errorf("%v: %s", err, stdout)
	}
	if code != exitUndecided || !strings.Contains(stderr, "1 of one service, want 12") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestHistoryMisuse(t *testing.T) {
	few := nightly(t, "shop", "/checkout", 7, 4)
	two := nightly(t, "shop", "/checkout", 14, 14)
	other := nightly(t, "cart", "/cart", 14, 14)
	if err := os.Rename(other, filepath.Join(two, "cart")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PLIMSOLL_TOLERANCE", "3%") // is for other commands
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUndecided, "too few runs below " + few + " to tell of a change: 7 of one service, want 12", []string{"--history", few}},
		{exitUndecided, "0 of one service, want 12", []string{"--history", t.TempDir()}},
		{exitMisuse, "no such file", []string{"--history", filepath.Join(few, "absent")}},
		{exitMisuse, "not a folder", []string{"--history", filepath.Join(few, "shop-00.json")}},
		{exitMisuse, "wants no arguments, got 1", []string{"--history", few, few}},
		{exitMisuse, "it has no use for --baseline", []string{"--history", few, "--baseline", "x"}},
		{exitMisuse, "it has no use for --tolerance", []string{"--history", few, "--tolerance", "5%"}},
		{exitMisuse, "--format \"xml\"", []string{"--history", few, "--format", "xml"}},
		{exitMisuse, "--format \"csv\"", []string{"--history", few, "--format", "csv", "--json"}},
		{exitMisuse, "--min-change \"2\"", []string{"--history", few, "--min-change", "2"}},
		{exitMisuse, "--min-change \"90%\"", []string{"--history", few, "--min-change", "90%"}},
		{exitMisuse, "are for --history", []string{"--min-change", "3%", "a", "b"}},
		{exitMisuse, "there are 2: cart, shop", []string{"--history", two, "--format", "csv"}},
		{exitKept, "", []string{"--history", two, "--format", "csv", "--name", "cart"}},
		{exitKept, "", []string{"--history", two}},
	} {
		code, stdout, stderr := outcomeOf(append([]string{"gate"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("gate %v: exit %d, %q; want %d, %q", c.args, code, stderr, c.code, c.says)
		}
		if code == exitMisuse && stdout != "" {
			t.Errorf("gate %v prints beside the error: %s", c.args, stdout)
		}
	}
	if _, err := os.Stat(runsDir); err == nil {
		t.Error("a look at past runs makes a run")
	}
}
