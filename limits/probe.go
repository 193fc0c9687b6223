package limits

import (
	"cmp"
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
	stageComeback = "comeback" // nothing is let in any more: ever longer silences, until something is
	stageSaturate = "saturate" // several times the rate: the slope, and the pattern of windows
	stagePace     = "pace"     // ever faster from far below: what a limiter that punishes refusals bears without one
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
	{stageComeback, 2, Probe.comeback},
	{stageSaturate, 2, Probe.saturate},
	{stagePace, 2, Probe.pace},
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

// crowdMost is the most requests that a probe sends at one instant.
const crowdMost = 1000

// Crowd is the most requests sent at one instant, which no rate bounds: what the highest rate sends in one second, and no
// more than crowdMost.
func (p Probe) Crowd() int { return max(1, int(min(crowdMost, p.maxRate()))) }

// crowd is the most that a trial wants sent at one instant.
func crowd(t attack.Trial) (most int) {
	for _, a := range t.Actors {
		for _, s := range a.Schedule.Segments {
			most = max(most, s.Burst)
		}
	}
	return most
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
	if crowd(t) > p.Crowd() || int(t.Count()) > left || t.Idle+t.Len() > long-seconds1(spent)-time.Second {
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
	case stageComeback, stagePace:
		return true
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
			stage == stageComeback && len(t.Actors[0].Schedule.Segments) == len(comebackGaps) && let > 0,
			stage == stagePace && refused >= paceRefused,
			stage == stageSettle && let >= settleAdmitted && refused > 0 && k.Elapsed >= settleLeast,
			k.InFlight > flightMost:
			return enough
		}
		return ""
	}
}
