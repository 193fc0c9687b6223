package analyze

import (
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// vigil watches the ticks of one trial and ends it once the evidence is in. It never ends a trial as passed: a lower
// bound is always a trial of full length.
type vigil struct {
	rest   Rest
	goal   Goal
	rigour Rigour
	gentle float64 // stretches the brief rule: 1 for the ramp, more where a backlog is expected
	load   float64
	spread float64
	flight int64 // most in flight
	atOnce int64 // most that the trial lets wait at the target; 0 for no such bound
	long   time.Duration

	ticks []attack.Tick
	sum   attack.Tick // of all ticks so far
	full  bool        // flight was exceeded
}

// Watch is the rule that ends a trial early: for a Brief one a backlog that no chance explains, for the others the
// sequential form of Judge; for all too many failures and more than flight in flight, be it the target's backlog or a
// flight that is too small for the load.
func Watch(t attack.Trial, rest Rest, goal Goal, rigour Rigour, flight int) func(attack.Tick) attack.Reason {
	return newVigil(t, rest, goal, rigour, flight).see
}

func newVigil(t attack.Trial, rest Rest, goal Goal, rigour Rigour, flight int) *vigil {
	return &vigil{rest: rest, goal: goal, rigour: rigour, gentle: 1, load: t.Load(), spread: rest.spread(t), flight: int64(flight), atOnce: int64(t.Flight), long: t.Len()}
}

// At least so much must be seen before anything is decided.
const (
	leastTicks   = 2
	leastSent    = 40
	leastErrors  = 8
	errorsFloor  = .05 // failures that never end a trial early, whatever the goal
	leastSequent = 8   // ticks before a sequential rule
)

func (v *vigil) see(t attack.Tick) attack.Reason {
	v.ticks = append(v.ticks, t)
	v.sum.Due += t.Due
	v.sum.Sent += t.Sent
	v.sum.Unsent += t.Unsent
	v.sum.OK += t.OK
	v.sum.Throttled += t.Throttled
	v.sum.Failed += t.Failed + t.Shed + t.Timeout
	if t.Elapsed >= v.long {
		return "" // it is over anyway, and Judge knows more
	}
	v.full = v.full || v.flight > 0 && t.InFlight > v.flight
	if v.full {
		if why := v.crowded(); why != "" {
			return why
		}
	}
	if len(v.ticks) < leastTicks || v.sum.Sent < leastSent {
		return ""
	}
	if lo, _ := Wilson(v.sum.Failed, v.sum.Failed+v.sum.OK, 3); v.sum.Failed >= leastErrors && lo > max(errorsFloor, v.goal.FailedMax()) {
		return Errors
	}
	if v.rigour == Full && v.failing() {
		return Errors
	}
	if v.late(t) {
		return ""
	}
	switch {
	case v.full:
		return ""
	case v.rigour == Brief:
		return v.brief(t)
	}
	return v.sequential(t)
}

// What ends a confirmation on failures that are few but go on: so many of them, beyond the goal by so many standard errors.
const (
	steadyErrors = 30
	steadyZ      = 4
)

// failing tells whether a full trial surely fails more than the goal allows, and not by one hiccup: in more than half of
// its ticks.
func (v *vigil) failing() bool {
	if v.sum.Failed < steadyErrors || len(v.ticks) < leastSequent {
		return false
	}
	some := 0
	for _, t := range v.ticks {
		if t.Failed+t.Shed+t.Timeout > 0 {
			some++
		}
	}
	lo, _ := Wilson(v.sum.Failed, v.sum.Failed+v.sum.OK, steadyZ)
	return 2*some > len(v.ticks) && lo > v.goal.FailedMax()
}

// lateShare is how much of what is in flight may wait at the generator where the target is to be blamed for it.
const lateShare = .2

// late tells whether what looks like a backlog waits to be sent, while the target is not yet full: a generator that is a
// little too slow. Such a trial goes on until its lag makes it void, and never ends as an overload.
func (v *vigil) late(t attack.Tick) bool {
	behind := v.sum.Due - v.sum.Sent - v.sum.Unsent
	return float64(behind) > max(3, lateShare*float64(t.InFlight)) && (v.atOnce == 0 || t.InFlight-behind < v.atOnce)
}

// How long a trial is watched whose flight is full, in mean response times at rest, and how much slower than at rest a
// target must be for the flight to be full of its backlog.
const (
	crowdedMeans = 5
	crowdedSlow  = 1.5
)

// crowded tells whose limit it is that more than flight are in flight; empty while that cannot be told. Where a target at
// rest would have less in flight by three standard deviations (of a Poisson number), the rest is backlog. Otherwise
// Little's law tells how long a request stays with the target: W = in flight there/completed per second, over the later
// half of the trial so far.
func (v *vigil) crowded() attack.Reason {
	mean, now := v.rest.Mean, v.ticks[len(v.ticks)-1].Elapsed
	need := v.load * mean.Seconds()
	if need+3*math.Sqrt(need) < float64(v.flight) {
		return Backlog
	}
	if len(v.ticks) < leastTicks || now < min(crowdedMeans*mean, v.long/2) {
		return ""
	}
	late := v.ticks[len(v.ticks)/2:]
	began := v.ticks[len(v.ticks)/2-1].Elapsed
	flight, ok := 0., 0.
	for _, t := range late {
		flight += float64(min(t.InFlight, v.flight)) / float64(len(late))
		ok += float64(t.OK)
	}
	if w := flight * (now - began).Seconds() / max(ok, 1); w > crowdedSlow*mean.Seconds() {
		return Backlog
	}
	return Crowded
}

// brief ends a trial whose backlog N is beyond chance:
//
//	x = (N − r T₀)/sent > max(15 %, 4 √((ca² + cs²)/sent)),  N − r T₀ > 10,  N/r > 3 p99₀
func (v *vigil) brief(t attack.Tick) attack.Reason {
	n, sent := float64(t.InFlight), float64(v.sum.Sent)
	excess := n - v.load*v.rest.Mean.Seconds()*v.gentle
	bound := v.gentle * max(.15, 4*math.Sqrt(v.spread/sent))
	if excess/sent > bound && excess > 10 && n/v.load > 3*v.rest.P99.Seconds() {
		return Backlog
	}
	return ""
}

// sequential ends a trial on its busy run, of at least 6 ticks, 200 completions, 2 s and 3 p99₀:
//
//	Medium: its capacity is known to 0.75 %, and r > cap (1 + 3 se)
//	Full:   r > cap (1 + 3 se + 0.4 %), and 10 more in flight than a busy target needs
//	both:   the queue has run away: N/cap > max(2 s, 20 p99₀), and r > cap (1 + 2 se)
func (v *vigil) sequential(t attack.Tick) attack.Reason {
	if len(v.ticks) < leastSequent {
		return ""
	}
	if lo, _ := Wilson(v.sum.Throttled, v.sum.Throttled+v.sum.OK, 3); v.sum.Throttled >= leastErrors && lo > errorsFloor {
		return Refusals
	}
	above := v.rest.busyAbove(v.load)
	b := LastBusy(v.ticks, above)
	if b.Ticks < 6 || b.N < 200 || b.Seconds < 3*v.rest.P99.Seconds() {
		return ""
	}
	se, n := b.SE(v.rest.CS2), float64(t.InFlight)
	switch {
	case v.rigour == Medium && b.Seconds > v.enough() && se < enoughSE && v.load > b.Rate*(1+3*se),
		v.rigour == Full && b.Seconds > v.enough() && n-above > 10 && v.load > b.Rate*(1+3*se+.004),
		n/b.Rate > max(2, 20*v.rest.P99.Seconds()) && v.load > b.Rate*(1+2*se):
		return Backlog
	}
	return ""
}

// enoughSE is how well the capacity must be known before a saturating overload ends.
const enoughSE = .0075

// enough is how many seconds of a busy run are evidence: 2, or two fifths of a trial that is shorter than 5.
func (v *vigil) enough() float64 { return min(2, .4*v.long.Seconds()) }
