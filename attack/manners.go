package attack

import (
	"fmt"
	"math"
	"time"
)

// Policy names what a client does after a refusal.
type Policy string

const (
	Never            Policy = "never"              // gives up
	AtOnce           Policy = "at-once"            // tries again without waiting
	Fixed            Policy = "fixed"              // waits Base each time
	Exponential      Policy = "exponential"        // waits Base·2ⁿ, at most Cap
	FullJitter       Policy = "full-jitter"        // waits a uniform share of Base·2ⁿ, at most Cap
	RetryAfter       Policy = "retry-after"        // waits exactly as told
	RetryAfterJitter Policy = "retry-after-jitter" // waits as told and up to Base more
)

// Manners are how a client behaves after a refusal. The zero value never retries.
//
// The waits are those of "Exponential Backoff and Jitter" (M. Brooker, AWS Architecture Blog, 2015).
type Manners struct {
	Policy Policy        `json:"policy,omitempty"`
	Base   time.Duration `json:"base_ns,omitempty"` // first wait; 0 means DefaultBase
	Cap    time.Duration `json:"cap_ns,omitempty"`  // longest wait; 0 means DefaultCap
	Tries  int           `json:"tries,omitempty"`   // attempts in all; 0 means DefaultTries
}

// What Manners use where a field is zero.
const (
	DefaultBase  = 100 * time.Millisecond
	DefaultCap   = 10 * time.Second
	DefaultTries = 5
	MaxTries     = 100
)

// Validate reports a policy that does not exist, or tries without bound.
func (m Manners) Validate() error {
	switch m.Policy {
	case "", Never, AtOnce, Fixed, Exponential, FullJitter, RetryAfter, RetryAfterJitter:
	default:
		return fmt.Errorf("manners %q, want never, at-once, fixed, exponential, full-jitter, retry-after or retry-after-jitter", m.Policy)
	}
	if m.Tries < 0 || m.Tries > MaxTries {
		return fmt.Errorf("manners with %d tries, want 0 (the default) to %d", m.Tries, MaxTries)
	}
	if m.Base < 0 || m.Cap < 0 {
		return fmt.Errorf("manners wait from %v to %v, want at least 0", m.Base, m.Cap)
	}
	return nil
}

// Wait is how long the client waits before its next attempt, given that attempt number n (from 1) was refused, what
// Retry-After told (told is false where it told nothing usable), and a uniform number u in [0,1). It is false when the
// client gives up. A client that honours Retry-After and is told nothing backs off with full jitter.
func (m Manners) Wait(n int, after time.Duration, told bool, u float64) (time.Duration, bool) {
	base, limit, tries := m.Base, m.Cap, m.Tries
	if base == 0 {
		base = DefaultBase
	}
	if limit == 0 {
		limit = DefaultCap
	}
	if tries == 0 {
		tries = DefaultTries
	}
	if m.Policy == "" || m.Policy == Never || n >= tries {
		return 0, false
	}
	grown := time.Duration(min(float64(base)*math.Pow(2, float64(n-1)), float64(limit)))
	jittered := time.Duration(u * float64(grown))
	switch m.Policy {
	case AtOnce:
		return 0, true
	case Fixed:
		return min(base, limit), true
	case Exponential:
		return grown, true
	case RetryAfter, RetryAfterJitter:
		if !told {
			return jittered, true
		}
		if m.Policy == RetryAfterJitter {
			after += time.Duration(u * float64(base))
		}
		return after, true
	}
	return jittered, true
}
