package engine

import (
	"math"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// One processor while that is enough, all of them for a load that needs more, and as before at the end.
func TestALightLoadIsSentWithOneProcessor(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("one processor is all there is")
	}
	all := runtime.GOMAXPROCS(0)
	burst := steady(100, 300*time.Millisecond)
	burst.Actors[0].Schedule.Segments[0].Burst = 2
	for name, row := range map[string]struct {
		trial attack.Trial
		lean  bool
		want  int
	}{
		"a light load":       {steady(100, 300*time.Millisecond), true, 1},
		"not asked for":      {steady(100, 300*time.Millisecond), false, all},
		"a burst":            {burst, true, all},
		"more than leanRate": {steady(leanRate+1000, 20*time.Millisecond), true, all},
	} {
		var most, least atomic.Int64
		least.Store(math.MaxInt64)
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			n := int64(runtime.GOMAXPROCS(0))
			most.Store(max(most.Load(), n))
			least.Store(min(least.Load(), n))
		})
		e := open(t, Options{Target: to(s.URL), Lean: row.lean})
		row.trial.Idle = 20 * time.Millisecond
		run(t, e, row.trial, nil)
		if least.Load() != int64(row.want) {
			t.Errorf("%s: %d to %d processors, want %d", name, least.Load(), most.Load(), row.want)
		}
		if now := runtime.GOMAXPROCS(0); now != all {
			t.Errorf("%s: %d processors after it, want %d", name, now, all)
		}
	}
}

// The load turns out to need more than one processor: here because this test burns one.
func TestALoadThatNeedsMoreGetsAllProcessors(t *testing.T) {
	all := runtime.GOMAXPROCS(0)
	if all < 2 {
		t.Skip("one processor is all there is")
	}
	s := serve(t, hello)
	var given atomic.Bool
	e := open(t, Options{Target: to(s.URL), Lean: true})
	run(t, e, steady(50, 20*time.Second), func(attack.Tick) attack.Reason {
		for end := time.Now().Add(time.Second); time.Now().Before(end) && !given.Load(); {
			if runtime.GOMAXPROCS(0) == all {
				given.Store(true)
			}
		}
		if given.Load() {
			return "seen"
		}
		return ""
	})
	if !given.Load() {
		t.Error("a process that is busy kept to one processor")
	}
}
