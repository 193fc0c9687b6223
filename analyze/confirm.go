package analyze

import (
	"fmt"
	"math"
)

// The saturating overload: so much above what was completed in the ramp's failure, and raised by a little, then by
// more, if it passes: the ramp's failure was a hiccup then, or the target is faster now that it is warm.
const (
	risingZ     = 1.5 // standard errors by which a target gets faster that may still be warming up
	warmZ       = 2.5 // standard errors, and …
	grownFree   = .01 // a load borne so far beyond what overloads completed means that the target got faster
	warmFree    = .02 // … the share by which a warm target may seem to get faster under overload
	overloadBy  = 1.12
	raiseBy     = 1.15
	saturateMax = 8
	collapsed   = .97 // saturation below this share of a load that passed is a collapse
	collapseZ   = 1.6 // standard errors by which it must lie below
	collapseTo  = .8  // of it is the load that is thought to pass where none did for long enough
)

// saturate overloads the target a little, until the rate of completion under a backlog that never empties is known to
// half a per cent. That rate is the estimate of capacity.
func (s *search) saturate() bool {
	if s.topped {
		return true
	}
	s.mode = ModeCapacity
	load := min(s.hi, max(overloadBy*s.good, 1.05*s.lo))
	raise := raiseBy
	for range saturateMax {
		long, may := s.overloadable(load)
		if !may {
			break
		}
		j, ok := s.held(Saturate, "what is completed when there is always more to do", load, long, Medium)
		if !ok {
			return false
		}
		if j.Class == Limited {
			s.hi, s.good = load, j.Good
			return s.limited()
		}
		if j.Class == Sustained {
			if s.lo = max(s.lo, s.clamp(load)); s.lo >= s.plan.Max {
				return s.ceiling() && s.saturate()
			}
			load, raise = load*raise, min(raise*raise, rampUp)
			s.hi = max(s.hi, load)
			continue
		}
		s.hi = min(s.hi, load)
		s.take(j)
		if load, raise = s.warming(j); load > 0 {
			continue
		}
		break
	}
	if s.estimate == 0 {
		s.estimate, s.se = max(s.good, s.lo), .05
	}
	switch {
	case s.estimate*(1+collapseZ*s.se) < collapsed*s.lo:
		return s.collapse()
	case s.estimate < collapsed*s.lo:
		s.lo = collapseTo * s.estimate // it passed by chance
	}
	s.lo = min(s.lo, s.hi)
	return true
}

// overloadable is how long an overload may last that leaves time for a confirmation; false where that is too short.
func (s *search) overloadable(load float64) (long float64, may bool) {
	load = s.clamp(load)
	long, left := s.long(load, Medium), s.room(load)-s.reserve(load)
	return min(long, left), left >= long/shortest
}

// warming tells whether the target got faster while it was overloaded: it was not yet warm then, and what it completed
// last is what the next overload begins from. It gives 0 for a warm one.
func (s *search) warming(j Judgement) (load, raise float64) {
	r := s.rows[len(s.rows)-1]
	if j.Why != Backlog || !warmed(r, s.rest.CS2, warmZ, warmFree) {
		return 0, raiseBy
	}
	_, late := halves(r)
	s.pool, s.hi, s.good = Busy{}, math.Inf(1), late.Rate
	return overloadBy * late.Rate, raiseBy
}

// warmed tells whether more was completed in the second half of a busy run than in the first, by so many standard errors
// and by more than a share that is free.
func warmed(r row, cs2, z, free float64) bool {
	early, late := halves(r)
	return late.N >= 100 && late.Rate > early.Rate*(1+max(z*math.Sqrt2*late.SE(cs2), free))
}

// halves are the two halves of the last busy run.
func halves(r row) (early, late Busy) {
	end := len(r.m.Ticks)
	from := end - r.j.Busy.Ticks
	mid := from + r.j.Busy.Ticks/2
	return runOf(r.m.Ticks, from, mid), runOf(r.m.Ticks, mid, end)
}

