package limits

import "slices"

// roundLengths are those that people give to windows, s.
var roundLengths = []float64{.1, .2, .25, .5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 60}

// fitCounters fits sliding counters of any length, and of round ones.
func (e *evidence) fitCounters(s sketch, limits []int) (all []candidate) {
	if s.rate <= 0 {
		return nil
	}
	for _, limit := range limits {
		bent := e.fitCounter(s, limit, rounds)
		bent.cost += 4 // it bends to nearly anything
		all = append(append(all, e.fitCounter(s, limit, 0), bent), e.fitRolling(limit, float64(limit)/s.rate)...)
	}
	return append(all, e.roundCounters(s)...)
}

// roundCounters fits sliding counters of round lengths. Their valley is narrow in limit, length and phase at once, and of
// these the length can be guessed: all phases are tried for all limits that come to the rate. A phase that is off by
// 1/limit of the length has the sums off by one request, so there are four for each.
func (e *evidence) roundCounters(s sketch) (all []candidate) {
	off, guess := 1+max(.04, 3/float64(max(s.n, 1))), float64(s.first)/s.rate
	for _, w := range roundLengths {
		if w < guess*.7 || w > guess*1.4 {
			continue
		}
		phases := min(max(200, int(4*s.rate*w)), 1200)
		all = append(all, e.roundCounter(w, int(s.rate*w/off)-1, int(s.rate*w*off)+1, phases, false)...)
	}
	return all
}

// roundCounter fits counters of one length, and a limit from least to most.
func (e *evidence) roundCounter(w float64, least, most, phases int, tally bool) (all []candidate) {
	of := func(n, phases int, from, span, loose float64) (phase float64, least int) {
		at := func(j int) float64 { return from + span*float64(j)/float64(phases) }
		ys, least := e.scan(phases, func(j int) int { return e.held(e.counter(n, w, at(j), loose, tally)) })
		a, b := widest(ys, least)
		return (at(a) + at(b)) / 2, least
	}
	mid := e.middle()
	n, _, _, bad := e.whole(least, most, func(n int) int { _, least := of(n, phases, mid, w, .3); return least })
	if bad > e.hopeless {
		return nil
	}
	phase, _ := of(n, phases, mid, w, .3)
	step := w / float64(phases)
	exact, _ := of(n, 60, phase-3*step, 6*step, 0)
	more, _ := of(n+1, 60, phase-3*step, 6*step, 0) // of two that explain as much, n is the lesser
	for _, c := range []candidate{e.counterAt(n, w, exact, 0, tally), e.counterAt(n, w, more, 0, tally), e.counterAt(n, w, phase, rounds, tally)} {
		if c.window == w {
			c.cost-- // somebody chose it so
		}
		all = append(all, c)
	}
	return all
}

// middle is the time in the middle of the decisions. A grid that is held there goes astray least, at both ends, when its
// spacing is a little off.
func (e *evidence) middle() float64 { return e.ds[len(e.ds)/2].at }

// fitCounter scans lengths and the place of the grid: the edges do not show by themselves. A coarse grid meets the narrow
// valley only if sums may be off by a part of the limit: the blur.
func (e *evidence) fitCounter(s sketch, limit int, loose float64) candidate {
	length, phase := float64(limit)/s.rate, e.middle()
	wide, steps, span, phases, blur := .15, 15, 1.0, 24, .08*float64(limit)
	for range 6 {
		length, phase = e.valley(length, phase, wide, steps, span, phases, func(w, p float64) int {
			return e.held(e.counter(limit, w, p, max(loose, blur), false))
		})
		wide, steps, span, phases, blur = wide*.25, 6, span*.3, 11, blur*.5
		if blur < .3 {
			blur = 0
		}
	}
	return e.counterAt(limit, length, phase, loose, false)
}

// counterAt makes limit and length exact for a grid that goes through a phase.
func (e *evidence) counterAt(limit int, length, phase, loose float64, tally bool) candidate {
	c := candidate{kind: SlidingCounter, cost: 3, starving: tally}
	if loose > 0 {
		c.cost += 3
	}
	f := func(n int, w float64) int { return e.held(e.counter(n, w, phase, loose, tally)) }
	reach := 2 + limit/25
	c.burst, c.least, c.most, _ = e.whole(limit-reach, limit+reach, func(n int) int { return f(n, length) })
	from, to, bad := e.plateau(length*.98, length*1.02, 41, func(w float64) int { return f(c.burst, w) })
	c.window, c.bad = (from+to)/2, bad
	if as := f(c.burst, length); as <= bad+1 { // as it was guessed, where next to nothing speaks against it
		c.window, c.bad = length, as
	}
	if loose > 0 { // one that rounds up decides as one of a limit that is one more
		c.most++
	}
	c.perWindow(from, to)
	n, w := c.burst, c.window
	c.again = func() machine { return e.counter(n, w, phase, loose, tally) }
	return c
}

// valley is the best length and phase on a grid about a guess: lengths up to wide off in so many steps to either side, and
// phases over a span of the length.
func (e *evidence) valley(length, phase, wide float64, steps int, span float64, phases int, f func(w, p float64) int) (at, where float64) {
	wide /= float64(steps)
	of := func(k int) (w, p float64) {
		w = length * (1 + wide*float64(k/phases-steps))
		return w, phase + span*w*(float64(k%phases)/float64(phases-1)-.5)
	}
	ys, least := e.scan((2*steps+1)*phases, func(k int) int { return f(of(k)) })
	return of(slices.Index(ys, least))
}
