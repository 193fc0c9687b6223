package analyze

import (
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Rest is the target at rest: the response times of a light load, which all judgements are measured against.
type Rest struct {
	P50, P99, Mean time.Duration
	CS2            float64 // squared coefficient of variation of the response time, held within 0.15 … 10
}

// The bounds of Rest.CS2. It stands for the variance of the service times in every standard error; a small sample must
// not claim that there is none, nor a single outlier that there is nothing else.
const (
	leastCS2 = 0.15
	mostCS2  = 10
)

// RestOf reads the target at rest from a light load.
func RestOf(h attack.Histogram) Rest {
	p50 := h.Quantile(.5)
	return Rest{P50: p50, P99: max(h.Quantile(.99), p50), Mean: h.Mean(), CS2: min(max(h.CV2(), leastCS2), mostCS2)}
}

// spread is ca² + cs², the dispersion of arrivals and services that a backlog inherits. Poisson arrivals have ca² = 1.
func (r Rest) spread(t attack.Trial) float64 {
	for _, a := range t.Actors {
		if p := a.Schedule.Process; p == attack.Even || p == "" {
			return r.CS2
		}
	}
	return r.CS2 + 1
}

// busyAbove is the backlog Nb above which servers are surely busy at a load: 30 % more than Little's law puts in flight
// at rest, and 3.
//
//	Nb = 1.3 r T₀ + 3
func (r Rest) busyAbove(load float64) float64 { return 1.3*load*r.Mean.Seconds() + 3 }

// Wilson is the interval of a share of which k in n were seen, at z standard errors (E. B. Wilson, JASA 22, 1927).
func Wilson(k, n int64, z float64) (lo, hi float64) {
	if n == 0 {
		return 0, 1
	}
	p, m := float64(k)/float64(n), float64(n)
	mid := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return (mid - half) / (1 + z*z/m), (mid + half) / (1 + z*z/m)
}

// seconds is f seconds as a duration.
func seconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }
