package analyze_test

import (
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// A target that is given more servers while it is searched is told, whether or not the search follows it to its end; one
// that gets warm, and so comes to bear as much more, is not said to have been given any.
func TestATargetThatScalesIsTold(t *testing.T) {
	many(t)
	t.Parallel()
	told := func(f found) bool { return f.Stationary != nil && !*f.Stationary }
	for seed := range uint64(4) {
		scales := queue(400, 4, sim.Lognormal)
		scales.Scale = sim.Scale{Max: 12, Step: 2, Above: .7, After: 25 * time.Second}
		r := sim.New(scales, seed)
		f := search(t, analyze.Plan{Seed: seed}, r)
		bears := 100 * float64(r.Servers())
		e := f.Estimate
		if r.Servers() < 6 {
			t.Errorf("seed %d: %d servers at the end, want that some were added", seed, r.Servers())
		}
		if !told(f) || e != nil && (e.Lo > 400 || e.Hi < .9*bears) {
			t.Errorf("seed %d: %d servers, estimate %+v, told %v; want that it is told, from 400/s up to %.0f/s", seed, r.Servers(), e, told(f), bears)
		}
		cold := queue(1200, 12, sim.Lognormal)
		cold.Cold, cold.ColdFor = 3, 8000
		if f := search(t, analyze.Plan{Seed: seed}, sim.New(cold, seed)); told(f) {
			t.Errorf("seed %d: a cold target is said to move: %+v", seed, f.Estimate.Notes)
		}
	}
}
