package gate

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Without a drift and with hardly a doubt, what is foreseen is what Odds says.
func TestForeseenWithoutDriftIsOdds(t *testing.T) {
	for _, p := range []float64{.1, .4, .7, .95} {
		regression, undecided := newDrifting(1e-9, 0).foresee(81, 1e-9, func(float64) float64 { return p }, 20)
		_, wantRegression, wantUndecided, _ := Odds(p, 20)
		if math.Abs(regression-wantRegression) > 1e-9 || math.Abs(undecided-wantUndecided) > 1e-9 {
			t.Errorf("p = %v: %v regressions, %v undecided; Odds says %v, %v", p, regression, undecided, wantRegression, wantUndecided)
		}
	}
}

// A belief keeps its sum and its middle while it spreads with the variance of the drift.
func TestBeliefSpreadsWithTheDrift(t *testing.T) {
	for _, drift := range []float64{0, .004, .01, .035} {
		const cells, step, blocks = 401, .01, 6
		belief, d := make([]float64, cells), newDrifting(step, drift)
		belief[cells/2] = 1
		for range blocks {
			d.block(belief)
		}
		sum, middle, variance := 0., 0., 0.
		for c, b := range belief {
			x := step * float64(c-cells/2)
			sum, middle, variance = sum+b, middle+x*b, variance+x*x*b
		}
		if math.Abs(sum-1) > 1e-9 || math.Abs(middle) > 1e-9 || math.Abs(variance-blocks*drift*drift) > 1e-9 {
			t.Errorf("drift %v: sum %v around %v with variance %v, want 1, 0 and %v", drift, sum, middle, variance, blocks*drift*drift)
		}
	}
}

// slowLikelihood sums over every path that a median can take through the grid: the twin of likelihood, for three blocks.
func slowLikelihood(blocks []Block, loads []float64, scatter, drift float64) float64 {
	const step = .01
	lo, hi := math.Log(min(loads[0], loads[1], loads[2]))-medianReach, math.Log(max(loads[0], loads[1], loads[2]))+medianReach
	cells := int((hi-lo)/step) + 1
	moves := make([][]float64, cells) // of a block, from each cell to each
	for from := range moves {
		moves[from] = make([]float64, cells)
		moves[from][from] = 1
		newDrifting(step, drift).block(moves[from])
	}
	p := func(i, c int) float64 {
		held := normalCDF((lo + step*float64(c) - math.Log(loads[i])) / scatter)
		if blocks[i].Held {
			return held
		}
		return 1 - held
	}
	sum := 0.
	for a := range cells {
		for b := range cells {
			for c := range cells {
				sum += p(0, a) * moves[a][b] * p(1, b) * moves[b][c] * p(2, c) / float64(cells)
			}
		}
	}
	return math.Log(sum)
}

func TestLikelihoodIsExact(t *testing.T) {
	blocks, loads := []Block{{Held: true}, {Held: false}, {Held: true}}, []float64{900, 1000, 960}
	for _, drift := range []float64{0, .01, .04} {
		if got, want := likelihood(blocks, loads, .05, drift), slowLikelihood(blocks, loads, .05, drift); math.Abs(got-want) > 1e-9 {
			t.Errorf("drift %v: %v, the sum over all paths says %v", drift, got, want)
		}
	}
}

// A wanderer is a machine whose median walks from block to block, and where it was at each.
type wanderer struct {
	rng            *rand.Rand
	scatter, drift float64
	at             float64
	path           []float64
}

func (w *wanderer) holds(load float64) bool {
	w.at += w.drift * w.rng.NormFloat64()
	w.path = append(w.path, w.at)
	return math.Exp(w.at+w.scatter*w.rng.NormFloat64()) >= load
}

