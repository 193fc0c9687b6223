// Package model holds rate limiters as arithmetic: time comes in as a value, a decision comes out. Simulations, forecasts
// and the lab's gateway all decide with it, so that they cannot disagree.
//
// It never reads a clock, and it knows nothing of HTTP.
package model

import (
	"math"
	"time"
)

// Forever is the wait of a request that will never be admitted.
const Forever = time.Duration(math.MaxInt64)

// Bucket is a token bucket: it fills with rate tokens a second up to burst, begins full, and each admission takes one.
// It decides as golang.org/x/time/rate does, step for step: the same sums in the same order, in float64, and a wait below
// one nanosecond counts as none. It is not safe for concurrent use.
type Bucket struct {
	rate   float64
	burst  int
	tokens float64
	last   time.Duration // of the last admission
}

// NewBucket is a full bucket. rate is in tokens per second, burst is the most admitted at once from rest.
func NewBucket(rate float64, burst int) *Bucket {
	return &Bucket{rate: rate, burst: burst, tokens: float64(burst)}
}

// Take asks for one token at the moment at, counted from any origin. A refusal changes nothing and tells the time until
// one token will be there; an admission waits 0.
func (b *Bucket) Take(at time.Duration) (ok bool, wait time.Duration) {
	left := b.TokensAt(at) - 1
	if left < 0 {
		wait = b.fill(-left)
	}
	if b.burst < 1 {
		return false, Forever
	}
	if wait > 0 {
		return false, roundUp(wait, max(b.last-at, 0))
	}
	b.last, b.tokens = at, left
	return true, 0
}

// TokensAt is what the bucket holds at a moment; the bucket stays as it is. A moment before the last admission counts as
// that admission's.
func (b *Bucket) TokensAt(at time.Duration) float64 {
	gained := max(at-b.last, 0).Seconds() * max(b.rate, 0)
	return min(b.tokens+gained, float64(b.burst))
}

// FullIn is the time until the bucket is full, seen from the moment at.
func (b *Bucket) FullIn(at time.Duration) time.Duration {
	missing := float64(b.burst) - b.TokensAt(at)
	if missing <= 0 {
		return 0
	}
	return roundUp(b.fill(missing), max(b.last-at, 0))
}

// fill is the time in which so many tokens come in, cut to whole nanoseconds.
func (b *Bucket) fill(tokens float64) time.Duration {
	if b.rate <= 0 {
		return Forever
	}
	ns := tokens / b.rate * float64(time.Second)
	if ns >= math.MaxInt64 {
		return Forever
	}
	return time.Duration(ns)
}

// roundUp makes up for the cut in fill, and for time that went back, so that a client that waits so long finds its token.
func roundUp(d, back time.Duration) time.Duration {
	if d >= Forever-back-1 {
		return Forever
	}
	return d + back + 1
}
