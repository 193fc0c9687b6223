package gate

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Sample is one capacity that was searched for, per second, and the standard error of its logarithm.
type Sample struct{ Value, SE float64 }

// Alpha is the probability of each of the two errors: a regression where there is none, and a pass where there is one.
// Intervals hold with 1 − 2 Alpha, so that either end errs with Alpha.
const Alpha = 0.05

// zAlpha is the normal quantile of 1 − Alpha.
const zAlpha = 1.6449

// SampleOf reads a sample from an estimate whose interval is normal in the logarithm.
func SampleOf(e analyze.Estimate) Sample {
	z := math.Sqrt2 * math.Erfinv(e.Confidence)
	if !(e.Lo > 0) || !(e.Hi >= e.Lo) || !(z > 0) {
		return Sample{Value: e.Value, SE: math.Inf(1)}
	}
	return Sample{Value: e.Value, SE: math.Log(e.Hi/e.Lo) / (2 * z)}
}

// Ratio is head over base with its interval, and the probability of as low a ratio if the true one were bound.
type Ratio struct {
	analyze.Estimate
	P   float64
	How string // what the interval rests on
}

// fewest runs on each side whose spread alone gives an interval: below it a rank test cannot reach Alpha.
const fewest = 5

// RatioOf is the ratio of two sets of runs. Where they were made in turns, base and head one after the other, paired is
// true and run i of one belongs to run i of the other. From 5 runs a side the interval comes from their spread; below, from
// the interval of each run, because ranks of so few can never be significant.
func RatioOf(base, head []Sample, paired bool, bound float64) Ratio {
	if len(base) == 0 || len(head) == 0 {
		return Ratio{P: 1}
	}
	paired = paired && len(base) == len(head)
	switch {
	case paired && len(base) >= fewest:
		return signedRank(base, head, bound)
	case min(len(base), len(head)) >= fewest:
		return rankSum(base, head, bound)
	}
	return normal(base, head, bound)
}

// normal is the ratio of geometric means, with the errors that the runs state of themselves.
func normal(base, head []Sample, bound float64) Ratio {
	mean := func(all []Sample) (m, se float64) {
		for _, s := range all {
			m += math.Log(s.Value) / float64(len(all))
			se += s.SE * s.SE
		}
		return m, math.Sqrt(se) / float64(len(all))
	}
	b, sb := mean(base)
	h, sh := mean(head)
	d, se := h-b, math.Hypot(sb, sh)
	r := ratio(d, d-zAlpha*se, d+zAlpha*se)
	r.How = "by what each run says of its own error"
	r.P = .5 * math.Erfc(-(d-math.Log(bound))/se/math.Sqrt2)
	r.Notes = []attack.Note{{Code: "few-runs", Text: "the interval rests on what each run says of its own error; five runs a side show their spread"}}
	return r
}

func ratio(d, lo, hi float64) Ratio {
	return Ratio{Estimate: analyze.Estimate{Value: math.Exp(d), Lo: math.Exp(lo), Hi: math.Exp(hi), Confidence: 1 - 2*Alpha}}
}

// signedRank is the Hodges-Lehmann estimate of paired log ratios, the median of their Walsh averages, with the interval
// and the probability of Wilcoxon's signed-rank test (Hollander, Wolfe, Chicken: Nonparametric Statistical Methods, 3.1 to
// 3.4). It supposes that the ratios scatter alike on both sides of their middle.
//
// It is an exact sign-flip test whose scores are ranks: if the true ratio is the middle, each pair's difference from it is as
// likely above as below, so that all 2ⁿ choices of signs are alike.
//
// Note: scores of ranks are counted for any number of pairs, where those of values must be tried one by one and want a bootstrap
// from a dozen on. That one's intervals hold less than they promise (TestExactAgainstBootstrap), and one wild pair moves them.
func signedRank(base, head []Sample, bound float64) Ratio {
	d := make([]float64, len(base))
	for i := range d {
		d[i] = math.Log(head[i].Value / base[i].Value)
	}
	var walsh []float64
	for i := range d {
		for j := range i + 1 {
			walsh = append(walsh, (d[i]+d[j])/2)
		}
	}
	r := ranked(walsh, signs(len(d)), math.Log(bound))
	r.How = fmt.Sprintf("by sign flips of %s", attack.Plural(len(d), "pair"))
	return r
}

// rankSum is the Hodges-Lehmann shift between two sets of log capacities, the median of all differences, with the interval
// and the probability of the rank-sum test of Wilcoxon, Mann and Whitney (ibid., 4.1 to 4.3). It supposes that both sets
// scatter alike.
func rankSum(base, head []Sample, bound float64) Ratio {
	var all []float64
	for _, h := range head {
		for _, b := range base {
			all = append(all, math.Log(h.Value/b.Value))
		}
	}
	r := ranked(all, shuffles(len(base), len(head)), math.Log(bound))
	r.How = fmt.Sprintf("by ranks of %d and %s", len(base), attack.Plural(len(head), "run"))
	return r
}

// ranked turns the differences, and the distribution of how many of them lie above the true one, into a Ratio. That
// distribution is symmetric: cdf(k) = P(at most k above).
func ranked(all []float64, cdf func(int) float64, bound float64) Ratio {
	slices.Sort(all)
	n, cut := len(all), 0
	for cut < n/2 && cdf(cut) <= Alpha {
		cut++
	}
	above := 0
	for _, v := range all {
		if v > bound {
			above++
		}
	}
	r := Ratio{P: cdf(above)}
	if cut == 0 {
		r.Estimate = ratio(median(all), math.Inf(-1), math.Inf(1)).Estimate
		return r
	}
	r.Estimate = ratio(median(all), all[cut-1], all[n-cut]).Estimate
	return r
}

func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// signs is the exact distribution of the signed-rank statistic of n pairs: the number of sets of the ranks 1 … n with sum
// k, over 2ⁿ.
func signs(n int) func(int) float64 {
	ways := make([]float64, n*(n+1)/2+1)
	ways[0] = 1
	for rank := 1; rank <= n; rank++ {
		for k := len(ways) - 1; k >= rank; k-- {
			ways[k] += ways[k-rank]
		}
	}
	return cumulated(ways)
}

// shuffles is the exact distribution of the rank-sum statistic: the ways to place n among m so that k pairs stand in
// order, which are the coefficients of a Gaussian binomial.
func shuffles(m, n int) func(int) float64 {
	ways := make([]float64, m*n+1)
	ways[0] = 1
	for i := 1; i <= n; i++ { // × (1 − q^(m+i)) / (1 − q^i)
		for k := len(ways) - 1; k >= m+i; k-- {
			ways[k] -= ways[k-m-i]
		}
		for k := i; k < len(ways); k++ {
			ways[k] += ways[k-i]
		}
	}
	return cumulated(ways)
}

func cumulated(ways []float64) func(int) float64 {
	total := 0.
	sums := make([]float64, len(ways))
	for k, w := range ways {
		total += w
		sums[k] = total
	}
	return func(k int) float64 {
		if k < 0 {
			return 0
		}
		return sums[min(k, len(sums)-1)] / total
	}
}

// Holm adjusts probabilities of several questions asked at once, so that any false alarm among them has the probability
// of one (S. Holm, Scand. J. Statist. 6, 1979).
func Holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	out, worst := make([]float64, len(ps)), 0.
	for rank, i := range order {
		worst = max(worst, min(1, ps[i]*float64(len(ps)-rank)))
		out[i] = worst
	}
	return out
}
