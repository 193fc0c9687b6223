package history

import "math"

// cut is a place between two neighbours of a series: at is the index of the first value behind it. divergence says by how
// much the values before it, back to the beginning of the segment, differ from those behind it, up to some end.
type cut struct {
	at         int
	divergence float64
}

// best is the cut of a segment with the largest divergence, over every end that the part behind it may have: a second
// change further on must not hide the first. Both parts hold at least fewest values; it is false where the segment is too
// short for that. The divergence is the empirical energy distance between the values 0 … t−1, m of them, and t … k−1, n of them:
//
//	Q = mn/(m+n) · [ 2/(mn) Σᵢ,ⱼ |xᵢ − yⱼ| − (m choose 2)⁻¹ Σᵢ<ₖ |xᵢ − xₖ| − (n choose 2)⁻¹ Σⱼ<ₖ |yⱼ − yₖ| ]
//
// (Matteson and James, J. Am. Stat. Assoc. 109, 2014, eqs. 5 to 7 with α = 1.) It is large when the two differ in
// anything; with α = 1 it needs no more than a mean, and one wild run does not rule it as it rules a sum of squares.
//
// All sums come from two: S(t, k) = Σ |xᵢ − xⱼ| over i < t and j < k, and its diagonal. Scanned by t, S takes one row.
func best(xs []float64, fewest int) (top cut, ok bool) {
	if len(xs) < 2*fewest {
		return cut{}, false
	}
	square, row := squares(xs), make([]float64, len(xs)+1)
	for t := 1; t <= len(xs)-fewest; t++ {
		sum := 0.
		for j, y := range xs {
			sum += math.Abs(xs[t-1] - y)
			row[j+1] += sum
		}
		if t < fewest {
			continue
		}
		m, before := float64(t), square[t]
		for k := t + fewest; k <= len(xs); k++ {
			n, both := float64(k-t), row[k]
			between, behind := both-before, square[k]-2*both+before
			if q := m * n / (m + n) * (2*between/(m*n) - before/(m*(m-1)) - behind/(n*(n-1))); !ok || q > top.divergence {
				top, ok = cut{t, q}, true
			}
		}
	}
	return top, ok
}

// squares are the sums of distances among the first k values, each pair counted twice.
func squares(xs []float64) []float64 {
	out := make([]float64, len(xs)+1)
	for k, x := range xs {
		sum := 0.
		for _, y := range xs[:k] {
			sum += math.Abs(x - y)
		}
		out[k+1] = out[k] + 2*sum
	}
	return out
}
