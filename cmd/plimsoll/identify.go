package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// probeFlags are what identify is asked. Identities are secrets and stand in no spec.
type probeFlags struct {
	maxRate    attack.Rate
	budget     time.Duration
	keyHeader  string
	keys       string // file of keys
	identities []string
}

func (f *probeFlags) add(fs *pflag.FlagSet) {
	f.maxRate, f.budget, f.keyHeader = limits.DefaultProbeRate, limits.ProbeTime, "X-Api-Key"
	fs.Var(&f.maxRate, "max-rate", "highest rate ever held; a crowd at one instant is no more than one second of it, and never above 1000 requests")
	fs.DurationVar(&f.budget, "budget", f.budget, "most time, silences included")
	fs.StringVar(&f.keyHeader, "key-header", f.keyHeader, "header that tells consumers apart")
	fs.StringVar(&f.keys, "keys", "", "`FILE` of keys as verify reads it; the first two are sent")
	fs.StringArrayVar(&f.identities, "identity", nil, "value of --key-header to send; a second one shows whether each has a limit of its own")
}

// probe is the experiment that the flags ask for.
func (f *probeFlags) probe(seed uint64) (limits.Probe, error) {
	p := limits.Probe{MaxRate: float64(f.maxRate), Budget: f.budget, Seed: seed, First: 1}
	if f.maxRate < 1 {
		return p, misuse("--max-rate %s, want at least 1/s", f.maxRate)
	}
	if f.budget < 5*time.Second {
		return p, misuse("--budget %v, want at least 5s", f.budget)
	}
	if len(f.identities) > 2 {
		return p, misuse("--identity is given %s, want at most 2", attack.Plural(len(f.identities), "time"))
	}
	if len(f.identities) > 0 && f.keys != "" {
		return p, misuse("--identity and --keys exclude one another")
	}
	consumers := VerifySpec{KeyHeader: f.keyHeader, Keys: f.keys}
	carrier, err := consumers.carrier()
	if err != nil {
		return p, err
	}
	keys, err := consumers.keys(carrier)
	if err != nil {
		return p, err
	}
	for _, k := range keys {
		if !k.Exempt && len(p.Keys) < 2 {
			p.Keys = append(p.Keys, k.Identity)
		}
	}
	for i, value := range f.identities {
		p.Keys = append(p.Keys, carrier.Identity(fmt.Sprintf("identity %d", i+1), attack.Secret(value)))
	}
	return p, nil
}

func (a *app) identifyCmd() *cobra.Command {
	var f probeFlags
	c := &cobra.Command{Use: "identify URL", GroupID: "limit", Short: "Tell which limiter is there: its algorithm, rate, burst and window",
		Long: "Send bounded loads that make an unknown limiter refuse, and tell from its decisions what it is: token bucket (GCRA), leaky queue,\n" +
			"fixed or sliding window, limit on requests in flight, or none; with intervals, and \"cannot tell\" where that is the truth.\n" +
			"The cost is bounded and said before; a target that refuses nothing is left alone at --max-rate.",
		Example: "  plimsoll identify http://127.0.0.1:8080/\n  plimsoll identify http://127.0.0.1:8080/ --identity key-a --identity key-b\n  plimsoll identify http://127.0.0.1:8080/ --plan",
		Args:    targetArg,
		RunE: func(c *cobra.Command, args []string) error {
			a.takeURL(args)
			return a.identify(c.Context(), &f)
		}}
	fs := c.Flags()
	f.add(fs)
	fs.StringVar(&a.spec.Find.Health, "health", a.spec.Find.Health, "`URL` that must keep answering 2xx; three misses in a row stop the run (exit 5)")
	a.outputFlags(fs)
	targetFlags(fs, &a.spec.Target)
	fs.BoolVar(&a.plan, "plan", false, "say what would be sent, and send nothing")
	return c
}

// identify tells a limiter as a run of its own.
func (a *app) identify(ctx context.Context, f *probeFlags) error {
	p, err := f.probe(a.seed())
	if err != nil {
		return err
	}
	w, err := a.wire()
	if err != nil {
		return err
	}
	defer w.close()
	if a.plan {
		_, err := fmt.Fprintf(a.out, "target   %s\n%s\n", w.shown(), probeCost(p))
		return err
	}
	if err := w.preflightOf(ctx, p); err != nil {
		return err
	}
	s, err := a.beginOn("identify", w, func(*journal.Run) {})
	if err != nil {
		return err
	}
	return s.guarded(ctx, func(ctx context.Context) (int, string, error) {
		l, err := s.identify(ctx, w, p)
		if err != nil {
			return 0, "", err
		}
		return judgeLimiter(l)
	})
}

// probeCost is the most that a probe sends.
func probeCost(p limits.Probe) string {
	requests, long := p.Estimate()
	return fmt.Sprintf("probe    at most %s in %v, never above %s, and no more than %d at one instant", attack.Plural(requests, "request"), long, attack.Rate(p.MaxRate), p.Crowd())
}

