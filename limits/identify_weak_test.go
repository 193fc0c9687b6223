package limits_test

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// odd is a limiter that no single known machine is: it must be told rightly, or not at all.
type odd struct {
	name    string
	kind    limits.Algorithm
	rate    float64
	burst   int
	ban     float64 // s
	renewed bool    // by every request: its length may go untold, never the penalty
	memory  float64 // s
	penalty bool    // its refusals cost something
	make    func() model.Limiter
}

func odds() (all []odd) {
	for _, s := range []struct {
		rate  float64
		burst int
		ban   time.Duration
	}{{100, 20, 2 * time.Second}, {10, 5, time.Second}, {50, 50, 3 * time.Second}, {200, 100, 4 * time.Second}, {20, 10, 1500 * ms}} {
		r, c, x := s.rate, s.burst, s.ban
		all = append(all, odd{name: fmt.Sprintf("ban %v of bucket %g/s %d", x, r, c), kind: limits.TokenBucket, rate: r, burst: c, ban: x.Seconds(), penalty: true,
			make: func() model.Limiter { return model.NewBan(model.NewBucket(r, c), x, false) }})
		all = append(all, odd{name: fmt.Sprintf("renewed ban %v of bucket %g/s %d", x, r, c), kind: limits.TokenBucket, rate: r, burst: c, ban: x.Seconds(), renewed: true, penalty: true,
			make: func() model.Limiter { return model.NewBan(model.NewBucket(r, c), x, true) }})
		w := time.Duration(float64(c) / r * 1e9)
		all = append(all, odd{name: fmt.Sprintf("ban %v of %d in %v", x, c, w), kind: limits.FixedWindow, rate: r, burst: c, ban: x.Seconds(), penalty: true,
			make: func() model.Limiter { return model.NewBan(model.NewFirstHit(c, w), x, false) }})
	}
	for _, s := range []struct {
		rate  float64
		burst int
	}{{50, 20}, {10, 5}, {100, 50}, {20, 30}, {200, 100}} {
		r, c := s.rate, s.burst
		all = append(all, odd{name: fmt.Sprintf("starving %g/s %d", r, c), kind: limits.TokenBucket, rate: r, burst: c, penalty: true, make: func() model.Limiter { return model.NewStarving(r, c) }})
	}
	for _, s := range []struct {
		limit  int
		length time.Duration
	}{{20, time.Second}, {50, time.Second}, {100, 2 * time.Second}, {10, time.Second}, {30, 3 * time.Second}} {
		n, w := s.limit, s.length
		all = append(all, odd{name: fmt.Sprintf("tally %d in %v", n, w), kind: limits.SlidingCounter, rate: float64(n) / w.Seconds(), burst: n, penalty: true,
			make: func() model.Limiter { return shifted{model.NewTally(n, w), 12345 * time.Second / 10000} }})
	}
	for _, s := range []struct {
		rate   float64
		burst  int
		memory time.Duration
	}{{20, 100, time.Second}, {50, 200, 2 * time.Second}, {10, 30, 500 * ms}, {100, 400, 1500 * ms}, {5, 15, 2 * time.Second}} {
		r, c, m := s.rate, s.burst, s.memory
		all = append(all, odd{name: fmt.Sprintf("forgetful %g/s %d %v", r, c, m), kind: limits.TokenBucket, rate: r, burst: c, memory: m.Seconds(), make: func() model.Limiter { return model.NewForgetful(r, c, m) }})
	}
	for _, s := range []struct {
		rate   float64
		burst  int
		limit  int
		length time.Duration
	}{{20, 20, 60, 10 * time.Second}, {50, 10, 100, 5 * time.Second}, {100, 50, 200, 4 * time.Second}, {10, 10, 30, 6 * time.Second}, {200, 40, 300, 3 * time.Second}, {10, 20, 100, time.Minute}} {
		r, c, n, w := s.rate, s.burst, s.limit, s.length
		all = append(all, odd{name: fmt.Sprintf("chain %g/s %d and %d in %v", r, c, n, w), kind: limits.Unidentified, make: func() model.Limiter {
			return model.NewChain(model.NewBucket(r, c), model.NewFirstHit(n, w))
		}}, odd{name: fmt.Sprintf("chain %g/s %d and log %d in %v", r, c, n, w), kind: limits.Unidentified, make: func() model.Limiter {
			return model.NewChain(model.NewBucket(r, c), model.NewLog(n, w))
		}})
	}
	for _, s := range []struct{ r1, c1, r2, c2 float64 }{{100, 10, 20, 100}, {50, 20, 10, 60}, {200, 50, 40, 300}, {20, 5, 5, 40}, {10, 10, 2, 30}} {
		all = append(all, odd{name: fmt.Sprintf("chain of buckets %v", s), kind: limits.Unidentified, make: func() model.Limiter {
			return model.NewChain(model.NewBucket(s.r1, int(s.c1)), model.NewBucket(s.r2, int(s.c2)))
		}})
	}
	for _, n := range []int{100, 60, 1000, 300, 30} {
		all = append(all, odd{name: fmt.Sprintf("%d a minute", n), kind: limits.FixedWindow, rate: float64(n) / 60, burst: n, make: func() model.Limiter { return model.NewFirstHit(n, time.Minute) }})
	}
	return all
}

