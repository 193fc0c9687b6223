package limits_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
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

// shifted puts a model's clock off ours, so that no grid begins with the probe.
type shifted struct {
	model.Limiter
	by time.Duration
}

func (s shifted) Take(at time.Duration) (bool, time.Duration) { return s.Limiter.Take(at + s.by) }

// rolling is HAProxy's frequency counter, counted when it lets in: its windows begin anew after two that were empty, the
// share of the one before is rounded down, and its clock has milliseconds.
type rolling struct {
	model.Limiter
	limit, before, now int
	length, began      time.Duration
}

func (l *rolling) Take(at time.Duration) (bool, time.Duration) {
	at = at.Truncate(ms)
	age, sum := at-l.began, 0
	switch {
	case age < l.length:
		sum = int(int64(l.before)*int64(l.length-age)/int64(l.length)) + l.now
	case age < 2*l.length:
		sum = int(int64(l.now) * int64(2*l.length-age) / int64(l.length))
	}
	if sum >= l.limit {
		return false, ms
	}
	switch {
	case age >= 2*l.length:
		l.before, l.now, l.began = 0, 0, at
	case age >= l.length:
		l.before, l.now, l.began = l.now, 0, l.began+l.length
	}
	l.now++
	return true, 0
}

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
		add(limits.SlidingCounter, "", "rolling", r, n, func() model.Limiter { return &rolling{limit: n, length: w, began: -time.Hour} })
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
	before, err := r.Run(context.Background(), attack.Trial{Phase: limits.PhaseBefore, Serial: &attack.Serial{Max: 1}, LogMax: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	done, err := attack.Drive(context.Background(), p, r, []attack.Measurement{before}, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return done, r
}

// tally counts what was told rightly.
type tally struct {
	sync.Mutex
	all, kinds, rates, bursts int
}

func (y *tally) add(kind, rate, burst bool) {
	y.Lock()
	defer y.Unlock()
	y.all++
	for n, right := range map[*int]bool{&y.kinds: kind, &y.rates: rate, &y.bursts: burst} {
		if right {
			*n++
		}
	}
}

// chosen are the settings that are probed: all with PLIMSOLL_MATRIX=full, else the first three of every kind, or with
// -short one.
func chosen() (some []truth) {
	most, seen := 3, map[string]int{}
	switch {
	case os.Getenv("PLIMSOLL_MATRIX") == "full":
		return truths()
	case testing.Short():
		most = 1
	}
	for _, tr := range truths() {
		if kind := string(tr.kind) + tr.anchor; seen[kind] < most {
			seen[kind]++
			some = append(some, tr)
		}
	}
	return some
}

// Every algorithm in virtual time, over a way of uneven length: what is said of it, beside what it is.
func TestIdentify(t *testing.T) {
	var y tally
	t.Run("of", func(t *testing.T) {
		for i, tr := range chosen() {
			t.Run(tr.name, func(t *testing.T) {
				t.Parallel()
				identifies(t, tr, uint64(i), &y)
			})
		}
	})
	t.Logf("of %d: kind %d, rate within 1 %% %d, burst within 1 or 2 %% %d", y.all, y.kinds, y.rates, y.bursts)
	if floor := y.all * 97 / 100; min(y.kinds, y.rates, y.bursts) < floor {
		t.Errorf("of %d: kind %d, rate %d, burst %d right; want at least %d of each", y.all, y.kinds, y.rates, y.bursts, floor)
	}
}

func identifies(t *testing.T, tr truth, seed uint64, y *tally) {
	var l model.Limiter
	work := 3 * ms
	if tr.make != nil {
		l = tr.make()
	}
	if tr.kind == limits.Concurrency {
		work = 50 * ms // else hardly any would be in flight at once
	}
	done, r := probe(t, limits.Probe{Seed: seed}, behindIt(l, work), seed)
	got := limits.Identify(done)
	var rate, burst, off float64
	if got.Rate != nil {
		rate = got.Rate.Value
	}
	if got.Burst != nil {
		burst = got.Burst.Value
	}
	if tr.rate > 0 {
		off = rate/tr.rate - 1
	}
	kind, near, deep := got.Algorithm == tr.kind && got.Anchor == tr.anchor, math.Abs(off) <= .01, math.Abs(burst-float64(tr.burst)) <= max(1, .02*float64(tr.burst))
	y.add(kind, near, deep)
	mark := ""
	if !kind || !near || !deep {
		mark = fmt.Sprintf("  WRONG: kind %t, rate %t, burst %t", kind, near, deep)
	}
	t.Logf("%-28s %10.4g/s %+6.2f%%  burst %4.0f of %4d  sure %.2f  %5d sent in %4.1f s, up to %g/s%s",
		string(got.Algorithm)+" "+got.Anchor, rate, 100*off, burst, tr.burst, got.Confidence, got.Requests, r.Clock().Seconds(), got.PeakRate, mark)
	if mark != "" || got.Confidence < .6 {
		t.Logf("%s; runner-up: %s; %v", got.Words(), got.RunnerUp, got.Notes)
	}
	if got.PeakRate > limits.DefaultProbeRate {
		t.Errorf("a peak of %g/s is told, and no rate above %d/s was ever asked for", got.PeakRate, limits.DefaultProbeRate)
	}
	if long := r.Clock(); got.Requests > limits.ProbeRequests || long > limits.ProbeTime+time.Second {
		t.Errorf("it took %d requests in %v, more than it said before", got.Requests, long)
	}
}

// Where nothing is refused, a queue without bound and a target at its capacity delay alike: neither is told. A queue that is
// full at some time, and refuses then, is.
func TestIdentifyTellsNoQueueFromACapacity(t *testing.T) {
	busy := sim.Target{Servers: 1, Service: sim.Service{Shape: sim.Deterministic, Mean: time.Second / 600}, Network: 500 * time.Microsecond}
	for _, c := range []struct {
		says   string
		target sim.Target
		told   bool
	}{
		{"a target of 600/s", busy, false},
		{"a queue without bound", behindIt(model.NewQueue(600, 1e6, 0), 3*ms), false},
		{"a queue of 40", behindIt(model.NewQueue(600, 40, 0), 3*ms), true},
	} {
		done, _ := probe(t, limits.Probe{MaxRate: 900}, c.target, 1)
		l := limits.Identify(done)
		if c.told {
			if l.Algorithm != limits.LeakyQueue || l.OnlyDelays() {
				t.Errorf("%s: %s, want a leaky queue", c.says, l.Words())
			}
			continue
		}
		if _, limit := l.Limit(); l.Told() || limit || !l.OnlyDelays() || l.Slope == nil || math.Abs(l.Slope.Value/600-1) > .02 || l.Confidence > 0 {
			t.Errorf("%s: %s, confidence %.2f, %v; want that it cannot be told, and 600/s", c.says, l.Words(), l.Confidence, l.Notes)
		}
	}
}

// Where decisions cannot be put in order to the millisecond, the burst has an interval, in which the true one lies; where
// they can, it has none.
func TestIdentifySaysHowWellItKnowsTheBurst(t *testing.T) {
	for seed := range uint64(3) {
		for _, uplink := range []time.Duration{0, 20 * ms} {
			target := behindIt(model.NewBucket(129, 40), 3*ms)
			target.Uplink = uplink
			done, _ := probe(t, limits.Probe{Seed: seed}, target, seed)
			l := limits.Identify(done)
			b := l.Burst
			if b == nil || b.Lo > 40 || b.Hi < 40 || b.Value < b.Lo || b.Value > b.Hi || (b.Lo < b.Hi) != (uplink > 0) || b.Hi-b.Lo > 8 {
				t.Errorf("uplink %v, seed %d: burst %+v, want 40 within it, and an interval only on an uneven way", uplink, seed, b)
				continue
			}
			if said := strings.Contains(l.Words(), fmt.Sprintf(" (%.0f to %.0f)", b.Lo, b.Hi)); said != (uplink > 0) {
				t.Errorf("uplink %v, seed %d: %q", uplink, seed, l.Words())
			}
		}
	}
}

// What a late generator saw is told with half the confidence, and not at all where it does not explain itself.
func TestIdentifyDistrustsALateGenerator(t *testing.T) {
	done, _ := probe(t, limits.Probe{}, behindIt(model.NewBucket(50, 20), 3*ms), 1)
	done[2].Checks = append(done[2].Checks, attack.SelfCheck{Name: "late ticks", Outcome: attack.Void, Got: "p99 60ms", Want: "p99 at most 10ms"})
	late := func(l limits.Limiter) bool {
		return slices.ContainsFunc(l.Notes, func(n attack.Note) bool { return n.Code == "late" })
	}
	if l := limits.Identify(done); l.Algorithm != limits.TokenBucket || l.Confidence > .5 || !late(l) {
		t.Errorf("%s, sure %.2f, notes %v; want a token bucket, no surer than 0.5, and a note of the late generator", l.Algorithm, l.Confidence, l.Notes)
	}
	for i := 0; i < len(done[3].Log); i += 7 { // the opposite, now and then
		if a := &done[3].Log[i]; a.Outcome == attack.Throttled {
			a.Outcome, a.Status = attack.OK, 200
		}
	}
	if l := limits.Identify(done); l.Told() || l.Rate != l.Slope || !late(l) {
		t.Errorf("%s, explained %.3f; want that it cannot be told", l.Words(), l.Explained)
	}
}

const ms = time.Millisecond

type targetOf struct{ sim.Target }

func perKey(rate float64, burst int) sim.Limiter {
	return sim.PerKey(func(string) sim.Limiter { return sim.One(model.NewBucket(rate, burst)) })
}
