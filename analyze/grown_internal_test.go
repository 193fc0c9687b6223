package analyze

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// went is a trial at a load: what it completed per second for 10 s, how long its answers took, and how it was judged.
func went(n int, load, rate float64, took time.Duration, class Class) row {
	long := 10 * time.Second
	m := attack.Measurement{Trial: attack.Trial{N: n, Phase: Confirm, Actors: []attack.Actor{{Schedule: attack.Constant(load, long, attack.Poisson)}}}, Took: long}
	w := attack.Window{Len: long, Counts: attack.Counts{Due: int64(10 * load), OK: int64(10 * rate)}}
	w.Response.RecordN(took, w.OK)
	m.Windows = []attack.Window{w}
	r := row{m: m, at: float64(20 * n), j: Judgement{Class: class, Good: rate, N: w.Due}}
	if class == Overloaded {
		r.j.Why, r.j.Busy = Backlog, Busy{Rate: rate, N: w.OK, Seconds: long.Seconds(), Ticks: 30}
	}
	return r
}

// More work done than under overload before, by a target that is no faster at rest: it was given more to work with.
func TestATargetThatIsGivenMoreToWorkWith(t *testing.T) {
	const ms = time.Millisecond
	before, over, after := went(1, 20, 20, 50*ms, Sustained), went(2, 120, 100, 900*ms, Overloaded), went(9, 20, 20, 50*ms, Sustained)
	for _, r := range []struct {
		name   string
		rows   []row
		lo, hi float64 // per second; 0 where nothing is told
	}{
		{"a load borne that was too much before", []row{before, over, went(3, 150, 150, 60*ms, Sustained), after}, 97, 231},
		{"the same, and then an end was seen", []row{before, over, went(3, 150, 150, 60*ms, Sustained), went(4, 180, 155, 900*ms, Overloaded), after}, 97, 159},
		{"it grew so much that it may double again at most", []row{before, over, went(3, 400, 400, 60*ms, Sustained), after}, 97, 813},
		{"an overload that completed more", []row{before, over, went(3, 190, 150, 900*ms, Overloaded), after}, 97, 154},
		{"twice as fast at rest: it got warm", []row{before, over, went(3, 150, 150, 60*ms, Sustained), went(9, 20, 20, 25*ms, Sustained)}, 0, 0},
		{"two thirds of the time at rest: the same", []row{before, over, went(3, 150, 150, 60*ms, Sustained), went(9, 20, 20, 33*ms, Sustained)}, 0, 0},
		{"nothing tells of rest since", []row{before, over, went(3, 150, 150, 60*ms, Sustained)}, 0, 0},
		{"rest of a few answers", []row{before, over, went(3, 150, 150, 60*ms, Sustained), went(9, .5, .5, 50*ms, Sustained)}, 0, 0},
		{"as much as before", []row{before, over, went(3, 125, 110, 60*ms, Sustained), after}, 0, 0},
		{"a lower load borne, where overload may cost capacity", []row{before, went(2, 160, 100, 900*ms, Overloaded), went(3, 150, 150, 60*ms, Sustained), after}, 0, 0},
		{"a lighter overload that completed more, where overload may cost capacity", []row{before, over, went(3, 119, 118, 900*ms, Overloaded), went(4, 118, 125, 900*ms, Overloaded), after}, 0, 0},
		{"it did more before", []row{before, went(2, 150, 150, 60*ms, Sustained), went(3, 120, 100, 900*ms, Overloaded), after}, 0, 0},
	} {
		s := &search{rest: Rest{CS2: .25}, rows: r.rows, finding: finding{mode: ModeCapacity, lo: 150, hi: 160, breaking: math.Inf(1), estimate: 155}}
		c := s.grown()
		switch {
		case (c == nil) != (r.hi == 0):
			t.Errorf("%s: %+v, want that it was given more: %v", r.name, c, r.hi > 0)
		case c == nil:
		case math.Abs(c.lo*155-r.lo) > 2 || math.Abs(c.hi*155-r.hi) > 2:
			t.Errorf("%s: from %.0f to %.0f, want %.0f to %.0f", r.name, c.lo*155, c.hi*155, r.lo, r.hi)
		case !strings.Contains(c.text, "completed under overload 40s into the search (trial 2)") || !strings.Contains(c.text, "pin the number of its instances"):
			t.Errorf("%s: %q, want the evidence and what to do", r.name, c.text)
		}
		if c != nil && s.drift().text != c.text {
			t.Errorf("%s: %q is told, want it", r.name, s.drift().text)
		}
	}
}
