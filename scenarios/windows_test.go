package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// windows is a throttle of so many in a window, declared as such.
func windows(n int, w time.Duration, a scenarios.Algorithm) scenarios.Config {
	conf := config(float64(n)/w.Seconds(), n)
	conf.Algorithm, conf.Window = a, w
	return conf
}

// onePast is a gateway of one limiter before a roomy backend.
func onePast(l model.Limiter, rate float64) sim.Target {
	t := roomy(nil, rate)
	t.Limiter = sim.One(l)
	return t
}

func TestACorrectWindowPasses(t *testing.T) {
	long(t)
	for _, row := range []struct {
		says string
		conf scenarios.Config
		make func() model.Limiter
	}{
		{"fixed on the clock", windows(200, time.Second, scenarios.FixedWindow), func() model.Limiter { return model.NewWindow(200, time.Second) }},
		{"fixed from the first hit", windows(100, 2*time.Second, scenarios.FixedWindow), func() model.Limiter { return model.NewFirstHit(100, 2*time.Second) }},
		{"a log", windows(100, 2*time.Second, ""), func() model.Limiter { return model.NewLog(100, 2*time.Second) }},
		{"a log of a second", windows(300, time.Second, scenarios.SlidingWindow), func() model.Limiter { return model.NewLog(300, time.Second) }},
		{"a long log", windows(50, 5*time.Second, ""), func() model.Limiter { return model.NewLog(50, 5*time.Second) }},
	} {
		for seed := range seeds(4) {
			for _, short := range []bool{true, false} {
				conf := row.conf
				conf.Seed, conf.Brief = seed+1, short
				conf.Skip = []string{"retry-storm"}
				_, vs := play(t, conf, onePast(row.make(), conf.Limit.Rate))
				if fails, unsure := by(vs, scenarios.Fail), by(vs, scenarios.Inconclusive); fails+unsure != "" || !strings.Contains(by(vs, scenarios.Pass), "V27") {
					t.Errorf("%s, seed %d, brief %v: fails %q, inconclusive %q, want none\n%s", row.says, conf.Seed, short, fails, unsure, tell(vs))
				}
			}
		}
	}
}

func TestACorrectQueuePasses(t *testing.T) {
	long(t)
	for seed := range seeds(3) {
		conf := config(200, 40)
		conf.Algorithm, conf.Seed = scenarios.LeakyQueue, seed+1
		conf.Skip = []string{"retry-storm"}
		_, vs := play(t, conf, onePast(model.NewQueue(200, 39, 1), 200))
		if fails, unsure := by(vs, scenarios.Fail), by(vs, scenarios.Inconclusive); fails+unsure != "" {
			t.Errorf("seed %d: fails %q, inconclusive %q, want none\n%s", conf.Seed, fails, unsure, tell(vs))
		}
	}
}

// jealous lets nobody in who asked within its window and was refused.
type jealous struct {
	model.Limiter
	within, refused time.Duration
	once            bool
}

func (j *jealous) Take(at time.Duration) (bool, time.Duration) {
	ok, wait := j.Limiter.Take(at)
	if ok && j.once && at-j.refused < j.within {
		ok, wait = false, j.within
	}
	if !ok {
		j.refused, j.once = at, true
	}
	return ok, wait
}

func TestFaultsOfWindows(t *testing.T) {
	long(t)
	sliding := windows(200, time.Second, scenarios.SlidingWindow)
	for _, row := range []struct {
		fault string
		conf  scenarios.Config
		make  func() model.Limiter
		fails string
		too   string
		says  string
	}{
		{"a fixed window sold as a sliding one", sliding, func() model.Limiter { return model.NewWindow(200, time.Second) }, "V27", "V02 V04", "it is a fixed window"},
		{"10 % too many in each", sliding, func() model.Limiter { return model.NewLog(220, time.Second) }, "V01 V02 V04 V27", "V03", "more than its limit"},
		{"10 % too few in each", sliding, func() model.Limiter { return model.NewLog(180, time.Second) }, "V01 V02", "V03 V28", "less than its limit"},
		{"a window of half the length", sliding, func() model.Limiter { return model.NewLog(200, time.Second/2) }, "V01 V04 V27", "V03", "more than its limit"},
		{"three times as much in a fixed window", windows(200, time.Second, scenarios.FixedWindow), func() model.Limiter { return model.NewWindow(600, time.Second) }, "V01 V02 V04 V27", "V03 V22", "more than its limit"},
		{"one that counts what it refuses", sliding, func() model.Limiter { return &jealous{Limiter: model.NewLog(200, time.Second), within: time.Second} }, "V01 V22", "V02 V03 V28", "nothing at all was let in"},
		{"no limit", sliding, func() model.Limiter { return model.NewLog(1_000_000, time.Second) }, "V01 V02 V04 V05", "V03 V27", "no request was refused"},
	} {
		for _, short := range []bool{true, false} {
			conf := row.conf
			conf.Brief, conf.Only = short, strings.Fields("V01 V02 V03 V04 V05 V22 V27 V28")
			_, vs := play(t, conf, onePast(row.make(), conf.Limit.Rate))
			if got := by(vs, scenarios.Fail); !between(got, row.fails, row.too) || !strings.Contains(whys(vs), row.says) {
				t.Errorf("%s, brief %v: fails %q, want %q (and perhaps %q) and %q\n%s", row.fault, short, got, row.fails, row.too, row.says, tell(vs))
			}
		}
	}
}

