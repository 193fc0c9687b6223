package analyze

import (
	"cmp"
	"math"
	"slices"
)

// bounds are the loads that the estimate lies between: 0 and +Inf where there is none. A search that was cut short has
// those of its short trials.
func (f finding) bounds() (l, h float64) {
	l, h = f.sustained, f.breaking
	if l == 0 && f.lo < min(h, f.hi) {
		l = f.lo
	}
	if math.IsInf(h, 1) && f.hi > l {
		h = f.hi
	}
	return l, h
}

// middle is what is said of the capacity, 0 where a bound is missing: between trials of full length √(L·H), weighed with what
// overloads completed, or what all trials together tell, where failures do. Where one of them is of a short trial, which may lie far off, it is what overloads completed, if that lies between.
func (f finding) middle() float64 {
	l, h := f.bounds()
	switch {
	case l == 0 || math.IsInf(h, 1):
		return 0
	case f.believed.value > 0 && f.confirmed():
		return min(max(f.believed.value, l), h)
	case f.mode == ModeCollapse || f.mode == ModeErrors: // which complete other than they bear
		return math.Sqrt(l * h)
	case f.confirmed():
		value, _ := f.weighed()
		return value
	}
	return min(max(cmp.Or(f.estimate, f.good, math.Sqrt(l*h)), l), h)
}

// overloadFree is the share by which what a busy target completes may differ from what it bears, however long it was busy:
// half as much and twice as much are as good, to a tenth of a per cent.
const overloadFree = .015

// weighed is the middle of a bracket of full-length trials and what was completed flat out, each by how well it is known: the
// middle the less the wider the bracket is and the fewer arrivals its ends saw. It lies within the bracket. Spread is the
// standard deviation of its logarithm: larger where the two contradict each other, by the root of χ² as for physical
// constants (R. T. Birge, 1932).
//
//	σ² of ln √(L·H) = ln²(H/L)/12 + (1 + cs²)/2n,   of ln cap = cs²/m + (1.5 %)²
func (f finding) weighed() (value, spread float64) {
	l, h := f.sustained, f.breaking
	middle, wide := math.Sqrt(l*h), math.Log(h/l)
	a := wide*wide/12 + (1+f.cs2)/(2*math.Max(float64(f.fullest), 1))
	if f.pool.N == 0 {
		return middle, math.Sqrt(a)
	}
	se, apart := f.pool.SE(f.cs2), math.Log(f.pool.Rate/middle)
	b := se*se + overloadFree*overloadFree
	value = middle * math.Exp(apart*a/(a+b))
	return min(max(value, l), h), math.Sqrt(a * b / (a + b) * max(apart*apart/(a+b), 1))
}

// least is the least that may be said of the capacity: between trials of full length it may move towards the lower one with
// what further overloads complete, or with what all trials tell.
func (f finding) least() float64 {
	switch {
	case f.confirmed() && f.mode == ModeCapacity:
		return f.sustained
	case f.confirmed() && f.believed.value > 0:
		return max(f.sustained, min(f.believed.lo, math.Sqrt(f.sustained*f.breaking)))
	}
	return f.middle()
}

// confirmed tells whether both bounds are of trials of full length.
func (f finding) confirmed() bool { return f.sustained > 0 && !math.IsInf(f.breaking, 1) }

// failing is the finding if this load turned out to be too much.
func (f finding) failing(load float64) finding {
	if f.breaking = min(f.breaking, load); f.sustained >= f.breaking {
		f.sustained = 0
	}
	return f
}

// passing is the finding if this load turned out to be borne.
func (f finding) passing(load float64) finding {
	if load < f.breaking {
		f.sustained = load
	}
	return f
}

// passed is the highest load below this one that a trial of any length said was borne; 0 where there is none.
func (s *search) passed(below float64) float64 {
	most := 0.
	for _, r := range s.rows {
		if load := r.m.Trial.Load(); r.j.Class == Sustained && load < below {
			most = max(most, load)
		}
	}
	return most
}

