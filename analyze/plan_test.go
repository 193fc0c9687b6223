package analyze_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

func TestTheStoryInOrder(t *testing.T) {
	f := search(t, analyze.Plan{Seed: 1}, sim.New(queue(800, 8, sim.Lognormal), 1))
	var order []string
	for _, m := range f.done {
		if p := m.Trial.Phase; p != analyze.Settle && (len(order) == 0 || order[len(order)-1] != p) {
			order = append(order, p)
		}
	}
	want := []string{"preflight", "baseline", "ramp", "warm-up", "baseline", "ramp", "saturate", "confirm", "knee", "bookend"}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("phases: %s", diff)
	}
	if f.Stationary == nil || !*f.Stationary || f.Saturation == nil || math.Abs(f.Saturation.Value/800-1) > .02 {
		t.Errorf("stationary %v and saturation %+v, want true and 800/s ± 2 %%", f.Stationary, f.Saturation)
	}
	if f.Cause != analyze.CauseTarget || f.Mode != analyze.ModeCapacity || !f.Decided() || !strings.Contains(f.Why, "sustained") {
		t.Errorf("cause %s, mode %s, why %q, want a decided capacity", f.Cause, f.Mode, f.Why)
	}
	if f.Excess <= 0 || f.Excess > 10 || f.OverloadSeconds <= 0 || f.Requests == 0 || f.Trials != len(f.done) {
		t.Errorf("excess %.1f, overload %.1fs, %d requests in %d trials, want all told", f.Excess, f.OverloadSeconds, f.Requests, f.Trials)
	}
}

func TestEndings(t *testing.T) {
	t.Parallel()
	healthy := queue(800, 8, sim.Lognormal)
	broken, unsure := healthy, healthy
	broken.Respond = func(_ sim.Call, a sim.Answer) sim.Answer { a.Status = 500; return a }
	calls := 0
	unsure.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
		if calls++; calls%20 == 0 {
			a.Status = 500
		}
		return a
	}
	tight := healthy
	tight.Limiter = bucket(5, 3)
	slow, sheds := healthy, healthy
	sheds.Queue = 10
	for _, row := range []struct {
		name   string
		plan   analyze.Plan
		target sim.Target
		limit  float64 // of the generator
		cause  analyze.Cause
		mode   analyze.Mode
		why    string
	}{
		{"a healthy target", analyze.Plan{}, healthy, 0, analyze.CauseTarget, analyze.ModeCapacity, "broke at"},
		{"even arrivals", analyze.Plan{Arrivals: attack.Even}, healthy, 0, analyze.CauseTarget, analyze.ModeCapacity, "broke at"},
		{"a gentle ramp", analyze.Plan{Gentle: true}, healthy, 0, analyze.CauseTarget, analyze.ModeCapacity, "broke at"},
		{"a highest load below capacity", analyze.Plan{Max: 300}, healthy, 0, analyze.CauseCeiling, analyze.ModeIrregular, "--max-rate"},
		{"a highest load just below capacity", analyze.Plan{Max: 790}, healthy, 0, analyze.CauseCeiling, analyze.ModeIrregular, "--max-rate"},
		{"a lowest load above capacity", analyze.Plan{Min: 1000}, healthy, 0, analyze.CauseTarget, analyze.ModeIrregular, "too much"},
		{"a generator of 500/s", analyze.Plan{}, healthy, 500, analyze.CauseGenerator, analyze.ModeIrregular, "generator"},
		{"a target that always fails", analyze.Plan{}, broken, 0, analyze.CauseTarget, analyze.ModeIrregular, "20 of 20 requests failed"},
		{"a target that fails once in 20", analyze.Plan{}, unsure, 0, analyze.CauseTarget, analyze.ModeIrregular, "failed"},
		{"a goal that no load keeps", analyze.Plan{Goal: analyze.Goal{Latency: []analyze.Bound{{Quantile: .5, Max: 5 * time.Millisecond}}}}, healthy, 0, analyze.CauseTarget, analyze.ModeIrregular, "p50 was"},
		{"a limiter below the preflight's pace", analyze.Plan{}, tight, 0, analyze.CauseLimiter, analyze.ModeLimited, "limiter"},
		{"too few trials", analyze.Plan{TrialsMax: 6}, healthy, 0, analyze.CauseBudget, analyze.ModeIrregular, "6 trials"},
		{"no patience with overload", analyze.Plan{MaxOverloadSeconds: 1}, healthy, 0, analyze.CauseHarm, "", "needs 0.7s, --max-overload-seconds 1 has 0.0s left"},
		{"no patience with failures", analyze.Plan{MaxFailed: .001}, sheds, 0, analyze.CauseHarm, "", "--max-failed"},
		{"a goal of latency", analyze.Plan{Goal: analyze.Goal{Latency: []analyze.Bound{{Quantile: .99, Max: 60 * time.Millisecond}}}}, slow, 0, analyze.CauseTarget, "", "broke at"},
	} {
		r := sim.New(row.target, 1)
		r.Ceiling = row.limit
		f := search(t, row.plan, r)
		if f.Cause != row.cause || row.mode != "" && f.Mode != row.mode || !strings.Contains(f.Why, row.why) {
			t.Errorf("%s: cause %s, mode %s, %q; want %s, %s and %q", row.name, f.Cause, f.Mode, f.Why, row.cause, row.mode, row.why)
		}
		if decided := row.cause == analyze.CauseTarget && strings.Contains(row.why, "broke"); f.Decided() != decided {
			t.Errorf("%s: decided %v, want %v", row.name, f.Decided(), decided)
		}
		if f.Cause == analyze.CauseGenerator && f.Breaking != nil {
			t.Errorf("%s: a breaking load of %+v, want none", row.name, f.Breaking)
		}
	}
}

