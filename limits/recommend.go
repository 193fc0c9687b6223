package limits

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Policy says how a capacity becomes limits. The zero value is the researched default.
type Policy struct {
	Margin  *float64      // part of capacity kept back, 0..1; nil: by the way the target gives way
	Goal    analyze.Goal  // its latency bound sizes the burst; without one the bound is DefaultStretch × p99 at rest
	Recover time.Duration // longest time to work off a full burst at the full rate; 0 means DefaultRecover
	Tiers   []TierSpec    // how the rate is split; empty for one limit
}

// The constants of the recommendation. They were chosen on 220 simulated services and held on 330 others: none left its
// latency goal under burst attack, where a margin of 9 % with a burst of 2.5 × rate left it in 74 of 100.
const (
	DefaultMargin  = 0.20 // targets that queue
	ErrorsMargin   = 0.25 // targets that fail or shed what is too much
	CollapseMargin = 0.30 // targets that complete less when overloaded
	MarginMax      = 0.50 // of any default
	BurstShare     = 0.7  // of the burst that just keeps the goal
	DefaultRecover = 2 * time.Second
	DefaultStretch = 5 // latency bound where the goal names none, in p99 at rest
)

// UndecidedError says that a capacity is no ground for limits, and the way out.
type UndecidedError struct {
	Why string // what the capacity lacks
	Fix string // what to do about it
}

func (e *UndecidedError) Error() string {
	return "no limits from this capacity: " + e.Why + "; " + e.Fix
}

// Recommend turns a capacity into limits:
//
//	rate  = min(knee, (1 − margin) × estimate.lo [, goal load])
//	burst = 0.7 × min(C·(goal − p99 at rate), (C − rate)·T, measured tolerance), at least 1
//
// where C is what the target completes when saturated and T the time it may take to recover; where every burst tried was
// refused, half of the smallest stands in for the tolerance. The first term of burst is
// the queueing delay B/C of the last request of a burst, the second the time B/(C−rate) that the backlog lasts: the
// bounds of network calculus for a token bucket before a server of rate C (J.-Y. Le Boudec, P. Thiran, Network Calculus,
// 2001, theorem 1.4.2). An UndecidedError means that there is nothing to rest limits on.
func Recommend(c analyze.Capacity, p Policy) (Recommendation, error) {
	if err := decided(c); err != nil {
		return Recommendation{}, err
	}
	if p.Margin != nil && (*p.Margin < 0 || *p.Margin >= 1) {
		return Recommendation{}, fmt.Errorf("margin %v, want 0%% or more and less than 100%%", percent(*p.Margin))
	}
	var r Recommendation
	if err := r.setRate(c, p); err != nil {
		return Recommendation{}, err
	}
	if r.Rate <= 0 {
		return Recommendation{}, &UndecidedError{Why: fmt.Sprintf("a margin of %s leaves no rate", percent(r.Margin)), Fix: "lower --margin"}
	}
	r.setBurst(c, p)
	r.forecast(c)
	if err := r.split(p.Tiers); err != nil {
		return Recommendation{}, err
	}
	return r, nil
}

// decided refuses a capacity without a bracket, and one whose bracket may be a limiter's, in words that fit its cause.
func decided(c analyze.Capacity) error {
	for _, n := range c.Notes {
		if n.Code == analyze.LooksLimited {
			return &UndecidedError{Why: "it may be a limiter's: " + n.Text, Fix: "if it is the target that refuses, have it send Retry-After with its 503"}
		}
	}
	if c.Decided() && c.Estimate.Lo > 0 {
		return nil
	}
	e := &UndecidedError{Why: "the breaking load is not bracketed", Fix: "run find again with a larger --budget"}
	switch c.Cause {
	case analyze.CauseLimiter:
		e.Why, e.Fix = "a limiter answered, so the target's own capacity was not seen", "run find against the target behind the limiter"
	case analyze.CauseGenerator:
		e.Why, e.Fix = "the generator was the limit", "run find from a larger machine"
	case analyze.CauseBudget:
		e.Why = "the search ran out of time"
	case analyze.CauseCeiling:
		e.Why, e.Fix = "the target sustained the highest rate allowed", "raise --max-rate"
		if strings.Contains(c.Why, "--max-inflight") {
			e.Why, e.Fix = "too little was allowed in flight to reach the breaking load", "raise --max-inflight"
		}
	case analyze.CauseGone:
		e.Why, e.Fix = "the target stopped answering", "see why, then run find again"
	case analyze.CauseHarm:
		e.Why, e.Fix = "the harm guard stopped the search", "look at the target's health, then run find again"
	}
	if c.Why != "" {
		e.Why += " (" + c.Why + ")"
	}
	return e
}

