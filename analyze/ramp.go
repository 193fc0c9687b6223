package analyze

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The preflight: so many requests, one after the other.
const (
	preflightMax = 20
	preflightGap = 10 * time.Millisecond
	preflightOK  = .9 // share that must be answered
)

// preflight learns whether the target answers, and how fast.
func (s *search) preflight() bool {
	m, ok := s.ask(attack.Trial{Phase: Preflight, Why: "does the target answer, and how fast",
		Serial: &attack.Serial{Max: preflightMax, For: seconds(shareMedium * s.plan.Budget.Seconds()), Gap: preflightGap, Identity: s.plan.Identity}}, nil)
	if !ok {
		return false
	}
	c := judged(m)
	if c.Throttled >= 3 {
		s.rest, s.good = RestOf(response(m)), float64(c.OK)/max(m.Took.Seconds(), 1e-3)
		return s.limited()
	}
	if class := silent(m); class != "" {
		s.mode = ModeIrregular
		return s.stop(CauseGone, "the target answers nothing: %s", class)
	}
	if share(c.OK, c.Due) < preflightOK {
		s.mode = ModeIrregular
		return s.stop(CauseTarget, "%d of %s failed at rest", c.Due-c.OK, attack.Plural(c.Due, "request"))
	}
	s.rest = RestOf(response(m))
	s.rest.CS2 = 1 // 20 requests do not tell
	s.cs2 = s.rest.CS2
	return true
}

// light is a load of at most 0.3 requests in flight, light for any target that works whenever there is work. Where a few
// answers take much longer than the others it is the mean that tells how busy the target is.
func (s *search) light() float64 { return .3 / max(s.rest.P50.Seconds(), s.rest.Mean.Seconds(), 1e-5) }

// leastBaseline is how many response times a baseline must have to replace the one before.
const leastBaseline = 20

// lighter is what a baseline whose load was no light one is divided by.
const lighter = 4

// baseline measures the target at rest. A load under which work piles up is no rest: it is ended, and a lighter one tried,
// down to the lowest that is allowed.
func (s *search) baseline(load float64) bool {
	for load = s.clamp(load); ; load = s.clamp(load / lighter) {
		t := s.hold(Baseline, "response times at a light load", load, s.effort.baseline.long(load, 0), 0)
		m, ok := s.ask(t, newVigil(t, s.rest, s.goal, Brief, s.plan.MaxInFlight).see)
		if !ok {
			return false
		}
		j := Judge(m, s.rest, s.goal, Brief)
		s.book(m, j)
		if j.Why == Backlog && (m.Aborted != nil || load > s.plan.Min) {
			switch {
			case load <= s.plan.Min:
				return s.stop(CauseTarget, "the lowest load allowed, %s, was too much: %s", perSecond(load), j.Text)
			case s.harmed() || !s.settle():
				return false
			}
			continue
		}
		if h := response(m); h.N() >= leastBaseline && m.Aborted == nil {
			s.rest = RestOf(h)
			s.cs2 = s.rest.CS2
		}
		return s.lo > 0 || s.sound(m, judged(m))
	}
}

// sound stops the search of a target that breaks its promise at rest, where no load is to blame.
func (s *search) sound(m attack.Measurement, c attack.Counts) bool {
	load := m.Trial.Load()
	if lo, _ := Wilson(c.Throttled, c.Due, 1.64); lo > DefaultFailed {
		s.hi, s.good = load, goodput(m.Ticks, 2./3)
		return s.limited()
	}
	text := ""
	for _, g := range s.plan.goals() {
		if broken := g.broken(m); broken != "" {
			text = broken
		}
	}
	if lo, _ := Wilson(failures(c), c.Due, 1.64); lo > s.goal.FailedMax() {
		text = fmt.Sprintf("%.1f%% failed", 100*share(failures(c), c.Due))
		if c.Failed > 0 && !s.settle() { // which tells a target that fails from one that died
			return false
		}
	}
	if text == "" {
		return true
	}
	s.mode = ModeIrregular
	return s.stop(CauseTarget, "the goal is broken at a light load of %s already: %s", perSecond(load), text)
}

// Bounds of the ramp.
const (
	rampMax   = 60  // trials
	rampUp    = 2.  // never more beyond the last good load
	rampSlow  = 1.4 // once latency tells that the end is near, or when asked to be gentle
	warmMax   = 2   // warm-ups
	shareRamp = .5  // of the budget, beyond which what is left goes to the bracket
	warmSteps = 30  // windows of one warm-up
	warmer    = .8  // of the median at rest before: as fast as that it was cold
	warmShare = .25 // of the overload allowed that may have been spent should its load turn out to be too much
)