// nginx refuses with 503 and no Retry-After, which counts as failed: the search must not be silent that this may be a
// limiter's rate. A target that fails for want of capacity is not taken for one.
func TestALimiterThatAnswers503IsSuspected(t *testing.T) {
	t.Parallel()
	silent := func(status int) sim.Target {
		target, b := queue(800, 8, sim.Lognormal), bucket(300, 30)
		target.Status = status
		target.Limiter = sim.LimiterFunc(func(at time.Duration, key string) (bool, time.Duration) {
			ok, _ := b.Take(at, key)
			return ok, -1
		})
		return target
	}
	queued := queue(800, 8, sim.Lognormal)
	queued.Queue = 20
	for _, row := range []struct {
		name   string
		target func() sim.Target
		option string // named in the note; empty for no note
	}{
		{"a limiter that answers 503", func() sim.Target { return silent(503) }, "--throttled-status 503"},
		{"a limiter that answers 403", func() sim.Target { return silent(403) }, "--throttled-status 403"},
		{"a target that crashes above 300/s", func() sim.Target { return silent(500) }, ""},
		{"a queue of 20", func() sim.Target { return queued }, ""},
		{"a target that queues", func() sim.Target { return queue(800, 8, sim.Lognormal) }, ""},
	} {
		for seed := range seeds(3) {
			f := search(t, analyze.Plan{Seed: seed}, sim.New(row.target(), seed))
			note := ""
			for _, n := range f.Notes {
				if n.Code == analyze.LooksLimited {
					note = n.Text
				}
			}
			if (note != "") != (row.option != "") || !strings.Contains(note, row.option) {
				t.Errorf("%s, seed %d: note %q, want one with %q (%s, mode %s)", row.name, seed, note, row.option, f.Why, f.Mode)
			}
		}
	}
}

