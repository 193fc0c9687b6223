package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/plimsoll-load/plimsoll/scenarios"
)

// An interrupted run tells what it measured, and not of each check that it was not.
func TestWhatWasNotMeasuredIsNotToldCheckByCheck(t *testing.T) {
	all := []scenarios.Verdict{
		{Scenario: "a", Checks: []scenarios.Check{{ID: "V01", Got: "100/s"}, {ID: "V02", Got: scenarios.NotMeasured}}},
		{Scenario: "b", Checks: []scenarios.Check{{ID: "V03", Name: "refill", Got: scenarios.NotMeasured}}},
	}
	told := measured(all)
	if len(told) != 1 || len(told[0].Checks) != 1 || told[0].Checks[0].ID != "V01" {
		t.Errorf("%+v, want V01 alone", told)
	}
}

// A verification that is interrupted keeps in its journal which checks it did not ask, and its JUnit holds them.
func TestAnInterruptedVerifyHoldsWhatItDidNotAsk(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int64
	url := server(t, func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == 8 {
			cancel()
		}
	})
	dir := t.TempDir()
	code, stdout, stderr := call(ctx, "verify", url, "--limit", "20/s", "--burst", "5", "--quick", "--out", dir)
	if code != exitInterrupted {
		t.Fatalf("exit %d, want %d: %s", code, exitInterrupted, stderr)
	}
	for name, wants := range map[string][]string{
		"junit.xml":   {`<error message="interrupted: `, `name="V03 refill"`, "not asked: the run was interrupted before"},
		"report.html": {"<b>V03</b> refill", "not asked: the run was interrupted before"},
		"result.json": {`"name": "refill"`, `"why": "not asked: the run was interrupted before"`},
		"summary.md":  {"V03 refill", "not asked: the run was interrupted before"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %s in %s:\n%s", want, name, text)
			}
		}
	}
	if !strings.Contains(stdout, "skip  not asked: the run was interrupted before") {
		t.Errorf("the terminal does not tell what was not asked:\n%s", stdout)
	}
}

// What --quick leaves out of what was declared is named: in the plan, and in the report.
func TestQuickNamesWhatItLeavesOut(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.yml")
	if err := os.WriteFile(keys, []byte("- {name: bob, secret: open, tier: basic}\n- {name: ann, secret: sesame, tier: gold}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"verify", "http://127.0.0.1:9/", "--keys", keys, "--key-header", "X-Api-Key", "--tier", "gold=100/s,20,1000/10s", "--tier", "basic=50/s,10", "--plan"}
	code, plan, stderr := call(t.Context(), append(args, "--quick")...)
	if code != 0 || !strings.Contains(plan, "not asked, for brevity: ") || !strings.Contains(plan, "V23 tiers") || !strings.Contains(plan, "V24 quota") || strings.Contains(plan, "V01") {
		t.Errorf("exit %d: %s%s", code, plan, stderr)
	}
	if code, plan, stderr := call(t.Context(), args...); code != 0 || strings.Contains(plan, "not asked") {
		t.Errorf("without --quick nothing is left out; exit %d: %s%s", code, plan, stderr)
	}
	if got := scenarios.LeftOut(scenarios.Config{Brief: true, Only: []string{"V01"}}); got != nil {
		t.Errorf("what was not asked for by name is not left out by --quick: %q", got)
	}
}

// A verification whose every check was skipped is undecided, and says why.
func TestVerdictsOfNothing(t *testing.T) {
	if code, outcome := judgeVerdicts(nil); code != exitUndecided || outcome != "no check had anything to look at" {
		t.Errorf("exit %d: %q", code, outcome)
	}
}
