package gate

import (
	"math"
	"slices"
)

// drifting is the belief about the logarithm of a machine's median, on a grid of equal steps, while it drifts: a random
// walk whose step from block to block has the standard deviation drift. The walk moves by whole cells, a share of the
// belief each way, with the variance of the drift; its ends reflect.
type drifting struct {
	step   float64 // from one cell to the next
	moves  int     // of a block
	spread float64 // share of the belief that each move takes to either side
}

func newDrifting(step, drift float64) drifting {
	variance := drift * drift / (step * step)
	d := drifting{step: step, moves: int(math.Ceil(variance))}
	if d.moves > 0 {
		d.spread = variance / float64(d.moves) / 2
	}
	return d
}

// block moves the belief on by one block.
func (d drifting) block(belief []float64) {
	last := len(belief) - 1
	for range d.moves {
		before := belief[0]
		for i, b := range belief {
			after := belief[min(i+1, last)]
			belief[i] = b + d.spread*(before+after-2*b)
			before = b
		}
	}
}

// foresee is how a walk of at most so many blocks ends where the logarithm of the median lies at the centre of the grid,
// give or take a standard error, and a block holds with probability held(x) at the offset x. It is exact but for the grid:
// the joint distribution of the walk and the median is followed block by block, as Odds follows that of the walk.
func (d drifting) foresee(cells int, doubt float64, held func(x float64) float64, blocks int) (regression, undecided float64) {
	const width = passLead + failLead + 1
	var at, next [width][]float64 // by position above the lower end, before and after a block
	for i := range at {
		at[i], next[i] = make([]float64, cells), make([]float64, cells)
	}
	p := make([]float64, cells)
	for i := range cells {
		x := d.step * (float64(i) - float64(cells-1)/2)
		p[i] = held(x)
		at[failLead][i] = math.Exp(-x * x / (2 * doubt * doubt))
	}
	sum := total(at[failLead])
	for range blocks {
		for i := range next {
			clear(next[i])
		}
		copy(next[0], at[0])
		copy(next[width-1], at[width-1])
		for i := 1; i < width-1; i++ {
			for c, b := range at[i] {
				next[i+1][c] += b * p[c]
				next[i-1][c] += b * (1 - p[c])
			}
		}
		for i := 1; i < width-1; i++ {
			d.block(next[i])
		}
		at, next = next, at
	}
	regression = total(at[0]) / sum
	return regression, max(0, 1-regression-total(at[width-1])/sum)
}

func total(belief []float64) (sum float64) {
	for _, b := range belief {
		sum += b
	}
	return sum
}

// The drifts that are looked for, as a share of the median and a block. Less does not matter within the blocks of a gate,
// more leaves no median to speak of.
var drifts = []float64{.005, .01, .02, .04}

// driftSure is by how much a drift must raise the logarithm of the likelihood. So little that 5 to 10 of 100 machines without
// any are thought to have one, which costs them 0.2 % of tolerance; of those that drift by 1 % a block, 2 of 100 are missed,
// and would be told of losses that are not there.
const driftSure = 0.5

// driftOf is the most likely scatter and drift of blocks; 0 where they show no drift.
//
// Note: looking for a change among the blocks of a gate itself, which are few and only told held or not, sees one false
// alarm in ten of those that a drift makes, and costs more power than that.
func driftOf(blocks []Block, loads []float64) (scatter, drift float64) {
	still, scatter := mostLikely(blocks, loads, 0)
	best := still + driftSure
	for _, d := range drifts {
		if l, s := mostLikely(blocks, loads, d); l > best {
			best, scatter, drift = l, s, d
		}
	}
	return scatter, drift
}

// mostLikely is the scatter that makes the blocks the most likely where the machine drifts so much, and the logarithm of
// that likelihood.
func mostLikely(blocks []Block, loads []float64, drift float64) (top, scatter float64) {
	const coarser = 1.25
	top = math.Inf(-1)
	for s := scatterLeast; s <= scatterMost; s *= coarser {
		if l := likelihood(blocks, loads, s, drift); l > top {
			top, scatter = l, s
		}
	}
	return top, scatter
}

// likelihood is the logarithm of the probability of what the blocks did: Bayes' rule block by block on a grid. The median
// before the first one may be anywhere among the loads.
func likelihood(blocks []Block, loads []float64, scatter, drift float64) (sum float64) {
	const step = .01
	lo, hi := math.Log(slices.Min(loads))-medianReach, math.Log(slices.Max(loads))+medianReach
	belief, d := make([]float64, int((hi-lo)/step)+1), newDrifting(step, drift)
	for c := range belief {
		belief[c] = 1 / float64(len(belief))
	}
	held := map[float64][]float64{} // by load, in every cell
	for i, b := range blocks {
		p, known := held[loads[i]]
		if !known {
			p = make([]float64, len(belief))
			for c := range p {
				p[c] = min(max(normalCDF((lo+step*float64(c)-math.Log(loads[i]))/scatter), 1e-12), 1-1e-12)
			}
			held[loads[i]] = p
		}
		if i > 0 {
			d.block(belief)
		}
		for c := range belief {
			if b.Held {
				belief[c] *= p[c]
			} else {
				belief[c] *= 1 - p[c]
			}
		}
		share := total(belief)
		sum += math.Log(share)
		for c := range belief {
			belief[c] /= share
		}
	}
	return sum
}
