package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report"
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
			a.given = c.Flags().Changed
			return a.find(c.Context(), resume)
		}}
	fs := c.Flags()
	a.goalFlags(fs)
	a.findFlags(fs)
	a.outputFlags(fs)
	targetFlags(fs, &a.spec.Target)
	a.baselineFlag(fs)
	fs.StringVar(&resume, "resume", "", "go on with a `run` that was cut off; no trial is sent twice")
	fs.BoolVar(&a.plan, "plan", false, "say what would be sent, and send nothing")
	return c
}

// targetArg wants a URL, or none with --targets.
func targetArg(c *cobra.Command, args []string) error {
	if err := applyEnv(c.Flags()); err != nil {
		return err
	}
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
	var before *journal.Run
	if resume != "" {
		var err error
		if before, err = a.takeRun(resume); err != nil {
			return err
		}
	}
	if err := a.checkBaseline(); err != nil {
		return err
	}
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
	if before == nil {
		if err := w.preflight(ctx, false); err != nil {
			return err
		}
	}
	s, done, err := a.beginOrGoOn(resume, before, w, plan)
	if err != nil {
		return err
	}
	plan.Seed = a.spec.Seed
	err = s.guarded(ctx, func(ctx context.Context) (int, string, error) {
		c, err := s.search(ctx, plan, limits.Policy{}, w, done)
		if err != nil {
			return 0, "", err
		}
		code, outcome := judgeCapacity(ctx, c)
		return code, outcome, nil
	})
	if err == nil && !a.quiet {
		s.sayNext()
	}
	return err
}

// sayNext tells people the most urgent of the steps that the run asks for.
func (s *session) sayNext() {
	if steps := report.Fold(s.entries).Pressing(); len(steps) > 0 {
		fmt.Fprintf(s.app.err, "next, to %s: %s\n", steps[0].What, steps[0].In(s.dir))
	}
}

// search finds the capacity for each goal and records it: the brackets and the knee, then the burst that the target takes.
// It gives back the tightest.
func (s *session) search(ctx context.Context, plan analyze.Plan, policy limits.Policy, w *wire, done []attack.Measurement) (analyze.Capacity, error) {
	_, spent := searched(done)
	s.ahead("search", plan.Budget-spent, true, searchPhases...)
	done, err := s.drive(ctx, plan, w.engine, done)
	if err != nil {
		return analyze.Capacity{}, err
	}
	searching, c := done, plan.Capacity(done)
	policy.Goal = promised(plan, c)
	if ctx.Err() == nil && c.Decided() {
		last, took := searched(done)
		bursts := limits.Bursts{Capacity: c, Policy: policy, Budget: burstBudget(plan.Budget, took), First: last + 1, Seed: plan.Seed, FlightMax: plan.MaxInFlight}
		if why := bursts.Unplanned(); why != nil {
			c.Notes = append(c.Notes, attack.Note{Code: "no-bursts", Text: "no burst was tried: " + why.Error()})
		}
		s.ahead(limits.BurstPhase, bursts.Budget, true, limits.BurstPhase)
		if done, err = s.drive(ctx, bursts, w.engine, done); err != nil {
			return c, err
		}
		c.Burst = bursts.Tolerated(done)
	}
	if ctx.Err() != nil && !c.Decided() {
		return c, nil // cut off, it decided nothing: the trials stand for themselves
	}
	for _, other := range plan.Capacities(searching) {
		if other.Goal != c.Goal {
			if err := s.put(journal.Entry{Capacity: &other}); err != nil {
				return c, err
			}
		}
	}
	return c, s.put(journal.Entry{Capacity: &c})
}

// searchPhases are the steps of a find in their order, as those who look on are told of them. Not every search needs all.
var searchPhases = []string{analyze.Baseline, analyze.Ramp, analyze.Saturate, analyze.Confirm, analyze.Knee, analyze.Bookend, limits.BurstPhase}

// promised is the goal of a plan that a capacity is for.
func promised(p analyze.Plan, c analyze.Capacity) analyze.Goal {
	for _, g := range p.Also {
		if g.String() == c.Goal {
			return g
		}
	}
	return p.Goal
}

// burstBudget is the time for the burst experiment: what the search left, a fifth of the budget at least.
func burstBudget(budget, used time.Duration) time.Duration {
	return min(max(budget-used, budget/5), time.Minute)
}

// searched is the last trial of the search proper and the time that it took, whatever bursts a resumed run has sent
// already.
func searched(done []attack.Measurement) (last int, took time.Duration) {
	for _, m := range done {
		if m.Trial.Phase != limits.BurstPhase {
			last, took = max(last, m.Trial.N), took+m.Took
		}
	}
	return last, took
}

// judgeCapacity is the exit code and the outcome of a search.
func judgeCapacity(ctx context.Context, c analyze.Capacity) (int, string) {
	switch {
	case ctx.Err() != nil && !c.Decided():
		return exitInterrupted, "nothing is decided yet; find --resume goes on with a find"
	case c.Decided():
		return exitKept, fmt.Sprintf("capacity %.0f/s (%.0f to %.0f), breaks at %.0f/s", c.Estimate.Value, c.Estimate.Lo, c.Estimate.Hi, c.Breaking.Value)
	case c.Cause == analyze.CauseGenerator, c.Cause == analyze.CauseGone:
		return exitUnmeasured, "not measured: " + c.Why
	case c.Cause == analyze.CauseHarm:
		return exitHarm, "stopped: " + c.Why
	}
	return exitUndecided, "undecided: " + c.Why
}

