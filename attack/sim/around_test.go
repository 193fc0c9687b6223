package sim_test

import (
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// completed is the rate of ok answers in the last three quarters of a trial.
func completed(m attack.Measurement) float64 {
	ok := int64(0)
	for _, k := range m.Ticks[10:] {
		ok += k.OK
	}
	return float64(ok) / (.75 * m.Trial.Len().Seconds())
}

// What comes in Poisson below the capacity that is told is borne, what comes above it is not.
func TestNoiseHasTheCapacityThatItsMeanTells(t *testing.T) {
	target := queue(4, sim.Exponential, 10*time.Millisecond)
	target.Noise = sim.Noise{SD: .07, Hold: .8, Every: 30 * time.Second, For: 6 * time.Second, Slow: 1.5}
	quiet := target
	quiet.Noise = sim.Noise{}
	if got := target.Capacity() / quiet.Capacity(); got > .93 || got < .88 {
		t.Errorf("a neighbour who is there a sixth of the time and slows by half leaves %.3f of the capacity, want about 0.91", got)
	}
	for load, want := range map[float64]bool{.93: true, 1.1: false} {
		m := run(t, sim.New(target, 3), hold(load*target.Capacity(), 1000*time.Second), nil)
		c := m.Total()
		if late := float64(c.Timeout) / float64(c.Due); (late < .01) != want {
			t.Errorf("at %v of its capacity %.1f %% wait for more than a minute, want that only above it", load, 100*late)
		}
	}
}

func TestServersAreAddedAfterAWhileOfLoad(t *testing.T) {
	target := queue(2, sim.Exponential, 10*time.Millisecond)
	target.Scale = sim.Scale{Max: 6, Step: 2, Above: .7, After: 10 * time.Second}
	if got := target.Scaled(); math.Abs(got/600-1) > 1e-9 {
		t.Errorf("6 servers of 100/s each are to bear %v/s, want 600/s", got)
	}
	busy := run(t, sim.New(target, 1), hold(500, 40*time.Second), nil)
	if early, late := float64(busy.Ticks[7].OK), float64(busy.Ticks[35].OK); math.Abs(early-200) > 30 || late < 450 {
		t.Errorf("500/s on 2 to 6 servers of 100/s: %v ok in second 8 and %v in second 36, want 200 and more than 450", early, late)
	}
	idle := run(t, sim.New(target, 1), hold(100, 40*time.Second), nil)
	r := sim.New(target, 1)
	run(t, r, hold(100, 40*time.Second), nil)
	if got := completed(run(t, r, hold(400, 8*time.Second), nil)); got > 230 || idle.Total().OK != 4000 {
		t.Errorf("after a light load %v/s are completed, want 200/s: half busy is no reason to add servers", got)
	}
}

func TestAPoolIsTheBottleneck(t *testing.T) {
	target := queue(16, sim.Exponential, 8*time.Millisecond)
	target.Pool = sim.Pool{Size: 4, Hop: 2 * time.Millisecond}
	if got := target.Capacity(); math.Abs(got/400-1) > 1e-9 {
		t.Errorf("4 connections of 10 ms a request bear %v/s, want 400/s", got)
	}
	if got := completed(run(t, sim.New(target, 1), hold(600, 40*time.Second), nil)); math.Abs(got/400-1) > .03 {
		t.Errorf("%v/s completed, want 400/s", got)
	}
	target.Pool.Wait = 100 * time.Millisecond
	m := run(t, sim.New(target, 1), hold(600, 40*time.Second), nil)
	if c := m.Total(); c.Statuses[500] < 6000 || c.Response.Max() > 250*time.Millisecond {
		t.Errorf("%d answers of 500 and a longest response of %v, want a third and no wait above 100ms", c.Statuses[500], c.Response.Max())
	}
}

func TestAGatewayTriesAgain(t *testing.T) {
	target := queue(1, sim.Deterministic, 100*time.Millisecond)
	target.Queue, target.Again = 1, sim.Again{Times: 2, Backoff: 70 * time.Millisecond}
	burst := attack.Trial{N: 1, LogMax: 10, Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Len: time.Second, Burst: 5}}}}}}
	// Two find room at once. The others come at 70 ms, when it is full, and at 140 ms, when one has left.
	m := run(t, sim.New(target, 1), burst, nil)
	if c := m.Total(); c.OK != 3 || c.Failed != 2 || c.Attempts != 5 {
		t.Errorf("5 at once: %d ok, %d failed in %d attempts, want 3, 2 and 5", c.OK, c.Failed, c.Attempts)
	}
	// A gateway without patience has the servers do everything three times: what they bear falls to a third.
	target.Queue, target.Again = 0, sim.Again{Times: 2, Patience: 20 * time.Millisecond}
	target.Timeout = time.Second
	if c := run(t, sim.New(target, 1), hold(6, 100*time.Second), nil).Total(); c.Timeout < 300 {
		t.Errorf("6/s on 10/s, each sent three times: %d of %d in time out, want most", c.Timeout, c.Due)
	}
	serial := attack.Trial{N: 1, Serial: &attack.Serial{Max: 1}}
	if c := run(t, sim.New(target, 1), serial, nil).Total(); c.OK != 1 || c.Response.Max() < 300*time.Millisecond {
		t.Errorf("one request: %d ok after %v, want the third time's answer at 340ms", c.OK, c.Response.Max())
	}
}

