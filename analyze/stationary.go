package analyze

import (
	"fmt"
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

// wander is how far the sum of a stretch strays from a straight line, in units of what it would for blocks that differ by
// chance alone (N. H. Kuiper's statistic of a Brownian bridge, 1960: 2.3 is exceeded once in 1000 times).
//
//	V = (max S − min S) / (σ √K),   S[k] = Σ (x[i] − mean), i ≤ k
func (s stretch) wander(noise float64) float64 {
	mean, sum, low, high := s.mean(), 0., 0., 0.
	for _, v := range s.values {
		sum += v - mean
		low, high = min(low, sum), max(high, sum)
	}
	if noise <= 0 {
		return 0
	}
	return (high - low) / math.Sqrt(noise*float64(len(s.values)))
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

// NotStationary is the code of the note that the target was not the same all the time, and how that was seen.
const NotStationary = "not-stationary"

// change is the evidence that the target was not the same all the time, and between which shares of the estimate its
// capacity lay, as far as that was seen.
type change struct {
	text   string
	lo, hi float64
}

// notes say it; nothing where there is none.
func (c *change) notes() []attack.Note {
	if c == nil {
		return nil
	}
	return []attack.Note{{Code: NotStationary, Text: "the target changed during the search: " + c.text}}
}

// Beyond chance: see drift.
const (
	wanderMost = 2.7
	evenZ      = 2.6
	evenFree   = .002 // of difference between two overloads that says nothing: they have other loads and backlogs
)

// drift asks whether the target stayed the same: the overload at the end must still be one, overloads at different times
// must have completed alike, and within a trial nothing may wander. It is nil when all that is so.
//
//	alike   iff  Σ (rate[i] − mean)²/(σ²[i] + (0.2 %)²) is no more than χ² allows, at 2.6 standard errors
//	wander  iff  V > 2.7
func (s *search) drift() *change {
	if c := s.grown(); c != nil {
		return c
	}
	if b := s.bookend; b != nil && b.Class == Sustained {
		chance := math.Sqrt((1+s.rest.CS2)/math.Max(float64(b.N), 1) + s.rest.CS2/math.Max(float64(s.pool.N), 1))
		if b.Good > s.pool.Rate*(1+evenZ*chance+evenFree) {
			return &change{fmt.Sprintf("%s was borne at the end, and no more than %s before", perSecond(b.Good), perSecond(s.pool.Rate)), 1, b.Good / s.pool.Rate}
		}
	}
	busy := s.busyStretches()
	if c := s.uneven(busy); c != nil {
		return c
	}
	for _, b := range busy {
		if at, before, after, moved := b.moved(); moved {
			mean := b.mean()
			return &change{fmt.Sprintf("%s completed under overload until %.0fs into the search (trial %d), %s after", perSecond(before), at, b.trial, perSecond(after)),
				min(before, after) / mean, max(before, after) / mean}
		}
	}
	for _, l := range s.lightStretches() {
		if at, before, after, moved := l.moved(); moved {
			swing := math.Abs(after-before) / (after + before)
			return &change{fmt.Sprintf("answers took %.3gms until %.0fs into the search (trial %d), %.3gms after, at the same light load", 1000*before, at, l.trial, 1000*after),
				1 - swing, 1 + swing}
		}
	}
	return nil
}

// same tells whether the target stayed the same; nil when nothing was there to tell.
func (s *search) same() *bool {
	if s.bookend == nil && s.drift() == nil {
		return nil
	}
	same := s.drift() == nil
	return &same
}

// moved tells whether a stretch wanders more than chance explains, where it changes most, and what it was before and after.
func (s stretch) moved() (at, before, after float64, ok bool) {
	if len(s.values) < leastBlocks || s.wander(s.noise()) <= wanderMost {
		return 0, 0, 0, false
	}
	mean, sum, most, k := s.mean(), 0., -1., 1
	for i, v := range s.values[:len(s.values)-1] {
		if sum += v - mean; math.Abs(sum) > most {
			most, k = math.Abs(sum), i+1
		}
	}
	head, tail := stretch{values: s.values[:k]}, stretch{values: s.values[k:]}
	return s.from + float64(k)*s.block, head.mean(), tail.mean(), true
}

// uneven compares overloads at different times.
func (s *search) uneven(busy []stretch) *change {
	if len(busy) < 2 {
		return nil
	}
	rates, weights := make([]float64, len(busy)), make([]float64, len(busy))
	sum, weight, noise := 0., 0., pooledNoise(busy)
	for i, b := range busy {
		rates[i] = b.mean()
		free := evenFree * rates[i]
		weights[i] = 1 / (noise/b.seconds() + free*free)
		sum, weight = sum+weights[i]*rates[i], weight+weights[i]
	}
	mean, chi2 := sum/weight, 0.
	for i := range busy {
		chi2 += (rates[i] - mean) * (rates[i] - mean) * weights[i]
	}
	if normalOf(chi2, float64(len(busy)-1)) <= evenZ {
		return nil
	}
	low, high := busy[slices.Index(rates, slices.Min(rates))], busy[slices.Index(rates, slices.Max(rates))]
	first, last, verb := low, high, "rose"
	if high.from < low.from {
		first, last, verb = high, low, "fell"
	}
	return &change{fmt.Sprintf("its capacity %s from %s (trial %d, %.0fs into the search) to %s (trial %d, %.0fs)", verb,
		perSecond(first.mean()), first.trial, first.from, perSecond(last.mean()), last.trial, last.from), slices.Min(rates) / mean, slices.Max(rates) / mean}
}

// pooledNoise is the variance of a rate of completion times the seconds that it was counted over, from all stretches.
func pooledNoise(all []stretch) float64 {
	sum, n := 0., 0.
	for _, s := range all {
		sum += s.noise() * s.block * float64(len(s.values)-1)
		n += float64(len(s.values) - 1)
	}
	return sum / n
}

// normalOf is how many standard errors a χ² with so many degrees of freedom lies above its mean (E. B. Wilson and M. M.
// Hilferty, 1931).
func normalOf(chi2, d float64) float64 {
	return (math.Cbrt(chi2/d) - (1 - 2/(9*d))) / math.Sqrt(2/(9*d))
}
