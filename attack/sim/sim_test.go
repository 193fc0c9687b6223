package sim_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// hold is a trial of one actor that holds a load.
func hold(load float64, long time.Duration) attack.Trial {
	return attack.Trial{N: 1, Seed: 3, Actors: []attack.Actor{{Name: "client", Schedule: attack.Constant(load, long, attack.Poisson)}}}
}

func run(t testing.TB, r *sim.Runner, order attack.Trial, watch func(attack.Tick) attack.Reason) attack.Measurement {
	t.Helper()
	m, err := r.Run(context.Background(), order, watch)
	if err != nil {
		t.Fatalf("Run(%+v): %v", order, err)
	}
	if err := m.Check(); err != nil {
		t.Fatalf("Run(%+v): %v", order, err)
	}
	return m
}

func queue(servers int, shape sim.Shape, mean time.Duration) sim.Target {
	return sim.Target{Servers: servers, Service: sim.Service{Shape: shape, Mean: mean, CV: .5}, Timeout: time.Minute}
}

func TestOverloadCompletesAtCapacity(t *testing.T) {
	usl := queue(32, sim.Exponential, 20*time.Millisecond)
	usl.Contention, usl.Coherence = .02, .001
	gc := queue(4, sim.Lognormal, 10*time.Millisecond)
	gc.Pause, gc.PauseGap = 100*time.Millisecond, time.Second
	for name, target := range map[string]sim.Target{
		"16 servers": queue(16, sim.Lognormal, 10*time.Millisecond),
		"contention": usl,
		"pauses":     gc,
	} {
		m := run(t, sim.New(target, 1), hold(1.5*target.Capacity(), 30*time.Second), nil)
		ok := int64(0)
		for _, k := range m.Ticks[10:] {
			ok += k.OK
		}
		got, want := float64(ok)/22.5, target.Saturated()
		if math.Abs(got/want-1) > .03 {
			t.Errorf("%s: %.1f/s completed under overload, want %.1f/s ± 3 %%", name, got, want)
		}
		if target.Saturated() > target.Capacity() {
			t.Errorf("%s: saturated %.1f/s above capacity %.1f/s", name, target.Saturated(), target.Capacity())
		}
	}
}

func TestTheCapHoldsArrivalsBackAndCountsThem(t *testing.T) {
	target := queue(1, sim.Deterministic, 100*time.Millisecond)
	target.Timeout = time.Second
	order := hold(50, 4*time.Second)
	order.Flight = 2
	m := run(t, sim.New(target, 1), order, nil)
	total := m.Total()
	if total.Timeout < 100 || total.OK < 35 || total.OK+total.Timeout != 200 {
		t.Errorf("50/s for 4 s on 10/s: %d ok and %d timeouts, want about 45 and 155", total.OK, total.Timeout)
	}
	if got := total.Service.Max(); got > 210*time.Millisecond {
		t.Errorf("service time of up to %v with 2 in flight, want 200ms at most", got)
	}
	if got := total.Response.Max(); got < time.Second {
		t.Errorf("response time of up to %v, want at least the timeout of 1s", got)
	}
	if m.Ticks[20].InFlight < 20 {
		t.Errorf("%d in flight in the middle, want those that wait counted too", m.Ticks[20].InFlight)
	}
}

func TestWatchEndsATrialAtAnEdge(t *testing.T) {
	m := run(t, sim.New(queue(1, sim.Exponential, time.Millisecond), 1), hold(100, 8*time.Second), func(k attack.Tick) attack.Reason {
		if k.Elapsed >= time.Second {
			return "seen enough"
		}
		return ""
	})
	if m.Aborted == nil || m.Aborted.At != time.Second || m.Aborted.Reason != "seen enough" {
		t.Fatalf("aborted %+v, want at 1s for having seen enough", m.Aborted)
	}
	if len(m.Ticks) != 5 || m.Total().Due != m.Ticks[0].Due+m.Ticks[1].Due+m.Ticks[2].Due+m.Ticks[3].Due+m.Ticks[4].Due {
		t.Errorf("%d ticks and %d due, want 5 ticks and nothing due after them", len(m.Ticks), m.Total().Due)
	}
}