// Whatever answers, no trial begins once the budget is used up, but for the one that waits until the target has recovered.
func TestTheBudgetBindsEveryStep(t *testing.T) {
	t.Parallel()
	admitting := func(rate float64) sim.Limiter { return bucket(rate, max(1, rate/4)) }
	for _, row := range []struct {
		name   string
		target func() sim.Target
		most   float64 // seconds
	}{
		{"a limiter that refuses all", func() sim.Target {
			target := queue(800, 8, sim.Lognormal)
			target.Limiter = sim.LimiterFunc(func(time.Duration, string) (bool, time.Duration) { return false, time.Second })
			return target
		}, 15},
		{"a limiter of 1/s", func() sim.Target {
			target := queue(800, 8, sim.Lognormal)
			target.Limiter = admitting(1)
			return target
		}, 45},
		{"a limiter of 300/s", func() sim.Target {
			target := queue(800, 8, sim.Lognormal)
			target.Limiter = admitting(300)
			return target
		}, 45},
		{"a limiter that soon refuses 1 in 30", func() sim.Target {
			target, calls := queue(800, 8, sim.Lognormal), 0
			target.Limiter = sim.LimiterFunc(func(time.Duration, string) (bool, time.Duration) {
				calls++
				return calls < 500 || calls%30 != 0, time.Second
			})
			return target
		}, 45},
		{"a target that takes long to recover", func() sim.Target {
			target := queue(20, 1, sim.Lognormal)
			target.Pause, target.PauseGap = 3*time.Second, 8*time.Second
			return target
		}, 45},
	} {
		for seed := range seeds(3) {
			f := search(t, analyze.Plan{Budget: 45 * time.Second, Seed: seed}, sim.New(row.target(), seed))
			spent := 0.
			for _, m := range f.done {
				if spent > row.most && m.Trial.Phase != analyze.Settle {
					t.Errorf("%s, seed %d: trial %d (%s) began after %.1fs, want none after %.0fs (%s)", row.name, seed, m.Trial.N, m.Trial.Phase, spent, row.most, f.Why)
					break
				}
				spent += m.Took.Seconds()
			}
			if most := row.most + 10; spent > most {
				t.Errorf("%s, seed %d: took %.1fs, want %.0fs at most", row.name, seed, spent, most)
			}
			if f.Limiter != nil && f.Limiter.Value > 400 {
				t.Errorf("%s, seed %d: a limiter of %.0f/s", row.name, seed, f.Limiter.Value)
			}
		}
	}
}

// Most answers take 1 ms and a few 400 ms of one server: a load that is light by the median, 300/s, is far above the 50/s
// that it bears. The search begins below, or notices at once.
func TestALoadThatIsLightByTheMedianAlone(t *testing.T) {
	t.Parallel()
	for seed := range seeds(6) {
		target := sim.Target{Servers: 1, Network: 100 * time.Microsecond, Service: sim.Service{Shape: sim.HeavyTail, CV: .1, Share: .05, Factor: 400, Mean: 20 * time.Millisecond}}
		f := search(t, analyze.Plan{Seed: seed, Budget: 5 * time.Minute, MaxOverloadSeconds: 120}, sim.New(target, seed)) // it is long in getting well
		last, worst := 0., time.Duration(0)
		for _, m := range f.done {
			if m.Trial.Phase == analyze.Baseline && last == 0 {
				worst = max(worst, m.Took)
			}
			if m.Trial.Phase == analyze.Ramp && last == 0 {
				last = f.done[m.Trial.N-2].Trial.Load()
			}
		}
		if last > 50 || worst > 10*time.Second {
			t.Errorf("seed %d: at rest at %.0f/s, after up to %v of working off a light load; want at most 50/s, and 10s", seed, last, worst)
		}
		if f.Estimate == nil || f.Estimate.Value > 100 || f.Estimate.Value < 25 {
			t.Errorf("seed %d: estimate %+v (%s), want about 50/s", seed, f.Estimate, f.Why)
		}
	}
}

// Where the target is as fast as at rest and all that may be in flight is, the flight is the limit and not the target;
// where the flight is full of the target's backlog, the target is.
func TestAFlightThatIsTooSmallIsNoBreakingLoad(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		servers int
		flight  int
		cause   analyze.Cause
	}{
		{"800/s of 200 ms need 160 in flight, 64 are allowed", 160, 64, analyze.CauseCeiling},
		{"800/s of 200 ms need 160 in flight, 150 are allowed", 160, 150, analyze.CauseCeiling},
		{"800/s of 200 ms need 160 in flight, 400 are allowed", 160, 400, analyze.CauseTarget},
		{"800/s of 10 ms need 8 in flight, 64 are allowed", 8, 64, analyze.CauseTarget},
		{"800/s of 10 ms need 8 in flight, 20 are allowed", 8, 20, analyze.CauseTarget},
	} {
		for seed := range seeds(3) {
			f := search(t, analyze.Plan{MaxInFlight: row.flight, Seed: seed}, sim.New(queue(800, row.servers, sim.Lognormal), seed))
			if f.Cause != row.cause || f.Decided() != (row.cause == analyze.CauseTarget) {
				t.Errorf("%s: cause %s, %q, decided %v, want cause %s", row.name, f.Cause, f.Why, f.Decided(), row.cause)
			}
			if small := strings.Contains(f.Why, fmt.Sprintf("--max-inflight %d, is too small", row.flight)); small != (row.cause == analyze.CauseCeiling) {
				t.Errorf("%s: %q, says that the flight is too small: %v", row.name, f.Why, small)
			}
		}
	}
}

