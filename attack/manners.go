package attack

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Policy names what a client does after a refusal.
type Policy string

const (
	Never            Policy = "never"              // gives up
	AtOnce           Policy = "at-once"            // tries again without waiting
	Fixed            Policy = "fixed"              // waits Base each time
	Exponential      Policy = "exponential"        // waits Base·2ⁿ, at most Cap
	InStep           Policy = "in-step"            // waits Base·2ⁿ, at most Cap, and up to Base more: clients stay in step
	FullJitter       Policy = "full-jitter"        // waits a uniform share of Base·2ⁿ, at most Cap
	EqualJitter      Policy = "equal-jitter"       // waits half of that, and a uniform share of the other half
	Decorrelated     Policy = "decorrelated"       // waits from Base to three times the wait before, at most Cap
	RetryAfter       Policy = "retry-after"        // waits exactly as told
	RetryAfterJitter Policy = "retry-after-jitter" // waits as told and up to Base more
)

// Policies are all there are, in the order in which people are told of them.
var Policies = []Policy{Never, AtOnce, Fixed, Exponential, InStep, FullJitter, EqualJitter, Decorrelated, RetryAfter, RetryAfterJitter}

// PolicyWords lists the policies for people: "never, at-once … or retry-after-jitter".
func PolicyWords() string {
	var words []string
	for _, p := range Policies {
		words = append(words, string(p))
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Manners are how a client behaves after a refusal. The zero value never retries.
//
// The waits are those of "Exponential Backoff and Jitter" (M. Brooker, AWS Architecture Blog, 2015) and its simulator. InStep
// is the 2ⁿ + rand(0, 1) seconds of many a tutorial: from the third try on its jitter is too small to part the clients.
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
	if m.Policy != "" && !slices.Contains(Policies, m.Policy) {
		return fmt.Errorf("manners %q, want %s", m.Policy, PolicyWords())
	}
	if m.Tries < 0 || m.Tries > MaxTries {
		return fmt.Errorf("manners with %d tries, want 0 (the default) to %d", m.Tries, MaxTries)
	}
	if m.Base < 0 || m.Cap < 0 {
		return fmt.Errorf("manners wait from %v to %v, want at least 0", m.Base, m.Cap)
	}
	return nil
}

// filled are the manners with their defaults.
func (m Manners) filled() Manners {
	if m.Base == 0 {
		m.Base = DefaultBase
	}
	if m.Cap == 0 {
		m.Cap = DefaultCap
	}
	if m.Tries == 0 {
		m.Tries = DefaultTries
	}
	return m
}

// Refusal is what a client knows when it decides whether to come back.
type Refusal struct {
	Try    int           // the number of the refused attempt, from 1
	After  time.Duration // what Retry-After told …
	Told   bool          // … where it told something usable
	Waited time.Duration // before this attempt; 0 before the first
}

// Wait is how long the client waits before its next attempt, given a uniform number u in [0,1). It is false when the client
// gives up. A client that honours Retry-After and is told nothing backs off with full jitter.
func (m Manners) Wait(r Refusal, u float64) (time.Duration, bool) {
	if m = m.filled(); m.Policy == "" || m.Policy == Never || r.Try >= m.Tries {
		return 0, false
	}
	grown := min(float64(m.Base)*math.Pow(2, float64(r.Try-1)), float64(m.Cap))
	share := func(of float64) time.Duration { return time.Duration(u * of) }
	switch m.Policy {
	case AtOnce:
		return 0, true
	case Fixed:
		return min(m.Base, m.Cap), true
	case Exponential:
		return time.Duration(grown), true
	case InStep:
		return time.Duration(grown) + share(float64(m.Base)), true
	case EqualJitter:
		return time.Duration(grown/2) + share(grown/2), true
	case Decorrelated:
		base := float64(m.Base)
		return time.Duration(min(base+u*(3*max(float64(r.Waited), base)-base), float64(m.Cap))), true
	case RetryAfter:
		if r.Told {
			return r.After, true
		}
	case RetryAfterJitter:
		if r.Told {
			return r.After + share(float64(m.Base)), true
		}
	}
	return share(grown), true
}
