package analyze

import (
	"cmp"
	"math"
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

// middle is what the bounds say of the capacity: √(L·H), 0 where there are none.
func (f finding) middle() float64 {
	l, h := f.bounds()
	if l == 0 || math.IsInf(h, 1) {
		return 0
	}
	return math.Sqrt(l * h)
}

// failing is the finding if this load turned out to be too much.
func (f finding) failing(load float64) finding {
	if f.breaking = min(f.breaking, load); f.sustained >= f.breaking {
		f.sustained = 0
	}
	return f
}

// overloaded is how many seconds of the trials so far were overload, if this is the capacity: those at higher loads. Where
// it is 0, not known, they are those that were judged to be too much.
func (s *search) overloaded(capacity float64) float64 {
	sum := 0.
	for _, r := range s.rows {
		if capacity > 0 && r.m.Trial.Load() > capacity || capacity == 0 && r.j.Class == Overloaded {
			sum += lasted(r.m).Seconds()
		}
	}
	return sum
}

// room is how many seconds of the overload allowed are left for a trial at a load, should that turn out to be too much: the
// trials at higher loads were overloads then as well, whatever they said, and so were those above what overloads completed.
func (s *search) room(load float64) float64 {
	capacity := cmp.Or(s.estimate, s.good)
	if middle := s.failing(load).middle(); capacity == 0 || middle > 0 && middle < capacity {
		capacity = middle
	}
	return s.plan.MaxOverloadSeconds - max(s.overloaded(capacity), s.overloaded(0))
}
