package report

import (
	"cmp"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// Report is what a journal says, sorted by what it is about. Whatever the journal does not hold is absent: a run that was
// cut off gives a Report of what was known by then.
type Report struct {
	Run        journal.Run
	Trials     []attack.Measurement // in the order they were done
	Capacities []analyze.Capacity   // one for each goal, the tightest first
	Limits     *limits.Recommendation
	Storms     []Storm
	Gate       *gate.Verdict
	Limiter    *limits.Limiter // what a probe found
	Lab        *journal.Lab
	End        *journal.End // nil when the run was cut off
	Going      bool         // the run still lasts, which no journal tells
	Notes      []attack.Note
}

// Storm is a verdict with the measurements that it rests on.
type Storm struct {
	scenarios.Verdict
	Measured []attack.Measurement
}

// Fold reads entries one after the other into a Report. A later fact replaces an earlier one about the same thing (the
// capacity of a goal, the verdict of a scenario, the end), because a resumed run says it again.
func Fold(entries []journal.Entry) Report {
	var r Report
	for _, e := range entries {
		r.add(e)
	}
	slices.SortStableFunc(r.Capacities, tighter)
	return r
}

func (r *Report) add(e journal.Entry) {
	switch {
	case e.Run != nil:
		r.Run = *e.Run
	case e.Trial != nil:
		r.Trials = append(r.Trials, *e.Trial)
	case e.Capacity != nil:
		r.Capacities = put(r.Capacities, *e.Capacity, func(o analyze.Capacity) bool { return o.Goal == e.Capacity.Goal })
	case e.Limits != nil:
		r.Limits = e.Limits
	case e.Verdict != nil:
		storm := Storm{Verdict: *e.Verdict, Measured: r.numbered(e.Verdict.Trials)}
		r.Storms = put(r.Storms, storm, func(o Storm) bool { return o.Scenario == storm.Scenario })
	case e.Gate != nil:
		r.Gate = e.Gate
	case e.Note != nil:
		r.Notes = append(r.Notes, *e.Note)
	case e.Limiter != nil:
		r.Limiter = e.Limiter
	case e.Lab != nil:
		r.Lab = e.Lab
	case e.End != nil:
		r.End = e.End
	}
}

// put replaces the first that is the same thing as v, or appends v.
func put[T any](all []T, v T, same func(T) bool) []T {
	if i := slices.IndexFunc(all, same); i >= 0 {
		all[i] = v
		return all
	}
	return append(all, v)
}

// numbered finds the trials of these numbers. Several plans of one run number their trials anew, so that the latest trial
// of a number is the one that is meant by a verdict that follows it.
func (r *Report) numbered(numbers []int) (out []attack.Measurement) {
	for _, n := range numbers {
		for _, m := range slices.Backward(r.Trials) {
			if m.Trial.N == n {
				out = append(out, m)
				break
			}
		}
	}
	return out
}

// tighter orders capacities by their estimate, the unknown ones last.
func tighter(a, b analyze.Capacity) int {
	value := func(c analyze.Capacity) float64 {
		if c.Estimate == nil {
			return math.Inf(1)
		}
		return c.Estimate.Value
	}
	return cmp.Compare(value(a), value(b))
}

// Capacity is the tightest of the capacities, nil when no search has ended.
func (r Report) Capacity() *analyze.Capacity {
	if len(r.Capacities) == 0 {
		return nil
	}
	return &r.Capacities[0]
}

// Limit is the throttle that the report is about: the one that was recommended, else the one that verify was told.
func (r Report) Limit() *limits.Limit {
	if r.Limits != nil {
		return &r.Limits.Limit
	}
	if r.Run.Limit == nil && r.Limiter != nil {
		if l, ok := r.Limiter.Limit(); ok {
			return &l
		}
	}
	return r.Run.Limit
}

// Name is how the report calls the target.
func (r Report) Name() string {
	if r.Run.Title != "" {
		return r.Run.Title
	}
	if u, err := url.Parse(r.Run.Target); err == nil && u.Host != "" {
		return u.Host
	}
	return cmp.Or(r.Run.Target, "the target")
}

// Command is the word after plimsoll that began the run.
func (r Report) Command() string {
	words := strings.Fields(strings.TrimPrefix(r.Run.Command, "plimsoll "))
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// Exit codes that the words of a report depend on; cmd has them all.
const (
	exitBroken      = 1
	exitUndecided   = 3
	exitHarm        = 5
	exitInterrupted = 130
)

// Outcome is what the verdicts come to together, "" when there are none.
func (r Report) Outcome() scenarios.Outcome {
	if len(r.Storms) == 0 {
		return ""
	}
	var all []scenarios.Outcome
	for _, s := range r.Storms {
		all = append(all, s.Outcome)
	}
	return scenarios.Sum(all...)
}

// tally counts the checks of all storms by outcome.
func (r Report) tally() (pass, fail, unclear int) {
	for _, s := range r.Storms {
		for _, c := range s.Checks {
			switch c.Outcome {
			case scenarios.Pass:
				pass++
			case scenarios.Fail:
				fail++
			default:
				unclear++
			}
		}
	}
	return pass, fail, unclear
}

// goal is the latency promise that the charts draw, nil when there is none.
func (r Report) goal() *analyze.Bound {
	text := r.Run.Goal
	if c := r.Capacity(); c != nil && c.Goal != "" {
		text = c.Goal
	}
	var g analyze.Goal
	for _, term := range strings.Fields(text) {
		if g.Parse(term) != nil {
			return nil
		}
	}
	if len(g.Latency) == 0 {
		return nil
	}
	return &g.Latency[len(g.Latency)-1]
}
