package main

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/engine/host"
)

// diagnosis is what the doctor found, as --json prints it. Numbers that are not known are null.
type diagnosis struct {
	Schema      string             `json:"schema"`
	Outcome     string             `json:"outcome"` // the one sentence
	Exit        int                `json:"exit"`
	Checks      []attack.SelfCheck `json:"checks"`
	Calibration *driven            `json:"calibration"`
}

const doctorSchema = "plimsoll.doctor/v1"

// bad is the outcome of a check that a generator cannot be trusted with.
const bad attack.CheckOutcome = "bad"

// doctorFlags are what the doctor is asked.
type doctorFlags struct {
	quick bool
	long  time.Duration
	rate  attack.Rate // that the machine shall be able to drive
}

func (a *app) doctorCmd() *cobra.Command {
	f := doctorFlags{long: 6 * time.Second}
	c := &cobra.Command{Use: "doctor", GroupID: "rest", Short: "Can this machine generate the load? its limits, and a calibration", Args: noArgs,
		Long: "Look at what bounds a generator on this machine (open files, ports, cores and quotas, memory, clock), then load a server that\n" +
			"does nothing, in a second process, to see how many requests this machine can drive at most and up to which rate it is on time.\n" +
			"Says in one sentence what that comes to and what to change. Nothing outside this machine is contacted, nothing is written.\n\n" +
			"Exit 0 when nothing is bad (warnings may be), 4 when a check is bad or --rate is more than can be trusted, 3 when the\n" +
			"calibration did not come to a result.",
		Example: "  plimsoll doctor\n  plimsoll doctor --quick\n  plimsoll doctor --rate 5000/s --json",
		RunE:    func(c *cobra.Command, _ []string) error { return a.doctor(c.Context(), f) }}
	fs := c.Flags()
	fs.BoolVar(&f.quick, "quick", false, "send nothing: look only")
	fs.DurationVar(&f.long, "for", f.long, "about how long the calibration may take, 2s to 1m")
	fs.Var(&f.rate, "rate", "a rate that this machine shall be able to drive, else exit 4")
	fs.BoolVar(&a.json, "json", a.json, "print the result as JSON")
	return c
}

func (f doctorFlags) validate() error {
	switch {
	case f.long < 2*time.Second || f.long > time.Minute:
		return misuse("--for %v, want 2s to 1m", f.long)
	case f.quick && f.rate > 0:
		return misuse("--rate needs the calibration that --quick leaves out: give one of them")
	}
	return nil
}

// doctor looks at the machine, calibrates, and says what both come to.
func (a *app) doctor(ctx context.Context, f doctorFlags) error {
	if err := f.validate(); err != nil {
		return err
	}
	d := diagnosis{Schema: doctorSchema, Checks: examine(host.Root())}
	if !f.quick {
		c, err := a.calibrate(ctx, f.long)
		if err != nil {
			return err
		}
		d.Calibration = &c
		d.Checks = append(d.Checks, c.checks(f.rate)...)
	}
	d.Exit, d.Outcome = d.conclude(ctx.Err() != nil)
	a.code = d.Exit
	if a.json {
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(d)
	}
	return d.print(a.out)
}

// conclude is the exit code and the one sentence.
func (d diagnosis) conclude(interrupted bool) (int, string) {
	sentence := d.Calibration.sentence() + d.changes()
	switch {
	case interrupted:
		return exitInterrupted, "interrupted: " + sentence
	case slices.ContainsFunc(d.Checks, func(c attack.SelfCheck) bool { return c.Outcome == bad }):
		return exitUnmeasured, sentence
	case d.Calibration != nil && d.Calibration.Undecided:
		return exitUndecided, sentence
	}
	return exitKept, sentence
}

// maxChanges bounds what the sentence asks to change: the table has the rest.
const maxChanges = 2

// changes is what to change, the gravest first.
func (d diagnosis) changes() (text string) {
	sick := slices.DeleteFunc(slices.Clone(d.Checks), func(c attack.SelfCheck) bool { return c.Fix == "" })
	slices.SortStableFunc(sick, func(x, y attack.SelfCheck) int { return cmp.Compare(grave(y), grave(x)) })
	told := map[string]bool{}
	for _, c := range sick {
		if len(told) < maxChanges && !told[c.Fix] {
			told[c.Fix] = true
			text += "; " + c.Fix
		}
	}
	return text
}

func grave(c attack.SelfCheck) int {
	return map[attack.CheckOutcome]int{attack.Warn: 1, bad: 2}[c.Outcome]
}
