package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// bounded is a backend of so many times the limit that answers 503 to whom its short queue cannot hold.
func bounded(times float64, retryAfter time.Duration) sim.Target {
	t := gateway(nil, r)
	t.Service.Mean = time.Duration(16 / (times * r) * 1e9)
	t.Queue, t.Shed = 32, retryAfter
	return t
}

// wrongly is a limiter that refuses with 503.
func wrongly(l taker, retryAfter bool) sim.Target {
	t := roomy(l, r)
	t.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
		if a.Status == 429 {
			a.Status = 503
			if !retryAfter {
				a.Headers = nil
			}
		}
		return a
	}
	return t
}

// brittle is a gateway whose backend fails every tenth request that is let in.
func brittle(l taker) sim.Target {
	t, n := roomy(l, r), 0
	t.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
		if a.Status == 200 {
			if n++; n%10 == 0 {
				a.Status = 500
			}
		}
		return a
	}
	return t
}

func TestAStormThatGoesThroughIsEnded(t *testing.T) {
	for _, row := range []struct {
		says   string
		target sim.Target
		ended  bool
	}{
		{"no limiter before a backend that bears all", roomy(nil, r), true},
		{"no limiter before a backend that fails now and then", brittle(nil), true},
		{"no limiter before a backend of 3 times the limit that sheds the rest", bounded(3, 0), true},
		{"the same, and it says when to come back", bounded(3, time.Second), true},
		{"no limiter before a backend of 1.6 times the limit that sheds the rest", bounded(1.6, 0), true},
		{"a limiter ten times too large", roomy(model.NewBucket(10*r, 10*c), r), true},
		{"a correct limiter", roomy(model.NewBucket(r, c), r), false},
		{"a correct limiter before a backend that fails now and then", brittle(model.NewBucket(r, c)), false},
		{"a limiter of twice the rate", roomy(model.NewBucket(2*r, c), r), false},
		{"a limiter that refuses with 503", wrongly(model.NewBucket(r, c), false), false},
		{"a limiter that refuses with 503 and Retry-After", wrongly(model.NewBucket(r, c), true), false},
	} {
		conf := config(r, c)
		conf.Only = []string{"overload"}
		done, vs := play(t, conf, row.target)
		for _, m := range done {
			if !phase(&m, "overload") {
				continue
			}
			if got := m.Aborted != nil && m.Aborted.Reason == scenarios.NotRefused; got != row.ended {
				t.Errorf("%s: ended %v, want %v (%+v)", row.says, got, row.ended, m.All().Counts)
			}
			if sent := m.All().Attempts; row.ended && sent > 3200 {
				t.Errorf("%s: %d were sent before the storm was ended, want at most 3200", row.says, sent)
			}
		}
		if failing := by(vs, scenarios.Fail); row.ended && (!strings.Contains(failing, "V01") || !strings.Contains(failing, "V05")) {
			t.Errorf("%s: fails %q, want V01 and V05 among them\n%s", row.says, failing, tell(vs))
		}
	}
}

// Harm ends a storm sooner, not later.
func TestHarmEndsAStormSooner(t *testing.T) {
	sent := func(target sim.Target) int64 {
		conf := config(r, c)
		conf.Only = []string{"V05"}
		done, _ := play(t, conf, target)
		return done[len(done)-1].All().Due
	}
	whole := roomy(nil, r)
	harmed := bounded(2, 0)
	if a, b := sent(harmed), sent(whole); a > b {
		t.Errorf("%d were sent to a backend that fails and %d to one that bears all, want no more", a, b)
	}
}
