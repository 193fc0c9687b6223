package report

import "github.com/plimsoll-load/plimsoll/analyze"

// meanings say which load each name stands for, in the order in which they lie beside one another in a search.
var meanings = []struct{ name, text string }{
	{"knee", "past it latency grows faster than load"},
	{"critical load", "about where p95 leaves that of a light load"},
	{"goal load", "where the goal's latency is crossed"},
	{"sustained load", "the highest that was held"},
	{"estimate", "the capacity: between sustained and breaking load"},
	{"saturation", "what the target completes when it always has a backlog"},
	{"breaking load", "the lowest that could not be held"},
	{"limiter", "what a limiter in front lets through"},
}

// meaning is what a name of a load stands for, "" for any other name.
func meaning(name string) string {
	for _, m := range meanings {
		if m.name == name {
			return m.text
		}
	}
	return ""
}

// Meanings are the loads that the report names, each with what it stands for; none without a capacity. A load that was not
// measured needs no word.
func (r Report) Meanings() (out [][2]string) {
	c := r.Capacity()
	if c == nil {
		return nil
	}
	all := loads(*c)
	for _, m := range meanings {
		for _, e := range all {
			if e.name == m.name && e.Estimate != nil {
				out = append(out, [2]string{m.name, m.text})
			}
		}
	}
	return out
}

// loads are all the loads that a capacity names, those of the tiles first; nil where one was not measured.
func loads(c analyze.Capacity) []named {
	return append([]named{{"knee", c.Knee}, {"breaking load", c.Breaking}}, estimates(c)...)
}

// okDone says what a load's rate of answers counts, because a trial's counts what was due in it.
const okDone = "ok done: answered well a second while the load was held, whenever due."
