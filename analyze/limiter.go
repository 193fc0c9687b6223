package analyze

import (
	"math"
)

// Bounds of the measurement of a limiter.
const (
	limiterRounds = 6
	limiterRaise  = 1.3
	limiterLower  = 1.15
	limiterShare  = .08 // of refusals, from which on the limiter decides and not chance, and …
	limiterLeast  = .03 // … with which it does already, a little
)

// limited measures the limiter that answered: it is kept empty by more than it admits, and its rate R is what it admits.
//
//	interval R(1−u) … R(1+u)/(1−1 %),   u = max(1 %, 2/√ok)
//
// A bucket lets short trials pass above R, hence two trials back to back, of which the first empties it. One that counts in
// windows is measured over whole ones. It always ends the search: what the target behind bears stays unknown, and no
// estimate of it is given. One that refuses all has no rate, and is asked no further.
func (s *search) limited() bool {
	s.mode = ModeLimited
	load, raise := min(s.hi, max(1.02*s.lo, limiterRaise*s.good)), limiterRaise
	for round := range limiterRounds {
		load = s.clamp(load)
		refused, ok := s.drained(load, round == 0)
		if !ok {
			return false
		}
		gaveWay := s.gaveWay()
		if !gaveWay && (refused > limiterShare || load >= s.plan.Max) {
			break
		}
		next := load * raise
		if gaveWay {
			next, raise = load/limiterLower, math.Sqrt(limiterLower)
		}
		if !s.within(s.effort.limiter.long(next, s.rest.P99)) {
			break // with the load that was tried last
		}
		load = next
	}
	if !s.whole(load) {
		return false
	}
	if s.limit == nil {
		return s.stop(CauseLimiter, "a limiter answered; its rate could not be measured, and what the target behind it bears is unknown")
	}
	return s.stop(CauseLimiter, "a limiter admitted %s; what the target behind it bears is unknown (ask for a way around the limiter to find it)", perSecond(s.limit.Value))
}

// gaveWay tells that the last trial ended because the target behind the limiter had more than it bears, while the limiter
// let in what it had saved up or a window's worth: what was admitted until then is no rate.
func (s *search) gaveWay() bool {
	if len(s.rows) == 0 {
		return false
	}
	r := s.rows[len(s.rows)-1]
	return r.m.Trial.Phase == Limiter && r.m.Aborted != nil && r.j.Why == Backlog
}

// drained is the share of a load that a limiter refused whose bucket is empty, which takes one trial more at first. Where
// it is enough, what was admitted is the limiter's rate.
func (s *search) drained(load float64, full bool) (refused float64, ok bool) {
	long := s.effort.limiter.long(load, s.rest.P99)
	whys := []string{"empties the limiter's bucket", "what the limiter admits once its bucket is empty"}
	if !full {
		whys = whys[1:]
	}
	for _, why := range whys {
		if !s.within(long) {
			return refused, true // the bucket may not be empty, so what was admitted is no rate
		}
		if refused, ok = s.pressed(load, long, why); !ok || refused == 1 {
			return refused, ok
		}
	}
	if s.limit = nil; refused > limiterLeast && !s.gaveWay() {
		s.limit = s.emptied()
	}
	return refused, true
}

// pressed offers a limiter more than it admits, and tells the share that it refused.
func (s *search) pressed(load, long float64, why string) (refused float64, ok bool) {
	t := s.hold(Limiter, why, load, long, 0)
	m, ok := s.ask(t, newVigil(t, s.rest, s.goal, Brief, s.plan.MaxInFlight).see)
	if !ok {
		return 0, false
	}
	s.book(m, Judge(m, s.rest, s.goal, Brief))
	c := counts(m)
	if c.OK == 0 && c.Throttled > 0 {
		return 1, true
	}
	return share(c.Throttled, c.Due), true
}

// leastSeconds are needed of a trial, of which the first were of no use.
const leastSeconds = 4

// emptied is what the limiter admitted in the last trial, from the second after the first refusals on where these did not
// come at once: there was something left in its bucket then. It is nil where nothing was admitted.
func (s *search) emptied() *Estimate {
	m := s.rows[len(s.rows)-1].m
	ok, secs := float64(counts(m).OK), lasted(m).Seconds()
	if all := admissions(m); len(all) > leastSeconds && all[0].end > 1 {
		ok, secs = 0, float64(len(all)-1)
		for _, a := range all[1:] {
			ok += a.ok
		}
	}
	if ok == 0 || secs == 0 {
		return nil
	}
	return limitOf(ok, secs, 0)
}

// limitOf is the rate of a limiter that admitted so many over so many seconds, with a doubt of at least so much.
func limitOf(ok, seconds, doubt float64) *Estimate {
	rate, u := ok/seconds, max(.01, 2/math.Sqrt(ok), doubt)
	return &Estimate{Value: rate, Lo: rate * (1 - u), Hi: rate * (1 + u) / (1 - DefaultFailed), Confidence: confidence}
}
