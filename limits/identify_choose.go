package limits

import (
	"fmt"
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/analyze"
)

// candidate is a machine with the settings that explain most.
type candidate struct {
	kind         Algorithm
	anchor       string
	bad          int // decisions that it leaves unexplained
	cost         int // what a machine with more settings must be better by
	rate, lo, hi float64
	burst        int
	least, most  int // of burst
	window       float64
	tick         float64
	truncated    bool
	memory       float64
	penalty      string
	free         int
	worst        float64 // s, of a queue: longest hold
}

func (c candidate) score() int { return c.bad + c.cost }

// words is the candidate as people call it.
func (c candidate) words() string {
	switch {
	case c.kind == FixedWindow && c.anchor == AnchorClock:
		return "fixed window on the clock"
	case c.kind == FixedWindow:
		return "fixed window from the first hit"
	case c.truncated:
		return "token bucket that counts whole tokens"
	case c.tick > 0:
		return "token bucket filled in steps"
	}
	return map[Algorithm]string{TokenBucket: "token bucket", LeakyQueue: "leaky queue", SlidingLog: "sliding log",
		SlidingCounter: "sliding counter", Concurrency: "limit on requests in flight"}[c.kind]
}

// sketch is what closed forms say before any machine is fitted.
type sketch struct {
	first   int     // admissions before the first refusal
	lead    float64 // s, from the first request to the first refusal
	rate    float64 // admissions per second under pressure
	n       int     // of them
	long    float64 // s that they were counted in
	clumps  []clump
	clumped bool // they come in rows
	paused  bool // it let nobody in for long after the first refusal, and then came one by one
}

// sketch counts.
func (e *evidence) sketch() sketch {
	var s sketch
	if i := firstRefusal(e.ds); i >= 0 {
		s.first, s.lead = i, e.ds[i].at-e.ds[0].at
	}
	for i, m := range e.trials { // the last saturation that let anybody in, else what was before it
		ds := e.in(i)
		if rate, long, n := slope(ds); n > 0 && (stageOf(m.Trial) == stageSaturate || stageOf(m.Trial) == stageSettle || s.n == 0) {
			s.rate, s.long, s.n = rate, long, n
		}
	}
	s.clumps = e.clumps(slices.Concat(e.of(stageKnock), e.of(stageSettle), e.of(stageSaturate)))
	sizes := []float64{}
	for _, c := range s.clumps {
		sizes = append(sizes, float64(c.n))
	}
	s.clumped = len(sizes) > 0 && rank(sizes, .5) >= 1.5
	s.paused = e.pausedFirst()
	return s
}

// pausedFirst compares the time from the first refusal to the next admission with those between the later ones.
func (e *evidence) pausedFirst() bool {
	i := firstRefusal(e.ds)
	if i < 0 {
		return false
	}
	last, first := e.ds[i].at, 0.0
	var gaps []float64
	for _, d := range e.ds[i:] {
		if stage := stageOf(e.trials[d.trial].Trial); !d.in || stage != stageKnock && stage != stageSettle && stage != stageSaturate {
			continue
		}
		if first == 0 {
			first = d.at - last
		} else {
			gaps = append(gaps, d.at-last)
		}
		last = d.at
	}
	return len(gaps) > 0 && first > 4*max(rank(gaps, .5), 4*e.slack)
}

func (s sketch) slopeEstimate() (*analyze.Estimate, bool) {
	if s.n < 2 || s.long <= 0 {
		return nil, false
	}
	off := 1 / s.long
	if len(s.clumps) > 1 && s.clumped { // a whole window more or less
		off = float64(s.n) / float64(len(s.clumps)) / s.long
	}
	return &analyze.Estimate{Value: s.rate, Lo: max(0, s.rate-off), Hi: s.rate + off, Confidence: fits}, true
}

// candidates fits all machines.
func (e *evidence) candidates(s sketch) []candidate {
	all := []candidate{e.fitBucket(s, false)}
	if all[0].bad < len(e.ds)/100 { // the simplest explains it: only what explains as much is worth a closer look
		e.hopeless = min(e.hopeless, 3*all[0].bad+40)
	}
	if s.rate*e.slack < wholeSeen {
		all = append(all, e.fitBucket(s, true))
	}
	if e.rest > 4*e.slack && all[0].kind != LeakyQueue { // else nobody can tell how many were in flight
		p, bad := e.fitPlaces()
		all = append(all, candidate{kind: Concurrency, bad: bad, burst: p.limit, least: p.limit, most: p.limit, cost: 2})
	}
	limits, lengths := s.windows()
	for _, length := range lengths {
		for _, limit := range limits {
			all = append(all, e.fitFirstHit(limit, length), e.fitLog(limit, length))
		}
		if c, ok := e.fitTicks(s, length); ok {
			all = append(all, c)
		}
	}
	if least := slices.MinFunc(all, func(a, b candidate) int { return a.bad - b.bad }).bad; least < len(e.ds)/100 {
		e.hopeless = min(e.hopeless, 3*least+40)
	}
	for _, limit := range limits {
		all = append(all, e.fitCounter(s, limit, 0), e.fitCounter(s, limit, rounds))
	}
	all = append(all, e.roundCounters(s)...)
	return slices.DeleteFunc(all, func(c candidate) bool { return c.window > 0 && c.burst == 1 }) // a bucket of one is the same
}

