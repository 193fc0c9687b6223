package sim_test

import (
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

const ms = time.Millisecond

// Five at once into a queue of 100/s that holds two: three are let in, 10 ms apart, and the servers see them so.
func TestAQueueHoldsRequests(t *testing.T) {
	target := queue(1, sim.Deterministic, ms)
	target.Limiter = sim.One(model.NewQueue(100, 2, 0))
	order := attack.Trial{N: 1, LogMax: 10, Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Len: time.Second, Burst: 5}}}}}}
	m := run(t, sim.New(target, 1), order, nil)
	for i, want := range []time.Duration{1 * ms, 11 * ms, 21 * ms} {
		if a := m.Log[2+i]; a.Outcome != attack.OK || a.Received != want { // refusals are answered first
			t.Errorf("request %d: %v after %v, want ok after %v", i+1, a.Outcome, a.Received, want)
		}
	}
	if w := m.Total(); w.OK != 3 || w.Throttled != 2 {
		t.Errorf("ok %d, throttled %d, want 3 and 2", w.OK, w.Throttled)
	}
	one := attack.Trial{N: 1, LogMax: 10, Serial: &attack.Serial{Max: 3}}
	target.Limiter = sim.One(model.NewQueue(100, 2, 0))
	if m := run(t, sim.New(target, 1), one, nil); m.Log[2].Received != 21*ms {
		t.Errorf("the third one after the other is done at %v, want 21 ms", m.Log[2].Received)
	}
}

// A client whose patience is shorter than the hold is gone before the servers see its request.
func TestAHoldMayOutlastPatience(t *testing.T) {
	target := queue(1, sim.Deterministic, ms)
	target.Timeout, target.Limiter = 15*ms, sim.One(model.NewQueue(100, 2, 0))
	order := attack.Trial{N: 1, LogMax: 10, Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Len: time.Second, Burst: 3}}}}}}
	m := run(t, sim.New(target, 1), order, nil)
	if w := m.Total(); w.OK != 2 || w.Timeout != 1 || m.Took != time.Second {
		t.Errorf("ok %d, timeout %d, took %v; want 2, 1 and no longer than the second", w.OK, w.Timeout, m.Took)
	}
}

// Places of a concurrency limit come back when the answer is there, for each key apart.
func TestPlacesComeBack(t *testing.T) {
	target := queue(10, sim.Deterministic, 100*ms)
	target.Limiter = sim.PerKey(func(string) sim.Limiter { return sim.One(model.NewConcurrency(2)) })
	two := attack.Schedule{Segments: []attack.Segment{{Len: 150 * ms, Burst: 3}, {Len: time.Second, Burst: 3}}}
	order := attack.Trial{N: 1, Actors: []attack.Actor{{Identity: attack.Identity{Value: "a"}, Schedule: two}, {Identity: attack.Identity{Value: "b"}, Schedule: two}}}
	m := run(t, sim.New(target, 1), order, nil)
	for actor := range 2 {
		if w := m.Of(actor); w.OK != 4 || w.Throttled != 2 {
			t.Errorf("actor %d: ok %d, throttled %d, want two of three, twice", actor, w.OK, w.Throttled)
		}
	}
}

// Two sent 1 ms apart over an uplink of 10 ms may arrive in the other order; both arrive within it.
func TestAnUplinkReorders(t *testing.T) {
	target := queue(1000, sim.Deterministic, ms)
	target.Uplink = 10 * ms
	var seen []int64
	last := time.Duration(0)
	target.Limiter = sim.LimiterFunc(func(at time.Duration, _ string) (bool, time.Duration) {
		if at < last {
			t.Errorf("the limiter's time goes back from %v to %v", last, at)
		}
		last = at
		seen = append(seen, int64(at))
		return true, 0
	})
	order := hold(1000, time.Second)
	order.LogMax = 2000
	m := run(t, sim.New(target, 1), order, nil)
	swapped := 0
	for i := range m.Log {
		if d := m.Log[i].Received - m.Log[i].Sent; d < ms || d > 11*ms {
			t.Fatalf("request %d took %v, want 1 ms of work and up to 10 ms of way", i, d)
		}
		if i > 0 && m.Log[i].Received < m.Log[i-1].Received {
			swapped++
		}
	}
	if swapped == 0 || len(seen) != 1000 {
		t.Errorf("%d of 1000 seen, %d overtaken; want all, and some overtaken", len(seen), swapped)
	}
}
