package population

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// failedMax is the share of failures at the breaking load.
const failedMax = .01

// Requests of a long run. The truth of a kind without a closed form is known to about 0.3 %.
const (
	longRun  = 300_000
	curveRun = 75_000
)

// Measure finds the truth about a service: in closed form where there is one, else by long runs.
func (s Service) Measure() Truth {
	t := s.target
	t.Cold = 0
	truth := Truth{Break: t.Capacity()}
	switch s.Kind {
	case Limited, Windowed:
		truth.Limit = s.admits
		truth.Break = truth.Limit / (1 - failedMax)
	case Autoscales:
		truth.Later = t.Scaled()
		t.Scale = sim.Scale{}
	case Sheds, Impatient, Contends, Drops, Retried, Pooled:
		truth.Break = bisect(t)
	}
	truth.curve(t, !s.Kind.Limits())
	s.Truth = truth
	truth.Knee, truth.LaterKnee = s.MeasureKnee(), s.MeasureLaterKnee()
	return truth
}

// bisect is the highest load with at most failedMax failures and no growing backlog.
func bisect(t sim.Target) float64 {
	lo, hi := .2*t.Capacity(), 1.1*t.Capacity()
	for hi/lo > 1.003 {
		n := longRun
		if hi/lo > 1.05 {
			n /= 5 // far from the truth less will do
		}
		if load := math.Sqrt(lo * hi); Bears(t, load, n) {
			lo = load
		} else {
			hi = load
		}
	}
	return math.Sqrt(lo * hi)
}

// growthMax is how much later answers may come from one second to the next in a long run without a growing backlog.
const growthMax = .004

// Bears tells whether a service bears a load over n requests.
func Bears(t sim.Target, load float64, n int) bool {
	h := Hold(t, load, n, 11)
	return h.Failed <= failedMax && h.Growth < growthMax
}

// Held is what became of the requests of a long run.
type Held struct {
	Failed   float64 // share
	Growth   float64 // how much longer answers take from one second to the next, in seconds
	Response sample  // seconds, of those that were answered
}

// Hold sends n requests at a load, after a tenth as many that do not count.
func Hold(t sim.Target, load float64, n int, seed uint64) Held {
	if t.Again.Times > 0 {
		return holdTrial(t, load, n, seed)
	}
	r, chance, at := sim.New(t, seed), rand.New(rand.NewPCG(seed, 0x401d)), 0.
	held := Held{Response: make(sample, 0, n)}
	failed, early, late := 0, mean{}, mean{}
	for i := -n / 10; i < n; i++ {
		at += chance.ExpFloat64() / load
		a := r.Send(span(at))
		if i < 0 {
			continue
		}
		if a.Status != 200 {
			failed++
			continue
		}
		long := a.At.Seconds() - at
		held.Response = append(held.Response, long)
		if i < n/10 {
			early.add(long, 1)
		}
		if i >= n-n/10 {
			late.add(long, 1)
		}
	}
	slices.Sort(held.Response)
	held.Failed = float64(failed) / float64(n)
	held.Growth = (late.of() - early.of()) / (.9 * float64(n) / load)
	return held
}

// holdTrial is the same with the books of a trial, for what needs all its moments in order.
func holdTrial(t sim.Target, load float64, n int, seed uint64) Held {
	r := sim.New(t, seed)
	order := Load(load, float64(n)/load)
	order.Seed, order.LogMax = seed, 0
	m, err := r.Run(context.Background(), order, nil)
	if err != nil {
		panic("population: " + err.Error())
	}
	c := m.All()
	held := Held{Failed: float64(c.Failed+c.Timeout+c.Shed) / float64(c.Due)}
	for long, n := range c.Response.Buckets {
		for range n {
			held.Response = append(held.Response, long.Seconds())
		}
	}
	early, late := mean{}, mean{}
	for i, k := range m.Ticks {
		if i < 4 {
			early.add(k.Response.Seconds(), float64(k.OK))
		}
		if i >= 36 {
			late.add(k.Response.Seconds(), float64(k.OK))
		}
	}
	held.Growth = (late.of() - early.of()) / (.9 * order.Len().Seconds())
	return held
}

// mean is a mean in the making.
type mean struct{ sum, n float64 }

func (m *mean) add(sum, n float64) { m.sum, m.n = m.sum+sum, m.n+n }

func (m mean) of() float64 { return m.sum / max(m.n, 1) }

// sample is numbers in order.
type sample []float64

func (s sample) At(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

func (s sample) Mean() float64 {
	sum := 0.
	for _, v := range s {
		sum += v
	}
	return sum / float64(len(s))
}

// shares of the breaking load at which the curve is measured; the first is the base.
var shares = []float64{.02, .1, .2, .3, .4, .5, .55, .6, .65, .7, .75, .8, .84, .88, .91, .94, .96, .98, .99}

// curve measures response times by load, and what follows from them.
func (t *Truth) curve(target sim.Target, whole bool) {
	var mean, p95, p99 []float64
	for i, share := range shares {
		h := Hold(target, share*t.Break, curveRun, uint64(50+i)).Response
		mean, p95, p99 = append(mean, h.Mean()), append(p95, h.At(.95)), append(p99, h.At(.99))
		if i == 0 {
			t.P50 = h.At(.5)
		}
		if !whole {
			break
		}
	}
	t.Mean, t.P95, t.P99 = mean[0], p95[0], p99[0]
	if !whole {
		return
	}
	rising(mean)
	rising(p95)
	rising(p99)
	ln := 0.
	for _, times := range []float64{1.5, 2, 3, 5, 10} {
		ln += math.Log(crossing(p95, times*p95[0])) / 5
	}
	t.Critical = t.Break * math.Exp(ln)
	t.GoalLoad = t.Break * crossing(p99, 5*p99[0])
}

// rising makes a curve non-decreasing by pooling what falls (isotonic regression of equal weights).
func rising(y []float64) {
	for i := 1; i < len(y); i++ {
		sum, n := y[i], 1.
		j := i
		for j > 0 && y[j-1] > sum/n {
			j--
			sum, n = sum+y[j], n+1
		}
		for ; j <= i && n > 1; j++ {
			y[j] = sum / n
		}
	}
}

// crossing is the share of the breaking load at which a curve crosses a level, in a straight line of the logarithm; 1 where
// it never does.
func crossing(y []float64, level float64) float64 {
	for i := 1; i < len(y); i++ {
		if y[i] > level {
			u := math.Log(level/y[i-1]) / math.Log(y[i]/y[i-1])
			return shares[i-1] + u*(shares[i]-shares[i-1])
		}
	}
	return 1
}