// wholeSeen is the most requests that may come in within the slack if whole tokens are to be told from parts of them.
const wholeSeen = .1

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

// around is how far from a sketched rate the true one may lie.
func (s sketch) around() float64 { return 1 + max(.12, 3/float64(max(s.n, 1))) }

// fitBucket finds rate and burst, one after the other, twice: the rate shows under pressure, the burst after silence.
func (e *evidence) fitBucket(s sketch, truncated bool) candidate {
	c := candidate{kind: TokenBucket, truncated: truncated, rate: max(s.rate, 1e-3)}
	lo, hi := c.rate/s.around(), c.rate*s.around()
	if truncated {
		hi, c.cost = c.rate*2.1, 2+len(e.ds)/400
	}
	full := func(rate float64) int { return e.owed(s.first, rate) }
	c.lo, c.hi, c.bad = e.plateau(lo, hi, 31, func(r float64) int { return bucket{rate: r, burst: full(r), truncated: truncated}.unexplained(e) })
	for range 2 {
		c.rate = (c.lo + c.hi) / 2
		reach := 4 + int(.1*float64(s.first)+2*c.rate*e.slack)
		mid := full(c.rate)
		c.burst, c.least, c.most, c.bad = e.whole(mid-reach, mid+reach, func(n int) int { return bucket{rate: c.rate, burst: n, truncated: truncated}.unexplained(e) })
		from, to, bad := e.plateau(c.rate*.97, c.rate*1.03, 31, func(r float64) int { return bucket{rate: r, burst: c.burst, truncated: truncated}.unexplained(e) })
		if bad > c.bad {
			break
		}
		c.lo, c.hi, c.bad = from, to, bad
	}
	c.rate = (c.lo + c.hi) / 2
	if h, ok := e.held(c.rate, c.burst); ok {
		c.kind, c.free, c.worst = LeakyQueue, h.free, h.worst
	}
	return c
}

// owed is how many tokens the admissions before the first refusal had cost by then, at a rate of refilling.
func (e *evidence) owed(first int, rate float64) int {
	owed, last := 0.0, 0.0
	for _, d := range e.ds[:first] {
		owed, last = max(owed-rate*max(d.at-last, 0), 0)+1, d.at
	}
	return max(1, int(math.Ceil(owed-.5)))
}

func (e *evidence) fitFirstHit(limit int, length float64) candidate {
	return e.fitWindow(candidate{kind: FixedWindow, anchor: AnchorFirst, burst: limit, window: length, cost: 1},
		func(n int, w float64) int { return firstHit{n, w}.unexplained(e) })
}

func (e *evidence) fitLog(limit int, length float64) candidate {
	return e.fitWindow(candidate{kind: SlidingLog, burst: limit, window: length, cost: 1},
		func(n int, w float64) int { return slidingLog{n, w}.unexplained(e) })
}

