package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// Headline is the sentence that matters. It says what is known, and never more.
func (r Report) Headline() string {
	s := r.headline()
	if strings.HasPrefix(s, "the ") { // the lab, the target: words, where other names are to stay as they are
		return "T" + s[1:]
	}
	return s
}

func (r Report) headline() string {
	name, c := r.Name(), r.Capacity()
	passed, _, unclear := r.tally()
	switch limit := r.Limit(); {
	case r.Gate != nil:
		return r.gateHeadline()
	case r.Outcome() == scenarios.Fail:
		return r.headlineOfFailure(name)
	case r.Going && len(r.Storms) > 0:
		return r.headlineSoFar(name)
	case r.Limits != nil:
		return r.headlineOfLimits(name)
	case c != nil:
		return headlineOf(name, *c)
	case r.Limiter != nil && r.Outcome() == "":
		return limiterHeadline(name, *r.Limiter)
	case r.stormsCutShort():
		return fmt.Sprintf("The throttle in front of %s is not proven: the run %s after %s", name, r.ended(), plural(passed+unclear, "check"))
	case r.Command() == "verify" && len(r.leftUnasked()) > 0 && r.Outcome() == "":
		return fmt.Sprintf("The throttle in front of %s is not proven: the run %s before any check", name, r.ended())
	case r.Command() == "verify" && len(r.Skipped()) > 0 && r.Outcome() == "":
		return fmt.Sprintf("The throttle in front of %s is not proven: every check was skipped", name)
	case r.Outcome() == scenarios.Inconclusive:
		return fmt.Sprintf("The throttle in front of %s is not proven: %s could not tell", name, plural(unclear, "check"))
	case r.Outcome() == scenarios.Pass && !r.proven():
		return fmt.Sprintf("%s of the throttle in front of %s passed; the rate was not tried", plural(passed, "check"), name)
	case r.Outcome() == scenarios.Pass && limit != nil:
		return fmt.Sprintf("The throttle in front of %s holds %s", name, r.held(*limit))
	case r.Outcome() == scenarios.Pass:
		return fmt.Sprintf("The throttle in front of %s holds", name)
	case r.Generator().Void:
		return fmt.Sprintf("Nothing is known of %s: the generator was the limit", name)
	}
	return r.headlineOfLoad(name)
}

// headlineSoFar is the sentence while storms are sent: none of them proves anything before the last, but that a throttle fails.
func (r Report) headlineSoFar(name string) string {
	if r.Limits != nil {
		return fmt.Sprintf("%s bears %s requests a second; its throttle is being tried", name, Number(r.Limits.Rate))
	}
	return fmt.Sprintf("The throttle in front of %s is being tried", name)
}

// headlineOf is the sentence of a capacity without limits.
func headlineOf(name string, c analyze.Capacity) string {
	switch {
	case c.Decided():
		return fmt.Sprintf("%s sustains %s requests a second and breaks at %s", name, Number(c.Sustained.Value), Number(c.Breaking.Value))
	case c.Cause == analyze.CauseGone && c.Sustained != nil:
		return fmt.Sprintf("%s stopped answering, after it had sustained %s requests a second", name, Number(c.Sustained.Value))
	case c.Cause == analyze.CauseGone:
		return fmt.Sprintf("%s stopped answering during the search", name)
	case c.Cause == analyze.CauseLimiter && c.Limiter != nil:
		return fmt.Sprintf("A limiter lets %s requests a second through to %s", Number(c.Limiter.Value), name)
	case c.Cause == analyze.CauseLimiter:
		return fmt.Sprintf("A limiter answered before %s gave way", name)
	case c.Sustained == nil && c.Cause == analyze.CauseGenerator:
		return fmt.Sprintf("Nothing is known of %s: the generator was the limit", name)
	case c.Sustained == nil && c.Breaking != nil:
		return fmt.Sprintf("%s gives way at %s requests a second or below", name, Number(c.Breaking.Value))
	case c.Sustained == nil:
		return fmt.Sprintf("The capacity of %s is undecided", name)
	case c.Cause == analyze.CauseGenerator:
		return fmt.Sprintf("%s sustains at least %s requests a second; the generator could not send more", name, Number(c.Sustained.Value))
	case c.Cause == analyze.CauseCeiling:
		return fmt.Sprintf("%s sustains %s requests a second, the most that was allowed", name, Number(c.Sustained.Value))
	}
	return fmt.Sprintf("%s sustains at least %s requests a second", name, Number(c.Sustained.Value))
}

