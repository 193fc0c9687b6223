package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// gateFlags are what a gate is asked for, beside the target.
type gateFlags struct {
	baseline  string // result.json, or the folder of a run
	base      string // URL of the baseline's build, running beside the head's
	tolerance string
	budget    time.Duration
	calibrate int
	same      bool     // another machine is invalid
	paired    bool     // finished runs were made in turns
	failOn    []string // outcomes that end with their exit code
	head      string   // what is gated
	resume    string
	history   historyFlags
}

func (a *app) gateCmd() *cobra.Command {
	f := gateFlags{tolerance: "5%", budget: gate.DefaultBudget, failOn: []string{"regression", "undecided", "invalid"}, history: historyFlags{least: "2%", format: "text"}}
	c := &cobra.Command{Use: "gate --baseline FILE URL | gate BASE HEAD | gate --history DIR", GroupID: "measure", Short: "Is what was borne before still borne? pass, regression, or undecided",
		Long: "Decide whether a service still bears what its baseline bore. With --baseline and a URL, short blocks of one load are sent until a\n" +
			"sequential test decides; beside a running build of the baseline (--base-url) they come in pairs, which cancels what the machine\n" +
			"does to both. With two finished runs, or several of each (a,b c,d), their capacities and checks are compared.\n" +
			"With --history, the results of past runs tell since which commits the service bears more or less; that blocks nothing.\n\n" +
			"Exit 0 pass, 1 regression, 3 undecided within the budget, 4 invalid: the generator, the machine or the set-up was at fault.",
		Example: "  plimsoll find http://127.0.0.1:8080/ --save-baseline baseline.json\n  plimsoll gate --baseline baseline.json --calibrate 80 http://127.0.0.1:8080/\n" +
			"  plimsoll gate --baseline baseline.json http://127.0.0.1:8080/\n  plimsoll gate plimsoll-runs/main-1,plimsoll-runs/main-2 plimsoll-runs/head-1,plimsoll-runs/head-2\n" +
			"  plimsoll gate --history plimsoll-runs --out public",
		Args: func(c *cobra.Command, args []string) error {
			var given []string // before the environment is asked, which may hold what is for other commands
			c.Flags().Visit(func(f *pflag.Flag) { given = append(given, f.Name) })
			if err := applyEnv(c.Flags()); err != nil {
				return err
			}
			if f.history.dir != "" || f.history.given(given) {
				return f.history.check(args, given)
			}
			return f.args(args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if f.history.dir != "" {
				return a.historyOf(f.history)
			}
			if f.baseline == "" {
				return a.compareRuns(c.Context(), f, args)
			}
			return a.gate(c.Context(), f, args[0], c.Flags())
		}}
	fs := c.Flags()
	fs.StringVar(&f.baseline, "baseline", f.baseline, "the baseline: a `file` that --save-baseline wrote, or the folder of a run")
	fs.StringVar(&f.base, "base-url", f.base, "`URL` of the baseline's build, running beside the one that is gated")
	fs.StringVar(&f.tolerance, "tolerance", f.tolerance, "loss of capacity that is borne")
	fs.DurationVar(&f.budget, "budget", f.budget, "time for all blocks")
	fs.IntVar(&f.calibrate, "calibrate", f.calibrate, "measure in so many `blocks` what this machine can see, play gates of this build against itself in as many, and write it into the baseline")
	fs.BoolVar(&f.same, "same-machine", f.same, "a baseline of another machine is invalid, not noted")
	fs.BoolVar(&f.paired, "paired", f.paired, "the runs were made in turns, base and head, in the order given")
	fs.StringSliceVar(&f.failOn, "fail-on", f.failOn, "outcomes that fail; the others exit 0")
	fs.StringVar(&f.head, "head", f.head, "name of what is gated, which --resume asks for again (default --commit)")
	fs.StringVar(&f.resume, "resume", f.resume, "go on with an undecided gate of the same head: its blocks count")
	f.history.bind(fs)
	a.goalFlags(fs)
	a.outputFlags(fs)
	targetFlags(fs, &a.spec.Target)
	fs.BoolVar(&a.plan, "plan", false, "say what would be sent, and send nothing")
	return c
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
}

// isRun tells whether a path is the folder of a run, or its journal.
func isRun(path string) bool {
	return isFile(filepath.Join(path, journalName)) || filepath.Base(path) == journalName && isFile(path)
}

// args wants a URL or a spec with a baseline, and two runs without.
func (f gateFlags) args(args []string) error {
	switch {
	case f.baseline != "" && len(args) != 1:
		return misuseHint("example: plimsoll gate --baseline baseline.json http://127.0.0.1:8080/", "gate --baseline wants one URL or spec, got %d arguments", len(args))
	case f.baseline == "" && len(args) == 1:
		return misuseHint("plimsoll gate --baseline FILE URL, or plimsoll gate BASE HEAD", "gate has nothing to hold %s against", attack.RedactURL(args[0]))
	case f.baseline == "" && len(args) == 2 && isURL(args[1]):
		return misuseHint("plimsoll gate --baseline "+args[0]+" "+attack.RedactURL(args[1]), "gate BASE HEAD compares finished runs, and %s is a URL: a baseline for it goes behind --baseline", attack.RedactURL(args[1]))
	case f.baseline != "" && isRun(args[0]):
		return misuseHint("plimsoll gate "+f.baseline+" "+args[0], "gate --baseline wants a URL, and %s is a finished run: two of them are compared without --baseline", args[0])
	case f.baseline == "" && len(args) != 2:
		return misuseHint("plimsoll find URL --save-baseline FILE makes a baseline", "gate wants --baseline FILE and a URL, or two finished runs; got %d arguments", len(args))
	case f.baseline == "" && f.measures() != "":
		return misuse("%s measures a build against --baseline: two finished runs have no use for it", f.measures())
	case f.baseline != "" && f.paired:
		return misuse("--paired is for finished runs: --base-url pairs the blocks of a gate that measures")
	case f.calibrate < 0:
		return misuse("--calibrate %d, want a number of blocks", f.calibrate)
	case f.calibrate > 0 && f.base != "":
		return misuse("--calibrate and --base-url exclude one another: a calibration has one build")
	case f.calibrate > 0 && f.resume != "":
		return misuse("--calibrate and --resume exclude one another")
	}
	for _, o := range f.failOn {
		if !slices.Contains([]gate.Outcome{gate.Regression, gate.Undecided, gate.Invalid}, gate.Outcome(o)) {
			return misuse("--fail-on %q, want regression, undecided or invalid", o)
		}
	}
	return nil
}

// measures names a flag of a gate that measures, "" when none was given.
func (f gateFlags) measures() string {
	for flag, given := range map[string]bool{"--calibrate": f.calibrate != 0, "--base-url": f.base != "", "--resume": f.resume != "", "--budget": f.budget != gate.DefaultBudget} {
		if given {
			return flag
		}
	}
	return ""
}

// gate measures a build against a baseline.
func (a *app) gate(ctx context.Context, f gateFlags, arg string, given *pflag.FlagSet) error {
	if a.measured() == "" && f.head != "" {
		_ = a.commit.Set(f.head) // a head need not be a commit
	}
	f.head = cmp.Or(f.head, string(a.measured()))
	if strings.HasSuffix(arg, ".yaml") || strings.HasSuffix(arg, ".yml") {
		if err := a.takeSpec(arg, given); err != nil {
			return err
		}
	} else {
		a.spec.Target.URL = arg
	}
	base, err := readBaseline(f.baseline)
	if err != nil {
		return err
	}
	if info, err := os.Stat(f.baseline); f.calibrate > 0 && (err != nil || !info.Mode().IsRegular() || strings.HasSuffix(f.baseline, ".jsonl")) {
		return misuseHint("plimsoll find URL --save-baseline FILE makes one", "--calibrate writes into the baseline, so it must be a file of its own")
	}
	if len(a.spec.Goals) == 0 {
		a.spec.Goals = strings.Fields(base.Run.Goal)
	}
	plan, err := a.gatePlan(f, base)
	if err != nil {
		return err
	}
	w, err := a.wire()
	if err != nil {
		return err
	}
	defer w.close()
	notes, err := a.asksTheSame(w, base)
	if err != nil {
		return err
	}
	foreseen, err := a.foresee(f, base, &plan)
	if err != nil {
		return err
	}
	notes = append(notes, foreseen...)
	if a.plan {
		return a.explainGate(plan, w, notes)
	}
	return a.runGate(ctx, f, base, plan, w, notes)
}

// gatePlan is the gate that the flags ask for.
func (a *app) gatePlan(f gateFlags, base report.Result) (gate.Plan, error) {
	goal, err := a.goal()
	if err != nil {
		return gate.Plan{}, err
	}
	c, err := capacityFor(base, goal)
	if err != nil {
		return gate.Plan{}, err
	}
	tolerance, err := analyze.ParsePercent(f.tolerance)
	if err != nil {
		return gate.Plan{}, misuse("--tolerance: %w", err)
	}
	p := gate.Plan{Sustained: c.Sustained.Value, Capacity: c.Estimate.Value, Tolerance: tolerance, Goal: goal, Budget: f.budget,
		BaseP99: time.Duration(c.BaseP99MS * 1e6), Seed: a.seed(), FlightMax: a.spec.Find.MaxInFlight}
	if f.base != "" {
		if p.Reference, err = origin(f.base); err != nil {
			return p, err
		}
	}
	check := p.Validate
	if f.calibrate > 0 {
		check = gate.Staircase{Plan: p, Blocks: f.calibrate}.Validate
	}
	if err := check(); err != nil {
		return p, misuse("%w", err)
	}
	return p, nil
}

// runGate sends the blocks and records the verdict; or calibrates.
func (a *app) runGate(ctx context.Context, f gateFlags, base report.Result, plan gate.Plan, w *wire, notes []attack.Note) error {
	if f.resume == "" {
		if err := w.preflight(ctx, false); err != nil {
			return err
		}
	}
	if busy := busyMachine(ctx); busy != "" {
		notes = append(notes, attack.Note{Code: "busy-machine", Text: busy})
	}
	s, done, err := a.beginGate(f, w, plan)
	if err != nil {
		return err
	}
	notes = append(notes, differences(base.Run.Environment, environment(w, f.head))...)
	for _, n := range notes {
		if err := s.put(journal.Entry{Note: &n}); err != nil {
			return s.abandon(err)
		}
	}
	plan.Before, plan.Block = spent(done), plan.BlockOf(done)
	return s.guarded(ctx, func(ctx context.Context) (int, string, error) {
		if f.calibrate > 0 {
			return s.calibrate(ctx, f, base, plan, w)
		}
		v, err := s.judgeGate(ctx, f, plan, w, done, notes)
		if err != nil {
			return 0, "", err
		}
		return f.exit(v.Outcome), fmt.Sprintf("%s: %s", v.Outcome, v.Text), s.put(journal.Entry{Gate: &v})
	})
}

// judgeGate runs the walk, unless the machine forbids it. A regression that something else on the machine may have made is
// none.
func (s *session) judgeGate(ctx context.Context, f gateFlags, plan gate.Plan, w *wire, done []attack.Measurement, notes []attack.Note) (gate.Verdict, error) {
	invalid := gate.Verdict{Outcome: gate.Invalid, Tolerance: plan.Tolerance, Baseline: plan.Sustained, Load: plan.Load()}
	if n, is := noted(notes, "busy-machine"); is {
		invalid.Text, invalid.Fix = n.Text, "gate on a machine of its own, or when it is idle"
		return invalid, nil
	}
	if n, is := noted(notes, "other-machine"); is && f.same {
		invalid.Text, invalid.Fix = n.Text, "make the baseline on the machine that gates, or leave out --same-machine"
		return invalid, nil
	}
	s.ahead("gate", plan.Budget, true)
	done, err := s.drive(ctx, plan, w.engine, done)
	if err != nil {
		return invalid, err
	}
	v := plan.Verdict(done)
	if v.Outcome != gate.Regression || ctx.Err() != nil {
		return v, nil
	}
	if busy := busyMachine(ctx); busy != "" {
		v.Outcome, v.Text, v.Fix = gate.Invalid, busy+", so the loss may be its doing ("+v.Text+")", "gate on a machine of its own, or when it is idle"
	}
	return v, nil
}

// spent is the time that a gate has taken so far.
func spent(done []attack.Measurement) (sum time.Duration) {
	for _, m := range done {
		sum += m.Took
	}
	return sum
}

func noted(notes []attack.Note, code string) (attack.Note, bool) {
	i := slices.IndexFunc(notes, func(n attack.Note) bool { return n.Code == code })
	if i < 0 {
		return attack.Note{}, false
	}
	return notes[i], true
}

// exit is the exit code of an outcome.
func (f gateFlags) exit(o gate.Outcome) int {
	if !slices.Contains(f.failOn, string(o)) {
		return exitKept
	}
	return map[gate.Outcome]int{gate.Regression: exitBroken, gate.Undecided: exitUndecided, gate.Invalid: exitUnmeasured}[o]
}

// calibrate runs the staircase and writes what it told into the baseline.
func (s *session) calibrate(ctx context.Context, f gateFlags, base report.Result, plan gate.Plan, w *wire) (int, string, error) {
	stairs := gate.Staircase{Plan: plan, Blocks: f.calibrate}
	stairs.Median = 0
	done, err := s.drive(ctx, stairs, w.engine, nil)
	if err != nil || ctx.Err() != nil {
		return exitInterrupted, "the calibration was cut off", err
	}
	c, err := stairs.Calibration(done)
	if err != nil {
		return exitUnmeasured, "not calibrated: " + err.Error(), nil
	}
	if c.Played != nil && c.Played.Contradicts() {
		return exitUndecided, "not calibrated: the machine changed meanwhile" + sayPlayed(c.Played) + ": calibrate when it is idle, or gate with --base-url", nil
	}
	foreseen := plan.Foreseen(c)
	base.Calibrated = &report.Calibrated{Calibration: c, Foreseen: &foreseen, Environment: environment(w, "")}
	if err := saveResult(f.baseline, base); err != nil {
		return 0, "", err
	}
	n := attack.Note{Code: "calibrated", Text: sayCalibration(c, plan) + sayPlayed(c.Played)}
	return exitKept, n.Text, s.put(journal.Entry{Note: &n})
}

// sayCalibration is what a machine can see, in a sentence.
func sayCalibration(c gate.Calibration, p gate.Plan) string {
	f := p.Foreseen(c)
	text := fmt.Sprintf("half of %.3gs blocks hold %s here, and they scatter by %.1f%%; in %v a gate of %.3g%% %s, with %.1f%% false alarms",
		c.BlockMS/1000, attack.Rate(c.Median).Round(), 100*c.Scatter, p.Budget, 100*f.Tolerance, seen(f.Sees), 100*f.Alarms)
	if f.Undecided > .1 {
		text += fmt.Sprintf(", and %.0f%% undecided: a longer --budget decides more", 100*f.Undecided)
	}
	if f.Tolerance > p.Tolerance {
		text += fmt.Sprintf("; the tolerance of %.3g%% that was asked for is more than this machine can tell", 100*p.Tolerance)
	}
	if c.Drift > 0 {
		text += fmt.Sprintf("; it drifts by %.2g%% from block to block, which --base-url cancels", 100*c.Drift)
	}
	return text
}

// sayPlayed is what came of gates of the build against itself, beside what the calibration foresees.
func sayPlayed(p *gate.Played) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("; of %d gates of this build against itself at %.3g%% it called %d a regression (%.1f%% foreseen) and left %d undecided",
		p.Gates, 100*p.Tolerance, p.Regressions, 100*p.Foreseen, p.Undecided)
}

