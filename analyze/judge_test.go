package analyze_test

import (
	"context"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// trial is one load held against a target of 1000/s.
func trial(t testing.TB, target sim.Target, load float64, long time.Duration, seed uint64, watch func(attack.Tick) attack.Reason) attack.Measurement {
	t.Helper()
	m, err := sim.New(target, seed).Run(context.Background(), holding(load, long, seed), watch)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func holding(load float64, long time.Duration, seed uint64) attack.Trial {
	return attack.Trial{N: 1, Seed: seed, Warmup: long / 5, Actors: []attack.Actor{{Schedule: attack.Constant(load, long, attack.Poisson)}}}
}

var rest = analyze.Rest{P50: 10 * time.Millisecond, P99: 22 * time.Millisecond, Mean: 11 * time.Millisecond, CS2: .25}

func TestJudge(t *testing.T) {
	t.Parallel()
	plain := queue(1000, 10, sim.Lognormal)
	plain.Timeout = time.Minute
	sheds, limits, fails := plain, plain, plain
	sheds.Queue, sheds.Shed = 10, time.Second
	limits.Limiter = bucket(600, 10)
	n := 0
	fails.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
		if n++; n%50 == 0 {
			a.Status = 502
		}
		return a
	}
	stop := func(why attack.Reason) func(attack.Measurement) attack.Measurement {
		return func(m attack.Measurement) attack.Measurement {
			m.Aborted = &attack.Abort{At: 2 * time.Second, Reason: why}
			return m
		}
	}
	void := func(m attack.Measurement) attack.Measurement {
		m.Checks = []attack.SelfCheck{{Name: "unsent", Outcome: attack.Void, Got: "5%", Want: "0.1%"}}
		return m
	}
	same := func(m attack.Measurement) attack.Measurement { return m }
	fast := analyze.Goal{Latency: []analyze.Bound{{Quantile: .95, Max: 15 * time.Millisecond}}}
	lax := analyze.Goal{Failed: new(float64)}
	*lax.Failed = .05
	for _, row := range []struct {
		name   string
		target sim.Target
		load   float64
		goal   analyze.Goal
		plant  func(attack.Measurement) attack.Measurement
		class  analyze.Class
		why    attack.Reason
	}{
		{"half of capacity", plain, 500, analyze.Goal{}, same, analyze.Sustained, ""},
		{"just below capacity", plain, 970, analyze.Goal{}, same, analyze.Sustained, ""},
		{"5 % beyond capacity", plain, 1050, analyze.Goal{}, same, analyze.Overloaded, analyze.Backlog},
		{"twice the capacity", plain, 2000, analyze.Goal{}, same, analyze.Overloaded, analyze.Backlog},
		{"a full queue that sheds", sheds, 1200, analyze.Goal{}, same, analyze.Overloaded, analyze.Errors},
		{"one in 50 fails", fails, 500, analyze.Goal{}, same, analyze.Overloaded, analyze.Errors},
		{"one in 50 fails, and one in 20 may", fails, 500, lax, same, analyze.Sustained, ""},
		{"a latency bound below the median", plain, 500, fast, same, analyze.Overloaded, analyze.Slow},
		{"a limiter of 600/s", limits, 800, analyze.Goal{}, same, analyze.Limited, analyze.Refusals},
		{"a void trial", plain, 1500, analyze.Goal{}, void, analyze.Void, ""},
		{"a trial ended for its backlog", plain, 500, analyze.Goal{}, stop(analyze.Backlog), analyze.Overloaded, analyze.Backlog},
		{"a trial ended for refusals", plain, 500, analyze.Goal{}, stop(analyze.Refusals), analyze.Limited, analyze.Refusals},
		{"an interrupted trial", plain, 1500, analyze.Goal{}, stop(attack.Interrupted), analyze.Undecided, attack.Interrupted},
	} {
		m := row.plant(trial(t, row.target, row.load, 15*time.Second, 7, nil))
		j := analyze.Judge(m, rest, row.goal, analyze.Full)
		if j.Class != row.class || j.Why != row.why {
			t.Errorf("%s: %s for %q (%s), want %s for %q", row.name, j.Class, j.Why, j.Text, row.class, row.why)
		}
		if (j.Text == "") != (j.Class == analyze.Sustained) {
			t.Errorf("%s: classed %s with the sentence %q", row.name, j.Class, j.Text)
		}
	}
}

// Of many trials at each share of capacity, how many are called overloaded: the test must hardly ever be wrong 5 % away.
func TestJudgeIsRarelyWrong(t *testing.T) {
	many(t)
	t.Parallel()
	const n = 30
	for _, row := range []struct {
		load        float64
		least, most int // called overloaded
	}{{900, 0, 0}, {950, 0, 1}, {1050, n - 2, n}, {1100, n, n}} {
		called := 0
		for seed := range uint64(n) {
			m := trial(t, queue(1000, 10, sim.Lognormal), row.load, 10*time.Second, seed, nil)
			if analyze.Judge(m, rest, analyze.Goal{}, analyze.Full).Class == analyze.Overloaded {
				called++
			}
		}
		if called < row.least || called > row.most {
			t.Errorf("%.0f/s of 1000/s: overloaded in %d of %d trials, want %d to %d", row.load, called, n, row.least, row.most)
		}
	}
}

func TestWatchEndsOverloadsEarlyAndNothingElse(t *testing.T) {
	t.Parallel()
	plain, sheds := queue(1000, 10, sim.Lognormal), queue(1000, 10, sim.Lognormal)
	sheds.Queue = 10
	limits, pauses := plain, sheds
	pauses.Pause, pauses.PauseGap = 150*time.Millisecond, 12*time.Second
	for _, row := range []struct {
		name   string
		target sim.Target
		load   float64
		rigour analyze.Rigour
		flight int
		want   attack.Reason
		by     time.Duration
	}{
		{"95 % of capacity, brief", plain, 950, analyze.Brief, 20_000, "", 0},
		{"95 % of capacity, full", plain, 950, analyze.Full, 20_000, "", 0},
		{"twice the capacity, brief", plain, 2000, analyze.Brief, 20_000, analyze.Backlog, 2 * time.Second},
		{"12 % beyond capacity, medium", plain, 1120, analyze.Medium, 20_000, analyze.Backlog, 6 * time.Second},
		{"12 % beyond capacity, full", plain, 1120, analyze.Full, 20_000, analyze.Backlog, 6 * time.Second},
		{"twice the capacity of one that sheds", sheds, 2000, analyze.Full, 20_000, analyze.Errors, 2 * time.Second},
		{"one of thirty shed, full", sheds, 1000, analyze.Full, 20_000, analyze.Errors, 6 * time.Second},
		{"fewer shed than the goal allows, full", sheds, 800, analyze.Full, 20_000, "", 0},
		{"as many shed in a pause, full", pauses, 700, analyze.Full, 20_000, "", 0},
		{"more in flight than allowed", plain, 1500, analyze.Medium, 100, analyze.Backlog, time.Second},
		{"a limiter", limits, 800, analyze.Full, 20_000, analyze.Refusals, 4 * time.Second},
	} {
		for seed := range seeds(10) {
			if row.name == "a limiter" {
				row.target.Limiter = bucket(500, 10)
			}
			watch := analyze.Watch(holding(row.load, 15*time.Second, seed), rest, analyze.Goal{}, row.rigour, row.flight)
			m := trial(t, row.target, row.load, 15*time.Second, seed, watch)
			switch {
			case row.want == "" && m.Aborted != nil:
				t.Errorf("%s, seed %d: ended for %s at %v, want it to go on", row.name, seed, m.Aborted.Reason, m.Aborted.At)
			case row.want != "" && (m.Aborted == nil || m.Aborted.Reason != row.want || m.Aborted.At > row.by):
				t.Errorf("%s, seed %d: %+v, want %s by %v", row.name, seed, m.Aborted, row.want, row.by)
			}
		}
	}
}

// A generator that is two in a hundred too slow lets a backlog grow as an overload does, but before the target.
func TestWatchLeavesALateGeneratorAlone(t *testing.T) {
	t.Parallel()
	for seed := range seeds(10) {
		for _, rigour := range []analyze.Rigour{analyze.Medium, analyze.Full} {
			r := sim.New(queue(1000, 10, sim.Lognormal), seed)
			r.Ceiling = 784
			order := holding(800, 15*time.Second, seed)
			m, err := r.Run(context.Background(), order, analyze.Watch(order, rest, analyze.Goal{}, rigour, 20_000))
			if err != nil {
				t.Fatal(err)
			}
			if why, _ := m.Void(); m.Aborted != nil || why == "" {
				t.Errorf("seed %d: ended %+v, void %q, want it to go on until it is void", seed, m.Aborted, why)
			}
		}
	}
}

// flights makes ticks of 1 s from the numbers in flight at their edges; ok completions in each.
func flights(ok int64, inFlight ...int64) []attack.Tick {
	var ticks []attack.Tick
	for i, n := range inFlight {
		ticks = append(ticks, attack.Tick{Elapsed: time.Duration(i+1) * time.Second, InFlight: n, OK: ok})
	}
	return ticks
}

func TestBusyRuns(t *testing.T) {
	for _, row := range []struct {
		name      string
		ticks     []attack.Tick
		last, all int // ticks
	}{
		{"never busy", flights(7, 1, 2, 3, 1, 2), 0, 0},
		{"always busy: the first tick may have begun idle", flights(7, 9, 9, 9, 9, 9), 4, 4},
		{"busy at the end", flights(7, 1, 1, 9, 9, 9, 9), 3, 3},
		{"too short a run", flights(7, 1, 1, 1, 9, 9, 9), 0, 0},
		{"busy, idle, busy", flights(7, 9, 9, 9, 9, 1, 9, 9, 9, 9), 3, 6},
		{"busy, then idle", flights(7, 9, 9, 9, 9, 1, 1), 0, 3},
	} {
		for name, got := range map[string]struct {
			analyze.Busy
			want int
		}{"last": {analyze.LastBusy(row.ticks, 5), row.last}, "all": {analyze.AllBusy(row.ticks, 5), row.all}} {
			if got.Ticks != got.want || got.N != 7*int64(got.want) || got.want > 0 && got.Rate != 7 {
				t.Errorf("%s, %s: %+v, want %d ticks of 7/s", row.name, name, got.Busy, got.want)
			}
		}
	}
}

func TestGrowth(t *testing.T) {
	var even, rising []int64
	for i := range int64(40) {
		even, rising = append(even, 50), append(rising, 10*(i+1))
	}
	if x, n := analyze.Growth(flights(0, even...), 8, 100); x != 0 || math.Abs(n-3200) > 1e-6 {
		t.Errorf("an even backlog grows by %v of %v arrivals, want 0 of 3200", x, n)
	}
	if x, _ := analyze.Growth(flights(0, rising...), 8, 100); math.Abs(x-.1) > 1e-9 {
		t.Errorf("a backlog that rises by 10/s at 100/s grows by %v, want 0.1", x)
	}
	if x, n := analyze.Growth(nil, 0, 100); x != 0 || n != 0 {
		t.Errorf("no ticks: %v, %v, want 0, 0", x, n)
	}
}

// The worked example of Newcombe (1998), table I: 81 of 263 at 95 % is 0.2553 to 0.3662.
func TestWilson(t *testing.T) {
	if lo, hi := analyze.Wilson(81, 263, 1.95996); math.Abs(lo-.2553) > 1e-4 || math.Abs(hi-.3662) > 1e-4 {
		t.Errorf("Wilson(81, 263) = %.4f, %.4f, want 0.2553, 0.3662", lo, hi)
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Int64Range(0, 1e6).Draw(rt, "n")
		k := rapid.Int64Range(0, n).Draw(rt, "k")
		lo, hi := analyze.Wilson(k, n, 3)
		if p := float64(k) / max(float64(n), 1); n > 0 && (lo > p+1e-9 || hi < p-1e-9) || lo < -1e-9 || hi > 1+1e-9 {
			rt.Fatalf("Wilson(%d, %d) = %v, %v", k, n, lo, hi)
		}
	})
}
