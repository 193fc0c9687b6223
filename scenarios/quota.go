package scenarios

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The check of this file holds what a key is let in within a period against its quota, and how a spent quota is told.

// How large a quota may be to be counted to its end, and how long that may take.
const (
	quotaMax  = 15_000
	quotaLong = 60 * time.Second
	quotaOver = 1.1 // times the quota may be let in where it is a target
)

// quotaKey is the last key of the tier with the smallest quota: the storms take the first.
func (c Config) quotaKey() (Tier, attack.Identity, bool) {
	var best Tier
	var who attack.Identity
	for _, t := range c.Tiers {
		if t.Quota == 0 || best.Quota > 0 && t.Quota >= best.Quota {
			continue
		}
		for _, k := range c.Keys {
			if k.Identity.Tier == t.Name && !k.Exempt {
				best, who = t, k.Identity
			}
		}
	}
	return best, who, best.Quota > 0
}

func quotaTrial(c Config, _ *evidence) (attack.Trial, string) {
	t, who, ok := c.quotaKey()
	if !ok {
		return attack.Trial{}, "no quota was declared"
	}
	over := 1.02
	if c.profile() == BestEffort {
		over = quotaOver
	}
	n := math.Ceil(over*float64(t.Quota)) + 20
	pace := .9 * t.Rate
	long := time.Duration(n / pace * 1e9)
	most := quotaLong
	if c.Brief {
		most = quotaLong / 4
	}
	if t.Quota > quotaMax || long > most {
		return attack.Trial{}, fmt.Sprintf("%s at %s take %s: declare a test tier with a quota that is used up within %s", attack.Plural(t.Quota, "request"), rate(pace), brief(long), brief(most))
	}
	if t.Period < 2*long {
		return attack.Trial{}, fmt.Sprintf("a period of %s ends while %s are counted", brief(t.Period), attack.Plural(t.Quota, "request"))
	}
	a := as(c.actor("quota", attack.Even, attack.Manners{}, attack.Segment{From: pace, To: pace, Len: long}, attack.Segment{Len: quotaPause}, attack.Segment{Len: 200 * time.Millisecond, Burst: quotaRest}), who)
	return attack.Trial{LogMax: attack.MaxLog, Warm: c.warm(0), Why: fmt.Sprintf("%.0f requests of a quota of %d", n, t.Quota), Actors: []attack.Actor{a}}, ""
}

// quotaRest is how many refusals after the quota a statement on them needs, and how many ask once more after quotaPause: by
// then whoever was told the wait of the rate has come back in vain.
const (
	quotaRest  = 10
	quotaPause = 3 * time.Second
)

// quotaKept (V24): of a key below its rate exactly the quota is let in, and then nothing but refusals, which say when the
// period ends. A quota that is a target may be passed by a tenth.
func quotaKept(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	t, _, _ := e.c.quotaKey()
	most := float64(t.Quota)
	if e.c.profile() == BestEffort {
		most *= quotaOver
	}
	log := bySent(m.Log)
	in, out, maybe := e.split(log)
	want := fmt.Sprintf("%.0f of tier %s in %s, then refusals that tell its end", most, t.Name, brief(t.Period))
	got := fmt.Sprintf("%d let in, then %d refused", len(in), len(out))
	switch {
	case m.LogDropped > 0 || m.Aborted != nil:
		return unsure(want, got, "the log is not complete: %s", aborted(m))
	case float64(len(in)) > most && len(out) == 0:
		return failed(want, got, "the quota of tier %s is not kept: nothing was refused", t.Name).showing(m, in[t.Quota:]...)
	case float64(len(in)) > most:
		return failed(want, got, "%.0f more than the quota of tier %s were let in", float64(len(in))-most, t.Name).showing(m, in[t.Quota:]...)
	case e.spentStatus(log, t) != 0:
		return failed(want, fmt.Sprintf("%d let in, then answered %d", len(in), e.spentStatus(log, t)), "a spent quota is refused with %d instead of %d: clients take it for a fault, or for a wrong key, and do not wait", e.spentStatus(log, t), e.c.refusal()).showing(m, maybe...)
	case len(maybe) > 0:
		return unsure(want, got, "%s ended in errors that may have been counted: statuses %s", attack.Plural(len(maybe), "request"), statuses(m.All()))
	case len(out) < quotaRest:
		return unsure(want, got, "only %d were refused", len(out))
	case len(in) == 0:
		return unsure(want, got, "the quota was used up before: name a key that was not used in this period")
	case early(e, log) != "":
		return failed(want, got, "%s", early(e, log)).showing(m, out...)
	}
	if f := e.periodTold(m, out, t, want, got); f.outcome != "" {
		return f
	}
	if left := int(t.Quota) - len(in); left > 0 {
		return unsure(want, got, "%d fewer than the quota: the key was used before in this period, or the quota is smaller; name a key that was not used yet", left)
	}
	by, compared := e.toldApart(out)
	switch {
	case compared && by == "" && e.c.NoRetryAfter:
		return failed(want, got, "nothing tells a spent quota from too high a rate: status, type and length are the same, and there is no Retry-After; clients ask on until the period ends").showing(m, out...)
	case compared && by == "":
		return passed(want, got, "the quota was let in to the last request, and nothing after it; only Retry-After tells its refusals from those of the rate")
	case compared:
		return passed(want, got, "the quota was let in to the last request, and nothing after it; its refusals have another %s than those of the rate", by)
	}
	return passed(want, got, "the quota was let in to the last request, and nothing after it")
}

