package analyze_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// dying is a target that refuses every connection from a moment on.
type dying struct {
	*sim.Runner
	at time.Duration
}

func (d dying) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	began := d.Clock()
	dead := func(at time.Duration) bool { return began+at >= d.at }
	if watch != nil {
		sees := watch
		watch = func(k attack.Tick) attack.Reason {
			if dead(k.Elapsed) {
				k.Failed, k.OK, k.Response = k.Failed+k.OK, 0, 0
			}
			return sees(k)
		}
	}
	m, err := d.Runner.Run(ctx, t, watch)
	for i, k := range m.Ticks {
		if dead(k.Elapsed) {
			m.Ticks[i].Failed, m.Ticks[i].OK, m.Ticks[i].Response = k.Failed+k.OK, 0, 0
		}
	}
	for i, w := range m.Windows {
		if dead(w.At) {
			c := attack.Counts{Due: w.Due, Attempts: w.Due, Failed: w.Due}
			m.Windows[i] = attack.Window{Actor: w.Actor, At: w.At, Len: w.Len, Warmup: w.Warmup, Counts: c, Errors: map[string]int64{"connection refused": w.Due}}
			m.Settled = false
		}
	}
	return m, err
}

// A target that dies during the search has no capacity: what it did not answer any more tells nothing of what it bears.
func TestATargetThatDiesHasNoCapacity(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Duration{0, time.Second, 3 * time.Second, 6 * time.Second, 9 * time.Second} {
		r := dying{sim.New(queue(800, 8, sim.Lognormal), 1), at}
		p := analyze.Plan{Seed: 1, Profile: analyze.Quick}
		done, err := attack.Drive(context.Background(), p, r, nil, func(attack.Measurement) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		c := p.Capacity(done)
		if c.Cause != analyze.CauseGone || !strings.HasSuffix(c.Why, ": connection refused") || c.Decided() {
			t.Errorf("dead after %v: cause %s (%s), decided %v; want that it is gone, with the class of error", at, c.Cause, c.Why, c.Decided())
		}
		if c.Sustained != nil && c.Sustained.Value < 10 || c.Estimate != nil && (c.Estimate.Lo < 100 || c.Estimate.Value > 1000) {
			t.Errorf("dead after %v: sustained %+v, estimate %+v; want nothing that rests on the silence", at, c.Sustained, c.Estimate)
		}
		if late := r.Clock() - at; late > 60*time.Second {
			t.Errorf("dead after %v: the search went on for %v", at, late)
		}
		for _, point := range c.Points {
			if point.Class == analyze.Overloaded && point.Counts.OK == 0 {
				t.Errorf("dead after %v: %v/s is told as overloaded, of which nothing was answered", at, point.Load)
			}
		}
	}
}

// A target that only comes to answer late, or with errors, is no dead one.
func TestATargetThatAnswersBadlyIsNotGone(t *testing.T) {
	t.Parallel()
	slow := queue(200, 2, sim.Lognormal)
	slow.Queue = 20
	if f := search(t, analyze.Plan{Seed: 1, Profile: analyze.Quick}, sim.New(slow, 1)); f.Cause == analyze.CauseGone || !f.Decided() {
		t.Errorf("cause %s (%s), want a bracket", f.Cause, f.Why)
	}
}
