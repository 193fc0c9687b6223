package analyze

import (
	"math"

	"github.com/plimsoll-load/plimsoll/attack"
)

// overflow is a queue that has an end, and fails what finds no room. Near its capacity C a queue of K places is Brownian
// motion between two barriers, so that of a load r = ρ C there fails the share
//
//	p(r) = (1 − 1/ρ) / (1 − ρ^−κ),   κ = 2 K / (ca² + cs²)
//
// which is 1 − C/r far above C, 1/κ at C, and falls as ρ^κ below. It is exact for M/M/1/K with κ = K + 1; that the two
// first moments do for others is the diffusion approximation (D. P. Gaver and G. S. Shedler, Operations Research 21, 1973).
type overflow struct{ c, kappa float64 }

// share is the share of a load that fails in the long run.
func (o overflow) share(load float64) float64 {
	rho := load / o.c
	y := o.kappa * math.Log(rho)
	if math.Abs(y) < 1e-6 {
		return 1 / o.kappa
	}
	return (1 - 1/rho) / -math.Expm1(-y)
}

// relative is the load over C of which a share fails.
func relative(kappa, share float64) float64 {
	lo, hi := relativeLeast, relativeMost
	for range relativeSteps {
		if mid := math.Sqrt(lo * hi); (overflow{1, kappa}).share(mid) < share {
			lo = mid
		} else {
			hi = mid
		}
	}
	return math.Sqrt(lo * hi)
}

// Where relative looks, which the least and most κ keep it within, and how often it halves that: to 0.1 %.
const (
	relativeLeast, relativeMost = .05, 2.
	relativeSteps               = 12
)

// spilled is what became of one trial: its load as it came out, all arrivals, warm-up included, and how many failed.
//
// Note: the load that came out and not the one that was asked for. Of Poisson arrivals n differs by √n from what was
// expected, and a failure more or less follows from that; what the load that came out does not explain is left to chance.
type spilled struct {
	load, n, bad float64
	least        float64 // log-likelihood that any other explanation gives it
}

// Of a trial the model explains the number of failures to so much of itself, give or take chance, and it is wrong
// altogether about one trial in so many. Both were set by judgement, and looked at on 240 services of another seed.
// Trials are worth half of what they would be were the model true: so many intervals hold the truth as are said to.
const (
	overflowOff    = .15
	overflowWrong  = .002
	overflowTemper = 2.
)

func spilledOf(m attack.Measurement) spilled {
	c, long := counts(m), lasted(m).Seconds()
	n := float64(c.Due)
	return spilled{n / long, n, float64(failures(c)), math.Log(overflowWrong / (n + 1))}
}

// like is the log-likelihood of a trial. Failures come in clumps, so that their number is d times a Poisson number of
// n p/d: the variance of what spills over a barrier in n arrivals is n p d (R. J. Williams, J. Appl. Prob. 29, 1992, for
// ρ = 1: a third of that of the flow). An empty queue takes a while until it spills.
//
//	d = 1 + cs²/√(ln²ρ + (3/κ)²),   until it spills: arrivals τ = K min(κ/2, 1/|ln ρ|), and e^−(u + u²/2) of p, u = τ/n
func (o overflow) like(t spilled, cs2 float64) float64 {
	x := math.Abs(math.Log(t.load / o.c))
	u := (1 + cs2) * o.kappa / 2 * math.Min(o.kappa/2, 1/math.Max(x, 1e-9)) / t.n
	mean := t.n * math.Max(o.share(t.load)*math.Exp(-u-u*u/2), 1e-9)
	d := 1 + cs2/math.Hypot(x, 3/o.kappa) + overflowOff*overflowOff*mean
	l := -mean / d
	if t.bad > 0 {
		l = (t.bad*math.Log(mean/t.bad)-mean+t.bad)/d - math.Log(2*math.Pi*t.bad*d)/2
	}
	return l
}

// belief is what all trials together tell of the breaking load: in the middle of its distribution, and at 5 and 95 % of it.
// It is zero where they do not tell.
type belief struct{ lo, value, hi float64 }

// The grid over the breaking load and κ, each in its logarithm: so many steps to either side, first wide, then so many
// standard deviations.
const (
	gridHalf   = 10
	gridPasses = 4
	gridWide   = .7
	gridSD     = 3.5
	gridCools  = 4. // × by which likelihoods are flattened in each pass more than in the next, lest a coarse grid miss a peak
	beliefWide = 3. // × between the ends of an interval that tells nothing
	kappaMid   = 100.
	kappaWide  = 3.6 // κ from 3 to 3,700
)

// Before any trial κ is taken for log-normal: from 4 to 400 nine times in ten, as queues of so many places have it.
const (
	kappaLike = 40.
	kappaSD   = 1.4
)

// believe is the breaking load by Bayes' rule, all loads being as likely before: of each load of a grid, how
// likely the trials are, summed over κ. It tells nothing where the trials leave a range of loads of 1 to 2.
func believe(all []spilled, around, goal, cs2 float64) belief {
	b, k := axis{math.Log(around), gridWide}, axis{math.Log(kappaMid), kappaWide}
	var atB [2*gridHalf + 1]float64
	for pass := range gridPasses {
		temper := overflowTemper * math.Pow(gridCools, float64(gridPasses-1-pass))
		var like [2*gridHalf + 1][2*gridHalf + 1]float64
		best := math.Inf(-1)
		for j := range like[0] {
			kappa := math.Exp(k.at(j))
			off, before := math.Log(relative(kappa, goal)), (k.at(j)-math.Log(kappaLike))/kappaSD
			for i := range like {
				o := overflow{math.Exp(b.at(i) - off), kappa}
				like[i][j] = -before * before / 2
				for _, t := range all {
					like[i][j] += math.Max(o.like(t, cs2)/temper, t.least)
				}
				best = math.Max(best, like[i][j])
			}
		}
		atB = [2*gridHalf + 1]float64{}
		var atK [2*gridHalf + 1]float64
		for i := range like {
			for j, l := range like[i] {
				w := math.Exp(l - best)
				atB[i], atK[j] = atB[i]+w, atK[j]+w
			}
		}
		if pass < gridPasses-1 {
			b, k = b.closer(atB[:]), k.closer(atK[:])
		}
	}
	out := belief{math.Exp(b.quantile(atB[:], .05)), math.Exp(b.quantile(atB[:], .5)), math.Exp(b.quantile(atB[:], .95))}
	if out.hi > beliefWide*out.lo {
		return belief{}
	}
	return out
}

// axis is one side of the grid.
type axis struct{ mid, half float64 }

func (a axis) at(i int) float64 { return a.mid + a.half*float64(i-gridHalf)/gridHalf }

// closer is the axis around where the weight is.
func (a axis) closer(weight []float64) axis {
	sum, mean, square := 0., 0., 0.
	for i, w := range weight {
		sum, mean, square = sum+w, mean+w*a.at(i), square+w*a.at(i)*a.at(i)
	}
	mean /= sum
	sd := math.Sqrt(math.Max(square/sum-mean*mean, 0))
	return axis{mean, math.Min(a.half, gridSD*sd+1.5*a.half/gridHalf)}
}

// quantile is where a share of the weight lies below, each weight being spread over its step.
func (a axis) quantile(weight []float64, q float64) float64 {
	sum := 0.
	for _, w := range weight {
		sum += w
	}
	below := 0.
	for i, w := range weight {
		if below+w >= q*sum && w > 0 {
			return a.at(i) + a.half/gridHalf*((q*sum-below)/w-.5)
		}
		below += w
	}
	return a.at(len(weight) - 1)
}