// take makes an overload the estimate of capacity.
func (s *search) take(j Judgement) {
	switch {
	case j.Why == Backlog && j.Busy.N > 50:
		s.estimate, s.se = j.Busy.Rate, j.Busy.SE(s.rest.CS2)
	case j.Why == Slow:
		s.estimate, s.se = math.Sqrt(s.lo*s.hi), .1
	default:
		s.estimate, s.se, s.mode = max(j.Good, s.plan.Min), .02, ModeErrors
	}
}

// nearBy is the share of the estimate below which a load tells nothing of capacity: it keeps a target at work without a
// pause only while that is slower than usual. Less leans to low rates where a target pauses or has noisy neighbours.
const nearBy = .93

// gather adds to the pool what a trial completed while its backlog never emptied, if that was for half of it: those that
// were borne tell as much of what the target can do as those that were not.
func (s *search) gather(r row) {
	load := r.m.Trial.Load()
	b := AllBusy(r.m.Ticks, s.rest.busyAbove(load))
	if rising := r.m.Trial.Phase == Baseline || r.m.Trial.Phase == WarmUp; rising || load < nearBy*s.estimate || 2*b.Ticks < len(r.m.Ticks) || r.j.Why == Errors || r.j.Part > 0 {
		return
	}
	s.pool = s.pool.join(b)
}

// collapse looks into a saturation that lies below a load which passed: either overload costs capacity, or the load that
// passed was tried for too short a time.
func (s *search) collapse() bool {
	long, may := s.overloadable(s.lo)
	if s.hasty() || !may || long < s.long(s.lo, Medium)/2 { // in less time it would pass for want of it
		s.hi, s.lo = min(s.hi, s.lo), collapseTo*s.estimate
		return true
	}
	j, ok := s.held(Saturate, "a load that passed, though more is not completed", s.lo, long, Medium)
	switch {
	case !ok:
		return false
	case j.Class == Limited:
		s.hi, s.good = s.lo, j.Good
		return s.limited()
	case j.Class == Sustained && s.loses(s.lo):
		s.mode, s.estimate, s.se = ModeCollapse, math.Sqrt(s.lo*s.hi), .1
		return true
	case j.Class == Sustained:
		s.lo = collapseTo * s.estimate
		return true
	}
	s.hi = min(s.hi, s.lo)
	if se := j.Busy.SE(s.rest.CS2); j.Why == Backlog && j.Busy.N > 50 && se < s.se {
		s.estimate, s.se = j.Busy.Rate, se
	}
	if j.Why == Errors {
		s.estimate = max(s.estimate, j.Good) // the less overload the less is lost
	}
	if s.lo = s.passed(s.hi); s.loses(s.lo) {
		s.mode, s.estimate, s.se = ModeCollapse, math.Sqrt(s.lo*s.hi), .1
		return true
	}
	s.lo = collapseTo * s.estimate
	return true
}

// loses tells whether overload costs capacity: a load was borne, in all its trials together, that is surely more than what
// overloads complete.
//
//	r > cap (1 + 1.6 √(se² + (1 + cs²)/n))
func (s *search) loses(load float64) bool {
	n := 0.
	for _, r := range s.rows {
		if math.Abs(r.m.Trial.Load()/load-1) < 1e-6 && r.j.Class == Sustained {
			n += float64(r.j.N)
		}
	}
	return load > s.estimate*(1+collapseZ*math.Hypot(s.se, math.Sqrt((1+s.rest.CS2)/max(n, 1))))
}