func TestACancelledContextInterrupts(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	watch := func(k attack.Tick) attack.Reason {
		if k.Elapsed >= 2*time.Second {
			cancel()
		}
		return ""
	}
	m, err := sim.New(queue(1, sim.Exponential, time.Millisecond), 1).Run(ctx, hold(500, 8*time.Second), watch)
	if err != nil || m.Aborted == nil || m.Aborted.Reason != attack.Interrupted || m.Aborted.At > 3*time.Second {
		t.Errorf("Run with a cancelled context: %+v, %v; want interrupted soon after 2s and no error", m.Aborted, err)
	}
}

// every admits one request per gap, whoever asks.
func every(gap time.Duration) sim.Limiter {
	next := time.Duration(0)
	return sim.LimiterFunc(func(at time.Duration, _ string) (bool, time.Duration) {
		if at < next {
			return false, next - at
		}
		next = at + gap
		return true, 0
	})
}

func TestClientsComeBackAsTheirMannersTell(t *testing.T) {
	for _, row := range []struct {
		manners      attack.Manners
		ok, attempts int64
	}{
		{attack.Manners{}, 1, 3},
		{attack.Manners{Policy: attack.AtOnce, Tries: 3}, 1, 7},
		{attack.Manners{Policy: attack.RetryAfter}, 3, 6},                                      // both wait 1 s, one wins, the other waits once more
		{attack.Manners{Policy: attack.Fixed, Base: 400 * time.Millisecond, Tries: 20}, 3, 12}, // 1, then 4, then 7 attempts,
	} {
		target := queue(10, sim.Deterministic, time.Millisecond)
		target.Limiter = every(time.Second)
		order := attack.Trial{N: 1, LogMax: 100, Actors: []attack.Actor{{Manners: row.manners,
			Schedule: attack.Schedule{Segments: []attack.Segment{{Len: 5 * time.Second, Burst: 3}}}}}}
		m := run(t, sim.New(target, 1), order, nil)
		got := m.Total()
		if got.OK != row.ok || got.Attempts != row.attempts || got.Throttled != 3-row.ok {
			t.Errorf("3 at once, 1/s, %s: ok %d, throttled %d in %d attempts, want ok %d in %d attempts", row.manners.Policy, got.OK, got.Throttled, got.Attempts, row.ok, row.attempts)
		}
		if int64(len(m.Log)) != got.Attempts || got.Statuses[429] != got.Attempts-got.OK || got.Refusal.N() != got.Statuses[429] {
			t.Errorf("%s: %d in the log, statuses %v, %d refusal times; want all %d attempts", row.manners.Policy, len(m.Log), got.Statuses, got.Refusal.N(), got.Attempts)
		}
	}
}

// A limiter may say that it will never admit, or that it does not know: no header may come out wrong for that.
func TestRetryAfterIsWholeSeconds(t *testing.T) {
	for _, row := range []struct {
		after time.Duration
		want  string
	}{
		{0, "1"}, {time.Millisecond, "1"}, {time.Second, "1"}, {1001 * time.Millisecond, "2"}, {-1, ""}, {24 * time.Hour, "86400"}, {math.MaxInt64, "1"},
	} {
		target := queue(1, sim.Deterministic, time.Millisecond)
		target.Limiter = sim.LimiterFunc(func(time.Duration, string) (bool, time.Duration) { return false, row.after })
		m := run(t, sim.New(target, 1), attack.Trial{N: 1, LogMax: 1, Serial: &attack.Serial{Max: 1}}, nil)
		if got := m.Log[0].Headers["Retry-After"]; got != row.want || m.Log[0].Outcome != attack.Throttled {
			t.Errorf("refused for %v: Retry-After %q, %s, want %q and throttled", row.after, got, m.Log[0].Outcome, row.want)
		}
	}
}

