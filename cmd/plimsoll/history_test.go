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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
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
	if err := json.Unmarshal([]byte(stdout), &p); err != nil || len(p.Services) != 1 || p.Services[0].Name != "shop:8080" || p.Services[0].Runs[0].Commit != "c0" {
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

// stormed writes a verification of a throttle into a folder of its own.
func stormed(t *testing.T, dir string, night int, title, verify, outcome string) string {
	t.Helper()
	began := time.Date(2026, 2, 1+night, 2, 0, 0, 0, time.UTC)
	r := report.Result{Schema: report.ResultVersion, Run: report.RunResult{ID: fmt.Sprintf("storm-%02d", night), Began: &began, Command: "verify", Title: title, Target: "http://" + title + "/",
		Spec: json.RawMessage(`{"target":{"url":"http://` + title + `/"},"verify":{` + verify + `}}`)}, Verdicts: []scenarios.Verdict{{Scenario: "overload", Checks: []scenarios.Check{{ID: "V02", Outcome: scenarios.Outcome(outcome)}}}}}
	path := filepath.Join(dir, r.Run.ID+".json")
	if err := saveResult(path, r); err != nil {
		t.Fatal(err)
	}
	return path
}

// A check is traced among runs that were told the same throttle, and a service that has no name is its host and port.
func TestHistoryTellsThrottlesApart(t *testing.T) {
	const here, there = "127.0.0.1:28090", "127.0.0.1:28093"
	for name, c := range map[string]struct {
		titles   [2]string
		verify   [2]string
		services int
		flips    []string
	}{
		"the same":         {[2]string{here, here}, [2]string{`"limit":"200/s","burst":4`, `"limit":"200/s","burst":4,"only":["V02"]`}, 1, []string{"overload V02"}},
		"another rate":     {[2]string{here, here}, [2]string{`"limit":"200/s","burst":4`, `"limit":"129/s","burst":4`}, 1, nil},
		"another burst":    {[2]string{here, here}, [2]string{`"limit":"200/s","burst":4`, `"limit":"200/s","burst":9`}, 1, nil},
		"another window":   {[2]string{here, here}, [2]string{`"limit":"200/s","window_ns":1000000000`, `"limit":"200/s","window_ns":2000000000`}, 1, nil},
		"other tiers":      {[2]string{here, here}, [2]string{`"tiers":["gold=9/s,3"]`, `"tiers":["gold=8/s,3"]`}, 1, nil},
		"tiers in turn":    {[2]string{here, here}, [2]string{`"tiers":["a=9/s,3","b=1/s,1"]`, `"tiers":["b=1/s,1","a=9/s,3"]`}, 1, []string{"overload V02"}},
		"keys":             {[2]string{here, here}, [2]string{`"limit":"200/s","burst":4`, `"limit":"200/s","burst":4,"keys":"k.csv"`}, 1, nil},
		"another port":     {[2]string{here, there}, [2]string{`"limit":"200/s"`, `"limit":"200/s"`}, 2, nil},
		"a name over both": {[2]string{"shop", "shop"}, [2]string{`"limit":"200/s"`, `"limit":"200/s"`}, 1, []string{"overload V02"}},
	} {
		dir := t.TempDir()
		stormed(t, dir, 0, c.titles[0], c.verify[0], "pass")
		stormed(t, dir, 1, c.titles[1], c.verify[1], "fail")
		_, stdout, _ := outcomeOf("gate", "--history", dir, "--json")
		var p report.Past
		if err := json.Unmarshal([]byte(stdout), &p); err != nil || len(p.Services) != c.services {
			t.Errorf("%s: %v, %d services, want %d", name, err, len(p.Services), c.services)
			continue
		}
		var flips []string
		for _, s := range p.Services {
			for _, f := range s.Flips {
				flips = append(flips, f.Check)
			}
		}
		if !slices.Equal(flips, c.flips) {
			t.Errorf("%s: flips %q, want %q", name, flips, c.flips)
		}
	}
}

// A flip that is one is told with its throttle where there are several.
func TestHistoryNamesTheThrottleOfAFlip(t *testing.T) {
	dir, slow, fast := t.TempDir(), `"limit":"129/s","burst":4`, `"limit":"200/s","burst":4`
	for night, c := range [][2]string{{slow, "pass"}, {fast, "fail"}, {slow, "fail"}, {fast, "fail"}} {
		stormed(t, dir, night, "shop", c[0], c[1])
	}
	_, stdout, _ := outcomeOf("gate", "--history", dir)
	if all := strings.Join(strings.Fields(stdout), " "); strings.Count(all, "pass before, fail since") != 1 || !strings.Contains(all, "overload V02 (limit 129/s, burst 4): pass before") {
		t.Errorf("want one flip, of the throttle of 129/s:\n%s", stdout)
	}
	base, head := stormed(t, t.TempDir(), 0, "shop", fast, "pass"), stormed(t, t.TempDir(), 1, "shop", slow, "fail")
	if code, stdout, stderr := outcomeOf("gate", base, head, "--quiet", "--out", filepath.Join(dir, "out")); code != exitUndecided || strings.Contains(stdout, "fails now") {
		t.Errorf("a gate of two throttles: exit %d\n%s%s", code, stdout, stderr)
	}
}
