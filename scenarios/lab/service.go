package lab

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Distribution is the law that service times follow.
type Distribution string

const (
	Deterministic Distribution = "deterministic" // every request takes the mean
	Exponential   Distribution = "exponential"   // coefficient of variation 1
	Lognormal     Distribution = "lognormal"     // with the CV of the config
)

// validate refuses a law that is not known.
func (d Distribution) validate() error {
	switch d {
	case Deterministic, Exponential, Lognormal:
		return nil
	}
	return fmt.Errorf("service %q is no distribution (deterministic, exponential, lognormal)", d)
}

// quantile is the service time, in any unit, that the share p of requests stays under; 0 < p < 1. Its mean is not yet 1.
func (d Distribution) quantile(p, cv float64) float64 {
	switch d {
	case Exponential:
		return -math.Log1p(-p)
	case Lognormal:
		sigma := math.Sqrt(math.Log1p(cv * cv)) // since CV² = exp(σ²) − 1
		return math.Exp(sigma * math.Sqrt2 * math.Erfinv(2*p-1))
	}
	return 1
}

// A cycle of draws is strata × rounds quantiles at equal steps of probability. One round takes one quantile of each
// stratum, so that strata draws in a row have nearly the mean of the law, and a whole cycle has it exactly.
const (
	strata = 512
	rounds = 32
)

// draws hands out service times of mean 1. They follow the law and come in random order, but their sum keeps pace with
// their number: m draws sum to m ± cv·√strata/2 however large m is, where independent draws would sum to m ± cv·√m.
//
// Note: independent draws would leave the capacity of a ten-second trial uncertain by 1 % at 1,000/s, more than a good
// search should be wrong. The price is that waits at a load near capacity are a little shorter than the textbook's.
type draws struct {
	rng       *rand.Rand
	quantiles []float64             // sorted: those of stratum s begin at s × rounds
	within    [strata][rounds]uint8 // which of its quantiles a stratum gives in each round
	order     [strata]uint16        // the order of the strata in this round
	round, at int
}

func newDraws(d Distribution, cv float64, seed uint64) *draws {
	q := make([]float64, strata*rounds)
	sum := 0.0
	for i := range q {
		q[i] = d.quantile((float64(i)+0.5)/float64(len(q)), cv)
		sum += q[i]
	}
	for i := range q {
		q[i] *= float64(len(q)) / sum
	}
	s := &draws{rng: rand.New(rand.NewPCG(seed, 0x6c6162)), quantiles: q}
	for i := range s.within {
		s.order[i] = uint16(i)
		for j := range s.within[i] {
			s.within[i][j] = uint8(j)
		}
	}
	s.shuffleCycle()
	s.shuffleRound()
	return s
}

// next is the next service time, in means.
func (s *draws) next() float64 {
	if s.at == strata {
		s.at = 0
		if s.round++; s.round == rounds {
			s.shuffleCycle()
		}
		s.shuffleRound()
	}
	stratum := int(s.order[s.at])
	s.at++
	return s.quantiles[stratum*rounds+int(s.within[stratum][s.round])]
}

func (s *draws) shuffleRound() {
	s.rng.Shuffle(strata, func(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] })
}

func (s *draws) shuffleCycle() {
	s.round = 0
	for i := range s.within {
		w := &s.within[i]
		s.rng.Shuffle(rounds, func(i, j int) { w[i], w[j] = w[j], w[i] })
	}
}
