package report

import (
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// stormed is a run of verify at 300/s whose one storm had checks "id" or "id:outcome", and which ended with exit.
func stormed(exit int, checks ...string) Report {
	v, all := scenarios.Verdict{Scenario: "storm"}, []scenarios.Outcome{}
	for _, text := range checks {
		id, o, told := strings.Cut(text, ":")
		if !told {
			o = string(scenarios.Pass)
		}
		v.Checks, all = append(v.Checks, scenarios.Check{ID: id, Name: "name-of-" + id, Outcome: scenarios.Outcome(o)}), append(all, scenarios.Outcome(o))
	}
	v.Outcome = scenarios.Sum(all...)
	return Report{Run: journal.Run{Title: "shop", Limit: &limits.Limit{Rate: 300, Burst: 40}}, Storms: []Storm{{Verdict: v}}, End: &journal.End{Exit: exit}}
}

// A sentence on a throttle says a rate only where the rate was tried, and nothing of what was cut short.
func TestHeadlineSaysNoMoreThanTheStormsDid(t *testing.T) {
	for _, row := range []struct {
		exit   int
		checks string
		want   string
	}{
		{0, "V30", "1 check of the throttle in front of shop passed; the rate was not tried"},
		{0, "U01 V02", "2 checks of the throttle in front of shop passed; the rate was not tried"},
		{0, "V01 V04", "The throttle in front of shop holds its 300 requests a second"},
		{130, "V01 V04", "The throttle in front of shop is not proven: the run was interrupted after 2 checks"},
		{5, "V01 V04", "The throttle in front of shop is not proven: the run was stopped after 2 checks"},
		{130, "V01 V02:inconclusive", "The throttle in front of shop is not proven: the run was interrupted after 2 checks"},
		{130, "V01:fail", "The throttle in front of shop does not hold: 1 check failed"},
		{3, "V01 V02:inconclusive", "The throttle in front of shop is not proven: 1 check could not tell"},
		{1, "V01 V04 V05 V06:fail", "The throttle in front of shop holds its rate, and 1 check failed: V06 name-of-V06"},
		{1, "V01 V06:fail V31:fail", "The throttle in front of shop holds its rate, and 2 checks failed: V06, V31"},
		{1, "V01 V04:inconclusive V06:fail", "1 check of the throttle in front of shop failed: V06 name-of-V06; the rate is not proven"},
		{1, "V06:fail", "1 check of the throttle in front of shop failed: V06 name-of-V06; the rate is not proven"},
		{1, "V01 V05:fail V06:fail", "The throttle in front of shop does not hold: 2 checks failed"},
		{1, "V01 V20:fail", "The throttle in front of shop does not hold: 1 check failed"},
	} {
		if got := stormed(row.exit, strings.Fields(row.checks)...).Headline(); got != row.want {
			t.Errorf("exit %d, %s: %q, want %q", row.exit, row.checks, got, row.want)
		}
	}
}

func TestTileOfStormsCutShortIsNoVerdict(t *testing.T) {
	for exit, want := range map[int]string{0: "pass", 130: "2", 5: "2"} {
		if got := stormed(exit, "V01", "V04").Tiles()[3]; got.Value != want || (got.Tone == Good) != (exit == 0) {
			t.Errorf("exit %d: the tile is %+v, want %s", exit, got, want)
		}
	}
}

// What a service bears is not the limit that is advised for it.
func TestHeadlineTellsTheLimitFromTheCapacity(t *testing.T) {
	found := analyze.Capacity{Cause: analyze.CauseTarget, Estimate: &analyze.Estimate{Value: 580}, Sustained: &analyze.Estimate{Value: 570}, Breaking: &analyze.Estimate{Value: 590}}
	advised := &limits.Recommendation{Limit: limits.Limit{Rate: 430, Burst: 40}}
	for _, row := range []struct {
		r    Report
		want string
	}{
		{Report{Run: journal.Run{Title: "shop"}}, "shop bears 570 requests a second; a limit of 430 is advised"},
		{stormed(0, "V01"), "shop bears 570 requests a second; its throttle holds the 300 it is set to"},
		{stormed(0, "V30"), "shop bears 570 requests a second; 1 check of its throttle passed, its rate was not tried"},
		{stormed(130, "V01"), "shop bears 570 requests a second; its throttle is not proven: the run was interrupted"},
		{stormed(3, "V01:inconclusive"), "shop bears 570 requests a second; its throttle is not proven"},
	} {
		row.r.Capacities, row.r.Limits = []analyze.Capacity{found}, advised
		if got := row.r.Headline(); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}
