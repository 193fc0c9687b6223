package limits

import "math"

// A limiter with its settings is held against the evidence by replay with teacher forcing: it walks through all decisions in
// order; its state follows what the server did, not what it would have done itself; and a decision that it could not have
// taken at any moment within the slack counts as unexplained.

// plateau finds where a function of one setting is least, on a grid that is geometric from lo to hi and then made finer
// three times around the lowest place: the stretch over which it does not rise above that, and its value there. The
// settings of a limiter are found so because too low and too high a setting both leave decisions unexplained, the more
// the farther they are off.
func (e *evidence) plateau(lo, hi float64, points int, f func(float64) int) (from, to float64, least int) {
	for range 4 {
		step := math.Pow(hi/lo, 1/float64(points-1))
		x := func(i int) float64 { return lo * math.Pow(step, float64(i)) }
		var ys []int
		ys, least = e.scan(points, func(i int) int { return f(x(i)) })
		a, b := widest(ys, least)
		from, to = x(a), x(b)
		lo, hi = x(max(a-1, 0)), x(min(b+1, points-1))
		if hi <= lo*(1+1e-9) {
			break
		}
	}
	return from, to, least
}

// scan takes a function of n settings from the middle outwards, and its least value. A replay ends as soon as it is worse
// than the best before it, so a value above the least says no more than that.
func (e *evidence) scan(n int, f func(i int) int) (ys []int, least int) {
	defer func(before int) { e.hopeless = before }(e.hopeless)
	ys, least = make([]int, n), math.MaxInt
	for k := range n {
		i := n/2 + (k+1)/2*(1-2*(k%2)) // n/2, n/2-1, n/2+1, ...
		ys[i] = f(i)
		least = min(least, ys[i])
		e.hopeless = min(e.hopeless, least)
	}
	return ys, least
}

// widest is the longest row of ys that equal y.
func widest(ys []int, y int) (from, to int) {
	from, to = -1, -2
	for a := 0; a < len(ys); a++ {
		if ys[a] != y {
			continue
		}
		b := a
		for b+1 < len(ys) && ys[b+1] == y {
			b++
		}
		if b-a > to-from {
			from, to = a, b
		}
		a = b
	}
	return from, to
}

// whole finds the whole setting from lo to hi that leaves least unexplained: the middle of the widest row of the best,
// and the ends of that row.
func (e *evidence) whole(lo, hi int, f func(int) int) (best, from, to, least int) {
	lo = max(lo, 1)
	hi = max(hi, lo)
	step := max(1, (hi-lo)/40)
	for {
		var ys []int
		ys, least = e.scan((hi-lo)/step+1, func(i int) int { return f(lo + i*step) })
		a, b := widest(ys, least)
		from, to = lo+a*step, lo+b*step
		if step == 1 {
			return (from + to) / 2, from, to, least
		}
		lo, hi = max(1, from-step), to+step
		step = max(1, min(step-1, (hi-lo)/40))
	}
}

// bucket is a token bucket; truncated, it counts whole tokens and loses the fraction at every admission.
type bucket struct {
	rate      float64
	burst     int
	truncated bool
	starving  bool    // a refusal costs a token too
	memory    float64 // forgotten after so long a silence, s; 0 never
}

func (b bucket) unexplained(e *evidence) (bad int) {
	if b.truncated {
		return b.wholeTokens(e)
	}
	c := float64(b.burst)
	tokens, last := c, math.Inf(-1)
	tol := b.rate*e.slack + 1e-6
	for _, d := range e.ds {
		if bad > e.hopeless {
			return bad
		}
		gap := max(d.at-last, 0)
		tokens = min(c, tokens+b.rate*gap)
		if b.memory > 0 && gap > b.memory && !math.IsInf(last, -1) {
			tokens = c
		}
		last = d.at
		switch {
		case d.in:
			if tokens--; tokens < -tol {
				bad++
				tokens = 0
			}
		case tokens-float64(d.next) >= 1+tol:
			bad++
			tokens = 1
		}
		if b.starving && !d.in {
			tokens = max(tokens-1, -c)
		}
	}
	return bad
}

// wholeTokens replays a bucket that truncates.
func (b bucket) wholeTokens(e *evidence) (bad int) {
	tokens, last := b.burst, math.Inf(-1)
	gained := func(at float64) int {
		return int(min(max(at-last, 0)*b.rate, float64(b.burst)))
	}
	for _, d := range e.ds {
		if bad > e.hopeless {
			return bad
		}
		if !d.in {
			if min(tokens+gained(d.at-2*e.slack), b.burst)-d.next >= 1 {
				bad++
				tokens = 0
				last = d.at - .5/b.rate
			}
			continue
		}
		have := min(tokens+gained(d.at), b.burst)
		if have < 1 {
			have = min(tokens+gained(d.at+2*e.slack), b.burst)
		}
		if have < 1 {
			bad++
			have = 1
		}
		tokens, last = have-1, d.at
	}
	return bad
}

