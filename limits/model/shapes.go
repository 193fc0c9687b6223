package model

import "time"

// Starving is a token bucket in which a refusal costs a token too, down to a debt of the whole burst, as limiters do that
// count before they decide. Whoever keeps asking above the rate is never let in again.
type Starving struct {
	rate   float64
	burst  int
	tokens float64
	last   time.Duration
}

// NewStarving is a full bucket of that kind.
func NewStarving(rate float64, burst int) *Starving {
	return &Starving{rate: rate, burst: burst, tokens: float64(burst)}
}

func (s *Starving) tokensAt(at time.Duration) float64 {
	return min(s.tokens+max(at-s.last, 0).Seconds()*s.rate, float64(s.burst))
}

// Take asks for one token; a refusal tells how long to keep silent until one is there.
func (s *Starving) Take(at time.Duration) (ok bool, wait time.Duration) {
	ok, _ = s.Peek(at)
	s.tokens, s.last = max(s.tokensAt(at)-1, -float64(s.burst)), at
	if ok {
		return true, 0
	}
	return false, s.until(1, s.tokens)
}

// Peek is what Take would say; the wait of a refusal is that before the refusal is paid for.
func (s *Starving) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if tokens := s.tokensAt(at); wholeTokens(tokens, s.rate) < 1 {
		return false, s.until(1, tokens)
	}
	return true, 0
}

func (s *Starving) until(want, have float64) time.Duration {
	if s.rate <= 0 || want > float64(s.burst) {
		return Forever
	}
	return roundUp(span((want-have)/s.rate*float64(time.Second)), 0)
}

// Left is how many requests would be admitted at once now.
func (s *Starving) Left(at time.Duration) int { return wholeTokens(s.tokensAt(at), s.rate) }

// FullIn is the time until the bucket is full.
func (s *Starving) FullIn(at time.Duration) time.Duration {
	if have := s.tokensAt(at); have < float64(s.burst) {
		return s.until(float64(s.burst), have)
	}
	return 0
}

// Forgetful is a token bucket that is thrown away after a silence and begins full again, as gateways do that expire idle
// keys early (Traefik after two seconds).
type Forgetful struct {
	*Bucket
	memory time.Duration
	asked  time.Duration
}

// NewForgetful is a bucket that forgets after a silence of memory.
func NewForgetful(rate float64, burst int, memory time.Duration) *Forgetful {
	return &Forgetful{Bucket: NewBucket(rate, burst), memory: memory}
}

// bucket is the one of a moment: the old one, or a new one after a silence.
func (f *Forgetful) bucket(at time.Duration) *Bucket {
	if at-f.asked > f.memory {
		return NewBucket(f.rate, f.burst)
	}
	return f.Bucket
}

// Take asks for one token.
func (f *Forgetful) Take(at time.Duration) (ok bool, wait time.Duration) {
	f.Bucket = f.bucket(at)
	f.asked = at
	ok, wait = f.Bucket.Take(at)
	return ok, f.sooner(wait, at)
}

// Peek is what Take would say; the wait of a refusal is that before the refusal is remembered.
func (f *Forgetful) Peek(at time.Duration) (ok bool, wait time.Duration) {
	ok, wait = f.bucket(at).Peek(at)
	return ok, f.sooner(wait, at)
}

// sooner is a wait, or what is left of the memory, whichever ends first.
func (f *Forgetful) sooner(wait, at time.Duration) time.Duration {
	if f.burst < 1 {
		return wait
	}
	return min(wait, max(f.asked+f.memory-at, 0)+1)
}

// Left is how many requests would be admitted at once now.
func (f *Forgetful) Left(at time.Duration) int { return f.bucket(at).Left(at) }

// FullIn is the time until the bucket is full or forgotten.
func (f *Forgetful) FullIn(at time.Duration) time.Duration {
	return f.sooner(f.bucket(at).FullIn(at), at)
}

// Ticks is a token bucket that is filled in steps: so many tokens at each multiple of a time, as Envoy's fill_interval has
// it, and Spring Cloud Gateway's whole seconds.
type Ticks struct {
	add, burst int
	every      time.Duration
	tokens     int
	index      int64 // of the last tick that was counted
}

// NewTicks is a full bucket that gains add tokens at every multiple of every.
func NewTicks(add int, every time.Duration, burst int) *Ticks {
	return &Ticks{add: add, every: every, burst: burst, tokens: burst}
}

func (t *Ticks) tokensAt(at time.Duration) int {
	missing := int64(t.burst - t.tokens)
	if ticks := max(int64(at/t.every)-t.index, 0); ticks < missing { // else full for certain, and no product runs over
		return min(t.tokens+int(ticks)*t.add, t.burst)
	}
	if t.add < 1 {
		return t.tokens
	}
	return t.burst
}

// Take asks for one token.
func (t *Ticks) Take(at time.Duration) (ok bool, wait time.Duration) {
	ok, wait = t.Peek(at)
	t.tokens, t.index = t.tokensAt(at), max(t.index, int64(at/t.every))
	if ok {
		t.tokens--
	}
	return ok, wait
}

// Peek is what Take would say; a refusal tells the time until the next tick.
func (t *Ticks) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if t.tokensAt(at) > 0 {
		return true, 0
	}
	return false, t.until(1, at)
}

func (t *Ticks) until(want int, at time.Duration) time.Duration {
	if t.add < 1 || want > t.burst {
		return Forever
	}
	ticks := (want - t.tokensAt(at) + t.add - 1) / t.add
	return (max(at/t.every, time.Duration(t.index))+time.Duration(ticks))*t.every - at
}

// Left is how many tokens there are.
func (t *Ticks) Left(at time.Duration) int { return max(0, t.tokensAt(at)) }

// FullIn is the time until the bucket is full.
func (t *Ticks) FullIn(at time.Duration) time.Duration {
	if t.tokensAt(at) >= t.burst {
		return 0
	}
	return t.until(t.burst, at)
}

// Truncating is a token bucket that counts whole tokens and, at every admission, throws away the fraction that had come
// in, as Varnish's vsthrottle does. Under a steady load below its rate it may run dry.
type Truncating struct {
	rate          float64
	burst, tokens int
	last          time.Duration // of the last admission
}

// NewTruncating is a full bucket of that kind.
func NewTruncating(rate float64, burst int) *Truncating {
	return &Truncating{rate: rate, burst: burst, tokens: burst}
}

func (t *Truncating) tokensAt(at time.Duration) int {
	gained := min(max(at-t.last, 0).Seconds()*t.rate, float64(t.burst))
	return min(t.tokens+int(gained), t.burst)
}

// Take asks for one token.
func (t *Truncating) Take(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = t.Peek(at); ok {
		t.tokens, t.last = t.tokensAt(at)-1, at
	}
	return ok, wait
}

// Peek is what Take would say.
func (t *Truncating) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if t.tokensAt(at) > 0 {
		return true, 0
	}
	return false, t.until(1, at)
}

func (t *Truncating) until(want int, at time.Duration) time.Duration {
	if t.rate <= 0 || want > t.burst {
		return Forever
	}
	long := span(float64(want-t.tokens) / t.rate * float64(time.Second))
	return roundUp(max(t.last-at+min(long, Forever/2), 0), 0)
}

// Left is how many requests would be admitted at once now.
func (t *Truncating) Left(at time.Duration) int { return max(0, t.tokensAt(at)) }

// FullIn is the time until the bucket is full.
func (t *Truncating) FullIn(at time.Duration) time.Duration {
	if t.tokensAt(at) >= t.burst {
		return 0
	}
	return t.until(t.burst, at)
}