// overloaded is how many seconds of the trials so far were overload, if this is the capacity: those at higher loads. Where
// it is 0, not known, they are those that were judged to be too much, and void ones where such a load was too much.
func (s *search) overloaded(capacity float64) float64 {
	sum := s.voidAbove(cmp.Or(capacity, min(s.hi, s.breaking)*(1-1e-9)))
	for _, r := range s.rows {
		if capacity > 0 && r.m.Trial.Load() > capacity || capacity == 0 && r.j.Class == Overloaded {
			sum += lasted(r.m).Seconds()
		}
	}
	return sum
}

// voidAbove is how many seconds void trials lasted at loads above this one: the target had them to bear like any other.
func (s *search) voidAbove(load float64) float64 {
	sum := 0.
	for _, m := range s.voided {
		if m.Trial.Load() > load {
			sum += lasted(m).Seconds()
		}
	}
	return sum
}

// collapsing is the share of what overloads completed at which the capacity is thought to lie where the bounds do not tell:
// the middle between it and collapseTo of it.
var collapsing = math.Sqrt(collapseTo)

// room is how many seconds of the overload allowed are left for a trial at a load, should that turn out to be too much: the
// trials between it and the highest load that passed below were overloads then as well, whatever they said. Nor may others
// turn out to be overloads if it is borne.
func (s *search) room(load float64) float64 {
	most := s.plan.MaxOverloadSeconds
	if s.overloaded(s.passing(load).least()) > most {
		return 0
	}
	least := min(s.lowest(load), load*(1-1e-9))
	sum := s.voidAbove(least)
	for _, r := range s.rows {
		if r.m.Trial.Load() > least || r.j.Class == Overloaded {
			sum += lasted(r.m).Seconds()
		}
	}
	return max(most-sum, 0)
}

// reserve is how many seconds of overload are kept, while no load is confirmed, for the trial that may confirm one: without
// a lower bound all that went before tells little.
func (s *search) reserve(load float64) float64 {
	if s.sustained > 0 {
		return 0
	}
	return s.long(load, Full) / shortest
}

// afford is the load and the length of a confirmation, given the time that is left for overload.
func (s *search) afford(load, long float64) (float64, float64) {
	keep, room := s.reserve(load), s.room(load)
	if s.sustained > 0 || room >= long+keep {
		return load, long
	}
	if room >= 2*keep {
		return load, min(long, room-keep)
	}
	if last := s.lastLoad(load, keep); last > 0 {
		return last, min(long, s.room(last))
	}
	return load, min(long, keep)
}

// The last trial that there is room for goes down to this share of what the capacity may be at most, and lies so far above
// loads that were tried before: they were overloads as well, should it turn out to be one.
const (
	lastLeast = .8
	lastAbove = 1.001
)

// lastLoad is the load of the last trial that there is room for: the lowest at which there is room for so many seconds, for
// nothing is left to ask again should it be too much as well. It is 0 where there is no such load.
func (s *search) lastLoad(load, long float64) float64 {
	most := min(cmp.Or(s.estimate, load), s.breaking)
	least := lastLeast * most // or less, where that is believed to be too much
	if s.believed.value > 0 {
		least = min(least, load)
	}
	loads := []float64{least, lastLeast * most, (1 + lastLeast) / 2 * most}
	for _, r := range s.rows {
		loads = append(loads, r.m.Trial.Load()*lastAbove)
	}
	slices.Sort(loads)
	for _, l := range loads {
		if l = s.clamp(l); l >= least && l < most && s.room(l) >= long {
			return l
		}
	}
	return 0
}

// lowest is the least that the capacity may be if this load turns out to be too much. A load that passed for want of time
// bounds nothing: once an overload completes less, collapse takes what that completed instead.
func (s *search) lowest(load float64) float64 {
	f := s.failing(load)
	least := cmp.Or(f.least(), collapsing*s.estimate, collapsing*s.good)
	if f.sustained > 0 || s.lo == 0 {
		return least
	}
	return min(least, cmp.Or(s.estimate, min(collapseTo*s.lo, cmp.Or(s.good, s.lo))))
}
