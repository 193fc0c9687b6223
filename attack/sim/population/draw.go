package population

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

func span(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// dice draws what a service is made of.
type dice struct{ *rand.Rand }

// within is log-uniform.
func (d dice) within(a, b float64) float64 { return a * math.Pow(b/a, d.Float64()) }

// between is uniform.
func (d dice) between(a, b float64) float64 { return a + (b-a)*d.Float64() }

// draw makes the n-th service of a set: 20 to 20,000/s, 1 to 64 servers, 0.3 to 3 ms of network.
func draw(seed uint64, n int, k Kind) Service {
	d := dice{rand.New(rand.NewPCG(seed, uint64(n)*1_000_003))}
	s := Service{N: n, Kind: k, seed: seed ^ uint64(n)<<20}
	capacity := d.within(20, 20_000)
	t := sim.Target{Servers: d.servers(capacity), Network: span(d.within(.0003, .003)), Jitter: .3, Timeout: patience}
	t.Service = sim.Service{Shape: sim.Lognormal, CV: d.between(.3, 1.2), Mean: span(float64(t.Servers) / capacity)}
	switch k {
	case Markov, Constant, Lognormal, Heavy, Bimodal:
		d.shape(k, &t.Service)
	case Pauses:
		t.Pause, t.PauseGap = span(d.within(.01, .15)), span(d.within(1, 15))
	case Noisy:
		t.Noise = sim.Noise{SD: d.between(.02, .07), Hold: .8, Every: 90 * time.Second, For: 6 * time.Second, Slow: d.between(1.1, 1.3)}
	case Drifts:
		t.Drift, t.Period = d.between(.02, .08), span(d.within(200, 1200))
		t.Ahead = time.Duration(d.Float64() * float64(t.Period))
	case Cold:
		t.Cold, t.ColdFor = d.between(1, 4), max(200, capacity*d.within(2, 20))
	case Limited, Windowed:
		s.front, s.admits = d.limiter(k, capacity/d.between(1.3, 3))
	default:
		d.crowd(k, &t, capacity)
	}
	s.target = t
	return s
}

// servers are so many that a service takes 0.2 to 400 ms.
func (d dice) servers(capacity float64) int {
	for {
		c := 1 << d.IntN(7)
		if long := float64(c) / capacity; long >= .0002 && long <= .4 {
			return c
		}
	}
}

// shape is how service times are spread.
func (d dice) shape(k Kind, s *sim.Service) {
	switch k {
	case Markov:
		s.Shape = sim.Exponential
	case Constant:
		s.Shape = sim.Deterministic
	case Lognormal:
		s.CV = d.between(.4, 1.8)
	case Heavy:
		s.Shape, s.CV, s.Share, s.Factor = sim.HeavyTail, .5, d.between(.01, .03), d.within(8, 30)
	case Bimodal:
		s.Shape, s.CV, s.Share, s.Factor = sim.HeavyTail, 0, d.between(.05, .3), d.within(5, 20)
	}
}

// crowd is what happens where more come than can be served.
func (d dice) crowd(k Kind, t *sim.Target, capacity float64) {
	queue := max(5, t.Servers*(1+d.IntN(10)))
	switch k {
	case Sheds:
		t.Queue, t.Shed = queue, time.Second
	case Drops:
		t.Queue, t.Drop = queue, true
	case Retried:
		t.Queue, t.Again = queue, sim.Again{Times: 2, Backoff: span(d.within(.005, .1))}
	case Impatient:
		t.Timeout = max(100*time.Millisecond, time.Duration(float64(t.Service.Mean)*d.within(8, 40)))
	case Contends:
		t.Contention, t.Coherence = d.within(.005, .05), d.within(5e-5, 2e-3)
		t.Servers = 32 + 32*d.IntN(5)
		t.Service.Mean = time.Duration(float64(t.Service.Mean) * t.Capacity() / capacity)
	case Pooled:
		t.Pool = sim.Pool{Size: t.Servers, Hop: span(d.within(.0001, .001)), Wait: span(d.within(.2, 2))}
		t.Servers *= 2 + d.IntN(3)
		t.Service.Mean = max(span(.0001), t.Service.Mean-t.Pool.Hop)
	case Autoscales:
		t.Scale = sim.Scale{Max: t.Servers * (2 + d.IntN(3)), Step: max(1, t.Servers/2), Above: .7, After: span(d.within(10, 60))}
	}
}

// limiter stands before a service and admits about rate/s, and exactly so much as it says.
func (d dice) limiter(k Kind, rate float64) (front func() sim.Limiter, admits float64) {
	if k == Limited {
		burst := int(max(5, rate*d.within(.1, 3)))
		return func() sim.Limiter { return sim.One(model.NewBucket(rate, burst)) }, rate
	}
	long := math.Round(d.within(1, 10))
	most := int(max(5, rate*long))
	return func() sim.Limiter { return sim.One(model.NewWindow(most, span(long))) }, float64(most) / long
}
