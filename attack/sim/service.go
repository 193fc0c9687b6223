package sim

import (
	"fmt"
	"math"
	"time"
)

// Shape names a distribution of service times.
type Shape string

const (
	Deterministic Shape = "deterministic" // always the mean
	Exponential   Shape = "exponential"   // coefficient of variation 1
	Lognormal     Shape = "lognormal"     // coefficient of variation CV
	HeavyTail     Shape = "heavy"         // lognormal, and the share Share takes Factor times as long; two modes where CV is 0
)

// Service is the time that one request keeps one server busy, when nothing contends with it.
type Service struct {
	Shape  Shape         // empty means Deterministic
	Mean   time.Duration // of all requests, slow ones included
	CV     float64       // standard deviation over mean, of Lognormal and of the body of HeavyTail
	Share  float64       // share of slow requests, 0..1, of HeavyTail
	Factor float64       // how many times as long a slow request takes
}

func (s Service) validate() error {
	switch s.Shape {
	case "", Deterministic, Exponential, Lognormal, HeavyTail:
	default:
		return fmt.Errorf("service of shape %q, want deterministic, exponential, lognormal or heavy", s.Shape)
	}
	if s.Mean <= 0 || s.CV < 0 || s.Share < 0 || s.Share > 1 || s.Factor < 0 {
		return fmt.Errorf("service %+v, want a mean above 0 and no negative number", s)
	}
	return nil
}

// The inverse distribution function is tabled at this many evenly spaced probabilities; the mean of the table is made
// exactly 1, so that capacity has a closed form.
const (
	tableBits = 14
	tableSize = 1 << tableBits
)

// table holds service times in units of their mean.
func (s Service) table() []float64 {
	t := make([]float64, tableSize)
	sum := 0.0
	for i := range t {
		t[i] = s.quantile((float64(i) + .5) / tableSize)
		// The slow share is spread over the body by stepping through it with an odd stride, so that the two are independent.
		if s.Shape == HeavyTail && float64((i*7919)%tableSize) < s.Share*tableSize {
			t[i] *= s.Factor
		}
		sum += t[i]
	}
	for i := range t {
		t[i] *= tableSize / sum
	}
	return t
}

// quantile is the inverse distribution function before it is scaled to mean 1.
func (s Service) quantile(p float64) float64 {
	switch s.Shape {
	case Exponential:
		return -math.Log(1 - p)
	case Lognormal, HeavyTail:
		// A lognormal of coefficient of variation v has σ² = ln(1 + v²).
		return math.Exp(math.Sqrt(math.Log(1+s.CV*s.CV)) * math.Sqrt2 * math.Erfinv(2*p-1))
	}
	return 1
}
