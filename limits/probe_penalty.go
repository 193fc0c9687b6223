package limits

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The stages for limiters that punish refusals.

// comebackGaps are the silences after which one request asks, s: each twice the one before.
var comebackGaps = []float64{.1, .2, .4, .8, 1.6, 3.2, 6.4}

// comebackParts are the silences between crowds, in times the one that was enough.
var comebackParts = []float64{.55, .75, 1, 1.25, 1.6}

// starved tells whether nobody was let in any more from the first refusal to the end of the settle.
func (e *evidence) starved() bool {
	settled := e.of(stageSettle)
	in, out := count(settled)
	return in == 0 && out >= refusalsMin
}

// comeback is for a limiter that lets nobody in who keeps asking: single requests after ever longer silences; and, once
// one was let in, crowds after silences about that.
func (p Probe) comeback(e *evidence) (attack.Trial, bool) {
	if !e.starved() {
		return attack.Trial{}, false
	}
	if !e.tried(stageComeback) {
		var segments []attack.Segment
		for i, gap := range comebackGaps {
			s := attack.Segment{Len: seconds1(gap)}
			if i > 0 {
				s.Burst = 1
			}
			segments = append(segments, s)
		}
		segments[len(segments)-1].Len = 10 * time.Millisecond
		return attack.Trial{Why: "nothing is let in any more: one request after ever longer silences", Actors: p.actor(segments...)}, true
	}
	gap, ok := e.returned()
	if !ok {
		return attack.Trial{}, false
	}
	all := int(2.2*float64(e.sketch().first)) + 5
	segments := []attack.Segment{{Len: seconds1(comebackParts[0] * gap), Burst: all}}
	for i := range comebackParts {
		next := attack.Segment{Len: 50 * time.Millisecond, Burst: all}
		if i+1 < len(comebackParts) {
			next.Len = seconds1(comebackParts[i+1] * gap)
		}
		segments = append(segments, next)
	}
	return attack.Trial{Idle: seconds1(2.2*gap + .1), Warm: min(all, 200), Why: fmt.Sprintf("crowds of %d after silences of about %.2g s", all, gap), Actors: p.actor(segments...)}, true
}

// returned is the silence after which a starved client was let in again.
func (e *evidence) returned() (gap float64, ok bool) {
	last := math.NaN()
	for _, d := range e.of(stageComeback) {
		if d.in && !math.IsNaN(last) {
			return d.at - last, true
		}
		last = d.at
	}
	return 0, false
}

// The pace: from far below the rate that was refused to that rate, and then just so fast that the burst lasts for paceHold.
const (
	paceRefused = 4
	paceLong    = 10.0 // s
	paceHold    = 7.0  // s
	paceBelow   = 32.0
	paceSteps   = 40
)

func (p Probe) pace(e *evidence) (attack.Trial, bool) {
	l := e.guess()
	if l.Ban == nil || l.Ban.Hi > 8 {
		return attack.Trial{}, false
	}
	idle := 1.1*l.Ban.Hi + .2
	if !e.tried(stagePace) {
		var segments []attack.Segment
		requests, _ := p.Estimate()
		top := min(e.refusedAt(), .8*float64(requests-e.sent)*math.Log(paceBelow)/paceLong) // so many come to a little less than are left
		rate := max(top/paceBelow, 1)
		grow := math.Pow(paceBelow, 1/float64(paceSteps))
		for range paceSteps {
			segments = append(segments, attack.Segment{From: rate, To: min(rate*grow, p.maxRate()), Len: seconds1(paceLong / paceSteps)})
			rate = min(rate*grow, p.maxRate())
		}
		return attack.Trial{Idle: seconds1(idle), Why: "ever faster from far below: what it bears without a ban", Actors: p.actor(segments...)}, true
	}
	if l.Rate == nil || l.Burst == nil {
		return attack.Trial{}, false
	}
	rate := min(l.Rate.Value+l.Burst.Value/paceHold, p.maxRate())
	idle = max(idle, min(l.Burst.Value/l.Rate.Value*1.1, 8))
	return attack.Trial{Idle: seconds1(idle), Why: fmt.Sprintf("%s, a little more than it bears", attack.Rate(rate).Round()), Actors: p.actor(hold(rate, 1.4*paceHold))}, true
}
