package scenarios

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The curve of a throttle that sheds: what it serves, and how fast it serves and refuses, at more and more of the limit.

const (
	shedMost  = 10_000.0 // per second, beyond which a generator beside the throttle measures itself
	shedLead  = time.Second
	shedTwice = 2.0
)

// shedSteps are the multiples of the limit, in order; a generator that could not keep up is asked for less.
func (c Config) shedSteps(voids int) (steps []float64) {
	all := []float64{1, 2, 5, 10}
	if c.Thorough {
		all = []float64{1, 2, 3, 5, 7, 10}
	}
	most := max(shedTwice, shedMost/c.Limit.Rate)
	if c.MaxRate > 0 {
		most = min(most, c.MaxRate/c.Limit.Rate)
	}
	most *= math.Pow(peakEase, float64(voids))
	for _, x := range all {
		if x <= max(most, shedTwice) {
			steps = append(steps, x)
		}
	}
	return steps
}

// shedStep is how long each step is.
func (c Config) shedStep() time.Duration { return c.long(2*time.Second, 2*time.Second, 20) }

func shedTrial(c Config, e *evidence) (attack.Trial, string) {
	lead := c.at(shedTwice, shedLead) // so that the bucket is empty when the first step begins
	lead.Burst = c.crowd(float64(c.Limit.Burst))
	segments := []attack.Segment{lead}
	for _, x := range c.shedSteps(e.voids("shed")) {
		segments = append(segments, c.at(x, c.shedStep()))
	}
	steps := c.shedSteps(e.voids("shed"))
	return attack.Trial{LogMax: attack.MaxLog, Warm: c.warm(lead.Burst), Why: fmt.Sprintf("from 1 to %.3g times the limit, step by step", steps[len(steps)-1]),
		Actors: []attack.Actor{c.actor("crowd", attack.Even, attack.Manners{}, segments...)}}, ""
}

// step is one point of the curve.
type step struct {
	times   float64 // of the limit
	offered float64 // per second
	goodput float64 // ok per second
	p99     time.Duration
	refusal time.Duration // p95
	refused int64
}

// shedding is the curve of a measurement: its windows, put together by the step that they are due in.
func (e *evidence) shedding(m attack.Measurement) (curve []step) {
	at := shedLead
	for _, g := range m.Trial.Actors[crowdActor].Schedule.Segments[1:] {
		var all attack.Window
		for _, w := range m.Windows {
			if w.At >= at && w.At+w.Len <= at+g.Len {
				all.Add(w)
			}
		}
		at += g.Len
		s := g.Len.Seconds()
		curve = append(curve, step{times: g.From / e.c.Limit.Rate, offered: float64(all.Due) / s, goodput: float64(all.OK) / s,
			p99: all.Response.Quantile(.99), refusal: all.Refusal.Quantile(.95), refused: e.refusals(all)})
	}
	return curve
}

func shedTable(curve []step) *Table {
	t := &Table{Columns: []string{"times the limit", "offered", "served", "p99 of the served", "p95 of refusals"}}
	for _, s := range curve {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%.3g", s.times), rate(s.offered), rate(s.goodput), brief(s.p99), brief(s.refusal)})
	}
	return t
}

// collapseMax is the share of the best goodput that more demand may cost.
const collapseMax = 0.10

// shedCurve (V37): from once to ten times the limit the goodput does not fall: collapse index 1 − last/best ≤ 10 %, and the
// two requests at the ends of a step. Those let in wait at most max(5 × their p99 at the limit, 100 ms), and a refusal takes
// at most max(3 × its p95 at the first step that refuses, 25 ms).
func shedCurve(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	want := fmt.Sprintf("a collapse index of at most %s, and no slower at the top", percent(collapseMax))
	if ended(m) {
		return failed(want, "ended after "+brief(m.Aborted.At), "%s", m.Aborted.Reason)
	}
	if m.Aborted != nil {
		return unsure(want, "not seen", "%s", aborted(m))
	}
	curve := e.shedding(m)
	best, low, last := 0.0, curve[0], curve[len(curve)-1]
	refusal := time.Duration(0)
	for _, s := range curve {
		best = max(best, s.goodput)
		if refusal == 0 && s.refused >= refusalsMin {
			refusal = s.refusal
		}
	}
	if best == 0 && last.refused >= refusalsMin {
		return failed(want, "nothing served at any step", "once the bucket was empty, nothing was served for as long as too much was asked").with(shedTable(curve))
	}
	if last.refused < refusalsMin {
		return unsure(want, fmt.Sprintf("%d refused at the top", last.refused), "too little was refused to tell how the throttle sheds").with(shedTable(curve))
	}
	slack := 2 / e.c.shedStep().Seconds()
	if e.c.algorithm() != TokenBucket { // a step may hold one window more, or less
		slack += float64(e.c.Limit.Burst) / e.c.shedStep().Seconds()
	}
	index := max(0, 1-(last.goodput+slack)/best)
	got := fmt.Sprintf("collapse index %s at %.3g times the limit; p99 %s, at the limit %s; refusals %s", percent(math.Round(index*1000)/1000), last.times, brief(last.p99), brief(low.p99), brief(last.refusal))
	slow, dear := max(5*low.p99, 100*time.Millisecond), max(3*refusal, 25*time.Millisecond)
	f := passed(want, got, "%s of %s each", attack.Plural(len(curve), "step"), brief(e.c.shedStep()))
	switch {
	case index > collapseMax:
		f = failed(want, got, "the more is asked, the less is served: refusing takes what serving needs").unless(late(m))
	case last.p99 > slow:
		f = failed(want, got, "those let in wait longer, the more is refused").unless(explained(m, last.p99-slow))
	case last.refusal > dear:
		f = failed(want, got, "a refusal takes longer, the more is refused: the throttle itself is overloaded").unless(explained(m, last.refusal-dear))
	}
	return f.with(shedTable(curve))
}

// with adds a table to a finding.
func (f finding) with(t *Table) finding {
	f.table = t
	return f
}
