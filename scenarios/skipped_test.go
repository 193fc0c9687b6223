package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// asked are the ids of all checks that have an outcome or were skipped, in order.
func asked(vs []scenarios.Verdict, skipped []scenarios.Skipped) (ids []string) {
	for _, v := range vs {
		for _, c := range v.Checks {
			ids = append(ids, c.ID)
		}
	}
	for _, c := range skipped {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	return ids
}

// No check vanishes: whatever the throttle leaves unsaid, each has an outcome or is skipped with a reason.
func TestNoCheckVanishes(t *testing.T) {
	conf := config(r, c)
	script, err := scenarios.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	all := asked(script.Verdicts(nil), script.Skipped(nil, false))
	for says, target := range map[string]sim.Target{"a correct throttle": roomy(model.NewBucket(r, c), r), "one without Retry-After": saying(r, c, ""), "one that refuses with 403": responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer { a.Status = 403; return a })} {
		done, vs := play(t, conf, target)
		if got := asked(vs, script.Skipped(done, false)); !slices.Equal(got, all) {
			t.Errorf("%s: %q, want %q", says, got, all)
		}
		for _, k := range script.Skipped(done, false) {
			if k.Why == "" || k.Name == "" || k.Scenario == "" {
				t.Errorf("%s: %+v, want all of it told", says, k)
			}
		}
	}
}

// Checks of what Retry-After tells say why they are not asked where none is told, and leave the verdict to V06.
func TestChecksOfAnAbsentHeaderAreSkipped(t *testing.T) {
	conf := config(r, c)
	script, err := scenarios.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	done, vs := play(t, conf, saying(r, c, ""))
	why := map[string]string{}
	for _, k := range script.Skipped(done, false) {
		why[k.ID] = k.Why
	}
	for _, id := range []string{"V07", "V08", "V09", "V34", "V35"} {
		if !strings.Contains(why[id], "Retry-After") {
			t.Errorf("%s is skipped for %q, want a word of Retry-After", id, why[id])
		}
	}
	if got := by(vs, scenarios.Fail); got != "V06" {
		t.Errorf("fails %s, want V06 alone", got)
	}
}

// Of a script that was cut short, what was not measured is skipped without a reason of its own; what was is judged as ever.
func TestWhatAnInterruptionLeavesIsSkipped(t *testing.T) {
	conf := config(r, c)
	script, err := scenarios.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := play(t, conf, roomy(model.NewBucket(r, c), r))
	done := whole[:slices.IndexFunc(whole, func(m attack.Measurement) bool { return phase(&m, "refill") })]
	why := map[string]string{}
	for _, k := range script.Skipped(done, true) {
		why[k.ID] = k.Why
	}
	for id, want := range map[string]string{"V03": "", "V08": "", "V20": "", "V10": "no refusal told a date to come back at"} {
		if got, ok := why[id]; !ok || got != want {
			t.Errorf("%s: skipped %v for %q, want %q", id, ok, got, want)
		}
	}
	if _, ok := why["V01"]; ok {
		t.Error("V01 was measured, and is skipped")
	}
}
