package analyze

import (
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/attack"
)

// stretch is a part of a trial over which something about the target was counted, block by block: what it completed under
// a backlog that never emptied, or how long its answers took at a light load.
type stretch struct {
	trial  int
	from   float64   // seconds since the search began
	block  float64   // seconds of one block
	values []float64 // completions per second, or seconds of mean response time
	n      float64   // completions in all
	first  bool      // of a saturating overload, with which a target may still get warm
}

func (s stretch) seconds() float64 { return s.block * float64(len(s.values)) }

func (s stretch) mean() float64 {
	sum := 0.
	for _, v := range s.values {
		sum += v
	}
	return sum / float64(len(s.values))
}

// noise is the variance of one block about what its neighbours are, by successive differences (J. von Neumann, 1941): a
// target that changes slowly has little of it.
//
//	σ² = ½ mean (x[i+1] − x[i])²
func (s stretch) noise() float64 {
	sum := 0.
	for i := 1; i < len(s.values); i++ {
		d := s.values[i] - s.values[i-1]
		sum += d * d / 2
	}
	return sum / float64(max(len(s.values)-1, 1))
}

// bridge is how the sum of a stretch strays from a straight line, in units of what it would for blocks that differ by chance
// alone, which is a Brownian bridge B: its range V (N. H. Kuiper, 1960), and the variance along it, U² (G. S. Watson, 1961),
// whose mean is 1/12 and variance 1/360.
//
//	V = (max S − min S) / (σ √K),   U² = Σ (S[k] − mean S)² / (σ² K²),   S[k] = Σ (x[i] − mean), i ≤ k
func (s stretch) bridge(noise float64) (v, u2 float64) {
	if noise <= 0 {
		return 0, 0
	}
	mean, sum, low, high, k := s.mean(), 0., 0., 0., float64(len(s.values))
	first, second := 0., 0.
	for _, x := range s.values {
		sum += x - mean
		low, high = min(low, sum), max(high, sum)
		first, second = first+sum/k, second+sum*sum
	}
	return (high - low) / math.Sqrt(noise*k), (second - k*first*first) / (noise * k * k)
}

// What a block must be: longer than the answers it counts, so that neighbours are independent, and so many of them that
// their differences tell chance from change.
const (
	blockP99s   = 3. // × p99 at rest
	blockCounts = 20 // completions
	leastBlocks = 8  // to tell whether it wandered
	fewBlocks   = 4  // to compare it with others
)

// cut makes a stretch of ticks. It is false when there are too few of them.
func (s *search) cut(r row, ticks []attack.Tick, value func(attack.Tick, float64) float64) (stretch, bool) {
	if len(ticks) < fewBlocks {
		return stretch{}, false
	}
	tick := (r.m.Trial.Len() / attack.TicksPerTrial).Seconds()
	total := int64(0)
	for _, t := range ticks {
		total += t.OK
	}
	each := float64(total) / float64(len(ticks))
	k := max(1, int(math.Ceil(blockP99s*s.rest.P99.Seconds()/tick)), int(math.Ceil(blockCounts/max(each, 1e-9))))
	if len(ticks)/k < fewBlocks {
		return stretch{}, false
	}
	out := stretch{trial: r.m.Trial.N, from: r.at + ticks[0].Elapsed.Seconds() - tick, block: tick * float64(k), n: float64(total)}
	for part := range slices.Chunk(ticks, k) {
		if len(part) < k {
			break
		}
		var sum attack.Tick
		for _, t := range part {
			sum.OK, sum.Sent, sum.Response = sum.OK+t.OK, sum.Sent+t.Sent, sum.Response+t.Response
		}
		out.values = append(out.values, value(sum, out.block))
	}
	return out, true
}

// busyStretches are the overloads of the warm target: what it completed while there was always more to do. What a part of it
// completed depends on the load, and so it is where overload costs capacity: those say nothing of change.
func (s *search) busyStretches() []stretch {
	if s.mode == ModeCollapse {
		return nil
	}
	var out []stretch
	for _, r := range s.rows {
		late := r.m.Trial.Phase == Saturate || r.m.Trial.Phase == Confirm || r.m.Trial.Phase == Bookend
		if !late || r.j.Why != Backlog || r.j.Part > 0 || r.j.Busy.Ticks == 0 || r.m.Trial.Phase == Saturate && warmed(r, s.rest.CS2, risingZ, 0) {
			continue
		}
		ticks := r.m.Ticks[len(r.m.Ticks)-r.j.Busy.Ticks:]
		if b, ok := s.cut(r, ticks, func(sum attack.Tick, long float64) float64 { return float64(sum.OK) / long }); ok {
			b.first = r.m.Trial.Phase == Saturate
			out = append(out, b)
		}
	}
	return warmOnes(out)
}

// warmOnes leaves out saturating overloads of which all later ones completed more: the target was not yet warm.
//
// Note: a target that rose for another reason, and stayed there, is not told from it.
func warmOnes(all []stretch) []stretch {
	least := math.Inf(1)
	for i := len(all) - 1; i >= 0; i-- {
		mean := all[i].mean()
		if all[i].first && !math.IsInf(least, 1) && mean*(1+grownFree) < least {
			return all[i+1:]
		}
		least = min(least, mean)
	}
	return all
}

// lightMost is the share of L up to which response times do not depend on those before.
const lightMost = .75

// lightStretches are the light loads of the knee: how long the target took.
func (s *search) lightStretches() []stretch {
	var out []stretch
	for _, i := range s.kneeAt {
		r := s.rows[i]
		if r.j.Class != Sustained || r.m.Trial.Load() > lightMost*s.sustained {
			continue
		}
		ticks := r.m.Ticks[min(warmTicks(r.m.Trial), len(r.m.Ticks)):]
		if l, ok := s.cut(r, ticks, func(sum attack.Tick, _ float64) float64 { return sum.Response.Seconds() / math.Max(float64(sum.OK), 1) }); ok {
			out = append(out, l)
		}
	}
	return out
}