func seen(loss float64) string {
	if loss >= 1 {
		return "sees no loss nine times in ten"
	}
	return fmt.Sprintf("sees a loss of %.3g%% nine times in ten", 100*loss)
}

// foresee takes the calibration of the baseline into the plan, and says before anything is sent what the gate can see.
func (a *app) foresee(f gateFlags, base report.Result, p *gate.Plan) ([]attack.Note, error) {
	c := base.Calibrated
	switch {
	case f.calibrate > 0 || f.base != "":
		return nil, nil
	case c == nil:
		return []attack.Note{{Code: "uncalibrated", Text: "nobody knows how small a loss this machine can see: plimsoll gate --calibrate 80 finds out"}}, nil
	}
	if d := differences(c.Environment, environment(nil, "")); len(d) > 0 || c.BlockMS != p.BlockMS() {
		text := fmt.Sprintf("its blocks were %.3g s long, these are %.3g s", c.BlockMS/1000, p.BlockMS()/1000)
		if len(d) > 0 {
			text = d[0].Text
		}
		return []attack.Note{{Code: "uncalibrated", Text: "the baseline's calibration is not of this gate (" + text + "): plimsoll gate --calibrate 80 makes one"}}, nil
	}
	p.Median = c.Median
	seen := p.Foreseen(c.Calibration)
	if seen.Tolerance >= 1 {
		return nil, &failure{code: exitUndecided, hint: "a longer --budget makes blocks longer, and --base-url cancels what the machine does to both builds",
			err: fmt.Errorf("this machine is too noisy to gate within %v: its blocks scatter by %.0f%%", p.Budget, 100*c.Scatter)}
	}
	note := attack.Note{Code: "foreseen", Text: sayCalibration(c.Calibration, *p)}
	p.Tolerance = seen.Tolerance
	return []attack.Note{note}, nil
}

