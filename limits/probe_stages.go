package limits

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

func (p Probe) own() attack.Identity {
	if len(p.Keys) > 0 {
		return p.Keys[0]
	}
	return attack.Identity{}
}

// Actors of the keys stage, by index.
const (
	ownActor = iota
	otherActor
)

func (p Probe) actor(segments ...attack.Segment) []attack.Actor {
	return []attack.Actor{{Name: "probe", Identity: p.own(), Schedule: attack.Schedule{Segments: segments}}}
}

func hold(rate, long float64) attack.Segment {
	return attack.Segment{From: rate, To: rate, Len: seconds1(long)}
}

// The knock: doubling from knockFirst, each rate for knockStep, and the highest until knockMost requests are sent.
const (
	knockFirst = 16.0 // per second
	knockStep  = .125 // s
	knockMost  = 3000
)

// knockMost is the most requests of one knock.
func (p Probe) knockMost() float64 {
	requests, _ := p.Estimate()
	return min(knockMost, .4*float64(requests))
}

func (p Probe) knock(e *evidence) (attack.Trial, bool) {
	if e.tried(stageKnock) { // the second: at the highest rate, in case the burst is deep
		rate := p.maxRate()
		long := min(p.knockMost()/rate, 3)
		return attack.Trial{Why: fmt.Sprintf("nothing was refused yet: %s for %.1f s", attack.Rate(rate).Round(), long), Actors: p.actor(hold(rate, long))}, true
	}
	var segments []attack.Segment
	n := 0.0
	for rate := min(knockFirst, p.maxRate()); n+rate*knockStep <= p.knockMost() && len(segments) < 40; rate = min(2*rate, p.maxRate()) {
		segments = append(segments, hold(rate, knockStep))
		n += rate * knockStep
	}
	return attack.Trial{Why: "ever faster, until something is refused", Actors: p.actor(segments...)}, true
}

// refusedAt is the rate at which the first refusals came.
func (e *evidence) refusedAt() float64 {
	i := firstRefusal(e.ds)
	if i < 1 {
		return knockFirst
	}
	a := max(0, i-20)
	if long := e.ds[i].sent - e.ds[a].sent; long > 0 {
		return max(float64(i-a)/long, knockFirst)
	}
	return knockFirst
}

// Settle: twice the rate that was refused, then slower and slower.
const (
	settleMost = 600.0 // requests at the first rate
	pollRate   = 25.0  // per second
	pollFor    = 14.0  // s
)

func (p Probe) settle(e *evidence) (attack.Trial, bool) {
	if _, out := count(e.ds); out < refusalsMin {
		return attack.Trial{}, false
	}
	rate := min(2*e.refusedAt(), p.maxRate())
	return attack.Trial{Why: fmt.Sprintf("%s, then %.0f/s, until it lets in again", attack.Rate(rate).Round(), pollRate),
		Actors: p.actor(hold(rate, min(.5, settleMost/rate)), hold(min(rate/2, 4*pollRate), 1), hold(min(rate/2, pollRate), pollFor))}, true
}

// The saturation lasts until the rate is known to about a part in a thousand, within bounds.
const (
	saturateMost = 2400.0 // requests
	saturateLong = 14.0   // s, where admissions come one by one
	windowsLong  = 22.0   // s, where they come in rows
	saturateWin  = 3.3    // windows
	pressure     = 5.0    // times the rate
	pressureMin  = 1.7
)

func (p Probe) saturate(e *evidence) (attack.Trial, bool) {
	s := e.sketch()
	in, out := count(e.ds)
	if out < refusalsMin {
		return attack.Trial{}, false
	}
	long, rate := 0.0, 0.0
	if s.n >= settleAdmitted-1 && !s.clumped && !s.paused { // it lets in one by one from the beginning: a bucket
		rate = s.rate
		long = min(max(3, 12/rate), saturateLong)
	} else {
		since := e.ds[len(e.ds)-1].at - e.ds[0].at
		fill := s.fill(e, since)
		rate = max(float64(s.first)/fill, float64(in-s.first)/since)
		long = min(max(saturateWin*fill, 2.5), windowsLong)
	}
	load := max(pressure*rate, pollRate)
	if s.first <= 2 { // each admission stands alone, and is as well known as the last request before it was near
		load, long = 2.5*load, max(long, min(40/rate, saturateLong))
	}
	load = min(load, p.maxRate())
	if load*long > saturateMost {
		load = max(saturateMost/long, pressureMin*rate)
		long = min(long, saturateMost/load)
	}
	load = min(load, p.maxRate())
	segment := hold(load, long)
	if s.first <= 2 { // all distances
		segment.From, segment.To = .9*load, min(1.1*load, p.maxRate())
	}
	return attack.Trial{Why: fmt.Sprintf("%s for %.1f s: how many are let in, and in which pattern", attack.Rate(load).Round(), long), Actors: p.actor(segment)}, true
}

