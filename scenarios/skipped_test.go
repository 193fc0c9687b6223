package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
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

// No check vanishes: whatever the throttle leaves unsaid, each has an outcome or is skipped with a reason. Those of what Retry-After
// tells name it where none is told, and leave the verdict to V06. Of a script that was cut short, what was not measured is skipped
// without a reason of its own.
func TestNoCheckVanishes(t *testing.T) {
	conf := config(r, c)
	script, err := scenarios.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	all := asked(script.Verdicts(nil), script.Skipped(nil, false))
	whole, said := play(t, conf, roomy(model.NewBucket(r, c), r))
	untold, saidUntold := play(t, conf, saying(r, c, ""))
	half := whole[:slices.IndexFunc(whole, func(m attack.Measurement) bool { return phase(&m, "refill") })]
	for _, row := range []struct {
		says    string
		verdict []scenarios.Verdict
		skipped []scenarios.Skipped
		why     map[string]string // begins with this, where it is not empty
	}{
		{"a correct throttle", said, script.Skipped(whole, false), map[string]string{"V10": "no refusal told a date", "V52": "nobody looked"}},
		{"one without Retry-After", saidUntold, script.Skipped(untold, false), map[string]string{"V07": "no refusal carried a Retry-After", "V08": "no refusal carried a Retry-After",
			"V09": "no refusal carried a Retry-After", "V34": "no refusal carried a Retry-After", "V35": "no refusal carried a Retry-After"}},
		{"a script that was cut short", nil, script.Skipped(half, true), map[string]string{"V03": "", "V08": "", "V20": "", "V10": "no refusal told a date"}},
	} {
		why := map[string]string{}
		for _, k := range row.skipped {
			if why[k.ID] = k.Why; k.Name == "" || k.Scenario == "" || k.Why == "" && row.verdict != nil {
				t.Errorf("%s: %+v, want all of it told", row.says, k)
			}
		}
		for id, want := range row.why {
			if got, is := why[id]; !is || !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("%s: %s is skipped %v for %q, want %q", row.says, id, is, got, want)
			}
		}
		if got := asked(row.verdict, row.skipped); row.verdict != nil && !slices.Equal(got, all) {
			t.Errorf("%s: %q, want %q", row.says, got, all)
		}
	}
	if got := by(saidUntold, scenarios.Fail); got != "V06" {
		t.Errorf("without Retry-After %s fail, want V06 alone", got)
	}
	if slices.ContainsFunc(script.Skipped(half, true), func(k scenarios.Skipped) bool { return k.ID == "V01" }) {
		t.Error("V01 was measured, and is skipped")
	}
}
