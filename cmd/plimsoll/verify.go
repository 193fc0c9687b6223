package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

func (a *app) verifyCmd() *cobra.Command {
	list := false
	c := &cobra.Command{Use: "verify URL", GroupID: "limit", Short: "Prove that a throttle holds: storms, and what became of them",
		Long: "Replay bursty scenarios against a throttled endpoint and judge the answers: is excess refused with 429 and nothing else, are rate\n" +
			"and burst as set, is Retry-After there and true, do admitted requests stay fast. Every check says what it wanted, what it got, and why.\n" +
			"Without a limit the throttle is identified first, at up to 10k/s or --max-rate, and held to what was found: --plan says what that sends.",
		Example: "  plimsoll verify http://127.0.0.1:8080/ --limit 200/s --burst 100\n  plimsoll verify http://127.0.0.1:8080/ --limits plimsoll-runs/20260102-150405-checkout\n  plimsoll verify --list",
		Args: func(c *cobra.Command, args []string) error {
			if list {
				return nil
			}
			return targetArg(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if list {
				return a.listScenarios()
			}
			a.takeURL(args)
			return a.verify(c.Context())
		}}
	fs := c.Flags()
	fs.BoolVar(&a.spec.Verify.Brief, "quick", a.spec.Verify.Brief, "as --brief: about 30 s of the storms that every throttle should bear")
	fs.BoolVar(&a.spec.Verify.Thorough, "thorough", a.spec.Verify.Thorough, "longer storms, and every manner of every client")
	fs.BoolVar(&list, "list", false, "list the scenarios and what they ask")
	a.verifyFlags(fs)
	fs.StringArrayVar(&a.spec.Verify.Tiers, "tier", a.spec.Verify.Tiers, "limit of a kind of consumer, `name=rate,burst[,quota/period]`: gold=500/s,100,1M/day; repeatable")
	a.watchFlags(fs)
	a.goalFlags(fs)
	fs.StringVar(&a.spec.Find.Health, "health", a.spec.Find.Health, "`URL` that must keep answering 2xx; three misses in a row stop the run (exit 5)")
	fs.Var(&a.spec.Find.MaxRate, "max-rate", "highest rate ever sent")
	a.outputFlags(fs)
	targetFlags(fs, &a.spec.Target)
	fs.BoolVar(&a.plan, "plan", false, "say what would be sent, and send nothing")
	return c
}

func (a *app) listScenarios() error {
	for _, s := range scenarios.Catalogue() {
		fmt.Fprintf(a.out, "%s: %s (%s)\n", s.Name, s.Title, s.When)
		for _, c := range s.Checks {
			fmt.Fprintf(a.out, "  %s %-18s %s\n", c.ID, c.Name, c.Asks)
		}
	}
	return nil
}

// verify proves a throttle as a run of its own.
func (a *app) verify(ctx context.Context) error {
	if a.undeclared() {
		return a.verifyFound(ctx)
	}
	limit, err := a.verifyLimit()
	if err != nil {
		return err
	}
	config, err := a.scenarioConfig(limit)
	if err != nil {
		return err
	}
	if err := a.takeRefusal(); err != nil {
		return err
	}
	w, err := a.wire()
	if err != nil {
		return err
	}
	defer w.close()
	if a.plan {
		_, err := a.explainVerify(config, w, "")
		return err
	}
	w.who = config.Identity
	if err := w.preflight(ctx, true); err != nil {
		return err
	}
	s, err := a.beginOn("verify", w, func(r *journal.Run) {
		if r.Tiers = toldTiers(config); !a.spec.Verify.inFlight() {
			r.Limit = &limit
		}
	})
	if err != nil {
		return err
	}
	return s.guarded(ctx, func(ctx context.Context) (int, string, error) { return s.verify(ctx, w, limit) })
}

// takeRefusal makes the status that the throttle is declared to refuse with the one that counts as throttled.
func (a *app) takeRefusal() error {
	var c scenarios.Config
	for _, departure := range a.spec.Verify.Expect {
		if err := c.Expect(departure); err != nil {
			return misuse("--expect: %w", err)
		}
	}
	if c.Refusal != 0 {
		a.spec.Target.ThrottledStatus = []int{c.Refusal}
	}
	return nil
}

// verifyLimit is the limit that the throttle is said to be set to.
func (a *app) verifyLimit() (limits.Limit, error) {
	v := a.spec.Verify
	switch {
	case v.Limits != "" && v.Limit != "":
		return limits.Limit{}, misuse("--limit and --limits exclude one another")
	case v.Limits != "" && v.Burst != 0:
		return limits.Limit{}, misuse("--burst and --limits exclude one another: the burst stands in %s", v.Limits)
	case v.Limits != "":
		return readLimits(v.Limits)
	case v.Limit == "" && len(v.Tiers) > 0:
		return a.tierLimit()
	case v.Limit == "":
		return limits.Limit{}, misuseHint("example: --limit 200/s --burst 100, or --limits FILE", "what is the throttle set to? give --limit and --burst")
	}
	if v.inFlight() {
		return v.places()
	}
	if form, rest, ok := strings.Cut(v.Limit, ":"); ok {
		return a.foreignLimit(form, rest)
	}
	n, per, err := attack.ParseQuota(v.Limit)
	if err != nil {
		return limits.Limit{}, misuse("--limit: %w", err)
	}
	l := limits.Limit{Rate: n / per.Seconds(), Burst: v.Burst}
	if l.Burst < 0 {
		return l, misuse("--burst: %d, want at least 1, the most requests admitted at once from rest", l.Burst)
	}
	if l.Burst == 0 && per != time.Second {
		l.Burst = int(math.Round(n)) // n in a window: all n at once from rest
	}
	if l.Rate <= 0 {
		return l, misuseHint("example: --limit 200/s --burst 100", "--limit %s, want a rate above 0", v.Limit)
	}
	if l.Burst < 1 {
		return l, misuseHint("nginx burst=99 means --burst 100", "--limit %s needs --burst of at least 1, the most requests admitted at once from rest", v.Limit)
	}
	return l, nil
}

// inFlight tells whether the limit is said to be one on how many are in flight.
func (v VerifySpec) inFlight() bool { return v.Algorithm == string(scenarios.Concurrency) }

// places is a limit on how many are in flight. It has no rate; that of its storms is a place's worth a second each.
func (v VerifySpec) places() (limits.Limit, error) {
	n, err := strconv.Atoi(strings.TrimSpace(v.Limit))
	switch {
	case err != nil || n < 1:
		return limits.Limit{}, misuseHint("example: --algorithm concurrency --limit 64", "--limit %s: with --algorithm concurrency it is how many may be in flight", v.Limit)
	case v.Burst != 0 || v.Window != 0:
		return limits.Limit{}, misuse("--algorithm concurrency has no burst and no window: --limit is how many may be in flight")
	}
	return limits.Limit{Rate: float64(n), Burst: n}, nil
}

// scenarioConfig is what the throttle was declared to do.
func (a *app) scenarioConfig(limit limits.Limit) (scenarios.Config, error) {
	v := a.spec.Verify
	goal, err := a.goal()
	if err != nil {
		return scenarios.Config{}, err
	}
	if v.Brief && v.Thorough {
		return scenarios.Config{}, misuse("--quick and --thorough exclude one another")
	}
	own, err := a.ownScenarios()
	if err != nil {
		return scenarios.Config{}, err
	}
	c := scenarios.Config{Own: own, Thorough: v.Thorough, Limit: limit, Profile: scenarios.Profile(v.Profile), Goal: goal, Only: v.Only, Skip: v.Skip, Brief: v.Brief, Seed: a.seed(), MaxRate: float64(a.spec.Find.MaxRate)}
	if c.Alarms, err = v.Watch.alarms(); err != nil {
		return c, err
	}
	for _, departure := range v.Expect {
		if err := c.Expect(departure); err != nil {
			return c, misuse("--expect: %w", err)
		}
	}
	if statuses := a.spec.Target.ThrottledStatus; c.Refusal == 0 && len(statuses) == 1 {
		c.Refusal = statuses[0]
	}
	if err := a.consumers(&c); err != nil {
		return c, err
	}
	if _, err := scenarios.New(c); err != nil {
		return c, unknownScenario(err)
	}
	return c, nil
}

// unknownScenario names the flag of a word that names nothing to verify, and what was perhaps meant.
func unknownScenario(err error) error {
	var u *scenarios.UnknownError
	if !errors.As(err, &u) {
		return flagged(err)
	}
	if near := nearest(u.Word, u.Known); near != "" {
		return misuse("--%s: %q is no scenario, check or id, did you mean %s?", u.In, u.Word, near)
	}
	return misuseHint("plimsoll verify --list shows them", "--%s: %q is no scenario, check or id", u.In, u.Word)
}

// verify storms the throttle and records a verdict for each scenario.
func (s *session) verify(ctx context.Context, w *wire, limit limits.Limit) (int, string, error) {
	config, err := s.app.scenarioConfig(limit)
	if err != nil {
		return 0, "", err
	}
	config.First = s.nextTrial()
	script, err := scenarios.New(config)
	if err != nil {
		return 0, "", misuse("%w", err)
	}
	if words := leftOutByQuick(config); words != "" {
		if err := s.put(journal.Entry{Note: &attack.Note{Code: "quick", Text: words}}); err != nil {
			return 0, "", err
		}
	}
	done, err := s.drive(ctx, telling{script, s}, w.watched(script), nil)
	if err != nil {
		return 0, "", err
	}
	all := script.Verdicts(done)
	verdicts := all
	if s.skipped = script.Skipped(done, ctx.Err() != nil); ctx.Err() != nil {
		verdicts = measured(all)
	}
	for _, v := range verdicts {
		if err := s.put(journal.Entry{Verdict: &v}); err != nil {
			return 0, "", err
		}
	}
	code, outcome := judgeVerdicts(verdicts)
	if ctx.Err() != nil {
		return code, askedOf(all, verdicts), nil
	}
	if code == exitUndecided {
		for _, m := range done {
			if why, fix := m.Void(); why != "" {
				return exitUnmeasured, "not measured: " + why + "; " + fix, nil
			}
		}
	}
	return code, outcome, nil
}

// telling is a script that tells those who look on what it will still send, and each verdict as soon as all that it rests on
// is measured. The journal gets the verdicts at the end, together.
type telling struct {
	scenarios.Script
	session *session
}

func (t telling) Next(done []attack.Measurement) (attack.Trial, bool) {
	phases, left := t.Left(done)
	t.session.ahead("storms", left, false, phases...)
	for _, v := range t.Verdicts(done) {
		if !slices.ContainsFunc(v.Checks, func(c scenarios.Check) bool { return c.Got == scenarios.NotMeasured }) {
			t.session.show(journal.Entry{Verdict: &v})
		}
	}
	return t.Script.Next(done)
}

// nextTrial is the first trial number that the run has not used.
func (s *session) nextTrial() int {
	n := 0
	for _, e := range s.entries {
		if e.Trial != nil {
			n = max(n, e.Trial.Trial.N)
		}
	}
	return n + 1
}