// What VERIFY calls weak is told rightly, or it is said that it cannot be told.
func TestIdentifyIsNeverConfidentlyWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute of virtual probes: not with -short")
	}
	every := 4
	if os.Getenv("PLIMSOLL_MATRIX") == "full" {
		every = 1
	}
	for i, o := range odds() {
		if i%every != 0 {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			done, r := probe(t, limits.Probe{Seed: uint64(i)}, behindIt(o.make(), 3*ms), uint64(i))
			o.holds(t, limits.Identify(done), r.Clock())
		})
	}
}

func (o odd) holds(t *testing.T, l limits.Limiter, long time.Duration) {
	t.Helper()
	text := fmt.Sprintf("%s; memory %.3g s; sure %.2f, explained %.3f, %d sent in %.1f s; runner-up %s", l.Words(), l.MemoryS, l.Confidence, l.Explained, l.Requests, long.Seconds(), l.RunnerUp)
	for _, n := range l.Notes {
		text += "\n      " + n.Text
	}
	t.Log(text)
	if l.Requests > limits.ProbeRequests || long > limits.ProbeTime+time.Second {
		t.Errorf("it took %d requests in %v, more than it said before", l.Requests, long)
	}
	switch {
	case l.Ban == nil && o.ban > 0 && (!o.renewed || l.Told()):
		t.Errorf("no ban is told")
	case l.Ban != nil && (o.ban < .995*l.Ban.Lo || o.ban > 1.005*l.Ban.Hi || l.Ban.Hi > 1.7*l.Ban.Lo):
		t.Errorf("a ban of %.3g to %.3g s is told, it is %.3g s", l.Ban.Lo, l.Ban.Hi, o.ban)
	case l.Penalty == "" && o.penalty, l.Penalty != "" && !o.penalty:
		t.Errorf("its refusals are told to cost %q", l.Penalty)
	}
	if l.MemoryS > 0 && o.memory == 0 {
		t.Errorf("it is said to forget, and does not")
	}
	if !l.Told() {
		return
	}
	switch {
	case l.Algorithm != o.kind:
		t.Errorf("it is told to be a %s, and is a %s", l.Kind(), o.kind)
	case l.Rate == nil || l.Burst == nil:
		t.Errorf("told without rate or burst")
	case l.Rate.Value/o.rate-1 > .03 || o.rate/l.Rate.Value-1 > .03:
		t.Errorf("rate %.4g, want %.4g within 3 %%", l.Rate.Value, o.rate)
	case math.Abs(l.Burst.Value-float64(o.burst)) > max(1, .02*float64(o.burst)):
		t.Errorf("burst %.0f, want %d", l.Burst.Value, o.burst)
	}
}
