package analyze

import (
	"math"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The middle of a bracket moves towards what was completed flat out, the more the better that is known and the wider the bracket
// is, and never leaves the bracket.
func TestTheMiddleOfABracketIsWeighed(t *testing.T) {
	for _, r := range []struct {
		name       string
		l, h, rate float64
		n          int64 // completions
		fullest    int64 // arrivals
		cs2        float64
		want       float64
	}{
		{"nothing was overloaded", 80, 125, 0, 0, 500, 1, 100},
		{"few completions tell little", 80, 125, 90, 25, 500, 1, 97},
		{"many tell much", 80, 125, 90, 10_000, 500, 1, 90.25},
		{"a narrow bracket tells as much", 98, 102.04, 99, 10_000, 20_000, 1, 99.8},
		{"what contradicts the bracket", 98, 102.04, 50, 1_000_000, 100, 1, 98},
	} {
		f := finding{sustained: r.l, breaking: r.h, mode: ModeCapacity, fullest: r.fullest, cs2: r.cs2, pool: Busy{Rate: r.rate, N: r.n}}
		if got := f.middle(); math.Abs(got/r.want-1) > .005 {
			t.Errorf("%s: %.2f, want %.2f", r.name, got, r.want)
		}
		if f.mode = ModeErrors; math.Abs(f.middle()-100) > .1 {
			t.Errorf("%s, excess fails: %.2f, want the middle", r.name, f.middle())
		}
	}
}

// Overload costs capacity where a load was borne, in all its trials together, that is surely more than overloads complete.
func TestOverloadLosesWhereMoreWasBorne(t *testing.T) {
	for _, r := range []struct {
		name  string
		load  float64
		n     []int64 // arrivals of the trials that bore it
		loses bool
	}{
		{"no trial", 130, nil, false},
		{"a short trial", 130, []int64{60}, false},
		{"three short trials", 130, []int64{60, 60, 60}, true},
		{"a long trial", 130, []int64{2000}, true},
		{"a long trial of hardly more", 104, []int64{2000}, false},
	} {
		s := &search{rest: Rest{CS2: 1}, finding: finding{estimate: 100, se: .05}}
		for _, n := range r.n {
			m := attack.Measurement{Trial: attack.Trial{Actors: []attack.Actor{{Schedule: attack.Constant(r.load, seconds(1), attack.Poisson)}}}}
			s.rows = append(s.rows, row{m: m, j: Judgement{Class: Sustained, N: n}})
		}
		if got := s.loses(r.load); got != r.loses {
			t.Errorf("%s: %v, want %v", r.name, got, r.loses)
		}
	}
}

// A target has outgrown its overloads once a full trial bore surely more than they completed, and nothing broke it above.
func TestATargetOutgrowsItsOverloads(t *testing.T) {
	for _, r := range []struct {
		name     string
		load     float64
		n        int64
		breaking float64
		mode     Mode
		want     bool
	}{
		{"surely more", 115, 5000, math.Inf(1), ModeCapacity, true},
		{"by chance", 115, 300, math.Inf(1), ModeCapacity, false},
		{"hardly more", 103, 5000, math.Inf(1), ModeCapacity, false},
		{"it broke above", 115, 5000, 120, ModeCapacity, false},
		{"its excess fails", 115, 5000, math.Inf(1), ModeErrors, false},
	} {
		s := &search{rest: Rest{CS2: 1}, finding: finding{mode: r.mode, hi: math.Inf(1), breaking: r.breaking, pool: Busy{Rate: 100, N: 5000, Seconds: 50}, estimate: 100}}
		j := Judgement{Class: Sustained, N: r.n}
		s.bound(r.load, j)
		if got := s.outgrown(j); got != r.want {
			t.Errorf("%s: %v, want %v", r.name, got, r.want)
		}
	}
}

// A wide bracket is cut down to what all trials together make likely, and a narrow one is left as it is; where the two
// contradict each other there is nothing to cut.
func TestTheIntervalIsNoWiderThanItsEstimateIsUnsure(t *testing.T) {
	for _, r := range []struct {
		name   string
		l, h   float64
		rate   float64
		lo, hi float64
	}{
		{"a wide bracket", 70, 140, 100, 93.5, 108},
		{"a narrow one", 98, 102, 100, 98, 102},
		{"one that is contradicted", 98, 102, 80, 98, 102},
		{"nothing was flat out", 70, 140, 0, 70, 140},
	} {
		s := &search{finding: finding{sustained: r.l, breaking: r.h, mode: ModeCapacity, fullest: 2000, cs2: 1, pool: Busy{Rate: r.rate, N: 5000}}}
		if r.rate == 0 {
			s.pool = Busy{}
		}
		e := &Estimate{Value: s.middle(), Lo: r.l, Hi: r.h}
		if s.tighten(e); math.Abs(e.Lo/r.lo-1) > .01 || math.Abs(e.Hi/r.hi-1) > .01 {
			t.Errorf("%s: %.1f to %.1f, want %.1f to %.1f", r.name, e.Lo, e.Hi, r.lo, r.hi)
		}
	}
}

// What a trial completed flat out is pooled where it was busy for half of it and near the estimate.
func TestWhatTellsOfCapacityIsPooled(t *testing.T) {
	for _, r := range []struct {
		name  string
		phase string
		load  float64
		busy  int // of 40 ticks, the last
		why   attack.Reason
		want  int64
	}{
		{"an overload", Saturate, 120, 39, Backlog, 38 * 100},
		{"a load that was borne", Confirm, 98, 30, "", 29 * 100},
		{"a load of the knee", Knee, 95, 30, "", 29 * 100},
		{"busy for too short a time", Confirm, 98, 15, "", 0},
		{"a light load that was held up", Knee, 70, 30, "", 0},
		{"a cold target", WarmUp, 98, 30, "", 0},
		{"where excess fails", Saturate, 120, 39, Errors, 0},
	} {
		s := &search{rest: Rest{CS2: 1}, finding: finding{estimate: 100}}
		m := attack.Measurement{Trial: attack.Trial{Phase: r.phase, Actors: []attack.Actor{{Schedule: attack.Constant(r.load, seconds(40), attack.Poisson)}}}}
		for i := range 40 {
			tick := attack.Tick{Elapsed: seconds(float64(i + 1)), OK: 100}
			if i >= 40-r.busy {
				tick.InFlight = 1000
			}
			m.Ticks = append(m.Ticks, tick)
		}
		if s.gather(row{m: m, j: Judgement{Why: r.why}}); s.pool.N != r.want {
			t.Errorf("%s: %d pooled, want %d", r.name, s.pool.N, r.want)
		}
	}
}