func TestClientsReadRetryAfter(t *testing.T) {
	for _, row := range []struct {
		value, date string
		want        time.Duration // from the refusal to the next request
	}{
		{"3", "", 3 * time.Second},
		{"Mon, 05 Jan 2026 10:00:07 GMT", "Mon, 05 Jan 2026 10:00:00 GMT", 7 * time.Second},
		{"99999999999999999999", "", 365 * 24 * time.Hour},
		{"soon", "", time.Millisecond}, // the gap
		{"1.5", "", time.Millisecond},
	} {
		target := queue(1, sim.Deterministic, time.Millisecond)
		target.Limiter = sim.LimiterFunc(func(time.Duration, string) (bool, time.Duration) { return false, 0 })
		target.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
			a.Headers = map[string]string{"Retry-After": row.value, "Date": row.date}
			return a
		}
		m := run(t, sim.New(target, 1), attack.Trial{N: 1, LogMax: 2, Serial: &attack.Serial{Max: 2, Gap: time.Millisecond, Honour: true}}, nil)
		if got := m.Log[1].Sent - m.Log[0].Received; got != row.want {
			t.Errorf("Retry-After %q: came back after %v, want %v", row.value, got, row.want)
		}
	}
}

func TestKeysHaveLimitersOfTheirOwn(t *testing.T) {
	target := queue(10, sim.Deterministic, time.Millisecond)
	target.Limiter = sim.PerKey(func(string) sim.Limiter { return every(time.Second) })
	one := attack.Schedule{Segments: []attack.Segment{{Len: time.Second, Burst: 5}}}
	order := attack.Trial{N: 1, Actors: []attack.Actor{{Identity: attack.Identity{Value: "a"}, Schedule: one}, {Identity: attack.Identity{Value: "b"}, Schedule: one}}}
	m := run(t, sim.New(target, 1), order, nil)
	for actor := range 2 {
		if w := m.Of(actor); w.OK != 1 || w.Throttled != 4 {
			t.Errorf("actor %d: ok %d, throttled %d, want 1 and 4", actor, w.OK, w.Throttled)
		}
	}
}

func TestAFullQueueSheds(t *testing.T) {
	target := queue(1, sim.Deterministic, time.Second)
	target.Queue = 3
	burst := attack.Trial{N: 1, Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Len: time.Second, Burst: 10}}}}}}
	if w := run(t, sim.New(target, 1), burst, nil).Total(); w.OK != 4 || w.Failed != 6 {
		t.Errorf("10 at once on 1 server and 3 places: ok %d, failed %d, want 4 and 6", w.OK, w.Failed)
	}
	target.Shed = time.Second
	if w := run(t, sim.New(target, 1), burst, nil).Total(); w.Shed != 6 {
		t.Errorf("with Retry-After: shed %d, want 6", w.Shed)
	}
}

func TestRespondPlantsFaults(t *testing.T) {
	target := queue(1, sim.Deterministic, time.Millisecond)
	target.Limiter = every(time.Hour)
	target.Respond = func(c sim.Call, a sim.Answer) sim.Answer {
		if a.Status == 429 {
			a.Status, a.Headers = 403, map[string]string{"Retry-After": "soon"}
			a.Bytes, a.Closed = 7, true
		}
		return a
	}
	order := attack.Trial{N: 1, LogMax: 10, Serial: &attack.Serial{Max: 2}}
	m := run(t, sim.New(target, 1), order, nil)
	if got := m.Log[1]; got.Status != 403 || got.Headers["Retry-After"] != "soon" || got.Outcome != attack.Failed || got.Bytes != 7 || !got.Closed {
		t.Errorf("second answer %+v, want a failed 403 that says soon in 7 bytes, and hangs up", got)
	}
}

