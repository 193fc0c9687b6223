package analyze

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// queue is a curve of the mean response time, ρ being the share of capacity C (A. K. Erlang, 1917, and for other than
// exponential services A. O. Allen, 1978, and P. Cunneen; c = C T₀ is Little's law):
//
//	T = T₀ h(ρ) (1 + b E(c, ρ)/(1−ρ)),   b = (ca² + cs²)/(2 C T₀),   c = C T₀
//
// E being the share of M/M/c that waits. What else takes time at rest, a network, leaves b as it is and makes c less.
//
// h is 1, but for a service whose workers are in each other's way, which takes longer the more it has to do before any queue
// forms: one of contention α takes s (1 + α(n−1)) while n are at work (N. J. Gunther, Guerrilla Capacity Planning, 2007), and
// by Little's law n = r T, so that
//
//	h = 1/(1 − k ρ),   k = α s C
type queue struct {
	b       float64
	servers int
	k       float64
}

// crowd is E(c, ρ)/(1−ρ).
func crowd(servers int, rho float64) float64 {
	offered, blocked := rho*float64(servers), 1.
	for k := 1; k <= servers; k++ {
		blocked = offered * blocked / (float64(k) + offered*blocked)
	}
	return blocked / (1 - rho*(1-blocked)) / (1 - rho)
}

// hindrance is h, and steeper its elasticity.
func hindrance(k, rho float64) float64 { return 1 / (1 - k*rho) }
func steeper(k, rho float64) float64   { return k * rho / (1 - k*rho) }

// knee is the share of capacity at which the elasticity is 1: that of h and that of 1 + b crowd.
func (q queue) knee() float64 {
	const h = 1e-4
	lo, hi := .01, .998
	for range 20 {
		rho := (lo + hi) / 2
		at := crowd(q.servers, rho)
		own := (crowd(q.servers, rho*(1+h)) - crowd(q.servers, rho*(1-h))) / (2 * h * at)
		if steeper(q.k, rho)+q.b*at*own/(1+q.b*at) > 1 {
			hi = rho
		} else {
			lo = rho
		}
	}
	return lo
}

// The curves in question, and how much each is believed before anything is heard. A service of slow requests among fast
// ones, or of pauses, is like a queue, but is none.
var (
	queueServers = []int{1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 144}
	hindrances   = []float64{0, .15, .3, .5, .7} // k
)

// All were chosen on population.Tuning. None is critical: with one of those below at half or at double, the knee of 236
// searches of these services is off by 1.8 to 2.0 % in the middle and 8.3 to 9.4 % in one of ten, and 90 to 92 % of the
// intervals hold it (as they are: 1.9 %, 8.7 % and 92 %; without h 2.0 %, 9.6 % and 88 %, where workers are in each other's
// way 6.1 %, 10.3 % and 47 %).
const (
	scaleLogB = .5   // of the belief in ln b: b would be known exactly if Allen and Cunneen's formula were
	lossLogC  = 4.   // of the logarithm of belief, by ln c beyond what is expected; below it all are alike
	lossK     = 4.   // of the logarithm of belief, for each k but 0: most services are not so
	tails     = 4.   // degrees of freedom of Student's t, for b and for what was heard: some things are far off
	misfit    = .015 // of ln T, between a service and the best of the curves
	skewed    = 2    // see ground.likely; 4 would do as well
)

// The grid, fine enough and wide enough: it has no part in what is believed.
const (
	leastLogB = -12. // of all services
	mostLogB  = 4.
	stepLogB  = .25
	reachLogB = 3.5  // how far from what is expected of it ln b is sought
	topRho    = .998 // a load beyond capacity tells no more than one just below
)

// knees are those of all curves in question, by hindrances, by queueServers and by ln b in steps from the least.
var knees = sync.OnceValue(func() [][][]float64 {
	out := make([][][]float64, len(hindrances))
	for h, k := range hindrances {
		out[h] = make([][]float64, len(queueServers))
		for i, servers := range queueServers {
			for lnB := leastLogB; lnB <= mostLogB; lnB += stepLogB {
				out[h][i] = append(out[h][i], queue{math.Exp(lnB), servers, k}.knee())
			}
		}
	}
	return out
})

// ground is what the curve stands on.
type ground struct {
	lo, hi float64 // capacity lies between; hi is +Inf where no load broke
	rest   Rest
	part   float64 // of the requests that wait
}

// spread is ca² + cs² of Poisson arrivals.
func (g ground) spread() float64 { return 1 + g.rest.CS2 }

// top is the highest load that a knee may name.
func (g ground) top() float64 {
	if math.IsInf(g.hi, 1) {
		return math.MaxFloat64
	}
	return g.hi
}

// middle is the capacity in the middle of those in question.
func (g ground) middle() float64 {
	if math.IsInf(g.hi, 1) {
		return g.lo
	}
	return math.Sqrt(g.lo * g.hi)
}

// maybe is a capacity and the logarithm of how much it is believed.
type maybe struct{ capacity, belief float64 }

// capacities are those in question: about the middle of the bracket, which holds four in five; without one, all from L up.
func (g ground) capacities() (out []maybe) {
	if math.IsInf(g.hi, 1) {
		for _, times := range []float64{1.02, 1.1, 1.25, 1.6, 2.2, 3} {
			out = append(out, maybe{g.lo * times, 0})
		}
		return out
	}
	for z := -2.; z <= 2; z++ {
		out = append(out, maybe{g.middle() * math.Exp(z*math.Log(g.hi/g.lo)/2.6), -z * z / 2})
	}
	return out
}

