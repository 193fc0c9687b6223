package lab

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// Limit is what a bucket enforces. The zero value is no limit.
type Limit struct {
	Rate  float64 // requests per second
	Burst int     // most requests admitted at once from rest
}

// IsZero says that there is no limit.
func (l Limit) IsZero() bool { return l == Limit{} }

// Validate refuses half a limit.
func (l Limit) Validate() error {
	switch {
	case l.IsZero():
		return nil
	case !(l.Rate > 0) || math.IsInf(l.Rate, 0):
		return fmt.Errorf("rate %v: use requests per second, more than 0", l.Rate)
	case l.Burst < 1:
		return fmt.Errorf("burst %d: use 1 or more (0 would admit nothing)", l.Burst)
	}
	return nil
}

// bucket is a token bucket of x/time/rate that can be asked before it is spent from. A nil bucket is no limit.
type bucket struct{ *rate.Limiter }

func newBucket(l Limit) *bucket {
	if l.IsZero() {
		return nil
	}
	return &bucket{rate.NewLimiter(rate.Limit(l.Rate), l.Burst)}
}

// wait is how long, from now, until there is a token if nobody takes one meanwhile; 0 when there is one. It cuts to whole
// nanoseconds as x/time/rate does when it decides, so that both admit the same requests.
func (b *bucket) wait(now time.Time) time.Duration {
	if b == nil {
		return 0
	}
	return b.until(1, now)
}

// full is how long, from now, until the bucket is full.
func (b *bucket) full(now time.Time) time.Duration { return b.until(b.Burst(), now) }

func (b *bucket) until(tokens int, now time.Time) time.Duration {
	return b.earn(float64(tokens) - b.TokensAt(now))
}

// refill is how long an empty bucket takes to be full.
func (b *bucket) refill() time.Duration {
	if b == nil {
		return 0
	}
	return b.earn(float64(b.Burst()))
}

// earn is how long so many tokens take to come in.
func (b *bucket) earn(tokens float64) time.Duration {
	ns := max(tokens, 0) / float64(b.Limit()) * float64(time.Second)
	return time.Duration(min(ns, math.MaxInt64/2))
}

// take spends one token, if there is one.
func (b *bucket) take(now time.Time) {
	if b != nil {
		b.AllowN(now, 1)
	}
}

// owe spends a token that is not there: the bucket goes into debt, at most as deep as it is.
func (b *bucket) owe(now time.Time) {
	if b != nil && b.TokensAt(now) > float64(1-b.Burst()) {
		b.ReserveN(now, 1)
	}
}

// fill makes the bucket full.
func (b *bucket) fill() {
	if b != nil {
		b.Limiter = rate.NewLimiter(b.Limit(), b.Burst())
	}
}

// remaining is the number of requests that could be admitted at once now.
func (b *bucket) remaining(now time.Time) int { return max(int(b.TokensAt(now)), 0) }
