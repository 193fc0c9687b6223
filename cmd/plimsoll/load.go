package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

func (a *app) loadCmd() *cobra.Command {
	var manners attack.Manners
	c := &cobra.Command{Use: "load URL", GroupID: "measure", Short: "Just load: a constant rate, a ramp, or steps",
		Example: "  plimsoll load http://127.0.0.1:8080/ --rate 500/s --for 30s\n  plimsoll load http://127.0.0.1:8080/ --rate 100..2000 --for 10m --goal 'p99<250ms'\n  plimsoll load http://127.0.0.1:8080/ --rate 0 --burst 500 --for 2s\n  plimsoll load --targets - --rate 100,200,400 --for 20s",
		Args:    targetArg,
		RunE: func(c *cobra.Command, args []string) error {
			a.takeURL(args)
			return a.load(c.Context(), manners)
		}}
	fs := c.Flags()
	l := &a.spec.Load
	fs.StringVar(&l.Rate, "rate", l.Rate, "500/s, a ramp 100..2000, or steps 100,200,400")
	fs.DurationVar(&l.For, "for", l.For, "length of the load, of each step when there are several")
	fs.Var((*process)(&l.Arrivals), "arrivals", "how arrivals are spread: even, poisson or burst")
	fs.IntVar(&l.Burst, "burst", l.Burst, "requests sent all at once at the beginning, beside the rate, over connections opened before")
	fs.StringVar((*string)(&manners.Policy), "retry", "", "what a refused client does: "+attack.PolicyWords())
	a.goalFlags(fs)
	a.outputFlags(fs)
	targetFlags(fs, &a.spec.Target)
	fs.BoolVar(&a.plan, "plan", false, "say what would be sent, and send nothing")
	return c
}

// once plans a single trial.
type once struct{ trial attack.Trial }

func (o once) Next(done []attack.Measurement) (attack.Trial, bool)                      { return o.trial, len(done) == 0 }
func (o once) Watch(attack.Trial, []attack.Measurement) func(attack.Tick) attack.Reason { return nil }

func (a *app) load(ctx context.Context, manners attack.Manners) error {
	goal, err := a.goal()
	if err != nil {
		return err
	}
	schedule, err := a.spec.Load.schedule()
	if err != nil {
		return err
	}
	if err := manners.Validate(); err != nil {
		return misuse("--retry: %w", err)
	}
	w, err := a.wire()
	if err != nil {
		return err
	}
	defer w.close()
	if a.plan {
		_, err := fmt.Fprintf(a.out, "%s in %v, up to %s, to %s\n", attack.Plural(schedule.Count(), "request"), schedule.Len(), attack.Rate(schedule.Peak()), w.shown())
		return err
	}
	if err := w.preflight(ctx, true); err != nil {
		return err
	}
	s, err := a.beginOn("load", w, func(r *journal.Run) {
		if len(a.spec.Goals) > 0 {
			r.Goal = goal.String()
		}
	})
	if err != nil {
		return err
	}
	trial := attack.Trial{N: 1, Phase: "load", Why: a.spec.Load.Rate + " for " + a.spec.Load.For.String(), Seed: a.spec.Seed, Warm: largest(schedule),
		Actors: []attack.Actor{{Name: "load", Schedule: schedule, Manners: manners}}}
	return s.guarded(ctx, func(ctx context.Context) (int, string, error) {
		s.ahead("load", trial.Len(), false)
		done, err := s.drive(ctx, once{trial}, w.engine, nil)
		if err != nil || len(done) == 0 {
			return exitInterrupted, "nothing was sent", err
		}
		code, outcome := judgeLoad(done[0], goal, len(a.spec.Goals) > 0)
		if ctx.Err() != nil {
			outcome = cutShort(done[0], outcome)
		}
		return code, outcome, nil
	})
}

