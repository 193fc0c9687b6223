package report

import (
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// Step is something that a reader may do next, as a command. RUN in it stands for the folder of the run.
type Step struct{ What, Command string }

// In is the command with the run's folder in the place of RUN.
func (s Step) In(dir string) string {
	words := strings.Split(s.Command, " ")
	for i, w := range words {
		if w == "RUN" || strings.HasPrefix(w, "RUN/") {
			words[i] = dir + strings.TrimPrefix(w, "RUN")
		}
	}
	return strings.Join(words, " ")
}

// Next are the steps that follow from what the report says, the most urgent first.
func (r Report) Next() (out []Step) {
	out = r.Pressing()
	if len(r.Storms) > 0 || r.Capacity() != nil {
		out = append(out, Step{"compare it with another run", "plimsoll report RUN OTHER-RUN"})
	}
	return out
}

// Pressing are the steps that this run asks for, and not any run.
func (r Report) Pressing() (out []Step) {
	add := func(what, command string) { out = append(out, Step{what, command}) }
	target := quoted(r.Run.Target)
	if failed := r.checksThat(scenarios.Fail); len(failed) > 0 {
		add("after the throttle was mended, ask again what failed", "plimsoll verify "+target+r.askedLimit()+" --only "+strings.Join(failed, ","))
	}
	if unclear := r.checksThat(scenarios.Inconclusive); len(unclear) > 0 {
		add("ask again what could not be told", "plimsoll verify "+target+r.askedLimit()+" --only "+strings.Join(unclear, ","))
	}
	if left := r.leftUnasked(); len(left) > 0 {
		add("ask what the run ended before", "plimsoll verify "+target+r.askedLimit()+" --only "+strings.Join(left, ","))
	}
	if next := r.heldToIt(); next != "" && len(r.Storms) == 0 {
		add("hold the throttle to what was found", next)
	}
	c := r.Capacity()
	switch {
	case r.Going:
	case r.Command() == "find" && c == nil:
		add("go on where the run stopped", "plimsoll find --resume RUN "+target)
	case c != nil && c.Cause == analyze.CauseLimiter:
		add("tell which limiter answered", "plimsoll identify "+target)
		add("find what the service itself bears, past the limiter", "plimsoll find URL-BEHIND-IT")
	case c != nil && c.Cause == analyze.CauseGenerator:
		add("see what this machine can send", "plimsoll doctor")
	case c != nil && c.Decided() && r.Limits == nil:
		add("turn the capacity into limits", "plimsoll advise RUN")
	}
	if r.Limits != nil {
		add("write the limits for a gateway", "plimsoll export RUN --to nginx")
		add("… and the alarms and dashboards that watch them", "plimsoll export RUN --to prometheus,grafana")
		if r.Outcome() == "" {
			add("prove the throttle once it is set", "plimsoll verify URL --limits RUN")
		}
	}
	if c != nil && c.Decided() && r.Gate == nil {
		add("hold the service to it in CI", "plimsoll gate --baseline RUN/result.json "+target)
	}
	return out
}

// checksThat are the ids of the checks of an outcome, each once, in order.
func (r Report) checksThat(o scenarios.Outcome) (out []string) {
	for _, s := range r.Storms {
		for _, c := range s.Checks {
			if c.Outcome == o && !slices.Contains(out, c.ID) {
				out = append(out, c.ID)
			}
		}
	}
	slices.Sort(out)
	return out
}

// leftUnasked are the ids of the checks that a run ended before.
func (r Report) leftUnasked() (out []string) {
	if r.End == nil {
		return nil
	}
	for _, c := range r.End.Unasked {
		if c.Why == "" && !slices.Contains(out, c.ID) {
			out = append(out, c.ID)
		}
	}
	slices.Sort(out)
	return out
}

// askedLimit are the flags of the limit that verify was told, and of its tiers, whose keys stand in a file that no journal names.
func (r Report) askedLimit() (flags string) {
	if l := r.Limit(); l != nil && r.mainTier() == "" {
		flags = " --limit " + trim(l.Rate) + "/s --burst " + trim(float64(l.Burst))
	}
	for _, t := range r.Run.Tiers {
		flags += " --tier " + quoted(t.Name+"="+trim(t.Rate)+"/s,"+trim(float64(t.Burst)))
	}
	if len(r.Run.Tiers) > 0 {
		flags += " --keys KEYS"
	}
	return flags
}

// quoted keeps what a shell would take for more than a word within quotes.
func quoted(s string) string {
	if s == "" {
		return "URL"
	}
	if strings.ContainsAny(s, "?&;*$'\"\\ ()<>|!#`~[]{}") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