// A latency goal is broken well below capacity, and the breaking load is the goal's.
func TestAGoalOfLatencyBreaksFirst(t *testing.T) {
	many(t)
	t.Parallel()
	target := queue(800, 8, sim.Lognormal)
	// In the long run its p99 is 40 ms near 0.92 of capacity.
	goal := analyze.Goal{Latency: []analyze.Bound{{Quantile: .99, Max: 40 * time.Millisecond}}}
	f := search(t, analyze.Plan{Goal: goal, Budget: 10 * time.Minute, MaxOverloadSeconds: 1000}, sim.New(target, 3))
	if !f.Decided() || f.Estimate.Value > 790 || f.Estimate.Value < 640 {
		t.Fatalf("breaks at %+v: %s; want between 640 and 790/s", f.Estimate, f.Why)
	}
	if f.GoalLoad == nil || f.GoalLoad.Value > f.Breaking.Value {
		t.Errorf("goal load %+v, want one below the breaking load", f.GoalLoad)
	}
}

// The capacity doubles before the bookend: the report must not be silent about it.
func TestTheBookendSeesDrift(t *testing.T) {
	t.Parallel()
	p := analyze.Plan{Seed: 2}
	old, fresh := sim.New(queue(800, 8, sim.Lognormal), 1), sim.New(queue(900, 8, sim.Lognormal), 1)
	var done []attack.Measurement
	for range attack.TrialsMax {
		order, more := p.Next(done)
		if !more {
			break
		}
		r := old
		if order.Phase == analyze.Bookend {
			r = fresh
		}
		m, err := r.Run(context.Background(), order, p.Watch(order, done))
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, m)
	}
	c := p.Capacity(done)
	if c.Stationary == nil || *c.Stationary || c.Estimate.Hi < 870 {
		t.Errorf("stationary %v, estimate %+v; want false, and an interval up to 900/s", c.Stationary, c.Estimate)
	}
}

func TestAnOutsiderStopsTheSearch(t *testing.T) {
	r := sim.New(queue(800, 8, sim.Lognormal), 1)
	p := analyze.Plan{}
	var done []attack.Measurement
	for range attack.TrialsMax {
		order, more := p.Next(done)
		if !more {
			break
		}
		watch := p.Watch(order, done)
		if order.Phase == analyze.Saturate {
			watch = func(attack.Tick) attack.Reason { return "three health probes failed" }
		}
		m, err := r.Run(context.Background(), order, watch)
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, m)
	}
	if c := p.Capacity(done); c.Cause != analyze.CauseHarm || !strings.Contains(c.Why, "three health probes failed") || c.Decided() {
		t.Errorf("cause %s, %q, want harm and the outsider's reason", c.Cause, c.Why)
	}
}

func TestAVoidTrialIsRepeated(t *testing.T) {
	r := sim.New(queue(800, 8, sim.Lognormal), 1)
	p := analyze.Plan{Budget: 45 * time.Second}
	var done []attack.Measurement
	voided := 0
	for range attack.TrialsMax {
		order, more := p.Next(done)
		if !more {
			break
		}
		m, err := r.Run(context.Background(), order, p.Watch(order, done))
		if err != nil {
			t.Fatal(err)
		}
		if order.Phase == analyze.Confirm && voided == 0 {
			voided = order.N
			m.Checks = append(m.Checks, attack.SelfCheck{Name: "late ticks", Outcome: attack.Void})
		}
		done = append(done, m)
	}
	if again := done[voided].Trial; again.Phase != analyze.Confirm || again.Load() != done[voided-1].Trial.Load() || again.Seed == done[voided-1].Trial.Seed {
		t.Errorf("after the void trial %d came %s at %.1f/s, want the same again with another seed", voided, again.Phase, again.Load())
	}
	if c := p.Capacity(done); !c.Decided() {
		t.Errorf("one void trial, and %s", c.Why)
	}
}