func (a *app) explainGate(p gate.Plan, w *wire, notes []attack.Note) error {
	fmt.Fprintf(a.out, "target   %s\nbaseline sustained %s\nblocks   of %s, at most %d of them in %v\nbounds   a loss of %.3g%% is borne\n", w.shown(), attack.Rate(p.Sustained).Round(), attack.Rate(p.Load()).Round(),
		max(1, p.BlocksIn()), p.Budget, 100*p.Tolerance)
	for _, n := range notes {
		fmt.Fprintf(a.out, "note     %s\n", n.Text)
	}
	return nil
}

// beginGate begins a gate, or goes on with one of the same head.
func (a *app) beginGate(f gateFlags, w *wire, plan gate.Plan) (*session, []attack.Measurement, error) {
	if f.resume == "" {
		s, err := a.beginOn("gate", w, func(r *journal.Run) {
			r.Goal, r.Environment = plan.Goal.String(), environment(w, f.head)
		})
		return s, nil, err
	}
	_, entries, err := readRun(f.resume)
	if err != nil {
		return nil, nil, err
	}
	before := entries[0].Run
	if before.Command != "gate" {
		return nil, nil, misuse("--resume: %s is a run of %s, want one of gate", f.resume, before.Command)
	}
	if head := before.Environment["head"]; head != f.head {
		return nil, nil, misuse("--resume: %s gated %q, not %q: a new head has a gate of its own", f.resume, head, f.head)
	}
	if !w.matches(before.Fingerprint) {
		return nil, nil, misuseHint("give the same URL, headers and body, and the same way to it, as the first time", "--resume: the target is not the one of %s", f.resume)
	}
	return a.reopen(f.resume)
}