func TestSerial(t *testing.T) {
	target := queue(1, sim.Deterministic, 10*time.Millisecond)
	target.Limiter = every(1500 * time.Millisecond)
	for _, row := range []struct {
		name    string
		order   attack.Serial
		n       int64
		took    time.Duration
		settled bool
	}{
		{"a gap of 90ms between answer and request", attack.Serial{Max: 3, Gap: 90 * time.Millisecond}, 3, 190 * time.Millisecond, false},
		{"honouring Retry-After of 2s", attack.Serial{Max: 3, Honour: true}, 3, 2020 * time.Millisecond, false},
		{"until the second admission", attack.Serial{Max: 100, Honour: true, Until: attack.Until{Admitted: 2}}, 3, 2020 * time.Millisecond, true},
		{"until the first refusal", attack.Serial{Max: 100, Until: attack.Until{Refused: 1}}, 2, 10 * time.Millisecond, true},
		{"until two fast ones", attack.Serial{Max: 100, Until: attack.Until{Fast: 2, Within: 5 * time.Millisecond}}, 3, 10 * time.Millisecond, true},
		{"for 1s at most", attack.Serial{Max: 100, For: time.Second, Gap: 300 * time.Millisecond}, 4, 910 * time.Millisecond, false},
	} {
		target.Limiter = every(1500 * time.Millisecond)
		m := run(t, sim.New(target, 1), attack.Trial{N: 1, Serial: &row.order}, nil)
		if m.Total().Due != row.n || m.Took != row.took || m.Settled != row.settled {
			t.Errorf("%s: %d requests in %v, settled %v; want %d in %v, %v", row.name, m.Total().Due, m.Took, m.Settled, row.n, row.took, row.settled)
		}
	}
}

func TestAStarvedGeneratorIsVoid(t *testing.T) {
	r := sim.New(queue(100, sim.Exponential, 10*time.Millisecond), 1)
	r.Ceiling = 1000
	if why, _ := run(t, r, hold(900, 2*time.Second), nil).Void(); why != "" {
		t.Errorf("900/s from a generator of 1000/s is void: %s", why)
	}
	m := run(t, r, hold(3000, 2*time.Second), nil)
	if why, _ := m.Void(); why == "" || m.Total().Unsent == 0 {
		t.Errorf("3000/s from a generator of 1000/s: void %q with %d unsent, want both", why, m.Total().Unsent)
	}
}

func TestTheClockGoesOn(t *testing.T) {
	target := queue(1, sim.Deterministic, 10*time.Millisecond)
	target.Limiter = every(time.Second)
	r := sim.New(target, 1)
	one := attack.Trial{N: 1, Serial: &attack.Serial{Max: 1}}
	run(t, r, one, nil)
	if w := run(t, r, one, nil).Total(); w.Throttled != 1 {
		t.Errorf("at once again: %+v, want it throttled", w.Counts)
	}
	one.Idle = time.Second
	if w := run(t, r, one, nil).Total(); w.OK != 1 {
		t.Errorf("after a second of silence: %+v, want it admitted", w.Counts)
	}
}

func TestWarmupStandsInAWindowOfItsOwn(t *testing.T) {
	order := hold(100, 5*time.Second)
	order.Warmup = 1500 * time.Millisecond
	m := run(t, sim.New(queue(1, sim.Deterministic, time.Millisecond), 1), order, nil)
	var lens []time.Duration
	for _, w := range m.Windows {
		lens = append(lens, w.Len)
	}
	want := []time.Duration{1500 * time.Millisecond, time.Second, time.Second, time.Second, 500 * time.Millisecond}
	if diff := cmp.Diff(want, lens); diff != "" || !m.Windows[0].Warmup || m.Windows[1].Warmup {
		t.Errorf("windows of %v, want %v with only the first a warm-up", lens, want)
	}
}

