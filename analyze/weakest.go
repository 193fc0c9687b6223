package analyze

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// What the endpoints of a trial must be for it to tell which of them are saturated.
const (
	leastAnswers = 20  // of each endpoint
	leastPart    = .05 // of the requests, below which what is completed tells nothing of so small a part
	waitsAlike   = .25 // × the longest wait of any endpoint: whoever waits as long stands in the same queue
	waitsLeast   = 1.  // × the mean response time at rest, below which nobody waits
)

// weakest reads an overload of a target of several endpoints. It breaks where its weakest does: the requests of that one wait
// and all others are answered as ever, so that what is completed is no capacity, but grows with the load. Endpoints that wait
// alike share a queue: where all do, nothing is corrected.
func (s *search) weakest(m attack.Measurement, j Judgement) Judgement {
	p, wait := s.waiting(m.Endpoints)
	if p == 0 || p > 1-leastPart || j.Busy.N == 0 || j.Class != Sustained && j.Why != Backlog {
		return j
	}
	load, all := m.Trial.Load(), j.Busy
	part := all.part(m.Ticks[len(m.Ticks)-all.Ticks:], p)
	if slope := s.rising(m, p, wait, all); slope.N > part.N {
		part = slope
	}
	if part.N == 0 {
		return j
	}
	j.Busy, j.Part = part, p
	j.Good = min(max((j.Good-(1-p)*load)/p, part.Rate/2), j.Good)
	if j.Class == Sustained && all.tells(s.rest) && load > part.surely(s.rest.CS2) {
		return j.is(Overloaded, Backlog, fmt.Sprintf("%s offered, of which %.0f%% wait for an endpoint that is full at %s of all", perSecond(load), 100*p, perSecond(part.Rate)))
	}
	return j
}

// part is what a run over some ticks tells of a target of whose requests only the share p waits:
//
//	completed = (1 − p) sent + p C,   so   C = (completed − (1 − p) sent) / p
//
// is the load of the whole target at which that part is full. The doubt of C is that of the rate completed, times
// completed/(p C), and N is lessened by its square.
func (b Busy) part(ticks []attack.Tick, p float64) Busy {
	sent := int64(0)
	for _, t := range ticks {
		sent += t.Sent
	}
	rate := (b.Rate - (1-p)*float64(sent)/b.Seconds) / p
	if rate <= 0 {
		return Busy{}
	}
	shrink := p * rate / b.Rate
	return b.as(rate, shrink*shrink)
}

// rising is the same from how the wait grew, which tells more of a small part: at ρ times what it bears, a request due at t
// waits (ρ − 1) t, and those judged, due from t₀ to T, on average
//
//	W = (ρ − 1) (t₀ + T)/2,   so   C = r / (1 + 2 W / (t₀ + T)),   relative standard error √((ca² + cs²)/(p n))
//
// A queue that is long and no longer grows is taken for an overload of less than one such error.
func (s *search) rising(m attack.Measurement, p float64, wait time.Duration, b Busy) Busy {
	if 2*b.Ticks < len(m.Ticks) {
		return Busy{}
	}
	span := m.Trial.Warmup + lasted(m)
	return b.as(m.Trial.Load()/(1+2*float64(wait)/float64(span)), p*s.rest.CS2/s.rest.spread(m.Trial))
}

// as is a run that tells of another rate, and as much as a share of what was counted.
func (b Busy) as(rate, share float64) Busy {
	b.N = int64(math.Round(float64(b.N) * share))
	b.Rate, b.Seconds = rate, float64(b.N)/rate
	return b
}

// waiting is the share of the requests whose endpoints are full, and how long these wait on average; 0 where that cannot be
// told. They are those that wait beyond their time at rest about as long as the one that waits longest.
func (s *search) waiting(endpoints []attack.Endpoint) (share float64, wait time.Duration) {
	waits, all, longest := make([]float64, len(endpoints)), 0., 0.
	for i, e := range endpoints {
		rest, ok := s.atRest(e.Name)
		if !ok || e.Response.N() < leastAnswers {
			return 0, 0
		}
		waits[i] = (e.Response.Mean() - rest).Seconds()
		longest, all = max(longest, waits[i]), all+float64(e.Due)
	}
	if all == 0 || longest < waitsLeast*s.rest.Mean.Seconds() {
		return 0, 0
	}
	full, sum := 0., 0.
	for i, e := range endpoints {
		if waits[i] >= waitsAlike*longest {
			full += float64(e.Due)
			sum += waits[i] * float64(e.Due)
		}
	}
	if full < leastPart*all {
		return 0, 0
	}
	return full / all, seconds(sum / full)
}

// part is the share of the requests that the bracket rests on: those that waited in the last overload.
func (s *search) part() float64 {
	for i := len(s.rows) - 1; i >= 0; i-- {
		if j := s.rows[i].j; j.Class == Overloaded && j.Why == Backlog {
			return cmp.Or(j.Part, 1)
		}
	}
	return 1
}

// atRest is the mean response time of an endpoint at the last light load.
func (s *search) atRest(name string) (time.Duration, bool) {
	for i := len(s.rows) - 1; i >= 0; i-- {
		m := s.rows[i].m
		if m.Trial.Phase != Baseline {
			continue
		}
		at := slices.IndexFunc(m.Endpoints, func(e attack.Endpoint) bool { return e.Name == name })
		if at >= 0 && m.Endpoints[at].Response.N() > 0 {
			return m.Endpoints[at].Response.Mean(), true
		}
	}
	return 0, false
}
