package analyze

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/plimsoll-load/plimsoll/attack"
)

// kneePoint is a trial of the knee phase: response times at a share of L.
type kneePoint struct {
	share float64
	h     attack.Histogram
}

// leastPoints is how many of them a quantile is followed over.
const leastPoints = 5

// curve is what the knee phase measured: response times by load, in shares of L, up to the breaking load.
type curve struct {
	points  []kneePoint
	l       float64
	ceiling float64 // the highest load that an estimate from it may name
}

// curve is the latency curve as measured so far.
func (s *search) curve(c Capacity) curve {
	out := curve{l: s.sustained, ceiling: s.plan.Max}
	if c.Breaking != nil {
		out.ceiling = c.Breaking.Value
	}
	for _, i := range s.kneeAt {
		if m := s.rows[i].m; tellsLatency(m) {
			out.points = append(out.points, kneePoint{m.Trial.Load() / out.l, response(m)})
		}
	}
	return out
}

func tellsLatency(m attack.Measurement) bool { _, ok := heardIn(m); return ok }

// at is the estimate of a load that lies at a share of L, give or take half.
func (c curve) at(share, half float64, notes ...attack.Note) *Estimate {
	return &Estimate{Value: min(share*c.l, c.ceiling), Lo: max(min((share-half)*c.l, c.ceiling), 0), Hi: min((share+half)*c.l, c.ceiling), Confidence: confidence, Notes: notes}
}

// shape fills in what the latency curve below the breaking load tells: knee, critical load and goal load.
func (s *search) shape(c *Capacity) {
	if len(s.kneeAt) == 0 {
		return
	}
	curve := s.curve(*c)
	s.bend(c, curve.ceiling)
	if len(curve.points) < leastPoints {
		return
	}
	if share, half, note := criticalOf(curve.points, s.plan.Seed); share > 0 {
		c.Critical = curve.at(share, half, note...)
	}
	c.GoalLoad = s.goalLoad(s.goal, *c)
}

// bend fills in the knee.
func (s *search) bend(c *Capacity, ceiling float64) {
	g := ground{lo: s.sustained, hi: math.Inf(1), rest: s.rest, part: s.part()}
	if c.Breaking != nil {
		g.hi = c.Breaking.Value
	}
	told := s.told()
	value, half, ok := g.kneeOf(told)
	if !ok {
		why := "latency never rose in proportion to load"
		if len(told) < leastHeard {
			why = fmt.Sprintf("%s bore their load, too few to tell a knee from", attack.Plural(len(told), "trial"))
		}
		c.Notes = append(c.Notes, attack.Note{Code: "no-knee", Text: why})
		return
	}
	e := &Estimate{Value: min(value, ceiling), Lo: value * math.Exp(-half), Hi: value * math.Exp(half), Confidence: confidence}
	if ch := s.drift(); ch != nil {
		e.Lo, e.Hi = e.Lo*min(ch.lo, 1), e.Hi*max(ch.hi, 1)
	}
	e.Hi = max(min(e.Hi, ceiling), e.Value)
	c.Knee = e
}

// criticalTimes are the multiples of the base at which SPECjbb2015's critical-jOPS, transposed to p95, takes its
// geometric mean.
var criticalTimes = [...]float64{1.5, 2, 3, 5, 10}

// criticalOf is the critical load as a share of L: the geometric mean of the loads at which the high quantile crosses
// multiples of its value at the lightest load. A multiple never reached counts as L.
func criticalOf(ps []kneePoint, seed uint64) (share, half float64, notes []attack.Note) {
	q, ok := highQuantile(ps, .95)
	if !ok {
		return 0, 0, nil
	}
	if q != .95 {
		notes = append(notes, attack.Note{Code: "quantile", Text: fmt.Sprintf("too few requests for p95, taken from p%g", q*100)})
	}
	share, half = crossed(ps, q, seed, func(x, y []float64) float64 {
		sum := 0.
		for _, k := range criticalTimes {
			at, ok := crossing(x, y, k*y[0])
			if !ok {
				at = 1
			}
			sum += math.Log(at)
		}
		return math.Exp(sum / float64(len(criticalTimes)))
	})
	return share, half, notes
}