// Cut at any point, written to a journal and read back, a search goes on to the same end.
func TestASearchGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	p := analyze.Plan{Budget: 45 * time.Second, Seed: 4}
	whole := search(t, p, sim.New(queue(700, 8, sim.Lognormal), 4))
	step := 20 / int(seeds(4)) // 5, or 20 in a short run
	for cut := 0; cut < len(whole.done); cut += step {
		text, err := json.Marshal(whole.done[:cut])
		if err != nil {
			t.Fatal(err)
		}
		var done []attack.Measurement
		if err := json.Unmarshal(text, &done); err != nil {
			t.Fatal(err)
		}
		want, _ := p.Next(whole.done[:cut])
		if got, _ := p.Next(done); !cmp.Equal(got, want) {
			t.Fatalf("cut at %d: next %s", cut, cmp.Diff(want, got))
		}
		// The rest is measured by a target that is as new: the class must be the same, the interval overlap.
		done, err = attack.Drive(context.Background(), p, sim.New(queue(700, 8, sim.Lognormal), uint64(cut)), done, func(attack.Measurement) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		c := p.Capacity(done)
		if !c.Decided() || c.Mode != whole.Mode || c.Estimate.Lo > whole.Estimate.Hi || whole.Estimate.Lo > c.Estimate.Hi {
			t.Errorf("cut at %d: %s %+v, want %s %+v", cut, c.Mode, c.Estimate, whole.Mode, whole.Estimate)
		}
	}
}

func TestAnInterruptedTrialIsMadeAgain(t *testing.T) {
	p := analyze.Plan{Budget: 45 * time.Second}
	whole := search(t, p, sim.New(queue(700, 8, sim.Lognormal), 4))
	cut := whole.done[:10:10]
	want, _ := p.Next(cut)
	m := whole.done[10]
	m.Aborted = &attack.Abort{At: 100 * time.Millisecond, Reason: attack.Interrupted}
	got, _ := p.Next(append(cut, m))
	if got.N != want.N+1 || got.Phase != want.Phase || got.Load() != want.Load() {
		t.Errorf("after an interruption: trial %d, %s at %.1f/s; want trial %d, %s at %.1f/s", got.N, got.Phase, got.Load(), want.N+1, want.Phase, want.Load())
	}
}

// dice is a Runner whose measurements sum up and are otherwise drawn at random: mostly those of a target of a given
// capacity, sometimes of quite another one, and sometimes nonsense.
type dice struct {
	rng      *rand.Rand
	capacity float64
}

// chance is true with probability p.
func (d dice) chance(p float64) bool { return d.rng.Float64() < p }

func (d dice) Run(_ context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	m := attack.Measurement{Trial: t, Took: t.Len(), Settled: d.chance(.9)}
	if d.chance(.02) {
		m.Checks = []attack.SelfCheck{{Name: "dice", Outcome: attack.Void}}
	}
	if t.Serial != nil {
		m.Took = time.Duration(d.rng.Int64N(int64(time.Second)))
		m.Windows = []attack.Window{d.window(float64(t.Serial.Max), 0, .005)}
		return m, nil
	}
	capacity := d.capacity
	if d.chance(.1) {
		capacity *= .3 + 2*d.rng.Float64()
	}
	wild := d.chance(.05)
	for i := range int64(attack.TicksPerTrial) {
		at := t.Len() * time.Duration(i+1) / attack.TicksPerTrial
		ok, due := int64(min(t.Load(), capacity)*at.Seconds()/float64(i+1)), int64(t.Load()*at.Seconds()/float64(i+1))
		k := attack.Tick{Elapsed: at, Due: due, Sent: due, OK: ok, Response: time.Duration(ok) * time.Duration(5+d.rng.IntN(10)) * time.Millisecond,
			InFlight: int64(.01*t.Load()*(1+d.rng.Float64()) + max(0, t.Load()-capacity)*at.Seconds())}
		if wild {
			k.InFlight, k.OK, k.Failed = d.rng.Int64N(1000), ok/2, ok-ok/2
		}
		m.Ticks = append(m.Ticks, k)
		why := attack.Reason("")
		if watch != nil {
			why = watch(k)
		}
		if why == "" && d.chance(.0005) {
			why = attack.Reason([]string{"interrupted", "interrupted", "health", "backlog", "refusals"}[d.rng.IntN(5)])
		}
		if why != "" {
			m.Aborted = &attack.Abort{At: k.Elapsed, Reason: why}
			break
		}
	}
	m.Windows = []attack.Window{d.window(t.Load()*(t.Len()-t.Warmup).Seconds(), t.Warmup, .03)}
	return m, nil
}

