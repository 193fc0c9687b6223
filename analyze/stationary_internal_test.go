package analyze

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// An overload as blocks of 1 s that differ by 1 % one from the next.
func blocks(from, rate float64, first bool) stretch {
	s := stretch{trial: int(from), from: from, block: 1, first: first}
	for i := range 16 {
		s.values = append(s.values, rate*(1+.01*float64(i%2)-.005))
	}
	return s
}

// Overloads that differ by less than other loads and chance explain say nothing; by more, they say what changed, and when.
func TestOverloadsThatDiffer(t *testing.T) {
	s := &search{}
	for _, r := range []struct {
		name  string
		rates []float64
		want  string
	}{
		{"one alone", []float64{100}, ""},
		{"alike", []float64{100, 100.4, 99.8}, ""},
		{"one fell", []float64{100, 100, 97}, "fell from 100/s (trial 0, 0s into the search) to 97/s (trial 2, 2s)"},
		{"one rose", []float64{100, 103}, "rose from 100/s"},
	} {
		var busy []stretch
		for i, rate := range r.rates {
			busy = append(busy, blocks(float64(i), rate, false))
		}
		e := s.uneven(busy, 0)
		told := e.z*e.z > movedMost && e.z > 0
		if told != (r.want != "") || told && !strings.Contains(e.change.text, r.want) {
			t.Errorf("%s: %+v, want %q", r.name, e, r.want)
		}
	}
}

// What a target completed in saturating overloads before it was warm is no evidence that it moves.
func TestOverloadsOfATargetThatIsNotYetWarm(t *testing.T) {
	for _, r := range []struct {
		name  string
		rates []float64
		first int // of them are saturating
		want  []int
	}{
		{"warm", []float64{100, 100, 101}, 1, []int{0, 1, 2}},
		{"one was cold", []float64{80, 100, 101}, 1, []int{1, 2}},
		{"two were", []float64{70, 80, 100}, 2, []int{2}},
		{"all are saturating", []float64{80, 100}, 2, []int{1}},
		{"it fell again", []float64{90, 100, 80}, 1, []int{0, 1, 2}},
		{"it rose when it was being confirmed", []float64{100, 80, 100}, 1, []int{0, 1, 2}},
		{"none", nil, 0, nil},
	} {
		var all []stretch
		for i, rate := range r.rates {
			all = append(all, blocks(float64(i), rate, i < r.first))
		}
		var got []int
		for _, s := range warmOnes(all) {
			got = append(got, s.trial)
		}
		if !slices.Equal(got, r.want) {
			t.Errorf("%s: %v are compared, want %v", r.name, got, r.want)
		}
	}
}

// Where overload costs capacity, what two overloads completed tells how far they were overloads.
func TestOverloadsThatCostCapacity(t *testing.T) {
	held := func(n int, ok int64) row {
		r := row{m: attack.Measurement{Trial: attack.Trial{N: n, Phase: Confirm, Actors: []attack.Actor{{Schedule: attack.Constant(1200, 40*time.Second, attack.Poisson)}}}}, at: float64(60 * n),
			j: Judgement{Class: Overloaded, Why: Backlog, Busy: Busy{Ticks: attack.TicksPerTrial}}}
		for i := range attack.TicksPerTrial {
			r.m.Ticks = append(r.m.Ticks, attack.Tick{Elapsed: time.Duration(i+1) * time.Second, OK: ok + int64(i%2)})
		}
		return r
	}
	s := &search{rows: []row{held(1, 1000), held(2, 900)}}
	for mode, flagged := range map[Mode]bool{ModeCapacity: true, ModeCollapse: false} {
		s.mode = mode
		if c := s.drift(); (c != nil) != flagged {
			t.Errorf("mode %s: %+v, want that it moves: %v", mode, c, flagged)
		}
	}
}

