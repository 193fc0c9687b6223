package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The check of this file looks at those whom the throttle is there for: clients that are let in while it refuses others.

// repeats are the stages that hold the peak of the overload once more each, so that no pause of the machine decides on V29.
var repeats = []string{"overload-2", "overload-3"}

// repeatStages are those of repeats.
func repeatStages() (all []stage) {
	for _, name := range repeats {
		all = append(all, stage{name: name, tries: 2, floods: true, build: func(c Config, e *evidence) (attack.Trial, string) { return repeatTrial(c, e, name) }})
	}
	return all
}

// repeatTrial is the peak of the overload, shorter. What let the overload through is not harmed again; a brief script repeats
// it only where it was slow, for a pause of the machine makes no storm faster.
func repeatTrial(c Config, e *evidence, name string) (attack.Trial, string) {
	if c.Brief && e.servedInTime() {
		return attack.Trial{}, "those let in by the overload were served in time"
	}
	for _, m := range e.stages["overload"] {
		if ended(m) {
			return attack.Trial{}, "nothing refused the overload, which is not to be repeated"
		}
	}
	o, peak := c.overload(), c.peakMultiple(e.voids("overload")+e.voids(name))
	storm := c.overloadPeak(peak, o.lead+c.long(time.Second, 2*time.Second, 10))
	return attack.Trial{Warm: c.warm(storm.Burst), Why: fmt.Sprintf("%.3g times the limit once more", peak),
		Actors: []attack.Actor{crowdActor: c.actor("crowd", attack.Poisson, attack.Manners{}, storm)}}, ""
}

// latencyBound is one that a quantile of the admitted must keep.
type latencyBound struct {
	q   float64
	max time.Duration
}

// latencyBounds are those of the goal, or max(5 × p95 at rest, 50 ms) where there is none; none where the rest is not known.
func (e *evidence) latencyBounds(rest attack.Measurement) (all []latencyBound) {
	for _, b := range e.c.Goal.Latency {
		all = append(all, latencyBound{b.Quantile, b.Max})
	}
	if n := rest.All().Response.N(); len(all) > 0 || n < restMin {
		return all
	}
	bound := max(5*e.rest(rest), 50*time.Millisecond)
	if e.c.algorithm() == LeakyQueue {
		bound += e.c.fill() // it holds whom it lets in for as long as its queue is
	}
	return []latencyBound{{.95, bound}}
}

// servedInTime tells whether those let in by the overload kept every bound.
func (e *evidence) servedInTime() bool {
	if e.assume {
		return true
	}
	rest, known := e.good("rest")
	m, whole := e.good("overload")
	if !known || !whole {
		return false
	}
	bounds, served := e.latencyBounds(rest), e.peakServed(m)
	slow := func(b latencyBound) bool { return served.Response.Quantile(b.q) > b.max }
	return len(bounds) > 0 && served.Response.N() > 0 && !slices.ContainsFunc(bounds, slow)
}

// overloads are the storms of V29: the overload and its repeats, as far as each can be judged.
func (e *evidence) overloads(first attack.Measurement) []attack.Measurement {
	all := []attack.Measurement{first}
	for _, name := range repeats {
		if m, why := e.get(name, false); why == "" && m.Aborted == nil {
			all = append(all, m)
		}
	}
	return all
}

// peakServed are those let in at the peak of a storm, once the bucket is empty.
func (e *evidence) peakServed(m attack.Measurement) (all attack.Window) {
	o := e.c.overload()
	for _, w := range m.Windows {
		if w.Actor == crowdActor && w.At >= o.lead && w.At+w.Len <= o.lead+o.peak {
			all.Add(w)
		}
	}
	return all
}

// admittedLatency (V29): those let in are served in time: within the goal, or p95 ≤ max(5 × p95 at rest, 50 ms) where
// there is none. The storm is held three times and the median counts, so that one pause of the machine does not decide;
// where a storm cannot be judged, the others decide if they agree. A brief script goes by the first where that is in time.
func admittedLatency(e *evidence, ms []attack.Measurement) finding {
	rest, m := ms[0], ms[1]
	bounds := e.latencyBounds(rest)
	switch {
	case len(bounds) == 0:
		return unsure("a latency near that at rest", fmt.Sprintf("%s at rest", attack.Plural(rest.All().Response.N(), "answer")), "the latency at rest is not known, and no goal was given")
	case e.open(m):
		return unsure("those let in are served in time", "everybody let in", "no request was refused, so this tells of the target without a throttle")
	}
	storms := e.overloads(m)
	var wants, gots []string
	says := fmt.Sprintf("the median of %s", attack.Plural(len(repeats)+1, "storm"))
	if e.c.Brief && e.servedInTime() {
		says = "a storm in time need not be repeated"
	}
	f := passed("", "", "%s; at rest the p95 is %s", says, brief(e.rest(rest)))
	for _, b := range bounds {
		got, one := e.medianOf(storms, b)
		wants, gots = append(wants, fmt.Sprintf("p%.4g at most %s", b.q*100, brief(b.max))), append(gots, got)
		if f.outcome != Fail && one.outcome != Pass {
			f = one
		}
	}
	f.want, f.got = strings.Join(wants, ", "), strings.Join(gots, "; ")
	return f
}

// medianOf judges a bound by the median of storms.
func (e *evidence) medianOf(storms []attack.Measurement, b latencyBound) (got string, f finding) {
	var all []time.Duration
	var said []string
	over, sure, doubt := 0, 0, ""
	for _, m := range storms {
		served := e.peakServed(m)
		if served.Response.N() == 0 {
			continue
		}
		p := served.Response.Quantile(b.q)
		all, said = append(all, p), append(said, brief(p))
		if p > b.max {
			over++
			if late := delayed(m, served, b); late != "" {
				doubt = late
			} else {
				sure++
			}
		}
	}
	got = fmt.Sprintf("%s (%s)", brief(median(all)), strings.Join(said, ", "))
	most := (len(repeats) + 2) / 2 // of three, two
	switch {
	case len(all) == 0 && e.c.Ban > 0:
		return "nobody let in", moot(banned)
	case len(all) == 0:
		return "none", unsure("", "", "nobody was served in a whole second of the storm: statuses %s", statuses(storms[0].Of(crowdActor)))
	case over >= most:
		if sure >= most {
			doubt = ""
		}
		return got, failed("", "", "the storm slows down those who are let in: the limit is too high for the target, or refusing costs it too much").unless(doubt)
	case len(all)-over >= most, e.c.Brief && e.servedInTime():
		return got, passed("", "", "")
	}
	return got, unsure("", "", "%d of %s could be judged, and they do not decide", len(all), attack.Plural(len(repeats)+1, "storm"))
}
