package analyze

import (
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// tell weighs all trials together: what a target that fails bears is told by each a little, and by none alone. Where it is
// a bound on latency that breaks, or one endpoint of several, failures do not tell.
func (s *search) tell() {
	s.believed = belief{}
	if s.mode != ModeErrors && s.mode != ModeCollapse {
		return
	}
	late, bad := int64(0), int64(0)
	var all []spilled
	for _, r := range s.warmRows() {
		if r.j.Part > 0 || r.j.Why == Slow {
			return
		}
		c := counts(r.m)
		late, bad = late+c.Timeout, bad+failures(c)
		if r.m.Trial.Phase != Baseline {
			all = append(all, spilledOf(r.m))
		}
	}
	switch {
	case len(all) == 0:
	case 2*late > bad:
		s.believed = s.patient()
	case s.mode == ModeErrors:
		l, h := s.bounds()
		around := math.Sqrt(l * h)
		if l == 0 || math.IsInf(h, 1) {
			around = s.estimate
		}
		s.believed = believe(all, around, s.goal.FailedMax(), s.rest.CS2)
	}
}

// warmRows are the trials since the target was last warmed up, or got faster.
func (s *search) warmRows() []row {
	from := min(s.anew, len(s.rows))
	for i, r := range s.rows {
		if r.m.Trial.Phase == WarmUp {
			from = max(from, i+1)
		}
	}
	return s.rows[from:]
}

// patient is what a target bears whose clients wait for so long and no longer. All that came is served, so that
// until the first gave up overloads completed its capacity C. Below that the time in the queue is exponential, as near C
// every queue's is (J. F. C. Kingman, Proc. Cambridge Phil. Soc. 57, 1961), and a share p waits for longer than T at
//
//	r = C (1 − ln(1/p)/κ),   κ = 2 C (T − T₀) / (ca² + cs²)
func (s *search) patient() belief {
	patience, busy := time.Duration(0), Busy{}
	for _, r := range s.rows {
		for _, w := range r.m.Windows {
			if w.Timeout > 0 {
				patience = max(patience, w.Response.Max())
			}
		}
		if p := r.m.Trial.Phase; r.j.Class == Overloaded && (p == Saturate || p == Confirm || p == Bookend) {
			if b := LastBusy(untilFailing(r.m.Ticks), s.rest.busyAbove(r.m.Trial.Load())); b.N > patientEach {
				busy = busy.join(b)
			}
		}
	}
	if busy.N < patientLeast {
		return belief{}
	}
	kappa := 2 * busy.Rate * max(patience-s.rest.Mean, patience/5).Seconds() / (1 + s.rest.CS2)
	short := math.Log(1/s.goal.FailedMax()) / kappa
	if short > patientMost {
		return belief{}
	}
	value := busy.Rate * (1 - short)
	se := math.Hypot(busy.SE(s.rest.CS2), math.Hypot(patientOff, patientShort*short))
	return belief{value * math.Exp(-1.64*se), value, value * math.Exp(1.64*se)}
}

// Of busy runs each must have completed so many, and all together; how well the capacity is known at best, and how far it
// lies above the breaking load; and how far that may be. Set by judgement, and looked at on 240 services of another seed.
const (
	patientEach  = 20
	patientLeast = 50
	patientOff   = .01
	patientShort = .3
	patientMost  = .5
)

// untilFailing are the ticks before the first in which something failed.
func untilFailing(ticks []attack.Tick) []attack.Tick {
	i := slices.IndexFunc(ticks, func(t attack.Tick) bool { return t.Timeout+t.Failed+t.Shed > 0 })
	if i < 0 {
		return ticks
	}
	return ticks[:i]
}

// below is a load that is probably borne: as far off as the width of a bracket has it, or as the doubt.
func (b belief) below(width float64) float64 {
	return b.value / min(max(1+width/2, math.Sqrt(b.value/b.lo)), beliefStep)
}

// above is one that is probably not.
func (b belief) above(width float64) float64 {
	return b.value * min(max(1+width/2, math.Sqrt(b.hi/b.value)), beliefStep)
}

// beliefStep is the longest step away from what is believed.
const beliefStep = 1.12

// aim is the next load to confirm, between bounds of which one may be missing: 0 or +Inf.
func (b belief) aim(l, h, width, grow float64) float64 {
	switch {
	case math.IsInf(h, 1):
		return min(max(b.above(width), l*(1+width*grow/2)), l*rampUp)
	case l == 0:
		return min(b.below(width), h/(1+width*grow))
	}
	return l * math.Pow(h/l, min(max(math.Log(b.value/l)/math.Log(h/l), .25), .75))
}
