package attack

import (
	"context"
	"errors"
	"fmt"
)

// Runner carries out trials. Engine, fleet and sim are its implementations.
//
// Run sends the trial and returns its measurement, aborted or not. It shows each Tick to watch (which may be nil) as it
// closes; the first reason that watch returns ends the trial. A cancelled ctx ends it too, with the reason "interrupted":
// the measurement so far is returned with no error. An error means that nothing could be measured at all.
type Runner interface {
	Run(ctx context.Context, t Trial, watch func(Tick) (stop Reason)) (Measurement, error)
}

// Planner is a pure function of what was measured: resume, replay, simulation and fuzzing follow from that.
type Planner interface {
	// Next is the trial to run after those done, in whatever order they are given; false ends the plan.
	Next(done []Measurement) (t Trial, more bool)
	// Watch is the rule that ends a trial early; nil watches nothing. Void and aborted trials stay in done.
	Watch(t Trial, done []Measurement) func(Tick) (stop Reason)
}

// Interrupted is the reason of a trial that a cancelled context ended.
const Interrupted Reason = "interrupted"

// TrialsMax bounds every plan: one that wants more has a fault.
const TrialsMax = 1000

// Drive is the one loop of the program: it asks p for trials, has r run them, and hands each measurement to sink, until p
// is done, ctx is cancelled, or something fails. done holds what an earlier run measured already. It returns all that is
// done; a cancelled ctx is no error, the caller sees it in ctx.
func Drive(ctx context.Context, p Planner, r Runner, done []Measurement, sink func(Measurement) error) ([]Measurement, error) {
	for range TrialsMax {
		if ctx.Err() != nil {
			return done, nil
		}
		t, more := p.Next(done)
		if !more {
			return done, nil
		}
		if err := t.Validate(); err != nil {
			return done, fmt.Errorf("trial %d (%s): %w", t.N, t.Phase, err)
		}
		m, err := r.Run(ctx, t, p.Watch(t, done))
		if err != nil {
			return done, fmt.Errorf("trial %d (%s): %w", t.N, t.Phase, err)
		}
		if err := m.Check(); err != nil {
			return done, err
		}
		done = append(done, m)
		if err := sink(m); err != nil {
			return done, err
		}
	}
	return done, errors.New("the plan did not end within 1000 trials")
}
