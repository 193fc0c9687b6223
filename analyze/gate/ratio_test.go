package gate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
)

// slowSigns is the signed-rank distribution by trying every set of signs.
func slowSigns(n, k int) float64 {
	hits := 0
	for mask := range 1 << n {
		sum := 0
		for i := range n {
			if mask>>i&1 == 1 {
				sum += i + 1
			}
		}
		if sum <= k {
			hits++
		}
	}
	return float64(hits) / float64(int(1)<<n)
}

// slowShuffles is the rank-sum distribution by trying every arrangement of m and n.
func slowShuffles(m, n, k int) float64 {
	hits, all := 0, 0
	for mask := range 1 << (m + n) {
		ones, pairs := 0, 0
		for i := range m + n {
			if mask>>i&1 == 1 {
				ones++
			} else {
				pairs += ones
			}
		}
		if ones == n {
			all++
			if pairs <= k {
				hits++
			}
		}
	}
	return float64(hits) / float64(all)
}

func TestRankDistributionsAreExact(t *testing.T) {
	for n := 1; n <= 10; n++ {
		cdf := signs(n)
		for k := -1; k <= n*(n+1)/2+1; k++ {
			if got, want := cdf(k), slowSigns(n, k); math.Abs(got-want) > 1e-12 {
				t.Fatalf("signs(%d)(%d) = %v, want %v", n, k, got, want)
			}
		}
	}
	for m := 1; m <= 6; m++ {
		for n := 1; n <= 6; n++ {
			cdf := shuffles(m, n)
			for k := -1; k <= m*n+1; k++ {
				if got, want := cdf(k), slowShuffles(m, n, k); math.Abs(got-want) > 1e-9 {
					t.Fatalf("shuffles(%d, %d)(%d) = %v, want %v", m, n, k, got, want)
				}
			}
		}
	}
}

// draw makes k capacities around a value with log-normal noise that both sides of a pair share, and noise of their own.
func draw(rng *rand.Rand, k int, loss, shared, own float64) (base, head []Sample) {
	for range k {
		common := shared * rng.NormFloat64()
		base = append(base, Sample{1000 * math.Exp(common+own*rng.NormFloat64()), own})
		head = append(head, Sample{1000 * (1 - loss) * math.Exp(common+own*rng.NormFloat64()), own})
	}
	return base, head
}

// Intervals hold what they promise, whatever the rule: 90 % of them, within 3.5 standard errors.
func TestRatioIntervalsCover(t *testing.T) {
	const runs = 2000
	for _, c := range []struct {
		name        string
		k           int
		paired      bool
		shared, own float64
	}{{"one run a side", 1, false, 0, .02}, {"three runs a side", 3, false, 0, .02}, {"pairs on a noisy runner", 8, true, .1, .03},
		{"many pairs", 30, true, .1, .03}, {"unpaired", 7, false, 0, .03}} {
		rng, covered, alarms := rand.New(rand.NewPCG(3, 5)), 0, 0
		for range runs {
			base, head := draw(rng, c.k, .05, c.shared, c.own)
			r := RatioOf(base, head, c.paired, .95)
			if r.Lo <= .95 && .95 <= r.Hi {
				covered++
			}
			if r.P <= Alpha {
				alarms++
			}
		}
		se := math.Sqrt(.1 * .9 / runs)
		if got := float64(covered) / runs; got < .9-3.5*se || got > .97 {
			t.Errorf("%s: %.3f of the intervals cover the ratio, want 0.9", c.name, got)
		}
		if got := float64(alarms) / runs; got > Alpha+3.5*math.Sqrt(Alpha*(1-Alpha)/runs) || got < Alpha/4 {
			t.Errorf("%s: at the bound %.3f would be called below it, want about %.2f", c.name, got, Alpha)
		}
	}
}

