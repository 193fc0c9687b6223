package analyze

import (
	"fmt"
	"math"
	"slices"
)

// goals are all goals of the plan, Goal first.
func (p Plan) goals() []Goal { return append([]Goal{p.Goal}, p.Also...) }

// loosest is the goal within which all others lie: no bound on latency, and the largest share of failures. The search
// brackets it first, because the curve below its breaking load holds the others.
//
// Note: a search for the load that keeps a latency bound, straight away, takes each trial's quantile for the truth, and a
// short trial's is a matter of luck: it ended 15 % too low. On the curve the bound is known to lie between two points.
func (p Plan) loosest() Goal {
	failed := 0.
	for _, g := range p.goals() {
		failed = max(failed, g.FailedMax())
	}
	return Goal{Failed: &failed}
}

// promisesMax bounds the trials that narrow the bracket of one goal within another.
const promisesMax = 8

// promises brackets the loads that keep the goals within the loosest. They lie below its breaking load, on a curve that is
// known by now: the trials of the knee are judged again by each goal, and full-length trials between the highest load that
// kept it and the lowest that did not make its bracket as narrow as the loosest goal's.
func (s *search) promises() bool {
	for _, g := range s.plan.goals() {
		if g.String() == s.goal.String() {
			continue
		}
		f := s.kept(g)
		for range promisesMax {
			load, more := s.between(f)
			if !more {
				break
			}
			long := s.long(load, Full)
			if !s.fits(long + s.bookendNeeds()) {
				s.note("budget", "the budget ended while the load that keeps %s was being bracketed", g)
				break
			}
			if s.room(load) < long {
				s.note("overload", "--max-overload-seconds left no room to bracket the load that keeps %s", g)
				break
			}
			t := s.hold(Confirm, fmt.Sprintf("does it keep %s", g), load, long, discard(long, s.rest.P99))
			if _, ok := s.judge(t, Full, newVigil(t, s.rest, s.goal, Full, s.plan.MaxInFlight)); !ok {
				return false
			}
			f = s.kept(g)
		}
	}
	return true
}

// kept is what the trials so far tell of a goal within the loosest: the relevant bounds of the loads that keep it.
func (s *search) kept(g Goal) finding {
	n := s.fullest
	f := finding{goal: g, hi: math.Inf(1), estimate: s.estimate, pool: s.pool, cs2: s.cs2, mode: s.mode, breaking: s.breaking, fullest: s.fullest, resolved: s.resolved}
	for _, p := range points(s.under(g, s.steady)) {
		load := s.clamp(p.Load) // which is rounded
		if load >= f.breaking*(1-1e-6) {
			break
		}
		if p.Class == Overloaded {
			f.breaking, f.fullest = load, min(f.fullest, p.Counts.Due)
			break
		}
		if p.Class == Sustained {
			f.sustained, n = load, p.Counts.Due
		}
	}
	f.fullest = min(f.fullest, n)
	f.topped = s.topped && f.sustained == s.sustained
	return f
}

// steady tells whether a row is of a warm target that was held at its load for long enough to judge its latency.
func (s *search) steady(i int) bool {
	return s.rows[i].m.Trial.Phase == Confirm || slices.Contains(s.kneeAt, i)
}

// under are rows as judged by a goal within the loosest: what was too much for that one is too much for all.
func (s *search) under(g Goal, take func(int) bool) []row {
	var out []row
	for i, r := range s.rows {
		if !take(i) {
			continue
		}
		if why, text := g.missed(r.m); r.j.Class == Sustained && text != "" {
			r.j = r.j.is(Overloaded, why, text)
		}
		out = append(out, r)
	}
	return out
}

// between is the load that tells most about a goal: where its latency bound is crossed, by the two points around it, and
// not too close to either. It is false when the bracket is narrow enough, or cannot be made narrower.
func (s *search) between(f finding) (load float64, more bool) {
	l, h := f.sustained, f.breaking
	width := max(s.effort.width, s.resolved)
	switch {
	case s.sustained == 0 || math.IsInf(h, 1) || h <= s.plan.Min || l > 0 && h/l <= 1+1.02*width:
		return 0, false
	case l == 0:
		return s.clamp(h / 2), true
	}
	share := .5
	for _, b := range f.goal.Latency {
		if at, ok := s.crossed(b, l, h); ok {
			share = min(share, at)
		}
	}
	return l * math.Pow(h/l, max(share, .25)), true
}

// crossed is where between two loads a latency bound is crossed, as a share of the way.
func (s *search) crossed(b Bound, l, h float64) (float64, bool) {
	var y [2]float64
	for _, p := range points(s.under(Goal{}, s.steady)) {
		for i, load := range []float64{l, h} {
			if math.Abs(p.Load/load-1) < 1e-6 {
				y[i] = p.Histogram.Quantile(b.Quantile).Seconds()
			}
		}
	}
	if y[0] <= 0 || y[1] <= b.Max.Seconds() || y[0] >= b.Max.Seconds() {
		return 0, false
	}
	return math.Log(b.Max.Seconds()/y[0]) / math.Log(y[1]/y[0]), true
}

// capacities are what is known of every goal, in the order of the goals.
func (s *search) capacities() []Capacity {
	base := s.capacity()
	var out []Capacity
	for _, g := range s.plan.goals() {
		if g.String() == s.goal.String() || s.mode == ModeLimited {
			c := base
			c.Goal = g.String()
			out = append(out, c)
			continue
		}
		out = append(out, s.inner(g, base))
	}
	return out
}

// inner is the capacity for a goal within the loosest. Base, the capacity for that one, tells what the target is, whatever
// is promised: how it is at rest, its knee, and what the search cost.
func (s *search) inner(g Goal, base Capacity) Capacity {
	c, loose := base, s.finding
	c.Goal, c.Notes = g.String(), slices.Clone(s.notes)
	c.Points = points(s.under(g, func(int) bool { return true }))
	c.GoalLoad = s.goalLoad(g, c)
	c.Estimate, c.Sustained, c.Breaking = nil, nil, nil
	s.finding = s.kept(g)
	s.bracket(&c)
	s.because(&c)
	s.finding = loose
	return c
}
