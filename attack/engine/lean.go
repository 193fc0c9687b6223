package engine

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/engine/host"
)

const (
	leanRate = 8000.0                 // arrivals per second that one processor sends with two thirds of it to spare
	leanUse  = 0.6                    // of one processor: above it, a trial gets all that there are
	leanLook = 100 * time.Millisecond // between two looks at that
	leanLate = 5 * time.Millisecond   // later than that, the one processor is not always there
)

// leaning is held by the one trial of the process that changed what the runtime uses.
var leaning sync.Mutex

// lean has the runtime use one processor for as long as a trial needs no more. With several idle ones, the runtime wakes
// another for nearly every goroutine that becomes ready: at 5,000/s that was a third of all CPU, and it is taken from a
// target on the same machine. A burst gets all processors at once, and so does an engine that once needed more.
func (s *storm) lean(ctx context.Context) {
	used, known := host.Used()
	if !s.e.opt.Lean || s.e.fast == nil || s.e.opt.NoKeepAlive || s.e.busy || !known || !light(s.trial) || !leaning.TryLock() {
		return
	}
	defer leaning.Unlock()
	all := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(all)
	for at := time.Now(); pause(ctx, leanLook); {
		now, then := time.Now(), used
		used, _ = host.Used()
		if took := now.Sub(at); float64(used-then) > leanUse*float64(took) || took > leanLook+leanLate {
			s.e.busy = true
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
		if len(a.Schedule.Crowds()) > 0 {
			return false
		}
	}
	return peak <= leanRate
}