func (r *Recommendation) because(format string, args ...any) {
	r.Because = append(r.Because, fmt.Sprintf(format, args...))
}

func (r *Recommendation) note(code, format string, args ...any) {
	r.Notes = append(r.Notes, attack.Note{Code: code, Text: fmt.Sprintf(format, args...)})
}

// setRate chooses the smallest of the rates that the knee, the margin and the goal allow.
func (r *Recommendation) setRate(c analyze.Capacity, p Policy) error {
	var why string
	r.Margin, why = margin(c, p)
	rate := (1 - r.Margin) * c.Estimate.Lo
	reason := fmt.Sprintf("%s below the breaking load's lower bound of %s", percent(r.Margin), attack.Rate(c.Estimate.Lo).Round())
	switch k := c.Knee; {
	case k == nil:
		r.note("no-knee", "the knee was not measured, so the rate rests on the margin alone")
	case k.Value > 0 && k.Value < rate:
		rate, reason = k.Value, fmt.Sprintf("the knee, past which latency grows faster than load; the margin of %s would have allowed %s", percent(r.Margin), attack.Rate(roundDown(rate)).Round())
	}
	if g := c.GoalLoad; g != nil && g.Value > 0 && g.Value < rate {
		rate, reason = g.Value, "the load at which the latency goal is crossed"
	}
	// A goal that the search was not asked about is read off the curve.
	if c.GoalLoad == nil || c.Goal != p.Goal.String() {
		load, bound, crossed := crossing(c, p.Goal)
		if crossed && load <= 0 {
			return &UndecidedError{Why: fmt.Sprintf("%s is broken at the lightest load that was measured", bound), Fix: "loosen the goal"}
		}
		if crossed && load < rate {
			rate, reason = load, fmt.Sprintf("the load at which the measured curve crosses %s, a goal that the search was not asked about", bound)
		}
	}
	r.Rate = roundDown(rate)
	r.because("rate %s: %s", attack.Rate(r.Rate).Round(), reason)
	r.because("margin %s: %s", percent(r.Margin), why)
	if p.Margin != nil && *p.Margin < DefaultMargin {
		r.note("thin-margin", "a margin of %s leaves less than the default %s: a service near its breaking load is late for many requests even when it loses none", percent(*p.Margin), percent(DefaultMargin))
	}
	return nil
}

// margin is the user's, or the one that fits how the target gives way, and why.
func margin(c analyze.Capacity, p Policy) (m float64, why string) {
	if p.Margin != nil {
		return *p.Margin, "as asked"
	}
	m, why = DefaultMargin, "the default"
	switch c.Mode {
	case analyze.ModeErrors:
		m, why = ErrorsMargin, "the target fails or sheds what is too much"
	case analyze.ModeCollapse:
		m, why = CollapseMargin, "the target completes less when it is overloaded"
	}
	if c.Stationary != nil && !*c.Stationary {
		m += (c.Estimate.Hi - c.Estimate.Lo) / c.Estimate.Value
		m, why = min(m, MarginMax), why+", widened by the doubt in the capacity, which moved during the search"
	}
	return m, why
}

// saturated is what the target completes per second when it is kept busy, on the careful side: a collapsing target
// completes less than its breaking load.
func saturated(c analyze.Capacity) float64 {
	if s := c.Saturation; s != nil && s.Value > 0 {
		return min(c.Estimate.Lo, s.Value)
	}
	return c.Estimate.Lo
}

// sizing holds what a burst is sized by.
type sizing struct {
	sat     float64 // completions per second when saturated
	goal    float64 // seconds
	p99     float64 // seconds, at the rate
	recover float64 // seconds
	assumed bool    // the goal is DefaultStretch × p99 at rest
	delay   float64 // requests: sat·(goal − p99)
	drain   float64 // requests: (sat − rate)·recover
}

func size(c analyze.Capacity, p Policy, rate float64) sizing {
	s := sizing{sat: saturated(c), p99: p99At(c, rate), recover: DefaultRecover.Seconds()}
	if p.Recover > 0 {
		s.recover = p.Recover.Seconds()
	}
	s.goal, s.assumed = latencyGoal(c, p.Goal)
	s.delay = s.sat * (s.goal - s.p99)
	s.drain = (s.sat - rate) * s.recover
	return s
}

// bound is the burst that just keeps the goal, by arithmetic alone.
func (s sizing) bound() float64 { return max(0, min(s.delay, s.drain)) }

// latencyGoal is the tightest bound on a high quantile, in seconds, or the one assumed where there is none.
func latencyGoal(c analyze.Capacity, g analyze.Goal) (seconds float64, assumed bool) {
	for _, b := range g.Latency {
		if b.Quantile >= 0.9 && (seconds == 0 || b.Max.Seconds() < seconds) {
			seconds = b.Max.Seconds()
		}
	}
	if seconds > 0 {
		return seconds, false
	}
	return DefaultStretch * c.BaseP99MS / 1e3, true
}

