package engine

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// doubt is how long a connection may have been idle before it is looked at for whether it has ended. Most targets keep
// those that they serve for seconds at least; the look is a call into the kernel.
const doubt = 100 * time.Millisecond

// lane is a connection of the fast transport.
type lane struct {
	net.Conn
	raw   net.Conn  // the same without TLS
	count *conn     // the same, as it is counted
	kept  bool      // it was open before this request
	since time.Time // it is idle
}

func newLane(c net.Conn) *lane {
	l := &lane{Conn: c, raw: c}
	if t, secured := c.(*tls.Conn); secured {
		l.raw = t.NetConn()
	}
	if counted, ok := l.raw.(*conn); ok {
		l.raw, l.count = counted.Conn, counted
	}
	return l
}

// lost counts a connection that the target has ended.
func (l *lane) lost(why error) {
	if l.count != nil {
		l.count.note(why)
	}
}

// lanes are the connections that are idle, by where they go. Nothing watches them: one that the target ended is found out
// when it is wanted, or tidied away between trials.
type lanes struct {
	net   *network
	limit int // most in use at once to one place; 0 for no bound
	kept  int // most idle to one place
	mu    sync.Mutex
	rows  map[place]*row
}

// placesMax bounds the places whose connections are kept, so that a target whose hosts never come twice holds no more
// memory and open files after an hour than after a minute. The places in use are known, however many they are.
const placesMax = 2048

// row is the connections to one place.
type row struct {
	place
	users atomic.Int64 // requests under way, or about to be: it grows under the lock of lanes alone
	mu    sync.Mutex
	idle  []*lane
	free  chan struct{} // holds one for each connection in use; nil without a bound
}

// take is the row of a place, until give. Whoever has it may use its connections.
func (s *lanes) take(at place) *row {
	s.mu.Lock()
	r := s.rows[at]
	var gone []*row
	if r == nil {
		gone = s.forget()
		r = &row{place: at}
		if s.limit > 0 {
			r.free = make(chan struct{}, s.limit)
		}
		if s.rows == nil {
			s.rows = map[place]*row{}
		}
		s.rows[at] = r
	}
	r.users.Add(1)
	s.mu.Unlock()
	for _, g := range gone {
		g.sweep(func(*lane) bool { s.net.dials.Add(-1); return true }) // as in chill: they were not thrown away before their time
	}
	return r
}

func (s *lanes) give(r *row) { r.users.Add(-1) }

// forget takes out a place or two that nobody uses, where there are too many: any, of those that a map happens to name first.
// One would do to stay within the bound, and two lead back to it after more were in use at once.
func (s *lanes) forget() (gone []*row) {
	if len(s.rows) < placesMax {
		return nil
	}
	looked := 0
	for at, r := range s.rows {
		if r.users.Load() == 0 {
			delete(s.rows, at)
			gone = append(gone, r)
		}
		if looked++; len(gone) == 2 || looked == 16 {
			break
		}
	}
	return gone
}

// sweep closes idle connections.
func (s *lanes) sweep(which func(*lane) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		r.sweep(which)
	}
}

func (r *row) sweep(which func(*lane) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stay := r.idle[:0]
	for _, l := range r.idle {
		if which(l) {
			l.Close()
		} else {
			stay = append(stay, l)
		}
	}
	clear(r.idle[len(stay):])
	r.idle = stay
}

// enter waits for leave to use one more connection.
func (r *row) enter(deadline time.Time) error {
	if r.free == nil {
		return nil
	}
	select {
	case r.free <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case r.free <- struct{}{}:
		return nil
	case <-timer.C:
		return context.DeadlineExceeded
	}
}

func (r *row) leave() {
	if r.free != nil {
		<-r.free
	}
}

// pop takes the connection that was used last, the least likely to have ended since; none for a request that wants a new one.
func (r *row) pop(fresh bool) *lane {
	if fresh {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.idle) - 1
	if last < 0 {
		return nil
	}
	l := r.idle[last]
	r.idle[last] = nil
	r.idle = r.idle[:last]
	return l
}

// push keeps a connection, unless there are enough.
func (r *row) push(l *lane, most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.idle) >= most {
		l.Close()
		return
	}
	r.idle = append(r.idle, l)
}
