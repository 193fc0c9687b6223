package scenarios

import (
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The checks of this file look at those whom the throttle is there for: clients that are let in, clients that come after
// the storm, and clients that come back.

// rest is the p95 of the latency at rest.
func (e *evidence) rest(m attack.Measurement) time.Duration { return m.All().Response.Quantile(.95) }

// restMin is how many answers at rest a bound may be derived from.
const restMin = 5

// admittedLatency (V29): those let in are served in time: within the goal, or p95 ≤ max(5 × p95 at rest, 50 ms) where
// there is none. It is judged on the median of the storm's seconds, so that one pause of the machine does not decide.
func admittedLatency(e *evidence, ms []attack.Measurement) finding {
	rest, m := ms[0].All(), ms[1]
	bounds := e.c.Goal.Latency
	type bound struct {
		q   float64
		max time.Duration
	}
	var all []bound
	for _, b := range bounds {
		all = append(all, bound{b.Quantile, b.Max})
	}
	if len(all) == 0 {
		if rest.Response.N() < restMin {
			return unsure("a latency near that at rest", fmt.Sprintf("%d answers at rest", rest.Response.N()), "the latency at rest is not known, and no goal was given")
		}
		all = []bound{{.95, max(5*e.rest(ms[0]), 50*time.Millisecond)}}
		if e.c.algorithm() == LeakyQueue {
			all[0].max += e.c.fill() // it holds whom it lets in for as long as its queue is
		}
	}
	if e.open(m) {
		return unsure("those let in are served in time", "everybody let in", "no request was refused, so this tells of the target without a throttle")
	}
	o := e.c.overload()
	var wants, gots []string
	var over time.Duration
	for _, b := range all {
		var seconds []time.Duration
		for _, w := range m.Windows {
			if w.Actor == crowdActor && w.At >= o.lead && w.At+w.Len <= o.storm() && w.Response.N() > 0 {
				seconds = append(seconds, w.Response.Quantile(b.q))
			}
		}
		if len(seconds) == 0 {
			return unsure("those let in are served in time", "none", "nobody was served in a whole second of the storm: statuses %s", statuses(m.Of(crowdActor)))
		}
		got := median(seconds)
		wants = append(wants, fmt.Sprintf("p%.4g at most %s", b.q*100, brief(b.max)))
		gots = append(gots, brief(got))
		over = max(over, got-b.max)
	}
	want, got := strings.Join(wants, ", "), strings.Join(gots, ", ")
	if over > 0 {
		return failed(want, got, "the storm slows down those who are let in: the limit is too high for the target, or refusing costs it too much").unless(explained(m, over))
	}
	return passed(want, got, "median over the seconds of the storm; at rest the p95 is %s", brief(e.rest(ms[0])))
}

// firstRefused is the share of the first second after a storm that may still be refused, while the bucket recovers.
const firstRefused = 0.05

// recovery (V15): half the limit right after the storm is served: all but a few in the first second, all thereafter, with
// a p95 of at most max(3 × p95 at rest, 50 ms).
func recovery(e *evidence, ms []attack.Measurement) finding {
	rest, m := e.rest(ms[0]), ms[1]
	bound := max(3*rest, 50*time.Millisecond)
	if e.c.algorithm() == LeakyQueue {
		bound += time.Duration(1e9 / e.c.Limit.Rate) // a place in an empty queue
	}
	want := fmt.Sprintf("0 refused and p95 at most %s a second after the storm", brief(bound))
	var first, later attack.Window
	for _, w := range m.Windows {
		if w.Actor != afterActor || w.At < e.c.overload().storm() {
			continue
		}
		if w.At < e.c.overload().storm()+e.c.settling() {
			first.Add(w)
		} else {
			later.Add(w)
		}
	}
	if m.Aborted != nil || later.Due == 0 {
		return unsure(want, "not seen", "nothing came after the storm: %s", aborted(m))
	}
	early, out, p95 := e.refusals(first), e.refusals(later), later.Response.Quantile(.95)
	got := fmt.Sprintf("%d refused in the first second, %d later; p95 %s", early, out, brief(p95))
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
		return failed(want, got, "after the storm %d of %d requests failed: statuses %s", later.Due-later.OK, later.Due, statuses(later))
	case rest == 0:
		return unsure(want, got, "the latency at rest is not known")
	case p95 > bound:
		return failed(want, got, "a second after the storm the target is still slow: a backlog got through the throttle").unless(explained(m, p95-bound))
	}
	return passed(want, got, "%d requests at half the limit followed the storm", first.Due+later.Due)
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
