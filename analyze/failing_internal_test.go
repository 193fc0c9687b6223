package analyze

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// failingOf is a search that has overloaded a target with a bounded queue at some loads.
func failingOf(t *testing.T, places int, loads ...float64) *search {
	t.Helper()
	target := sim.Target{Servers: 10, Queue: places, Shed: time.Second, Service: sim.Service{Shape: sim.Lognormal, CV: .5, Mean: 10 * time.Millisecond}}
	s := &search{finding: finding{mode: ModeErrors}, rest: Rest{P50: 10 * time.Millisecond, P99: 30 * time.Millisecond, Mean: 11 * time.Millisecond, CS2: .25}}
	for i, load := range loads {
		order := attack.Trial{N: i + 1, Seed: uint64(i), Warmup: time.Second, Actors: []attack.Actor{{Schedule: attack.Constant(load, 60*time.Second, attack.Poisson)}}}
		m, err := sim.New(target, uint64(i)).Run(context.Background(), order, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.book(m, Judge(m, s.rest, s.goal, Full))
	}
	return s
}

func TestTheNextLoadFailsAboutAsMuchAsTheGoalAllows(t *testing.T) {
	t.Parallel()
	all := []int{5, 10, 20, 40}
	if testing.Short() {
		all = all[1:2]
	}
	for _, places := range all {
		s := failingOf(t, places, 1120, 1000)
		next := s.failingLess(1000)
		if next >= 1000 || next < 1000/longestDown {
			t.Errorf("%d places: from 1000/s to %.0f/s", places, next)
		}
		if got := failingOf(t, places, next).failedAt(next); got < .001 || got > .025 {
			t.Errorf("%d places: %.2f %% fail at %.0f/s, want about 1 %%", places, 100*got, next)
		}
		s = failingOf(t, places, next, 1000)
		if in := s.inside(next, 1000); in <= next || in >= 1000 {
			t.Errorf("%d places: %.0f/s between %.0f/s and 1000/s", places, in, next)
		}
	}
	s := failingOf(t, 5, 1000)
	if got := s.failingLess(1000); !math.IsInf(got, 1) {
		t.Errorf("one load tells of %.0f/s, want nothing", got)
	}
	if s.mode = ModeCapacity; !math.IsInf(s.failingLess(900), 1) {
		t.Error("a backlog tells of failures")
	}
}
