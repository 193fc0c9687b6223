package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// tiersNamed is how many tiers a line has room to name.
const tiersNamed = 3

// mainTier is the tier that the limit of the storms is of, "" where it is everybody's.
func (r Report) mainTier() string {
	for _, t := range r.Run.Tiers {
		if t.Main {
			return t.Name
		}
	}
	return ""
}

// held is what a throttle that passed is known to hold, and for whom: the limits of its tiers where each was tried (V23), else
// that of the storms.
func (r Report) held(l limits.Limit) string {
	if tried := r.tiersHeld(); len(tried) > 1 {
		words := fmt.Sprintf("the limits of %d tiers", len(tried))
		if len(tried) <= tiersNamed {
			words += ": " + ratesOf(tried)
		}
		return words
	}
	if main := r.mainTier(); main != "" {
		return fmt.Sprintf("the %s requests a second of tier %s", Number(l.Rate), main)
	}
	return fmt.Sprintf("its %s requests a second", Number(l.Rate))
}

// tiersHeld are the tiers whose own limits were tried and are held.
func (r Report) tiersHeld() []journal.Tier {
	for _, s := range r.Storms {
		for _, c := range s.Checks {
			if c.ID == "V23" && c.Outcome == scenarios.Pass {
				return slices.DeleteFunc(slices.Clone(r.Run.Tiers), func(t journal.Tier) bool { return !t.Tried })
			}
		}
	}
	return nil
}

func ratesOf(tiers []journal.Tier) string {
	var all []string
	for _, t := range tiers {
		all = append(all, fmt.Sprintf("%s %s/s", t.Name, Number(t.Rate)))
	}
	return strings.Join(all, ", ")
}

// burstTold is what stands beside the limit that verify was told: its burst, whose it is, and what other tiers have.
func (r Report) burstTold() string {
	words, main := "burst "+Number(float64(r.Run.Limit.Burst)), r.mainTier()
	if main != "" {
		words = "tier " + main + ", " + words
	}
	others := slices.DeleteFunc(slices.Clone(r.Run.Tiers), func(t journal.Tier) bool { return t.Main })
	switch {
	case len(others) == 0:
	case len(others) < tiersNamed:
		words += "; " + ratesOf(others)
	default:
		words += fmt.Sprintf("; %s more", plural(len(others), "tier"))
	}
	return words
}
