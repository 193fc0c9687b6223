package limits

import (
	"math"
	"slices"
	"sort"
)

// places is a limit on requests in flight.
type places struct{ limit int }

func (p places) may(d *decision) (admit, refuse bool) { return d.sure < p.limit, d.maybe >= p.limit }

func (p places) take(*decision, bool) {}

// flights tells, for every decision, between how many requests that were let in were surely and possibly in flight when it
// was taken, and the most that ever were.
func (e *evidence) flights() (most int) {
	var from, to []float64
	for _, d := range e.ds {
		if d.in {
			from = append(from, d.at)
			to = append(to, d.done)
		}
	}
	slices.Sort(from)
	slices.Sort(to)
	began := func(at float64) int { return sort.SearchFloat64s(from, at) }
	ended := func(at float64) int { return sort.SearchFloat64s(to, at) }
	for i := range e.ds {
		d := &e.ds[i]
		self := 0
		if d.in {
			self = 1
		}
		// A place may be given back half a way before the answer is here.
		d.sure = max(0, began(d.at-2*e.slack)-ended(d.at+3*e.slack))
		d.maybe = max(0, began(d.at+2*e.slack)-self-ended(d.at-2*e.slack))
		most = max(most, d.maybe)
	}
	return most
}

// fitPlaces is the limit on requests in flight that explains most.
func (e *evidence) fitPlaces() candidate {
	c := candidate{kind: Concurrency, cost: 2}
	c.burst, c.least, c.most, c.bad = e.whole(1, e.flights()+2, func(n int) int { return e.held(places{n}) })
	n := c.burst
	c.again = func() machine { return places{n} }
	return c
}

// holds tells whether a limiter delays what it lets in: the rate of its releases, how long it holds the last that it takes,
// and how many go on at once. ok is false where answers come as fast under pressure as at rest.
type holds struct {
	free  int
	worst float64 // s
}

// delays looks for the delays of a queue of a given rate and burst: the wait that its state foretells, less those that are
// free, is what the answers took beyond the rest.
func (e *evidence) delays(rate float64, burst int) (h holds, ok bool) {
	type pair struct{ behind, took float64 }
	var pairs []pair
	due := math.Inf(-1)
	for _, d := range e.ds {
		if !d.in {
			continue
		}
		pairs = append(pairs, pair{max(0, due-d.at) * rate, d.done - d.sent - e.rest})
		due = max(due, d.at) + 1/rate
	}
	var early, late []float64 // of those that no queue would hold, and of those that it would hold long
	for _, p := range pairs {
		h.worst = max(h.worst, p.took)
		switch {
		case p.behind <= .5:
			early = append(early, p.took)
		case p.behind >= .7*float64(burst-1):
			late = append(late, p.took)
		}
	}
	if burst < 2 || len(late) == 0 || rank(late, .5) < max(.3/rate, 4*e.slack, e.rest/2, 2*rank(early, .9)) {
		return h, false
	}
	// Each pair says how many are free: behind − took·rate. A service time only makes that smaller.
	var frees []float64
	close := 0
	for _, p := range pairs {
		if p.took > max(.7/rate, 4*e.slack) {
			frees = append(frees, p.behind-p.took*rate)
		}
	}
	free := rank(frees, .5)
	for _, f := range frees {
		if math.Abs(f-free) < max(1, .1*float64(burst)) {
			close++
		}
	}
	h.free = max(0, int(math.Round(free)))
	return h, len(frees) >= 3 && 2*close > len(frees)
}
