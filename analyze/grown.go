package analyze

import (
	"fmt"
	"math"
)

// What tells that a target was given more to work with while it was searched, as by an autoscaler: it completes so much more
// than it did under overload before, by so many standard errors, and is no faster at rest, which it would be if it had only
// become warm. Chosen on autoscaled and cold services of population.Tuning and of three more seeds.
const (
	grownMost  = .2 // the share by which pauses, other loads and neighbours on the machine make overloads differ
	grownZ     = 4.
	grownLeast = 100 // completions …
	grownFor   = 1.  // … and seconds of an overload
	restedZ    = 2.
	restedFree = .25 // of what it would be faster at rest, had it got warm, says nothing: a queue, and chance
	loadedMost = .3  // of what was completed is a load at which response times tell of rest, before, and …
	restedMost = .2  // … after, where a queue would hide that it got faster
	restedAt   = .15 // of what it completed is the load that asks
)

// pace is what the target completed per second in a trial, with all it had or nearly so.
type pace struct {
	row
	rate, n float64
}

// overPaces are the paces of overloads.
func (s *search) overPaces() (out []pace) {
	for _, r := range s.rows {
		if r.j.Why == Backlog && r.j.Part == 0 && r.j.Busy.N >= grownLeast && r.j.Busy.Seconds >= grownFor {
			out = append(out, pace{r, r.j.Busy.Rate, float64(r.j.Busy.N)})
		}
	}
	return out
}

// outpaces tells whether a target went surely faster than in an overload before.
func (s *search) outpaces(p, before pace) bool {
	doubt := math.Sqrt(max(s.rest.CS2, 1) * (1/p.n + 1/before.n)) // few requests may not show that some take long
	return p.at > before.at && p.rate > before.rate*(1+max(grownMost, grownZ*doubt))
}

// grown is the evidence that the target was given more to work with; nil where there is none. Its capacity lay between what
// it completed first and last, and may go on to rise as much again, where no overload tells that it had stopped.
func (s *search) grown() *change {
	value := s.middle()
	var best *change
	least, most := math.Inf(1), 0.
	for _, g := range s.growths() {
		if !s.asAtRest(g) {
			continue
		}
		hi := g.to.rate * (1 + 2*math.Sqrt(s.rest.CS2/g.to.n))
		if s.growing(g) {
			hi *= min(g.ratio(), rampUp)
		}
		if least = min(least, g.from.rate*(1-2*math.Sqrt(s.rest.CS2/g.from.n))); g.to.rate > most {
			most = g.to.rate
			best = &change{text: fmt.Sprintf("%s completed under overload %.0fs into the search (trial %d), %s at %.0fs (trial %d), while answers at a light load took as long: it was given more to work with. %s",
				perSecond(g.from.rate), g.from.at, g.from.m.Trial.N, perSecond(g.to.rate), g.to.at, g.to.m.Trial.N, grownAdvice), hi: hi / value}
		}
	}
	if best != nil {
		best.lo = least / value
	}
	return best
}

const grownAdvice = "Search again once it has all, pin the number of its instances, or give a longer --budget"

// growing tells that no overload after a growth tells that it was the last.
func (s *search) growing(g growth) bool {
	for _, r := range s.rows {
		if r.at >= g.to.at && r.j.Class == Overloaded {
			return false
		}
	}
	return true
}

// growth is that the target went surely faster than in an overload before.
type growth struct{ from, to pace }

func (g growth) ratio() float64 { return g.to.rate / g.from.rate }

// growths are all that were seen.
func (s *search) growths() (out []growth) {
	over := s.overPaces()
	for _, from := range over {
		for _, to := range s.later(over, from) {
			if s.outpaces(to, from) {
				out = append(out, growth{from, to})
			}
		}
	}
	return out
}

// restAgain measures the target at rest once more, where it went faster and nothing yet tells whether it is so at rest as well.
func (s *search) restAgain() bool {
	load := 0.
	for _, g := range s.growths() {
		if _, n := s.restedAfter(g); n == 0 {
			load = max(load, restedAt*g.to.rate)
		}
	}
	if load == 0 || !s.within(s.effort.baseline.long(load, 0)) {
		return true
	}
	return s.baseline(load)
}

// later are the paces after an overload at loads no less than its own was, borne or not: where workers are in each other's
// way a lighter overload completes more.
func (s *search) later(over []pace, k pace) (out []pace) {
	least := k.m.Trial.Load()
	for _, p := range over {
		if p.at > k.at && p.m.Trial.Load() >= least {
			out = append(out, p)
		}
	}
	for _, r := range s.rows {
		if r.at > k.at && r.j.Class == Sustained && r.j.N >= grownLeast && r.m.Trial.Load() >= least {
			out = append(out, pace{r, min(r.j.Good, r.m.Trial.Load()), float64(r.j.N)})
		}
	}
	return out
}

// asAtRest tells whether answers at a light load took surely as long after a growth as before.
func (s *search) asAtRest(g growth) bool {
	before, n := s.rested(func(r row) bool { return r.at < g.from.at && r.m.Trial.Load() < loadedMost*g.from.rate })
	after, m := s.restedAfter(g)
	if n == 0 || m == 0 {
		return false
	}
	faster, doubt := before/after, 1.25*math.Sqrt(s.rest.CS2/n+s.rest.CS2/m)
	return faster < 1+max(restedFree*(g.ratio()-1), doubt) && faster*(1+restedZ*doubt) < (1+g.ratio())/2
}

// restedAfter is what answers at a light load took once the target went faster.
func (s *search) restedAfter(g growth) (seconds, n float64) {
	return s.rested(func(r row) bool { return r.at > g.to.at && r.m.Trial.Load() < restedMost*g.to.rate })
}

// rested is the median response time of such trials that were borne, and how many answers it is of.
func (s *search) rested(such func(row) bool) (seconds, n float64) {
	for _, r := range s.rows {
		if r.j.Class != Sustained || !such(r) {
			continue
		}
		h := response(r.m)
		seconds += h.Quantile(.5).Seconds() * float64(h.N())
		n += float64(h.N())
	}
	return seconds / max(n, 1), n
}
