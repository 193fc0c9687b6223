package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The check of this file looks at clients that come after the storm.

// rest is the p95 of the latency at rest.
func (e *evidence) rest(m attack.Measurement) time.Duration { return m.All().Response.Quantile(.95) }

// restMin is how many answers at rest a bound may be derived from.
const restMin = 5

// firstRefused is the share of the first second after a storm that may still be refused, while the bucket recovers.
const firstRefused = 0.05

// recovery (V15): a second after the storm, half the limit is served as before it: none refused, p95 ≤ max(3 × p95 at rest,
// 50 ms); in that second, all but a few. How long it took is told.
func recovery(e *evidence, ms []attack.Measurement) finding {
	rest, m := e.rest(ms[0]), ms[1]
	bound := max(3*rest, 50*time.Millisecond)
	if e.c.algorithm() == LeakyQueue {
		bound += time.Duration(1e9 / e.c.Limit.Rate) // a place in an empty queue
	}
	want := fmt.Sprintf("back within %s: 0 refused, p95 at most %s", brief(e.c.settling()), brief(bound))
	first, later := e.afterwards(m)
	if m.Aborted != nil || later.Due == 0 {
		return unsure(want, "not seen", "nothing came after the storm: %s", aborted(m))
	}
	early, out, p95 := e.refusals(first), e.refusals(later), later.Response.Quantile(.95)
	took, back := e.recovered(m, bound)
	got := fmt.Sprintf("back after %s", brief(took))
	if !back {
		got = fmt.Sprintf("not back within %s", brief(e.c.overload().after))
	}
	got += fmt.Sprintf("; %d refused in the first second, %d later; p95 %s", early, out, brief(p95))
	doubt := late(m)
	few := e.c.Limit.Burst < 5 && float64(out) < firstRefused*float64(later.Due)
	if doubt == "" && (few || e.excused(afterStorm(e.c, m), afterActor)) {
		doubt = "a burst this small refuses two requests that come close together"
	}
	switch {
	case out > 0:
		return failed(want, got, "a second after the storm, clients at half the limit are still turned away").unless(doubt)
	case float64(early) > count(firstRefused, float64(first.Due))+1 && !e.c.windowed():
		return failed(want, got, "right after the storm, clients at half the limit are turned away").unless(doubt)
	case later.OK < later.Due*9/10:
		return failed(want, got, "after the storm %d of %s failed: statuses %s", later.Due-later.OK, attack.Plural(later.Due, "request"), statuses(later))
	case rest == 0:
		return unsure(want, got, "the latency at rest is not known")
	case p95 > bound:
		return failed(want, got, "a second after the storm the target is still slow: a backlog got through the throttle").unless(delayed(m, later, latencyBound{.95, bound}))
	case !back || took > e.c.settling()+time.Duration(1e9/(.5*e.c.Limit.Rate)): // when the next one came, all was well
		return failed(want, got, "the target is slow for too long after the storm: a backlog got through the throttle").unless(late(m))
	}
	return passed(want, got, "%s at half the limit followed the storm", attack.Plural(first.Due+later.Due, "request"))
}

// afterwards is what came after the storm: while a throttle may still settle, and later.
func (e *evidence) afterwards(m attack.Measurement) (first, later attack.Window) {
	calm := e.c.overload().calm()
	for _, w := range m.Windows {
		switch {
		case w.Actor != afterActor || w.At < calm:
		case w.At < calm+e.c.settling():
			first.Add(w)
		default:
			later.Add(w)
		}
	}
	return first, later
}

// slowShare of those who come after a storm may be slow or fail, once it is over: what a p95 leaves out.
const slowShare = 0.05

// recovered is how long after a storm clients at half the limit are served as before it: from then on nobody is refused,
// and no more than a twentieth fails or takes longer than the bound. It is told from the log, or to a second where that is
// full; false where it was not so until the end.
func (e *evidence) recovered(m attack.Measurement, bound time.Duration) (took time.Duration, ok bool) {
	calm := e.c.overload().calm()
	if m.LogDropped > 0 {
		return e.recoveredBySeconds(m, bound)
	}
	log := only(m.Log, afterActor)
	slices.SortStableFunc(log, func(a, b attack.Attempt) int { return cmp.Compare(b.Due, a.Due) }) // the last first
	amiss := func(a attack.Attempt) bool { return a.Outcome != attack.OK || a.Received-a.Due > bound }
	bad, since := 0, 0
	for n, a := range log {
		if e.fate(a) == refused {
			break
		}
		if amiss(a) {
			bad++
		}
		if float64(bad) <= slowShare*float64(n+1) {
			since, ok = n, true
		}
	}
	for ; ok && since > 0 && amiss(log[since]); since-- { // the last of those who were served badly in a row
	}
	if !ok {
		return 0, false
	}
	return max(0, log[since].Due-calm), true
}

// recoveredBySeconds is the end of the last second after a storm that was not as before it.
func (e *evidence) recoveredBySeconds(m attack.Measurement, bound time.Duration) (took time.Duration, ok bool) {
	calm, o := e.c.overload().calm(), e.c.overload()
	for _, w := range m.Windows {
		if w.Actor == afterActor && w.At >= calm && w.Due > 0 &&
			(e.refusals(w) > 0 || float64(w.OK) < (1-slowShare)*float64(w.Due) || w.Response.Quantile(.95) > bound) {
			took = w.At + w.Len - calm
		}
	}
	return took, took < o.after
}

// afterStorm is the log of what was sent once the storm was over, and of the last second of the storm.
func afterStorm(c Config, m attack.Measurement) (out []attack.Attempt) {
	for _, a := range m.Log {
		if a.Due >= c.overload().storm()-time.Second {
			out = append(out, a)
		}
	}
	return out
}
