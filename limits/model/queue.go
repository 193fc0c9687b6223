package model

import "time"

// Queue is a leaky bucket as a queue: requests go on one by one at an even rate, and those that come faster are held.
// Its Take answers ok with a wait above 0 for a request that is admitted and held so long. What finds the queue full is
// refused. It is nginx's limit_req: burst=depth alone delays all that is in excess, delay=free lets the first of it
// through at once, nodelay (free = depth) all of it, which makes it a Bucket of depth + 1.
type Queue struct {
	gap   float64 // ns between two requests of the rate
	depth int     // requests that may be held
	free  int     // of those, how many go on at once
	due   float64 // when a request that comes now would go on, if none were free
}

// NewQueue lets rate requests a second go on and takes depth more than the one that goes on at once; free of the depth
// are not held.
func NewQueue(rate float64, depth, free int) *Queue {
	return &Queue{gap: perSecond(rate), depth: depth, free: free}
}

// Take asks for one admission; ok with a wait above 0 means that the request is held so long before it goes on.
func (q *Queue) Take(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = q.Peek(at); ok {
		q.due = max(q.due, float64(at)) + q.gap
	}
	return ok, wait
}

// Peek is what Take would say.
func (q *Queue) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if q.depth < 0 {
		return false, Forever
	}
	behind := q.due - float64(at)
	if over := behind - float64(q.depth)*q.gap; over >= 1 {
		return false, roundUp(span(over), 0)
	}
	return true, max(0, span(behind-float64(q.free)*q.gap))
}

// Left is how many requests would be admitted at once now, held or not.
func (q *Queue) Left(at time.Duration) int {
	behind := max(0, q.due-float64(at))
	return max(0, int((float64(q.depth)*q.gap-behind+1)/q.gap+1))
}

// FullIn is the time until nobody is held and the next request would go on at once.
func (q *Queue) FullIn(at time.Duration) time.Duration {
	if behind := q.due - float64(at); behind >= 1 {
		return roundUp(span(behind), 0)
	}
	return 0
}

// Concurrency admits so many requests in flight. It must be told when one has ended. It cannot know when that will be.
type Concurrency struct{ limit, flying int }

// NewConcurrency admits limit requests at the same time.
func NewConcurrency(limit int) *Concurrency { return &Concurrency{limit: limit} }

// Take asks for one place.
func (c *Concurrency) Take(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = c.Peek(at); ok {
		c.flying++
	}
	return ok, wait
}

// Peek is what Take would say.
func (c *Concurrency) Peek(time.Duration) (ok bool, wait time.Duration) {
	if c.flying < c.limit {
		return true, 0
	}
	return false, Unknown
}

// Release gives a place back.
func (c *Concurrency) Release(time.Duration) { c.flying = max(0, c.flying-1) }

// Left is how many places are free.
func (c *Concurrency) Left(time.Duration) int { return max(0, c.limit-c.flying) }

// FullIn is Unknown while any request is in flight.
func (c *Concurrency) FullIn(time.Duration) time.Duration {
	if c.flying == 0 {
		return 0
	}
	return Unknown
}
