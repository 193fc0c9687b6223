package limits

import "math"

// rolling is a sliding counter whose grid begins anew with the first admission after two empty windows, and whose share of
// the window before is rounded down: HAProxy's frequency counters (update_freq_ctr_period and read_freq_ctr_period).
type rolling struct {
	limit         int
	length, slack float64 // s
	began         float64
	before, now   int
	near          int // of those in now, that may have come before it began
}

// haproxyTick is how coarse HAProxy's clock is, s.
const haproxyTick = .001

func (e *evidence) rolling(limit int, length float64) *rolling {
	return &rolling{limit: limit, length: length, slack: 2*e.slack + haproxyTick, began: math.Inf(-1)}
}

// sum is what counts at a moment if nothing more is let in; it never grows.
func (w *rolling) sum(at float64) int {
	switch turns := max(at-w.began, 0) / w.length; {
	case turns < 1:
		return int(float64(w.before)*(1-turns)) + w.now
	case turns < 2:
		return int(float64(w.now) * (2 - turns))
	}
	return 0
}

func (w *rolling) may(d *decision) (admit, refuse bool) {
	return w.sum(d.at+w.slack)-w.near < w.limit, w.sum(d.at-w.slack)+w.near+d.next >= w.limit
}

func (w *rolling) take(d *decision, _ bool) {
	if !d.in {
		return
	}
	switch turns := (d.at - w.began) / w.length; {
	case turns >= 2:
		w.began, w.before, w.now, w.near = d.at, 0, 0, 0
	case turns >= 1:
		w.began, w.before, w.now, w.near = w.began+w.length, w.now, 0, 0
	}
	w.now++
	if w.before > 0 && d.at-w.began < w.slack {
		w.near++
	}
}

// fitRolling fits such counters of any length, and of the round ones near it: of two that explain as much, somebody chose
// the round one.
func (e *evidence) fitRolling(limit int, length float64) (all []candidate) {
	c := candidate{kind: SlidingCounter, burst: limit, window: length, cost: 1}
	of := func(n int, w float64) machine { return e.rolling(n, w) }
	all = append(all, e.fitWindow(c, of))
	for _, w := range roundLengths {
		if w < length*.7 || w > length*1.4 {
			continue
		}
		c.window, c.cost = w, 0
		reach := 3 + limit/4
		c.burst, c.least, c.most, c.bad = e.whole(limit-reach, limit+reach, func(n int) int { return e.held(of(n, w)) })
		c.perWindow(w, w)
		n := c.burst
		c.again = func() machine { return of(n, w) }
		all = append(all, c)
	}
	return all
}
