package limits

import "math"

// machine is a limiter with its settings, held against the evidence by replay with teacher forcing: it walks through all
// decisions in order; its state follows what the server did, not what it would have done itself; and a decision that it
// could not have taken at any moment within the slack counts as unexplained.
type machine interface {
	may(d *decision) (admit, refuse bool) // which of the two it may have decided
	take(d *decision, odd bool)           // what was decided; odd if it could not have
}

// held replays a machine: how many decisions it leaves unexplained. It looks no further at one that is hopeless.
func (e *evidence) held(m machine) (bad int) {
	for i := range e.ds {
		if bad > e.hopeless {
			break
		}
		if odd := step(m, &e.ds[i]); odd {
			bad++
		}
	}
	return bad
}

// step has a machine walk through one decision.
func step(m machine, d *decision) (odd bool) {
	admit, refuse := m.may(d)
	odd = d.in && !admit || !d.in && !refuse
	m.take(d, odd)
	return odd
}

// bucket is a token bucket.
type bucket struct {
	rate, burst float64
	memory      float64 // forgotten after so long a silence, s; 0 never
	starving    bool    // a refusal costs a token too, down to a debt of the whole burst
	slack       float64
	tokens      float64
	last        float64
}

func (e *evidence) bucket(rate float64, burst int) *bucket {
	return &bucket{rate: rate, burst: float64(burst), slack: e.slack, tokens: float64(burst), last: math.Inf(-1)}
}

func (b *bucket) tolerance() float64 { return b.rate*b.slack + 1e-6 }

// may lets tokens stand above the burst by the tolerance: a bucket that has been full for longer than the slack refuses nobody.
func (b *bucket) may(d *decision) (admit, refuse bool) {
	gap, tol := max(d.at-b.last, 0), b.tolerance()
	if b.tokens = min(b.burst+tol, b.tokens+b.rate*gap); b.memory > 0 && gap > b.memory {
		b.tokens = b.burst + tol
	}
	b.last = d.at
	return b.tokens-1 >= -tol, min(b.burst, b.tokens-tol)-float64(d.next) < 1-1e-6
}

func (b *bucket) take(d *decision, odd bool) {
	switch {
	case d.in && odd:
		b.tokens = 0
	case d.in:
		b.tokens = min(b.tokens, b.burst) - 1
	case odd:
		b.tokens = 1
	}
	if b.starving && !d.in {
		b.tokens = max(b.tokens-1, -b.burst)
	}
}

// truncating is a bucket that counts whole tokens and loses the fraction at every admission.
type truncating struct {
	rate, slack   float64
	burst, tokens int
	last          float64
}

func (e *evidence) truncating(rate float64, burst int) *truncating {
	return &truncating{rate: rate, slack: e.slack, burst: burst, tokens: burst, last: math.Inf(-1)}
}

func (b *truncating) at(at float64) int {
	return min(b.tokens+int(min(max(at-b.last, 0)*b.rate, float64(b.burst))), b.burst)
}

func (b *truncating) may(d *decision) (admit, refuse bool) {
	return b.at(d.at+2*b.slack) >= 1, b.at(d.at-2*b.slack)-d.next < 1
}

func (b *truncating) take(d *decision, odd bool) {
	switch {
	case d.in:
		have := b.at(d.at)
		if have < 1 {
			have = b.at(d.at + 2*b.slack)
		}
		b.tokens, b.last = max(have, 1)-1, d.at
	case odd:
		b.tokens, b.last = 0, d.at-.5/b.rate
	}
}

// ticks is a bucket that gains add tokens at each edge of a grid, up to burst. A burst that is no more than add makes it a
// fixed window on the clock.
type ticks struct {
	add, burst          int
	every, phase, slack float64 // s
	tokens              int
	edge                float64 // the last whose tokens came
}

func (e *evidence) ticks(add, burst int, every, phase float64) *ticks {
	return &ticks{add: add, burst: burst, every: every, phase: phase, slack: e.slack, tokens: burst, edge: math.Inf(-1)}
}

func (k *ticks) index(at float64) float64 { return math.Floor((at - k.phase) / k.every) }

// may has the edges that have passed for certain bring their tokens; one that may have passed brings them if needed.
func (k *ticks) may(d *decision) (admit, refuse bool) {
	if sure := k.index(d.at - k.slack); sure > k.edge {
		if !math.IsInf(k.edge, -1) {
			k.tokens = min(k.burst, k.tokens+int(min(sure-k.edge, 1e6))*k.add)
		}
		k.edge = sure
	}
	return k.tokens >= 1 || k.index(d.at+k.slack) > k.edge, k.tokens-d.next < 1 || k.index(d.at-2*k.slack) != k.edge
}

