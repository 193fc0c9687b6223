package sim

import (
	"time"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// Limiter stands in front of the servers. Take asks for one admission at a moment that never goes back; the wait of a
// refusal is how long the refused must keep away, negative when the limiter does not know, and that of an admission how
// long the request is held before it goes on to the servers. A Limiter that is also a Releaser is told when an admitted
// request has ended.
type Limiter interface {
	Take(at time.Duration, key string) (ok bool, wait time.Duration)
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
type LimiterFunc func(at time.Duration, key string) (ok bool, wait time.Duration)

// Take calls f.
func (f LimiterFunc) Take(at time.Duration, key string) (bool, time.Duration) { return f(at, key) }

// MaxKeys bounds how many keys PerKey remembers; beyond it all further keys share one limiter.
const MaxKeys = 100_000

// One puts a model in front of all requests, whatever their keys. It is told when they end if it wants to know.
func One(l model.Limiter) Limiter { return one{l} }

type one struct{ model.Limiter }

func (o one) Take(at time.Duration, _ string) (bool, time.Duration) { return o.Limiter.Take(at) }

func (o one) Release(at time.Duration, _ string) {
	if r, ok := o.Limiter.(model.Releaser); ok {
		r.Release(at)
	}
}

// PerKey gives every key a limiter of its own, made when it first asks.
func PerKey(make func(key string) Limiter) Limiter {
	return &perKey{make: make, known: map[string]Limiter{}}
}

type perKey struct {
	make  func(key string) Limiter
	known map[string]Limiter
}

func (p *perKey) of(key string) Limiter {
	if l, ok := p.known[key]; ok {
		return l
	}
	if len(p.known) >= MaxKeys && key != "" {
		return p.of("")
	}
	l := p.make(key)
	p.known[key] = l
	return l
}

func (p *perKey) Take(at time.Duration, key string) (bool, time.Duration) {
	return p.of(key).Take(at, key)
}

func (p *perKey) Release(at time.Duration, key string) {
	if r, ok := p.of(key).(Releaser); ok {
		r.Release(at, key)
	}
}