// p99Enough is the number of response times below which a point's p99 is hearsay.
const p99Enough = 100

// p99At is the p99 of the response time at a load, in seconds, by straight lines between the sustained points of the
// curve. Latency is convex in load, so that a line lies above it: the error is on the careful side.
func p99At(c analyze.Capacity, load float64) float64 {
	low, p99 := 0.0, c.BaseP99MS
	for _, pt := range c.Points {
		if pt.Class != analyze.Sustained || pt.Response == nil || pt.Response.N < p99Enough || pt.Load <= low {
			continue
		}
		if pt.Load >= load {
			return (p99 + (pt.Response.P99-p99)*(load-low)/(pt.Load-low)) / 1e3
		}
		low, p99 = pt.Load, pt.Response.P99
	}
	return p99 / 1e3
}

// setBurst sizes the burst and says which of its bounds decided.
func (r *Recommendation) setBurst(c analyze.Capacity, p Policy) {
	s := size(c, p, r.Rate)
	r.GoalMS = attack.MS(time.Duration(s.goal * 1e9))
	bound, reason := s.delay, fmt.Sprintf("of the %.0f that %s work off within the latency bound of %s, less the p99 of %s at the rate", max(s.delay, 0), attack.Rate(s.sat).Round(), seconds(s.goal), seconds(s.p99))
	if s.drain < bound {
		bound, reason = s.drain, fmt.Sprintf("of the %.0f whose backlog is gone within %s, at %s above the rate", max(s.drain, 0), seconds(s.recover), attack.Rate(s.sat-r.Rate).Round())
	}
	bound, reason = r.measured(c.Burst, bound, reason)
	r.Burst = max(1, int(BurstShare*bound+1e-9))
	r.because("burst %d: %s %s", r.Burst, percent(BurstShare), reason)
	if s.assumed {
		r.because("latency bound %s: no goal was given, so %d × the p99 at rest of %s", seconds(s.goal), DefaultStretch, seconds(c.BaseP99MS/1e3))
	}
	if BurstShare*bound < 1 {
		r.note("no-room", "there is no room for a burst at this rate: a lower rate or a looser latency goal makes some")
	}
}

// rateSlack is how far above the rate of the experiment a recommended rate may lie for its bursts to count as measured.
const rateSlack = 1.02

// measured narrows the bound of a burst to what the experiment found, and says what that is worth. What was refused on
// top of a lower rate would be refused on top of a higher one; what was borne there need not be.
func (r *Recommendation) measured(b *analyze.Burst, bound float64, reason string) (float64, string) {
	if b == nil || b.Repeats == 0 {
		r.note("burst-not-measured", "no burst was measured, so the burst rests on arithmetic alone; targets with a bounded queue may bear less")
		return bound, reason
	}
	at := attack.Rate(b.AtRate).Round()
	if r.Rate > b.AtRate*rateSlack {
		r.note("burst-at-lower-rate", "bursts were measured on top of %s and not of %s: what was borne there may be too much here, so the burst rests on arithmetic, and on the experiment only where that allows less", at, attack.Rate(r.Rate).Round())
	}
	switch half := float64(b.Refused) / 2; {
	case b.Tolerated == 0 && b.Refused > 1:
		r.note("burst-untried", "no burst was borne on top of %s: %d at once was the smallest tried, and none of half that size was; run find again with a larger --budget to measure one", at, b.Refused)
		if half < bound {
			return half, fmt.Sprintf("of %.3g, half the smallest burst that was refused on top of %s; no smaller one was tried", half, at)
		}
		return bound, reason
	case float64(b.Tolerated) < bound:
		return float64(b.Tolerated), fmt.Sprintf("of the %d at once that the target bore on top of %s, in %s", b.Tolerated, at, attack.Plural(b.Repeats, "repeat"))
	}
	return bound, reason + fmt.Sprintf("; %d at once on top of %s were borne in %s", b.Tolerated, at, attack.Plural(b.Repeats, "repeat"))
}

// roundDown cuts a rate to a number that people and gateways like: three digits, whole from 10 a second on, always down.
func roundDown(rate float64) float64 {
	if rate <= 0 {
		return 0
	}
	step := math.Pow(10, math.Floor(math.Log10(rate)+1e-12)-2)
	if rate >= 10 {
		step = max(step, 1)
	}
	whole := math.Floor(rate/step*(1+1e-12) + 1e-9)
	if step < 1 {
		return whole / math.Round(1/step)
	}
	return whole * step
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", share*100) }

func seconds(s float64) string {
	d := time.Duration(s * 1e9)
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