func (d dice) window(due float64, at time.Duration, odd float64) attack.Window {
	n := int64(due)
	w := attack.Window{At: at, Len: time.Second, Counts: attack.Counts{Due: n, OK: n, Attempts: n}}
	switch {
	case d.chance(odd):
		w.OK, w.Failed = n/2, n-n/2
	case d.chance(odd / 3):
		w.OK, w.Throttled = n/3, n-n/3
	}
	for left := w.OK; left > 0; left -= left/2 + 1 {
		w.Response.RecordN(time.Duration(5e6+d.rng.Int64N(2e7)), left/2+1)
	}
	return w
}

// Whatever is measured, the search stays within its bounds, ends, and says something that can be written down.
func TestASearchNeverLeavesItsBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "dice"), 1))
		p := analyze.Plan{Min: rapid.Float64Range(.5, 100).Draw(rt, "min"), TrialsMax: 80, Seed: 1, MaxOverloadSeconds: 500,
			Budget:  time.Duration(rapid.IntRange(5, 600).Draw(rt, "budget")) * time.Second,
			Profile: rapid.SampledFrom([]analyze.Profile{"", analyze.Quick, analyze.Thorough}).Draw(rt, "profile")}
		p.Max = p.Min * rapid.Float64Range(1, 1000).Draw(rt, "max")
		if rapid.Bool().Draw(rt, "goal") {
			p.Goal.Latency = []analyze.Bound{{Quantile: .99, Max: 30 * time.Millisecond}}
		}
		hidden := rapid.Float64Range(0, 1.1).Draw(rt, "capacity")
		var done []attack.Measurement
		for {
			order, more := p.Next(done)
			shuffled := append([]attack.Measurement(nil), done...)
			rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if other, _ := p.Next(shuffled); !cmp.Equal(order, other) {
				rt.Fatalf("another order of what was done gives another trial: %s", cmp.Diff(order, other))
			}
			if !more {
				break
			}
			if err := order.Validate(); err != nil {
				rt.Fatalf("trial %d: %v", order.N, err)
			}
			if load := order.Load(); order.Serial == nil && (load < p.Min || load > p.Max) {
				rt.Fatalf("trial %d (%s) at %v/s, want within %v and %v", order.N, order.Phase, load, p.Min, p.Max)
			}
			if len(done) >= p.TrialsMax || order.N != len(done)+1 {
				rt.Fatalf("trial %d after %d, at most %d allowed", order.N, len(done), p.TrialsMax)
			}
			m, _ := dice{rng, 2 * p.Min * math.Pow(p.Max/p.Min, hidden)}.Run(context.Background(), order, p.Watch(order, done))
			done = append(done, m)
		}
		checkCapacity(rt, p.Capacity(done))
	})
}

func checkCapacity(rt *rapid.T, c analyze.Capacity) {
	if _, err := json.Marshal(c); err != nil {
		rt.Fatalf("a capacity that cannot be written down: %v", err)
	}
	if c.Cause == "" || c.Mode == "" || c.Why == "" {
		rt.Fatalf("cause %q, mode %q, why %q: want all said", c.Cause, c.Mode, c.Why)
	}
	for name, e := range map[string]*analyze.Estimate{"estimate": c.Estimate, "sustained": c.Sustained, "breaking": c.Breaking, "knee": c.Knee,
		"critical": c.Critical, "goal load": c.GoalLoad, "saturation": c.Saturation, "limiter": c.Limiter} {
		if e != nil && !(0 <= e.Lo && e.Lo <= e.Value && e.Value <= e.Hi) {
			rt.Fatalf("%s %+v: want lo ≤ value ≤ hi", name, *e)
		}
	}
	if c.Mode == analyze.ModeLimited && (c.Estimate != nil || c.Breaking != nil) {
		rt.Fatalf("an estimate of a target behind a limiter: %+v", c.Estimate)
	}
	if c.Sustained != nil && c.Breaking != nil && c.Sustained.Value >= c.Breaking.Value {
		rt.Fatalf("sustained %v, breaking %v", c.Sustained.Value, c.Breaking.Value)
	}
}

