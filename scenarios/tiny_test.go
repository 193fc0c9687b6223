package scenarios_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// jittery puts a way before a gateway's limiter on which each request is held up by up to so long, and none overtakes.
func jittery(l taker, rate float64, most time.Duration, seed uint64) sim.Target {
	t, rng, last := gateway(nil, rate), rand.New(rand.NewPCG(seed, 7)), time.Duration(0)
	t.Network = max(t.Network, 3*most)
	t.Limiter = sim.LimiterFunc(func(at time.Duration, _ string) (bool, time.Duration) {
		last = max(last, at+time.Duration(rng.Float64()*float64(most)))
		return l.Take(last)
	})
	return t
}

// A bucket of one, as nginx is without burst=, keeps its word however the network jitters.
func TestABucketOfOneIsNotAccused(t *testing.T) {
	long(t)
	for _, row := range []struct {
		rate   float64
		jitter time.Duration
		want   string // exactly these inconclusive
	}{
		{2, 2 * time.Millisecond, ""}, {10, 2 * time.Millisecond, ""}, {200, 100 * time.Microsecond, ""}, {200, 500 * time.Microsecond, ""},
		{1000, 100 * time.Microsecond, ""}, {1000, time.Millisecond, "V03 V28"}, {1000, 2 * time.Millisecond, "V02 V03 V15 V28"},
	} {
		for seed := range seeds(6) {
			conf := config(row.rate, 1)
			conf.Seed = seed
			_, vs := play(t, conf, jittery(model.NewBucket(row.rate, 1), row.rate, row.jitter, seed))
			if fails, unsure := by(vs, scenarios.Fail), by(vs, scenarios.Inconclusive); fails != "" || !between(unsure, "", row.want) {
				t.Errorf("%v/s and 1 at once, up to %v on the way, seed %d: fails %q, inconclusive %q, want none and at most %q\n%s", row.rate, row.jitter, seed, fails, unsure, row.want, tell(vs))
			}
		}
	}
}

// What excuses a correct bucket of one excuses no tighter one.
func TestATighterBucketOfOneIsAccused(t *testing.T) {
	long(t)
	for _, rate := range []float64{2, 10, 200} {
		conf := config(rate, 1)
		conf.Only = []string{"V28"}
		_, vs := play(t, conf, jittery(model.NewBucket(.6*rate, 1), rate, 100*time.Microsecond, 1))
		if scenarios.Overall(vs) != scenarios.Fail {
			t.Errorf("a bucket of 1 at %v/s sold as one of %v/s: want V28 to fail\n%s", .6*rate, rate, tell(vs))
		}
	}
}
