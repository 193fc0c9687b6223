package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

// tiers is what consumers of different kinds may do, each alone and all together, and how much in a period.
var tiers = []scenario{
	{name: "tier-ladder", title: "A consumer of each tier at twice its limit", when: normal, checks: []check{
		{id: "V23", name: "tiers", asks: "each tier has its own limit, and all together keep the stage's",
			stages: []string{"ladder"}, extra: []string{"stage"}, sure: true, insist: true, look: tierLimits},
	}, lacks: func(c Config) string {
		if len(c.rungs()) == 0 {
			return "tiers and a key of each (--tier, --keys)"
		}
		return ""
	}},
	{name: "quota-drain", title: "A test key until its quota is used up, and on", when: normal, checks: []check{
		{id: "V24", name: "quota", asks: "exactly the quota is let in, and then refusals tell of the period's end",
			stages: []string{"quota"}, extra: []string{"flash"}, sure: true, insist: true, look: quotaKept},
	}, lacks: func(c Config) string {
		if _, _, ok := c.quotaKey(); !ok {
			return "a tier with a quota and a key of it (--tier name=rate,burst,quota/period; --keys)"
		}
		return ""
	}},
}

var tierStages = []stage{
	{name: "ladder", tries: 2, build: ladderTrial},
	{name: "stage", tries: 2, build: stageTrial},
	{name: "quota", tries: 1, build: quotaTrial},
}

// A rung is a tier with the first key of it.
type rung struct {
	Tier
	who attack.Identity
}

// ladderLong is how long a tier is asked for twice its limit, the second that empties its bucket included.
func (c Config) ladderLong(l limits.Limit) time.Duration {
	own := c
	own.Limit = l
	return time.Second + own.long(2*time.Second, 3*time.Second, 20)
}

// rungs are the tiers that a key was named of. One whose quota the ladder would use up is left to the quota's own check.
func (c Config) rungs() (out []rung) {
	for _, t := range c.Tiers {
		most := t.Most(c.ladderLong(t.Limit))
		for _, k := range c.Keys {
			if k.Exempt || k.Identity.Tier != t.Name || t.Quota > 0 && float64(t.Quota) < 3*most {
				continue
			}
			out = append(out, rung{t, k.Identity})
			break
		}
	}
	return out
}

// Ladder are the tiers whose own limits V23 judges, by name.
func (c Config) Ladder() (names []string) {
	for _, g := range c.rungs() {
		names = append(names, g.Name)
	}
	return names
}

// ladderTrial asks for twice each tier's limit: of all at once where they fit under the limit of all together, else of one
// after the other. It begins with a crowd that a full bucket must refuse some of.
func ladderTrial(c Config, _ *evidence) (attack.Trial, string) {
	all, sum := c.rungs(), 0.0
	for _, g := range all {
		sum += g.Rate
	}
	inTurn := !c.Stage.IsZero() && sum > .9*c.Stage.Rate
	t := attack.Trial{LogMax: attack.MaxLog, Why: fmt.Sprintf("twice the limit of each of %s", attack.Plural(len(all), "tier"))}
	at := time.Duration(0)
	for _, g := range all {
		own := c
		own.Limit = g.Limit
		t.Idle = max(t.Idle, own.idle())
		t.Warm = max(t.Warm, own.crowd(float64(g.Burst)))
		storm := own.at(2, c.ladderLong(g.Limit))
		storm.Burst = own.crowd(float64(g.Burst))
		segments := []attack.Segment{storm}
		if at > 0 {
			segments = []attack.Segment{{Len: at}, storm}
		}
		t.Actors = append(t.Actors, as(own.actor(g.Name, attack.Even, attack.Manners{}, segments...), g.who))
		if inTurn {
			at += storm.Len + time.Second
		}
	}
	if !c.Stage.IsZero() {
		t.Idle = max(t.Idle, time.Duration(1.2*float64(c.Stage.Burst)/c.Stage.Rate*1e9))
	}
	return t, ""
}

// began is when an actor of the ladder begins to ask.
func began(a attack.Actor) (at time.Duration) {
	for _, g := range a.Schedule.Segments {
		if g.Burst > 0 {
			break
		}
		at += g.Len
	}
	return at
}

