package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// measured are the verdicts on what was measured before a run was interrupted: that the rest was not need not be said of
// each check.
func measured(all []scenarios.Verdict) (out []scenarios.Verdict) {
	for _, v := range all {
		v.Checks = slices.DeleteFunc(slices.Clone(v.Checks), func(c scenarios.Check) bool { return c.Got == scenarios.NotMeasured })
		if len(v.Checks) > 0 {
			out = append(out, v)
		}
	}
	return out
}

// leftOutByQuick names what --quick leaves out of a verification, "" where that is nothing.
func leftOutByQuick(c scenarios.Config) string {
	left := scenarios.LeftOut(c)
	if len(left) == 0 {
		return ""
	}
	return "not asked, for brevity: " + strings.Join(left, ", ")
}

// askedOf is the outcome of a verification that was interrupted: how many of its checks were asked, and what these said.
func askedOf(all, asked []scenarios.Verdict) string {
	said := map[scenarios.Outcome]int{}
	for _, c := range checksIn(asked) {
		said[c.Outcome]++
	}
	text := fmt.Sprintf("%d of %s were asked", len(checksIn(asked)), attack.Plural(len(checksIn(all)), "check"))
	for _, o := range []struct {
		scenarios.Outcome
		word string
	}{{scenarios.Pass, "passed"}, {scenarios.Fail, "failed"}, {scenarios.Inconclusive, "could not tell"}} {
		if n := said[o.Outcome]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, o.word)
		}
	}
	if _, outcome := judgeVerdicts(asked); said[scenarios.Fail] > 0 {
		text += ": " + outcome
	}
	return text
}

func checksIn(all []scenarios.Verdict) (out []scenarios.Check) {
	for _, v := range all {
		out = append(out, v.Checks...)
	}
	return out
}

// judgeVerdicts is the exit code and outcome of a verification: any failure beats inconclusive.
func judgeVerdicts(verdicts []scenarios.Verdict) (int, string) {
	var failed, unsure []string
	for _, v := range verdicts {
		for _, c := range v.Checks {
			switch c.Outcome {
			case scenarios.Fail:
				failed = append(failed, c.ID+" "+c.Name+" ("+v.Scenario+")")
			case scenarios.Inconclusive:
				unsure = append(unsure, c.ID+" "+c.Name+" ("+v.Scenario+")")
			}
		}
	}
	switch o := scenarios.Overall(verdicts); {
	case o == scenarios.Fail:
		return exitBroken, "fails " + strings.Join(failed, ", ")
	case o == scenarios.Pass && scenarios.Proven(verdicts):
		return exitKept, "the throttle holds"
	case o == scenarios.Pass:
		return exitKept, attack.Plural(len(checksIn(verdicts)), "check") + " passed; the rate was not tried"
	}
	if len(verdicts) == 0 {
		return exitUndecided, "no check had anything to look at"
	}
	return exitUndecided, "cannot tell " + strings.Join(unsure, ", ")
}
