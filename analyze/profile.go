package analyze

import (
	"fmt"
	"math"
	"time"
)

// Profile is how much trouble a search takes.
type Profile string

const (
	Quick    Profile = "quick"    // about half the time, intervals half as wide again
	Standard Profile = "standard" // the default
	Thorough Profile = "thorough" // twice the time, intervals two thirds as wide
)

// Validate reports a profile that does not exist.
func (p Profile) Validate() error {
	switch p {
	case Quick, Standard, Thorough, "":
		return nil
	}
	return fmt.Errorf("%q is no profile (quick, standard, thorough)", string(p))
}

// level says how long trials of one rigour are: enough for n arrivals, within bounds.
type level struct {
	n           float64 // arrivals wanted
	least, most float64 // seconds
	p99s        float64 // at least so many p99 at rest
}

// effort is a profile in numbers. All were chosen on 240 simulated services and checked on 360 others; none is critical
// but the length of a confirmation.
type effort struct {
	levels   [3]level // by Rigour
	baseline level
	warm     level   // windows of the warm-up
	warming  float64 // seconds of warm-up at most
	limiter  level   // trials that measure a limiter
	knee     level
	settle   float64 // seconds to wait for a target to recover
	step     float64 // δ, from the estimate of capacity to the loads that confirm it
	width    float64 // of the bracket, H/L − 1
}

var efforts = map[Profile]effort{
	Quick:    profile(level{6000, 3, 8, 20}, level{5000, 8, 25, 40}, level{2000, 4, 8, 0}, .025, .06),
	Standard: profile(level{6000, 3, 15, 20}, level{15000, 15, 60, 40}, level{5000, 4, 20, 0}, .018, .04),
	Thorough: profile(level{20000, 3, 30, 20}, level{40000, 30, 120, 40}, level{20000, 4, 40, 0}, .012, .025),
}

func profile(saturate, confirm, knee level, step, width float64) effort {
	return effort{levels: [...]level{Brief: {200, 1, 6, 8}, Medium: saturate, Full: confirm},
		baseline: level{300, 2, 8, 0}, warm: level{100, 2, 6, 0}, warming: 30, limiter: level{4000, 12, 40, 0},
		knee: knee, settle: 30, step: step, width: width}
}

// The largest share of the budget that one trial may take, so that a search of about 25 trials fits. A short budget
// shortens trials, and with them widens intervals; it never leaves a step out.
const (
	shareBrief    = 1. / 45
	shareBaseline = 1. / 30
	shareMedium   = 1. / 12
	shareFull     = 1. / 9
	shareLimiter  = 1. / 6
	shareKnee     = 1. / 20
	shareAll      = .85 // of all trials; the rest is for what lies between them
)

// overloads is how many confirmations above the breaking load must fit into the time allowed for overload.
const overloads = 3

// within is the effort that a budget allows, and so many seconds of overload.
func (e effort) within(budget time.Duration, overload float64) effort {
	b := budget.Seconds()
	e.levels[Brief] = e.levels[Brief].fewer(b * shareBrief).atMost(b * shareBrief)
	e.levels[Medium] = e.levels[Medium].atMost(b * shareMedium)
	e.levels[Full] = e.levels[Full].atMost(min(b*shareFull, overload/overloads))
	e.baseline = e.baseline.atMost(b * shareBaseline)
	e.warm = e.warm.atMost(b * shareBrief)
	e.warming = min(e.warming, b*shareMedium)
	e.limiter = e.limiter.atMost(b * shareLimiter)
	e.knee = e.knee.atMost(b * shareKnee)
	e.settle = min(e.settle, b*shareFull)
	return e
}

// atMost shortens a level. Where it does, its shortest trials are half as long as its longest.
func (l level) atMost(s float64) level {
	if s < l.most {
		l.least, l.most = min(l.least, s/2), s
	}
	l.least = min(l.least, l.most)
	return l
}

// fewer lets a trial that must be shorter do with fewer arrivals: by the square root, so that what is lost is shared
// between length and precision.
func (l level) fewer(s float64) level {
	l.n *= math.Sqrt(min(1, s/l.most))
	return l
}

// long is the length of a trial in seconds:
//
//	min(max(n/r, p99s·p99₀, least), max(most, min(10 p99₀, 2 most)))
func (l level) long(load float64, p99 time.Duration) float64 {
	want := max(l.n/load, l.p99s*p99.Seconds(), l.least)
	return min(want, max(l.most, min(10*p99.Seconds(), 2*l.most)))
}

// discard is the warm-up of a trial of so many seconds, sent but not judged: the queue must first come to what the load
// makes of it.
func discard(long float64, p99 time.Duration) float64 {
	return max(.2*long, min(3*p99.Seconds(), .4*long))
}

// floor is the width of a bracket below which a trial of n arrivals cannot tell its two ends apart.
//
//	w ≥ 2.2 √((cs² + ½) / n)
func floor(cs2, n float64) float64 { return 2.2 * math.Sqrt((cs2+.5)/max(n, 1)) }