// candidate is a knee and how much it is believed.
type candidate struct{ knee, weight float64 }

// believe weighs all curves by what was heard (Bayes), and sorts them by their knees.
func (g ground) believe(told []heard) []candidate {
	var out []candidate
	little := max(g.middle()*g.rest.Mean.Seconds(), 1)
	logB := min(max(math.Log(g.part*g.spread()/(2*little)), leastLogB), mostLogB)
	capacities, ready := g.capacities(), [][]prepared{}
	for _, m := range capacities {
		ready = append(ready, g.prepare(told, m.capacity))
	}
	for i, servers := range queueServers {
		beyond := -lossLogC * max(0, math.Log(float64(servers)/little))
		for step := range knees()[0][i] {
			lnB := leastLogB + float64(step)*stepLogB
			if math.Abs(lnB-logB) > reachLogB {
				continue
			}
			for h, k := range hindrances {
				belief := beyond + student((lnB-logB)/scaleLogB)
				if k > 0 {
					belief -= lossK
				}
				for j, m := range capacities {
					like := g.likely(math.Exp(lnB), i, h, ready[j])
					out = append(out, candidate{knees()[h][i][step] * m.capacity, belief + m.belief + like})
				}
			}
		}
	}
	most := slices.MaxFunc(out, func(a, b candidate) int { return cmp.Compare(a.weight, b.weight) }).weight
	for i := range out {
		out[i].weight = math.Exp(out[i].weight - most)
	}
	slices.SortFunc(out, func(a, b candidate) int { return cmp.Compare(a.knee, b.knee) })
	return out
}

// student is the logarithm of the density of Student's t, but for a constant.
func student(x float64) float64 { return -(tails + 1) / 2 * math.Log1p(x*x/tails) }

// quantileOf is a quantile of the knee by belief.
func quantileOf(all []candidate, q float64) float64 {
	sum, at := 0., 0.
	for _, c := range all {
		sum += c.weight
	}
	for _, c := range all {
		if at += c.weight; at >= q*sum {
			return c.knee
		}
	}
	return all[len(all)-1].knee
}

// prepared is what was heard in a trial, and what of it does not depend on the curve.
type prepared struct {
	heard
	ln    float64 // of its mean response time
	rho   float64
	long  float64   // of the trial, in the time that a queue at this load takes to forget
	crowd []float64 // by queueServers
	slow  []float64 // h, by hindrances
	under float64   // share of its queue that a trial from rest has had on average
}

func (g ground) prepare(told []heard, capacity float64) []prepared {
	var out []prepared
	for _, h := range told {
		p := prepared{heard: h, ln: math.Log(h.seconds), rho: min(h.load/capacity, topRho)}
		each := (1 - p.rho) * (1 - p.rho) / g.spread()
		for _, c := range queueServers {
			p.crowd = append(p.crowd, crowd(c, p.rho))
		}
		for _, k := range hindrances {
			p.slow = append(p.slow, hindrance(k, p.rho))
		}
		p.long = h.n * each
		p.under = underWay(h.before*each, (h.before+h.n)*each)
		out = append(out, p)
	}
	return out
}

// underWay is the mean of H between two times, the share of its final mean that a queue has reached from rest:
//
//	H(t) = 1 − 2 (1 + t) (1 − Φ(√t)) + 2 √t φ(√t)
//
// in heavy traffic, n arrivals being t = n (1−ρ)²/(ca² + cs²) (J. Abate and W. Whitt, Transient behavior of regulated
// Brownian motion I, 1987).
func underWay(from, to float64) float64 {
	const parts = 6
	sum := 0.
	for i := range parts {
		t := from + (to-from)*(float64(i)+.5)/parts
		root := math.Sqrt(t)
		sum += 1 - (1+t)*math.Erfc(root/math.Sqrt2) + 2*root*math.Exp(-t/2)/math.Sqrt(2*math.Pi)
	}
	return sum / parts
}

// likely is the logarithm of the likelihood of what was heard, T₀ being the best there is. The mean of a queue over t has a
// relative variance of 2/t in heavy traffic (W. Whitt, Planning queueing simulations, 1989); no more than 1 from rest. It is
// skewed: the logarithm lies below by half of its variance where it is lognormal, and by more where it is not.
func (g ground) likely(b float64, servers, hindrance int, told []prepared) float64 {
	var at [64]struct{ off, weight float64 }
	n, sum, weight, like := 0, 0., 0., 0.
	spread := 1. // product of the variances: each is above misfit², so that no 64 of them are too little for a number
	for _, p := range told[max(len(told)-len(at), 0):] {
		wait := b * p.crowd[servers] * p.under
		queued := wait / (1 + wait)
		v := queued*queued*2/(p.long+2) + (1-queued)*(1-queued)*g.rest.CS2/p.n
		off := p.ln - math.Log(p.slow[hindrance]*(1+wait)) + skewed*v/2
		v += misfit * misfit
		at[n].off, at[n].weight = off, 1/v
		n, sum, weight, spread = n+1, sum+off/v, weight+1/v, spread*v
	}
	for _, a := range at[:n] {
		like += student((a.off - sum/weight) * math.Sqrt(a.weight))
	}
	return like - math.Log(spread)/2
}