func TestForecastTellsWhatASearchComesTo(t *testing.T) {
	t.Parallel()
	for _, p := range []analyze.Plan{{}, {Budget: 45 * time.Second}, {Profile: analyze.Quick}, {Profile: analyze.Thorough, Budget: time.Hour}} {
		if testing.Short() && p.Profile == analyze.Thorough {
			continue
		}
		f := p.Forecast(1000, 10*time.Millisecond)
		got := search(t, p, sim.New(queue(1000, 10, sim.Lognormal), 1))
		if r := got.Seconds / f.Seconds; r < .5 || r > 2 {
			t.Errorf("%s in %v: foretold %.0fs, took %.0fs", p.Profile, p.Budget, f.Seconds, got.Seconds)
		}
		if r := float64(got.Requests) / float64(f.Requests); r < .5 || r > 2 {
			t.Errorf("%s in %v: foretold %d requests, were %d", p.Profile, p.Budget, f.Requests, got.Requests)
		}
		if f.MaxLoad < 1000 || f.MaxLoad > 2000 {
			t.Errorf("%s in %v: foretold loads up to %.0f/s, want 1000 to 2000", p.Profile, p.Budget, f.MaxLoad)
		}
	}
}

func TestValidateNamesTheFlag(t *testing.T) {
	for _, row := range []struct {
		plan analyze.Plan
		want string
	}{
		{analyze.Plan{Min: 10, Max: 5}, "--max-rate"},
		{analyze.Plan{Max: math.NaN()}, "--max-rate"},
		{analyze.Plan{Budget: time.Second}, "--budget"},
		{analyze.Plan{MaxInFlight: -1}, "--max-inflight"},
		{analyze.Plan{TrialsMax: 1000}, "1000 trials"},
		{analyze.Plan{MaxOverloadSeconds: -1}, "--max-overload-seconds"},
		{analyze.Plan{MaxOverloadSeconds: .9}, "--max-overload-seconds 0.9, want at least 1:"},
		{analyze.Plan{MaxFailed: 5}, "--max-failed"},
		{analyze.Plan{Profile: "hasty"}, "hasty"},
		{analyze.Plan{Arrivals: "odd"}, "odd"},
	} {
		if err := row.plan.Validate(); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("Validate(%+v): %v, want it to name %s", row.plan, err, row.want)
		}
	}
	if err := (analyze.Plan{}).Validate(); err != nil {
		t.Errorf("the zero plan: %v", err)
	}
	if err := (analyze.Plan{MaxOverloadSeconds: .9, Budget: 20 * time.Second}).Validate(); err != nil {
		t.Errorf("0.9s of overload in a budget of 20s, of which trials are shorter: %v", err)
	}
}

