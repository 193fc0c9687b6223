package gate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Staircase calibrates a gate on one machine with one build: blocks whose load goes up by a step after one that held and
// down after one that did not, so that they gather where half of them hold (Dixon and Mood, JASA 43, 1948). Then as many
// blocks again are gates of that build against itself, as the first ones say that they must be sent. It is a Planner.
type Staircase struct {
	Plan
	Blocks int // of the staircase
}

var _ attack.Planner = Staircase{}

// stair is the factor from one load of a Staircase to the next. Steps of half the scatter of blocks to twice that find it
// best, which covers machines of 2 % to 8 %.
const stair = 1.04

// The blocks of a calibration: of fewer the scatter is a guess.
const (
	DefaultBlocks = 80
	leastBlocks   = 20
	mostBlocks    = 300
)

// Validate reports the first field that makes no sense, by the name of its flag.
func (s Staircase) Validate() error {
	switch {
	case s.Blocks < leastBlocks || s.Blocks > mostBlocks:
		return fmt.Errorf("--calibrate %s, want %d to %d", attack.Plural(s.Blocks, "block"), leastBlocks, mostBlocks)
	case s.Reference != "":
		return errors.New("--calibrate and --base-url exclude one another: a calibration has one build")
	}
	return s.Plan.Validate()
}

// Next is the next trial of the calibration.
func (s Staircase) Next(done []attack.Measurement) (attack.Trial, bool) {
	t := s.replay(done)
	if t.want == nil {
		return attack.Trial{}, false
	}
	return *t.want, true
}

// Watch ends a block that is surely overloaded.
func (s Staircase) Watch(_ attack.Trial, done []attack.Measurement) func(attack.Tick) attack.Reason {
	return s.replay(done).watch()
}

func (s Staircase) replay(done []attack.Measurement) *tale {
	t := s.begin(done)
	if t.climb(s.Blocks) {
		t.play(s.Blocks)
	}
	return t
}

// Calibration is what a machine does to blocks: at the load Median half of them hold, and the logarithm of the load that
// each would just hold scatters by Scatter, while Median itself walks at random by Drift from block to block.
type Calibration struct {
	Median  float64 `json:"median"`          // per second
	Scatter float64 `json:"scatter"`         // standard deviation, as a share
	Drift   float64 `json:"drift,omitempty"` // standard deviation of a block's step, as a share; 0: none showed
	Blocks  int     `json:"blocks"`          // of the staircase
	BlockMS float64 `json:"block_ms"`
	Void    int     `json:"void,omitempty"`   // trials that the generator spoilt
	Played  *Played `json:"played,omitempty"` // what came of gates of the build against itself
}

// Calibration is what the measurements tell; an error says why they tell nothing.
func (s Staircase) Calibration(done []attack.Measurement) (Calibration, error) {
	t := s.replay(done)
	if t.bad != "" {
		return Calibration{}, errors.New(t.bad)
	}
	if len(t.blocks) < leastBlocks {
		return Calibration{}, fmt.Errorf("%s measured, a calibration wants at least %d", attack.Were(len(t.blocks), "block"), leastBlocks)
	}
	c := fit(t.blocks, t.loads)
	c.Blocks, c.BlockMS, c.Void = min(len(t.blocks), s.Blocks), attack.MS(s.block()), t.voids
	if t.played.Gates > 0 {
		c.Played = &t.played
		c.Played.Blocks = len(t.blocks) - c.Blocks
		c.Played.Foreseen, _ = c.Foresee(0, c.Played.Tolerance, s.BlocksIn())
	}
	return c, nil
}

// The scatter that a fit looks among: less than the least would claim what a few blocks cannot know.
const (
	scatterLeast = .01
	scatterMost  = .5
	medianReach  = .1 // beyond the loads that were sent, in logarithm
)

// Played is an A/A test: gates of one build against itself, which ought to find no loss.
type Played struct {
	Gates       int     `json:"gates"`
	Regressions int     `json:"regressions"` // false alarms
	Undecided   int     `json:"undecided"`
	Blocks      int     `json:"blocks"`    // of all of them
	Tolerance   float64 `json:"tolerance"` // 0..1
	Foreseen    float64 `json:"foreseen"`  // share of false alarms that the calibration foresees at it
}

func (p *Played) take(o Outcome) {
	p.Gates++
	switch o {
	case Regression:
		p.Regressions++
	case Undecided:
		p.Undecided++
	}
}

// Contradicts tells whether there were more false alarms than a calibration that is right has once in a hundred.
func (p Played) Contradicts() bool {
	term := math.Pow(1-p.Foreseen, float64(p.Gates)) // of no alarm, then one, and so on
	fewer := 0.
	for k := range p.Regressions {
		fewer += term
		term *= float64(p.Gates-k) / float64(k+1) * p.Foreseen / (1 - p.Foreseen)
	}
	return p.Regressions > 0 && 1-fewer < .01
}

// fit is the most likely median and scatter: a probit model, P(held at load x) = Φ((ln m − ln x)/s), on a grid. Where the
// blocks show a drift, the scatter is what is left of it beside the drift.
func fit(blocks []Block, loads []float64) Calibration {
	c := fitStill(blocks, loads)
	if scatter, drift := driftOf(blocks, loads); drift > 0 {
		c.Scatter, c.Drift = scatter, drift
	}
	return c
}

func fitStill(blocks []Block, loads []float64) Calibration {
	sent := countByLoad(blocks, loads)
	lo, hi := math.Log(sent[0].load)-medianReach, math.Log(sent[len(sent)-1].load)+medianReach
	m, s := sent.mostLikely(lo, hi, .01, scatterLeast, scatterMost, 1.25)
	m, s = sent.mostLikely(m-.01, m+.01, .001, max(s/1.25, scatterLeast), min(s*1.25, scatterMost), 1.05)
	return Calibration{Median: math.Exp(m), Scatter: s}
}

// outcomes are what the blocks of one load did.
type outcomes struct{ load, held, not float64 }

// outcomesByLoad are few: a staircase stands on few loads.
type outcomesByLoad []outcomes

func countByLoad(blocks []Block, loads []float64) (out outcomesByLoad) {
	for i, b := range blocks {
		at, known := slices.BinarySearchFunc(out, loads[i], func(o outcomes, load float64) int { return cmp.Compare(o.load, load) })
		if !known {
			out = slices.Insert(out, at, outcomes{load: loads[i]})
		}
		if b.Held {
			out[at].held++
		} else {
			out[at].not++
		}
	}
	return out
}

// mostLikely is the logarithm of the median and the scatter that make the outcomes the most likely, of a grid. The likelihood
// of a probit model has one top (Pratt, JASA 76, 1981), so that a coarse grid finds where a fine one must look.
func (all outcomesByLoad) mostLikely(lo, hi, step, least, most, factor float64) (median, scatter float64) {
	top := math.Inf(-1)
	for m := lo; m <= hi; m += step {
		for s := least; s <= most; s *= factor {
			sum := 0.
			for _, o := range all {
				p := normalCDF((m - math.Log(o.load)) / s)
				sum += o.held*math.Log(max(p, 1e-12)) + o.not*math.Log(max(1-p, 1e-12))
			}
			if sum > top {
				top, median, scatter = sum, m, s
			}
		}
	}
	return median, scatter
}

func normalCDF(z float64) float64 { return .5 * math.Erfc(-z/math.Sqrt2) }
