package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/scenarios"
)

// headlineOfLimits is the sentence of a run that advises limits: what was found, and what is proven of the throttle.
func (r Report) headlineOfLimits(name string) string {
	bears := r.Limits.Rate
	if c := r.Capacity(); c != nil && c.Decided() {
		bears = c.Sustained.Value
	}
	found := fmt.Sprintf("%s bears %s requests a second; ", name, Number(bears))
	passed, _, _ := r.tally()
	switch {
	case r.Outcome() == "":
		return found + fmt.Sprintf("a limit of %s is advised", Number(r.Limits.Rate))
	case r.stormsCutShort():
		return found + "its throttle is not proven: the run " + r.ended()
	case r.Outcome() == scenarios.Inconclusive:
		return found + "its throttle is not proven"
	case !r.proven():
		return found + plural(passed, "check") + " of its throttle passed, its rate was not tried"
	case r.Run.Limit != nil:
		if len(r.Run.Tiers) > 0 {
			return found + "its throttle holds " + r.held(*r.Run.Limit)
		}
		return found + fmt.Sprintf("its throttle holds the %s it is set to", Number(r.Run.Limit.Rate))
	}
	return fmt.Sprintf("%s holds %s requests a second", name, Number(r.Limits.Rate))
}

// headlineOfFailure is the sentence of a throttle that failed a check. One that is only amiss in the form of its refusals holds all the same.
func (r Report) headlineOfFailure(name string) string {
	ids := r.checksThat(scenarios.Fail)
	_, failed, _ := r.tally()
	if slices.ContainsFunc(ids, func(id string) bool { return !scenarios.OfForm(id) }) {
		return fmt.Sprintf("The throttle in front of %s does not hold: %s failed", name, plural(failed, "check"))
	}
	which := strings.Join(ids, ", ")
	if len(ids) == 1 {
		which += " " + r.checkName(ids[0])
	}
	if r.proven() {
		return fmt.Sprintf("The throttle in front of %s holds its rate, and %s failed: %s", name, plural(failed, "check"), which)
	}
	return fmt.Sprintf("%s of the throttle in front of %s failed: %s; the rate is not proven", plural(failed, "check"), name, which)
}

// checkName is the name of the check with this id.
func (r Report) checkName(id string) string {
	for _, s := range r.Storms {
		for _, c := range s.Checks {
			if c.ID == id {
				return c.Name
			}
		}
	}
	return ""
}

// proven tells whether the verdicts prove the limit itself.
func (r Report) proven() bool {
	var all []scenarios.Verdict
	for _, s := range r.Storms {
		all = append(all, s.Verdict)
	}
	return scenarios.Proven(all)
}

// stormsCutShort tells whether a verification ended before all was asked: what passed by then proves no throttle.
func (r Report) stormsCutShort() bool {
	return len(r.Storms) > 0 && r.End != nil && (r.End.Exit == exitInterrupted || r.End.Exit == exitHarm)
}