// hasty tells that the load that passed, passed for want of time: its own busy runs completed as much as the overload, and
// less than was offered.
func (s *search) hasty() bool {
	for i := len(s.rows) - 1; i >= 0; i-- {
		r := s.rows[i]
		if p := r.m.Trial.Phase; p != Ramp && p != Saturate || r.m.Trial.Load() != s.lo {
			continue
		}
		own := AllBusy(r.m.Ticks, s.rest.busyAbove(s.lo))
		se := math.Hypot(own.SE(s.rest.CS2), s.se)
		return own.N >= hastyLeast && own.Rate < s.lo*(1-se) && math.Abs(own.Rate/s.estimate-1) < hastyZ*se
	}
	return false
}

// The busy runs of a ramp's trial must have completed so many, alike within so many standard errors.
const (
	hastyLeast = 40
	hastyZ     = 2.
)

// The steps outwards while one bound is missing, in widths of the bracket: the first takes the load from one side of the
// estimate to the other. If that was no bound, the estimate is off by little, and the next step is short.
const (
	secondStep = .65
	nextStep   = 1.6
)

func wider(grow float64) float64 {
	if grow == 1 {
		return secondStep
	}
	return grow * nextStep
}

// confirmMax bounds the confirmations, votes not counted.
const confirmMax = 14

// confirm brackets the breaking load with trials of full length: L, the highest load sustained below H, the lowest
// overloaded. It ends when H/L is as narrow as asked, or as such trials can resolve.
func (s *search) confirm() bool {
	if s.topped {
		return true
	}
	step, width := s.resolution()
	s.resolved = width
	grow, slow, faster := 1., false, 0
	load, long := s.estimate*(1-step), 0.
	if s.tell(); s.believed.value > 0 {
		load = min(load, s.believed.below(width)) // it completes no less than it bears
	}
	for range confirmMax {
		load = s.clamp(load)
		load, long = s.afford(load, s.shortened(load))
		if s.spentOut(load, long) {
			return true
		}
		j, ok := s.vote(load, long, step)
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
			return s.top()
		}
		if s.breaking <= s.plan.Min {
			return s.stop(CauseTarget, "the lowest load allowed, %s, was too much: %s", perSecond(s.plan.Min), j.Text)
		}
		if s.narrow(width) {
			return true
		}
		if faster < fasterMax && s.outgrown(j) {
			faster++
			ok := s.again() && s.restAgain()
			if s.topped {
				return true
			}
			if !ok {
				return false
			}
			step, width = s.resolution()
			s.resolved, grow, load = width, 1, max(s.estimate*(1-step), s.sustained*(1+step))
			continue
		}
		load, grow = s.aim(step, width, grow, slow)
	}
	return true
}

// resolution is the step δ from the estimate to the loads that confirm it, and the width w of the bracket: what the
// profile asks for, or what trials as long as the budget allows can tell apart.
//
//	δ ≥ 2.5 √(cs² / n)
func (s *search) resolution() (step, width float64) {
	n := s.estimate * s.long(s.estimate, Full) * s.part()
	step = max(s.effort.step, s.se, 2.5*math.Sqrt(s.rest.CS2/max(n, 1)))
	return step, max(s.effort.width, floor(s.rest.CS2, n), 2.1*step)
}

// shortened is the length of a confirmation: that of a full trial, or, while a bound is missing, what the rest of the
// budget allows each missing one. A bound from a short trial is better than none, and its doubt is as wide as it is short.
func (s *search) shortened(load float64) float64 {
	long, missing := s.long(load, Full), 0.
	if s.sustained == 0 {
		missing++
	}
	if math.IsInf(s.breaking, 1) {
		missing++
	}
	rest := s.plan.Budget.Seconds() - s.spent.Seconds()
	if missing == 0 || s.spent.Seconds()+missing*(long+settleReserve) <= shareAll*s.plan.Budget.Seconds() {
		return long
	}
	return min(long, max(.9*rest/missing-settleReserve, long/shortest))
}

// How much shorter a confirmation may be, and by how many widths the bracket may be too wide where the knee would not fit
// otherwise.
const (
	shortest  = 4.
	kneeFirst = 3.
)