// headlineOfLoad is the sentence of a run without capacity or verdict: a plain load, or one that ended too early.
func (r Report) headlineOfLoad(name string) string {
	load := r.Load()
	switch {
	case r.Going && len(r.Trials) == 0:
		return fmt.Sprintf("Nothing is known of %s yet: the first trial is under way", name)
	case load == nil && len(r.Trials) == 0:
		return fmt.Sprintf("Nothing is known of %s: no trial was done", name)
	case slices.ContainsFunc(r.Notes, func(n attack.Note) bool { return n.Code == "calibrated" }):
		return fmt.Sprintf("This machine is calibrated for gates of %s", name)
	case load == nil:
		return fmt.Sprintf("Nothing is decided of %s yet: the run %s after %s", name, r.ended(), plural(len(r.Trials), "trial"))
	case load.Response == nil:
		return fmt.Sprintf("%s answered none of %s well", name, plural(int(load.Due), "request"))
	}
	what, ms := worstOf(*load.Response)
	if r.Trials[0].Trial.Load() == 0 {
		return fmt.Sprintf("%s answered %s of %s at once well, %s %s", name, Percent(share(load.OK, load.Due)), plural(int(load.Due), "request"), what, Latency(ms))
	}
	return fmt.Sprintf("%s answered %s of %s requests a second well, %s %s", name, Percent(share(load.OK, load.Due)), Number(load.Rate), what, Latency(ms))
}

// ended is how the run came to its end, as a verb.
func (r Report) ended() string {
	switch {
	case r.Going:
		return "goes on"
	case r.End == nil:
		return "was cut off"
	case r.End.Exit == exitInterrupted:
		return "was interrupted"
	case r.End.Exit == exitHarm:
		return "was stopped"
	}
	return "ended"
}

// Subline says when, how long and how the run was made, with the seed that makes it again.
func (r Report) Subline() string { return strings.Join(r.facts(), " · ") }

// facts are the parts of the Subline.
func (r Report) facts() []string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if c := r.Capacity(); c != nil && c.Goal != "" {
		add("goal %s", c.Goal)
	} else if r.Run.Goal != "" {
		add("goal %s", r.Run.Goal)
	}
	if r.Limits != nil {
		add("safety margin %s", round(r.Limits.Margin))
	}
	if !r.Run.Began.IsZero() {
		add("%s", r.Run.Began.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	if r.End != nil && r.End.At.After(r.Run.Began) && !r.Run.Began.IsZero() {
		add("%s", span(r.End.At.Sub(r.Run.Began)))
	}
	add("%s", plural(len(r.Trials), "trial"))
	if r.Run.Seed != 0 {
		add("seed %d", r.Run.Seed)
	}
	return parts
}

// Warnings are what must be known before any number is believed.
func (r Report) Warnings() []attack.Note {
	var out []attack.Note
	add := func(code, format string, args ...any) {
		out = append(out, attack.Note{Code: code, Text: fmt.Sprintf(format, args...)})
	}
	c := r.Capacity()
	switch {
	case r.Going:
	case r.End == nil:
		add("unfinished", "The journal has no end: the run was killed or is still going on. What is shown is what was known by then.")
	case r.End.Exit == exitInterrupted:
		add("interrupted", "The run was interrupted. What is shown is what was known by then.")
	case r.End.Exit == exitHarm:
		add("harm", "The harm guard stopped the run: %s", r.End.Outcome)
	}
	switch h := r.Generator(); {
	case h.Void:
		add("void", "The generator was the limit, so that the answers say little of the target. %s", strings.TrimSpace(sentence(h.Why)+" "+sentence(h.Fix)))
	case h.Trials > 0:
		add("void", "%s void: the generator was the limit there. %s", plural(h.Trials, "trial"), strings.TrimSpace(sentence(h.Why)+" "+sentence(h.Fix)))
	}
	if l := r.Load(); l != nil && l.failedBy() != "" {
		add("failed", "Failed: %s of %s requests%s.", count(l.Failed), count(l.Due), l.failedBy())
	}
	if c != nil && !c.Decided() {
		add(string(c.Cause), "No bracket: %s", sentence(why(*c)))
	}
	if c != nil && c.Stationary != nil && !*c.Stationary {
		add("drift", "%s", sentence(moved(*c)))
	}
	return alike(append(out, r.Notes...))
}

// moved says how it was seen that the target changed.
func moved(c analyze.Capacity) string {
	for _, e := range []*analyze.Estimate{c.Estimate, c.Sustained} {
		if e == nil {
			continue
		}
		for _, n := range e.Notes {
			if n.Code == analyze.NotStationary {
				return n.Text
			}
		}
	}
	return "the target changed while it was measured"
}

// why says why a search stopped, in its own words if it has any.
func why(c analyze.Capacity) string {
	if c.Why != "" {
		return c.Why
	}
	return map[analyze.Cause]string{
		analyze.CauseTarget: "the target was overloaded", analyze.CauseLimiter: "a limiter answered before the target gave way",
		analyze.CauseGenerator: "the generator could not send more", analyze.CauseBudget: "the time was up",
		analyze.CauseCeiling: "the highest rate allowed was sustained", analyze.CauseHarm: "the harm guard stopped the search",
		analyze.CauseGone: "the target stopped answering",
	}[c.Cause]
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	first := []rune(s)
	s = strings.ToUpper(string(first[0])) + string(first[1:])
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// Took is the time that the trials took, one after the other.
func (r Report) Took() time.Duration {
	var d time.Duration
	for _, m := range r.Trials {
		d += m.Took
	}
	return d
}
