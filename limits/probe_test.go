package limits_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// Next is a function of what was done, in whatever order, and holds its bounds whatever that was.
func TestProbeHoldsItsBoundsAndForgetsOrder(t *testing.T) {
	p := limits.Probe{Seed: 3, MaxRate: 2000, Requests: 3000, Budget: 20 * time.Second}
	done, r := probe(t, p, behindIt(model.NewFirstHit(40, time.Second), 3*ms), 5)
	sent := int64(0)
	for _, m := range done {
		sent += m.All().Attempts
		for _, a := range m.Trial.Actors {
			if peak := a.Schedule.Peak(); peak > p.MaxRate {
				t.Errorf("trial %d peaks at %g/s, more than --max-rate %g", m.Trial.N, peak, p.MaxRate)
			}
		}
	}
	if sent > 3000 || r.Clock() > 21*time.Second || len(done) < 3 {
		t.Errorf("%d trials, %d requests in %v; want some, within 3000 and 20 s", len(done), sent, r.Clock())
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, len(done)).Draw(rt, "done")
		some := slices.Clone(done[:n])
		for i := range some { // a log that says something else, or less
			if rapid.IntRange(0, 3).Draw(rt, "spoil") == 0 {
				some[i].Log = some[i].Log[:rapid.IntRange(0, len(some[i].Log)).Draw(rt, "kept")]
			}
		}
		a, more := p.Next(some)
		b, too := p.Next(rapid.Permutation(some).Draw(rt, "order"))
		if more != too || !reflect.DeepEqual(a, b) {
			rt.Fatalf("Next depends on the order: %v %v, %v %v", a.Phase, more, b.Phase, too)
		}
		if more && (a.Validate() != nil || a.Count() > 3000) {
			rt.Fatalf("trial %+v", a)
		}
	})
}

func TestProbeLeavesAloneWhatRefusesNothing(t *testing.T) {
	done, _ := probe(t, limits.Probe{MaxRate: 500}, behindIt(nil, 3*ms), 1)
	got := limits.Identify(done)
	if got.Algorithm != limits.NoLimiter || got.PeakRate > 600 || got.Requests > 6500 {
		t.Errorf("%s after %d requests at up to %g/s, want none, at no more than 500/s", got.Algorithm, got.Requests, got.PeakRate)
	}
}

func TestProbeTellsWhetherIdentitiesShareALimit(t *testing.T) {
	keys := []attack.Identity{{Name: "a", Header: "X-Api-Key", Value: "1"}, {Name: "b", Header: "X-Api-Key", Value: "2"}}
	shared := behindIt(model.NewBucket(50, 20), 3*ms)
	apart := behindIt(nil, 3*ms)
	apart.Limiter = perKey(50, 20)
	for want, target := range map[string]targetOf{"shared": {shared}, "identity": {apart}} {
		done, _ := probe(t, limits.Probe{Keys: keys}, target.Target, 1)
		if got := limits.Identify(done); got.KeyedBy != want {
			t.Errorf("keyed by %q, want %q", got.KeyedBy, want)
		}
	}
}
