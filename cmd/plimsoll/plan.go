package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// explain says what a search would send. How much depends on what it finds; the bounds do not.
func (a *app) explain(p analyze.Plan, w *wire) error {
	_, err := fmt.Fprintf(a.out, "target   %s\ngoal     %s\nsearch   %s profile, %v at most, %s arrivals\nbounds   never above %s, at most %d in flight, %g s of overload\n",
		w.shown(), p.Goal, p.Profile, p.Budget, p.Arrivals, attack.Rate(p.Max), p.MaxInFlight, p.MaxOverloadSeconds)
	return err
}

// explainVerify says what the storms would send, by sending them in virtual time to a throttle that is as declared.
func (a *app) explainVerify(c scenarios.Config, w *wire) error {
	throttle := sim.New(sim.Target{Servers: 1000, Service: sim.Service{Mean: time.Millisecond}, Limiter: asDeclared(c)}, c.Seed)
	script, err := scenarios.New(c)
	if err != nil {
		return err
	}
	var sent int64
	lines, clock := "", time.Duration(0)
	done, err := attack.Drive(context.Background(), script, throttle, nil, func(m attack.Measurement) error {
		n, took := m.All().Attempts, throttle.Clock()-clock
		sent, clock = sent+n, throttle.Clock()
		lines += fmt.Sprintf("  %-26s %6.1f s %7d requests   %s\n", strings.TrimPrefix(m.Trial.Phase, scenarios.PhasePrefix), took.Seconds(), n, m.Trial.Why)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "target   %s\nlimit    %s with a burst of %d\n%sstorms   %d trials, about %d requests in %v\n",
		w.shown(), attack.Rate(c.Limit.Rate), c.Limit.Burst, lines, len(done), sent, throttle.Clock().Round(time.Second))
	return err
}

// asDeclared is a limiter that keeps its word: each key has the limit of its tier, and the exempt one none.
func asDeclared(c scenarios.Config) sim.Limiter {
	own := map[string]model.Limiter{}
	for _, k := range c.Keys {
		l := c.Limit
		for _, t := range c.Tiers {
			if t.Name == k.Identity.Tier {
				l = t.Limit
			}
		}
		own[k.Identity.Value.Reveal()] = model.NewBucket(l.Rate, l.Burst)
		if k.Exempt {
			own[k.Identity.Value.Reveal()] = nil
		}
	}
	return sim.PerKey(func(key string) sim.Limiter {
		l, known := own[key]
		switch {
		case known && l == nil:
			return sim.LimiterFunc(func(time.Duration, string) (bool, time.Duration) { return true, 0 })
		case known:
			return sim.One(l)
		case c.Window > 0:
			return sim.One(model.NewLog(c.Limit.Burst, c.Window))
		}
		return sim.One(model.NewBucket(c.Limit.Rate, c.Limit.Burst))
	})
}
