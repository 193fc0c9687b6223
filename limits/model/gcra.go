package model

import "time"

// GCRA is the generic cell rate algorithm as a virtual schedule (ITU-T I.371, annex A; ATM Forum TM 4.1, 4.4): it keeps
// the one moment at which the next request of an even stream would be due, and lets a request come as much before it as
// a burst allows. It admits exactly what a Bucket of the same rate and burst admits.
type GCRA struct {
	gap   float64 // T, ns between two requests of the rate
	early float64 // τ = (burst − 1)·T, ns that a request may come before its due moment
	burst int
	due   float64 // theoretical arrival time of the next request
}

// NewGCRA admits rate requests a second and burst at once from rest. throttled/throttled calls burst − 1 MaxBurst.
func NewGCRA(rate float64, burst int) *GCRA {
	gap := perSecond(rate)
	return &GCRA{gap: gap, early: float64(burst-1) * gap, burst: burst}
}

// Take asks for one admission.
func (g *GCRA) Take(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = g.Peek(at); ok {
		g.due = max(g.due, float64(at)) + g.gap
	}
	return ok, wait
}

// Peek is what Take would say.
func (g *GCRA) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if g.burst < 1 {
		return false, Forever
	}
	if ahead := g.due - g.early - float64(at); ahead >= 1 {
		return false, roundUp(span(ahead), 0)
	}
	return true, 0
}

// Left is how many requests would be admitted at once now.
func (g *GCRA) Left(at time.Duration) int {
	if g.burst < 1 {
		return 0
	}
	spare := float64(at) - max(g.due, float64(at)) + g.early
	return max(0, int((spare+1)/g.gap+1))
}

// FullIn is the time until burst are admitted at once again.
func (g *GCRA) FullIn(at time.Duration) time.Duration {
	if ahead := g.due - float64(at); ahead >= 1 {
		return roundUp(span(ahead), 0)
	}
	return 0
}
