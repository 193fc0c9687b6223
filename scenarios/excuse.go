package scenarios

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// span is the time within which the throttle decided on an attempt.
type span struct{ from, to time.Duration }

// spans are the decision times of a log in order of sending. A refusal is answered at once, so the slowest one bounds how
// long any request was under way before it was decided on, also one that then had work done for it. Where the generator
// was kept from sending, its machine may have kept a throttle beside it from deciding for as long: the requests that waited
// there meanwhile are then decided on in a clump.
func (e *evidence) spans(log []attack.Attempt) []span {
	var slowest time.Duration
	for _, a := range log {
		if e.fate(a) == refused {
			slowest = max(slowest, a.Received-a.Sent)
		}
	}
	held := lateSends(log)
	out := make([]span, len(log))
	for i, a := range log {
		var pause time.Duration
		first, _ := slices.BinarySearchFunc(held, a.Sent, func(s span, from time.Duration) int { return cmp.Compare(s.to, from) })
		for _, s := range held[first:] {
			if s.from > a.Received {
				break
			}
			pause = max(pause, s.to-s.from)
		}
		out[i] = span{a.Sent, min(a.Received, a.Sent+slowest+pause)}
	}
	return out
}

// lateSends are the times in which the generator was held up, in order: from when a first try was due until it was sent,
// those that overlap as one.
func lateSends(log []attack.Attempt) (held []span) {
	var all []span
	for _, a := range log {
		if a.Try <= 1 && a.Sent > a.Due {
			all = append(all, span{a.Due, a.Sent})
		}
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for _, s := range all {
		if n := len(held); n > 0 && s.from <= held[n-1].to {
			held[n-1].to = max(held[n-1].to, s.to)
		} else {
			held = append(held, s)
		}
	}
	return held
}

// crowding is, at the moment each of a log's attempts was sent, how many tokens short of none a bucket of the rate r may
// have been at worst. Of the requests let in, N(u, x) may have been decided on within [u, x]; so it is
//
//	max over u ≤ x of N(u, x) − r (x − u),  N(u, x) = |{k: from(k) ≤ x}| − |{k: to(k) < u}|
//
// and a correct bucket of C may refuse one more at x if that is more than C − 1. The best u is x, or just as an attempt's
// span ends, so one pass over both ends in order of time finds all.
func (e *evidence) crowding(log []attack.Attempt, at []span, r float64) []float64 {
	ends := e.ends(log, at)
	worst, begun, over := math.Inf(-1), 0, 0
	out := make([]float64, len(log))
	for i, a := range log {
		x := at[i].from
		for ; over < len(ends) && ends[over] < x; over++ {
			worst = max(worst, r*ends[over].Seconds()-float64(over))
		}
		if e.fate(a) != refused {
			begun++
		}
		out[i] = float64(begun) - r*x.Seconds() + max(worst, r*x.Seconds()-float64(over))
	}
	return out
}

// held is, at the moment each of a log's attempts was sent, how many of those let in before it may have been decided on
// within the window w that ends there.
func (e *evidence) held(log []attack.Attempt, at []span, w time.Duration) []float64 {
	ends := e.ends(log, at)
	begun, over := 0, 0
	out := make([]float64, len(log))
	for i, a := range log {
		for ; over < len(ends) && ends[over] < at[i].from-w; over++ {
		}
		out[i] = float64(begun - over)
		if e.fate(a) != refused {
			begun++
		}
	}
	return out
}

// ends are the latest moments at which those of a log that were let in were decided on, in order.
func (e *evidence) ends(log []attack.Attempt, at []span) (all []time.Duration) {
	for i, a := range log {
		if e.fate(a) != refused {
			all = append(all, at[i].to)
		}
	}
	slices.Sort(all)
	return all
}

// excused tells whether each refusal of an actor that was logged, of one at least, may be what a bucket does that is as
// tight as the tolerance allows, or a window that was full, or whose like before it was, of which counters that slide
// remember a share: requests sent at an even pace may come to the throttle closer together.
func (e *evidence) excused(log []attack.Attempt, actor int) bool {
	tol, some := e.c.tolerance(), false
	burst := max(float64(e.c.Limit.Burst)-count(tol.burst, float64(e.c.Limit.Burst)), 1)
	log = bySent(log)
	at := e.spans(log)
	var crowding []float64
	before := time.Duration(0)
	if e.c.windowed() {
		before = e.c.window()
		crowding = e.held(log, at, before)
	} else {
		crowding = e.crowding(log, at, e.c.Limit.Rate*(1-tol.rate))
	}
	for i, a := range log {
		if e.fate(a) != refused || a.Actor != actor {
			continue
		}
		some = true
		worst := math.Inf(-1)
		first, _ := slices.BinarySearchFunc(at, at[i].from-before, func(s span, from time.Duration) int { return cmp.Compare(s.from, from) })
		for j := first; j < len(log) && at[j].from <= at[i].to; j++ {
			worst = max(worst, crowding[j])
		}
		if worst <= burst-1 {
			return false
		}
	}
	return some
}