// spentStatus is the one status, other than the throttle's, with which all was refused once the quota was used up; 0 where
// there is none.
func (e *evidence) spentStatus(log []attack.Attempt, t Tier) (status int) {
	in := 0
	for _, a := range log {
		switch {
		case e.fate(a) == admitted && status == 0:
			in++
		case e.fate(a) != unclear || a.Status < 400 || a.Status >= 500 || int64(in) < t.Quota || status != 0 && status != a.Status:
			return 0
		default:
			status = a.Status
		}
	}
	return status
}

// toldApart is in what the refusals of a spent quota differ from those of the rate: no answer looks the same in it. It is
// empty where they differ in nothing that was kept of them (bodies are not), and false where none was refused for its rate.
func (e *evidence) toldApart(spent []attack.Attempt) (in string, compared bool) {
	var throttled []attack.Attempt
	for _, s := range e.c.stages() {
		if apart(s.name) || s.name == "ladder" || s.name == "stage" {
			continue
		}
		for _, m := range e.stages[s.name] {
			_, out, _ := e.split(m.Log)
			throttled = append(throttled, out...)
		}
	}
	for _, part := range []struct {
		name string
		of   func(a attack.Attempt) string
	}{
		{"status", func(a attack.Attempt) string { return fmt.Sprint(a.Status) }},
		{"type of error", func(a attack.Attempt) string { v, _ := header(a, "X-Amzn-Errortype"); return v }},
		{"content type", func(a attack.Attempt) string { v, _ := header(a, "Content-Type"); return v }},
		{"body", func(a attack.Attempt) string { return fmt.Sprint(a.Bytes) }},
	} {
		seen := map[string]bool{}
		for _, a := range throttled {
			seen[part.of(a)] = true
		}
		if !slices.ContainsFunc(spent, func(a attack.Attempt) bool { return seen[part.of(a)] }) {
			return part.name, len(throttled) > 0
		}
	}
	return "", len(throttled) > 0
}

// early says that somebody was let in after the quota had refused.
func early(e *evidence, log []attack.Attempt) string {
	refusedAt := time.Duration(-1)
	for _, a := range log {
		switch {
		case e.fate(a) == refused && refusedAt < 0:
			refusedAt = a.Received
		case e.fate(a) == admitted && refusedAt >= 0 && a.Sent > refusedAt:
			return fmt.Sprintf("a request was let in %s after the first refusal, within the period: that was no quota, or its count goes back", brief(a.Sent-refusedAt))
		}
	}
	return ""
}

// periodTold holds the Retry-After of a spent quota against its period: it tells the period's end, the same moment each
// time, and not the moment of the next token.
func (e *evidence) periodTold(m attack.Measurement, out []attack.Attempt, t Tier, want, got string) finding {
	first, last, n := time.Duration(math.MaxInt64), time.Duration(0), 0
	for _, a := range out {
		if d, ok := told(a); ok {
			first, last, n = min(first, a.Received+d), max(last, a.Received+d), n+1
		}
	}
	switch {
	case n == 0 && e.c.NoRetryAfter:
		return finding{}
	case n == 0:
		return failed(want, got, "no refusal tells when the period ends: clients ask on until it does").showing(m, out...)
	case last-out[len(out)-1].Received > t.Period+roundingSlack:
		return failed(want, got, "clients are told to wait %s, longer than the period of %s", brief(last-out[len(out)-1].Received), brief(t.Period)).showing(m, out...)
	case first+roundingSlack < out[len(out)-1].Sent:
		return failed(want, got, "the refusals of a spent quota tell the wait of the rate, not the end of the period: clients come back in vain").showing(m, out...)
	case last-first > 2*roundingSlack:
		return failed(want, got, "the refusals tell ends of the period that are %s apart", brief(last-first)).showing(m, out...)
	}
	return finding{}
}
