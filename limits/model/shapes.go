package model

import "time"

// Window is a fixed window on the clock's grid: so many admissions in each, then none until the next begins. At the edge
// between two of them it admits twice its limit at once.
type Window struct {
	limit  int
	length time.Duration
	index  int64
	used   int
}

// NewWindow admits limit requests in each window of the given length.
func NewWindow(limit int, length time.Duration) *Window {
	return &Window{limit: limit, length: length}
}

// Take asks for one admission; a refusal tells the time until the next window.
func (w *Window) Take(at time.Duration) (ok bool, wait time.Duration) {
	if k := int64(at / w.length); k > w.index {
		w.index, w.used = k, 0
	}
	if w.used >= w.limit {
		return false, time.Duration(w.index+1)*w.length - at
	}
	w.used++
	return true, 0
}

// Starving is a token bucket in which a refusal costs a token too, down to a debt of the whole burst, as limiters do that
// count before they decide (HAProxy's http_req_rate is one). Whoever keeps asking above the rate is never let in again.
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

// Take asks for one token; a refusal tells how long to keep silent until one is there.
func (s *Starving) Take(at time.Duration) (ok bool, wait time.Duration) {
	s.tokens = min(s.tokens+max(at-s.last, 0).Seconds()*s.rate, float64(s.burst))
	s.last = at
	ok = s.tokens >= 1
	s.tokens = max(s.tokens-1, -float64(s.burst))
	if ok {
		return true, 0
	}
	return false, time.Duration((1-s.tokens)/s.rate*float64(time.Second)) + 1
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

// Take asks for one token.
func (f *Forgetful) Take(at time.Duration) (ok bool, wait time.Duration) {
	if at-f.asked > f.memory {
		f.Bucket = NewBucket(f.rate, f.burst)
	}
	f.asked = at
	return f.Bucket.Take(at)
}