// fill is how long a window seems to be: the time between two rows of admissions, else from the first request to the first
// that was let in again.
func (s sketch) fill(e *evidence, since float64) float64 {
	var rows []clump
	for _, c := range s.clumps {
		if 3*c.n >= s.first {
			rows = append(rows, c)
		}
	}
	switch {
	case len(rows) > 1:
		return max(rows[len(rows)-1].at-rows[len(rows)-2].at, .05)
	case len(s.clumps) > 0 && s.paused && s.rate > 0 && e.tried(stageSaturate):
		return max(s.clumps[0].at-e.ds[0].at, float64(s.first)/s.rate)
	case len(s.clumps) > 0:
		return max(s.clumps[0].at-e.ds[0].at, .05)
	}
	return max(since, .2)
}

func (e *evidence) tried(stage string) bool { return len(e.of(stage)) > 0 }

// halves is for what admits in rows, or is not known to be a bucket: half of the limit, half of it again after 0.6 of the
// window, and then pressure for 2.4 of it.
func (p Probe) halves(e *evidence) (attack.Trial, bool) {
	l := e.guess()
	w := l.WindowS
	if w == 0 || l.Burst == nil || l.Burst.Value < 2 || w > 9 {
		return attack.Trial{}, false
	}
	half := int(math.Ceil(l.Burst.Value / 2))
	idle := 1.15 * w
	if w <= 3 {
		idle = 2.15 * w
	}
	load := min(max(3*l.Burst.Value/w, pollRate), p.maxRate(), 1200/(2.4*w))
	load = max(load, 1.3*l.Burst.Value/w)
	return attack.Trial{Idle: seconds1(idle), Why: fmt.Sprintf("half of %d, half of it again %.2f s later, and then %s", 2*half, .6*w, attack.Rate(load).Round()),
		Warm: min(half, 200), Actors: p.actor(attack.Segment{Len: seconds1(.6 * w), Burst: half}, attack.Segment{Len: seconds1(.4 * w), Burst: half}, hold(load, 2.2*w))}, true
}

// guess is what can be said so far. A fit is dear: it is made once.
func (e *evidence) guess() Limiter {
	if e.guessed == nil {
		again := gather(e.trials)
		again.daring = true
		l := again.identify()
		e.guessed = &l
	}
	return *e.guessed
}

// refillParts are the silences of the refill stage, in times to fill an empty bucket.
var refillParts = []float64{.35, .7, 1.3}

const silenceMost = 4.5 // s

func (p Probe) refill(e *evidence) (attack.Trial, bool) {
	l := e.guess()
	limit, ok := l.Limit()
	if !ok || l.Algorithm == Concurrency || limit.Burst > 600 {
		return attack.Trial{}, false
	}
	fill := min(max(float64(limit.Burst)/limit.Rate, .1), silenceMost/1.3)
	crowd := func(n float64) int { return int(math.Ceil(min(n, float64(limit.Burst))*1.15)) + 4 }
	segments := []attack.Segment{{Len: seconds1(refillParts[0] * fill), Burst: crowd(float64(limit.Burst))}}
	for i, part := range refillParts {
		next := attack.Segment{Len: 250 * time.Millisecond, Burst: crowd(max(limit.Rate*part*fill, float64(limit.Burst)))}
		if i+1 < len(refillParts) {
			next.Len = seconds1(refillParts[i+1] * fill)
		}
		segments = append(segments, next)
	}
	return attack.Trial{Warm: min(crowd(float64(limit.Burst)), 200), Why: "drained, silent for a while, and asked again", Actors: p.actor(segments...)}, true
}

// Honour asks a drained limiter and waits as it says.
const (
	honourMost = 30
	honourFor  = 6 * time.Second
	honourWait = 4 * time.Second // longer ones are not waited out
)

func (p Probe) honour(e *evidence) (attack.Trial, bool) {
	t := e.headers()
	if t.after != AfterPresent || t.longest > honourWait {
		return attack.Trial{}, false
	}
	return attack.Trial{Why: "one after the other, waiting as Retry-After tells", Serial: &attack.Serial{Max: honourMost, For: honourFor, Honour: true, Identity: p.own(), Until: attack.Until{Refused: 4}}}, true
}

// keys drains the limit of one identity while another asks for half of it.
func (p Probe) keys(e *evidence) (attack.Trial, bool) {
	if len(p.Keys) < 2 {
		return attack.Trial{}, false
	}
	limit, ok := e.guess().Limit()
	if !ok || limit.Burst > 800 {
		return attack.Trial{}, false
	}
	all := limit.Burst + 10
	long := attack.Segment{Len: 500 * time.Millisecond, Burst: all}
	later := []attack.Segment{{Len: 30 * time.Millisecond}, {Len: 470 * time.Millisecond, Burst: max(limit.Burst/2, 4)}} // before much has come in
	return attack.Trial{Warm: min(all, 200), Why: "one identity is drained, and another asks", Actors: []attack.Actor{
		ownActor:   {Name: "probe", Identity: p.Keys[0], Schedule: attack.Schedule{Segments: []attack.Segment{long}}},
		otherActor: {Name: "other", Identity: p.Keys[1], Schedule: attack.Schedule{Segments: later}},
	}}, true
}