// Pairing takes the runner's own noise out: without it the same runs say nothing.
func TestPairsCancelTheRunnersNoise(t *testing.T) {
	base, head := draw(rand.New(rand.NewPCG(8, 1)), 10, .08, .2, .01)
	paired, loose := RatioOf(base, head, true, .95), RatioOf(base, head, false, .95)
	if paired.Hi >= .95 || loose.Hi < 1 {
		t.Errorf("paired %.3f to %.3f, unpaired %.3f to %.3f: want the loss of 8 %% seen in pairs alone", paired.Lo, paired.Hi, loose.Lo, loose.Hi)
	}
}

func TestRatioOfNothing(t *testing.T) {
	if r := RatioOf(nil, []Sample{{1, 1}}, false, .95); r.P != 1 || r.Value != 0 {
		t.Errorf("%+v, want nothing known", r)
	}
	if s := SampleOf(analyze.Estimate{Value: 5}); !math.IsInf(s.SE, 1) {
		t.Errorf("an estimate without an interval has the error %v, want none known", s.SE)
	}
	r := RatioOf([]Sample{{100, math.Inf(1)}}, []Sample{{50, .01}}, false, .95)
	if r.Lo != 0 || !math.IsInf(r.Hi, 1) || r.P < .4 {
		t.Errorf("half of an unknown: %+v, want nothing known", r)
	}
}

// A confidence of 90 % and a normal interval give back the error they were made of.
func TestSampleOfReadsTheError(t *testing.T) {
	s := SampleOf(analyze.Estimate{Value: 1000, Lo: 1000 * math.Exp(-zAlpha*.02), Hi: 1000 * math.Exp(zAlpha*.02), Confidence: .9})
	if math.Abs(s.SE-.02) > 1e-5 {
		t.Errorf("standard error %v, want 0.02", s.SE)
	}
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{.01, .04, .03, .5})
	want := []float64{.04, .09, .09, .5}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("Holm = %v, want %v", got, want)
		}
	}
}

// bootstrapped is the interval of the Hodges-Lehmann estimate by the percentiles of resampled pairs.
func bootstrapped(rng *rand.Rand, d []float64) (lo, hi float64) {
	const draws = 300
	var all []float64
	again := make([]float64, len(d))
	for range draws {
		for i := range again {
			again[i] = d[rng.IntN(len(d))]
		}
		var walsh []float64
		for i := range again {
			for j := range i + 1 {
				walsh = append(walsh, (again[i]+again[j])/2)
			}
		}
		slices.Sort(walsh)
		all = append(all, median(walsh))
	}
	slices.Sort(all)
	return all[int(Alpha*draws)], all[draws-1-int(Alpha*draws)]
}

// TestExactAgainstBootstrap prints, with -v, how many intervals of 90 % hold the truth: those of sign flips do, those of a
// bootstrap hold it less often the fewer pairs there are.
func TestExactAgainstBootstrap(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of bootstraps")
	}
	const many = 400
	for _, pairs := range []int{5, 8, 13, 20} {
		rng := rand.New(rand.NewPCG(12, uint64(pairs)))
		exact, boot := 0., 0.
		for range many {
			base, head := draw(rng, pairs, .05, .05, .02)
			if r := RatioOf(base, head, true, .95); r.Lo <= .95 && r.Hi >= .95 {
				exact++
			}
			d := make([]float64, pairs)
			for i := range d {
				d[i] = math.Log(head[i].Value / base[i].Value)
			}
			if lo, hi := bootstrapped(rng, d); lo <= math.Log(.95) && hi >= math.Log(.95) {
				boot++
			}
		}
		t.Logf("%d pairs: of intervals of 90 %% hold %.1f %% by sign flips, %.1f %% by a bootstrap", pairs, 100*exact/many, 100*boot/many)
		if exact/many < .9-3.5*math.Sqrt(.09/many) {
			t.Errorf("%d pairs: only %.3f of exact intervals hold", pairs, exact/many)
		}
		if pairs == 5 && boot >= exact {
			t.Errorf("a bootstrap of 5 pairs holds %v of %d, exact intervals %v", boot, many, exact)
		}
	}
}
