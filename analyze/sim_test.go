package analyze_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// found is one simulated search.
type found struct {
	analyze.Capacity
	done []attack.Measurement
	took time.Duration
}

func search(t testing.TB, p analyze.Plan, r *sim.Runner) found {
	t.Helper()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	done, err := attack.Drive(context.Background(), p, r, nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatalf("search: %v", err)
	}
	return found{p.Capacity(done), done, r.Clock()}
}

// holds tells whether an interval holds the truth.
func holds(e *analyze.Estimate, truth float64) bool {
	return e != nil && e.Lo <= truth && truth <= e.Hi
}

// sample sums up a set of numbers.
type sample []float64

func (s sample) at(q float64) float64 {
	s = slices.Sorted(slices.Values(s))
	if len(s) == 0 {
		return math.NaN()
	}
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

func queue(capacity float64, servers int, shape sim.Shape) sim.Target {
	return sim.Target{Servers: servers, Network: time.Millisecond,
		Service: sim.Service{Shape: shape, CV: .5, Mean: time.Duration(float64(servers) / capacity * float64(time.Second))}}
}

// bucket is a token bucket that all clients share.
func bucket(rate, burst float64) sim.Limiter {
	b := model.NewBucket(rate, int(burst))
	return sim.LimiterFunc(func(at time.Duration, _ string) (bool, time.Duration) { return b.Take(at) })
}

// service is one simulated service of a class, and the truth about it.
type service struct {
	target func() sim.Target // a limiter has a state, so each run makes its own
	truth  float64
}

// classes are the ways in which services give way. perClass of each are drawn.
var classes = []string{"mm_c", "md_c", "lognormal", "heavy", "pauses", "sheds", "impatient", "contends", "cold", "drifts", "limited"}

const perClass = 6

// longRuns are the breaking loads of those that have no closed form: see longRun, with 300,000 requests.
var longRuns = map[string][perClass]float64{
	"sheds":     {1976.5, 230.3, 46.9, 45.5, 1233.9, 102.4},
	"impatient": {61.7, 1011, 221.5, 497.9, 321.6, 2964.7},
	"contends":  {310, 453.8, 2581.3, 1549.6, 330.6, 34.3},
}

// draw makes the i-th service of a class: capacities are log-uniform from 20 to 3000/s, servers from 1 to 64.
func draw(class string, i int) service {
	rng := rand.New(rand.NewPCG(uint64(i), uint64(len(class))*7919+uint64(class[0])))
	within := func(a, b float64) float64 { return a * math.Pow(b/a, rng.Float64()) }
	capacity := within(20, 3000)
	t := sim.Target{Servers: 1 << rng.IntN(7), Network: time.Duration(within(3e5, 3e6)), Jitter: .2}
	for float64(t.Servers)/capacity > .4 {
		t.Servers = max(1, t.Servers/2)
	}
	t.Service = sim.Service{Shape: sim.Lognormal, CV: .3 + .9*rng.Float64(), Mean: time.Duration(float64(t.Servers) / capacity * 1e9)}
	switch class {
	case "mm_c":
		t.Service.Shape = sim.Exponential
	case "md_c":
		t.Service.Shape = sim.Deterministic
	case "heavy":
		t.Service.Shape, t.Service.CV, t.Service.Share, t.Service.Factor = sim.HeavyTail, .5, .01+.02*rng.Float64(), within(8, 30)
	case "pauses":
		t.Pause, t.PauseGap = time.Duration(within(1e7, 1.5e8)), time.Duration(within(1e9, 1.5e10))
	case "sheds":
		t.Queue, t.Shed = max(5, t.Servers*(1+rng.IntN(10))), time.Second
	case "impatient":
		t.Timeout = max(100*time.Millisecond, time.Duration(float64(t.Service.Mean)*within(8, 40)))
	case "contends":
		t.Servers, t.Contention, t.Coherence = 32+32*rng.IntN(5), within(.005, .05), within(5e-5, 2e-3)
		t.Service.Mean = time.Duration(float64(t.Service.Mean) * t.Capacity() / capacity)
	case "cold":
		t.Cold, t.ColdFor = 1+3*rng.Float64(), max(200, capacity*within(2, 20))
	case "drifts":
		t.Drift, t.Period = .02+.06*rng.Float64(), time.Duration(within(200, 1200)*1e9)
	case "limited":
		rate := capacity / (1.3 + 1.7*rng.Float64())
		burst := max(5, rate*within(.1, 3))
		return service{func() sim.Target { t := t; t.Limiter = bucket(rate, burst); return t }, rate}
	}
	s := service{func() sim.Target { return t }, t.Capacity()}
	if truth, ok := longRuns[class]; ok {
		s.truth = truth[i]
	}
	return s
}

// longRun is the highest load that a service bears over n requests: at most 1 % fail and no backlog grows.
func longRun(t testing.TB, target sim.Target, n float64) float64 {
	lo, hi := .3*target.Capacity(), 1.1*target.Capacity()
	for hi/lo > 1.004 {
		load := math.Sqrt(lo * hi)
		order := attack.Trial{N: 1, Seed: 5, Warmup: time.Duration(.1 * n / load * 1e9), Actors: []attack.Actor{{Schedule: attack.Constant(load, time.Duration(n/load*1e9), attack.Poisson)}}}
		m, err := sim.New(target, 11).Run(context.Background(), order, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := m.Total().Counts
		x, _ := analyze.Growth(m.Ticks, 4, load)
		if bad := float64(c.Failed + c.Timeout + c.Shed); bad <= .01*float64(c.Due) && x < .004 {
			lo = load
		} else {
			hi = load
		}
	}
	return math.Sqrt(lo * hi)
}

func TestLongRunsAreStillTrue(t *testing.T) {
	many(t)
	t.Parallel()
	for class, i := range map[string]int{"sheds": 3, "impatient": 1, "contends": 4} {
		s := draw(class, i)
		if got := longRun(t, s.target(), 60_000); math.Abs(got/s.truth-1) > .03 {
			t.Errorf("%s %d bears %.1f/s in a long run, the table says %.1f/s", class, i, got, s.truth)
		}
	}
}
