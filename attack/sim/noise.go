package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Noise is what others on the same machine do to service times: a factor drawn anew each second. The zero value is quiet.
type Noise struct {
	SD   float64 // the logarithm of the factor is an AR(1) series of this standard deviation …
	Hold float64 // … and this correlation from one second to the next, 0..1

	Every time.Duration // a neighbour comes once in this time on average …
	For   time.Duration // … stays for about this time on average …
	Slow  float64       // … and stretches service times by this factor meanwhile
}

func (n Noise) validate() error {
	if n.SD < 0 || n.Hold < 0 || n.Hold >= 1 {
		return fmt.Errorf("noise of %v with a correlation of %v, want at least 0 and a correlation below 1", n.SD, n.Hold)
	}
	if n.Every != 0 && (n.Every < time.Second || n.For <= 0 || n.Slow <= 0) {
		return fmt.Errorf("a neighbour every %v for %v, slower by %v, want at least 1s and numbers above 0", n.Every, n.For, n.Slow)
	}
	return nil
}

// mean is the factor in the long run. A neighbour that is away comes with the chance p = 1/Every in each second, and stays
// for 1 + ⌊For·Exp(1)⌋ seconds, on average D = 1 + 1/(e^(1/For) − 1):
//
//	1 + (Slow − 1) D / (D + (1 − p)/p)
func (n Noise) mean() float64 {
	if n.Every == 0 {
		return 1
	}
	stays := 1 + 1/math.Expm1(1/n.For.Seconds())
	return 1 + (n.Slow-1)*stays/(stays+n.Every.Seconds()-1)
}

// noise is the series of factors, second by second, as far as it was asked for.
type noise struct {
	n      Noise
	rng    *rand.Rand
	x      float64 // of the AR(1) series, in standard deviations
	until  int     // the neighbour is there before this second
	series []float64
}

func newNoise(n Noise, seed uint64) *noise {
	return &noise{n: n, rng: rand.New(rand.NewPCG(seed, 0x0153))}
}

func (z *noise) at(at time.Duration) float64 {
	if z.n.SD == 0 && z.n.Every == 0 {
		return 1
	}
	for int(at/time.Second) >= len(z.series) {
		z.series = append(z.series, z.draw(len(z.series)))
	}
	return z.series[at/time.Second]
}

// draw is the factor of the next second. The series begins in its long run.
func (z *noise) draw(second int) float64 {
	hold := z.n.Hold
	if second == 0 {
		hold = 0
	}
	z.x = hold*z.x + math.Sqrt(1-hold*hold)*z.rng.NormFloat64()
	factor := math.Exp(z.n.SD*z.x - z.n.SD*z.n.SD/2)
	if z.n.Every == 0 {
		return factor
	}
	if second >= z.until && z.rng.Float64() < 1/z.n.Every.Seconds() {
		z.until = second + 1 + int(z.n.For.Seconds()*z.rng.ExpFloat64())
	}
	if second < z.until {
		factor *= z.n.Slow
	}
	return factor
}
