package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/scenarios"
)

// Skipped are the checks that have no outcome, each with why. They are no part of any verdict.
func (r Report) Skipped() (out []scenarios.Skipped) {
	if r.End == nil {
		return nil
	}
	for _, s := range r.End.Unasked {
		if s.Why == "" {
			s.Why = "not asked: the run " + r.ended() + " before"
		}
		out = append(out, s)
	}
	return out
}

// reason is why some checks were skipped, and which.
type reason struct {
	Why    string
	Checks []scenarios.Skipped
}

// names are the checks of a reason.
func (s reason) names() (all []string) {
	for _, c := range s.Checks {
		all = append(all, c.ID+" "+c.Name)
	}
	return all
}

// reasons are the checks that were skipped, those for the same reason together, the most first.
func (r Report) reasons() (out []reason) {
	for _, c := range r.Skipped() {
		at := slices.IndexFunc(out, func(s reason) bool { return s.Why == c.Why })
		if at < 0 {
			at = len(out)
			out = append(out, reason{Why: c.Why})
		}
		out[at].Checks = append(out[at].Checks, c)
	}
	slices.SortStableFunc(out, func(a, b reason) int { return len(b.Checks) - len(a.Checks) })
	return out
}

// Words are the storm's title, and why its outcome is open although all that was asked passed.
func (s Storm) Words() string {
	if s.Outcome == scenarios.Inconclusive && !slices.ContainsFunc(s.Checks, func(c scenarios.Check) bool { return c.Outcome != scenarios.Pass }) {
		return s.Title + " (not all was asked)"
	}
	return s.Title
}

func (t *page80) skipped(r Report) {
	for _, s := range r.reasons() {
		t.hanging("  "+cell("skip", 6), strings.Repeat(" ", 8), s.Why)
		t.items(strings.Repeat(" ", 8), " · ", s.names())
	}
}

func markdownSkipped(b *strings.Builder, r Report) {
	for i, s := range r.reasons() {
		if i == 0 {
			fmt.Fprintf(b, "\n%s, no part of the verdict:\n\n", md(plural(len(r.Skipped()), "check")+" skipped"))
		}
		fmt.Fprintf(b, "- %s: %s\n", md(s.Why), md(strings.Join(s.names(), ", ")))
	}
}
