package analyze

import (
	"math"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The middle of a bracket moves towards what overloads completed, the more the better that is known and the wider the bracket
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
		f := finding{sustained: r.l, breaking: r.h, mode: ModeCapacity, fullest: r.fullest, pool: Busy{Rate: r.rate, N: r.n}}
		f.se = f.pool.SE(r.cs2)
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
