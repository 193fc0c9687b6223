package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// tierWords is a tier in words.
func tierWords(t limits.Tier) string {
	s := fmt.Sprintf("%s/s, burst %s", Number(t.Rate), Number(float64(t.Burst)))
	if t.Quota > 0 {
		s += fmt.Sprintf(", %s a %s", Number(float64(t.Quota)), t.Period)
	}
	if t.Share > 0 {
		s += fmt.Sprintf(" (%s of the rate)", Percent(t.Share))
	}
	return s
}

// worstSeconds are the intervals for which the worst admitted load is printed.
var worstSeconds = []float64{1, 10, 60}

// worst is the most that a limit admits in any interval of so many seconds: burst + rate·t, the envelope of a token
// bucket (Cruz, A Calculus for Network Delay, 1991).
func worst(l limits.Limit, seconds float64) float64 { return float64(l.Burst) + l.Rate*seconds }

func worstWords(l limits.Limit) string {
	var parts []string
	for _, s := range worstSeconds {
		parts = append(parts, fmt.Sprintf("%s in %s s", Number(worst(l, s)), Number(s)))
	}
	return strings.Join(parts, ", ")
}

// allNotes are the report's warnings and every caveat of its numbers, none of them twice.
func (r Report) allNotes() []attack.Note { return alike(r.caveats()) }

// alike keeps of notes that say the same with other numbers the first, and tells how many more there are.
func alike(notes []attack.Note) (out []attack.Note) {
	first, more := map[string]int{}, map[int]int{}
	for _, n := range notes {
		key := n.Code + " " + strings.Map(func(c rune) rune {
			if unicode.IsDigit(c) || c == ',' || c == '.' {
				return -1
			}
			return c
		}, n.Text)
		if i, seen := first[key]; seen {
			more[i]++
			continue
		}
		first[key] = len(out)
		out = append(out, n)
	}
	for i, n := range more {
		out[i].Text = strings.TrimSuffix(out[i].Text, ".") + fmt.Sprintf(" (and %d more like it)", n)
	}
	return out
}

// caveats are the warnings and the notes of every number, each text once.
func (r Report) caveats() []attack.Note {
	out := r.Warnings()
	add := func(notes []attack.Note) {
		for _, n := range notes {
			if !slices.ContainsFunc(out, func(o attack.Note) bool { return o.Text == n.Text }) {
				out = append(out, n)
			}
		}
	}
	for _, c := range r.Capacities {
		add(c.Notes)
		for _, e := range loads(c) {
			if e.Estimate != nil {
				add(e.Notes)
			}
		}
		if c.Burst != nil {
			add(c.Burst.Notes)
		}
	}
	if r.Limits != nil {
		add(r.Limits.Notes)
	}
	for _, m := range r.Trials {
		add(m.Notes)
	}
	return out
}

// modeWords says how a target gives way.
var modeWords = map[analyze.Mode]string{
	analyze.ModeCapacity:  "beyond it the backlog grows while completions stay at capacity",
	analyze.ModeErrors:    "beyond it the excess fails or is shed",
	analyze.ModeCollapse:  "beyond it the target completes less than its capacity: it collapses",
	analyze.ModeLimited:   "a limiter answered, not the target",
	analyze.ModeIrregular: "no breaking load was found",
}
