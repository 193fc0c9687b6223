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

// Asker is a Limiter that looks at more of a request than its key: it is asked through Ask instead of Take.
type Asker interface {
	Ask(c Call) (ok bool, retryAfter time.Duration)
}

// AskerFunc is a function as a Limiter that looks at the whole request.
type AskerFunc func(c Call) (ok bool, retryAfter time.Duration)

// Ask calls f.
func (f AskerFunc) Ask(c Call) (bool, time.Duration) { return f(c) }

// Take calls f with what it is given.
func (f AskerFunc) Take(at time.Duration, key string) (bool, time.Duration) {
	return f(Call{At: at, Key: key, Try: 1})
}

// take asks a limiter about a request.
func take(l Limiter, c Call) (ok bool, retryAfter time.Duration) {
	if a, is := l.(Asker); is {
		return a.Ask(c)
	}
	return l.Take(c.At, c.Key)
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
