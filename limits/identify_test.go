package limits_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// truth is a limiter of known settings.
type truth struct {
	name   string
	kind   limits.Algorithm
	anchor string
	rate   float64
	burst  int
	make   func() model.Limiter
}

func length(n int, rate float64) time.Duration { return time.Duration(float64(n) / rate * 1e9) }

// shifted puts a model's clock off ours, so that no grid begins with the probe.
type shifted struct {
	model.Limiter
	by time.Duration
}

func (s shifted) Take(at time.Duration) (bool, time.Duration) { return s.Limiter.Take(at + s.by) }

// truths are at least five settings of every algorithm.
func truths() (all []truth) {
	add := func(kind limits.Algorithm, anchor, name string, rate float64, burst int, make func() model.Limiter) {
		all = append(all, truth{fmt.Sprintf("%s %g/s %d", name, rate, burst), kind, anchor, rate, burst, make})
	}
	for _, s := range []struct {
		rate  float64
		burst int
	}{{.5, 3}, {2, 10}, {10, 1}, {50, 50}, {100, 20}, {200, 400}, {1000, 100}, {5000, 500}} {
		r, c := s.rate, s.burst
		add(limits.TokenBucket, "", "bucket", r, c, func() model.Limiter { return model.NewBucket(r, c) })
	}
	for _, s := range []struct {
		rate  float64
		burst int
	}{{5, 10}, {20, 5}, {77, 33}, {300, 60}, {2000, 200}} {
		r, c := s.rate, s.burst
		add(limits.TokenBucket, "", "gcra", r, c, func() model.Limiter { return model.NewGCRA(r, c) })
	}
	for _, s := range []struct {
		rate        float64
		depth, free int
	}{{10, 9, 0}, {50, 20, 0}, {100, 40, 20}, {200, 100, 0}, {500, 250, 100}} {
		r, d, f := s.rate, s.depth, s.free
		add(limits.LeakyQueue, "", "queue", r, d+1, func() model.Limiter { return model.NewQueue(r, d, f) })
	}
	for _, s := range []struct {
		limit  int
		length time.Duration
	}{{10, time.Second}, {100, time.Second}, {20, 2 * time.Second}, {5, 5 * time.Second}, {60, 6 * time.Second}, {50, 500 * ms}, {300, time.Second}} {
		n, w := s.limit, s.length
		r := float64(n) / w.Seconds()
		add(limits.FixedWindow, limits.AnchorClock, "aligned", r, n, func() model.Limiter { return shifted{model.NewWindow(n, w), 12345 * time.Second / 10000} })
		add(limits.FixedWindow, limits.AnchorFirst, "first hit", r, n, func() model.Limiter { return model.NewFirstHit(n, w) })
		add(limits.SlidingLog, "", "log", r, n, func() model.Limiter { return model.NewLog(n, w) })
		add(limits.SlidingCounter, "", "counter", r, n, func() model.Limiter { return shifted{model.NewCounter(n, w), 12345 * time.Second / 10000} })
	}
	for _, n := range []int{2, 5, 10, 25, 60} {
		add(limits.Concurrency, "", "concurrency", 0, n, func() model.Limiter { return model.NewConcurrency(n) })
	}
	add(limits.NoLimiter, "", "none", 0, 0, nil)
	return all
}

// behindIt is a fast backend on a jittery way.
func behindIt(l model.Limiter, work time.Duration) sim.Target {
	t := sim.Target{Servers: 1000, Service: sim.Service{Shape: sim.Lognormal, Mean: work, CV: .3},
		Network: 500 * time.Microsecond, Jitter: .5, Uplink: time.Millisecond}
	if l != nil {
		t.Limiter = sim.One(l)
	}
	return t
}

// probe runs the probe to its end.
func probe(t testing.TB, p limits.Probe, target sim.Target, seed uint64) ([]attack.Measurement, *sim.Runner) {
	t.Helper()
	r := sim.New(target, seed)
	done, err := attack.Drive(context.Background(), p, r, nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return done, r
}

// Every algorithm in virtual time, over a way of uneven length: what is said of it, beside what it is.
func TestIdentify(t *testing.T) {
	classes, rates, bursts, all := 0, 0, 0, truths()
	t.Logf("%-20s %-28s %10s %8s %6s %5s %6s %6s %6s", "truth", "identified", "rate", "error", "burst", "of", "sure", "sent", "s")
	for i, tr := range all {
		var l model.Limiter
		work := 3 * ms
		if tr.make != nil {
			l = tr.make()
		}
		if tr.kind == limits.Concurrency {
			work = 50 * ms // else hardly any would be in flight at once
		}
		done, r := probe(t, limits.Probe{Seed: uint64(i)}, behindIt(l, work), uint64(i))
		got := limits.Identify(done)
		var rate, burst float64
		if got.Rate != nil {
			rate = got.Rate.Value
		}
		if got.Burst != nil {
			burst = got.Burst.Value
		}
		off := 0.0
		if tr.rate > 0 {
			off = rate/tr.rate - 1
		}
		mark := ""
		if got.Algorithm == tr.kind && got.Anchor == tr.anchor {
			classes++
		} else {
			mark += " another kind"
		}
		if math.Abs(off) <= .01 {
			rates++
		} else {
			mark += " rate off"
		}
		if math.Abs(burst-float64(tr.burst)) <= max(1, .02*float64(tr.burst)) {
			bursts++
		} else {
			mark += " burst off"
		}
		t.Logf("%-20s %-28s %10.4g %7.2f%% %6.0f %5d %6.2f %6d %6.1f%s", tr.name, string(got.Algorithm)+" "+got.Anchor, rate, 100*off, burst, tr.burst, got.Confidence, got.Requests, r.Clock().Seconds(), mark)
		if long := r.Clock(); got.Requests > limits.ProbeRequests || long > limits.ProbeTime+time.Second {
			t.Errorf("%s: it took %d requests in %v, more than it said before", tr.name, got.Requests, long)
		}
	}
	n := len(all)
	t.Logf("of %d: kind %d, rate within 1 %% %d, burst within 1 or 2 %% %d", n, classes, rates, bursts)
	if floor := n * 97 / 100; classes < floor || rates < floor-2 || bursts < floor-2 {
		t.Errorf("of %d: kind %d, rate %d, burst %d right; want at least %d, and %d of the numbers", n, classes, rates, bursts, floor, floor-2)
	}
}

const ms = time.Millisecond

type targetOf struct{ sim.Target }

func perKey(rate float64, burst int) sim.Limiter {
	return sim.PerKey(func(string) sim.Limiter { return sim.One(model.NewBucket(rate, burst)) })
}
