package limits

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Probe is the experiment that Identify reads: bounded loads that make an unknown limiter refuse, and silences between
// them. It begins with a few requests and doubles; nothing refused up to MaxRate, it stops. The zero value probes with the
// default bounds.
type Probe struct {
	MaxRate  float64           // highest rate ever sent, per second; 0 means DefaultProbeRate
	Requests int               // most requests; 0 means ProbeRequests
	Budget   time.Duration     // most time, silences included; 0 means ProbeTime
	Keys     []attack.Identity // the first is used; a second shows whether each has a limit of its own
	First    int               // number of the first trial
	Seed     uint64
}

var _ attack.Planner = Probe{}

// The bounds of a probe.
const (
	ProbeRequests    = 8000
	ProbeTime        = 60 * time.Second
	DefaultProbeRate = 10_000
)

// PhaseProbe begins the phase of every trial of a Probe.
const PhaseProbe = "identify/"

// PhaseBefore is the phase of what was asked of the target just before its probe: given to Next and Identify with the
// probe's own trials, it is evidence like them. A request that took a token or began a window unseen would have windows
// read one too low.
const PhaseBefore = PhaseProbe + "before"

// The stages of a probe, in the order in which they are run.
const (
	stageKnock    = "knock"    // ever faster, until something is refused: what is let in before that is the burst
	stageSettle   = "settle"   // on at once, fast and then slow, until it lets in again
	stageSaturate = "saturate" // several times the rate: the slope, and the pattern of windows
	stageHalves   = "halves"   // two halves of the limit, apart: tells the kinds of windows from one another
	stageRefill   = "refill"   // drained, silent, and asked again
	stageHonour   = "honour"   // one after the other, waiting as told: is Retry-After true
	stageKeys     = "keys"     // two identities at once
)

// stage is one step of the probe.
type stage struct {
	name  string
	tries int
	build func(p Probe, e *evidence) (attack.Trial, bool)
}

var stageOrder = []stage{
	{stageKnock, 2, Probe.knock},
	{stageSettle, 1, Probe.settle},
	{stageSaturate, 2, Probe.saturate},
	{stageHalves, 1, Probe.halves},
	{stageRefill, 1, Probe.refill},
	{stageHonour, 1, Probe.honour},
	{stageKeys, 1, Probe.keys},
}

func (p Probe) maxRate() float64 { return cmp.Or(p.MaxRate, DefaultProbeRate) }

// Estimate is the most that the probe costs, known before it begins. Most limiters take half of it.
func (p Probe) Estimate() (requests int, long time.Duration) {
	return cmp.Or(p.Requests, ProbeRequests), cmp.Or(p.Budget, ProbeTime)
}

// Next is the next trial: a pure function of what was measured, in whatever order it is given.
func (p Probe) Next(done []attack.Measurement) (attack.Trial, bool) {
	e := gather(done)
	if len(e.trials) > 0 && len(e.ds) == 0 {
		return attack.Trial{}, false // nothing answers
	}
	tried := map[string]int{}
	next := max(p.First, 1)
	for _, m := range e.trials {
		tried[stageOf(m.Trial)]++
		next = max(next, m.Trial.N+1)
		if m.Aborted != nil && m.Aborted.Reason != enough {
			return attack.Trial{}, false
		}
	}
	for i, s := range stageOrder {
		later := i+1 < len(stageOrder) && slices.ContainsFunc(stageOrder[i+1:], func(o stage) bool { return tried[o.name] > 0 })
		if later || tried[s.name] >= s.tries || tried[s.name] > 0 && !e.wanting(s.name) {
			continue
		}
		t, ok := s.build(p, e)
		if !ok {
			continue
		}
		t.N, t.Phase, t.Seed = next, PhaseProbe+s.name, p.Seed+uint64(next)
		if t, ok = p.fit(t, e); ok {
			return t, true
		}
	}
	return attack.Trial{}, false
}

// fit keeps a trial within what is left of the budget, or drops it.
func (p Probe) fit(t attack.Trial, e *evidence) (attack.Trial, bool) {
	requests, long := p.Estimate()
	left := requests - e.sent
	spent := 0.0
	if n := len(e.ends); n > 0 {
		spent = e.ends[n-1] - e.began[0] + e.trials[0].Trial.Idle.Seconds()
	}
	if int(t.Count()) > left || t.Idle+t.Len() > long-seconds1(spent)-time.Second {
		return t, false
	}
	t.LogMax = min(int(max(t.Count(), 1)), attack.MaxLog)
	return t, true
}

// wanting tells whether a stage that was run should be run once more.
func (e *evidence) wanting(stage string) bool {
	_, out := count(e.ds)
	switch stage {
	case stageKnock:
		return out < refusalsMin && !e.suffering()
	case stageSaturate:
		s := e.sketch()
		pressed := 0.0
		for i, t := range e.trials {
			if stageOf(t.Trial) == stageSaturate {
				pressed += e.ends[i] - e.began[i]
			}
		}
		return (s.clumped || s.paused) && (len(s.clumps) < 3 || pressed < 2.2*s.fill(e, 0))
	}
	return false
}

// suffering tells whether the target was slow or failing without refusing: no reason to send it more.
func (e *evidence) suffering() bool {
	_, paced := e.paced()
	return paced || e.lost > 10
}

// enough is the reason of a trial that has shown what it was for.
const enough attack.Reason = "seen enough"

// The rules that end a trial.
const (
	knockRefused   = 20
	settleAdmitted = 5
	settleLeast    = 400 * time.Millisecond
	flightMost     = 1500 // requests in flight at which a target that refuses nothing is left alone
)

// Watch ends a knock at the first refusals and a settle at the first admissions, and any trial whose target piles up work.
func (p Probe) Watch(t attack.Trial, _ []attack.Measurement) func(attack.Tick) attack.Reason {
	var refused, let int64
	stage := stageOf(t)
	return func(k attack.Tick) attack.Reason {
		refused += k.Throttled + k.Shed + k.Failed
		let += k.OK
		switch {
		case stage == stageKnock && refused >= knockRefused,
			stage == stageSettle && let >= settleAdmitted && refused > 0 && k.Elapsed >= settleLeast,
			k.InFlight > flightMost:
			return enough
		}
		return ""
	}
}

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
		l := Identify(e.trials)
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
