package analyze

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/attack"
)

// NotStationary is the code of the note that the target was not the same all the time, and how that was seen.
const NotStationary = "not-stationary"

// change is the evidence that the target was not the same all the time, and between which shares of the estimate its
// capacity lay, as far as that was seen.
type change struct {
	text   string
	lo, hi float64
}

// notes say it; nothing where there is none.
func (c *change) notes() []attack.Note {
	if c == nil {
		return nil
	}
	return []attack.Note{{Code: NotStationary, Text: "the target changed during the search: " + c.text}}
}

// shift is one kind of evidence that the target changed: by how many standard errors of chance, how much that weighs, and
// what it looks like.
type shift struct {
	z, weight float64
	change    *change
}

// One test is made of all the evidence together, so that there is one chance of a false alarm and not one for each kind. The
// weights, and what is beyond chance, were chosen on 1,281 searches of population.Tuning and of three more sets: of the
// services that stay 6 in 1000 are said to move. What wanders within trials weighs less: chance has a longer tail there.
//
// Note: what is completed within one overload is no evidence. Workers in each other's way complete less the more of them are
// busy, and so it falls in every one.
const (
	movedMost   = 7.
	wanderLight = .1
	evenFree    = .002 // of difference between two overloads that says nothing: they have other loads and backlogs
)

// drift asks whether the target stayed the same: the overload at the end must still be one, overloads at different times
// must have completed alike, and within a trial nothing may wander. It is nil when all that is so, and else what tells most.
//
//	moved  iff  Σ weight z² > 7, over the kinds of evidence with z > 0
func (s *search) drift() *change {
	if c := s.grown(); c != nil {
		return c
	}
	var best *change
	sum, most := 0., 0.
	for _, e := range s.shifts() {
		part := e.weight * e.z * e.z
		if e.z <= 0 {
			continue
		}
		if sum += part; part > most {
			best, most = e.change, part
		}
	}
	if sum <= movedMost {
		return nil
	}
	return best
}

// shifts are all kinds of evidence.
func (s *search) shifts() []shift {
	busy, cs2 := s.busyStretches(), s.calmCS2()
	return []shift{s.outlived(), s.uneven(busy, cs2), wandering(s.lightStretches(), cs2)}
}

// same tells whether the target stayed the same; nil when nothing was there to tell.
func (s *search) same(c *change) *bool {
	if s.bookend == nil && c == nil {
		return nil
	}
	same := c == nil
	return &same
}

// calmMost is the share of the estimate up to which response times tell how unlike each other requests are.
const calmMost = .6

// calmCS2 is the squared coefficient of variation of all response times of the warm target at loads that are not high: the
// baseline alone has too few of those requests that take long.
func (s *search) calmCS2() float64 {
	var h attack.Histogram
	for _, r := range s.warmRows() {
		p := r.m.Trial.Phase
		if r.j.Class == Sustained && (p == Baseline || p == Ramp || p == Knee) && r.m.Trial.Load() < calmMost*s.estimate {
			h.Add(response(r.m))
		}
	}
	return min(h.CV2(), mostCS2)
}

// outlived is that the overload at the end was none.
func (s *search) outlived() shift {
	b := s.bookend
	if b == nil || b.Class != Sustained || s.pool.N == 0 {
		return shift{}
	}
	chance := math.Sqrt((1+s.rest.CS2)/math.Max(float64(b.N), 1) + s.rest.CS2/float64(s.pool.N))
	return shift{(b.Good/s.pool.Rate - 1 - evenFree) / chance, 1, &change{fmt.Sprintf("%s was borne at the end, and no more than %s before", perSecond(b.Good), perSecond(s.pool.Rate)), 1, b.Good / s.pool.Rate}}
}

// leastNoise is the least that the variance of one block may be by chance: neighbours that are alike may be so by chance as
// well, or because one slow request holds up both.
//
//	σ² ≥ x²cs²/n,   n completions in a block of mean x
func (s stretch) leastNoise(cs2 float64) float64 {
	mean := s.mean()
	return max(s.noise(), mean*mean*cs2*float64(len(s.values))/s.n)
}