func TestAFullQueueBreaksConnectionsOff(t *testing.T) {
	target := queue(1, sim.Deterministic, time.Second)
	target.Queue, target.Drop = 3, true
	burst := attack.Trial{N: 1, Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Len: time.Second, Burst: 10}}}}}}
	if w := run(t, sim.New(target, 1), burst, nil).Total(); w.OK != 4 || w.Failed != 6 || w.Errors["reset"] != 6 {
		t.Errorf("10 at once on 1 server and 3 places: ok %d, failed %d, errors %v, want 4, 6 and 6 resets", w.OK, w.Failed, w.Errors)
	}
}

func TestDriftGoesOnFromWhereItIs(t *testing.T) {
	target := queue(1, sim.Deterministic, 10*time.Millisecond)
	target.Drift, target.Period, target.Ahead = .5, 400*time.Second, 100*time.Second // at its slowest
	m := run(t, sim.New(target, 1), attack.Trial{N: 1, Serial: &attack.Serial{Max: 1}}, nil)
	if got := m.Total().Response.Max(); got < 14*time.Millisecond {
		t.Errorf("a quarter into its swing an answer takes %v, want 15ms", got)
	}
}

func TestTrialsMayOverlap(t *testing.T) {
	target := queue(1, sim.Deterministic, 100*time.Millisecond)
	for overlap, want := range map[bool]time.Duration{false: 4 * time.Second, true: 2 * time.Second} {
		r := sim.New(target, 1)
		r.Overlap = overlap
		run(t, r, hold(20, 2*time.Second), nil)
		if got := r.Clock(); got < want || got > want+want/10 {
			t.Errorf("overlap %v: the clock stands at %v, want about %v", overlap, got, want)
		}
		next := run(t, r, attack.Trial{N: 2, Serial: &attack.Serial{Max: 1}}, nil).Total().Response.Max()
		if waits := next > time.Second; waits != overlap {
			t.Errorf("overlap %v: the next request takes %v, want a wait behind the trial before only where they overlap", overlap, next)
		}
	}
}

func TestServicesThatMakeNoSenseAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*sim.Target){
		"noise":   func(t *sim.Target) { t.Noise.Hold = 1 },
		"slow":    func(t *sim.Target) { t.Noise.Every = time.Minute },
		"scale":   func(t *sim.Target) { t.Scale.Max = 1 },
		"pool":    func(t *sim.Target) { t.Pool.Wait = -1 },
		"gateway": func(t *sim.Target) { t.Again.Times = 1 },
	} {
		target := queue(2, sim.Exponential, time.Millisecond)
		spoil(&target)
		if target.Validate() == nil {
			t.Errorf("%s: validates, want an error", name)
		}
	}
}
