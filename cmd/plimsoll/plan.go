package main

import (
	"context"
	"fmt"
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
	bucket := model.NewBucket(c.Limit.Rate, c.Limit.Burst)
	throttle := sim.New(sim.Target{Servers: 1000, Service: sim.Service{Mean: time.Millisecond},
		Limiter: sim.LimiterFunc(func(at time.Duration, _ string) (bool, time.Duration) { return bucket.Take(at) })}, c.Seed)
	script, err := scenarios.New(c)
	if err != nil {
		return err
	}
	var sent int64
	done, err := attack.Drive(context.Background(), script, throttle, nil, func(m attack.Measurement) error {
		sent += m.All().Attempts
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "target   %s\nlimit    %s with a burst of %d\nstorms   %d trials, about %d requests in %v\n",
		w.shown(), attack.Rate(c.Limit.Rate), c.Limit.Burst, len(done), sent, throttle.Clock().Round(time.Second))
	return err
}
