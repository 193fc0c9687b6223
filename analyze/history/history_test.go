package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-load/plimsoll/analyze"
)

var began = time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)

// nightly are runs of one a night, each of the capacity that its night says.
func nightly(capacities ...float64) (runs []Run) {
	e := func(v float64) *analyze.Estimate {
		return &analyze.Estimate{Value: v, Lo: .98 * v, Hi: 1.02 * v, Confidence: .9}
	}
	for i, v := range capacities {
		r := Run{Place: Place{ID: fmt.Sprintf("r%02d", i), Commit: fmt.Sprintf("c%02d", i), Began: began.AddDate(0, 0, i)}, Environment: map[string]string{"cpus": "2"}, Checks: map[string]string{}}
		c := analyze.Capacity{Goal: "p99<250ms", Cause: analyze.CauseLimiter, BaseMS: 5 + .01*float64(i%3), BaseP99MS: 9 + .01*float64(i%4)}
		if v > 0 {
			c.Cause, c.Estimate, c.Sustained, c.Breaking, c.Knee = analyze.CauseTarget, e(v), e(.98*v), e(1.02*v), e(.8*v)
		}
		r.Capacities = []analyze.Capacity{c}
		runs = append(runs, r)
	}
	return runs
}

func stepped(rng *rand.Rand, n, at int, step float64) (out []float64) {
	for i := range n {
		v := 600 * math.Exp(.02*rng.NormFloat64())
		if i >= at {
			v *= 1 - step
		}
		out = append(out, v)
	}
	return out
}

func TestHistoryTellsWhenAndByHowMuch(t *testing.T) {
	values := stepped(rand.New(rand.NewPCG(8, 8)), 30, 18, .1)
	values[17] = 0 // undecided: no point, and the range of commits is wider
	runs := nightly(values...)
	for i := range runs[18:] {
		runs[18+i].Environment = map[string]string{"cpus": "4"}
	}
	h := Of(runs, Options{})
	var names []string
	for _, m := range h.Metrics {
		names = append(names, fmt.Sprintf("%s %s %d %d", m.Name, m.Unit, len(m.Points), len(m.Changes)))
	}
	if d := cmp.Diff([]string{"capacity rate 29 1", "knee rate 29 1", "base latency ms 30 0", "base p99 ms 30 0"}, names); d != "" {
		t.Fatal(d)
	}
	m := h.Metrics[0]
	c := m.Changes[0]
	if c.Before.Commit != "c16" || c.After.Commit != "c18" || c.At != 17 || !c.Worse {
		t.Errorf("the change is %+v, want it behind c16 up to c18", c)
	}
	if c.Ratio.Lo > .9 || c.Ratio.Hi < .9 || c.Ratio.Lo < .87 || c.Ratio.Hi > .93 || c.P > level || c.From.Value < 590 || c.To.Value > 550 {
		t.Errorf("the change is %+v, want a ratio of 0.9 from about 600", c)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0].Text, "cpus 4, not 2") {
		t.Errorf("the machine changed too, the notes are %v", c.Notes)
	}
	want := []Span{{From: 0, To: 17}, {From: 17, To: 29}}
	for i, s := range m.Spans {
		if i >= len(want) || s.From != want[i].From || s.To != want[i].To || !(s.Level.Lo < s.Level.Value && s.Level.Value < s.Level.Hi) {
			t.Errorf("span %d is %+v", i, s)
		}
	}
	slices.Reverse(runs)
	if d := cmp.Diff(h, Of(runs, Options{})); d != "" {
		t.Errorf("another order of the same runs tells another history:\n%s", d)
	}
}

func TestHistoryOfFewRunsTellsNothing(t *testing.T) {
	few := []float64{600, 600, 600, 600, 600, 600, 300, 300, 300, 300, 300}
	h := Of(nightly(few...), Options{})
	if h.Enough() || len(h.Metrics[0].Changes) > 0 || len(h.Metrics[0].Spans) > 0 || h.Most() != 11 || h.Needed != 12 {
		t.Errorf("11 runs tell %+v", h.Metrics[0])
	}
	h = Of(nightly(append(few, 300)...), Options{})
	if !h.Enough() || len(h.Metrics[0].Changes) != 1 || h.Metrics[0].Changes[0].P > level {
		t.Errorf("12 runs tell %+v", h.Metrics[0])
	}
}

// What is smaller than the least is not told of, and is no wall between what it divided.
func TestSmallChangesAreNotTold(t *testing.T) {
	var values []float64
	for i := range 40 {
		values = append(values, 600*(1+.002*float64(i%3))*map[bool]float64{true: .96, false: 1}[i >= 20])
	}
	for least, want := range map[float64]int{.02: 1, .03: 1, .05: 0} {
		if h := Of(nightly(values...), Options{Least: least}); len(h.Metrics[0].Changes) != want {
			t.Errorf("of a change of 4 %%, least %v: %d changes, want %d", least, len(h.Metrics[0].Changes), want)
		}
	}
}

func TestFlips(t *testing.T) {
	runs := nightly(600, 600, 600, 600, 600)
	for i, outcome := range []string{"pass", "inconclusive", "fail", "fail", "pass"} {
		runs[i].Checks["burst V05"] = outcome
		runs[i].Checks["steady V01"] = "pass"
	}
	want := []Flip{{"burst V05", "pass", "fail", runs[0].Place, runs[2].Place}, {"burst V05", "fail", "pass", runs[3].Place, runs[4].Place}}
	if d := cmp.Diff(want, Of(runs, Options{}).Flips); d != "" {
		t.Error(d)
	}
}

func TestOldRunsAreLeftOut(t *testing.T) {
	var values []float64
	for range runsMost + 5 {
		values = append(values, 600)
	}
	h := Of(nightly(values...), Options{})
	if len(h.Runs) != runsMost || h.Runs[0].ID != "r05" || len(h.Notes) != 1 || !strings.Contains(h.Notes[0].Text, "5 runs") || len(h.Metrics[0].Changes) != 0 {
		t.Errorf("%d runs from %v, notes %v", len(h.Runs), h.Runs[0], h.Notes)
	}
}
