package gate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
)

// Run is a finished run, as far as a gate looks at it.
type Run struct {
	Capacities []analyze.Capacity
	Checks     map[string]string // outcome of each check of a throttle (pass, fail, inconclusive), by scenario and id
}

// Compared is one question that two sets of runs were compared by.
type Compared struct {
	What    string            `json:"what"` // a goal, or a check
	Outcome Outcome           `json:"outcome"`
	Ratio   *analyze.Estimate `json:"ratio,omitempty"`
	P       float64           `json:"p,omitempty"` // of as low a ratio at the tolerance, adjusted for the number of goals
	Text    string            `json:"text"`
}

// Compare decides from finished runs: the ratio of capacities for each goal that both sides searched for, and every check
// of the throttle whose outcome changed. Runs made in turns are paired in the order given.
func Compare(base, head []Run, paired bool, tolerance float64) Verdict {
	v := Verdict{Tolerance: tolerance, Compared: compareGoals(base, head, paired, 1-tolerance)}
	v.Compared = append(v.Compared, compareChecks(base, head)...)
	v.Outcome = Pass
	var texts []string
	for _, c := range v.Compared {
		v.Outcome = worse(v.Outcome, c.Outcome)
	}
	for _, c := range v.Compared {
		if c.Outcome == v.Outcome {
			texts = append(texts, c.Text)
		}
		if c.Ratio != nil && (v.Ratio == nil || c.Ratio.Value < v.Ratio.Value) {
			v.Ratio = c.Ratio
		}
	}
	if len(v.Compared) == 0 {
		v.Outcome, texts = Undecided, []string{"the runs have no decided capacity for the same goal and no check in common"}
		v.Fix = "plimsoll find, or plimsoll verify, for both"
	}
	v.Text = strings.Join(texts, "; ")
	return v
}

// worse is the outcome that counts: a regression beats invalid, which beats undecided, which beats a pass.
func worse(a, b Outcome) Outcome {
	order := []Outcome{Pass, Undecided, Invalid, Regression}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

func compareGoals(base, head []Run, paired bool, bound float64) []Compared {
	var out []Compared
	var ps []float64
	for _, goal := range goals(base) {
		b, h := samples(base, goal), samples(head, goal)
		r := RatioOf(b, h, paired && len(b) == len(base) && len(h) == len(head), bound)
		c := Compared{What: goal, P: r.P}
		if e := r.Estimate; e.Value > 0 && !math.IsInf(e.Hi, 1) {
			c.Ratio = &e
		}
		out = append(out, c)
		ps = append(ps, r.P)
	}
	for i, p := range Holm(ps) {
		out[i].decide(p, bound)
	}
	return out
}

func (c *Compared) decide(p, bound float64) {
	c.P, c.Outcome = p, Undecided
	if c.Ratio == nil {
		c.Text = "for " + c.What + " the head has no decided capacity with an interval: undecided"
		return
	}
	word := "undecided"
	switch {
	case c.Ratio.Lo > bound:
		c.Outcome, word = Pass, "no regression"
	case p <= Alpha && c.Ratio.Value < bound:
		c.Outcome, word = Regression, "regression"
	}
	c.Text = fmt.Sprintf("capacity %.2fx of the baseline's (%.0f%% CI %.2f to %.2f) for %s, at least %.4gx is asked: %s",
		c.Ratio.Value, 100*c.Ratio.Confidence, c.Ratio.Lo, c.Ratio.Hi, c.What, bound, word)
}

// goals are those that base has a decided capacity for, in the order of its runs.
func goals(base []Run) (out []string) {
	for _, r := range base {
		for _, c := range r.Capacities {
			if !slices.Contains(out, c.Goal) && c.Decided() {
				out = append(out, c.Goal)
			}
		}
	}
	return out
}

func samples(runs []Run, goal string) (out []Sample) {
	for _, r := range runs {
		for _, c := range r.Capacities {
			if c.Goal == goal && c.Decided() {
				out = append(out, SampleOf(*c.Estimate))
			}
		}
	}
	return out
}

// compareChecks are the checks that passed in every run of base and failed, or could not be told, in one of head.
func compareChecks(base, head []Run) (out []Compared) {
	before := map[string]bool{}
	for _, r := range base {
		for name, outcome := range r.Checks {
			was, known := before[name]
			before[name] = outcome == "pass" && (was || !known)
		}
	}
	for _, name := range sorted(before) {
		now := "pass"
		seen := false
		for _, r := range head {
			if got, ok := r.Checks[name]; ok {
				seen = true
				if got == "fail" || now == "pass" {
					now = got
				}
			}
		}
		if !before[name] {
			continue
		}
		if !seen {
			now = "absent"
		}
		c := Compared{What: name, Outcome: Pass, Text: name + " passes as before"}
		switch now {
		case "fail":
			c.Outcome, c.Text = Regression, name+" passed before and fails now"
		case "absent":
			c.Outcome, c.Text = Undecided, name+" passed before and was not asked now"
		case "inconclusive":
			c.Outcome, c.Text = Undecided, name+" passed before and cannot be told now"
		}
		out = append(out, c)
	}
	return out
}

func sorted(m map[string]bool) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
