package engine

import (
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// keepTicks closes the live ledger at each fortieth of the trial and shows it to watch.
func (s *storm) keepTicks(watch func(attack.Tick) attack.Reason) {
	select {
	case <-s.begun:
	case <-s.stop.Done():
		return
	}
	long := s.trial.Len()
	if long == 0 {
		return
	}
	owed := &counter{stream: s.trial.Stream()}
	for i := range attack.TicksPerTrial {
		edge := long * time.Duration(i+1) / attack.TicksPerTrial
		owed.upTo(edge) // ahead of time: the edge itself has little left to count
		s.rest(edge - s.elapsed())
		if s.stop.Err() != nil {
			return
		}
		tick := s.ledger.tick(s.elapsed, owed)
		if watch == nil {
			continue
		}
		if why := watch(tick); why != "" {
			s.abort(why)
			return
		}
	}
}

// counter counts the arrivals of a stream as time goes by. It looks one arrival ahead.
type counter struct {
	stream *attack.Stream
	n      int64 // due so far
	next   attack.Arrival
	ahead  bool
}

func (c *counter) upTo(at time.Duration) int64 {
	for {
		if !c.ahead {
			if c.next, c.ahead = c.stream.Next(); !c.ahead {
				return c.n
			}
		}
		if c.next.Due > at {
			return c.n
		}
		c.n, c.ahead = c.n+1, false
	}
}
