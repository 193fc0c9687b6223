package sim

import (
	"fmt"
	"time"
)

// Scale adds servers where they are busy: once in After it looks whether the work that came since would keep them busy
// for more than the share Above, and if so Step more begin to work, up to Max. It never takes one away. The zero value
// adds none.
type Scale struct {
	Max   int
	Step  int
	Above float64
	After time.Duration
}

func (s Scale) validate(servers int) error {
	if s.Max != 0 && (s.Max < servers || s.Step < 1 || s.Above <= 0 || s.After <= 0) {
		return fmt.Errorf("%d servers scale to %+v, want no fewer, a step, a share and a time above 0", servers, s)
	}
	return nil
}

// scale looks at the need for more servers.
func (s *servers) scale(now time.Duration) {
	c := s.t.Scale
	if c.Max == 0 || now-s.scaled < c.After {
		return
	}
	if busy := s.worked.Seconds() / (now - s.scaled).Seconds(); busy > c.Above*float64(len(s.free)) {
		for range min(c.Step, c.Max-len(s.free)) {
			s.free = append(s.free, now)
			siftUp(s.free)
		}
	}
	s.worked, s.scaled = 0, now
}

// siftUp restores a heap of which only the last element may be out of place.
func siftUp(h []time.Duration) {
	for i := len(h) - 1; i > 0 && h[i] < h[(i-1)/2]; i = (i - 1) / 2 {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
	}
}

// Pool is a pool of connections before the servers: each request holds one from its turn, first come, first served, until
// Hop after it was served. One that waits for longer than Wait gets a 500. The zero value is no pool.
type Pool struct {
	Size int
	Hop  time.Duration
	Wait time.Duration // 0 waits for ever
}

func (p Pool) validate() error {
	if p.Size < 0 || p.Hop < 0 || p.Wait < 0 {
		return fmt.Errorf("pool %+v, want no negative number", p)
	}
	return nil
}

// work takes one request through the pool and the servers: when it is done, and its status.
func (s *servers) work(at time.Duration) (done time.Duration, status int) {
	turn, hop := at, time.Duration(0)
	if s.t.Pool.Size > 0 {
		turn, hop = max(at, s.conns[0]), s.t.Pool.Hop
		if wait := s.t.Pool.Wait; wait > 0 && turn-at > wait {
			return at + wait, 500
		}
	}
	status = 200
	done, ok := s.admit(turn)
	if !ok {
		status = 503
	}
	if done += hop; s.t.Pool.Size > 0 {
		replaceEarliest(s.conns, done)
	}
	return done, status
}

// Again is a gateway that sends a request to the servers up to Times more: Backoff after it was refused or failed, and,
// where Patience is not 0, when there is no answer within it. The servers go on with what it has given up on. The zero
// value sends once.
type Again struct {
	Times    int
	Patience time.Duration
	Backoff  time.Duration
}

func (g Again) validate() error {
	if g.Times < 0 || g.Patience < 0 || g.Backoff < 0 || g.Times > 0 && g.Patience == 0 && g.Backoff == 0 {
		return fmt.Errorf("gateway %+v, want no negative number and, to send again, a patience or a backoff", g)
	}
	return nil
}

// when is the moment at which it sends again what was sent at a moment, or 0.
func (g Again) when(at, done time.Duration, status int) time.Duration {
	switch {
	case g.Patience > 0 && done-at > g.Patience:
		return at + g.Patience
	case status != 200:
		return done + max(g.Backoff, time.Microsecond)
	}
	return 0
}
