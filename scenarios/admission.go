package scenarios

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// The checks of this file hold what a throttle let in against what its rate and burst say.

// falseRefusals (V28): below the limit nobody is refused. Refusals are excused when the requests may have come to the
// throttle in such clumps that a bucket on the mean side of the tolerance would have refused them too.
func falseRefusals(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	total := m.All()
	out := e.refusals(total)
	want := fmt.Sprintf("0 refused at %s, %s of the limit", rate(m.Trial.Load()), percent(e.c.steadyShare()))
	got := fmt.Sprintf("%d of %d refused", out, total.Due)
	switch {
	case total.OK+out == 0:
		return unsure(want, got, "nothing was answered as a throttle answers: statuses %s", statuses(total))
	case out == 0:
		return passed(want, got, "%s at an even pace were let in", attack.Plural(total.OK, "request"))
	case total.OK == 0:
		return failed(want, got, "every request was refused, although they stay below the limit")
	case e.excused(m.Log, steadyActor):
		return unsure(want, got, "the requests may have come in clumps that a bucket of %d may refuse: %s", e.c.Limit.Burst, lateOr(m, "run it on a quieter machine"))
	}
	return failed(want, got, "clients below the limit are turned away: the throttle is tighter than %s and %d at once", rate(e.c.Limit.Rate), e.c.Limit.Burst)
}

// lateOr says that the generator was late, or something else.
func lateOr(m attack.Measurement, or string) string {
	if why := late(m); why != "" {
		return why
	}
	return or
}

// scattered says that a crowd was not sent at once: while the requests that fill the burst were sent, more than a tenth of
// it was refilled. What such a crowd gets in tells little of the burst.
func scattered(c Config, m attack.Measurement) string {
	log := bySent(m.Log)
	if len(log) == 0 {
		return "nothing was logged"
	}
	if c.overEdge(m) {
		return "more than one limit was let in at once: the crowd may have come while a window turned"
	}
	return c.notAtOnce(log)
}

// notAtOnce says that a crowd, in order of sending, was not sent at once, or "".
func (c Config) notAtOnce(crowd []attack.Attempt) string {
	n := min(c.Limit.Burst, len(crowd))
	if n == 0 {
		return ""
	}
	spread := crowd[n-1].Sent - crowd[0].Sent
	if back := c.Limit.Rate * spread.Seconds(); back > max(1, spreadShare*float64(c.Limit.Burst)) {
		return fmt.Sprintf("the first %s sent over %s, in which %.0f tokens come back: not at once", attack.Were(n, "request"), brief(spread), back)
	}
	return ""
}

// spreadShare of a burst may be refilled while it is sent.
const spreadShare = 0.10

// burstFromFull (V02): a full bucket of C admits C and what is refilled while the crowd is decided on:
//
//	C − max(1, 5 %) ≤ admitted ≤ C + rate × elapsed + max(1, 5 %)
//
// elapsed runs from the first send to the last moment at which a request may have been decided on.
func burstFromFull(e *evidence, ms []attack.Measurement) finding {
	m, c := ms[0], e.c.Limit
	in, out, maybe := e.split(bySent(m.Log))
	slack := count(e.c.tolerance().burst, float64(c.Burst))
	lo := float64(c.Burst) - slack
	if len(m.Log) == 0 || m.LogDropped > 0 {
		return unsure(fmt.Sprintf("%d admitted at once", c.Burst), "no complete log", "%s of the crowd were not logged", attack.Plural(m.LogDropped, "attempt"))
	}
	first, elapsed := m.Log[0].Sent, decided(m.Log, out)
	hi := c.Most(elapsed-first) + slack
	want := fmt.Sprintf("%.0f to %.0f admitted at once", math.Ceil(lo), math.Floor(hi))
	got := fmt.Sprintf("%d of %d", len(in), len(m.Log))
	thin := scattered(e.c, m)
	switch {
	case e.c.overEdge(m) && float64(len(in)) <= 2*float64(c.Burst)+slack && e.straddled() < 2:
		return unsure(want, got, "%s", thin)
	case len(in) == 0:
		return unsure(want, got, "no request of the crowd was let in, so the bucket was not full, or lets in nobody")
	case float64(len(in)) > hi && len(out) == 0:
		return failed(want, got, "no request was refused: the burst is larger than %d, or there is no limit", c.Burst)
	case float64(len(in)) > hi:
		return failed(want, got, "%.0f more than a burst of %d and %s of refill allow", float64(len(in))-c.Most(elapsed-first), c.Burst, brief(elapsed-first))
	case thin != "":
		return unsure(want, got, "%s", thin)
	case float64(len(in)+len(maybe)) < lo:
		return failed(want, got, "the throttle holds less than a burst of %d after %s of silence", c.Burst, brief(m.Trial.Idle))
	case float64(len(in)) < lo:
		return unsure(want, got, "%s ended in errors that may have been let in: statuses %s", attack.Plural(len(maybe), "request"), statuses(m.All()))
	case len(out) == 0:
		return unsure(want, got, "no request was refused, so the burst was not reached")
	}
	return passed(want, got, "a full bucket let in the burst and refused the rest, sent within %s", brief(m.Log[len(m.Log)-1].Sent-first))
}

