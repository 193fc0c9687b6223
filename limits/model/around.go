package model

import "time"

// Ban shuts a client out for a while after its first refusal, whatever the limiter within would say (mod_evasive,
// Cloudflare's mitigation timeout). A renewed ban begins anew with every request that it refuses.
type Ban struct {
	within  Limiter
	length  time.Duration
	renewed bool
	until   time.Duration
}

// NewBan puts a ban of the given length around a limiter.
func NewBan(within Limiter, length time.Duration, renewed bool) *Ban {
	return &Ban{within: within, length: length, renewed: renewed}
}

// Take asks for one admission; a refusal tells when the ban ends, and the limiter within admits again.
func (b *Ban) Take(at time.Duration) (ok bool, wait time.Duration) {
	if at < b.until {
		if b.renewed {
			b.until = at + b.length
		}
		_, wait = b.Peek(at)
		return false, wait
	}
	if ok, wait = b.within.Take(at); ok {
		return ok, wait
	}
	b.until = at + b.length
	return false, longer(wait, b.length)
}

// Peek is what Take would say; the wait is that before the ban begins or is renewed.
func (b *Ban) Peek(at time.Duration) (ok bool, wait time.Duration) {
	ok, wait = b.within.Peek(at)
	left := b.until - at
	switch {
	case left <= 0:
		return ok, wait
	case ok:
		return false, left
	}
	return false, longer(wait, left)
}

// longer is the longer of two waits; Unknown when either is.
func longer(a, b time.Duration) time.Duration {
	if a < 0 || b < 0 {
		return Unknown
	}
	return max(a, b)
}

// Left is how many requests would be admitted at once now: none under a ban.
func (b *Ban) Left(at time.Duration) int {
	if at < b.until {
		return 0
	}
	return b.within.Left(at)
}

// FullIn is the time until the ban is over and the limiter within is at rest.
func (b *Ban) FullIn(at time.Duration) time.Duration {
	return longer(b.within.FullIn(at), max(b.until-at, 0))
}

// Release tells the limiter within that an admitted request has ended.
func (b *Ban) Release(at time.Duration) { release(b.within, at) }

func release(l Limiter, at time.Duration) {
	if r, ok := l.(Releaser); ok {
		r.Release(at)
	}
}

// Chain is several limiters that must all admit: ten a second and a hundred a minute, a key's own limit and everyone's. A
// request that one of them refuses costs nothing in the others, as in nginx with several limit_req and in Kong; a limiter
// that punishes refusals is not told of it.
type Chain struct{ all []Limiter }

// NewChain admits what all of these admit.
func NewChain(all ...Limiter) *Chain { return &Chain{all: all} }

// Take asks all of them; the wait is the longest that any tells.
func (c *Chain) Take(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = c.Peek(at); !ok {
		return false, wait
	}
	for _, l := range c.all {
		_, held := l.Take(at)
		wait = max(wait, held)
	}
	return true, wait
}

// Peek is what Take would say.
func (c *Chain) Peek(at time.Duration) (ok bool, wait time.Duration) {
	refused, held := time.Duration(0), time.Duration(0)
	ok = true
	for _, l := range c.all {
		in, w := l.Peek(at)
		if !in {
			ok, refused = false, longer(refused, w)
		} else {
			held = max(held, w)
		}
	}
	if ok {
		return true, held
	}
	return false, refused
}

// Left is the fewest that any of them would admit now.
func (c *Chain) Left(at time.Duration) int {
	left := int(^uint(0) >> 1)
	for _, l := range c.all {
		left = min(left, l.Left(at))
	}
	return left
}

// FullIn is the time until all of them are at rest.
func (c *Chain) FullIn(at time.Duration) (wait time.Duration) {
	for _, l := range c.all {
		wait = longer(wait, l.FullIn(at))
	}
	return wait
}

// Release tells all of them that an admitted request has ended.
func (c *Chain) Release(at time.Duration) {
	for _, l := range c.all {
		release(l, at)
	}
}
