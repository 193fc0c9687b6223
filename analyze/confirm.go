package analyze

import (
	"math"
)

// The saturating overload: so much above what was completed in the ramp's failure, raised so often if it passes.
const (
	overloadBy  = 1.12
	raiseBy     = 1.15
	saturateMax = 3
	collapsed   = .97 // saturation below this share of a load that passed is a collapse
)

// saturate overloads the target a little, until the rate of completion under a backlog that never empties is known to
// about one per cent. That rate is the estimate of capacity.
func (s *search) saturate() bool {
	s.mode = ModeCapacity
	load := min(s.hi, max(overloadBy*s.good, 1.05*s.lo))
	for range saturateMax {
		j, ok := s.test(Saturate, "what is completed when there is always more to do", load, Medium)
		if !ok {
			return false
		}
		if j.Class == Limited {
			s.hi, s.good = load, j.Good
			return s.limited()
		}
		if j.Class == Sustained {
			s.lo = max(s.lo, s.clamp(load))
			load *= raiseBy
			s.hi = max(s.hi, load)
			continue
		}
		s.hi = min(s.hi, load)
		s.take(j)
		break
	}
	if s.estimate == 0 {
		s.estimate, s.se = max(s.good, s.lo), .05
	}
	if s.estimate < collapsed*s.lo {
		return s.collapse()
	}
	s.lo = min(s.lo, s.hi)
	return true
}

// take makes an overload the estimate of capacity.
func (s *search) take(j Judgement) {
	switch {
	case j.Why == Backlog && j.Busy.N > 50:
		s.estimate, s.se = j.Busy.Rate, j.Busy.SE(s.rest.CS2)
		s.gather(j)
	case j.Why == Slow:
		s.estimate, s.se = math.Sqrt(s.lo*s.hi), .1
	default:
		s.estimate, s.se, s.mode = max(j.Good, s.plan.Min), .02, ModeErrors
	}
}

// gather adds the busy run of an overload to the pool.
func (s *search) gather(j Judgement) {
	if b := j.Busy; j.Why == Backlog && b.N > 200 && b.Ticks >= 6 {
		s.pool.N += b.N
		s.pool.Seconds += b.Seconds
		s.pool.Rate = float64(s.pool.N) / s.pool.Seconds
	}
}

// collapse looks into a saturation that lies below a load which passed: either overload costs capacity, or the load that
// passed was tried for too short a time.
func (s *search) collapse() bool {
	j, ok := s.test(Saturate, "a load that passed, though more is not completed", s.lo, Medium)
	switch {
	case !ok:
		return false
	case j.Class == Limited:
		s.hi, s.good = s.lo, j.Good
		return s.limited()
	case j.Class == Sustained:
		s.mode, s.estimate, s.se = ModeCollapse, math.Sqrt(s.lo*s.hi), .1
		return true
	}
	s.hi = min(s.hi, s.lo)
	if se := j.Busy.SE(s.rest.CS2); j.Why == Backlog && j.Busy.N > 50 && se < s.se {
		s.estimate, s.se = j.Busy.Rate, se
		s.gather(j)
	}
	s.lo = .8 * s.estimate
	return true
}

// confirmMax bounds the confirmations, votes not counted.
const confirmMax = 14

// confirm brackets the breaking load with trials of full length: L, the highest load sustained below H, the lowest
// overloaded. It ends when H/L is as narrow as asked, or as such trials can resolve.
func (s *search) confirm() bool {
	step := max(s.effort.step, s.se)
	width := max(s.effort.width, floor(s.rest.CS2, s.estimate*s.long(s.estimate, Full)))
	s.resolved = width
	grow, slow := 1., false
	load := s.estimate * (1 - step)
	for i := range confirmMax {
		load = s.clamp(load)
		if !s.fits(s.long(load, Full)) {
			s.note("budget", "the budget ended while the bracket was being confirmed")
			return true
		}
		j, ok := s.vote(load, step)
		if !ok {
			return false
		}
		if j.Class == Limited {
			s.hi, s.good = load, j.Good
			return s.limited()
		}
		s.bound(load, j)
		slow = slow || j.Why == Slow
		if s.sustained >= s.plan.Max {
			s.mode = ModeIrregular
			return s.stop(CauseCeiling, "%.6g/s, the highest load allowed, was sustained; raise --max-rate to find the end", s.plan.Max)
		}
		if s.breaking <= s.plan.Min {
			return s.stop(CauseTarget, "the lowest load allowed, %.6g/s, was too much: %s", s.plan.Min, j.Text)
		}
		if s.sustained > 0 && s.breaking/s.sustained <= 1+1.02*width {
			return true
		}
		load, grow = s.aim(i, step, width, grow, slow)
	}
	return true
}

// vote tests a load with full rigour; a failure that contradicts what is known takes two of three.
func (s *search) vote(load, step float64) (Judgement, bool) {
	const why = "is it sustained over a full trial"
	j, ok := s.test(Confirm, why, load, Full)
	surprise := s.mode == ModeCapacity && j.Why != Slow && load < s.estimate*(1-step/2) || load <= s.sustained
	if !ok || j.Class != Overloaded || !surprise {
		return j, ok
	}
	again, ok := s.test(Confirm, "again: the first said no where a yes was expected", load, Full)
	if !ok || again.Class == Overloaded {
		return again, ok
	}
	return s.test(Confirm, "once more: two of three decide", load, Full)
}

// bound takes in a confirmation. L counts only below H: a load that passed above one that did not proves nothing.
func (s *search) bound(load float64, j Judgement) {
	s.fullest = max(s.fullest, j.N)
	if j.Class == Sustained {
		s.sustained = load
	} else {
		s.breaking = min(s.breaking, load)
		s.gather(j)
	}
	if s.sustained >= s.breaking {
		s.sustained = 0
	}
	if s.pool.N > 0 && s.mode == ModeCapacity {
		s.estimate = s.pool.Rate
	}
}

// aim is the next load to confirm: outwards by growing steps while one bound is missing, then inwards.
func (s *search) aim(i int, step, width, grow float64, slow bool) (load, grown float64) {
	l, h := s.sustained, s.breaking
	switch {
	case math.IsInf(h, 1):
		load = max(l*(1+width*grow), min(s.estimate*(1+step), l*(1+width)))
		if load > s.hi && s.hi > 1.001*l && s.mode != ModeCapacity {
			load = math.Sqrt(l * s.hi)
		}
		return load, grow * 1.6
	case l == 0 && slow && s.lo > 0 && s.lo < h/(1+width):
		return math.Sqrt(s.lo * h), grow
	case l == 0:
		return h / (1 + width*grow), grow * 1.6
	}
	load = math.Sqrt(l * h)
	if inside := s.estimate * (1 - step); s.mode == ModeCapacity && !slow && inside > 1.004*l && inside < .996*h && h/l > 1+1.5*width {
		load = inside
	}
	return load, grow
}