// fitWindow finds length, limit, and length again, from two beginnings: the limit as sketched, and the rate as sketched with
// all limits that are near.
func (e *evidence) fitWindow(c candidate, f func(limit int, length float64) int) candidate {
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
	f := func(add, burst int, every, mid float64) int { return ticks{add, burst, every, mid}.unexplained(e) }
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

// roundLengths are those that people give to windows, s.
var roundLengths = []float64{.1, .2, .25, .5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 60}

// roundCounters fits sliding counters of round lengths. Their valley is narrow in limit, length and phase at once, and of
// these the length can be guessed.
func (e *evidence) roundCounters(s sketch) (all []candidate) {
	if s.rate <= 0 {
		return nil
	}
	mid, off, guess := e.middle(), 1+max(.04, 3/float64(max(s.n, 1))), float64(s.first)/s.rate
	for _, w := range roundLengths {
		if w < guess*.7 || w > guess*1.4 {
			continue
		}
		phases := min(max(100, int(2*s.rate*w)), 400)
		phase := func(j int) float64 { return mid + w*float64(j)/float64(phases) }
		of := func(n int) ([]int, int) {
			return e.scan(phases, func(j int) int { return counter{limit: n, length: w, phase: phase(j), loose: .3}.unexplained(e) })
		}
		n, _, _, bad := e.whole(int(s.rate*w/off)-1, int(s.rate*w*off)+1, func(n int) int { _, least := of(n); return least })
		if bad <= e.hopeless {
			ys, least := of(n)
			from, to := widest(ys, least)
			all = append(all, e.counterAt(n, w, phase((from+to)/2), 0))
		}
	}
	return all
}

// middle is the time in the middle of the decisions. A grid that is held there goes astray least, at both ends, when its
// spacing is a little off.
func (e *evidence) middle() float64 { return e.ds[len(e.ds)/2].at }

// fitCounter scans lengths and the place of the grid: the edges do not show by themselves. A coarse grid meets the narrow
// valley only if sums may be off by a part of the limit: the blur.
func (e *evidence) fitCounter(s sketch, limit int, loose float64) candidate {
	if s.rate <= 0 {
		return candidate{kind: SlidingCounter, burst: limit, bad: len(e.ds)}
	}
	length, phase := float64(limit)/s.rate, e.middle()
	wide, steps, span, phases, blur := .15, 15, 1.0, 24, .08*float64(limit)
	for range 6 {
		length, phase = e.valley(length, phase, wide, steps, span, phases, func(w, p float64) int {
			return counter{limit: limit, length: w, phase: p, loose: max(loose, blur)}.unexplained(e)
		})
		wide, steps, span, phases, blur = wide*.25, 6, span*.3, 11, blur*.5
		if blur < .3 {
			blur = 0
		}
	}
	return e.counterAt(limit, length, phase, loose)
}

// counterAt makes limit and length exact for a grid that goes through a phase.
func (e *evidence) counterAt(limit int, length, phase, loose float64) candidate {
	c := candidate{kind: SlidingCounter, cost: 3}
	if loose > 0 {
		c.cost += 3
	}
	f := func(n int, w float64) int {
		return counter{limit: n, length: w, phase: phase, loose: loose}.unexplained(e)
	}
	reach := 2 + limit/25
	c.burst, c.least, c.most, _ = e.whole(limit-reach, limit+reach, func(n int) int { return f(n, length) })
	from, to, bad := e.plateau(length*.98, length*1.02, 41, func(w float64) int { return f(c.burst, w) })
	c.window, c.bad = (from+to)/2, bad
	c.perWindow(from, to)
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

// fill writes the candidate into the result.
func (c candidate) fill(l *Limiter) {
	l.Algorithm, l.Anchor, l.Free, l.TickS, l.MemoryS, l.Penalty = c.kind, c.anchor, c.free, round3(c.tick), c.memory, c.penalty
	l.WindowS = round4(c.window)
	if c.rate > 0 && c.kind != Concurrency {
		l.Rate = &analyze.Estimate{Value: c.rate, Lo: min(c.lo, c.rate), Hi: max(c.hi, c.rate), Confidence: fits}
	}
	l.Burst = &analyze.Estimate{Value: float64(c.burst), Lo: float64(c.least), Hi: float64(c.most), Confidence: fits}
	switch {
	case c.kind == TokenBucket && c.truncated:
		l.note("truncates", "it counts whole tokens and loses the fraction at every admission (as Varnish's vsthrottle): under even load it admits less than its rate")
	case c.kind == TokenBucket && c.tick > 0:
		l.note("ticks", "it is filled in steps, one each %.4g s", c.tick)
	case c.kind == TokenBucket:
		l.note("same-machine", "a token bucket, GCRA and nginx's limit_req with nodelay (burst=%d) decide alike", c.burst-1)
	case c.kind == LeakyQueue:
		l.note("delays", "it holds what comes faster than its rate, up to %.3g s: nginx's limit_req with burst=%d%s", c.worst, c.burst-1, delayWords(c.free))
	case c.kind == FixedWindow && c.anchor == AnchorClock:
		l.note("same-machine", "a bucket that is filled with %d at once every %.4g s decides alike; at an edge it lets in %d at once", c.burst, c.window, 2*c.burst)
	case c.kind == FixedWindow:
		l.note("edge", "at the edge between two windows it lets in up to %d at once", 2*c.burst)
	}
	if c.kind == TokenBucket && c.burst == 1 && !c.truncated {
		l.note("one-slot", "a window of one request from the first hit decides alike")
	}
}

func delayWords(free int) string {
	if free > 0 {
		return fmt.Sprintf(" delay=%d", free)
	}
	return ""
}

func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }
