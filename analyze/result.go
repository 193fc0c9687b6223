package analyze

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// confidence is the share of intervals that hold the truth. The rules for their widths were calibrated on simulated
// services: nine in ten cover the breaking load, and nine in ten the knee.
const confidence = .9

// capacity is what the search knows so far.
func (s *search) capacity() Capacity {
	rest := s.warmRest()
	c := Capacity{Goal: s.goal.String(), BaseMS: attack.MS(rest.Mean), BaseP99MS: attack.MS(rest.P99), Limiter: s.limit,
		Points: points(s.rows), Mode: s.mode, Trials: s.trials, Seconds: s.spent.Seconds(), Requests: s.requests, Notes: s.notes}
	if s.mode != ModeLimited {
		s.tell()
		s.bracket(&c)
		s.shape(&c)
	}
	if n, ok := s.lookalike(); ok && s.mode != ModeLimited {
		c.Notes = append(c.Notes, n)
	}
	s.because(&c)
	if c.Mode == "" || c.Breaking == nil && c.Mode != ModeLimited {
		c.Mode = ModeIrregular
	}
	s.harm(&c)
	return c
}

// warmRest is the target at rest. One that got warm after its last baseline is faster than that says, which the lightest load
// of the knee tells.
func (s *search) warmRest() Rest {
	if len(s.kneeAt) == 0 || s.sustained == 0 {
		return s.rest
	}
	r := s.rows[s.kneeAt[0]]
	h := response(r.m)
	light := r.m.Trial.Load() <= 2*kneeLoads[0]*s.sustained && r.j.Class == Sustained && h.N() >= leastBaseline
	if rest := RestOf(h); light && float64(rest.P50) < warmer*float64(s.rest.P50) {
		return rest
	}
	return s.rest
}

// bracket fills in the bounds. They are the relevant ones: L is a trial of full length below H. Where the search ended
// before it had confirmed H, the lowest load that broke in a shorter trial stands in for it.
//
//	interval  L(1 − s) … H(1 + s),   s = max(1 %, √((1 + cs²)/n)),   and what contradicts it, without what the estimate
//	          makes unlikely: see contradict and tighten
//
// Where failures tell, it is that of belief: of all trials together.
//
// On 588 simulated services of 18 kinds nine in ten such intervals hold the truth: 95 % of those that stay the same.
func (s *search) bracket(c *Capacity) {
	l, h := s.bounds()
	if l == 0 {
		return
	}
	unsteady := s.unsteady() / 2
	lo := l * (1 - s.doubt()) * (1 - unsteady)
	if s.believed.value > 0 {
		lo = min(l, s.believed.lo)
	}
	c.Sustained = &Estimate{Value: l, Lo: lo, Hi: min(h, s.plan.Max), Confidence: confidence}
	ch := s.drift()
	c.Stationary = s.same(ch)
	if math.IsInf(h, 1) {
		c.Sustained.Notes = append(s.caveats(), ch.notes()...)
		return
	}
	e := &Estimate{Value: s.middle(), Lo: lo, Hi: h * (1 + s.doubt()) * (1 + unsteady), Confidence: confidence, Notes: s.caveats()}
	if s.believed.value > 0 {
		e.Lo, e.Hi = min(e.Value, s.believed.lo), max(e.Value, s.believed.hi)
	}
	s.contradict(e, l, h)
	s.tighten(e)
	if ch != nil {
		e.Lo, e.Hi = min(e.Lo, ch.lo*e.Value), max(e.Hi, ch.hi*e.Value)
		e.Notes = append(e.Notes, ch.notes()...)
	}
	if text := s.slow(h); text != "" {
		e.Notes = append(e.Notes, attack.Note{Code: "goal-bound", Text: fmt.Sprintf("it is the goal that breaks at %s, not the target: %s", perSecond(h), text)})
	}
	c.Estimate = e
	c.Sustained.Lo = min(e.Lo, l)
	c.Breaking = &Estimate{Value: h, Lo: l, Hi: max(e.Hi, h), Confidence: confidence}
	if s.pool.N > 0 {
		u := 2 * s.pool.SE(s.rest.CS2)
		c.Saturation = &Estimate{Value: s.pool.Rate, Lo: s.pool.Rate * (1 - u), Hi: s.pool.Rate * (1 + u), Confidence: .95}
	}
}