// largest is the most arrivals of a schedule that are due at one moment, 0 where each has a moment of its own.
func largest(s attack.Schedule) (n int) {
	for _, c := range s.Crowds() {
		n = max(n, int(c.Size))
	}
	return n
}

// cutShort is the outcome of a load that was interrupted: what it sent of what it owed, and what that much shows.
func cutShort(m attack.Measurement, outcome string) string {
	total := m.All()
	at := m.Trial.Len()
	if m.Aborted != nil {
		at = m.Aborted.At
	}
	return fmt.Sprintf("after %v of %v, with %d of %s due: %s", at.Round(100*time.Millisecond), m.Trial.Len(), total.Due, attack.Plural(m.Trial.Count(), "request"),
		strings.Replace(outcome, "goal kept:", "goal kept so far:", 1))
}

// judgeLoad is the exit code and outcome of a plain load: it keeps its goal, if it has one.
func judgeLoad(m attack.Measurement, goal analyze.Goal, asked bool) (int, string) {
	if why, fix := m.Void(); why != "" {
		return exitUnmeasured, "not measured: " + why + "; " + fix
	}
	total := m.Total()
	if !asked {
		return exitKept, fmt.Sprintf("%s, %d ok", attack.Plural(total.Due, "request"), total.OK) + failedBy(total)
	}
	if missed := goal.Missed(total); len(missed) > 0 {
		return exitBroken, "goal missed: " + strings.Join(missed, "; ")
	}
	if total.OK == 0 {
		return exitUndecided, "undecided: no request was answered well, so there is nothing to judge"
	}
	for _, b := range goal.Latency {
		if n := float64(total.Response.N()); n*(1-b.Quantile) < 1-1e-9 {
			return exitUndecided, fmt.Sprintf("undecided: %.0f requests have no p%g, it needs %.0f", n, b.Quantile*100, math.Ceil(1/(1-b.Quantile)-1e-9))
		}
	}
	return exitKept, "goal kept: " + goal.String()
}

// failedBy names what most of the connections failed by that did.
func failedBy(w attack.Window) string {
	if class := attack.Foremost(w.Errors); class != "" && w.Failed > 0 {
		return fmt.Sprintf(", %d failed, most often by: %s", w.Failed, class)
	}
	return ""
}

// maxSteps bounds the list of --rate, maxBurst the requests in flight at once: each needs a connection.
const (
	maxSteps = 1000
	maxBurst = 20_000
)

// schedule reads the grammar of --rate.
func (l LoadSpec) schedule() (attack.Schedule, error) {
	s := attack.Schedule{Process: l.Arrivals}
	if l.For <= 0 {
		return s, misuse("--for %v, want a time above 0", l.For)
	}
	if l.Burst < 0 || l.Burst > maxBurst {
		return s, misuse("--burst %d, want 0 to %d", l.Burst, maxBurst)
	}
	steps := strings.Split(l.Rate, ",")
	if len(steps) > maxSteps {
		return s, misuse("--rate lists %s, want at most %d", attack.Plural(len(steps), "step"), maxSteps)
	}
	for _, step := range steps {
		low, high, ramp := strings.Cut(step, "..")
		if !ramp {
			high = low
		} else if _, per, has := strings.Cut(high, "/"); has && !strings.Contains(low, "/") {
			low += "/" + per
		}
		from, err := attack.ParseRate(low)
		if err != nil {
			return s, misuse("--rate: %w", err)
		}
		to, err := attack.ParseRate(high)
		if err != nil {
			return s, misuse("--rate: %w", err)
		}
		s.Segments = append(s.Segments, attack.Segment{From: float64(from), To: float64(to), Len: l.For})
	}
	s.Segments[0].Burst = l.Burst
	if err := s.Validate(); err != nil {
		return s, misuse("--rate: %w", err)
	}
	if s.Count() == 0 {
		return s, misuse("--rate %s for %v owes no request", l.Rate, l.For)
	}
	return s, nil
}
