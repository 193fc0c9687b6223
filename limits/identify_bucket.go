package limits

import "math"

// fitBucket finds rate and burst, one after the other, twice: the rate shows under pressure, the burst after silence.
func (e *evidence) fitBucket(s sketch, truncated bool) candidate {
	c := candidate{kind: TokenBucket, truncated: truncated, rate: max(s.rate, 1e-3)}
	lo, hi := c.rate/s.around(), c.rate*s.around()
	if truncated {
		hi, c.cost = c.rate*2.1, 2+len(e.ds)/400
	}
	full := func(rate float64) int { return e.owed(s.first, rate) }
	as := func(r float64, n int) machine {
		if truncated {
			return e.truncating(r, n)
		}
		return e.bucket(r, n)
	}
	of := func(r float64, n int) int { return e.held(as(r, n)) }
	c.lo, c.hi, c.bad = e.plateau(lo, hi, 31, func(r float64) int { return of(r, full(r)) })
	for range 2 {
		c.rate = (c.lo + c.hi) / 2
		reach := 4 + int(.1*float64(s.first)+2*c.rate*e.slack)
		mid := full(c.rate)
		c.burst, c.least, c.most, c.bad = e.whole(mid-reach, mid+reach, func(n int) int { return of(c.rate, n) })
		from, to, bad := e.plateau(c.rate*.97, c.rate*1.03, 31, func(r float64) int { return of(r, c.burst) })
		if bad > c.bad {
			break
		}
		c.lo, c.hi, c.bad = from, to, bad
	}
	c.rate = (c.lo + c.hi) / 2
	c.doubt(of)
	rate, burst := c.rate, c.burst
	c.again = func() machine { return as(rate, burst) }
	if h, ok := e.delays(c.rate, c.burst); ok {
		c.kind, c.free, c.worst = LeakyQueue, h.free, h.worst
	}
	return c
}

// doubt widens the interval of the burst to all that explain nearly as much: a decision or two are chance on a way of uneven
// length, or between the pauses of a busy machine.
func (c *candidate) doubt(of func(rate float64, n int) int) {
	near := func(n int) bool { return n >= 1 && of(c.rate, n) <= c.bad+chance }
	for reach := doubtMost + c.burst/10; reach > 0 && near(c.least-1); reach-- {
		c.least--
	}
	for reach := doubtMost + c.burst/10; reach > 0 && near(c.most+1); reach-- {
		c.most++
	}
}

const (
	chance    = 2  // decisions that speak against no setting
	doubtMost = 10 // and a tenth of the burst: no burst further off is looked at
)

// owed is how many tokens the admissions before the first refusal had cost by then, at a rate of refilling.
func (e *evidence) owed(first int, rate float64) int {
	owed, last := 0.0, 0.0
	for _, d := range e.ds[:first] {
		owed, last = max(owed-rate*max(d.at-last, 0), 0)+1, d.at
	}
	return max(1, int(math.Ceil(owed-.5)))
}

// fitForgetful gives a bucket a memory, where that explains more: silences after which it was full again too soon.
func (e *evidence) fitForgetful(c candidate) (candidate, bool) {
	if c.kind != TokenBucket || c.bad < 3 {
		return c, false
	}
	of := func(rate float64, n int, memory float64) machine {
		m := e.bucket(rate, n)
		m.memory = memory
		return m
	}
	before := c.bad
	for range 2 {
		from, to, _ := e.plateau(memoryLeast, memoryMost, 61, func(m float64) int { return e.held(of(c.rate, c.burst, m)) })
		c.memory = (from + to) / 2
		c.burst, c.least, c.most, _ = e.whole(c.burst-2-c.burst/10, c.burst+2+c.burst/10, func(n int) int { return e.held(of(c.rate, n, c.memory)) })
		c.lo, c.hi, c.bad = e.plateau(c.rate*.9, c.rate*1.1, 41, func(r float64) int { return e.held(of(r, c.burst, c.memory)) })
		c.rate = (c.lo + c.hi) / 2
	}
	c.cost += 3
	rate, burst, memory := c.rate, c.burst, c.memory
	c.again = func() machine { return of(rate, burst, memory) }
	return c, c.bad < before && c.rate*c.memory >= 1 // else it lets in after a silence and at no other time: a ban does
}

// The shortest and longest memory that is looked for, s.
const memoryLeast, memoryMost = .1, 8.0
