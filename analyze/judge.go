package analyze

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Why a trial ended early or a load was classed as it was.
const (
	Backlog  attack.Reason = "backlog"  // work piles up: more is offered than is completed
	Errors   attack.Reason = "errors"   // more fail than the goal allows
	Slow     attack.Reason = "slow"     // a latency bound of the goal is broken
	Refusals attack.Reason = "refusals" // a limiter answered

	Crowded attack.Reason = "--max-inflight is reached" // by a target as fast as at rest: the load needs more in flight
)

// Rigour is how much a trial is asked to prove, and so how sharply its growth is judged.
type Rigour int

const (
	Brief  Rigour = iota // finds the order of magnitude
	Medium               // saturates
	Full                 // confirms a bound
)

// growing holds, by rigour, the growth that is always allowed, and how many standard errors more.
var growing = [...]struct{ share, z float64 }{Brief: {.05, 2}, Medium: {.02, 1.7}, Full: {.01, 1.5}}

// Judgement is what one trial says about its load.
type Judgement struct {
	Class  Class
	Why    attack.Reason // empty when sustained
	Text   string        // the reason in a sentence
	Growth float64       // of the backlog, as a share of the load
	Busy   Busy          // the last stretch over which the backlog never emptied
	Good   float64       // ok per second once under way
	N      int64         // arrivals judged
	Part   float64       // of the requests that wait, where only some endpoints are full; 0 for all
}

// Judge classes the load of one trial. The first that holds decides: void; ended early; a limiter answered; failures
// beyond the goal; a latency bound broken; a backlog.
//
// Note: no test for a trend of the backlog. Close to capacity a queue is so strongly autocorrelated that Mann-Kendall
// and slope tests call up to half of all sustainable loads overloaded; the busy run calls 3 in 100.
func Judge(m attack.Measurement, rest Rest, goal Goal, rigour Rigour) Judgement {
	load := m.Trial.Load()
	j := Judgement{Class: Sustained, Good: goodput(m.Ticks, 1./3), Busy: LastBusy(m.Ticks, rest.busyAbove(load))}
	c := judged(m)
	j.N = c.Due
	if why, _ := m.Void(); why != "" {
		return j.is(Void, "", why)
	}
	if m.Aborted != nil {
		return j.aborted(m)
	}
	if c.Throttled >= 3 && share(c.Throttled, c.Due) > DefaultFailed {
		j.Good = goodput(m.Ticks, 2./3)
		return j.is(Limited, Refusals, fmt.Sprintf("%.1f%% were throttled", 100*share(c.Throttled, c.Due)))
	}
	if why, text := goal.missed(m); text != "" {
		return j.is(Overloaded, why, text)
	}
	return j.backlog(m, rest, load, rigour)
}

func (j Judgement) is(c Class, why attack.Reason, text string) Judgement {
	j.Class, j.Why, j.Text = c, why, text
	return j
}

// aborted takes the class from the recorded reason: what was decided during the trial is never decided anew.
func (j Judgement) aborted(m attack.Measurement) Judgement {
	text := fmt.Sprintf("ended after %.1fs: %s", m.Aborted.At.Seconds(), m.Aborted.Reason)
	switch m.Aborted.Reason {
	case Backlog, Errors, Slow:
		return j.is(Overloaded, m.Aborted.Reason, text)
	case Refusals:
		j.Good = goodput(m.Ticks, 2./3)
		return j.is(Limited, Refusals, text)
	}
	return j.is(Undecided, m.Aborted.Reason, text)
}

// backlog asks whether less is completed than is offered. A long busy run is asked first, because it knows most:
//
//	overloaded  iff  r > cap (1 + 1.64 se + 0.3 %)
//
// Without one it is the growth of the backlog: x > max(allowed, z √((ca² + cs²)/n)), and more than 5 arrivals of it.
func (j Judgement) backlog(m attack.Measurement, rest Rest, load float64, rigour Rigour) Judgement {
	if b := j.Busy; b.tells(rest) {
		if load > b.surely(rest.CS2) {
			return j.is(Overloaded, Backlog, fmt.Sprintf("%s offered, %s completed while the backlog never emptied", perSecond(load), perSecond(b.Rate)))
		}
		return j
	}
	var n float64
	j.Growth, n = Growth(m.Ticks, warmTicks(m.Trial), load)
	allowed := growing[rigour]
	if j.Growth > max(allowed.share, allowed.z*math.Sqrt(rest.spread(m.Trial)/max(n, 1))) && j.Growth*n > 5 {
		return j.is(Overloaded, Backlog, fmt.Sprintf("the backlog grew by %.1f%% of the load", 100*j.Growth))
	}
	return j
}

// warmTicks is how many ticks end within the warm-up.
func warmTicks(t attack.Trial) int {
	if t.Len() <= 0 {
		return 0
	}
	return int(math.Ceil(float64(t.Warmup) / float64(t.Len()) * attack.TicksPerTrial))
}

// missed says which promise of the goal a trial surely breaks, and why that is; no text where it breaks none.
func (g Goal) missed(m attack.Measurement) (attack.Reason, string) {
	c := judged(m)
	if bad := failures(c); bad >= 3 && share(bad, c.Due) > g.FailedMax() {
		return Errors, fmt.Sprintf("%.1f%% failed", 100*share(bad, c.Due))
	}
	return Slow, g.broken(m)
}

// broken names the first latency bound of the goal that a trial surely breaks: the lower end of Wilson's interval (one
// sided, 95 %) of the share over the bound is above the share allowed.
func (g Goal) broken(m attack.Measurement) string {
	if len(g.Latency) == 0 {
		return ""
	}
	h := response(m)
	for _, b := range g.Latency {
		if lo, _ := Wilson(h.Over(b.Max), h.N(), 1.64); lo > 1-b.Quantile {
			return fmt.Sprintf("p%g was %v, the goal is %v", b.Quantile*100, h.Quantile(b.Quantile).Round(time.Microsecond), b.Max)
		}
	}
	return ""
}

// counts are all arrivals of a trial; histograms are left alone, which is much the faster.
func counts(m attack.Measurement) attack.Counts {
	var c attack.Counts
	for _, w := range m.Windows {
		c.Add(w.Counts)
	}
	return c
}

// response is the histogram of response times after the warm-up, and of nothing else: pooling whole windows would take
// four times as long.
func response(m attack.Measurement) attack.Histogram {
	var h attack.Histogram
	for _, w := range m.Windows {
		if !w.Warmup {
			h.Add(w.Response)
		}
	}
	return h
}

// judged counts the arrivals after the warm-up.
func judged(m attack.Measurement) attack.Counts {
	var c attack.Counts
	for _, w := range m.Windows {
		if !w.Warmup {
			c.Add(w.Counts)
		}
	}
	return c
}

// failures are what the goal's share of failures is about. Refusals of a limiter are counted apart.
func failures(c attack.Counts) int64 { return c.Failed + c.Timeout + c.Shed }

func share(k, n int64) float64 { return float64(k) / math.Max(float64(n), 1) }