// One curve, two capacities: the goals within the loosest are bracketed in the same search, each where it breaks.
func TestSeveralGoalsInOneSearch(t *testing.T) {
	many(t)
	t.Parallel()
	within := func(d time.Duration) analyze.Goal {
		return analyze.Goal{Latency: []analyze.Bound{{Quantile: .99, Max: d}}}
	}
	tight, loose := within(40*time.Millisecond), within(10*time.Second)
	many := analyze.Plan{Goal: tight, Also: []analyze.Goal{loose}, Budget: 10 * time.Minute, MaxOverloadSeconds: 1000, Seed: 3}
	f := search(t, many, sim.New(queue(800, 8, sim.Lognormal), 3))
	both := many.Capacities(f.done)
	alone := search(t, analyze.Plan{Goal: tight, Budget: 10 * time.Minute, MaxOverloadSeconds: 1000, Seed: 3}, sim.New(queue(800, 8, sim.Lognormal), 3))
	if len(both) != 2 || both[0].Goal != tight.String() || both[1].Goal != loose.String() || f.Goal != tight.String() {
		t.Fatalf("capacities for %+v, want both goals in their order, and the tightest first of all", both)
	}
	if !both[0].Decided() || !both[1].Decided() {
		t.Fatalf("%s; %s: want both decided", both[0].Why, both[1].Why)
	}
	if r := both[0].Estimate.Value / alone.Estimate.Value; r < .95 || r > 1.05 {
		t.Errorf("%s breaks at %.0f/s, searched for alone at %.0f/s", tight, both[0].Estimate.Value, alone.Estimate.Value)
	}
	if both[0].Breaking.Value/both[0].Sustained.Value > 1.06 {
		t.Errorf("bracket from %.0f/s to %.0f/s, want one as narrow as the other goal's", both[0].Sustained.Value, both[0].Breaking.Value)
	}
	if e := both[1].Estimate; e.Lo > 800 || e.Hi < 800 {
		t.Errorf("%s breaks at %+v, want 800/s", loose, e)
	}
	if !slices.ContainsFunc(both[0].Estimate.Notes, func(n attack.Note) bool { return n.Code == "goal-bound" }) || len(both[1].Estimate.Notes) > 0 {
		t.Errorf("notes %v and %v, want only the first to be bound by its goal", both[0].Estimate.Notes, both[1].Estimate.Notes)
	}
	if e := both[0].GoalLoad; e == nil || e.Lo > alone.Estimate.Value || e.Hi < alone.Estimate.Value {
		t.Errorf("goal load %+v, want one around %.0f/s", e, alone.Estimate.Value)
	}
	if both[0].Seconds != both[1].Seconds || f.Seconds > 2.5*alone.Seconds {
		t.Errorf("took %.0fs for two goals, %.0fs for one", f.Seconds, alone.Seconds)
	}
}

// paused voids so many of the trials that follow the first warm-up, as a machine does that others keep busy for a while.
type paused struct {
	*sim.Runner
	voids int
	only  string // of this phase; empty for all
	warm  bool
}

func (p *paused) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	m, err := p.Runner.Run(ctx, t, watch)
	if p.warm && p.voids > 0 && (p.only == "" || p.only == t.Phase) {
		p.voids--
		m.Checks = []attack.SelfCheck{{Name: "late ticks", Outcome: attack.Void}}
	}
	p.warm = p.warm || t.Phase == "warm-up"
	return m, err
}

// What keeps a generator from a load that it sent before is not the load: it is waited for, and not for ever.
func TestAPauseOfTheMachineIsWaitedFor(t *testing.T) {
	t.Parallel()
	for voids, want := range map[int]analyze.Cause{0: analyze.CauseTarget, 5: analyze.CauseTarget, 6: analyze.CauseGenerator} {
		p := analyze.Plan{Budget: 3 * time.Minute}
		done, err := attack.Drive(t.Context(), p, &paused{Runner: sim.New(queue(800, 8, sim.Lognormal), 1), voids: voids}, nil, func(attack.Measurement) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if c := p.Capacity(done); c.Cause != want {
			t.Errorf("%d voids in a row: %s (%s), want %s", voids, c.Cause, c.Why, want)
		}
	}
}

// A void trial says nothing, but the target had to bear it: above its capacity it counts as overload, and is not repeated
// where what is left of that, or of the budget, does not allow it.
func TestAVoidTrialIsOverloadAsAnyOther(t *testing.T) {
	t.Parallel()
	for _, p := range []analyze.Plan{{MaxOverloadSeconds: analyze.DefaultMaxOverload}, {MaxOverloadSeconds: 9}} {
		done, err := attack.Drive(t.Context(), p, &paused{Runner: sim.New(queue(800, 8, sim.Lognormal), 1), voids: 5, only: analyze.Saturate}, nil, func(attack.Measurement) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		c, most := p.Capacity(done), p.MaxOverloadSeconds
		sent := 0.
		for _, m := range done {
			if c.Estimate != nil && m.Trial.Load() > c.Estimate.Value {
				sent += overloadOf(m)
			}
		}
		if c.Estimate == nil || math.Abs(c.OverloadSeconds-sent) > 1e-6 || sent > most {
			t.Errorf("%.0fs of overload allowed, %.1fs sent, %.1fs counted (%s)", most, sent, c.OverloadSeconds, c.Why)
		}
	}
}

func overloadOf(m attack.Measurement) float64 {
	if m.Aborted != nil {
		return m.Aborted.At.Seconds()
	}
	return m.Trial.Len().Seconds()
}