// contradict widens an interval up to what overloads completed, where that lies beyond the bounds: one of the two is off.
func (s *search) contradict(e *Estimate, l, h float64) {
	if s.mode != ModeCapacity || s.pool.N == 0 {
		return
	}
	u := 1.64 * s.pool.SE(s.rest.CS2)
	if s.pool.Rate < l {
		e.Lo = min(e.Lo, s.pool.Rate*(1-u))
	}
	if s.pool.Rate > h {
		e.Hi = max(e.Hi, s.pool.Rate*(1+u))
	}
}

// tightenZ is how many standard deviations of the estimate an interval keeps on each side: on 459 services it cuts the
// intervals of those below 100/s from 29 to 19 %, and 98 % of those that stay the same hold the truth as before.
const tightenZ = 3.5

// tighten cuts from an interval what the estimate makes unlikely: at low rates a bracket is wide for want of arrivals, while
// all trials together know more.
func (s *search) tighten(e *Estimate) {
	if s.mode != ModeCapacity || !s.confirmed() || s.pool.N == 0 {
		return
	}
	_, spread := s.weighed()
	e.Lo, e.Hi = max(e.Lo, e.Value*math.Exp(-tightenZ*spread)), min(e.Hi, e.Value*math.Exp(tightenZ*spread))
}

// slow says which latency bound was broken at a load; empty where none was.
func (s *search) slow(load float64) string {
	for _, r := range s.under(s.goal, func(int) bool { return true }) {
		if math.Abs(r.m.Trial.Load()/load-1) < 1e-6 && r.j.Why == Slow {
			return r.j.Text
		}
	}
	return ""
}

// doubt is the relative standard error of a bound.
func (s *search) doubt() float64 {
	n := float64(s.fullest) * s.part()
	if n == 0 {
		n = leastBaseline // nothing was confirmed: short trials are all there is
	}
	return min(max(.01, math.Sqrt((1+s.rest.CS2)/n)), .25)
}

// caveats are the notes that the estimate carries.
func (s *search) caveats() []attack.Note {
	var notes []attack.Note
	if s.fullest > 0 && s.resolved > s.effort.width*1.001 {
		notes = append(notes, attack.Note{Code: "resolution", Text: fmt.Sprintf("trials of %s cannot tell loads apart that differ by less than %.1f%%", attack.Plural(s.fullest, "request"), 100*s.resolved)})
	}
	if s.plan.Profile == Quick {
		notes = append(notes, attack.Note{Code: "quick", Text: "quick profile: short trials, wide interval"})
	}
	if s.sustained == 0 {
		notes = append(notes, attack.Note{Code: "unconfirmed", Text: "the search ended before any load was confirmed by a trial of full length"})
	}
	if math.IsInf(s.breaking, 1) && !math.IsInf(s.hi, 1) {
		notes = append(notes, attack.Note{Code: "upper-bound", Text: "the upper bound comes from a short trial"})
	}
	return notes
}

// because says why the search stopped. A search that had its bracket before something stopped it has found its answer.
func (s *search) because(c *Capacity) {
	switch {
	case s.mode == ModeLimited:
		c.Cause, c.Why = CauseLimiter, cmp.Or(s.why, "a limiter answered")
		if s.cause != "" {
			c.Cause = s.cause
		}
	case s.topped:
		c.Cause = CauseCeiling
		c.Why = fmt.Sprintf("%s, the highest load allowed, was sustained; raise --max-rate to find the end", perSecond(s.plan.Max))
	case s.cause == CauseGone && !s.confirmed():
		c.Cause, c.Why = s.cause, s.why
	case c.Estimate != nil && s.sustained > 0:
		c.Cause = CauseTarget
		c.Why = fmt.Sprintf("the target sustained %s and broke at %s", perSecond(c.Sustained.Value), perSecond(c.Breaking.Value))
		if s.cause != "" {
			c.Notes = append(c.Notes, attack.Note{Code: string(s.cause), Text: s.why})
		}
	case s.cause != "":
		c.Cause, c.Why = s.cause, s.why
	case s.sustained > 0:
		c.Cause, c.Why = CauseBudget, fmt.Sprintf("%s was sustained and no load broke the target within the budget", perSecond(s.sustained))
	default:
		c.Cause, c.Why = CauseBudget, fmt.Sprintf("no load was confirmed within the budget of %v", s.plan.Budget)
	}
}

