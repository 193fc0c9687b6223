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
	memory       float64 // forgotten after so long a silence, s
	starving     bool    // refusals count too
	ban          float64 // shut out for so long after a refusal, s
	banLo, banHi float64
	renewed      bool    // the ban begins anew with every refusal
	strain       float64 // how far it fails the experiment that it fails most
	where        string
	again        func() machine // the machine itself, as new
	free         int
	worst        float64 // s, of a queue: longest hold
}

// score is what candidates are compared by, for n decisions: each experiment has a weight of its own beside that of its
// decisions.
func (c candidate) score(n float64) float64 { return float64(c.bad+c.cost) + c.strain*n/20 }

// words is the candidate as people call it.
func (c candidate) words() string {
	switch {
	case c.ban > 0:
		inner := c
		inner.ban = 0
		return inner.words() + " that bans whom it refuses"
	case c.starving:
		inner := c
		inner.starving = false
		return inner.words() + " that counts what it refuses"
	case c.memory > 0:
		return "token bucket that forgets"
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

// candidates fits all machines, the simple ones first: where one of them explains all but a few decisions, the dear ones
// are not asked.
func (e *evidence) candidates(s sketch) []candidate {
	all := []candidate{e.fitBucket(s, false)}
	e.spare(all)
	if c, ok := e.fitForgetful(all[0]); ok {
		all = append(all, c)
	}
	if s.rate*e.slack < wholeSeen {
		all = append(all, e.fitBucket(s, true))
	}
	if e.rest > 4*e.slack && all[0].kind != LeakyQueue { // else nobody can tell how many were in flight
		all = append(all, e.fitPlaces())
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
	if least := e.spare(all); least > len(e.ds)/500 {
		all = append(all, e.fitBans(s)...)
		e.spare(all)
		all = append(all, e.fitCounters(s, limits)...)
		if e.spare(all); !e.daring { // dear, and no experiment is made for them
			all = append(all, e.fitStarving(s)...)
		}
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return c.window > 0 && c.burst == 1 }) // a bucket of one is the same
}

// spare makes hopeless what explains far less than the best, and says how many that leaves unexplained: only what explains
// nearly as much is worth a closer look.
func (e *evidence) spare(all []candidate) (least int) {
	least = slices.MinFunc(all, func(a, b candidate) int { return a.bad - b.bad }).bad
	if least < len(e.ds)/100 {
		e.hopeless = min(e.hopeless, 3*least+40)
	}
	return least
}

// wholeSeen is the most requests that may come in within the slack if whole tokens are to be told from parts of them.
const wholeSeen = .1

// fill writes the candidate into the result.
func (c candidate) fill(l *Limiter) {
	l.Algorithm, l.Anchor, l.Free, l.TickS, l.MemoryS, l.Ban, l.Penalty = c.kind, c.anchor, c.free, round3(c.tick), round3(c.memory), c.banned(), c.penalty()
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
		l.note("same-machine", "a token bucket, GCRA and nginx's limit_req with nodelay (burst=%s) decide alike", c.nginxBurst())
	case c.kind == LeakyQueue:
		l.note("delays", "it holds what comes faster than its rate, up to %.3g s: nginx's limit_req with burst=%s%s", c.worst, c.nginxBurst(), delayWords(c.free))
	case c.kind == FixedWindow && c.anchor == AnchorClock:
		l.note("same-machine", "a bucket that is filled with %d at once every %.4g s decides alike; at an edge it lets in %d at once", c.burst, c.window, 2*c.burst)
	case c.kind == FixedWindow:
		l.note("edge", "at the edge between two windows it lets in up to %d at once", 2*c.burst)
	}
	if c.kind == TokenBucket && c.burst == 1 && !c.truncated {
		l.note("one-slot", "a window of one request from the first hit decides alike")
	}
}

// nginxBurst is the burst as nginx counts it, without the first, and from where to where it may lie.
func (c candidate) nginxBurst() string {
	if c.least < c.most {
		return fmt.Sprintf("%d, or %d to %d", c.burst-1, c.least-1, c.most-1)
	}
	return fmt.Sprint(c.burst - 1)
}

// banned is the length of its ban; nil without one.
func (c candidate) banned() *analyze.Estimate {
	if c.ban == 0 {
		return nil
	}
	return &analyze.Estimate{Value: round3(c.ban), Lo: round3(min(c.banLo, c.ban)), Hi: round3(max(c.banHi, c.ban)), Confidence: fits}
}

// penalty is what its refusals cost, in words.
func (c candidate) penalty() string {
	switch {
	case c.ban > 0 && c.renewed:
		return fmt.Sprintf("bans for %s, anew with every request while it lasts", c.banWords())
	case c.ban > 0:
		return "bans for " + c.banWords()
	case c.starving:
		return "counts what it refuses: who keeps asking above the rate is not let in again"
	}
	return ""
}

func (c candidate) banWords() string {
	if c.banHi > 1.05*c.banLo {
		return fmt.Sprintf("between %.2g and %.2g s", c.banLo, c.banHi)
	}
	return "about " + shortSeconds(c.ban)
}

func delayWords(free int) string {
	if free > 0 {
		return fmt.Sprintf(" delay=%d", free)
	}
	return ""
}

func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }
