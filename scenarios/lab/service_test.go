package lab

import (
	"math"
	"slices"
	"testing"
)

var laws = []struct {
	law Distribution
	cv  float64 // wanted; also the config's
}{{Deterministic, 0}, {Exponential, 1}, {Lognormal, 0.5}, {Lognormal, 2}}

func TestDrawsHaveTheMeanAtOnceAndTheLawInTheEnd(t *testing.T) {
	for _, l := range laws {
		d := newDraws(l.law, l.cv, 7)
		const n = strata * rounds
		all, sum, squares := make([]float64, n), 0.0, 0.0
		for i := range all {
			all[i] = d.next()
			sum += all[i]
			squares += all[i] * all[i]
			// 4.5 standard deviations of a half-finished round, and what the widest stratum adds
			if off := math.Abs(sum - float64(i+1)); off > 4.5*l.cv*math.Sqrt(strata)/2+l.cv*math.Sqrt(strata)*math.Sqrt(float64(i/strata))/4 {
				t.Fatalf("%s cv %g: %d draws sum to %.1f", l.law, l.cv, i+1, sum)
			}
		}
		if mean := sum / n; math.Abs(mean-1) > 1e-9 {
			t.Errorf("%s cv %g: mean of a cycle is %.12f, want 1", l.law, l.cv, mean)
		}
		if cv := math.Sqrt(max(squares/n-1, 0)); math.Abs(cv-l.cv) > 0.03*l.cv+1e-6 { // the longest of all are cut off
			t.Errorf("%s: cv %.4f, want %g", l.law, cv, l.cv)
		}
		slices.Sort(all)
		if want := median(l.law, l.cv); math.Abs(all[n/2]/want-1) > 0.002 {
			t.Errorf("%s cv %g: median %.4f, want %.4f", l.law, l.cv, all[n/2], want)
		}
	}
}

// median is the textbook's, for a mean of 1.
func median(d Distribution, cv float64) float64 {
	switch d {
	case Exponential:
		return math.Ln2
	case Lognormal:
		return 1 / math.Sqrt(1+cv*cv)
	}
	return 1
}

func TestDrawsOfOneSeedAreTheSameAndOfTwoAreNot(t *testing.T) {
	a, b, c := newDraws(Lognormal, 0.5, 1), newDraws(Lognormal, 0.5, 1), newDraws(Lognormal, 0.5, 2)
	differ := 0
	for range 3 * strata * rounds {
		x, y, z := a.next(), b.next(), c.next()
		if x != y {
			t.Fatal("the same seed drew two different service times")
		}
		if x != z {
			differ++
		}
	}
	if differ < strata {
		t.Errorf("two seeds differ in %d draws only", differ)
	}
}
