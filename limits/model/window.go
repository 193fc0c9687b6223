package model

import (
	"math"
	"time"
)

// Window is a fixed window: so many admissions in each, then none until the next begins. At the edge between two of them
// it admits twice its limit at once. Its windows stand on the clock's grid (Envoy's and Kong's rate limits, one Redis key
// per window), or each begins with the first request after the one before (express-rate-limit, ulule/limiter).
type Window struct {
	limit  int
	length time.Duration
	afloat bool          // begins with a request, not on the grid
	open   bool          // some window has begun
	began  time.Duration // the one that used counts in
	used   int
}

// NewWindow admits limit requests in each window of the given length, whose edges are the multiples of it.
func NewWindow(limit int, length time.Duration) *Window {
	return &Window{limit: limit, length: length, open: true}
}

// NewFirstHit admits limit requests in each window of the given length, which begins with the first request after the
// window before has ended.
func NewFirstHit(limit int, length time.Duration) *Window {
	return &Window{limit: limit, length: length, afloat: true}
}

// at is when the window of a moment began, and what is used of it.
func (w *Window) at(at time.Duration) (began time.Duration, used int) {
	if w.open && at < w.began+w.length {
		return w.began, w.used
	}
	if w.afloat {
		return at, 0
	}
	return at / w.length * w.length, 0
}

// Take asks for one admission; a refusal tells the time until the next window.
func (w *Window) Take(at time.Duration) (ok bool, wait time.Duration) {
	ok, wait = w.Peek(at)
	w.began, w.used = w.at(at)
	w.open = true
	if ok {
		w.used++
	}
	return ok, wait
}

// Peek is what Take would say.
func (w *Window) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if w.limit < 1 {
		return false, Forever
	}
	began, used := w.at(at)
	if used >= w.limit {
		return false, began + w.length - at
	}
	return true, 0
}

// Left is what the window of this moment has left.
func (w *Window) Left(at time.Duration) int {
	_, used := w.at(at)
	return max(0, w.limit-used)
}

// FullIn is the time until a window is unused again.
func (w *Window) FullIn(at time.Duration) time.Duration {
	began, used := w.at(at)
	if used == 0 {
		return 0
	}
	return began + w.length - at
}

// Log is a sliding window that remembers the moment of every admission: at most limit of them in any stretch of the
// window's length, whose end is open. (Redis sorted sets; mholt/caddy-ratelimit's ring buffer.)
type Log struct {
	length time.Duration
	ring   []time.Duration // of the last admissions, oldest at next once it is full
	next   int
	full   bool
}

// NewLog admits limit requests in any stretch of the given length.
func NewLog(limit int, length time.Duration) *Log {
	return &Log{length: length, ring: make([]time.Duration, max(limit, 0))}
}

// Take asks for one admission; a refusal tells when the oldest admission leaves the window.
func (l *Log) Take(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = l.Peek(at); ok {
		l.ring[l.next] = at
		l.next = (l.next + 1) % len(l.ring)
		l.full = l.full || l.next == 0
	}
	return ok, wait
}

// Peek is what Take would say.
func (l *Log) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if len(l.ring) == 0 {
		return false, Forever
	}
	if until := l.ring[l.next] + l.length; l.full && at < until {
		return false, until - at
	}
	return true, 0
}

// Left is how many admissions the stretch that ends now has left.
func (l *Log) Left(at time.Duration) int {
	return len(l.ring) - l.within(at)
}

// within counts the admissions in the stretch that ends now.
func (l *Log) within(at time.Duration) (n int) {
	for i, then := range l.ring {
		if (l.full || i < l.next) && at < then+l.length {
			n++
		}
	}
	return n
}

// FullIn is the time until the latest admission leaves the window.
func (l *Log) FullIn(at time.Duration) time.Duration {
	if l.within(at) == 0 {
		return 0
	}
	latest := l.ring[(l.next+len(l.ring)-1)%len(l.ring)]
	return latest + l.length - at
}

// Counter is a sliding window of two counters: that of the running fixed window counts in full, that of the one before
// by the share of it that the sliding window still covers. (Cloudflare's "How we built rate limiting", 2017;
// go-chi/httprate; HAProxy's frequency counters.)
//
//	used(t) = before × (1 − f) + now,   f = share of the running window that has passed;   admitted if used + 1 ≤ limit
type Counter struct {
	limit    int
	length   time.Duration
	refusals bool
	index    int64
	before   float64
	now      float64
}

// NewCounter admits about limit requests in a stretch of the given length. Windows stand on the clock's grid.
func NewCounter(limit int, length time.Duration) *Counter {
	return &Counter{limit: limit, length: length}
}

// NewTally is a Counter that counts refused requests too, as HAProxy's http_req_rate does when it is tracked before the
// decision: whoever keeps asking above the limit is not let in again.
func NewTally(limit int, length time.Duration) *Counter {
	return &Counter{limit: limit, length: length, refusals: true}
}

// turned is the state at a moment: the number of its window and what counts in it and in the one before.
func (c *Counter) turned(at time.Duration) (index int64, before, now float64) {
	index = int64(at / c.length)
	switch {
	case index <= c.index:
		return c.index, c.before, c.now
	case index == c.index+1:
		return index, c.now, 0
	}
	return index, 0, 0
}

// Take asks for one admission.
func (c *Counter) Take(at time.Duration) (ok bool, wait time.Duration) {
	ok, wait = c.Peek(at)
	c.index, c.before, c.now = c.turned(at)
	if ok || c.refusals {
		c.now++
	}
	if !ok && c.refusals { // what this refusal costs is part of the wait that it tells
		_, wait = c.Peek(at)
	}
	return ok, wait
}

// spare is what may stand between a sum of floats and the limit.
const spare = 1e-10

// Peek is what Take would say; of one that counts refusals the wait is that before this refusal is counted.
func (c *Counter) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if c.limit < 1 {
		return false, Forever
	}
	index, before, now := c.turned(at)
	began, room := time.Duration(index)*c.length, float64(c.limit-1)
	f := float64(at-began) / float64(c.length)
	if before*(1-f)+now <= room+spare {
		return true, 0
	}
	until := began + c.decay(before, room-now)
	if now > room { // not before the next window, in which now is what was before
		until = began + c.length + c.decay(now, room)
	}
	return false, max(until-at, 1)
}

// decay is the time from a window's beginning until what was before it weighs no more than the room.
func (c *Counter) decay(before, room float64) time.Duration {
	f := min(max(1-room/max(before, 1), 0), 1)
	return time.Duration(math.Ceil(f * float64(c.length)))
}

// Left is how many requests would be admitted at once now.
func (c *Counter) Left(at time.Duration) int {
	index, before, now := c.turned(at)
	f := float64(at-time.Duration(index)*c.length) / float64(c.length)
	return max(0, int(float64(c.limit)-before*(1-f)-now+spare))
}

// FullIn is the time until nothing counts any more.
func (c *Counter) FullIn(at time.Duration) time.Duration {
	index, before, now := c.turned(at)
	end := time.Duration(index+1) * c.length
	switch {
	case now > 0:
		return end + c.length - at
	case before > 0:
		return end - at
	}
	return 0
}
