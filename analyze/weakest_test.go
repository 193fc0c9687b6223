package analyze_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// pools are a target of endpoints that share nothing, each with its share of the requests.
type pools struct {
	names  []string
	shares []float64
	sims   []*sim.Runner
}

func (p pools) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	var parts []attack.Measurement
	for i, r := range p.sims {
		own := t
		own.Seed += uint64(i)
		if t.Serial == nil {
			own.Actors = []attack.Actor{{Name: "load", Schedule: attack.Constant(p.shares[i]*t.Load(), t.Len(), attack.Poisson)}}
		}
		m, err := r.Run(ctx, own, nil)
		if err != nil {
			return m, err
		}
		e := attack.Endpoint{Name: p.names[i]}
		for _, w := range m.Windows {
			if !w.Warmup {
				e.Counts.Add(w.Counts)
				e.Response.Add(w.Response)
				e.Service.Add(w.Service)
			}
		}
		m.Endpoints = []attack.Endpoint{e}
		parts = append(parts, m)
	}
	m := attack.Merge(parts...)
	m.Trial = t
	for i, tick := range m.Ticks {
		if watch == nil {
			break
		}
		if why := watch(tick); why != "" {
			m.Ticks, m.Aborted = m.Ticks[:i+1], &attack.Abort{At: tick.Elapsed, Reason: why}
			break
		}
	}
	return m, nil
}

// A target of two endpoints breaks where the weaker does, however well the other fares: what is completed while a part of it
// is full is no capacity.
func TestTheWeakestEndpointIsTheCapacity(t *testing.T) {
	many(t)
	t.Parallel()
	for _, row := range []struct {
		share, full float64 // of the requests, and what the endpoint bears of its own
		other       float64
	}{{.25, 80, 2000}, {.5, 200, 2000}, {.1, 100, 3000}, {.75, 600, 400}} {
		truth := min(row.full/row.share, row.other/(1-row.share))
		for seed := range uint64(2) {
			slow, fast := queue(row.full, 2, sim.Lognormal), queue(row.other, 8, sim.Lognormal)
			r := pools{[]string{"slow", "fast"}, []float64{row.share, 1 - row.share}, []*sim.Runner{sim.New(slow, seed), sim.New(fast, seed+100)}}
			p := analyze.Plan{Seed: seed, Budget: 5 * time.Minute}
			done, err := attack.Drive(context.Background(), p, r, nil, func(attack.Measurement) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			c := p.Capacity(done)
			if !c.Decided() {
				t.Errorf("%+v: %s, want a bracket around %.0f/s", row, c.Why, truth)
				continue
			}
			if off := math.Abs(c.Estimate.Value/truth - 1); off > .1 || !holds(c.Estimate, truth) {
				t.Errorf("%+v, seed %d: breaks at %.0f/s (%.0f to %.0f), in truth at %.0f/s", row, seed, c.Estimate.Value, c.Estimate.Lo, c.Estimate.Hi, truth)
			}
			if c.Stationary != nil && !*c.Stationary {
				t.Errorf("%+v, seed %d: not stationary: %v", row, seed, c.Estimate.Notes)
			}
		}
	}
}
