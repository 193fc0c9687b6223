package history

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// The constants of the division.
const (
	level        = .01 // of a change where there is none, in one series
	permutations = 499 // so that 5 of 500 are the level
	fewest       = 3   // runs on each side of a change
	cutsMost     = 50
)

// Least is the smallest change that is told of: below it nobody would look.
const Least = .02

// Needed is how many runs a series must have: with fewer, a clean step in the middle is not much rarer than the level among
// the orders that the runs could have come in, 2/(n choose n/2), and which orders were drawn would decide.
func Needed() int {
	n, ways := 2, 2.
	for 2/ways > level/4 {
		n++
		ways = ways * float64(n) / float64(n-n/2) // (n choose n/2) from (n−1 choose (n−1)/2)
	}
	return n
}

// divide finds where a series changes: E-divisive. Again and again the segments are searched for the best cut of all; it
// stands if so large a divergence is rare, at the level, among orders of the values within their segments. It supposes
// that without a change any order is as likely as any other: runs neither depend on one another nor drift.
//
// A cut that a later one has made needless is then taken away again, as is one smaller than least: see prune.
//
// Note: Fleming et al. (Hunter, ICPE 2023) replace the permutations by a t-test, which finds steps after fewer runs and
// supposes normal noise of the cut that was chosen for being the best, so that its level means little. Here it only takes
// away.
func divide(xs []float64, least float64, rng *rand.Rand) []found {
	var cuts []int
	ps := map[int]float64{}
	for len(cuts) < cutsMost {
		top, ok := bestOf(xs, cuts)
		if !ok {
			break
		}
		p := rarity(xs, cuts, top.divergence, rng, permutations)
		if p > level {
			break
		}
		ps[top.at] = p
		cuts = append(cuts, top.at)
		slices.Sort(cuts)
	}
	return prune(xs, cuts, ps, least)
}

// segments calls f with the parts of a series.
func segments(xs []float64, cuts []int, f func(from int, part []float64)) {
	from := 0
	for _, at := range append(slices.Clone(cuts), len(xs)) {
		f(from, xs[from:at])
		from = at
	}
}

// bestOf is the cut with the largest divergence within any segment.
func bestOf(xs []float64, cuts []int) (top cut, ok bool) {
	segments(xs, cuts, func(from int, part []float64) {
		if c, is := best(part, fewest); is && (!ok || c.divergence > top.divergence) {
			top, ok = cut{from + c.at, c.divergence}, true
		}
	})
	return top, ok
}

// rarity is the probability of a best cut with at least this divergence if any order of the values within their segments
// is as likely as any other, from so many random orders and the one that was seen. It stops early when enough have
// exceeded for the level to be out of reach (Besag and Clifford, Biometrika 78, 1991): what it then returns is a valid
// probability too.
func rarity(xs []float64, cuts []int, divergence float64, rng *rand.Rand, orders int) float64 {
	enough := int(level*float64(orders+1)) + 1
	shuffled := slices.Clone(xs)
	exceeded := 0
	for n := 1; n <= orders; n++ {
		segments(shuffled, cuts, func(_ int, part []float64) {
			rng.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
		})
		if c, ok := bestOf(shuffled, cuts); ok && c.divergence >= divergence*(1-1e-9) { // sums in another order are equal but for their last digits
			if exceeded++; exceeded == enough {
				return float64(exceeded) / float64(n)
			}
		}
	}
	return float64(exceeded+1) / float64(orders+1)
}

// found is a change of a series: its place, how rare it is, and the step with its error in the unit of the values.
type found struct {
	at          int
	p           float64
	before      span
	after       span
	step, error float64 // error is half the interval's width
}

// span is the middle of the values between two changes, and half of its interval's width.
type span struct{ mean, error float64 }

// prune takes away, the weakest first, every cut that Student's t-test between its neighbours does not uphold at the
// level, and then every one smaller than least: the merge step of Fleming et al. What one had divided is whole again for
// the next.
func prune(xs []float64, cuts []int, ps map[int]float64, least float64) []found {
	for len(cuts) > 0 {
		var all []found
		weakest, pMost, smallest := 0, -1., 0
		for i, at := range cuts {
			from, to := 0, len(xs)
			if i > 0 {
				from = cuts[i-1]
			}
			if i+1 < len(cuts) {
				to = cuts[i+1]
			}
			f, p := student(xs[from:at], xs[at:to])
			f.at, f.p = at, ps[at]
			all = append(all, f)
			if p > pMost {
				weakest, pMost = i, p
			}
			if math.Abs(f.step) < math.Abs(all[smallest].step) {
				smallest = i
			}
		}
		switch {
		case pMost > level:
			cuts = slices.Delete(cuts, weakest, weakest+1)
		case math.Abs(all[smallest].step) < least:
			cuts = slices.Delete(cuts, smallest, smallest+1)
		default:
			return all
		}
	}
	return nil
}

// Confidence of the intervals of levels and steps.
const Confidence = .9

// student compares two spans by Student's t-test with the scatter of both together, which supposes that they scatter alike.
func student(before, after []float64) (f found, p float64) {
	m, n := float64(len(before)), float64(len(after))
	b, sb := spread(before)
	a, sa := spread(after)
	df := m + n - 2
	scatter := math.Sqrt((sb + sa) / df)
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}
	width := t.Quantile(.5+Confidence/2) * scatter
	f = found{before: span{b, width / math.Sqrt(m)}, after: span{a, width / math.Sqrt(n)}, step: a - b, error: width * math.Sqrt(1/m+1/n)}
	if scatter == 0 {
		if f.step == 0 {
			return f, 1
		}
		return f, 0
	}
	return f, 2 * t.Survival(math.Abs(f.step)/(scatter*math.Sqrt(1/m+1/n)))
}

// spread is the mean and the sum of squares around it.
func spread(xs []float64) (mean, squares float64) {
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		squares += (x - mean) * (x - mean)
	}
	return mean, squares
}

// alone is the middle of values without a neighbour to compare with.
func alone(xs []float64) span {
	mean, squares := spread(xs)
	n := float64(len(xs))
	return span{mean, distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(.5+Confidence/2) * math.Sqrt(squares/(n-1)/n)}
}
