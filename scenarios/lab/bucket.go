package lab

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// Limit is what a limiter enforces. The zero value is no limit.
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

// span is how long so many requests take at the rate.
func (l Limit) span(requests float64) time.Duration {
	return time.Duration(min(requests/l.Rate*float64(time.Second), math.MaxInt64/2))
}

// bucket is the token bucket of x/time/rate, which most Go gateways use, as a limiter that can be asked before it is spent
// from. Its moments count from epoch.
type bucket struct {
	*rate.Limiter
	epoch time.Time
}

var _ model.Limiter = bucket{}

func newBucket(l Limit) bucket {
	return bucket{rate.NewLimiter(rate.Limit(l.Rate), l.Burst), time.Unix(0, 0)}
}

// Take asks for one token.
func (b bucket) Take(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = b.Peek(at); ok {
		b.AllowN(b.epoch.Add(at), 1)
	}
	return ok, wait
}

// Peek is what Take would say. It cuts the wait to whole nanoseconds as x/time/rate does when it decides, so that both
// admit the same requests.
func (b bucket) Peek(at time.Duration) (ok bool, wait time.Duration) {
	wait = b.until(1, at)
	return wait == 0, wait
}

// Left is how many tokens there are.
func (b bucket) Left(at time.Duration) int { return max(int(b.TokensAt(b.epoch.Add(at))), 0) }

// FullIn is how long until the bucket is full.
func (b bucket) FullIn(at time.Duration) time.Duration { return b.until(b.Burst(), at) }

// until is how long so many tokens take to come in.
func (b bucket) until(tokens int, at time.Duration) time.Duration {
	missing := float64(tokens) - b.TokensAt(b.epoch.Add(at))
	ns := max(missing, 0) / float64(b.Limit()) * float64(time.Second)
	return time.Duration(min(ns, math.MaxInt64/2))
}
