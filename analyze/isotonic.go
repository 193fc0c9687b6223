package analyze

import (
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// isotonic is the non-decreasing sequence closest to y by weighted least squares: pool adjacent violators (Barlow et
// al., Statistical Inference under Order Restrictions, 1972).
func isotonic(y, w []float64) []float64 {
	type block struct {
		mean, weight float64
		n            int
	}
	var blocks []block
	for i := range y {
		blocks = append(blocks, block{y[i], w[i], 1})
		for k := len(blocks) - 1; k > 0 && blocks[k-1].mean > blocks[k].mean; k-- {
			a, b := blocks[k-1], blocks[k]
			sum := a.weight + b.weight
			blocks = append(blocks[:k-1], block{(a.mean*a.weight + b.mean*b.weight) / sum, sum, a.n + b.n})
		}
	}
	out := make([]float64, 0, len(y))
	for _, b := range blocks {
		for range b.n {
			out = append(out, b.mean)
		}
	}
	return out
}

// crossing is where a non-decreasing latency y over loads x first exceeds the bound: linear in load, logarithmic in
// latency. It is false when it never does.
func crossing(x, y []float64, bound float64) (float64, bool) {
	for i := range y {
		if y[i] <= bound {
			continue
		}
		if i == 0 {
			return x[0], true
		}
		t := math.Log(bound/y[i-1]) / math.Log(y[i]/y[i-1])
		return x[i-1] + t*(x[i]-x[i-1]), true
	}
	return 0, false
}

// quantileInterval is the 90 % interval of a quantile by order statistics: the ranks n q ± 1.645 √(n q (1−q)). It is
// false when the sample is too small to have a rank above the quantile.
func quantileInterval(h attack.Histogram, q float64) (lo, hi time.Duration, ok bool) {
	n := float64(h.N())
	half := 1.645 * math.Sqrt(n*q*(1-q))
	if n*(1-q) <= half || n*q <= half {
		return 0, 0, false
	}
	return h.Quantile(q - half/n), h.Quantile(q + half/n), true
}