// tierLimits (V23): each tier admits its own burst from rest and its own rate in overload, as V02 and V01 judge them; and
// all together keep the limit of the stage, without starving one.
func tierLimits(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	var wants, gots, doubts []string
	for i, g := range e.c.rungs() {
		want, got, why, outcome := e.tier(m, i, g)
		wants, gots = append(wants, g.Name+": "+want), append(gots, g.Name+": "+got)
		switch outcome {
		case Fail:
			_, out, _ := e.split(only(bySent(m.Log), i))
			return failed(strings.Join(wants, "; "), strings.Join(gots, "; "), "tier %s: %s", g.Name, why).showing(m, out...)
		case Inconclusive:
			doubts = append(doubts, "tier "+g.Name+": "+why)
		}
	}
	want, got := strings.Join(wants, "; "), strings.Join(gots, "; ")
	if len(doubts) > 0 {
		return unsure(want, got, "%s", strings.Join(doubts, "; "))
	}
	if together, why := e.get("stage", true); why == "" {
		return e.together(together, want, got)
	}
	return passed(want, got, "each tier let in its own burst and its own rate")
}

// tier judges one rung of the ladder. While its crowd is on the way, the even load behind it takes places too: whatever was
// sent by when the burst was spent counts towards it.
func (e *evidence) tier(m attack.Measurement, actor int, g rung) (want, got, why string, o Outcome) {
	tol, from := e.c.tolerance(), began(m.Trial.Actors[actor])
	own := only(bySent(m.Log), actor)
	var first []attack.Attempt
	for _, a := range own {
		if a.Due == from && len(first) < e.crowdOf(g) {
			first = append(first, a)
		}
	}
	in, out, _ := e.split(first)
	seconds, ok := 0.0, int64(0)
	for _, w := range m.Windows {
		if w.Actor == actor && w.At >= from+time.Second && w.Len >= time.Second && w.At+w.Len <= from+e.c.ladderLong(g.Limit) {
			seconds, ok = seconds+w.Len.Seconds(), ok+w.OK
		}
	}
	within := max(tol.rate*g.Rate, 1.5/max(seconds, .1))
	slack := count(tol.burst, float64(g.Burst))
	want = fmt.Sprintf("%d at once, then %s ± %s", g.Burst, rate(g.Rate), rate(within))
	if e.c.Ban > 0 {
		want = fmt.Sprintf("%d at once, then at most %s, less what its ban keeps out", g.Burst, rate(g.Rate+within))
	}
	if len(first) == 0 || seconds == 0 || m.Aborted != nil || m.LogDropped > 0 && len(first) < e.crowdOf(g) {
		return want, "not seen", "its storm was too short: " + aborted(m), Inconclusive
	}
	most := g.Most(decided(first, out)-first[0].Sent) + slack
	once, _, maybe := e.split(until(own, spent(first, out)))
	measured := float64(ok) / seconds
	got = fmt.Sprintf("%d, %s", len(once), rate(measured))
	lost := math.Abs(measured-g.Rate) > within && late(m) != ""
	switch {
	case len(in) == 0 && len(out) == 0:
		return want, got, "its key was answered " + statuses(m.Of(actor)), Inconclusive
	case float64(len(in)) > most:
		return want, got, e.another(g, measured, fmt.Sprintf("its burst is larger than %d", g.Burst)), Fail
	case measured > g.Rate+within:
		return want, got, e.another(g, measured, "it gets more than its rate"), Fail
	case float64(len(once)+len(maybe)) < float64(g.Burst)-slack:
		return want, got, e.another(g, measured, fmt.Sprintf("its burst is smaller than %d", g.Burst)), Fail
	case measured < g.Rate-within && e.c.Ban > 0:
	case measured < g.Rate-within && !lost:
		return want, got, e.another(g, measured, "it gets less than its rate"), Fail
	case measured < g.Rate-within:
		return want, got, late(m), Inconclusive
	}
	return want, got, "", Pass
}

// spent is when all of a crowd was sent and a refusal of it was answered: what took the places before that refusal was sent
// by then.
func spent(crowd, out []attack.Attempt) time.Duration {
	end := crowd[len(crowd)-1].Sent
	if len(out) == 0 {
		return end
	}
	soonest := slices.MinFunc(out, func(a, b attack.Attempt) int { return cmp.Compare(a.Received, b.Received) })
	return max(end, soonest.Received)
}

// until is what of a log, in order of sending, was sent by a moment.
func until(log []attack.Attempt, end time.Duration) []attack.Attempt {
	n, _ := slices.BinarySearchFunc(log, end+1, func(a attack.Attempt, t time.Duration) int { return cmp.Compare(a.Sent, t) })
	return log[:n]
}