func (k *ticks) take(d *decision, odd bool) {
	if !d.in || odd {
		return
	}
	if k.tokens < 1 {
		k.edge++
		k.tokens = min(k.burst, k.tokens+k.add)
	}
	k.tokens--
}

// firstHit is a fixed window that begins with the first request after the one before has ended.
type firstHit struct {
	limit         int
	length, slack float64 // s
	began         float64
	used          int
}

func (e *evidence) firstHit(limit int, length float64) *firstHit {
	return &firstHit{limit: limit, length: length, slack: e.slack, began: math.Inf(-1)}
}

func (w *firstHit) may(d *decision) (admit, refuse bool) {
	age := d.at - w.began
	over, maybe := age > w.length+w.slack, age > w.length-2*w.slack
	return over || maybe || w.used < w.limit, !over && (w.used+d.next >= w.limit || age <= 2*w.slack)
}

func (w *firstHit) take(d *decision, odd bool) {
	age := d.at - w.began
	switch over, maybe := age > w.length+w.slack, age > w.length-2*w.slack; {
	case over, d.in && w.used >= w.limit && maybe:
		w.began, w.used = d.at, 0
		if d.in {
			w.used = 1
		}
	case d.in && !odd:
		w.used++
	}
}

// slidingLog admits limit in any stretch of a length.
type slidingLog struct {
	limit         int
	length, slack float64   // s
	ring          []float64 // of the last admissions
	n             int
}

func (e *evidence) slidingLog(limit int, length float64) *slidingLog {
	return &slidingLog{limit: limit, length: length, slack: e.slack, ring: make([]float64, limit)}
}

// age is how long ago the oldest of a full window was let in.
func (l *slidingLog) age(at float64) float64 {
	if l.n < l.limit {
		return math.Inf(1)
	}
	return at - l.ring[l.n%l.limit]
}

func (l *slidingLog) may(d *decision) (admit, refuse bool) {
	age := l.age(d.at)
	return age >= l.length-2*l.slack, !l.free(d) || age <= l.length+2*l.slack
}

func (l *slidingLog) take(d *decision, _ bool) {
	if d.in {
		l.ring[l.n%l.limit] = d.at
		l.n++
	}
}

// free tells whether there was room for a refused request even if all that may have overtaken it had.
func (l *slidingLog) free(d *decision) bool {
	if l.n+d.next < l.limit {
		return true
	}
	if d.next >= l.limit {
		return false
	}
	return l.n < l.limit || d.at-l.ring[(l.n+d.next)%l.limit] > l.length
}

// counter is a sliding window of two weighted counts; tally counts refusals too. Requests that came within the slack of an
// edge may count on either side of it.
type counter struct {
	limit                int
	length, phase, slack float64 // s
	tally                bool
	loose                float64 // how far its sums may be rounded
	index                float64
	before, now          counted
	next                 float64 // that may count in the window to come
}

// counted is what counts in a window, and how much more or less it may be.
type counted struct{ n, more, less float64 }

// rounds is how far sliding counters in the wild round their sums.
const rounds = .51

func (e *evidence) counter(limit int, length, phase, loose float64, tally bool) *counter {
	return &counter{limit: limit, length: length, phase: phase, slack: e.slack, loose: loose, tally: tally, index: math.Inf(-1)}
}

// turn is the share of its window that has passed at a moment; the windows that have passed for it are put away.
func (c *counter) turn(at float64) (f float64) {
	turns := (at - c.phase) / c.length
	k := math.Floor(turns)
	switch {
	case k == c.index+1:
		c.before, c.now, c.next = c.now, counted{more: c.next}, 0
	case k > c.index:
		c.before, c.now, c.next = counted{}, counted{}, 0
	}
	c.index = k
	return turns - k
}

func (c *counter) may(d *decision) (admit, refuse bool) {
	f := c.turn(d.at)
	near := c.slack / c.length // of an edge, in windows
	tol := float64(c.limit)/c.length*2*c.slack + .01 + c.loose
	least := (c.before.n-c.before.less)*(1-f) + c.now.n - c.now.less
	most := (c.before.n+c.before.more)*(1-f) + c.now.n + c.now.more
	edge := f < near || 1-f < near
	return edge || least+1 <= float64(c.limit)+tol, edge || most+float64(d.next)+1 >= float64(c.limit)-tol
}

func (c *counter) take(d *decision, _ bool) {
	if !d.in && !c.tally {
		return
	}
	c.now.n++
	f, near := c.turn(d.at), c.slack/c.length
	switch {
	case f < near:
		c.now.less++
		c.before.more++
	case 1-f < near:
		c.now.less++
		c.next++
	}
}