// goalLoad is the load at which the first of a goal's latency bounds is crossed, nil when the curve does not tell. C is the
// capacity that the curve ends at.
func (s *search) goalLoad(g Goal, c Capacity) (first *Estimate) {
	curve := s.curve(c)
	if len(curve.points) < leastPoints {
		return nil
	}
	for _, b := range g.Latency {
		points := tellers(curve.points, b.Quantile)
		q, ok := highQuantile(points, b.Quantile)
		if !ok {
			continue
		}
		var notes []attack.Note
		if q != b.Quantile {
			notes = append(notes, attack.Note{Code: "quantile", Text: fmt.Sprintf("too few requests for p%g, taken from p%g", b.Quantile*100, q*100)})
		}
		never := false
		share, half := crossed(points, q, s.plan.Seed, func(x, y []float64) float64 {
			at, ok := crossing(x, y, b.Max.Seconds())
			if !ok {
				never, at = true, x[len(x)-1]
			}
			return at
		})
		if never {
			notes = append(notes, attack.Note{Code: "never-crossed", Text: "the bound was not surely crossed below the sustained load: the goal load is at least this"})
		}
		if e := curve.at(share, half, notes...); first == nil || e.Value < first.Value {
			first = e
		}
	}
	return first
}

// beyond is how many requests must lie beyond a quantile.
const beyond = 20

// tellers are the points that tell of a quantile, or all where these are too few: a light load that borrowed the base
// line's requests has hundreds where the others have thousands.
func tellers(ps []kneePoint, quantile float64) []kneePoint {
	var out []kneePoint
	for _, p := range ps {
		if float64(p.h.N())*(1-quantile) >= beyond {
			out = append(out, p)
		}
	}
	if len(out) < leastPoints {
		return ps
	}
	return out
}

// highQuantile is the quantile asked for, or the highest below it for which every point has 20 requests beyond.
func highQuantile(ps []kneePoint, want float64) (float64, bool) {
	least := math.Inf(1)
	for _, p := range ps {
		least = min(least, float64(p.h.N()))
	}
	for _, q := range []float64{want, .99, .95, .9, .5} {
		if q <= want && least*(1-q) >= beyond {
			return q, true
		}
	}
	return 0, false
}

// The bootstrap of a crossing, and what calibration made of it: the grid of loads adds its own error, so the nominal 90 %
// interval is doubled, and never narrower than ± 5 %.
const (
	draws           = 200
	widen           = 2
	leastCrossingCI = .05
)

// halfWidth is half of an interval by bootstrap, as calibrated.
func halfWidth(drawn []float64, value float64) float64 {
	slices.Sort(drawn)
	lo, hi := drawn[len(drawn)/20], drawn[len(drawn)-1-len(drawn)/20]
	return max(widen*(hi-lo)/2, leastCrossingCI*value)
}

// crossed is where a reading of the isotonic curve of a quantile lies, as a share of L, and half its interval. Draws take
// each point's quantile at a rank that is off by its standard error, √(n q (1−q)).
func crossed(ps []kneePoint, q float64, seed uint64, read func(x, y []float64) float64) (value, half float64) {
	x, w := make([]float64, len(ps)), make([]float64, len(ps))
	for i, p := range ps {
		x[i], w[i] = p.share, float64(p.h.N())
	}
	at := func(off func() float64) float64 {
		y := make([]float64, len(ps))
		for i, p := range ps {
			rank := min(max(q+off()*math.Sqrt(q*(1-q)/w[i]), 0), 1)
			y[i] = math.Log(max(p.h.Quantile(rank).Seconds(), 1e-6))
		}
		y = isotonic(y, w)
		for i := range y {
			y[i] = math.Exp(y[i])
		}
		return read(x, y)
	}
	value = at(func() float64 { return 0 })
	rng := rand.New(rand.NewPCG(seed, 0xc407))
	drawn := make([]float64, draws)
	for i := range drawn {
		drawn[i] = at(rng.NormFloat64)
	}
	return value, halfWidth(drawn, value)
}