// ramp raises the load until the target gives way: then lo passed, hi did not, and good is what was completed at hi.
func (s *search) ramp() bool {
	load, warmed := 2*s.light(), 0
	for range rampMax {
		load = s.clamp(load)
		j, ok := s.test(Ramp, "where does it give way, roughly", load, Brief)
		switch {
		case !ok:
			return false
		case j.Class == Limited:
			s.hi, s.good = load, j.Good
			return s.limited()
		case j.Class == Sustained:
			s.lo = load
			if load >= s.plan.Max {
				return s.ceiling()
			}
			load *= s.factor()
			continue
		}
		s.hi, s.good = load, j.Good
		if s.lo == 0 {
			if load <= s.plan.Min {
				return s.stop(CauseTarget, "the lowest load allowed, %s, was too much: %s", perSecond(load), j.Text)
			}
			load /= 4
			continue
		}
		if warmed >= warmMax || s.spent.Seconds() > shareRamp*s.plan.Budget.Seconds() {
			return true
		}
		warmed++
		next, ok := s.thaw(j, warmed)
		if !ok || next == 0 {
			return ok
		}
		load = next
	}
	return s.stop(CauseBudget, "the ramp did not end within %s", attack.Plural(rampMax, "trial"))
}

// factor is how much the ramp raises the load after one that passed.
func (s *search) factor() float64 {
	last := response(s.rows[len(s.rows)-1].m)
	if s.plan.Gentle || float64(last.Quantile(.95)) > 1.3*float64(s.rest.P99) {
		return rampSlow
	}
	return rampUp
}

// thaw warms the target up after its first failure and tests the failed load again: a cold target gives way early. It
// returns the load at which to ramp on, 0 when the failure stands.
func (s *search) thaw(first Judgement, round int) (float64, bool) {
	if !s.warm() {
		return 0, false
	}
	old, light := s.rest.P50, s.light()
	if !s.baseline(max(min(.15*s.lo, 4*light), min(light, .3*s.lo))) {
		return 0, false
	}
	j, ok := s.test(Ramp, "the load that failed, now that the target is warm", s.hi, Brief)
	switch {
	case !ok:
		return 0, false
	case j.Class == Limited:
		s.good = j.Good
		return 0, s.limited()
	case j.Class == Sustained:
		s.lo, s.hi = s.hi, math.Inf(1)
		return min(1.5, s.plan.Max/s.lo) * s.lo, true
	}
	s.good = j.Good
	faster := float64(s.rest.P50) < warmer*float64(old) || j.Good > 1.15*first.Good
	if !faster || round >= warmMax {
		return 0, true
	}
	next := 1.25 * s.lo
	if next >= s.hi {
		next = math.Sqrt(s.lo * s.hi)
	}
	s.hi = math.Inf(1)
	return next, true
}

// warm holds the last good load until the median falls from window to window by no more than chance explains: 7 %, or
// 1.5 standard errors of the difference of two medians, each 1.25 √(cs²/n). Near capacity it rises and falls for good.
// One that rose by as much may have been held up once, as by a sweep of memory: it takes one window more to tell.
//
// Note: two such windows in a row end it as well. A target that is not warm by then shows it when it is overloaded: see
// warming.
func (s *search) warm() bool {
	before, began, rose := 0., s.spent, false
	s.pool = Busy{} // what it completed while it was cold
	for range warmSteps {
		long := s.effort.warm.long(s.lo, 0)
		if (s.spent-began).Seconds() >= s.effort.warming || s.overloaded(s.lo*(1-1e-9))+long > warmShare*s.plan.MaxOverloadSeconds {
			break
		}
		t := s.hold(WarmUp, "until it is as fast as it gets", s.lo, long, 0)
		v := newVigil(t, s.rest, s.goal, Brief, s.plan.MaxInFlight)
		m, ok := s.ask(t, v.see)
		if !ok {
			return false
		}
		j := Judge(m, s.rest, s.goal, Brief)
		s.book(m, j)
		h := response(m)
		median := h.Quantile(.5).Seconds()
		chance := max(.07, 1.5*math.Sqrt2*1.25*math.Sqrt(s.rest.CS2/max(float64(h.N()), 1)))
		if m.Aborted != nil || j.Why == Errors || before > 0 && median > before*(1-chance) && (rose || median <= before*(1+chance)) {
			break
		}
		if rose = before > 0 && median > before*(1+chance); !rose {
			before = median
		}
	}
	return s.settle()
}

// top ends the search for a breaking load at the highest load allowed, which was sustained. The knee may lie below it.
func (s *search) top() bool {
	s.mode, s.topped = ModeIrregular, true
	return true
}

// ceiling ends a search whose highest allowed load passed: a trial of full length makes it a bound.
func (s *search) ceiling() bool {
	j, ok := s.test(Confirm, "the highest load allowed", s.plan.Max, Full)
	switch {
	case !ok:
		return false
	case j.Class == Limited:
		s.hi, s.good = s.plan.Max, j.Good
		return s.limited()
	case j.Class == Sustained:
		s.fullest, s.sustained = j.N, s.plan.Max
		return s.top()
	}
	s.lo, s.hi, s.good = s.plan.Max/rampUp, s.plan.Max, j.Good
	return true
}