// decided is the last moment at which a request of a crowd may have been decided on: a refusal is answered at once, so
// the last refusal or the last send, whichever is later.
func decided(log, out []attack.Attempt) time.Duration {
	var last time.Duration
	for _, a := range log {
		last = max(last, a.Sent)
	}
	for _, a := range out {
		last = max(last, a.Received)
	}
	return last
}

// saturated is the whole seconds of a storm in which the bucket is known to be empty, of the lower or the peak load, and
// what was let in within them: at least what was ok, at most what errors hide too.
type saturated struct {
	seconds      float64
	lost         float64 // tokens that may have run over in pauses of sending or deciding, per second
	fair         float64 // what a bucket of the declared limit lets in of the same arrivals, per second
	load         float64
	ok, okOrMore int64
	refused      int64
}

func (e *evidence) saturated(m attack.Measurement, from, to time.Duration) (s saturated) {
	due := int64(0)
	for _, w := range m.Windows {
		if w.Actor != crowdActor || w.At < from || w.At+w.Len > to || w.Len < time.Second {
			continue
		}
		out := e.refusals(w)
		s.seconds += w.Len.Seconds()
		s.ok += w.OK
		s.okOrMore += w.Due - w.Unsent - out
		s.refused += out
		due += w.Due
	}
	if s.seconds > 0 {
		s.load = float64(due) / s.seconds
		s.fair = e.fair(m.Trial, from, to) / s.seconds
		s.lost = e.lost(m, from, to) / s.seconds
	}
	return s
}

// least is what a bucket of the rate r lets in at least, per second.
func (s saturated) least(r float64) float64 { return min(r, s.fair) - s.lost }

// lost bounds the tokens that ran over in a stretch because nobody asked, or nobody decided, for longer than an empty
// bucket takes to fill: from one refusal, which finds it empty, to the next, after a gap g, rate·g − C at most.
func (e *evidence) lost(m attack.Measurement, from, to time.Duration) (sum float64) {
	_, out, _ := e.split(m.Log)
	var answered []time.Duration
	for _, a := range out {
		if a.Actor == crowdActor && a.Due >= from && a.Due < to {
			answered = append(answered, a.Received)
		}
	}
	slices.Sort(answered)
	for i := 1; i < len(answered); i++ {
		gap := (answered[i] - answered[i-1]).Seconds()
		sum += max(0, e.c.Limit.Rate*gap-float64(e.c.Limit.Burst))
	}
	return sum
}

// fair is what a bucket of the declared limit lets in of a trial's arrivals that are due in a stretch. It is the rate, but
// for buckets so small that they overflow in the pauses between random arrivals.
func (e *evidence) fair(t attack.Trial, from, to time.Duration) float64 {
	b, n := model.NewBucket(e.c.Limit.Rate, e.c.Limit.Burst), 0
	for s := t.Stream(); ; {
		a, more := s.Next()
		if !more || a.Due >= to {
			return float64(n)
		}
		if ok, _ := b.Take(a.Due); ok && a.Due >= from {
			n++
		}
	}
}

// storms are the saturated parts of an overload: at twice the limit, and at its peak.
func (e *evidence) storms(m attack.Measurement) (twice, peak saturated) {
	o := e.c.overload()
	return e.saturated(m, o.lead+o.peak, o.storm()), e.saturated(m, o.lead, o.lead+o.peak)
}

// thinnest is the share of the rate by which a measured rate may be uncertain and still tell something.
const thinnest = 0.25

