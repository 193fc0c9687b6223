package limits

import "math"

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