// calibrated is what a whole calibration tells of a machine, block by block as a Staircase sends them.
func (w *wanderer) calibrated(tolerance float64, fits int) (Calibration, float64) {
	var blocks []Block
	var loads []float64
	level := 0
	for n := range 2 * DefaultBlocks {
		load := .97 * math.Pow(stair, float64(level))
		if n >= DefaultBlocks {
			load = 1 - tolerance // gates of the build against itself
		}
		held := w.holds(load)
		blocks, loads = append(blocks, Block{Held: held}), append(loads, load)
		if level--; held {
			level += 2
		}
	}
	c := fit(blocks, loads)
	c.Blocks, c.Played = DefaultBlocks, &Played{Blocks: DefaultBlocks}
	return c, c.Honest(tolerance, fits)
}

// alarms is the share of gates without any loss that are called a regression, when a gate begins as the machine was at some
// moment of its calibration and goes on from there.
func (w *wanderer) alarms(c Calibration, tolerance float64, gates, fits int) (share float64) {
	for range gates {
		now := wanderer{rng: w.rng, scatter: w.scatter, drift: w.drift, at: w.path[w.rng.IntN(len(w.path))]}
		walk := Walk{}
		for range fits {
			walk.Step(now.holds(c.Median * (1 - tolerance)))
		}
		if walk.Outcome() == Regression {
			share += 1 / float64(gates)
		}
	}
	return share
}

// A machine that drifts is known for it by its calibration, which widens the tolerance until false alarms are as few as
// promised. A calibration that knows of no drift promises what it cannot keep, and one of a machine without any is as good
// as ever.
func TestACalibrationKnowsItsDrift(t *testing.T) {
	if testing.Short() {
		t.Skip("many calibrations")
	}
	const calibrations, gates, asked, fits = 30, 200, .025, 36
	rng := rand.New(rand.NewPCG(9, 9))
	drifted, still, found, steady := 0., 0., 0, 0
	for range calibrations {
		w := &wanderer{rng: rng, scatter: .03, drift: .01}
		c, honest := w.calibrated(asked, fits)
		drifted += w.alarms(c, min(honest, toleranceMax), gates, fits) / calibrations
		if c.Drift > 0 {
			found++
		}
		c.Drift = 0
		still += w.alarms(c, c.Honest(asked, fits), gates, fits) / calibrations
		calm := &wanderer{rng: rng, scatter: .03}
		if c, honest := calm.calibrated(asked, fits); c.Drift == 0 && honest <= .03 {
			steady++
		}
	}
	t.Logf("drift found in %d of %d; false alarms %.3f, without the drift %.3f; %d of %d machines without any are called steady", found, calibrations, drifted, still, steady, calibrations)
	if drifted > Alpha+.02 || found < calibrations*8/10 { // .02: three standard errors, by the spread between calibrations
		t.Errorf("a drift found in %d of %d calibrations, %.3f false alarms", found, calibrations, drifted)
	}
	if still < 2*Alpha {
		t.Errorf("%.3f false alarms for calibrations that know of no drift: this test cannot tell", still)
	}
	if steady < calibrations*8/10 {
		t.Errorf("%d of %d machines without a drift are called steady", steady, calibrations)
	}
}

func TestPlayedContradicts(t *testing.T) {
	for _, c := range []struct {
		p    Played
		want bool
	}{
		{Played{Gates: 12, Foreseen: .01}, false}, {Played{Gates: 12, Regressions: 1, Foreseen: .01}, false}, // 1 − .99¹² = .114
		{Played{Gates: 12, Regressions: 2, Foreseen: .01}, true},                                                            // .0062
		{Played{Gates: 12, Regressions: 3, Foreseen: .05}, false}, {Played{Gates: 12, Regressions: 4, Foreseen: .05}, true}, // .0196 and .0022
		{Played{Gates: 1, Regressions: 1}, true}, {Played{}, false},
	} {
		if got := c.p.Contradicts(); got != c.want {
			t.Errorf("%+v contradicts: %v", c.p, got)
		}
	}
}
