package analyze

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/plimsoll-load/plimsoll/attack"
)

// blocksPerPoint is how many stretches of time a point of the latency curve is cut into, to be drawn from again.
const blocksPerPoint = 8

// latency is the mean response time at one load, from so many completions.
type latency struct {
	share float64 // of L
	mean  float64 // seconds
	n     float64
}

// kneePoint is a trial of the knee phase.
type kneePoint struct {
	share  float64
	blocks [blocksPerPoint]attack.Tick // response and ok, by stretch of time
	h      attack.Histogram
}

// leastKneeOK is how many completions a point must have.
const leastKneeOK = 20

func kneePointOf(m attack.Measurement, l float64) (kneePoint, bool) {
	p := kneePoint{share: m.Trial.Load() / l, h: response(m)}
	ticks := m.Ticks[min(warmTicks(m.Trial), len(m.Ticks)):]
	for i, t := range ticks {
		b := &p.blocks[i*blocksPerPoint/len(ticks)]
		b.OK += t.OK
		b.Response += t.Response
	}
	all := p.pool(func(i int) int { return i })
	return p, all.n >= leastKneeOK && all.mean > 0
}

// pool is the latency of the blocks that pick chooses.
func (p kneePoint) pool(pick func(int) int) latency {
	ok, sum := int64(0), 0.
	for i := range p.blocks {
		b := p.blocks[pick(i)]
		ok += b.OK
		sum += b.Response.Seconds()
	}
	return latency{p.share, sum / max(float64(ok), 1), float64(ok)}
}

// elasticKnee is Kleinrock's point by differences: the share of L at which the elasticity of mean latency,
//
//	e = d ln T / d ln r,
//
// crosses 1, that is, beyond which one per cent more load costs more than one per cent more latency. The elasticities
// between neighbours are made to rise first. It is false when all are below 1.
func elasticKnee(ps []latency) (float64, bool) {
	var x, e, w []float64
	for i := 1; i < len(ps); i++ {
		d := math.Log(ps[i].share / ps[i-1].share)
		x = append(x, math.Sqrt(ps[i].share*ps[i-1].share))
		e = append(e, math.Log(ps[i].mean/ps[i-1].mean)/d)
		w = append(w, d*d)
	}
	e = isotonic(e, w)
	for i := range e {
		switch {
		case e[i] <= 1:
			continue
		case i == 0:
			return x[0], true
		}
		return x[i-1] + (1-e[i-1])/(e[i]-e[i-1])*(x[i]-x[i-1]), true
	}
	return 1, false
}

// The family of curves that a queue's mean latency is sought in, ρ being the share of capacity (after H. Sakasegawa, An
// approximation formula L_q ≃ αρ^β/(1−ρ), 1977): T = T₀ (1 + b ρᵍ/(1−ρ)).
var (
	fitPowers = []float64{1, 1.5, 2, 3, 4, 6, 9, 13, 20}
	fitLogB   = [...]float64{-6, 3, .15} // from, to, step
)

const (
	fitHuber = .3   // residuals of ln T beyond it count linearly
	fitTop   = .995 // highest ρ: a point beyond capacity tells no more than one just below
)

// queueFit finds the knee of the curve of that family that lies closest to the points, for loads up to capacity.
type queueFit struct {
	capacity float64     // H/L
	curves   []fitCurve  // all candidates
	shapes   [][]float64 // ln(1 + b ρᵍ/(1−ρ)) of each at each point
}

type fitCurve struct{ b, g float64 }

func (c fitCurve) stretch(rho float64) float64 { return math.Log(1 + c.b*math.Pow(rho, c.g)/(1-rho)) }

func newQueueFit(ps []kneePoint, capacity float64) queueFit {
	f := queueFit{capacity: capacity}
	for _, g := range fitPowers {
		for lb := fitLogB[0]; lb <= fitLogB[1]; lb += fitLogB[2] {
			c := fitCurve{math.Exp(lb), g}
			shape := make([]float64, len(ps))
			for i, p := range ps {
				shape[i] = c.stretch(min(p.share/capacity, fitTop))
			}
			f.curves, f.shapes = append(f.curves, c), append(f.shapes, shape)
		}
	}
	return f
}

// knee is argmax ρ/T(ρ) of the closest curve, as a share of L.
func (f queueFit) knee(ps []latency) float64 {
	best, least := 0, math.Inf(1)
	for i, shape := range f.shapes {
		if e := misfit(ps, shape); e < least {
			best, least = i, e
		}
	}
	c, at, most := f.curves[best], 0., math.Inf(-1)
	for rho := .01; rho < .999; rho += .002 {
		if power := math.Log(rho) - c.stretch(rho); power > most {
			at, most = rho, power
		}
	}
	return min(1, at*f.capacity)
}

// misfit is the weighted loss of one shape, its T₀ being the best there is (Huber's loss, 1964).
func misfit(ps []latency, shape []float64) float64 {
	sum, weight := 0., 0.
	for i, p := range ps {
		sum += p.n * (math.Log(p.mean) - shape[i])
		weight += p.n
	}
	loss := 0.
	for i, p := range ps {
		d := math.Abs(math.Log(p.mean) - shape[i] - sum/weight)
		if d > fitHuber {
			loss += p.n * fitHuber * (2*d - fitHuber)
		} else {
			loss += p.n * d * d
		}
	}
	return loss
}

// The bootstrap of the knee, and what calibration made of it: blocks are correlated near saturation and the grid of loads
// adds its own error, so the nominal 90 % interval is doubled, and never narrower than ± 5 %.
const (
	draws       = 200
	widen       = 2
	leastKneeCI = .05
	leastPoints = 5
)

// kneeOf estimates the knee from the knee phase, as a share of L: the mean of the two estimators, which err to opposite
// sides. It is false when there are too few points, or when latency never rises in proportion to load.
func kneeOf(ps []kneePoint, capacity float64, seed uint64) (value, half float64, ok bool) {
	if len(ps) < leastPoints {
		return 0, 0, false
	}
	var fit *queueFit
	if !math.IsInf(capacity, 1) {
		f := newQueueFit(ps, capacity)
		fit = &f
	}
	estimate := func(pick func(int) int) (float64, bool) {
		at := make([]latency, len(ps))
		for i, p := range ps {
			if at[i] = p.pool(pick); at[i].n == 0 {
				at[i] = p.pool(func(i int) int { return i })
			}
		}
		knee, ok := elasticKnee(at)
		if fit == nil {
			return knee, ok
		}
		return (knee + fit.knee(at)) / 2, true
	}
	value, ok = estimate(func(i int) int { return i })
	if !ok {
		return 0, 0, false
	}
	rng := rand.New(rand.NewPCG(seed, 0xb007))
	drawn := make([]float64, draws)
	for i := range drawn {
		drawn[i], _ = estimate(func(int) int { return rng.IntN(blocksPerPoint) })
	}
	return value, halfWidth(drawn, value), true
}

// halfWidth is half of an interval by bootstrap, as calibrated.
func halfWidth(drawn []float64, value float64) float64 {
	slices.Sort(drawn)
	lo, hi := drawn[len(drawn)/20], drawn[len(drawn)-1-len(drawn)/20]
	return max(widen*(hi-lo)/2, leastKneeCI*value)
}