// ticks is a bucket that gains add tokens at each edge of a grid, up to burst. A burst that is no more than add makes it a
// fixed window on the clock.
type ticks struct {
	add, burst   int
	every, phase float64 // s
}

func (k ticks) unexplained(e *evidence) (bad int) {
	tokens, edge := k.burst, math.Inf(-1)
	index := func(at float64) float64 { return math.Floor((at - k.phase) / k.every) }
	for _, d := range e.ds {
		if bad > e.hopeless {
			return bad
		}
		// The edges that have passed for certain bring their tokens; one that may have passed brings them if needed.
		if sure := index(d.at - e.slack); sure > edge {
			if !math.IsInf(edge, -1) {
				tokens = min(k.burst, tokens+int(min(sure-edge, 1e6))*k.add)
			}
			edge = sure
		}
		if d.in && tokens < 1 && index(d.at+e.slack) > edge {
			edge++
			tokens = min(k.burst, tokens+k.add)
		}
		switch {
		case d.in && tokens < 1:
			bad++
		case d.in:
			tokens--
		case tokens-d.next >= 1 && index(d.at-2*e.slack) == edge:
			bad++
		}
	}
	return bad
}

// firstHit is a fixed window that begins with the first request after the one before has ended.
type firstHit struct {
	limit  int
	length float64 // s
}

func (w firstHit) unexplained(e *evidence) (bad int) {
	began, used := math.Inf(-1), 0
	for _, d := range e.ds {
		if bad > e.hopeless {
			return bad
		}
		age := d.at - began
		switch {
		case age > w.length+e.slack, d.in && used >= w.limit && age > w.length-2*e.slack:
			began, used = d.at, 0
			if !d.in {
				bad++
				continue
			}
			used = 1
		case d.in && used >= w.limit:
			bad++
		case d.in:
			used++
		case used+d.next < w.limit && age > 2*e.slack:
			bad++
		}
	}
	return bad
}

// slidingLog admits limit in any stretch of a length.
type slidingLog struct {
	limit  int
	length float64 // s
}

func (l slidingLog) unexplained(e *evidence) (bad int) {
	ring, n := make([]float64, l.limit), 0
	for _, d := range e.ds {
		if bad > e.hopeless {
			return bad
		}
		oldest := math.Inf(-1)
		if n >= l.limit {
			oldest = ring[n%l.limit]
		}
		age := d.at - oldest
		switch {
		case d.in:
			if age < l.length-2*e.slack {
				bad++
			}
			ring[n%l.limit] = d.at
			n++
		case l.free(ring, n, d) && age > l.length+2*e.slack:
			bad++
		}
	}
	return bad
}

// free tells whether there was room for a refused request even if all that may have overtaken it had.
func (l slidingLog) free(ring []float64, n int, d decision) bool {
	if n+d.next < l.limit {
		return true
	}
	if d.next >= l.limit {
		return false
	}
	return n < l.limit || d.at-ring[(n+d.next)%l.limit] > l.length
}

// counter is a sliding window of two weighted counts; tally counts refusals too.
type counter struct {
	limit         int
	length, phase float64 // s
	tally         bool
	loose         float64 // how far its sums may be rounded
}

// rounds is how far sliding counters in the wild round their sums.
const rounds = .51

func (c counter) unexplained(e *evidence) (bad int) {
	index, before, now := math.Inf(-1), 0.0, 0.0
	tol := float64(c.limit)/c.length*2*e.slack + .01 + c.loose
	near := e.slack / c.length // of an edge, in windows
	for _, d := range e.ds {
		if bad > e.hopeless {
			return bad
		}
		turns := (d.at - c.phase) / c.length
		k := math.Floor(turns)
		switch {
		case k == index+1:
			before, now = now, 0
		case k > index:
			before, now = 0, 0
		}
		index = k
		f := turns - k
		used := before*(1-f) + now
		switch edge := f < near || 1-f < near; {
		case d.in && used+1 > float64(c.limit)+tol && !edge:
			bad++
		case !d.in && used+float64(d.next)+1 < float64(c.limit)-tol && !edge:
			bad++
		}
		if d.in || c.tally {
			now++
		}
	}
	return bad
}
