package export

import (
	"fmt"
	"math"

	"github.com/plimsoll-load/plimsoll/limits"
)

// Total is the name of the limit over all consumers in what Read finds.
const Total = "total"

// String is the limit as a line of a list.
func (l Found) String() string {
	text := fmt.Sprintf("%s %s/s, %d at once", l.Name, Number(roundTo(l.Limit.Rate, 1e6)), l.Limit.Burst)
	if l.Flaw != "" {
		text += ", but " + l.Flaw
	}
	return text
}

// roundTo keeps what a person reads: parts of a thousandth, say.
func roundTo(v, parts float64) float64 { return math.Round(v*parts) / parts }

// Drift holds the limits found in a deployed file against a policy, and says in sentences what is not as it should be.
// Limits that this program wrote are known by name; others stand for a wanted limit if they have its numbers, and what is
// none of ours and matches nothing is left alone.
func (f Format) Drift(found []Found, p Policy) (drifts []string, err error) {
	held, err := f.Held(p)
	if err != nil {
		return nil, err
	}
	wanted := map[string]limits.Limit{Total: held.Limit}
	names := []string{Total}
	for _, t := range held.Tiers {
		if f.NoTiers {
			break
		}
		wanted[Ident(t.Name)] = t.Limit
		names = append(names, Ident(t.Name))
	}
	for _, name := range names {
		drifts = append(drifts, missing(name, wanted[name], found)...)
	}
	for _, l := range found {
		if _, known := wanted[l.Name]; l.Ours && !known {
			drifts = append(drifts, fmt.Sprintf("line %d: a limit for tier %s, which the wanted limits do not name", l.Line, l.Name))
		}
	}
	return drifts, nil
}

// missing says what keeps a wanted limit from being found in force.
func missing(name string, want limits.Limit, found []Found) (drifts []string) {
	named, matched := false, false
	for _, l := range found {
		ours := l.Ours && l.Name == name
		same := equal(l.Limit, want)
		named = named || ours
		switch {
		case ours && !same:
			drifts = append(drifts, fmt.Sprintf("line %d: %s is %s/s with a burst of %d, want %s/s and %d", l.Line, name,
				Number(roundTo(l.Limit.Rate, 1e6)), l.Limit.Burst, Number(roundTo(want.Rate, 1e6)), want.Burst))
		case (ours || same && !l.Ours) && l.Flaw != "":
			named = true
			drifts = append(drifts, fmt.Sprintf("line %d: %s has the numbers, but %s", l.Line, name, l.Flaw))
		}
		matched = matched || same && !l.Ours
	}
	if !named && !matched {
		drifts = append(drifts, fmt.Sprintf("%s: no limit of %s/s with a burst of %d in the file", name, Number(roundTo(want.Rate, 1e6)), want.Burst))
	}
	return drifts
}

// equal is whether two limits are one, but for the digits that a division loses.
func equal(a, b limits.Limit) bool {
	return a.Burst == b.Burst && math.Abs(a.Rate-b.Rate) <= 1e-6*max(a.Rate, b.Rate)
}
