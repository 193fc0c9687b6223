package analyze_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// found is one simulated search.
type found struct {
	analyze.Capacity
	done []attack.Measurement
	took time.Duration
}

func search(t testing.TB, p analyze.Plan, r *sim.Runner) found {
	t.Helper()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	done, err := attack.Drive(context.Background(), p, r, nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatalf("search: %v", err)
	}
	return found{p.Capacity(done), done, r.Clock()}
}

// sample sums up a set of numbers.
type sample []float64

func (s sample) at(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	s = slices.Sorted(slices.Values(s))
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

// show logs the trials of a search.
func show(t testing.TB, f found, truth float64) {
	at := time.Duration(0)
	for _, m := range f.done {
		c := m.All().Counts
		why := attack.Reason("")
		if m.Aborted != nil {
			why = m.Aborted.Reason
		}
		t.Logf("%7.2fs %3d %-10s load %8.1f (%.3f) due %6d ok %6d took %.2fs of %.2fs %s", at.Seconds(), m.Trial.N, m.Trial.Phase, m.Trial.Load(), m.Trial.Load()/truth, c.Due, c.OK, m.Took.Seconds(), m.Trial.Len().Seconds(), why)
		at += m.Trial.Idle + m.Took
	}
	t.Logf("%v %v: %s %v", f.Mode, f.Cause, f.Why, f.Notes)
}

func demoTarget(capacity float64, servers int) sim.Target {
	return sim.Target{Servers: servers, Network: time.Millisecond,
		Service: sim.Service{Shape: sim.Lognormal, CV: .5, Mean: time.Duration(float64(servers) / capacity * float64(time.Second))}}
}

func TestDemo(t *testing.T) {
	var off, took sample
	for seed := range uint64(50) {
		capacity := 400 * math.Pow(1500./400, float64(seed)/49)
		target := demoTarget(capacity, 8+int(seed%9))
		f := search(t, analyze.Plan{Budget: 45 * time.Second, Seed: seed}, sim.New(target, seed))
		if f.Estimate == nil {
			show(t, f, capacity)
			t.Errorf("seed %d: no estimate", seed)
			continue
		}
		off = append(off, math.Abs(f.Estimate.Value/capacity-1))
		took = append(took, f.took.Seconds())
		if seed == 10 || off[len(off)-1] > .04 || f.Knee == nil {
			show(t, f, capacity)
		}
		t.Logf("seed %d C=%.0f c=%d est %.3f [%.3f %.3f] in %.1fs", seed, capacity, target.Servers, f.Estimate.Value/capacity, f.Estimate.Lo/capacity, f.Estimate.Hi/capacity, f.took.Seconds())
	}
	t.Logf("error med %.2f%% p90 %.2f%% max %.2f%%; took med %.1f max %.1f", 100*off.at(.5), 100*off.at(.9), 100*off.at(1), took.at(.5), took.at(1))
}
