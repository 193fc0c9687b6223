package scenarios

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// The passes with two ends find what looking at every pair finds.
func TestWorstWindowsIsTheWorstOfAllPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log, limit := admissions(t), rapid.IntRange(1, 10).Draw(t, "limit")
		edges, w := rapid.IntRange(0, 1).Draw(t, "edges"), time.Duration(rapid.Int64Range(20e6, 500e6).Draw(t, "window"))
		want := math.Inf(-1)
		for i := range log {
			last := time.Duration(0)
			for _, a := range log[:i] {
				last = max(last, a.Received)
			}
			for j := i; j < len(log); j++ {
				last = max(last, log[j].Received)
				k := int((last - log[i].Sent) / w)
				want = max(want, float64(j-i+1)-float64(limit*(k+1+edges)))
			}
		}
		if got := worstWindows(log, limit, edges, w); got.over != want {
			t.Fatalf("worstWindows = %+v, all pairs say %v", got, want)
		}
	})
}

// A crowd that had two windows' worth is asked again; one that had no more than a window's, or whose throttle keeps none, is not.
func TestACrowdAtTheTurnOfAWindow(t *testing.T) {
	windowed := Config{Limit: limits.Limit{Rate: 200, Burst: 100}, Window: 500 * time.Millisecond, Algorithm: FixedWindow}
	bucket := Config{Limit: limits.Limit{Rate: 200, Burst: 100}}
	for _, row := range []struct {
		c     Config
		in    int
		again bool
	}{{windowed, 131, true}, {windowed, 101, true}, {windowed, 100, false}, {bucket, 131, false}} {
		var m attack.Measurement
		for i := range 200 {
			a := attack.Attempt{Outcome: attack.Throttled, Due: time.Second}
			if i < row.in {
				a.Outcome = attack.OK
			}
			m.Log = append(m.Log, a)
		}
		if why := straddled(row.c, m); (why != "") != row.again {
			t.Errorf("%d of a crowd let in, windows %v: %q, want it asked again: %v", row.in, row.c.Window, why, row.again)
		}
	}
}

// Whatever the delays on the way, a window that keeps its word is never accused.
func TestACorrectWindowIsNeverAccused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit, w := rapid.IntRange(1, 8).Draw(t, "limit"), time.Duration(rapid.Int64Range(20e6, 300e6).Draw(t, "window"))
		kind := rapid.IntRange(0, 2).Draw(t, "kind")
		l := []model.Limiter{model.NewLog(limit, w), model.NewWindow(limit, w), model.NewFirstHit(limit, w)}[kind]
		type asked struct{ sent, decided, answered time.Duration }
		var all []asked
		var at time.Duration
		for range rapid.IntRange(1, 80).Draw(t, "n") {
			at += time.Duration(rapid.Int64Range(0, 20e6).Draw(t, "gap"))
			there := at + time.Duration(rapid.Int64Range(0, 40e6).Draw(t, "there"))
			all = append(all, asked{at, there, there + time.Duration(rapid.Int64Range(0, 40e6).Draw(t, "back"))})
		}
		slices.SortFunc(all, func(a, b asked) int { return int(a.decided - b.decided) })
		var log []attack.Attempt
		for _, a := range all {
			if ok, _ := l.Take(a.decided); ok {
				log = append(log, attack.Attempt{Sent: a.sent, Received: a.answered, Outcome: attack.OK})
			}
		}
		if x := worstWindows(bySent(log), limit, min(kind, 1), w); x.over > 0 {
			t.Fatalf("%d in %v (kind %d) is said to have let in %v too many in %v", limit, w, kind, x.over, x.long)
		}
	})
}

// Whatever clumps a client's requests come in, a window that refuses some because it was full is excused; one that is
// tighter is not, where they come at an even pace.
func TestAFullWindowIsExcused(t *testing.T) {
	play := func(l model.Limiter, sent []time.Duration) (log []attack.Attempt, refused bool) {
		for _, at := range sent {
			a := attack.Attempt{Sent: at, Received: at + time.Millisecond, Outcome: attack.OK}
			if ok, _ := l.Take(at); !ok {
				a.Outcome, refused = attack.Throttled, true
			}
			log = append(log, a)
		}
		return log, refused
	}
	rapid.Check(t, func(t *rapid.T) {
		limit, w := rapid.IntRange(1, 20).Draw(t, "limit"), time.Duration(rapid.Int64Range(100e6, 900e6).Draw(t, "window"))
		rate := float64(limit) / w.Seconds()
		e := &evidence{c: Config{Limit: limits.Limit{Rate: rate, Burst: limit}, Window: w, Algorithm: SlidingWindow}}
		var clumped, even []time.Duration
		at := time.Duration(0)
		for i := range 5 * limit {
			at += time.Duration(rapid.Int64Range(0, int64(2*time.Second/time.Duration(math.Ceil(rate)))).Draw(t, "gap"))
			clumped = append(clumped, at)
			even = append(even, time.Duration(float64(i)/(.95*rate)*1e9))
		}
		if log, refused := play(model.NewLog(limit, w), clumped); refused && !e.excused(log, 0) {
			t.Fatalf("%d in %v: not excused, although it was full", limit, w)
		}
		if log, refused := play(model.NewLog(max(1, limit*7/10), w), even); refused && limit > 3 && e.excused(log, 0) {
			t.Fatalf("%d in %v: a window of 7 tenths of it is excused", limit, w)
		}
	})
}
