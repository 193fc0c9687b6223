package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

func (a *app) adviseCmd() *cobra.Command {
	var how advising
	c := &cobra.Command{Use: "advise [RUN]", GroupID: "limit", Short: "Turn a capacity into rate and burst, with reasons",
		Long:    "Turn the capacity that a run found into limits for a token bucket: rate and burst with a margin, split by tier. Without RUN it\ntakes the latest. The run's report is written again, with the limits in it; where\nlimits.json was edited by hand nothing is written without --overwrite.",
		Example: "  plimsoll advise\n  plimsoll advise plimsoll-runs/20260102-150405-checkout --margin 25%\n  plimsoll advise --tier basic=30% --tier gold=70%,1M/day",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return misuse("advise takes one run at most, got %d arguments", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.advise(args[0], how)
			}
			latest, err := latestRun()
			if err != nil {
				return err
			}
			return a.advise(latest, how)
		}}
	a.goalFlags(c.Flags())
	a.adviseFlags(c.Flags())
	c.Flags().BoolVar(&how.whole, "whole", false, "print the whole report of the run, not the limits alone")
	c.Flags().BoolVar(&how.overwrite, "overwrite", false, "write limits.json again though it was edited by hand")
	c.Flags().BoolVar(&a.json, "json", a.json, "print the result as JSON")
	return c
}

// policy is how the spec wants a capacity turned into limits.
func (a *app) policy(goal analyze.Goal) (limits.Policy, error) {
	p := limits.Policy{Goal: goal}
	if text := a.spec.Limits.Margin; text != "" {
		margin, err := analyze.ParsePercent(text)
		if err != nil {
			return p, misuse("--margin: %w", err)
		}
		if margin == 1 {
			return p, misuse("--margin %s keeps everything back: want less than 100%%", text)
		}
		p.Margin = &margin
	}
	for _, text := range a.spec.Limits.Tiers {
		tier, err := limits.ParseTier(text)
		if err != nil {
			return p, misuse("--tier: %w", err)
		}
		if slices.ContainsFunc(p.Tiers, func(o limits.TierSpec) bool { return o.Name == tier.Name }) {
			return p, misuse("--tier: %s is named twice", tier.Name)
		}
		p.Tiers = append(p.Tiers, tier)
	}
	return p, nil
}

// advising is how advice is given.
type advising struct {
	whole     bool // the whole report is printed
	overwrite bool // limits.json that was edited by hand is lost
}

// limitsName is the file of a run that holds its limits, for people to edit and for programs to read.
const limitsName = "limits.json"

// advise adds limits to a run's journal and writes its report again.
func (a *app) advise(path string, how advising) error {
	dir, entries, err := readRun(path)
	if err != nil {
		return err
	}
	r := report.Fold(entries)
	if c := r.Capacity(); len(a.spec.Goals) == 0 && c != nil {
		a.spec.Goals = strings.Fields(c.Goal) // the goal of the search is that of its limits
	}
	if err := editedLimits(dir, r.Limits); err != nil && !how.overwrite {
		return err
	}
	goal, err := a.goal()
	if err != nil {
		return err
	}
	policy, err := a.policy(goal)
	if err != nil {
		return err
	}
	if len(r.Capacities) == 0 {
		return noCapacity(dir, r)
	}
	advice, err := recommend(r.Capacities[0], policy)
	if err != nil {
		return err
	}
	writer, entries, err := journal.Append(filepath.Join(dir, journalName))
	if err != nil {
		return misuse("%w", err)
	}
	added := journal.Entry{Limits: &advice} // how the run ended stays as it was
	if err := errors.Join(writer.Write(added), writer.Close()); err != nil {
		return err
	}
	if !a.json && !how.whole {
		a.text = report.LimitsText
	}
	entries = append(entries, added)
	if err := a.publish(dir, entries); err != nil {
		return err
	}
	(&session{app: a, dir: dir, entries: entries}).sayNext()
	return nil
}

// editedLimits is an error where limits.json does not say what the run's journal does: somebody's hand was at it, and what was
// written there stands nowhere else.
func editedLimits(dir string, was *limits.Recommendation) error {
	path := filepath.Join(dir, limitsName)
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return misuse("%w", err)
	}
	var is, written limits.Recommendation
	if was != nil { // as it was written, so that an empty list is none in both
		b, err := json.Marshal(was)
		if err := errors.Join(err, json.Unmarshal(b, &written)); err != nil {
			return err
		}
	}
	if was != nil && json.Unmarshal(data, &is) == nil && reflect.DeepEqual(is, written) {
		return nil
	}
	return misuseHint("keep it under another name, or lose it with --overwrite; export and verify take it with --limits "+path,
		"%s was edited by hand, and would be written over", path)
}

// recommend turns a capacity into limits; an undecided one exits 3.
func recommend(c analyze.Capacity, p limits.Policy) (limits.Recommendation, error) {
	advice, err := limits.Recommend(c, p)
	var undecided *limits.UndecidedError
	if errors.As(err, &undecided) {
		return advice, &failure{code: exitUndecided, err: err}
	}
	if err != nil {
		return advice, misuse("%w", err)
	}
	return advice, nil
}

func sayLimit(l limits.Limit) string {
	return fmt.Sprintf("limit %.0f/s with a burst of %d", l.Rate, l.Burst)
}

// readLimits takes a limit from limits.json, or from the folder of a run.
func readLimits(path string) (limits.Limit, error) {
	r, err := readRecommendation(path)
	return r.Limit, err
}

// readRecommendation takes limits and their reasons from limits.json, or from the folder of a run.
func readRecommendation(path string) (r limits.Recommendation, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		dir := path
		if path = filepath.Join(dir, limitsName); isFile(filepath.Join(dir, journalName)) && !isFile(path) {
			return r, noLimits(dir)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return r, misuse("--limits: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, misuse("--limits %s: %w", path, err)
	}
	if r.Rate <= 0 || r.Burst < 1 {
		return r, misuse("--limits %s: no rate and burst in it", path)
	}
	return r, nil
}
