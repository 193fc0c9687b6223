package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

func (a *app) findCmd() *cobra.Command {
	var resume string
	c := &cobra.Command{Use: "find URL", GroupID: "measure", Short: "Bracket the latency knee and the breaking load of a service",
		Long: "Find the load a service bears: ramp an open-loop arrival rate, bracket the breaking load, estimate the knee, and measure\n" +
			"how large a burst the service takes. Each number comes with its interval and the reason the search stopped.",
		Example: "  plimsoll find http://127.0.0.1:8080/checkout --goal 'p99<250ms'\n  plimsoll find --targets requests.http --max-rate 2k --quick\n  plimsoll find --resume plimsoll-runs/20260102-150405-checkout http://127.0.0.1:8080/checkout",
		Args:    targetArg,
		RunE: func(c *cobra.Command, args []string) error {
			a.takeURL(args)
			return a.find(c.Context(), resume)
		}}
	fs := c.Flags()
	a.goalFlags(fs)
	a.findFlags(fs)
	a.outputFlags(fs)
	targetFlags(fs, &a.spec.Target)
	fs.StringVar(&resume, "resume", "", "go on with a `run` that was cut off; no trial is sent twice")
	fs.BoolVar(&a.plan, "plan", false, "say what would be sent, and send nothing")
	return c
}

// targetArg wants a URL, or none with --targets.
func targetArg(c *cobra.Command, args []string) error {
	if f := c.Flags().Lookup("targets"); f != nil && f.Changed && len(args) == 0 {
		return nil
	}
	return oneArg("URL")(c, args)
}

func (a *app) takeURL(args []string) {
	if len(args) > 0 {
		a.spec.Target.URL = args[0]
	}
}

// find runs a search as a run of its own.
func (a *app) find(ctx context.Context, resume string) error {
	plan, err := a.searchPlan()
	if err != nil {
		return err
	}
	w, err := a.wire()
	if err != nil {
		return err
	}
	defer w.close()
	if a.plan {
		return a.explain(plan, w)
	}
	var s *session
	var done []attack.Measurement
	if resume != "" {
		if s, done, err = a.resume(resume, w, plan); err != nil {
			return err
		}
		plan.Seed = a.spec.Seed
	} else {
		if err := w.preflight(ctx, false); err != nil {
			return err
		}
		if s, err = a.beginOn("find", w, func(r *journal.Run) { r.Goal = plan.Goal.String() }); err != nil {
			return err
		}
		plan.Seed = a.spec.Seed
	}
	return s.guarded(ctx, func(ctx context.Context) (int, string, error) {
		c, err := s.search(ctx, plan, w, done)
		if err != nil {
			return 0, "", err
		}
		code, outcome := judgeCapacity(c)
		return code, outcome, nil
	})
}

// search finds a capacity and records it: the bracket and the knee, then the burst that the target takes.
func (s *session) search(ctx context.Context, plan analyze.Plan, w *wire, done []attack.Measurement) (analyze.Capacity, error) {
	began := time.Now()
	done, err := s.drive(ctx, plan, w.engine, done)
	if err != nil {
		return analyze.Capacity{}, err
	}
	c := plan.Capacity(done)
	if ctx.Err() == nil && c.Decided() {
		bursts := limits.Bursts{Capacity: c, Policy: limits.Policy{Goal: plan.Goal}, Budget: burstBudget(plan.Budget, time.Since(began)), First: next(done), Seed: plan.Seed, FlightMax: plan.MaxInFlight}
		if done, err = s.drive(ctx, bursts, w.engine, done); err != nil {
			return c, err
		}
		c.Burst = bursts.Tolerated(done)
	}
	return c, s.put(journal.Entry{Capacity: &c})
}

// burstBudget is the time for the burst experiment: what the search left, a fifth of the budget at least.
func burstBudget(budget, used time.Duration) time.Duration {
	return min(max(budget-used, budget/5), time.Minute)
}

// next is the first trial number that none of those done has.
func next(done []attack.Measurement) int {
	n := 0
	for _, m := range done {
		n = max(n, m.Trial.N)
	}
	return n + 1
}

// judgeCapacity is the exit code and the outcome of a search.
func judgeCapacity(c analyze.Capacity) (int, string) {
	switch {
	case c.Decided():
		return exitKept, fmt.Sprintf("breaks at %.0f/s (%.0f to %.0f)", c.Estimate.Value, c.Estimate.Lo, c.Estimate.Hi)
	case c.Cause == analyze.CauseGenerator:
		return exitUnmeasured, "not measured: " + c.Why
	case c.Cause == analyze.CauseHarm:
		return exitHarm, "stopped: " + c.Why
	}
	return exitUndecided, "undecided: " + c.Why
}

// searchPlan is the search that the spec asks for.
func (a *app) searchPlan() (analyze.Plan, error) {
	f := a.spec.Find
	goal, err := a.goal()
	if err != nil {
		return analyze.Plan{}, err
	}
	failed, err := analyze.ParsePercent(f.MaxFailed)
	if err != nil {
		return analyze.Plan{}, misuse("--max-failed: %w", err)
	}
	plan := analyze.Plan{Max: float64(f.MaxRate), Budget: f.Budget, Profile: analyze.Profile(f.Profile), Goal: goal, Arrivals: f.Arrivals,
		MaxInFlight: f.MaxInFlight, MaxOverloadSeconds: f.MaxOverload, MaxFailed: failed, Gentle: f.Gentle, Seed: a.spec.Seed}
	if err := plan.Validate(); err != nil {
		return plan, misuse("%w", err)
	}
	return plan, nil
}

// goal is the promise that the spec makes.
func (a *app) goal() (analyze.Goal, error) {
	var goal analyze.Goal
	for _, text := range a.spec.Goals {
		if err := goal.Parse(text); err != nil {
			return goal, misuse("--goal: %w", err)
		}
	}
	return goal, nil
}

// resume opens a run that was cut off and gives back what it measured.
func (a *app) resume(path string, w *wire, plan analyze.Plan) (*session, []attack.Measurement, error) {
	dir, entries, err := readRun(path)
	if err != nil {
		return nil, nil, err
	}
	run := entries[0].Run
	if run.Command != "find" {
		return nil, nil, misuse("--resume: %s is a run of %s, only a find can go on", dir, run.Command)
	}
	if want := w.target.Fingerprint([]byte(run.ID)); want != run.Fingerprint {
		return nil, nil, misuseHint("give the same URL, headers and body as the first time", "--resume: the target is not the one of %s", dir)
	}
	if run.Goal != plan.Goal.String() {
		return nil, nil, misuseHint("its goal was "+run.Goal, "--resume: the goal %q is not the one of %s", plan.Goal.String(), dir)
	}
	a.spec.Seed = run.Seed
	writer, entries, err := journal.Append(filepath.Join(dir, journalName))
	if err != nil {
		return nil, nil, misuse("--resume: %w", err)
	}
	s := &session{app: a, dir: dir, writer: writer, view: a.openView(), entries: entries}
	var done []attack.Measurement
	for _, e := range entries {
		s.view.Feed(e)
		if e.Trial != nil && (e.Trial.Aborted == nil || e.Trial.Aborted.Reason != attack.Interrupted) {
			done = append(done, *e.Trial)
		}
	}
	return s, done, nil
}
