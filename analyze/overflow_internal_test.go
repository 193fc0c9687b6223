package analyze

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// The share that an M/M/1/K queue refuses is known: (1 − ρ) ρ^K / (1 − ρ^(K+1)).
func TestOverflowIsExactForMarkovQueues(t *testing.T) {
	for _, k := range []float64{3, 10, 50} {
		o := overflow{100, k + 1}
		for _, rho := range []float64{.5, .9, 1.1, 2} {
			want := (1 - rho) * math.Pow(rho, k) / (1 - math.Pow(rho, k+1))
			if got := o.share(100 * rho); math.Abs(got/want-1) > 1e-9 {
				t.Errorf("%.0f places, ρ %.1f: %.3g fails, want %.3g", k, rho, got, want)
			}
		}
		if got := o.share(100); math.Abs(got*(k+1)-1) > 1e-9 {
			t.Errorf("%.0f places, at capacity: %.3g fails, want 1 in %.0f", k, got, k+1)
		}
		if got := o.share(100 * relative(k+1, .01)); math.Abs(got-.01) > 2e-4 {
			t.Errorf("%.0f places: %.4f fails where .01 should", k, got)
		}
	}
}

// heldAt are trials of a target at some loads.
func heldAt(t *testing.T, target sim.Target, seed uint64, long time.Duration, loads ...float64) *search {
	t.Helper()
	s := &search{finding: finding{mode: ModeErrors, hi: math.Inf(1), breaking: math.Inf(1), estimate: loads[0]}, rest: Rest{P50: 10 * time.Millisecond, P99: 30 * time.Millisecond, Mean: 11 * time.Millisecond, CS2: .25}}
	for i, load := range loads {
		order := attack.Trial{N: i + 1, Phase: Confirm, Seed: 100*seed + uint64(i), Warmup: long / 5, Actors: []attack.Actor{{Schedule: attack.Constant(load, long, attack.Poisson)}}}
		m, err := sim.New(target, order.Seed).Run(context.Background(), order, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.book(m, Judge(m, s.rest, s.goal, Full))
	}
	return s
}

// longRun is the load of which the goal's share fails in the long run.
func longRun(t *testing.T, target sim.Target, lo, hi float64) float64 {
	t.Helper()
	for hi/lo > 1.004 {
		mid := math.Sqrt(lo * hi)
		c := counts(heldAt(t, target, 99, 5*time.Minute, mid).rows[0].m)
		if share(failures(c), c.Due) > DefaultFailed {
			hi = mid
		} else {
			lo = mid
		}
	}
	return math.Sqrt(lo * hi)
}

// Trials of 20 s around it tell where a bounded queue breaks, however many places it has.
func TestAllTrialsTogetherTellWhereItOverflows(t *testing.T) {
	t.Parallel()
	covered, n, off := 0, uint64(0), 0.
	for _, places := range []int{5, 20, 80} {
		target := sim.Target{Servers: 1, Queue: places, Shed: time.Second, Service: sim.Service{Shape: sim.Lognormal, CV: .5, Mean: 10 * time.Millisecond}}
		truth := longRun(t, target, 60, 110)
		for range runs(8) {
			n++
			s := heldAt(t, target, n, 20*time.Second, 1.2*truth, .9*truth, .96*truth, 1.04*truth)
			s.tell()
			b := s.believed
			if b.lo <= truth && truth <= b.hi {
				covered++
			}
			off = max(off, math.Abs(b.value/truth-1))
			if b.lo >= b.value || b.value >= b.hi || b.hi > 1.5*b.lo {
				t.Errorf("%d places, run %d: %.1f (%.1f to %.1f), want an interval around it", places, n, b.value, b.lo, b.hi)
			}
		}
	}
	t.Logf("%d of %d cover, at most %.1f %% off", covered, n, 100*off)
	if float64(covered) < .85*float64(n) || off > .1 {
		t.Errorf("%d of %d cover, at most %.1f %% off, want 85 %% and 10 %%", covered, n, 100*off)
	}
}

// Of a target whose clients give up it is told where they do, though hardly any did.
func TestOverloadsTellHowMuchClientsBear(t *testing.T) {
	t.Parallel()
	target := sim.Target{Servers: 2, Timeout: 500 * time.Millisecond, Service: sim.Service{Shape: sim.Lognormal, CV: .5, Mean: 10 * time.Millisecond}}
	truth := longRun(t, target, 150, 210)
	for run := range runs(4) {
		s := heldAt(t, target, run, 20*time.Second, 1.15*truth, 1.1*truth)
		s.tell()
		if b := s.believed; math.Abs(b.value/truth-1) > .04 || b.lo > truth || b.hi < truth {
			t.Errorf("run %d: %.1f (%.1f to %.1f), want %.1f", run, b.value, b.lo, b.hi, truth)
		}
	}
}

// Where it is a bound on latency that breaks, or an endpoint that is full, failures tell nothing; nor does a backlog.
func TestFailuresTellNothingOfOtherBounds(t *testing.T) {
	t.Parallel()
	target := sim.Target{Servers: 1, Queue: 5, Shed: time.Second, Service: sim.Service{Shape: sim.Lognormal, CV: .5, Mean: 10 * time.Millisecond}}
	s := heldAt(t, target, 1, 20*time.Second, 100, 60)
	if s.tell(); s.believed == (belief{}) {
		t.Fatal("failures tell nothing")
	}
	for name, change := range map[string]func(*search){
		"latency":  func(s *search) { s.rows[0].j.Why = Slow },
		"endpoint": func(s *search) { s.rows[0].j.Part = .5 },
		"backlog":  func(s *search) { s.mode = ModeCapacity },
	} {
		s := heldAt(t, target, 1, 20*time.Second, 100, 60)
		change(s)
		if s.tell(); s.believed != (belief{}) {
			t.Errorf("%s: %+v is believed, want nothing", name, s.believed)
		}
	}
}

// The next load is on the side of the missing bound, and between both.
func TestTheNextLoadIsWhereItIsBelieved(t *testing.T) {
	b, inf := belief{90, 100, 108}, math.Inf(1)
	for _, r := range []struct{ l, h, least, most float64 }{
		{0, 105, 90, 99}, {0, 96, 80, 94}, {95, inf, 101, 108}, {104, inf, 105, 112}, {90, 110, 99, 101}, {90, 99, 96, 97}, {101, 120, 105, 106},
	} {
		if got := b.aim(r.l, r.h, .04, 1); got < r.least || got > r.most {
			t.Errorf("borne %.0f and not %.0f: next %.1f, want %.0f to %.0f", r.l, r.h, got, r.least, r.most)
		}
	}
}

// runs is how often chance falls: less often in a short run, which looks for races.
func runs(n uint64) uint64 {
	if testing.Short() {
		return n / 4
	}
	return n
}
