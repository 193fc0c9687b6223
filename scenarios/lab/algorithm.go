package lab

import (
	"math"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// Algorithm is how a gateway limits a key.
type Algorithm string

// What a gateway can do. Those with a window admit Burst requests in each, and make the rate by its length.
const (
	TokenBucket    Algorithm = "token-bucket" // of x/time/rate
	GCRA           Algorithm = "gcra"
	LeakyQueue     Algorithm = "leaky-queue"            // what comes too fast waits in line; Burst counts the line and the one ahead of it
	FixedWindow    Algorithm = "fixed-window"           // on the clock's grid
	FirstHitWindow Algorithm = "fixed-window-first-hit" // begins with the first request after the last one
	SlidingLog     Algorithm = "sliding-log"
	SlidingCounter Algorithm = "sliding-counter"
	Concurrency    Algorithm = "concurrency" // Burst requests in flight
	NoLimit        Algorithm = "none"
)

// Algorithms lists all of them.
var Algorithms = []Algorithm{TokenBucket, GCRA, LeakyQueue, FixedWindow, FirstHitWindow, SlidingLog, SlidingCounter, Concurrency, NoLimit}

// limiter enforces a limit in a way. Without a window it is the one in which the burst comes at the rate.
func (a Algorithm) limiter(l Limit, window time.Duration) model.Limiter {
	if l.IsZero() || a == NoLimit {
		return unlimited{}
	}
	if window == 0 {
		window = l.span(float64(l.Burst)).Round(time.Microsecond) // Burst / Rate is seldom a whole number of nanoseconds
	}
	switch a {
	case GCRA:
		return model.NewGCRA(l.Rate, l.Burst)
	case LeakyQueue:
		return model.NewQueue(l.Rate, l.Burst-1, 0)
	case FixedWindow:
		return model.NewWindow(l.Burst, window)
	case FirstHitWindow:
		return model.NewFirstHit(l.Burst, window)
	case SlidingLog:
		return model.NewLog(l.Burst, window)
	case SlidingCounter:
		return model.NewCounter(l.Burst, window)
	case Concurrency:
		return model.NewConcurrency(l.Burst)
	}
	return newBucket(l)
}

// unlimited admits all.
type unlimited struct{}

func (unlimited) Take(time.Duration) (bool, time.Duration) { return true, 0 }
func (unlimited) Peek(time.Duration) (bool, time.Duration) { return true, 0 }
func (unlimited) Left(time.Duration) int                   { return math.MaxInt }
func (unlimited) FullIn(time.Duration) time.Duration       { return 0 }

// release tells a limiter that asks for it that an admitted request has ended.
func release(l model.Limiter, at time.Duration) {
	if r, asks := l.(model.Releaser); asks {
		r.Release(at)
	}
}

// join lists words.
func join[T ~string](words []T) string {
	var out []string
	for _, w := range words {
		out = append(out, string(w))
	}
	return strings.Join(out, ", ")
}