// spentOut tells whether time or harm leave no room for one more confirmation of so many seconds.
func (s *search) spentOut(load, long float64) bool {
	bracketed := s.sustained > 0 && !math.IsInf(s.breaking, 1)
	switch {
	case bracketed && !s.fits(long), !s.within(long):
		s.note("budget", "the budget ended while the bracket was being confirmed")
	case bracketed && s.breaking/s.sustained <= 1+kneeFirst*s.resolved && s.left()-long < s.endingNeeds():
		s.note("knee-first", "the bracket was left %.1f%% wide, so that the budget allows the knee", 100*(s.breaking/s.sustained-1))
	case bracketed && s.room(load) < long, s.sustained > 0 && s.room(load) < long/shortest:
		s.note("overload", "--max-overload-seconds left no room to make the bracket narrower")
	default:
		return false
	}
	return true
}

// narrow tells whether the bracket is as narrow as asked; or nearly, when one more trial would cost the knee.
func (s *search) narrow(width float64) bool {
	if s.sustained == 0 || math.IsInf(s.breaking, 1) {
		return false
	}
	ratio := s.breaking/s.sustained - 1
	costs := s.long(s.estimate, Full) + s.endingNeeds()
	return ratio <= 1.02*width || ratio <= 2*width && s.left() < costs
}

// vote tests a load with full rigour; a failure that contradicts what is known takes two of three.
func (s *search) vote(load, long, step float64) (Judgement, bool) {
	const why = "is it sustained over a full trial"
	j, ok := s.full(why, load, long)
	surprise := s.mode == ModeCapacity && j.Why != Slow && load < s.estimate*(1-step/2) || load <= s.sustained ||
		j.Why == Errors && s.believed.value > 0 && load < s.believed.lo
	if !ok || j.Class != Overloaded || !surprise {
		return j, ok
	}
	if !s.fits(long) || s.room(load) < 2*long+s.reserve(load) {
		return j, true
	}
	again, ok := s.full("again: the first said no where a yes was expected", load, long)
	if !ok || again.Class == Overloaded || !s.fits(long) || s.room(load) < long {
		return again, ok
	}
	return s.full("once more: two of three decide", load, long)
}

// full is a confirmation. A trial that passed for want of evidence of its own is judged once more with all busy runs so far:
// they measured the same servers.
//
//	overloaded  iff  r > own cap (1 + se/2)  and  r > pooled cap (1 + 1.64 se + 0.3 %), its own run in the pool
func (s *search) full(why string, load, long float64) (Judgement, bool) {
	j, ok := s.held(Confirm, why, load, long, Full)
	if s.tell(); ok && j.Class == Sustained && s.believed.value > 0 && s.clamp(load) > s.believed.hi {
		j = j.is(Overloaded, Errors, fmt.Sprintf("all trials together tell that more fail at %s than the goal allows", perSecond(load)))
		s.rows[len(s.rows)-1].j = j
	}
	if !ok || j.Class != Sustained || s.mode != ModeCapacity || s.pool.N == 0 || j.Part > 0 {
		return j, ok
	}
	load = s.clamp(load)
	own := AllBusy(s.rows[len(s.rows)-1].m.Ticks, s.rest.busyAbove(load))
	if !own.tells(s.rest) {
		return j, ok
	}
	if load > own.Rate*(1+own.SE(s.rest.CS2)/2) && load > s.pool.surely(s.rest.CS2) {
		j = j.is(Overloaded, Backlog, fmt.Sprintf("%s offered, %s completed in all stretches over which the backlog never emptied", perSecond(load), perSecond(s.pool.Rate)))
		s.rows[len(s.rows)-1].j = j
	}
	return j, ok
}