// Whatever the target and the order: bins sum to due, ticks and windows tell of the same arrivals, and the same seed
// tells the same story.
func TestBooksBalance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		target := sim.Target{
			Servers: rapid.IntRange(1, 8).Draw(rt, "servers"), Queue: rapid.IntRange(0, 5).Draw(rt, "queue"),
			Service: sim.Service{Shape: rapid.SampledFrom([]sim.Shape{sim.Deterministic, sim.Exponential, sim.Lognormal, sim.HeavyTail}).Draw(rt, "shape"),
				Mean: 20 * time.Millisecond, CV: 1, Share: .02, Factor: 10},
			Timeout: time.Duration(rapid.IntRange(30, 1000).Draw(rt, "timeout")) * time.Millisecond,
			Network: time.Millisecond, Jitter: .5, Uplink: 2 * time.Millisecond,
		}
		gap := time.Duration(rapid.IntRange(0, 20).Draw(rt, "gap")) * time.Millisecond
		order := hold(rapid.Float64Range(1, 400).Draw(rt, "load"), 3*time.Second)
		order.Actors[0].Schedule.Segments[0].Burst = rapid.IntRange(0, 30).Draw(rt, "burst")
		order.Actors[0].Manners.Policy = rapid.SampledFrom([]attack.Policy{attack.Never, attack.AtOnce, attack.FullJitter, attack.RetryAfterJitter}).Draw(rt, "policy")
		order.Actors = append(order.Actors, order.Actors[0])
		order.Flight, order.Warmup, order.LogMax = rapid.IntRange(0, 10).Draw(rt, "flight"), 400*time.Millisecond, 50
		stopAt := time.Duration(rapid.IntRange(0, 4000).Draw(rt, "stop")) * time.Millisecond
		once := func() attack.Measurement {
			target.Limiter = every(gap)
			m, err := sim.New(target, 7).Run(context.Background(), order, func(k attack.Tick) attack.Reason {
				if k.Elapsed >= stopAt && stopAt > 0 {
					return "enough"
				}
				return ""
			})
			if err != nil {
				rt.Fatal(err)
			}
			return m
		}
		m := once()
		if err := m.Check(); err != nil {
			rt.Fatal(err)
		}
		checkTicks(rt, m)
		a, b := once(), once()
		if diff := cmp.Diff(a.All().Counts, b.All().Counts); diff != "" || a.Took != b.Took || a.Total().Response.Mean() != b.Total().Response.Mean() {
			rt.Fatalf("the same seed tells two stories: %s", diff)
		}
	})
}

func checkTicks(rt *rapid.T, m attack.Measurement) {
	due, ended := int64(0), int64(0)
	for i, k := range m.Ticks {
		due += k.Due
		ended += k.Ended()
		if k.InFlight != due-ended {
			rt.Fatalf("tick %d: %d in flight, want %d due − %d ended", i, k.InFlight, due, ended)
		}
	}
	if all := m.All(); all.Due != due {
		rt.Fatalf("ticks tell of %d due, windows of %d", due, all.Due)
	}
	if m.Aborted == nil && len(m.Ticks) != attack.TicksPerTrial {
		rt.Fatalf("%d ticks, want %d", len(m.Ticks), attack.TicksPerTrial)
	}
}

// The log keeps exact times, the histogram buckets: both must tell of the same arrivals.
func TestHistogramsHoldWhatTheLogHolds(t *testing.T) {
	order := hold(300, 10*time.Second)
	order.LogMax = attack.MaxLog
	m := run(t, sim.New(queue(4, sim.HeavyTail, 10*time.Millisecond), 1), order, nil)
	var want attack.Histogram
	for _, a := range m.Log {
		want.Record(a.Received - a.Due)
	}
	got := m.Total().Response
	for _, q := range []float64{0, .1, .5, .9, .99, .999, 1} {
		if got.Quantile(q) != want.Quantile(q) {
			t.Errorf("p%g is %v, the log says %v", 100*q, got.Quantile(q), want.Quantile(q))
		}
	}
	if got.N() != want.N() || got.N() != 3000 {
		t.Errorf("%d response times, %d in the log, want 3000", got.N(), want.N())
	}
}

func BenchmarkTrial(b *testing.B) {
	target := queue(16, sim.Lognormal, 10*time.Millisecond)
	order := hold(.9*target.Capacity(), time.Duration(float64(b.N)/(.9*target.Capacity())*float64(time.Second)))
	run(b, sim.New(target, 1), order, nil)
}