// preflightOf asks as the identity that the probe will ask as: the limiter counts it with the rest.
func (w *wire) preflightOf(ctx context.Context, p limits.Probe) error {
	if len(p.Keys) > 0 {
		w.who = p.Keys[0]
	}
	return w.preflight(ctx, true)
}

// before is what the preflight saw, as evidence.
func (w *wire) before() []attack.Measurement {
	m := w.first
	m.Trial.N, m.Trial.Phase = 0, limits.PhaseBefore
	return []attack.Measurement{m}
}

// identify probes and records what is there.
func (s *session) identify(ctx context.Context, w *wire, p limits.Probe) (limits.Limiter, error) {
	if !s.app.quiet {
		fmt.Fprintln(s.app.err, probeCost(p))
	}
	_, long := p.Estimate()
	s.ahead("probe", long, true)
	done, err := s.drive(ctx, p, w.engine, w.before())
	if err != nil {
		return limits.Limiter{}, err
	}
	l := limits.Identify(done)
	return l, s.put(journal.Entry{Limiter: &l})
}

// judgeLimiter is the exit code and outcome of an identification.
func judgeLimiter(l limits.Limiter) (int, string, error) {
	if !l.Told() {
		why := ""
		if len(l.Notes) > 0 {
			why = ": " + l.Notes[0].Text
		}
		return exitUndecided, "cannot tell which limiter is there" + why, nil
	}
	return exitKept, l.Words(), nil
}

// verifyFound verifies a throttle that nobody declared: it is identified first, and then held to what it was found to be.
func (a *app) verifyFound(ctx context.Context) error {
	if a.spec.Verify.Burst != 0 {
		return misuseHint("example: --limit 200/s --burst 100", "--burst without --limit: the one means nothing without the other")
	}
	if err := a.takeRefusal(); err != nil {
		return err
	}
	w, err := a.wire()
	if err != nil {
		return err
	}
	defer func() { w.close() }()
	p := limits.Probe{MaxRate: min(float64(a.spec.Find.MaxRate), limits.DefaultProbeRate), Seed: a.seed(), First: 1}
	if key := a.spec.Verify.Key; key != "" {
		p.Keys = []attack.Identity{{Name: "the given key", Header: a.spec.Verify.KeyHeader, Value: attack.Secret(key)}}
	}
	stand := limits.Limit{Rate: 100, Burst: 10} // stands for the one to be found: whatever else was told wrong is told now
	config, err := a.scenarioConfig(stand)
	if err != nil {
		return err
	}
	w.who = config.Identity
	if a.plan {
		_, err := fmt.Fprintf(a.out, "target   %s\n%s\nand then the storms for the limit that is found\n", w.shown(), probeCost(p))
		return err
	}
	if !a.quiet {
		fmt.Fprintf(a.err, "no limit was given: the throttle is identified first, at up to %s (--limit and --burst declare one)\n", attack.Rate(p.MaxRate))
	}
	if err := w.preflightOf(ctx, p); err != nil {
		return err
	}
	s, err := a.beginOn("verify", w, func(*journal.Run) {})
	if err != nil {
		return err
	}
	return s.guarded(ctx, func(ctx context.Context) (int, string, error) {
		l, err := s.identify(ctx, w, p)
		if err != nil {
			return 0, "", err
		}
		limit, why := a.declare(l)
		if why != "" {
			return exitUndecided, why, nil
		}
		again, err := a.wire()
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = again.engine.Close() }()
		again.eyes, again.who = w.eyes, w.who
		return s.verify(ctx, again, limit)
	})
}

// declare takes what was found as if it had been declared; why says what there is to declare instead.
func (a *app) declare(l limits.Limiter) (limit limits.Limit, why string) {
	v := &a.spec.Verify
	limit, ok := l.Limit()
	switch {
	case l.Algorithm == limits.Concurrency:
		return limit, fmt.Sprintf("%s was found, which has no rate to verify: --limit and --burst declare what else it should hold", l.Words())
	case !l.Told() && l.Ban != nil:
		return limit, fmt.Sprintf("no limit was found to verify: %s; --limit and --burst declare it, beside --expect ban=%s", l.Words(), l.BanFor())
	case !ok:
		return limit, "no limit was found to verify: " + l.Words() + "; --limit and --burst declare one"
	}
	if l.Ban != nil {
		v.Expect = append(v.Expect, "ban="+l.BanFor().String())
	}
	if kind, profile, window := l.Declared(); v.Algorithm == "" && kind != "" {
		v.Algorithm, v.Window = kind, window
		v.Profile = cmp.Or(v.Profile, profile)
	}
	if l.Refusal.Status != 0 {
		a.spec.Target.ThrottledStatus = []int{l.Refusal.Status}
	}
	return limit, ""
}

// undeclared tells whether verify was told no limit at all.
func (a *app) undeclared() bool {
	v := a.spec.Verify
	return strings.TrimSpace(v.Limit) == "" && v.Limits == "" && len(v.Tiers) == 0
}