// harm sums up what the search cost the target: the time and the requests beyond what it bears.
func (s *search) harm(c *Capacity) {
	if c.Estimate == nil {
		c.OverloadSeconds = s.overloaded(0)
		return
	}
	c.OverloadSeconds = s.overloaded(c.Estimate.Value)
	for _, r := range s.rows {
		c.Excess += max(r.m.Trial.Load()/c.Estimate.Value-1, 0) * lasted(r.m).Seconds()
	}
	for _, m := range s.voided {
		c.Excess += max(m.Trial.Load()/c.Estimate.Value-1, 0) * lasted(m).Seconds()
	}
}

// points pools the loaded trials by load.
func points(rows []row) []Point {
	pools := map[float64]*pooled{}
	for _, r := range rows {
		load := math.Round(r.m.Trial.Load()*1e6) / 1e6
		if pools[load] == nil {
			pools[load] = &pooled{classes: map[Class]int{}}
		}
		pools[load].add(r)
	}
	out := make([]Point, 0, len(pools))
	for load, p := range pools {
		out = append(out, p.point(load))
	}
	slices.SortFunc(out, func(a, b Point) int { return cmp.Compare(a.Load, b.Load) })
	return out
}

// pooled is all that was measured at one load.
type pooled struct {
	counts  attack.Counts
	respond attack.Histogram // response times
	serve   attack.Histogram // service times
	seconds float64
	ended   int64   // ok within the ticks after the warm-up, whenever due
	held    float64 // seconds of these ticks
	classes map[Class]int
	trials  []int
}

func (p *pooled) add(r row) {
	p.trials = append(p.trials, r.m.Trial.N)
	p.classes[r.j.Class]++
	long := lasted(r.m) - r.m.Trial.Warmup
	short := long <= 0 // ended within its warm-up, which is then all there is
	if short {
		long = lasted(r.m)
	}
	for _, w := range r.m.Windows {
		if short || !w.Warmup {
			p.counts.Add(w.Counts)
			p.respond.Add(w.Response)
			p.serve.Add(w.Service)
		}
	}
	p.seconds += long.Seconds()
	var edge time.Duration
	for _, t := range r.m.Ticks {
		if edge >= r.m.Trial.Warmup && edge < r.m.Trial.Len() {
			p.ended += t.OK
			p.held += (t.Elapsed - edge).Seconds()
		}
		edge = t.Elapsed
	}
}

// class is what most trials said; a limiter or a tie is never outvoted.
func (p *pooled) class() Class {
	good, bad := p.classes[Sustained], p.classes[Overloaded]
	switch {
	case p.classes[Limited] > 0:
		return Limited
	case good > bad:
		return Sustained
	case bad > good:
		return Overloaded
	case good == 0 && p.classes[Void] > 0:
		return Void
	}
	return Undecided
}

func (p *pooled) point(load float64) Point {
	h := p.respond
	out := Point{Load: load, Class: p.class(), Seconds: p.seconds, Counts: p.counts, Response: h.Quantiles(),
		Service: p.serve.Quantiles(), Trials: p.trials, Histogram: h}
	if p.held > 0 {
		out.Achieved = float64(p.ended) / p.held
	}
	if lo, hi, ok := quantileInterval(h, .99); ok {
		out.P99Lo, out.P99Hi = attack.MS(lo), attack.MS(hi)
	}
	return out
}
