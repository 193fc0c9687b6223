package analyze

import (
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
