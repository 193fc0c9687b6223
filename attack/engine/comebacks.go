package engine

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

const (
	// maxWaiting bounds the refused arrivals that wait to come back. One more gives up.
	maxWaiting = 100_000
	// tail is how long after the last arrival was due the refused may still come back. Who would wait longer gives up, or a
	// Retry-After of a day would be a trial of a day.
	tail = 30 * time.Second
)

// comeback is a refused arrival that waits for its next attempt.
type comeback struct {
	arrival
	last answer // what it ends with if it never comes back
	at   time.Duration
}

// comebacks send refused arrivals again, by the manners of their actors, on goroutines of their own: a first attempt never
// waits behind them for a worker. They are as many at once as first attempts may be.
type comebacks struct {
	s     *storm
	hands chan struct{}
	wake  chan struct{}

	mu      sync.Mutex
	waiting byTime
	open    int  // waiting or under way
	over    bool // no first attempt will come any more
	gaveUp  int64
}

func newComebacks(s *storm) *comebacks {
	return &comebacks{s: s, hands: make(chan struct{}, s.flight), wake: make(chan struct{}, 1)}
}

// consider tells whether and when a client comes back after an answer.
func (b *comebacks) consider(a arrival, ans answer) (at time.Duration, again bool) {
	if !ans.rejected() || b.s.stop.Err() != nil {
		return 0, false
	}
	// A number of its own for each attempt of each arrival, so that a seed gives the same manners again.
	u := rand.New(rand.NewPCG(b.s.trial.Seed+uint64(a.seq), uint64(ans.try))).Float64()
	wait, again := b.s.trial.Actors[a.actor].Manners.Wait(attack.Refusal{Try: ans.try, After: ans.after, Told: ans.told, Waited: a.waited}, u)
	if !again {
		return 0, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	end := b.s.trial.Len() + tail
	if at = ans.received + wait; at > end || at < ans.received || len(b.waiting) >= maxWaiting {
		b.gaveUp++
		return 0, false
	}
	return at, true
}

// add puts an arrival in the row of those that wait.
func (b *comebacks) add(c comeback) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.s.stop.Err() != nil {
		b.s.ledger.giveUp(c.arrival, c.last)
		return
	}
	b.open++
	c.waited = c.at - c.last.received
	heap.Push(&b.waiting, c)
	b.nudge()
}

// nudge makes serve look again.
func (b *comebacks) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// finish says that no first attempt will come any more.
func (b *comebacks) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	b.nudge()
}

// serve sends those that wait, each at its time, until none is left or the trial is aborted.
func (b *comebacks) serve() {
	var busy sync.WaitGroup
	defer busy.Wait()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		c, wait, done := b.next()
		if done {
			return
		}
		if c != nil && b.take() {
			busy.Go(func() { b.send(*c) })
			continue
		}
		if c != nil {
			b.s.ledger.giveUp(c.arrival, c.last)
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-b.wake:
		case <-b.s.stop.Done():
			b.flush()
			return
		}
	}
}

// next is the comeback whose time has come; or how long to wait for it; or done, when there will be none.
func (b *comebacks) next() (c *comeback, wait time.Duration, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		return nil, time.Hour, b.over && b.open == 0
	}
	if wait = b.waiting[0].at - b.s.elapsed(); wait > 0 {
		return nil, wait, false
	}
	first := heap.Pop(&b.waiting).(comeback)
	return &first, 0, false
}

// take waits for a hand to send with; false when the trial is aborted first.
func (b *comebacks) take() bool {
	select {
	case b.hands <- struct{}{}:
		return true
	case <-b.s.stop.Done():
		return false
	}
}

func (b *comebacks) send(c comeback) {
	b.s.attempt(c.arrival, c.last.try+1)
	<-b.hands
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	b.nudge()
}

// flush ends all that wait with the answer that they had.
func (b *comebacks) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.waiting {
		b.s.ledger.giveUp(c.arrival, c.last)
	}
	b.waiting = nil
}

// byTime is a heap of comebacks, the soonest first.
type byTime []comeback

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].at < h[j].at }
func (h byTime) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byTime) Push(x any)        { *h = append(*h, x.(comeback)) }
func (h *byTime) Pop() any {
	last := len(*h) - 1
	c := (*h)[last]
	(*h)[last] = comeback{}
	*h = (*h)[:last]
	return c
}
