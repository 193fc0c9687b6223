package population

import (
	"math"
	"math/rand/v2"

	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// How the knee is measured. Load over mean response time is flat at its highest, so that its place is far less sure than
// the curve: read off runs of 75,000 requests, with other chances at each load, it is off by 2 % in the middle and by 10 %
// for services of heavy tails. Here all loads are given the same chances, so that what differs is the load alone.
const (
	kneeRun    = 250_000 // requests at each load …
	kneeSpan   = 600.    // … and so many seconds where chance has its own clock
	kneePauses = 20.     // … or so many pauses
	kneeStep   = .025    // of ln load, between two loads
	kneeTop    = .99     // the highest load, of the breaking load
	kneeSteps  = 64      // down to the lowest
)

// MeasureKnee finds the load at which the elasticity of the mean response time is 1, where load over mean response time is
// highest (L. Kleinrock, ICC 1979). It is known to about 1 % (of Markovian queues, which have a closed form, to 1.0 % at
// worst). It is 0 behind a limiter, and kneeTop of the breaking load where the elasticity stays below 1.
func (s Service) MeasureKnee() float64 {
	if s.Kind.Limits() {
		return 0
	}
	t := s.target
	t.Scale = sim.Scale{}
	return s.kneeOf(t, s.Truth.Break)
}

// MeasureLaterKnee is the same once all servers were added, 0 where none ever is.
func (s Service) MeasureLaterKnee() float64 {
	if s.Kind != Autoscales {
		return 0
	}
	t := s.target
	t.Servers, t.Scale = max(t.Servers, t.Scale.Max), sim.Scale{}
	return s.kneeOf(t, s.Truth.Later)
}

// kneeOf is the knee of a target that breaks there.
func (s Service) kneeOf(t sim.Target, breaking float64) float64 {
	t.Cold = 0
	m := means{t: t, top: kneeTop * breaking, span: s.kneeSpan(), known: map[int]float64{}}
	lo, hi := -kneeSteps, -1
	if m.elasticity(hi) <= 1 {
		return m.top
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; m.elasticity(mid) > 1 {
			hi = mid
		} else {
			lo = mid
		}
	}
	a, b := m.elasticity(lo), m.elasticity(hi)
	return m.load(float64(lo) + (1-a)/(b-a))
}

// kneeSpan is how long a load is held, in seconds: whole periods of a drift, and of pauses.
func (s Service) kneeSpan() float64 {
	long := kneeRun / s.Truth.Break
	switch s.Kind {
	case Noisy:
		return max(long, kneeSpan)
	case Drifts:
		period := s.target.Period.Seconds()
		return period * math.Ceil(long/period)
	case Pauses:
		gap := s.target.PauseGap.Seconds()
		return gap * math.Ceil(max(long/gap, kneePauses))
	}
	return long
}

// means are mean response times at loads in equal steps of their logarithm, 0 being the top.
type means struct {
	t     sim.Target
	top   float64
	span  float64
	known map[int]float64 // their logarithms
}

func (m means) load(i float64) float64 { return m.top * math.Exp(i*kneeStep) }

func (m means) elasticity(i int) float64 { return (m.at(i+1) - m.at(i-1)) / (2 * kneeStep) }

func (m means) at(i int) float64 {
	if _, ok := m.known[i]; !ok {
		m.known[i] = math.Log(meanAt(m.t, m.load(float64(i)), m.span, 50))
	}
	return m.known[i]
}

// meanAt is the mean response time at a load held for so many seconds, after a twentieth of them that does not count.
func meanAt(t sim.Target, load, long float64, seed uint64) float64 {
	if t.Again.Times > 0 {
		return holdTrial(t, load, int(load*long), seed).Response.Mean()
	}
	r, chance, at, sum := sim.New(t, seed), rand.New(rand.NewPCG(seed, 0x401d)), 0., mean{}
	for at < 1.05*long {
		at += chance.ExpFloat64() / load
		if a := r.Send(span(at)); at > .05*long && a.Status == 200 {
			sum.add(a.At.Seconds()-at, 1)
		}
	}
	return sum.of()
}