// A fixed window is none that holds for any interval, whether it turns by the clock or begins with the first request; one
// that slides is never accused.
func TestNoFixedWindowPassesForASlidingOne(t *testing.T) {
	long(t)
	for _, row := range []struct {
		n int
		w time.Duration
	}{{200, time.Second}, {50, 2 * time.Second}, {20, time.Second}} {
		for _, kind := range []struct {
			says string
			make func() model.Limiter
			want scenarios.Outcome
		}{
			{"fixed on the clock", func() model.Limiter { return model.NewWindow(row.n, row.w) }, scenarios.Fail},
			{"fixed from the first hit", func() model.Limiter { return model.NewFirstHit(row.n, row.w) }, scenarios.Fail},
			{"sliding", func() model.Limiter { return model.NewLog(row.n, row.w) }, scenarios.Pass},
		} {
			for seed := range uint64(20) {
				conf := windows(row.n, row.w, scenarios.SlidingWindow)
				conf.Seed, conf.Brief, conf.Only = seed+1, seed%2 == 0, []string{"V27"}
				_, vs := play(t, conf, onePast(kind.make(), conf.Limit.Rate))
				if got := scenarios.Overall(vs); got != kind.want || kind.want == scenarios.Fail && !strings.Contains(whys(vs), "it is a fixed window") {
					t.Errorf("%d in %v, %s, seed %d, sold as sliding: %s, want %s\n%s", row.n, row.w, kind.says, conf.Seed, got, kind.want, tell(vs))
				}
			}
		}
	}
}

func TestWindowsThatMakeNoSense(t *testing.T) {
	for _, row := range []struct {
		algorithm scenarios.Algorithm
		window    time.Duration
		burst     int
		says      string
	}{
		{"gcra", 0, 100, `algorithm "gcra"`}, {scenarios.TokenBucket, time.Second, 100, "goes with fixed-window or sliding-window"},
		{scenarios.FixedWindow, time.Hour, 100, "want at most"}, {"", time.Second, 50, "are 100 at once, not 50"}, {scenarios.FixedWindow, -time.Second, 100, "want at most"},
		{scenarios.Concurrency, time.Second, 100, "goes with fixed-window or sliding-window"},
	} {
		conf := config(100, row.burst)
		conf.Algorithm, conf.Window = row.algorithm, row.window
		if _, err := scenarios.New(conf); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s with a window of %v: %v, want %q", row.algorithm, row.window, err, row.says)
		}
	}
}

// A counter that slides remembers up to two windows. Whatever storms came before and wherever its windows turn, it passes,
// declared as what it is or as a bucket that is a window.
func TestACounterThatSlidesIsLetForget(t *testing.T) {
	long(t)
	for _, long := range []time.Duration{300 * time.Millisecond, 500 * time.Millisecond, 1700 * time.Millisecond} {
		for seed := range seeds(6) {
			for _, a := range []scenarios.Algorithm{scenarios.SlidingWindow, ""} {
				conf := windows(100, long, a)
				conf.Window, conf.Profile, conf.Seed = 0, scenarios.Window, seed+1
				turn := long / 6 * time.Duration(seed) // of the windows, against the storms
				target := onePast(model.NewCounter(100, long), conf.Limit.Rate)
				target.Limiter = shifted{model.NewCounter(100, long), turn}.limiter()
				_, vs := play(t, conf, target)
				if fails, unsure := by(vs, scenarios.Fail), by(vs, scenarios.Inconclusive); fails+unsure != "" {
					t.Errorf("100 in %v, %q, seed %d: fails %q, inconclusive %q, want none\n%s", long, a, conf.Seed, fails, unsure, tell(vs))
				}
			}
		}
	}
}

// shifted is a limiter whose clock is ahead.
type shifted struct {
	model.Limiter
	by time.Duration
}

func (s shifted) limiter() sim.Limiter {
	return sim.LimiterFunc(func(at time.Duration, _ string) (bool, time.Duration) { return s.Take(at + s.by) })
}

// A counter that does not forget is still seen.
func TestACounterThatForgetsTooLateFails(t *testing.T) {
	long(t)
	conf := windows(100, 500*time.Millisecond, scenarios.SlidingWindow)
	conf.Profile, conf.Only = scenarios.Window, []string{"V03"}
	_, vs := play(t, conf, onePast(model.NewCounter(100, 1500*time.Millisecond), 200))
	if by(vs, scenarios.Fail) != "V03" {
		t.Errorf("three windows instead of one: want V03 to fail\n%s", tell(vs))
	}
}