// bound takes in a confirmation. L counts only below H: a load that passed above one that did not proves nothing.
func (s *search) bound(load float64, j Judgement) {
	s.fullest = max(s.fullest, j.N)
	if j.Class == Sustained {
		s.sustained = load
		if s.hi <= load {
			s.hi = math.Inf(1)
		}
		if s.pool.N > 0 && load > s.pool.surely(s.rest.CS2)*(1+grownFree) {
			s.pool, s.outdone, s.estimate = Busy{}, s.pool, load // what overloads completed before is not what it can do now
		}
	} else {
		s.breaking = min(s.breaking, load)
		if s.lo >= s.breaking {
			s.lo = s.passed(s.breaking)
		}
	}
	if s.sustained >= s.breaking {
		s.sustained = 0
	}
	if s.pool.N > 0 && s.mode == ModeCapacity {
		s.estimate, s.se = s.pool.Rate, s.pool.SE(s.rest.CS2)
	}
}

// aim is the next load to confirm: outwards by growing steps while one bound is missing, then inwards.
func (s *search) aim(step, width, grow float64, slow bool) (load, grown float64) {
	l, h := s.sustained, s.breaking
	if s.believed.value > 0 && !slow {
		return s.believed.aim(l, h, width, grow), wider(grow)
	}
	switch {
	case math.IsInf(h, 1):
		load = l * min(1+width*grow, rampUp)
		if load > s.hi && s.hi > 1.001*l && s.mode != ModeCapacity {
			load = math.Sqrt(l * s.hi)
		}
		return load, wider(grow)
	case l == 0 && slow && s.lo > 0 && s.lo < h/(1+width):
		return math.Sqrt(s.lo * h), grow
	case l == 0:
		return min(h/(1+width*grow), s.failingLess(h)), wider(grow)
	}
	load = math.Sqrt(l * h)
	if s.mode == ModeErrors {
		load = s.inside(l, h)
	}
	if inside := s.estimate * (1 - step); s.mode == ModeCapacity && !slow && inside > 1.004*l && inside < .996*h && h/l > 1+1.5*width {
		load = inside
	}
	return load, grow
}

// The share of failures, between two loads near the breaking load, is taken for a power of the load. It is no power far
// from them, so that no step down is longer than longestDown; and a share is never thought to be less than half a failure.
const longestDown = 1.4

// failingLess is the load below h at which the goal would just be kept, by what failed there and at the next higher load;
// +Inf where failures do not tell.
//
//	share ∝ load^k,   so   h (goal/share(h))^(1/k)
func (s *search) failingLess(h float64) float64 {
	at, next := s.failedAt(h), math.Inf(1)
	for _, r := range s.rows {
		if load := r.m.Trial.Load(); load > 1.01*h && r.j.Why == Errors {
			next = min(next, load)
		}
	}
	if s.mode != ModeErrors || math.IsInf(next, 1) {
		return math.Inf(1)
	}
	k := math.Log(s.failedAt(next)/at) / math.Log(next/h)
	if k <= 0 {
		return math.Inf(1)
	}
	return max(h*math.Pow(s.goal.FailedMax()/at, 1/k), h/longestDown)
}

// inside is where the share of failures crosses what the goal allows, between two loads of which one fails less and one
// more; not too close to either.
func (s *search) inside(l, h float64) float64 {
	low, high := s.failedAt(l), s.failedAt(h)
	if low >= high {
		return math.Sqrt(l * h)
	}
	u := math.Log(s.goal.FailedMax()/low) / math.Log(high/low)
	return l * math.Pow(h/l, min(max(u, .25), .75))
}

// failedAt is the share that failed in the last trial of a load.
func (s *search) failedAt(load float64) float64 {
	for i := len(s.rows) - 1; i >= 0; i-- {
		r := s.rows[i]
		if math.Abs(r.m.Trial.Load()/load-1) > 1e-6 {
			continue
		}
		c := judged(r.m)
		if c.Due == 0 {
			c = counts(r.m)
		}
		return max(float64(failures(c)), .5) / max(float64(c.Due), 1)
	}
	return 0
}