// sustainedRate (V01): while the bucket is empty, what is let in is the rate. Over T seconds at a load R the count is off
// by at most 1 + rate/R requests at each end, so |measured − rate| ≤ max(3 %, (1 + rate/R)/T).
func sustainedRate(e *evidence, ms []attack.Measurement) finding {
	m, r := ms[0], e.c.Limit.Rate
	void, _ := m.Void()
	twice, peak := e.storms(m)
	seconds, all := twice.seconds+peak.seconds, m.Of(crowdActor)
	want := rate(r)
	if e.refusals(all) == 0 {
		if e.open(m) {
			return failed(want, rate(float64(all.Due)/trialSeconds(m)), "no request was refused: %d were let in within %s, the limit allows %.0f", all.Due, brief(m.Took), e.c.Limit.Most(m.Took))
		}
		return unsure(want, fmt.Sprintf("%d let in, none refused", all.OK), "no request was refused, so the limit was not reached: statuses %s", statuses(all))
	}
	if ended(m) {
		return failed(want, rate(float64(all.OK)/trialSeconds(m)), "the storm was ended after %s, because next to nothing was refused: statuses %s; the limit allows %.0f", brief(m.Aborted.At), statuses(all), e.c.Limit.Most(m.Aborted.At))
	}
	if void != "" {
		return unsure(want, "not measured", "the generator was the limit: %s", void)
	}
	if m.Aborted != nil || seconds == 0 {
		return unsure(want, "no whole second", "the storm was too short: %s", aborted(m))
	}
	if e.c.Ban > 0 {
		return e.bannedRate(m)
	}
	if e.c.windowed() {
		return e.windowRate(m)
	}
	within := max(e.c.tolerance().rate*r, (1+r/max(twice.load, r))/seconds)
	lo, hi := float64(twice.ok+peak.ok)/seconds, float64(twice.okOrMore+peak.okOrMore)/seconds
	least := (twice.least(r)*twice.seconds+peak.least(r)*peak.seconds)/seconds - within
	most := r + within + r*m.Of(crowdActor).Lag.Quantile(.99).Seconds()/seconds
	want = fmt.Sprintf("%s ± %s", rate(r), rate(within))
	if least < r-1.2*within {
		want = fmt.Sprintf("%s to %s (a bucket of %d runs over in the pauses between requests)", rate(least), rate(most), e.c.Limit.Burst)
	}
	got := rate(lo)
	if hi > lo {
		got = fmt.Sprintf("%s to %s", rate(lo), rate(hi))
	}
	switch {
	case within > thinnest*r:
		return unsure(want, got, "%.0f s are too short for so low a rate", seconds)
	case twice.ok+peak.ok == 0:
		return failed(want, got, "nothing at all was let in over %.0f s of overload", seconds)
	case lo > most:
		return failed(want, got, "the throttle lets in %s more than its limit over %.0f s with an empty bucket", percent(lo/r-1), seconds)
	case hi < least && m.LogDropped > 0:
		return failed(want, got, "the throttle lets in %s less than its limit over %.0f s of overload", percent(1-hi/r), seconds).unless(late(m))
	case hi < least:
		return failed(want, got, "the throttle lets in %s less than its limit over %.0f s of overload", percent(1-hi/r), seconds)
	case lo < least || hi > most:
		return unsure(want, got, "%s ended in errors that hide whether they were let in: statuses %s", attack.Plural(twice.okOrMore+peak.okOrMore-twice.ok-peak.ok, "request"), statuses(all))
	}
	return passed(want, got, "counted over %.0f s in which the bucket was empty", seconds)
}

// starved is the share of the limit below which a throttle under load starves its clients.
const starved = 0.9

// even is the share of what is served at twice the limit below which the peak is served less, not just as little.
const even = 0.9

// starvation (V22): the limit is served at every overload. A throttle that counts refusals serves less the more is asked.
func starvation(e *evidence, ms []attack.Measurement) finding {
	if e.c.Ban > 0 {
		return e.banAsDeclared()
	}
	m, r := ms[0], e.c.Limit.Rate
	twice, peak := e.storms(m)
	want := fmt.Sprintf("at least %s at every load", rate(starved*max(twice.least(r), peak.least(r))))
	if m.Aborted != nil || twice.seconds == 0 || peak.seconds == 0 {
		return unsure(want, "no whole second", "the storm was too short: %s", aborted(m))
	}
	got := fmt.Sprintf("%s of %s, %s of %s", rate(float64(peak.ok)/peak.seconds), rate(peak.load), rate(float64(twice.ok)/twice.seconds), rate(twice.load))
	for _, s := range []saturated{peak, twice} {
		lo, hi := float64(s.ok)/s.seconds, float64(s.okOrMore)/s.seconds
		slack := (1 + r/max(s.load, r)) / s.seconds
		if e.c.windowed() {
			slack += float64(e.c.Limit.Burst) / s.seconds // a window that began before may be spent, and one that ends after not yet
		}
		least := starved * s.least(r)
		if hi+slack < least && (hi < least/2 || float64(peak.ok)/peak.seconds < even*float64(twice.ok)/twice.seconds) {
			return failed(want, got, "under %.3g times the limit only %s of it was served: refusals seem to count against the client, who is then never let in", s.load/r, percent(hi/r))
		}
		if hi+slack < least {
			return failed(want, got, "only %s of the limit was served under %.3g times the limit", percent(hi/r), s.load/r)
		}
		if lo+slack < least {
			return unsure(want, got, "errors hide whether the limit was served: statuses %s", statuses(m.Of(crowdActor)))
		}
	}
	return passed(want, got, "more demand did not lower what was served")
}

// trialSeconds is how long a trial owed arrivals.
func trialSeconds(m attack.Measurement) float64 {
	if m.Aborted != nil {
		return max(m.Aborted.At.Seconds(), .1)
	}
	return max(m.Trial.Len().Seconds(), .1)
}

// aborted says why a trial is shorter than it was meant to be.
func aborted(m attack.Measurement) string {
	if m.Aborted == nil {
		return "it has no whole second"
	}
	return fmt.Sprintf("it was ended after %s (%s)", brief(m.Aborted.At), m.Aborted.Reason)
}
