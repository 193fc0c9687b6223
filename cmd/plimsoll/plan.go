package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// What a search comes to depends on the service, which nothing is known of before anything is sent: the plan is told for
// services that answer in planService at rest and break at these loads.
const planService = 20 * time.Millisecond

var planLoads = []float64{30, 300, 3000, 30_000}

// stepsAt is the load whose search is told step by step.
const stepsAt = 300.

// explain says what a search would send, by sending it to services without chance.
func (a *app) explain(p analyze.Plan, w *wire) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("target   %s", w.shown())
	for _, g := range append([]analyze.Goal{p.Goal}, p.Also...) {
		line("goal     %s", g)
	}
	line("search   %s profile, %v at most, %s arrivals", p.Profile, p.Budget, p.Arrivals)
	line("bounds   never above %s, nor above twice what was borne before; at most %d in flight,\n         %g s of overload, each ended within about a second of evidence", attack.Rate(p.Max), p.MaxInFlight, p.MaxOverloadSeconds)
	steps := p.Forecast(min(stepsAt, p.Max/2), planService)
	line("steps    for a service that answers in %v and breaks at %s:", planService, attack.Rate(min(stepsAt, p.Max/2)))
	for _, s := range steps.Steps {
		highest := ""
		if s.MaxLoad > 0 {
			highest = "up to " + attack.Rate(s.MaxLoad).Round().String()
		}
		line("  %-10s %3d × %6.1f s %8d requests  %-14s %s", s.Phase, s.Trials, s.Seconds, s.Requests, highest, s.Why)
	}
	line("in all   by the load at which the service breaks; bursts not counted, which take %v more at most", burstBudget(p.Budget, p.Budget))
	line("  %10s %10s %14s %14s %24s", "breaks at", "takes", "sends", "at most", "beyond what it bears")
	for _, load := range planLoads {
		if f := p.Forecast(load, planService); load <= p.Max {
			line("  %10s %9.0fs %14d %14s %17.1f s of it", attack.Rate(load), f.Seconds, f.Requests, attack.Rate(f.MaxLoad).Round(), f.Beyond)
		}
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

// storming is what a script of storms comes to against a throttle that is as declared.
type storming struct {
	lines  string // one a trial
	trials int
	sent   int64
	took   time.Duration
}

func (s storming) String() string {
	return fmt.Sprintf("%s, about %s in %v", attack.Plural(s.trials, "trial"), attack.Plural(s.sent, "request"), s.took.Round(time.Second))
}

// rehearse sends the storms in virtual time.
func rehearse(c scenarios.Config) (s storming, err error) {
	throttle := sim.New(sim.Target{Servers: 1000, Service: sim.Service{Mean: time.Millisecond}, Limiter: asDeclared(c)}, c.Seed)
	script, err := scenarios.New(c)
	if err != nil {
		return s, err
	}
	done, err := attack.Drive(context.Background(), script, throttle, nil, func(m attack.Measurement) error {
		n, took := m.All().Attempts, throttle.Clock()-s.took
		s.sent, s.took = s.sent+n, throttle.Clock()
		s.lines += fmt.Sprintf("  %-26s %6.1f s %7d requests   %s\n", strings.TrimPrefix(m.Trial.Phase, scenarios.PhasePrefix), took.Seconds(), n, m.Trial.Why)
		return nil
	})
	s.trials = len(done)
	return s, err
}

// explainVerify says what the storms would send. beside is what else there is to say of the limit.
func (a *app) explainVerify(c scenarios.Config, w *wire, beside string) (storming, error) {
	s, err := rehearse(c)
	if err != nil {
		return s, err
	}
	limit := fmt.Sprintf("%s with a burst of %d", attack.Rate(c.Limit.Rate), c.Limit.Burst)
	if c.Algorithm == scenarios.Concurrency {
		limit = fmt.Sprintf("%d in flight", c.Limit.Burst)
	}
	_, err = fmt.Fprintf(a.out, "target   %s\nlimit    %s%s\n%sstorms   %s\n", w.shown(), limit, beside, s.lines, s)
	if words := leftOutByQuick(c); words != "" && err == nil {
		_, err = fmt.Fprintln(a.out, words)
	}
	return s, err
}

// explainRun says what a whole spec would send: the search, and the storms for the limit that was told. Where it is the one
// that will be advised, they are told for what a service may get that breaks at stepsAt.
func (a *app) explainRun(p analyze.Plan, w, throttled *wire, told *limits.Limit, margin float64) error {
	if err := a.explain(p, w); err != nil {
		return err
	}
	bursts, breaks := burstBudget(p.Budget, p.Budget), min(stepsAt, p.Max/2)
	whole := func(storms storming, more string) error {
		_, err := fmt.Fprintf(a.out, "whole    about %v at most: %v of search, %v of bursts%s\n         about %s and the bursts, to a service that breaks at %s\n",
			(p.Budget + bursts + storms.took).Round(time.Second), p.Budget, bursts, more, attack.Plural(p.Forecast(breaks, planService).Requests+storms.sent, "request"), attack.Rate(breaks))
		return err
	}
	if throttled == nil {
		return whole(storming{}, "; no storms, for verify.url names no throttle")
	}
	limit, beside := limits.Limit{Rate: (1 - margin) * breaks}, ""
	limit.Burst = max(1, int(limit.Rate/2))
	if told != nil {
		limit = *told
	} else {
		beside = fmt.Sprintf(", which a service may get that breaks at %s: the limit is the one that is advised.\n         Another takes as long, and sends in proportion", attack.Rate(breaks))
	}
	config, err := a.scenarioConfig(limit)
	if err != nil {
		return err
	}
	storms, err := a.explainVerify(config, throttled, beside)
	if err != nil {
		return err
	}
	return whole(storms, fmt.Sprintf(", %v of storms", storms.took.Round(time.Second)))
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
		own[k.Identity.Value.Reveal()] = limiterOf(c, l)
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
		}
		return sim.One(limiterOf(c, c.Limit))
	})
}

// limiterOf is a limiter of a key, as it was declared.
func limiterOf(c scenarios.Config, l limits.Limit) model.Limiter {
	switch {
	case c.Algorithm == scenarios.Concurrency:
		return model.NewConcurrency(l.Burst)
	case c.Window > 0:
		return model.NewLog(l.Burst, c.Window)
	case c.Ban > 0:
		return model.NewBan(model.NewBucket(l.Rate, l.Burst), c.Ban, false)
	}
	return model.NewBucket(l.Rate, l.Burst)
}
