package main

import (
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

// What may be a target at its capacity is no limiter that was told, and none that verify holds a throttle to.
func TestDelaysAloneAreUndecided(t *testing.T) {
	rate := &analyze.Estimate{Value: 598.5}
	l := limits.Limiter{Algorithm: limits.Unidentified, Rate: rate, Slope: rate, Notes: []attack.Note{{Code: "no-refusal", Text: "nothing was refused"}}}
	if code, outcome, _ := judgeLimiter(l); code != exitUndecided || !strings.Contains(outcome, "cannot tell") || !strings.Contains(outcome, "nothing was refused") {
		t.Errorf("exit %d, %q; want %d, and that it cannot be told", code, outcome, exitUndecided)
	}
	const queue = "a leaky queue of 598.5/s, or a target at its capacity"
	if _, why := (&app{spec: &Spec{}}).declare(l); !strings.Contains(why, queue) {
		t.Errorf("%q, want no limit but %q", why, queue)
	}
	l.Algorithm, l.Refusal.Status = limits.LeakyQueue, 429
	if code, _, _ := judgeLimiter(l); code != exitKept {
		t.Errorf("exit %d for a queue that refuses, want %d", code, exitKept)
	}
}
