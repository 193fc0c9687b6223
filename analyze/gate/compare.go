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
	Endpoint   string // what was asked of the service; runs of one endpoint are compared with one another alone
	Of         string // the target that this is a part of, whose runs stand beside it; empty for a whole target
	Capacities []analyze.Capacity
	Checks     map[string]string // outcome of each check of a throttle (pass, fail, inconclusive), by scenario and id
}

// Compared is one question that two sets of runs were compared by.
type Compared struct {
	What    string            `json:"what"` // a goal, or a check, of an endpoint where there are several
	Outcome Outcome           `json:"outcome"`
	Ratio   *analyze.Estimate `json:"ratio,omitempty"`
	Base    float64           `json:"base,omitempty"` // the baseline's capacity, per second: the geometric mean of its runs
	Head    float64           `json:"head,omitempty"` // the head's, likewise
	How     string            `json:"how,omitempty"`  // what the ratio's interval rests on
	P       float64           `json:"p,omitempty"`    // of as low a ratio at the tolerance, adjusted for the number of endpoints and goals
	Text    string            `json:"text"`

	part bool // of a target that is asked itself: its doubt is not the gate's
}

// Compare decides from finished runs: the ratio of capacities for each endpoint and goal that base has a capacity for, and every
// check of the throttle that passed there. Endpoints of one target are asked too, and can only tell of a loss. Runs made in turns
// are paired, those of an endpoint in the order given.
func Compare(base, head []Run, paired bool, tolerance float64) Verdict {
	v := Verdict{Tolerance: tolerance, Compared: compareGoals(base, head, paired, 1-tolerance)}
	all := endpoints(base)
	for _, e := range all {
		v.Compared = append(v.Compared, compareChecks(prefix(e, all), of(e, base), of(e, head))...)
	}
	v.Outcome = Pass
	var texts []string
	counted := slices.DeleteFunc(slices.Clone(v.Compared), func(c Compared) bool { return c.part && c.Outcome != Regression })
	for _, c := range counted {
		v.Outcome = worse(v.Outcome, c.Outcome)
	}
	for _, c := range counted {
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

// compareGoals asks all questions of capacity at once: Holm holds their false alarms together.
func compareGoals(base, head []Run, paired bool, bound float64) []Compared {
	var out []Compared
	var ps []float64
	all := endpoints(base)
	for _, e := range all {
		before, now := of(e, base), of(e, head)
		for _, goal := range goals(before) {
			b, h := samples(before, goal), samples(now, goal)
			if whole := before[0].Of; whole != "" && (len(b) < len(of(whole, base)) || len(h) < len(of(whole, head))) {
				continue // it bore all that was sent, in a run at least: that the whole target bears less is asked of the target
			}
			r := RatioOf(b, h, paired && len(b) == len(before) && len(h) == len(now), bound)
			c := Compared{What: prefix(e, all) + goal, Base: middle(b), Head: middle(h), How: r.How, P: r.P, part: before[0].Of != ""}
			if e := r.Estimate; e.Value > 0 && !math.IsInf(e.Hi, 1) {
				c.Ratio = &e
			}
			out = append(out, c)
			ps = append(ps, r.P)
		}
	}
	for i, p := range Holm(ps) {
		out[i].decide(p, bound)
	}
	return out
}

// prefix names an endpoint before what is asked of it, where there are several.
func prefix(endpoint string, all []string) string {
	if len(all) < 2 {
		return ""
	}
	return endpoint + ", "
}

// endpoints are those of the runs, in their order.
func endpoints(runs []Run) (out []string) {
	for _, r := range runs {
		if !slices.Contains(out, r.Endpoint) {
			out = append(out, r.Endpoint)
		}
	}
	return out
}

// of are the runs of one endpoint, in their order.
func of(endpoint string, runs []Run) (out []Run) {
	for _, r := range runs {
		if r.Endpoint == endpoint {
			out = append(out, r)
		}
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
	c.Text = fmt.Sprintf("capacity %.2fx of the baseline's (%.0f%% CI %.2f to %.2f, %s) for %s, at least %.4gx is asked: %s",
		c.Ratio.Value, 100*c.Ratio.Confidence, c.Ratio.Lo, c.Ratio.Hi, c.How, c.What, bound, word)
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

// middle is the geometric mean of samples, 0 without any.
func middle(samples []Sample) float64 {
	sum := 0.
	for _, s := range samples {
		sum += math.Log(s.Value)
	}
	if len(samples) == 0 {
		return 0
	}
	return math.Exp(sum / float64(len(samples)))
}

// compareChecks are the checks that passed in every run of base and failed, or could not be told, in one of head.
func compareChecks(prefix string, base, head []Run) (out []Compared) {
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
		c := Compared{What: prefix + name, Outcome: Pass, Text: prefix + name + " passes as before"}
		switch now {
		case "fail":
			c.Outcome, c.Text = Regression, c.What+" passed before and fails now"
		case "absent":
			c.Outcome, c.Text = Undecided, c.What+" passed before and was not asked now"
		case "inconclusive":
			c.Outcome, c.Text = Undecided, c.What+" passed before and cannot be told now"
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