// Evidence that does not suffice alone adds up; what speaks against it does not take away from it. What tells most is said.
func TestEvidenceOfChangeAddsUp(t *testing.T) {
	s := &search{finding: finding{mode: ModeCapacity, pool: Busy{Rate: 100, N: 10000}}, rest: Rest{CS2: 1}}
	borne := func(rate float64) *Judgement { return &Judgement{Class: Sustained, Good: rate, N: 10000} }
	for rate, moved := range map[float64]bool{99: false, 103: false, 106: true} {
		s.bookend = borne(rate)
		if c := s.drift(); (c != nil) != moved {
			t.Errorf("%.0f/s borne at the end: %+v, want that it moves: %v", rate, c, moved)
		}
	}
	s.bookend = borne(103)
	for i, ok := range []int64{1000, 991} {
		r := row{m: attack.Measurement{Trial: attack.Trial{N: i, Phase: Confirm, Actors: []attack.Actor{{Schedule: attack.Constant(1200, 40*time.Second, attack.Poisson)}}}}, at: float64(60 * i),
			j: Judgement{Class: Overloaded, Why: Backlog, Busy: Busy{Ticks: attack.TicksPerTrial}}}
		for k := range attack.TicksPerTrial {
			r.m.Ticks = append(r.m.Ticks, attack.Tick{Elapsed: time.Duration(k+1) * time.Second, OK: ok + 10*int64(k%2)})
		}
		s.rows = append(s.rows, r)
	}
	if c := s.drift(); c == nil || !strings.Contains(c.text, "its capacity fell from") {
		t.Errorf("%+v, want that two overloads and the last one together tell that it fell", c)
	}
	s.bookend = nil
	if c := s.drift(); c != nil {
		t.Errorf("%+v, want that two overloads alone do not suffice", c)
	}
}

// A stretch whose blocks go up and down is none that moves; one that is high first and low then is, and where it turned.
func TestAStretchThatWanders(t *testing.T) {
	steady, turning := blocks(10, 100, false), blocks(10, 100, false)
	for i := range turning.values {
		turning.values[i] += 6 - 12*float64(i/8)
	}
	steady.n, turning.n = 1600, 1600
	if e := wandering([]stretch{steady, steady}, 0); e.z > 0 {
		t.Errorf("steady: %+v, want nothing", e)
	}
	e := wandering([]stretch{steady, turning}, 0)
	if e.z*e.z*wanderLight < movedMost || !strings.Contains(e.change.text, "answers took 1.06e+05ms until 18s") || e.change.lo > .95 || e.change.hi < 1.05 {
		t.Errorf("turning: %+v, want that it fell after 18s", e)
	}
	if e := wandering([]stretch{turning}, 20); e.z > 1 {
		t.Errorf("turning, where requests differ so much: %+v, want nothing", e)
	}
	short := turning
	short.values = short.values[:leastBlocks-1]
	if e := wandering([]stretch{short}, 0); e.z != 0 {
		t.Errorf("too short: %+v, want nothing", e)
	}
}

// How unsteady a target is beyond chance: half of a swing between two overloads, and nothing where they are alike.
func TestHowUnsteadyATargetIs(t *testing.T) {
	for _, r := range []struct{ second, want float64 }{{1000, 0}, {1004, 0}, {1100, .0673}} {
		s := &search{rest: Rest{CS2: 1}}
		for i, rate := range []float64{1000, r.second} {
			w := row{m: attack.Measurement{Trial: attack.Trial{N: i, Phase: Confirm, Actors: []attack.Actor{{Schedule: attack.Constant(1200, 40*time.Second, attack.Poisson)}}}},
				j: Judgement{Class: Overloaded, Why: Backlog, Busy: Busy{Ticks: attack.TicksPerTrial}}}
			for k := range attack.TicksPerTrial {
				w.m.Ticks = append(w.m.Ticks, attack.Tick{Elapsed: time.Duration(k+1) * time.Second, OK: int64(rate) + int64(k%2)})
			}
			s.rows = append(s.rows, w)
		}
		if got := s.unsteady(); math.Abs(got-r.want) > .0005 {
			t.Errorf("1000/s and %.0f/s: unsteady by %.4f, want %.4f", r.second, got, r.want)
		}
	}
}
