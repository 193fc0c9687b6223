package main

import (
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

func verdictOf(checks ...scenarios.Check) []scenarios.Verdict {
	var all []scenarios.Outcome
	for _, c := range checks {
		all = append(all, c.Outcome)
	}
	return []scenarios.Verdict{{Scenario: "s", Outcome: scenarios.Sum(all...), Checks: checks}}
}

func TestOnlyATriedRateMakesAThrottleHold(t *testing.T) {
	small := scenarios.Check{ID: "V30", Name: "refusal-body-bounded", Outcome: scenarios.Pass}
	own := scenarios.Check{ID: "U01", Name: "mine", Outcome: scenarios.Pass}
	rate := scenarios.Check{ID: "V01", Name: "sustained-rate", Outcome: scenarios.Pass}
	for _, row := range []struct {
		verdicts []scenarios.Verdict
		code     int
		want     string
	}{
		{verdictOf(small), 0, "1 check passed; the rate was not tried"},
		{verdictOf(small, own), 0, "2 checks passed; the rate was not tried"},
		{verdictOf(small, rate), 0, "the throttle holds"},
		{verdictOf(scenarios.Check{ID: "V54", Outcome: scenarios.Pass}), 0, "the throttle holds"},
		{verdictOf(rate, scenarios.Check{ID: "V04", Name: "no-over-admission", Outcome: scenarios.Fail}), 1, "fails V04 no-over-admission (s)"},
	} {
		if code, got := judgeVerdicts(row.verdicts); code != row.code || got != row.want {
			t.Errorf("judgeVerdicts(%+v) = %d, %q; want %d, %q", row.verdicts, code, got, row.code, row.want)
		}
	}
}

func TestADeadTargetIsNotMeasured(t *testing.T) {
	c := analyze.Capacity{Cause: analyze.CauseGone, Why: "the target stopped answering in trial 7 at 300/s: connection refused"}
	if code, got := judgeCapacity(t.Context(), c); code != exitUnmeasured || got != "not measured: "+c.Why {
		t.Errorf("exit %d, %q; want %d and the cause", code, got, exitUnmeasured)
	}
}

func TestALoadThatFailedSaysByWhat(t *testing.T) {
	m := attack.Measurement{Windows: []attack.Window{{Counts: attack.Counts{Due: 10, OK: 5, Failed: 5}, Errors: map[string]int64{"connection refused": 4, "eof": 1}}}}
	if _, got := judgeLoad(m, analyze.Goal{}, false); got != "10 requests, 5 ok, 5 failed, most often by: connection refused" {
		t.Errorf("the outcome is %q", got)
	}
}

func TestInterruptedVerificationCountsWhatItAsked(t *testing.T) {
	rate := scenarios.Check{ID: "V01", Name: "sustained-rate", Outcome: scenarios.Pass, Got: "200/s"}
	late := scenarios.Check{ID: "V06", Name: "retry-after-present", Outcome: scenarios.Fail, Got: "none"}
	never := scenarios.Check{ID: "V15", Name: "recovery", Outcome: scenarios.Inconclusive, Got: scenarios.NotMeasured}
	for _, row := range []struct {
		all  []scenarios.Verdict
		want string
	}{
		{verdictOf(rate, never), "1 of 2 checks were asked, 1 passed"},
		{verdictOf(never, never), "0 of 2 checks were asked"},
		{verdictOf(rate, late, never), "2 of 3 checks were asked, 1 passed, 1 failed: fails V06 retry-after-present (s)"},
	} {
		if got := askedOf(row.all, measured(row.all)); got != row.want {
			t.Errorf("askedOf = %q, want %q", got, row.want)
		}
	}
}
