package engine

import (
	"context"
	"runtime"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/engine/host"
)

const (
	leanRate = 8000.0                 // arrivals per second that one processor sends with two thirds of it to spare
	leanUse  = 0.6                    // of one processor: above it, a trial gets all that there are
	leanLook = 100 * time.Millisecond // between two looks at that
)

// lean has the runtime use one processor for as long as a trial needs no more. With several idle ones, the runtime wakes
// another for nearly every goroutine that becomes ready: at 5,000/s that was a third of all CPU, and it is taken from a
// target on the same machine. A burst gets all processors at once.
func (s *storm) lean(ctx context.Context) {
	used, known := host.Used()
	if !s.e.opt.Lean || s.e.net == nil || !known || !light(s.trial) {
		return
	}
	all := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(all)
	for at := time.Now(); pause(ctx, leanLook); {
		now, then := time.Now(), used
		used, _ = host.Used()
		if float64(used-then) > leanUse*float64(now.Sub(at)) {
			return
		}
		at = now
	}
}

// light tells a load that one processor can begin with.
func light(t attack.Trial) bool {
	peak := 0.0
	for _, a := range t.Actors {
		peak += a.Schedule.Peak()
		for _, g := range a.Schedule.Segments {
			if g.Burst > 0 {
				return false
			}
		}
	}
	return peak <= leanRate
}
