package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Health is what the generator's looks at itself came to over the whole run.
type Health struct {
	Void   bool     `json:"void"`        // the generator was the limit of the whole run: it says little of the target
	Trials int      `json:"trials_void"` // trials that a self-check made worthless
	Why    string   `json:"why,omitempty"`
	Fix    string   `json:"fix,omitempty"`
	Checks []Looked `json:"checks"`
	loads  int      // trials that sent a load, of all
	all    int
}

// Looked is one self-check at its worst.
type Looked struct {
	attack.SelfCheck
	Trial  int `json:"trial"` // number of the trial in which it was worst
	Void   int `json:"void"`  // trials that it made void
	Warn   int `json:"warn"`
	Unread int `json:"unavailable"` // trials in which it could not be read
	Of     int `json:"of"`          // trials in which it was asked
}

// Generator pools the self-checks of all trials by name, each at its worst.
func (r Report) Generator() Health {
	h := Health{Checks: []Looked{}}
	all := causes{}
	h.all = len(r.Trials)
	for _, m := range r.Trials {
		if m.Trial.Serial == nil {
			h.loads++
		}
		if why, fix := m.Void(); why != "" && m.Trial.Serial == nil {
			h.Trials++
			all = all.add(why, fix)
		}
		for _, c := range m.Checks {
			h.Checks = look(h.Checks, c, m.Trial.N)
		}
	}
	h.Why, h.Fix = all.words()
	c := r.Capacity()
	h.Void = h.loads > 0 && h.Trials == h.loads || c != nil && c.Cause == analyze.CauseGenerator
	return h
}

// cause is a self-check that made trials void: how many, and the words of the last.
type cause struct {
	check, why, fix string
	n               int
}

// causes are told apart by the self-check, whose name begins why.
type causes []cause

func (all causes) add(why, fix string) causes {
	check, _, _ := strings.Cut(why, ":")
	n := 1
	if i := slices.IndexFunc(all, func(c cause) bool { return c.check == check }); i >= 0 {
		n += all[i].n
		all = slices.Delete(all, i, i+1)
	}
	return append(all, cause{check, why, fix, n})
}

// words name every cause, the most frequent first and with counts where there are several, and the way out of the first.
func (all causes) words() (why, fix string) {
	if len(all) == 0 {
		return "", ""
	}
	slices.SortStableFunc(all, func(a, b cause) int { return b.n - a.n })
	parts := []string{all[0].why}
	if len(all) > 1 {
		parts = nil
		for _, c := range all {
			parts = append(parts, fmt.Sprintf("%s (%s)", c.why, plural(c.n, "trial")))
		}
	}
	return strings.Join(parts, "; "), all[0].fix
}

func look(all []Looked, c attack.SelfCheck, trial int) []Looked {
	i := slices.IndexFunc(all, func(o Looked) bool { return o.Name == c.Name })
	if i < 0 {
		i = len(all)
		all = append(all, Looked{SelfCheck: c, Trial: trial})
	}
	if severity(c.Outcome) > severity(all[i].Outcome) {
		all[i].SelfCheck, all[i].Trial = c, trial
	}
	all[i].Of++
	switch c.Outcome {
	case attack.Void:
		all[i].Void++
	case attack.Warn:
		all[i].Warn++
	case attack.Unavailable:
		all[i].Unread++
	}
	return all
}

// severity orders outcomes: a check that could not be read in one trial is worth what the other trials say of it.
func severity(o attack.CheckOutcome) int {
	return slices.Index([]attack.CheckOutcome{attack.Unavailable, attack.Healthy, attack.Warn, attack.Void}, o)
}

// Amiss are the checks that were not well, the worst first; Well are those that were.
func (h Health) Amiss() (out []Looked) {
	for _, c := range h.Checks {
		if severity(c.Outcome) > severity(attack.Healthy) {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b Looked) int { return severity(b.Outcome) - severity(a.Outcome) })
	return out
}

func (h Health) Well() (out []Looked) {
	for _, c := range h.Checks {
		if severity(c.Outcome) <= severity(attack.Healthy) {
			out = append(out, c)
		}
	}
	return out
}

// Ways are the ways out of what was amiss, each once.
func (h Health) Ways() (out []string) {
	for _, c := range h.Amiss() {
		if c.Fix != "" && !slices.Contains(out, c.Fix) {
			out = append(out, c.Fix)
		}
	}
	return out
}

// Words say in a sentence whether the generator was able to send what was asked.
func (h Health) Words() string {
	warned := 0
	for _, c := range h.Amiss() {
		if c.Outcome == attack.Warn {
			warned++
		}
	}
	switch {
	case h.Void:
		return "No: it was the limit, and not the target."
	case h.Trials > 0:
		if h.Trials == 1 {
			return "Not always: 1 trial was void, and no number rests on it."
		}
		return fmt.Sprintf("Not always: %s void, and no number rests on them.", attack.Were(h.Trials, "trial"))
	case warned > 0:
		return fmt.Sprintf("Yes, with %s of %d near their bounds.", plural(warned, "self-check"), len(h.Checks))
	}
	return fmt.Sprintf("Yes: all of its %d self-checks were well in every trial.", len(h.Checks))
}

// Counted says of which trials the self-checks were asked, where that is not all of them.
func (h Health) Counted() string {
	if h.loads == h.all {
		return ""
	}
	return fmt.Sprintf("%d of the %s sent a load, and were asked; the others sent one request after the other.", h.loads, plural(h.all, "trial"))
}

// Tally is in how many trials a check was asked, and in how many it was not well.
func (l Looked) Tally() string {
	parts := []string{fmt.Sprint(l.Of)}
	for _, p := range []struct {
		n    int
		word string
	}{{l.Void, "void"}, {l.Warn, "warned"}, {l.Unread, "not readable"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
		}
	}
	return strings.Join(parts, ", ")
}