// wandering is that answers at light loads did not take the same time throughout, all stretches together.
//
//	z = (Σ U² − n/12) / √(n/360)
func wandering(all []stretch, cs2 float64) shift {
	n, sum, most := 0., 0., 0.
	out := shift{weight: wanderLight}
	for _, s := range all {
		if len(s.values) < leastBlocks {
			continue
		}
		v, u2 := s.bridge(s.leastNoise(cs2))
		n, sum = n+1, sum+u2
		if v > most {
			most, out.change = v, s.turn()
		}
	}
	if n == 0 || out.change == nil {
		return shift{}
	}
	out.z = (sum - n/12) / math.Sqrt(n/360)
	return out
}

// turn is where a stretch of response times changes most, and what they were before and after.
func (s stretch) turn() *change {
	mean, sum, most, k := s.mean(), 0., -1., 1
	for i, v := range s.values[:len(s.values)-1] {
		if sum += v - mean; math.Abs(sum) > most {
			most, k = math.Abs(sum), i+1
		}
	}
	at, before, after := s.from+float64(k)*s.block, stretch{values: s.values[:k]}.mean(), stretch{values: s.values[k:]}.mean()
	swing := math.Abs(after-before) / (after + before)
	return &change{fmt.Sprintf("answers took %.3gms until %.0fs into the search (trial %d), %.3gms after, at the same light load", 1000*before, at, s.trial, 1000*after), 1 - swing, 1 + swing}
}

// alike are overloads at different times: what they completed on average, and how much more they differ than by chance.
//
//	Q = Σ w (x − mean)²,   w = 1/(σ²/seconds + (0.2 %)²)
type alike struct{ mean, q, n, sum, squares float64 }

func alikeOf(busy []stretch, cs2 float64) (a alike) {
	rate := 0.
	for _, b := range busy {
		rate += b.mean() / float64(len(busy))
	}
	noise, free, square := max(pooledNoise(busy), rate*cs2), evenFree*rate, 0.
	for _, b := range busy {
		w, x := 1/(noise/b.seconds()+free*free), b.mean()-rate
		a.n, a.sum, a.squares = a.n+1, a.sum+w, a.squares+w*w
		a.mean, square = a.mean+w*x, square+w*x*x
	}
	a.mean /= a.sum
	a.q = square - a.sum*a.mean*a.mean
	a.mean += rate
	return a
}

// uneven compares overloads at different times.
func (s *search) uneven(busy []stretch, cs2 float64) shift {
	if len(busy) < 2 {
		return shift{}
	}
	a := alikeOf(busy, cs2)
	by := func(x, y stretch) int { return cmp.Compare(x.mean(), y.mean()) }
	low, high := slices.MinFunc(busy, by), slices.MaxFunc(busy, by)
	first, last, verb := low, high, "rose"
	if high.from < low.from {
		first, last, verb = high, low, "fell"
	}
	return shift{normalOf(a.q, a.n-1), 1, &change{fmt.Sprintf("its capacity %s from %s (trial %d, %.0fs into the search) to %s (trial %d, %.0fs)", verb,
		perSecond(first.mean()), first.trial, first.from, perSecond(last.mean()), last.trial, last.from), low.mean() / a.mean, high.mean() / a.mean}}
}

// unsteady is by what share of it the capacity differed from one overload to another, beyond chance: the random effect of
// R. DerSimonian and N. Laird (1986), one standard deviation of chance left out so that a target that stays has hardly any.
//
//	τ² = (Q − (n − 1) − √(2(n − 1))) / (Σ w − Σ w²/Σ w),   0 where that is less
func (s *search) unsteady() float64 {
	busy := s.busyStretches()
	if len(busy) < 2 {
		return 0
	}
	a := alikeOf(busy, s.calmCS2())
	excess := a.q - (a.n - 1) - math.Sqrt(2*(a.n-1))
	return math.Sqrt(max(excess, 0)/(a.sum-a.squares/a.sum)) / a.mean
}

// pooledNoise is the variance of a rate of completion times the seconds that it was counted over, from all stretches.
func pooledNoise(all []stretch) float64 {
	sum, n := 0., 0.
	for _, s := range all {
		sum += s.noise() * s.block * float64(len(s.values)-1)
		n += float64(len(s.values) - 1)
	}
	return sum / n
}

// normalOf is how many standard errors a χ² with so many degrees of freedom lies above its mean (E. B. Wilson and M. M.
// Hilferty, 1931).
func normalOf(chi2, d float64) float64 {
	return (math.Cbrt(chi2/d) - (1 - 2/(9*d))) / math.Sqrt(2/(9*d))
}
