package sim

import "time"

// Limiter stands in front of the servers. Take asks for one admission at a moment that never goes back; retryAfter is
// how long the refused must wait, negative when the limiter does not know. A Limiter that is also a Releaser is told
// when an admitted request has ended.
type Limiter interface {
	Take(at time.Duration, key string) (ok bool, retryAfter time.Duration)
}

// Releaser is a Limiter that counts requests in flight.
type Releaser interface {
	Release(at time.Duration, key string)
}

// LimiterFunc is a function as a Limiter.
type LimiterFunc func(at time.Duration, key string) (ok bool, retryAfter time.Duration)

// Take calls f.
func (f LimiterFunc) Take(at time.Duration, key string) (bool, time.Duration) { return f(at, key) }

// MaxKeys bounds how many keys PerKey remembers; beyond it all further keys share one limiter.
const MaxKeys = 100_000

// PerKey gives every key a limiter of its own, made when it first asks.
func PerKey(make func(key string) Limiter) Limiter {
	known := map[string]Limiter{}
	return LimiterFunc(func(at time.Duration, key string) (bool, time.Duration) {
		if _, ok := known[key]; !ok && len(known) >= MaxKeys {
			key = ""
		}
		l, ok := known[key]
		if !ok {
			l = make(key)
			known[key] = l
		}
		return l.Take(at, key)
	})
}
