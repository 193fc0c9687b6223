package analyze

import (
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The warm-up ends once the median falls no more; a single window in which it rose, as where memory was swept, tells nothing.
func TestTheWarmUpEndsWhenTheMedianFallsNoMore(t *testing.T) {
	p := Plan{}.withDefaults()
	for _, r := range []struct {
		name    string
		medians []time.Duration
		warm    bool
	}{
		{"the first", []time.Duration{100}, false},
		{"as fast as before", []time.Duration{100, 100}, true},
		{"faster", []time.Duration{100, 70}, false},
		{"faster, then as fast", []time.Duration{100, 70, 70}, true},
		{"risen once", []time.Duration{100, 130}, false},
		{"risen once, then faster", []time.Duration{100, 130, 40}, false},
		{"risen once, then as before", []time.Duration{100, 130, 100}, true},
		{"risen twice", []time.Duration{100, 130, 130}, true},
	} {
		s := &search{plan: p, effort: efforts[Standard], rest: Rest{P50: time.Millisecond, P99: time.Millisecond}, finding: finding{goal: p.loosest(), lo: 100}}
		for i, ms := range r.medians {
			m := attack.Measurement{Trial: s.hold(WarmUp, "", 100, 2, 0), Took: 2 * time.Second}
			w := attack.Window{Len: 2 * time.Second, Counts: attack.Counts{Due: 200, OK: 200}}
			w.Response.RecordN(ms*time.Millisecond, 200)
			m.Windows, m.Trial.N = []attack.Window{w}, i+1
			s.todo = append(s.todo, m)
		}
		s.warm()
		if warm := s.want != nil && s.want.Phase == Settle; warm != r.warm || s.want == nil {
			t.Errorf("%s: warm %v, want %v", r.name, warm, r.warm)
		}
	}
}

// What a target takes at rest is what its lightest load took at the end, where it got warm after the last baseline.
func TestATargetThatGotWarmIsFasterAtRest(t *testing.T) {
	const ms = time.Millisecond
	for _, r := range []struct {
		name string
		load float64
		took time.Duration
		want time.Duration
	}{
		{"it got warm", 100, 7 * ms, 7 * ms},
		{"it is as before, but for chance", 100, 9 * ms, 10 * ms},
		{"it is slower, for it queues", 100, 30 * ms, 10 * ms},
		{"no light load", 500, 7 * ms, 10 * ms},
	} {
		s := &search{rest: Rest{P50: 10 * ms, P99: 10 * ms, Mean: 10 * ms}, finding: finding{sustained: 1000}, kneeAt: []int{0}}
		s.rows = []row{went(1, r.load, r.load, r.took, Sustained)}
		if got := s.warmRest().P99; math.Abs(float64(got)/float64(r.want)-1) > .01 {
			t.Errorf("%s: p99 %v at rest, want %v", r.name, got, r.want)
		}
	}
	if got := (&search{rest: Rest{P99: 10 * ms}}).warmRest().P99; got != 10*ms {
		t.Errorf("no knee: p99 %v at rest, want that of the baseline", got)
	}
}
