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

// Unknown is the wait of a refusal whose limiter cannot tell when it will admit again.
const Unknown = time.Duration(-1)

// Limiter rules on requests one by one. Moments count from any origin, the same for all calls, and do not go back.
//
// A refusal's wait is the truth: whoever asks again after it, while nobody else asks, is admitted, and not sooner.
// Forever means never, Unknown that the limiter cannot know. An admission's wait is how long the request is held before
// it goes on, 0 for all limiters but those that delay. None is safe for concurrent use.
type Limiter interface {
	Take(at time.Duration) (ok bool, wait time.Duration) // asks, and spends what an admission (or a refusal) costs
	Peek(at time.Duration) (ok bool, wait time.Duration) // what Take would say; nothing changes
	Left(at time.Duration) int                           // how many requests would be admitted at once now
	FullIn(at time.Duration) time.Duration               // silence after which as many are admitted as from rest; 0 when so now
}

// Releaser is a Limiter that is told when an admitted request has ended.
type Releaser interface{ Release(at time.Duration) }

// perSecond is the time between two requests of a rate, in ns. No rate at all is so slow that sums of it stay finite.
func perSecond(rate float64) float64 {
	if rate <= 0 {
		return math.MaxInt64
	}
	return float64(time.Second) / rate
}

// span is so many ns as a Duration, cut to whole ones; what is too long for one is Forever.
func span(ns float64) time.Duration {
	if ns >= math.MaxInt64 {
		return Forever
	}
	return time.Duration(ns)
}

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
	if ok, wait = b.Peek(at); ok {
		b.last, b.tokens = at, b.TokensAt(at)-1
	}
	return ok, wait
}

// Peek is what Take would say.
func (b *Bucket) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if left := b.TokensAt(at) - 1; left < 0 {
		wait = b.fill(-left)
	}
	if b.burst < 1 {
		return false, Forever
	}
	if wait > 0 {
		return false, roundUp(wait, max(b.last-at, 0))
	}
	return true, 0
}

// Left is how many requests would be admitted at once now: the whole tokens.
func (b *Bucket) Left(at time.Duration) int { return wholeTokens(b.TokensAt(at), b.rate) }

// wholeTokens counts tokens of which one that is less than a nanosecond from whole counts, as it does in Take.
func wholeTokens(tokens, rate float64) int { return max(0, int(tokens+rate*1e-9)) }

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
	return span(tokens / b.rate * float64(time.Second))
}

// roundUp makes up for the cut in fill, and for time that went back, so that a client that waits so long finds its token.
func roundUp(d, back time.Duration) time.Duration {
	if d >= Forever-back-1 {
		return Forever
	}
	return d + back + 1
}
