package analyze_test

import (
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// What a budget of 45 s finds on services like the lab's: the figures are logged with -v.
func TestAShortBudgetFindsTheBreakingLoad(t *testing.T) {
	many(t)
	t.Parallel()
	var off, took sample
	covered, knees, criticals := 0, 0, 0
	const n = 50
	for seed := range uint64(n) {
		capacity := 400 * math.Pow(1500./400, float64(seed)/(n-1))
		f := search(t, analyze.Plan{Budget: 45 * time.Second, Seed: seed}, sim.New(queue(capacity, 8+int(seed%9), sim.Lognormal), seed))
		if !f.Decided() {
			t.Errorf("%.0f/s, seed %d: %s, want a bracket", capacity, seed, f.Why)
			continue
		}
		off, took = append(off, math.Abs(f.Estimate.Value/capacity-1)), append(took, f.took.Seconds())
		if holds(f.Estimate, capacity) {
			covered++
		}
		if f.Knee != nil {
			knees++
		}
		if f.Critical != nil {
			criticals++
		}
	}
	t.Logf("error: median %.2f%%, p90 %.2f%%, max %.2f%%; covered %d of %d; %d knees, %d critical loads; took %.1fs, at most %.1fs",
		100*off.at(.5), 100*off.at(.9), 100*off.at(1), covered, n, knees, criticals, took.at(.5), took.at(1))
	if off.at(.5) > .02 || off.at(.9) > .04 || off.at(1) > .06 {
		t.Errorf("error: median %.3f, p90 %.3f, max %.3f, want 0.02, 0.04 and 0.06 at most", off.at(.5), off.at(.9), off.at(1))
	}
	if covered < .9*n || knees < .9*n {
		t.Errorf("%d intervals hold the truth and %d knees were measured, want 9 in 10 of %d", covered, knees, n)
	}
	if took.at(1) > 40 {
		t.Errorf("took up to %.1fs, want 40s at most", took.at(1))
	}
}

// What an ample budget finds on services that give way in eleven different ways.
func TestTheSearchFindsTheBreakingLoadOfAllKinds(t *testing.T) {
	many(t)
	t.Parallel()
	var off, took, excess sample
	covered, n := 0, 0
	for _, class := range classes {
		var of sample
		hit := 0
		for i := range perClass {
			s := draw(class, i)
			f := search(t, analyze.Plan{Budget: 15 * time.Minute, Seed: uint64(i), MaxOverloadSeconds: 1000}, sim.New(s.target(), uint64(i)))
			e := f.Estimate
			if class == "limited" {
				e = f.Limiter
			}
			if n++; e == nil {
				t.Errorf("%s %d: %s, want an estimate of %.1f/s", class, i, f.Why, s.truth)
				continue
			}
			if holds(e, s.truth) {
				hit++
			}
			of, took, excess = append(of, math.Abs(e.Value/s.truth-1)), append(took, f.took.Seconds()), append(excess, f.Excess)
			judgeKind(t, class, f)
		}
		t.Logf("%-10s error: median %.2f%%, max %.2f%%; covered %d of %d", class, 100*of.at(.5), 100*of.at(1), hit, perClass)
		off, covered = append(off, of...), covered+hit
	}
	t.Logf("all        error: median %.2f%%, p90 %.2f%%, max %.2f%%; covered %d of %d; took %.0fs, p90 %.0fs; excess %.1f s of capacity",
		100*off.at(.5), 100*off.at(.9), 100*off.at(1), covered, n, took.at(.5), took.at(.9), excess.at(.5))
	if off.at(.5) > .02 || off.at(.9) > .06 || off.at(1) > .12 {
		t.Errorf("error: median %.3f, p90 %.3f, max %.3f, want 0.02, 0.06 and 0.12 at most", off.at(.5), off.at(.9), off.at(1))
	}
	if float64(covered) < .85*float64(n) {
		t.Errorf("%d of %d intervals hold the truth, want 85 %%", covered, n)
	}
}

// judgeKind checks that the way in which a service gives way is named.
func judgeKind(t *testing.T, class string, f found) {
	t.Helper()
	want := analyze.CauseTarget
	if class == "limited" {
		want = analyze.CauseLimiter
		if f.Estimate != nil || f.Breaking != nil || f.Sustained != nil || f.Knee != nil || f.Decided() {
			t.Errorf("limited: an estimate of %+v from behind a limiter, want none", f.Estimate)
		}
	}
	if f.Cause != want || (f.Mode == analyze.ModeLimited) != (class == "limited") {
		t.Errorf("%s: cause %s and mode %s, want cause %s", class, f.Cause, f.Mode, want)
	}
}

// erlang is the mean response time of M/M/c over the mean service time, at a share of capacity (A. K. Erlang, 1917).
func erlang(c int, rho float64) float64 {
	a, b := rho*float64(c), 1.
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b) // Erlang B
	}
	wait := b / (1 - rho*(1-b)) // Erlang C
	return 1 + wait/(float64(c)*(1-rho))
}

func TestKneesOfMarkovQueues(t *testing.T) {
	many(t)
	t.Parallel()
	var off sample
	covered, n := 0, 0
	for seed := range uint64(16) {
		c := []int{1, 2, 4, 16}[seed%4]
		capacity := 500 * float64(1+seed%3)
		f := search(t, analyze.Plan{Budget: 5 * time.Minute, Seed: seed}, sim.New(queue(capacity, c, sim.Exponential), seed))
		truth, best := 0., 0.
		for rho := .2; rho < .99; rho += .002 {
			// The network's share is known: 1 ms beside the service time.
			if power := rho / (erlang(c, rho) + 1e-3*capacity/float64(c)); power > best {
				truth, best = rho*capacity, power
			}
		}
		if f.Knee == nil {
			t.Errorf("M/M/%d, seed %d: no knee, want one near %.0f/s (%s)", c, seed, truth, f.Why)
			continue
		}
		n++
		off = append(off, math.Abs(f.Knee.Value/truth-1))
		if holds(f.Knee, truth) {
			covered++
		}
	}
	t.Logf("knee error: median %.1f%%, p90 %.1f%%, max %.1f%%; covered %d of %d", 100*off.at(.5), 100*off.at(.9), 100*off.at(1), covered, n)
	if off.at(.5) > .06 || off.at(.9) > .2 || float64(covered) < .75*float64(n) {
		t.Errorf("knee error: median %.3f, p90 %.3f, covered %d of %d; want 0.06, 0.2 and 3 in 4", off.at(.5), off.at(.9), covered, n)
	}
}

// seeds is how often a search is made with another seed: once in a short run, which looks for races.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return 1
	}
	return n
}

// many leaves a test of many searches out of a short run, which looks for races: a search has none to find.
func many(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("many searches in one goroutine: run without -short")
	}
}
