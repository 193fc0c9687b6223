package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// servers is the state of a Target's queue. Times within are in working time, see Target.working.
type servers struct {
	t      Target
	rng    *rand.Rand
	unit   []float64       // service times in units of the mean
	free   []time.Duration // when each server is free: a heap, earliest first
	starts []time.Duration // when those that wait will start, in order; kept only for a bounded queue
	served float64
	noise  *noise
	conns  []time.Duration // when each connection of the pool is free: a heap, earliest first

	worked time.Duration // asked of the servers since scaled
	scaled time.Duration // when the need for more servers was last looked at
}

func newServers(t Target, seed uint64) *servers {
	return &servers{t: t, rng: rand.New(rand.NewPCG(seed, 0x51e2)), unit: t.Service.table(), free: make([]time.Duration, t.Servers),
		noise: newNoise(t.Noise, seed), conns: make([]time.Duration, t.Pool.Size)}
}

// admit works on a request that arrives at a moment, which never goes back: when it is done, or false when the queue is
// full. First come, first served by c servers needs no queue of requests: each starts when the earliest server is free.
func (s *servers) admit(at time.Duration) (done time.Duration, ok bool) {
	now := s.t.working(at)
	if s.full(now) {
		return at, false
	}
	s.scale(now)
	start := max(now, s.free[0])
	long := s.unit[s.rng.Uint64()&(tableSize-1)] * s.t.drift(at) * s.noise.at(at)
	if s.t.Cold > 0 {
		long *= 1 + s.t.Cold*math.Exp(-s.served/max(s.t.ColdFor, 1))
	}
	if s.t.Contention > 0 || s.t.Coherence > 0 {
		long *= s.t.contended(s.busy(now))
	}
	s.served++
	if s.t.Queue > 0 && start > now {
		s.starts = append(s.starts, start)
	}
	end := start + time.Duration(long*float64(s.t.Service.Mean))
	s.worked += end - start
	replaceEarliest(s.free, end)
	return s.t.elapsed(end), true
}

// full tells whether a bounded queue holds all it may.
func (s *servers) full(now time.Duration) bool {
	if s.t.Queue == 0 {
		return false
	}
	i := 0
	for i < len(s.starts) && s.starts[i] <= now {
		i++
	}
	s.starts = s.starts[i:]
	return len(s.starts) >= s.t.Queue
}

// busy is how many servers work once the request at this moment has begun.
func (s *servers) busy(now time.Duration) int {
	if s.free[0] > now {
		return len(s.free)
	}
	n := 1
	for _, f := range s.free {
		if f > now {
			n++
		}
	}
	return n
}

// replaceEarliest takes the earliest moment out of a heap and puts another in.
func replaceEarliest(h []time.Duration, end time.Duration) {
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[child] >= end {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = end
}

// network is one round trip.
func (s *servers) network() time.Duration {
	if s.t.Jitter == 0 {
		return s.t.Network
	}
	return time.Duration(float64(s.t.Network) * (1 + s.t.Jitter*(2*s.rng.Float64()-1)))
}

// uplink is the time that one request takes to reach the target.
func (s *servers) uplink() time.Duration {
	if s.t.Uplink == 0 {
		return 0
	}
	return time.Duration(s.rng.Float64() * float64(s.t.Uplink))
}
