package scenarios_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// taker is a limiter of limits/model.
type taker interface {
	Take(time.Duration) (bool, time.Duration)
}

func limiter(l taker) sim.Limiter {
	return sim.LimiterFunc(func(at time.Duration, _ string) (bool, time.Duration) { return l.Take(at) })
}

// gateway is a throttle before a backend that bears half as much again as the limit.
func gateway(l taker, rate float64) sim.Target {
	t := sim.Target{Servers: 16, Service: sim.Service{Shape: sim.Lognormal, CV: .5, Mean: time.Duration(16 / max(1.5*rate, 300) * 1e9)},
		Network: 300 * time.Microsecond, Jitter: .5, Timeout: 5 * time.Second}
	if l != nil {
		t.Limiter = limiter(l)
	}
	return t
}

// long leaves a test of many whole scripts out of a short run, which is for races: nothing here starts a goroutine.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("many whole scripts: run without -short")
	}
}

// play runs a script to its end against a target and judges it.
func play(t testing.TB, c scenarios.Config, target sim.Target) ([]attack.Measurement, []scenarios.Verdict) {
	t.Helper()
	s, err := scenarios.New(c)
	if err != nil {
		t.Fatalf("New(%+v): %v", c, err)
	}
	done, err := attack.Drive(context.Background(), s, sim.New(target, c.Seed), nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return done, s.Verdicts(done)
}

// by lists checks by outcome, as ids in order.
func by(vs []scenarios.Verdict, o scenarios.Outcome) string {
	ids := map[string]bool{}
	for _, v := range vs {
		for _, c := range v.Checks {
			if c.Outcome == o {
				ids[c.ID] = true
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(ids)), " ")
}

// tell prints every check, for a failing test.
func tell(vs []scenarios.Verdict) string {
	var b strings.Builder
	for _, v := range vs {
		fmt.Fprintf(&b, "  %s: %s\n", v.Scenario, v.Outcome)
		for _, c := range v.Checks {
			fmt.Fprintf(&b, "    %s %-26s %-12s want %s · got %s · %s\n", c.ID, c.Name, c.Outcome, c.Want, c.Got, c.Why)
		}
	}
	return b.String()
}

func config(rate float64, burst int) scenarios.Config {
	return scenarios.Config{Limit: limits.Limit{Rate: rate, Burst: burst}, Brief: true, Seed: 1}
}

func TestACorrectBucketPassesEverything(t *testing.T) {
	for _, row := range []struct {
		rate  float64
		burst int
	}{{200, 100}, {250, 20}, {250, 200}, {600, 40}, {1200, 20}, {1200, 200}, {50, 5}, {5, 10}, {1000, 1}} {
		for seed := range seeds(2) {
			for _, short := range []bool{true, false} {
				if !short && seed > 0 || testing.Short() && (!short || row.rate > 250) {
					continue
				}
				c := config(row.rate, row.burst)
				c.Seed, c.Brief = seed, short
				done, vs := play(t, c, gateway(model.NewBucket(row.rate, row.burst), row.rate))
				if fails, unsure := by(vs, scenarios.Fail), by(vs, scenarios.Inconclusive); fails != "" || unsure != "" {
					t.Errorf("%v/s and %d, seed %d, brief %v: fail %q, inconclusive %q, want none\n%s", row.rate, row.burst, seed, short, fails, unsure, tell(vs))
				}
				if len(done) == 0 || scenarios.Overall(vs) != scenarios.Pass {
					t.Errorf("%v/s and %d: overall %s after %d trials", row.rate, row.burst, scenarios.Overall(vs), len(done))
				}
			}
		}
	}
}
