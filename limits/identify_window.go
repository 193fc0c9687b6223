package limits

import (
	"math"
	"slices"
)

// windows are the limits and lengths from which the fit of a window begins.
func (s sketch) windows() (limits []int, lengths []float64) {
	limits = []int{max(s.first, 1)}
	var sizes, gaps []float64
	for i, c := range s.clumps {
		sizes = append(sizes, float64(c.n))
		if i > 0 {
			gaps = append(gaps, c.at-s.clumps[i-1].at)
		}
	}
	if n := int(rank(sizes, .5)); n > 1 && n < 2*s.first && len(sizes) > 1 && math.Abs(float64(n-s.first)) > .1*float64(s.first) {
		limits = append(limits, n)
	}
	if s.rate > 0 {
		for _, n := range limits {
			lengths = append(lengths, float64(n)/s.rate)
		}
	}
	if len(gaps) > 0 {
		lengths = append(lengths, rank(gaps, .5))
	}
	slices.Sort(lengths)
	return limits, slices.CompactFunc(lengths, func(b, a float64) bool { return b < a*1.05 })
}

func (e *evidence) fitFirstHit(limit int, length float64) candidate {
	return e.fitWindow(candidate{kind: FixedWindow, anchor: AnchorFirst, burst: limit, window: length, cost: 1},
		func(n int, w float64) machine { return e.firstHit(n, w) })
}

func (e *evidence) fitLog(limit int, length float64) candidate {
	return e.fitWindow(candidate{kind: SlidingLog, burst: limit, window: length, cost: 1},
		func(n int, w float64) machine { return e.slidingLog(n, w) })
}

// fitWindow finds length, limit, and length again, from two beginnings: the limit as sketched, and the rate as sketched with
// all limits that are near.
func (e *evidence) fitWindow(c candidate, of func(limit int, length float64) machine) candidate {
	f := func(limit int, length float64) int { return e.held(of(limit, length)) }
	rate := float64(c.burst) / c.window
	at := func(limit int, length float64) (candidate, float64, float64) {
		c := c
		reach := 3 + limit/20
		from, to, _ := e.plateau(length*.7, length*1.45, 41, func(w float64) int { return f(limit, w) })
		c.window = (from + to) / 2
		c.burst, c.least, c.most, _ = e.whole(limit-reach, limit+reach, func(n int) int { return f(n, c.window) })
		from, to, c.bad = e.plateau(c.window*.95, c.window*1.05, 41, func(w float64) int { return f(c.burst, w) })
		return c, from, to
	}
	best, from, to := at(c.burst, c.window)
	if n := e.alongside(c.burst, rate, f); n != c.burst {
		if other, a, b := at(n, float64(n)/rate); other.bad < best.bad {
			best, from, to = other, a, b
		}
	}
	best.window = (from + to) / 2
	best.perWindow(from, to)
	n, w := best.burst, best.window
	best.again = func() machine { return of(n, w) }
	return best
}

// alongside is the limit near another that explains most if the rate is as sketched.
func (e *evidence) alongside(limit int, rate float64, f func(limit int, length float64) int) int {
	best, _, _, _ := e.whole(limit*3/4-3, limit*21/20+3, func(n int) int {
		_, least := e.scan(7, func(i int) int { return f(n, float64(n)/rate*(1+.01*float64(i-3))) })
		return least
	})
	return best
}

// perWindow is the rate that a window's limit and length come to.
func (c *candidate) perWindow(from, to float64) {
	n := float64(c.burst)
	c.rate, c.lo, c.hi = n/c.window, float64(c.least)/to, float64(c.most)/from
}

// fitTicks finds a grid through the beginnings of the rows of admissions.
func (e *evidence) fitTicks(s sketch, every float64) (candidate, bool) {
	var starts, sizes []float64
	for _, c := range s.clumps {
		starts = append(starts, c.at-min(c.edge, every/4)/2)
		sizes = append(sizes, float64(c.n))
	}
	if len(starts) < 2 || every <= 0 {
		return candidate{}, false
	}
	every, mid := lattice(starts, every)
	add := max(1, int(rank(sizes, .5)))
	c := candidate{kind: FixedWindow, anchor: AnchorClock, cost: 2, burst: add}
	f := func(add, burst int, every, mid float64) int { return e.held(e.ticks(add, burst, every, mid)) }
	try := func(add, burst int) (from, to, at float64, bad int) {
		from, to, _ = e.plateau(every*.98, every*1.02, 41, func(w float64) int { return f(add, burst, w, mid) })
		w := (from + to) / 2
		a, b, _ := e.plateau(1, 1.5, 41, func(x float64) int { return f(add, burst, w, mid+(x-1.25)*w*.4) })
		at = mid + ((a+b)/2-1.25)*w*.4
		from, to, bad = e.plateau(w*.995, w*1.005, 21, func(w float64) int { return f(add, burst, w, at) })
		return from, to, at, bad
	}
	from, to, at, bad := try(add, add)
	if deep := max(add, s.first); deep > add {
		if from2, to2, at2, bad2 := try(add, deep); bad2 < bad {
			from, to, at, bad, c.burst = from2, to2, at2, bad2, deep
		}
	}
	c.window, c.bad = (from+to)/2, bad
	deep := c.burst > add
	c.burst, c.least, c.most, c.bad = e.whole(c.burst-2-c.burst/20, c.burst+2+c.burst/20, func(n int) int {
		if deep {
			return f(add, n, c.window, at)
		}
		return f(n, n, c.window, at)
	})
	if !deep {
		add = c.burst
	}
	c.rate, c.lo, c.hi = float64(add)/c.window, float64(add)/to, float64(add)/from
	burst, w := c.burst, c.window
	c.again = func() machine { return e.ticks(add, burst, w, at) }
	if c.burst > add {
		c.kind, c.anchor, c.tick, c.window, c.cost = TokenBucket, "", c.window, 0, 3
	}
	return c, true
}

// lattice fits a grid through beginnings that lie on it: its spacing, and one of its points in their middle. Spacings are
// multiples of every, which is roughly known.
func lattice(starts []float64, every float64) (spacing, mid float64) {
	var ks, xs []float64
	k := 0.0
	for i, s := range starts {
		if i > 0 {
			k += math.Round((s - starts[i-1]) / every)
		}
		if i == 0 || k > ks[len(ks)-1] {
			ks, xs = append(ks, k), append(xs, s)
		}
		if n := len(ks); n >= 3 && n < 12 && ks[n-1] > 0 { // what is known by then makes the next multiple surer
			every = (xs[n-1] - xs[0]) / ks[n-1]
		}
	}
	var mk, mx, kk, kx float64
	for i := range ks {
		mk += ks[i] / float64(len(ks))
		mx += xs[i] / float64(len(ks))
	}
	for i := range ks {
		kk += (ks[i] - mk) * (ks[i] - mk)
		kx += (ks[i] - mk) * (xs[i] - mx)
	}
	if kk > 0 {
		every = kx / kk
	}
	return every, mx + (math.Round(mk)-mk)*every
}
