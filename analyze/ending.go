package analyze

import (
	"math"
	"time"
)

// kneeLoads are the loads of the knee phase, in shares of L. Five are too few, fifteen hardly better than seven.
var kneeLoads = [...]float64{.10, .35, .55, .70, .80, .88, .95}

// What the end of the search keeps in reserve, in seconds: canaries after each trial, and the bookend.
const (
	shortestKnee  = .4 // seconds below which a knee trial tells nothing
	settleReserve = .2
)

// knee measures response times over the whole range of loads, for as long as the budget allows.
func (s *search) knee() bool {
	if s.sustained == 0 {
		return true
	}
	left := s.left() - s.bookendNeeds()
	each := left/float64(len(kneeLoads)) - settleReserve
	if least := s.leastKneeTrial(); each < least {
		// Better a knee without a bookend, and with nothing in reserve, than none.
		left = s.plan.Budget.Seconds() - s.spent.Seconds()
		if each = left/float64(len(kneeLoads)) - settleReserve; each < least {
			s.note("no-knee", "the budget left %.1fs, too little to measure the knee: a --budget of about %s would do", max(left, 0), s.enough())
			return true
		}
		each = least
	}
	for i, f := range kneeLoads {
		load := f * s.sustained
		long := min(s.effort.knee.long(load, s.rest.P99), each)
		if load < s.plan.Min || i == 0 && s.reuse(load*long) {
			continue
		}
		t := s.hold(Knee, "response times by load", load, long, max(.1*long, min(3*s.rest.P99.Seconds(), .3*long)))
		v := newVigil(t, s.rest, s.goal, Brief, s.plan.MaxInFlight)
		v.gentle = 1.5 // close to L a backlog comes and goes
		if _, ok := s.judge(t, Medium, v); !ok {
			return false
		}
		s.kneeAt = append(s.kneeAt, len(s.rows)-1)
	}
	return true
}

// enough is a budget that would have left room for the knee: what it lacks is added to all trials alike.
func (s *search) enough() time.Duration {
	want := (s.spent.Seconds() + s.endingNeeds()) / shareAll * enoughMore
	return time.Duration(math.Ceil(want/budgetStep)*budgetStep) * time.Second
}

// A budget to be told is so much more than what would do, in steps of so many seconds.
const (
	enoughMore = 1.2
	budgetStep = 15.
)

// reuse takes the last baseline for the lightest load of the knee, when it is as light and tells as much.
func (s *search) reuse(arrivals float64) bool {
	for i := len(s.rows) - 1; i >= 0; i-- {
		if m := s.rows[i].m; m.Trial.Phase == Baseline {
			f := m.Trial.Load() / s.sustained
			if f < kneeLoads[0]/2 || f > kneeLoads[0]*2 || float64(judged(m).OK) < arrivals {
				return false
			}
			s.kneeAt = append(s.kneeAt, i)
			return true
		}
	}
	return false
}

// left is how many seconds the budget has left.
func (s *search) left() float64 { return shareAll*s.plan.Budget.Seconds() - s.spent.Seconds() }

// leastKneeTrial is how many seconds a trial of the knee must last to tell anything.
func (s *search) leastKneeTrial() float64 { return max(shortestKnee, 6*s.rest.P99.Seconds()) }

// endingNeeds is how many seconds knee and bookend take at least.
func (s *search) endingNeeds() float64 {
	return s.bookendNeeds() + float64(len(kneeLoads))*(s.leastKneeTrial()+settleReserve)
}

// bookendNeeds is how many seconds the bookend takes; 0 when there will be none.
func (s *search) bookendNeeds() float64 {
	if s.mode != ModeCapacity || s.pool.N == 0 {
		return 0
	}
	return s.long(bookendBy*s.estimate, Medium) + settleReserve
}

// bookendBy is how far the last overload lies above the estimate.
const bookendBy = 1.1

// closing overloads the target once more as at the beginning, to see whether it is still the same.
func (s *search) closing() bool {
	needs := s.bookendNeeds()
	switch {
	case needs == 0 || s.sustained == 0:
		return true
	case !s.fits(needs), s.room(bookendBy*s.estimate) < needs:
		s.note("no-bookend", "nothing was left to ask whether the target stayed the same")
		return true
	}
	j, ok := s.test(Bookend, "is it still the same target", bookendBy*s.estimate, Medium)
	if ok {
		s.bookend = &j
	}
	return ok
}
