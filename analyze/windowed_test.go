package analyze_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// A search that meets a limiter of fixed windows tells its rate, also where the target behind bears little more than that:
// an open window is then an overload of it.
func TestTheRateOfALimiterOfWindows(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		rate   float64
		behind float64 // what the target behind the limiter bears
		window time.Duration
		budget time.Duration
		told   bool
	}{
		{300, 800, 9 * time.Second, 3 * time.Minute, true},
		{300, 400, 9 * time.Second, 3 * time.Minute, true},
		{300, 400, 7 * time.Second, 3 * time.Minute, true},
		{40, 800, time.Minute, time.Minute, false},
	} {
		for seed := range seeds(2) {
			target := queue(row.behind, 8, sim.Lognormal)
			target.Limiter = sim.One(model.NewWindow(int(row.rate*row.window.Seconds()), row.window))
			f := search(t, analyze.Plan{Budget: row.budget, Seed: seed}, sim.New(target, seed))
			if f.Cause != analyze.CauseLimiter || (f.Limiter != nil) != row.told {
				t.Errorf("%.0f/s in windows of %v before %.0f/s, seed %d: cause %s, limiter %+v (%s); want a rate told: %v", row.rate, row.window, row.behind, seed, f.Cause, f.Limiter, f.Why, row.told)
				continue
			}
			if !row.told {
				continue
			}
			windows := slices.ContainsFunc(f.Limiter.Notes, func(n attack.Note) bool { return n.Code == "windows" })
			if off := math.Abs(f.Limiter.Value/row.rate - 1); off > .03 || !holds(f.Limiter, row.rate) || !windows {
				t.Errorf("%.0f/s in windows of %v before %.0f/s, seed %d: %+v", row.rate, row.window, row.behind, seed, *f.Limiter)
			}
		}
	}
}
