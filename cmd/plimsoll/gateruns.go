package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// finished is a run that a gate compares, and where it was read.
type finished struct {
	path string
	report.Result
}

// compareRuns decides from finished runs.
func (a *app) compareRuns(ctx context.Context, f gateFlags, args []string) error {
	tolerance, err := analyze.ParsePercent(f.tolerance)
	if err != nil {
		return misuse("--tolerance: %w", err)
	}
	if tolerance <= 0 || tolerance > .5 {
		return misuse("--tolerance %q, want a percentage above 0%% and at most 50%%", f.tolerance)
	}
	base, err := readSide(args[0])
	if err != nil {
		return err
	}
	head, err := readSide(args[1])
	if err != nil {
		return err
	}
	if err := comparable(base, head); err != nil {
		return err
	}
	if err := pairs(f.paired, base, head); err != nil {
		return err
	}
	all := slices.Concat(base, head)
	v := gate.Compare(gateRuns(base, all), gateRuns(head, all), f.paired, tolerance)
	v.Notes = append(v.Notes, unknownQuestion(question(base[0].Run.Spec), question(head[0].Run.Spec))...)
	elsewhere := madeElsewhere(all[0], all)
	for _, text := range elsewhere {
		v.Notes = append(v.Notes, attack.Note{Code: "other-machine", Text: text})
	}
	if len(elsewhere) > 0 && f.same {
		v.Outcome, v.Text, v.Fix = gate.Invalid, elsewhere[0], "compare runs of one machine, or leave out --same-machine"
	}
	return a.recordComparison(ctx, f, head[len(head)-1].Result, v)
}

// readSide reads what one argument names, several parts between commas: the folder of a run, a file of a result, a pattern of
// either, or a folder of which all results below count, in order of time.
func readSide(list string) (out []finished, err error) {
	for part := range strings.SplitSeq(list, ",") {
		paths, err := matches(part)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			some, err := readRuns(path)
			if err != nil {
				return nil, err
			}
			out = append(out, some...)
		}
	}
	return out, nil
}

// matches are the paths that a pattern stands for; a path that is there stands for itself, whatever signs it holds.
func matches(part string) ([]string, error) {
	if _, err := os.Stat(part); err == nil || !strings.ContainsAny(part, "*?[") {
		return []string{part}, nil
	}
	found, err := filepath.Glob(part)
	if err != nil {
		return nil, misuse("%s: %w", part, err)
	}
	if len(found) == 0 {
		return nil, misuse("%s matches nothing", part)
	}
	return found, nil
}

// readRuns reads one run, or all below a folder that is none itself. A gate that left out what it cannot read would decide
// from what happens to be whole.
func readRuns(path string) ([]finished, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if _, err := os.Stat(filepath.Join(path, journalName)); err != nil {
			return readFolder(path)
		}
	}
	r, err := readBaseline(path)
	return []finished{{path, r}}, err
}

func readFolder(dir string) (out []finished, err error) {
	found, notes, err := readHistory(dir)
	if err != nil {
		return nil, err
	}
	if len(notes) > 0 {
		return nil, misuse("%s: %s", dir, notes[0].Text)
	}
	slices.SortStableFunc(found, func(a, b report.Result) int { return a.Run.Began.Compare(*b.Run.Began) })
	for _, r := range found {
		if len(r.Capacities)+len(r.Verdicts) > 0 {
			out = append(out, finished{filepath.Join(dir, r.Run.ID), r})
		}
	}
	if len(out) == 0 {
		return nil, misuseHint("plimsoll find URL makes one", "%s holds no run with a capacity or a check", dir)
	}
	return out, nil
}

// comparable refuses sides that have no endpoint in common; what differs is told of the first run that asked something else.
func comparable(base, head []finished) error {
	for _, b := range base {
		for _, h := range head {
			if asked(b.Run.Spec) == asked(h.Run.Spec) {
				return nil
			}
		}
	}
	if err := sameQuestion(base[0].Run.Spec, head[0].Run.Spec); err != nil {
		return fmt.Errorf("%s: %w", head[0].path, err)
	}
	return nil
}

// pairs wants as many runs of each endpoint on either side.
func pairs(paired bool, base, head []finished) error {
	if !paired {
		return nil
	}
	count := map[string][2]int{}
	for side, runs := range [][]finished{base, head} {
		for _, r := range runs {
			n := count[asked(r.Run.Spec)]
			n[side]++
			count[asked(r.Run.Spec)] = n
		}
	}
	for _, r := range base {
		if n := count[asked(r.Run.Spec)]; n[0] != n[1] {
			return misuse("--paired: %s of base and %d of head are no pairs", attack.Plural(n[0], "run"), n[1])
		}
	}
	return nil
}

// gateRuns are runs as a gate looks at them, each with the endpoints of its target after it. An endpoint is named by the path of
// its URL, and by what else was not asked alike in all of these runs.
func gateRuns(runs, all []finished) (out []gate.Run) {
	differ := differing(all)
	var results []report.Result
	for _, r := range all {
		results = append(results, r.Result)
	}
	under := throttles(results)
	for _, r := range runs {
		g, q := gateRun(r.Result, under(r.Result)), question(r.Run.Spec)
		words := []string{orNone(q["target.url"])}
		for _, key := range differ {
			words = append(words, strings.TrimPrefix(key, "target.")+"="+orNone(q[key]))
		}
		g.Endpoint = strings.Join(words, " ")
		out = append(out, g)
		if c := r.Capacity; c != nil && c.Decided() {
			out = append(out, gate.Parts(g, c.Goal, r.Endpoints)...)
		}
	}
	return out
}

// differing are the parts of a question, other than its URL, in which some of the runs differ.
func differing(runs []finished) []string {
	first, keys := question(runs[0].Run.Spec), map[string]bool{}
	for _, r := range runs[1:] {
		q := question(r.Run.Spec)
		for key := range union(first, q) {
			unknown := key == askedKey && (q[key] == "" || first[key] == "")
			if q[key] != first[key] && key != "target.url" && !unknown {
				keys[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// madeElsewhere says which runs were made on another machine than the first.
func madeElsewhere(first finished, runs []finished) (out []string) {
	for _, r := range runs {
		if d := differences(first.Run.Environment, r.Run.Environment); len(d) > 0 {
			out = append(out, r.path+" was made elsewhere: "+d[0].Text)
		}
	}
	return out
}

// recordComparison makes a run of a comparison, so that it has a report as any other. It is the head that is judged.
func (a *app) recordComparison(ctx context.Context, f gateFlags, head report.Result, v gate.Verdict) error {
	run, err := a.describe("gate", head.Run.Title, head.Run.Target)
	if err != nil {
		return err
	}
	if a.commit == "" && head.Run.Commit != "" {
		run.Commit = head.Run.Commit
	}
	s, err := a.begin(run)
	if err != nil {
		return err
	}
	if err := s.put(journal.Entry{Gate: &v}); err != nil {
		return s.abandon(err)
	}
	return s.end(ctx, f.exit(v.Outcome), fmt.Sprintf("%s: %s", v.Outcome, v.Text))
}
