package analyze

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// admission is what a limiter let in of what was due in one second of a trial that always offers more.
type admission struct {
	end         float64 // seconds of the trial
	ok, refused float64
}

// share is the share let in, which is also the share of the second over which a limiter by turns was open.
func (a admission) share() float64 { return a.ok / math.Max(a.ok+a.refused, 1) }

// admissions are the whole seconds of a trial once the limiter had begun to refuse: what it had saved up is gone then.
func admissions(m attack.Measurement) []admission {
	var out []admission
	for _, w := range m.Windows {
		if w.Len < time.Second {
			continue
		}
		a := admission{(w.At + w.Len).Seconds(), float64(w.OK), float64(w.Throttled)}
		if len(out) == 1 && out[0].refused == 0 {
			out = out[:0] // no refusal yet
		}
		out = append(out, a)
	}
	return out
}

// byTurnsZ is how many standard errors more than chance the seconds of a limiter must differ that is open and shut by
// turns. A bucket's differ by less than chance.
const byTurnsZ = 4

// byTurns tells whether a limiter lets in and refuses by turns, as one does that counts in windows.
//
//	Σ (ok[i] − mean)²/mean is more than χ² allows
func byTurns(all []admission) bool {
	if len(all) < 3 {
		return false
	}
	mean, chi2 := 0., 0.
	for _, a := range all[1:] { // the first may hold the end of what was saved up
		mean += a.ok / float64(len(all)-1)
	}
	for _, a := range all[1:] {
		chi2 += (a.ok - mean) * (a.ok - mean) / math.Max(mean, 1)
	}
	return normalOf(chi2, float64(len(all)-2)) > byTurnsZ
}

// opening is a moment at which a limiter lets in again after it refused, and how many it had let in before.
type opening struct{ at, before float64 }

// openings are where the share let in rises above its mean. In the seconds around one the limiter was first shut and then
// open, so that the share let in tells for how long.
func openings(all []admission) []opening {
	ok, refused := 0., 0.
	for _, a := range all {
		ok, refused = ok+a.ok, refused+a.refused
	}
	mean := admission{ok: ok, refused: refused}.share()
	var out []opening
	before := 0.
	for i := 1; i < len(all); i++ {
		last := all[i-1]
		if before += last.ok; last.share() >= mean || all[i].share() < mean {
			continue
		}
		late := 1. // part of what the second before let in that belongs to this opening
		if i == 1 || all[i-2].share() >= mean {
			late = .5 // it was shut and opened again within that second
		}
		out = append(out, opening{all[i].end - all[i].share() - late*last.share(), before - late*last.ok})
	}
	return out
}

// What a limiter's windows must be seen over to tell its rate.
const (
	wholeLeast = 2   // windows
	wholeSpan  = 20. // seconds
	wholeMax   = 3   // trials
	wholeBy    = 1.5 // × what it seems to admit
	edge       = .3  // seconds by which an opening may be misplaced
)

// whole measures a limiter that lets in and refuses by turns over whole windows: in any other time it admits up to a
// window more or less than its rate. It asks for longer trials until it has seen enough of them; where the budget has no
// room for even one, no rate is told.
func (s *search) whole(load float64) bool {
	last := func() attack.Measurement { return s.rows[len(s.rows)-1].m }
	if s.limit == nil || !byTurns(admissions(last())) {
		return true
	}
	load = max(load, min(wholeBy*s.limit.Value, rampUp*s.lo))
	for range wholeMax {
		long, enough := wholeLong(openings(admissions(last())), lasted(last()).Seconds())
		long = math.Floor(min(long, s.plan.Budget.Seconds()-s.spent.Seconds()))
		if enough || long < lasted(last()).Seconds() {
			break
		}
		if _, ok := s.pressed(load, long, "what the limiter admits in several of its windows"); !ok {
			return false
		}
	}
	s.limit = overWindows(openings(admissions(last())))
	return true
}

// wholeLong is how many seconds a trial must last to hold several windows, by what one of so many seconds held; enough
// tells that this one did.
func wholeLong(all []opening, last float64) (long float64, enough bool) {
	n := len(all) - 1
	if n < 1 {
		return 3 * last, false
	}
	span := all[n].at - all[0].at
	return max(2*wholeLeast*span/float64(n), 1.3*wholeSpan), n >= wholeLeast && span >= wholeSpan
}

// overWindows is the rate from the first opening to the last; nil where no window lies between.
//
//	interval R(1−u) … R(1+u)/(1−1 %),   u = max(1 %, 2/√ok, 0.3 s/time between)
func overWindows(all []opening) *Estimate {
	n := len(all) - 1
	if n < 1 {
		return nil
	}
	span, ok := all[n].at-all[0].at, all[n].before-all[0].before
	e := limitOf(ok, span, edge/span)
	e.Notes = []attack.Note{{Code: "windows", Text: fmt.Sprintf("it counts in windows of about %.1fs, and admits about %.0f in each", span/float64(n), ok/float64(n))}}
	return e
}
