package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// inActions sets the stage that GitHub sets, and reads what was left on it.
func inActions(t *testing.T) (read func(name string) string) {
	dir := t.TempDir()
	t.Setenv("GITHUB_ACTIONS", "true")
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(dir, "summary"))
	t.Setenv("GITHUB_OUTPUT", filepath.Join(dir, "output"))
	return func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(b)
	}
}

func verified(outcome scenarios.Outcome, why string) report.Report {
	v := scenarios.Verdict{Scenario: "overload", Outcome: outcome, Checks: []scenarios.Check{
		{ID: "V01", Name: "rate: kept, or not", Outcome: outcome, Want: "100/s", Got: "200/s", Why: why}, {ID: "V02", Name: "burst", Outcome: scenarios.Pass}}}
	return report.Fold([]journal.Entry{{Run: &journal.Run{Command: "verify", Title: "shop", Limit: &limits.Limit{Rate: 100, Burst: 7}}}, {Verdict: &v}})
}

func TestGitHubIsToldWhatDidNotPass(t *testing.T) {
	read := inActions(t)
	var out bytes.Buffer
	if err := tellGitHub(&out, "runs/x", verified(scenarios.Fail, "50% more\n::error::planted"), exitBroken); err != nil {
		t.Fatal(err)
	}
	want := "::error title=plimsoll::The throttle in front of shop does not hold: 1 check failed\n" +
		"::error title=V01 rate%3A kept%2C or not::overload: want 100/s, got 200/s: 50%25 more%0A::error::planted\n"
	if out.String() != want {
		t.Errorf("annotations\n%swant\n%s", out.String(), want)
	}
	if s := read("summary"); !strings.HasPrefix(s, "## The throttle in front of shop does not hold") {
		t.Errorf("summary %q", s)
	}
	outputs := read("output")
	for _, want := range []string{"exit<<plimsoll-", "\n1\n", "rate<<", "\n100\n", "burst<<", "\n7\n", filepath.Join("runs/x", "report.html")} {
		if !strings.Contains(outputs, want) {
			t.Errorf("outputs lack %q:\n%s", want, outputs)
		}
	}
}

func TestGitHubHearsDoubtAsAWarningAndSuccessAsANotice(t *testing.T) {
	inActions(t)
	for outcome, c := range map[scenarios.Outcome]struct {
		code int
		want string
	}{scenarios.Inconclusive: {exitUndecided, "::warning title=plimsoll::"}, scenarios.Pass: {exitKept, "::notice title=plimsoll::"}} {
		var out bytes.Buffer
		if err := tellGitHub(&out, "x", verified(outcome, "why"), c.code); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), c.want) {
			t.Errorf("%s: %q, want it to begin %q", outcome, out.String(), c.want)
		}
	}
}

func TestOutsideOfGitHubNothingIsSaid(t *testing.T) {
	read := inActions(t)
	t.Setenv("GITHUB_ACTIONS", "")
	var out bytes.Buffer
	if err := tellGitHub(&out, "x", verified(scenarios.Fail, "why"), exitBroken); err != nil || out.Len() > 0 || read("summary")+read("output") != "" {
		t.Errorf("said %q, %v", out.String(), err)
	}
}
