package analyze

import (
	"math"
)

// Bounds of the measurement of a limiter.
const (
	limiterRounds = 6
	limiterRaise  = 1.3
	limiterShare  = .08 // of refusals, from which on the limiter decides and not chance
)

// limited measures the limiter that answered: it is kept empty by more than it admits, and its rate R is what it admits.
//
//	interval R(1−u) … R(1+u)/(1−1 %),   u = max(1 %, 2/√ok)
//
// A bucket lets short trials pass above R, hence two trials back to back, of which the first empties it. It always ends
// the search: what the target behind bears stays unknown, and no estimate of it is given. One that refuses all has no rate,
// and is asked no further.
func (s *search) limited() bool {
	s.mode = ModeLimited
	load := min(s.hi, max(1.02*s.lo, limiterRaise*s.good))
	for range limiterRounds {
		load = s.clamp(load)
		refused, ok := s.drained(load)
		if !ok {
			return false
		}
		if refused > limiterShare || load >= s.plan.Max || !s.within(2*s.effort.limiter.long(load, s.rest.P99)) {
			break
		}
		load *= limiterRaise
	}
	if s.limit == nil {
		return s.stop(CauseLimiter, "a limiter answered; its rate could not be measured, and what the target behind it bears is unknown")
	}
	return s.stop(CauseLimiter, "a limiter admitted %s; what the target behind it bears is unknown (ask for a way around the limiter to find it)", perSecond(s.limit.Value))
}

// drained is the pair of trials at one load, and the share that the second refused. Where that is enough, what it
// admitted is the limiter's rate.
func (s *search) drained(load float64) (refused float64, ok bool) {
	admitted, long := 0., s.effort.limiter.long(load, s.rest.P99)
	for _, why := range [...]string{"empties the limiter's bucket", "what the limiter admits once its bucket is empty"} {
		if !s.within(long) {
			return refused, true // the bucket may not be empty, so what was admitted is no rate
		}
		t := s.hold(Limiter, why, load, long, 0)
		m, ok := s.ask(t, newVigil(t, s.rest, s.goal, Brief, s.plan.MaxInFlight).see)
		if !ok {
			return 0, false
		}
		j := Judge(m, s.rest, s.goal, Brief)
		s.book(m, j)
		c, secs := counts(m), lasted(m).Seconds()
		refused, admitted = share(c.Throttled, c.Due), 0
		if secs > 0 {
			admitted = float64(c.OK) / secs
		}
		if c.OK == 0 && c.Throttled > 0 {
			return refused, true
		}
	}
	if admitted > 0 && refused > limiterShare {
		u := max(.01, 2/math.Sqrt(admitted*long))
		s.limit = &Estimate{Value: admitted, Lo: admitted * (1 - u), Hi: admitted * (1 + u) / (1 - DefaultFailed), Confidence: confidence}
	}
	return refused, true
}
