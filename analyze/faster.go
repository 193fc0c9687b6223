package analyze

import "math"

// fasterMax is how often a search finds the capacity anew of a target that gets faster.
const fasterMax = 2

// outgrownZ is by how many standard errors a load must be more than overloads completed.
const outgrownZ = 3

// outgrown tells whether the target just bore surely more than overloads completed, and nothing is known above.
//
//	r > cap (1 + 3 √(cs²/n + (1 + cs²)/m)),   m arrivals of the trial that bore r
func (s *search) outgrown(j Judgement) bool {
	doubt := math.Hypot(s.outdone.SE(s.rest.CS2), math.Sqrt((1+s.rest.CS2)/max(float64(j.N), 1)))
	return s.outdone.N > 0 && s.mode == ModeCapacity && s.sustained > s.outdone.Rate*(1+outgrownZ*doubt) && math.IsInf(s.breaking, 1)
}

// again finds the capacity anew of a target that got faster: the steps of a confirmation would follow it for too long.
func (s *search) again() bool {
	load := raiseBy * s.sustained
	s.outdone, s.anew = Busy{}, len(s.rows)
	for range rampMax {
		load = s.clamp(load)
		j, ok := s.test(Ramp, "where does it give way now that it bears more", load, Brief)
		switch {
		case !ok:
			return false
		case j.Class == Limited:
			s.hi, s.good = load, j.Good
			return s.limited()
		case j.Class == Sustained && load >= s.plan.Max:
			s.lo = load
			return s.ceiling() && s.saturate()
		case j.Class == Sustained:
			if s.lo = load; s.hi <= load {
				s.hi = math.Inf(1)
			}
			load *= s.factor()
			continue
		}
		s.lo, s.hi, s.good = max(s.lo, s.sustained), load, j.Good
		return s.saturate()
	}
	return s.stop(CauseBudget, "the ramp to what it bears now did not end")
}