// searchPlan is the search that the spec asks for.
func (a *app) searchPlan() (analyze.Plan, error) {
	f := a.spec.Find
	goals, err := analyze.ParseGoals(a.spec.Goals)
	if err != nil {
		return analyze.Plan{}, misuse("--goal: %w", err)
	}
	failed, err := analyze.ParsePercent(f.MaxFailed)
	if err != nil {
		return analyze.Plan{}, misuse("--max-failed: %w", err)
	}
	if f.MaxRate <= 0 {
		return analyze.Plan{}, misuse("--max-rate %s, want more than 0", f.MaxRate)
	}
	if f.MaxInFlight < 1 {
		return analyze.Plan{}, misuse("--max-inflight %d, want at least 1", f.MaxInFlight)
	}
	if f.MaxOverload <= 0 {
		return analyze.Plan{}, misuse("--max-overload-seconds %g, want above 0: a search cannot see where a service breaks without breaking it", f.MaxOverload)
	}
	if err := analyze.Profile(f.Profile).Validate(); err != nil {
		return analyze.Plan{}, &failure{code: exitMisuse, err: err, key: "find.profile"}
	}
	plan := analyze.Plan{Max: float64(f.MaxRate), Budget: f.Budget, Profile: analyze.Profile(f.Profile), Goal: goals[0], Also: goals[1:], Arrivals: f.Arrivals,
		MaxInFlight: f.MaxInFlight, MaxOverloadSeconds: f.MaxOverload, MaxFailed: failed, Gentle: f.Gentle, Seed: a.spec.Seed}
	if err := plan.Validate(); err != nil {
		return plan, misuse("%w", err)
	}
	return plan, nil
}

// goal is the promise that the spec makes, all its terms together. A search may take them for several: see ParseGoals.
func (a *app) goal() (analyze.Goal, error) {
	var goal analyze.Goal
	for _, text := range a.spec.Goals {
		for _, term := range strings.Split(text, ",") {
			if err := goal.Parse(term); err != nil {
				return goal, misuse("--goal: %w", err)
			}
		}
	}
	return goal, nil
}

// boundBy are the flags that a resumed run takes from its own journal: another bound would be another search.
var boundBy = []string{"budget", "quick", "thorough", "max-rate", "arrivals", "gentle", "max-overload-seconds", "max-failed", "max-inflight", "goal", "seed", "out"}

// takeRun makes the bounds, the goal and the seed of a run that was cut off those of this one.
func (a *app) takeRun(path string) (*journal.Run, error) {
	dir, entries, err := readRun(path)
	if err != nil {
		return nil, err
	}
	run := entries[0].Run
	if run.Command != "find" {
		return nil, misuse("--resume: %s is a run of %s, only a find can go on", dir, run.Command)
	}
	for _, name := range boundBy {
		if a.given(name) {
			return nil, misuse("--resume goes on with the run's own --%s: leave it out", name)
		}
	}
	var spec Spec
	if err := json.Unmarshal(run.Spec, &spec); err != nil {
		return nil, misuse("--resume: the spec of %s: %w", dir, err)
	}
	health := a.spec.Find.Health
	a.spec.Find, a.spec.Goals, a.spec.Seed = spec.Find, spec.Goals, run.Seed
	a.spec.Find.Health = health // its URL may hold secrets, which the journal does not
	return run, nil
}

// beginOrGoOn begins a find, or opens the one that was cut off and gives back what it measured.
func (a *app) beginOrGoOn(resume string, before *journal.Run, w *wire, plan analyze.Plan) (*session, []attack.Measurement, error) {
	if before == nil {
		s, err := a.beginOn("find", w, func(r *journal.Run) { r.Goal = plan.Goal.String() })
		return s, nil, err
	}
	if !w.matches(before.Fingerprint) {
		return nil, nil, misuseHint("give the same URL, headers and body, and the same way to it, as the first time", "--resume: the target is not the one of %s", resume)
	}
	return a.reopen(resume)
}

// reopen goes on with the journal of a run, and gives back what it measured.
func (a *app) reopen(path string) (*session, []attack.Measurement, error) {
	dir, _, err := readRun(path)
	if err != nil {
		return nil, nil, err
	}
	looking, err := a.invite()
	if err != nil {
		return nil, nil, err
	}
	writer, entries, err := journal.Append(filepath.Join(dir, journalName))
	if err != nil {
		looking.leave()
		return nil, nil, misuse("--resume: %w", err)
	}
	s := &session{app: a, dir: dir, writer: writer, audience: append(looking, a.fold()), entries: entries}
	var done []attack.Measurement
	s.show(entries[0])
	s.recall(entries[1:])
	for _, e := range entries {
		if e.Trial != nil && (e.Trial.Aborted == nil || e.Trial.Aborted.Reason != attack.Interrupted) {
			done = append(done, *e.Trial)
		}
	}
	s.show(journal.Entry{Note: &attack.Note{Code: "resumed", Text: fmt.Sprintf("going on after %s of %s", attack.Plural(len(done), "trial"), dir)}})
	return s, done, nil
}