func (e *evidence) crowdOf(g rung) int {
	own := e.c
	own.Limit = g.Limit
	return own.crowd(float64(g.Burst))
}

// another adds whose limit it seems to be.
func (e *evidence) another(g rung, measured float64, why string) string {
	for _, t := range e.c.Tiers {
		if t.Name != g.Name && math.Abs(measured-t.Rate) <= .05*t.Rate {
			return why + ": it has the limit of tier " + t.Name
		}
	}
	return why
}

// What the tiers' limits must come to, in times the limit of all together, so that they can pass it; and what each asks
// for, in times its own.
const (
	stageLeast = 1.1
	stageTimes = 1.3
)

// stageTrial asks for more than the limit of all together.
func stageTrial(c Config, _ *evidence) (attack.Trial, string) {
	all, sum := c.rungs(), 0.0
	for _, g := range all {
		sum += g.Rate
	}
	if c.Ban > 0 {
		return attack.Trial{}, "whoever is banned asks for nothing of what all share"
	}
	if c.Stage.IsZero() || sum < stageLeast*c.Stage.Rate {
		return attack.Trial{}, "the tiers cannot pass the limit of all together"
	}
	t := attack.Trial{LogMax: attack.MaxLog, Warm: c.warm(0), Why: fmt.Sprintf("all tiers past the %s of all together", rate(c.Stage.Rate))}
	t.Idle = time.Duration(1.2 * float64(c.Stage.Burst) / c.Stage.Rate * 1e9)
	for _, g := range all {
		own := c
		own.Limit = g.Limit
		t.Idle = max(t.Idle, own.idle())
		// What they ask for beyond the common limit empties its bucket; half of that is sure, the rest goes at once.
		left := float64(c.Stage.Burst) - (sum-c.Stage.Rate)/2
		storm := own.at(stageTimes, shareLead+c.long(2*time.Second, 4*time.Second, 20))
		storm.Burst = max(0, min(int(math.Ceil(left*g.Rate/sum)), g.Burst))
		t.Actors = append(t.Actors, as(own.actor(g.Name, attack.Poisson, attack.Manners{}, storm), g.who))
	}
	return t, ""
}

// together judges all tiers past the limit of the stage: what they get in together, and that none is starved of a share in
// proportion to its rate.
func (e *evidence) together(m attack.Measurement, want, got string) finding {
	all, sum := e.c.rungs(), 0.0
	for _, g := range all {
		sum += g.Rate
	}
	shares, total, refused, seconds := make([]float64, len(all)), 0.0, int64(0), 0.0
	for _, w := range m.Windows {
		if w.At >= shareLead && w.Len >= time.Second && w.Actor < len(all) {
			shares[w.Actor] += float64(w.OK)
			total += float64(w.OK)
			refused += e.refusals(w)
			if w.Actor == 0 {
				seconds += w.Len.Seconds()
			}
		}
	}
	s := e.c.Stage
	held := float64(s.Burst) - (sum-s.Rate)*shareLead.Seconds() // what a bucket that began full may still hold
	for _, g := range all {
		held -= float64(g.Burst)
	}
	within := max(e.c.tolerance().rate*s.Rate, (2+max(0, held))/max(seconds, .1))
	want += fmt.Sprintf("; all together: %s ± %s", rate(s.Rate), rate(within))
	if seconds == 0 || m.Aborted != nil {
		return unsure(want, got, "the storm of all together was too short: %s", aborted(m))
	}
	measured := total / seconds
	got += fmt.Sprintf("; all together: %s", rate(measured))
	switch {
	case measured > s.Rate+within:
		return failed(want, got, "all tiers together get in more than the stage's limit")
	case refused == 0:
		return unsure(want, got, "nobody was refused, so the stage's limit was not reached")
	case measured < s.Rate-within:
		return failed(want, got, "all tiers together get in less than the stage's limit").unless(late(m))
	}
	for i, g := range all {
		if fair := total * g.Rate / sum; fair >= 20 && shares[i] < shareFloor*fair {
			return failed(want, got, "the stage's limit starves tier %s: it gets %.0f of the %.0f requests that are its share", g.Name, shares[i], fair)
		}
	}
	return passed(want, got, "each tier let in its own burst and its own rate, and all together the stage's")
}
