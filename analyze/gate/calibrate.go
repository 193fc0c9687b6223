package gate

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Staircase calibrates a gate on one machine with one build: blocks whose load goes up by a step after one that held and
// down after one that did not, so that they gather where half of them hold (Dixon and Mood, JASA 43, 1948). It is a Planner.
type Staircase struct {
	Plan
	Blocks int
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
		return fmt.Errorf("--calibrate %d blocks, want %d to %d", s.Blocks, leastBlocks, mostBlocks)
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
	t.climb(s.Blocks)
	return t
}

// Calibration is what a machine does to blocks: at the load Median half of them hold, and the logarithm of the load that
// each would just hold scatters by Scatter.
type Calibration struct {
	Median  float64 `json:"median"`  // per second
	Scatter float64 `json:"scatter"` // standard deviation, as a share
	Blocks  int     `json:"blocks"`  // that this rests on
	BlockMS float64 `json:"block_ms"`
	Void    int     `json:"void,omitempty"` // trials that the generator spoilt
}

// Calibration is what the measurements tell; an error says why they tell nothing.
func (s Staircase) Calibration(done []attack.Measurement) (Calibration, error) {
	t := s.replay(done)
	if t.bad != "" {
		return Calibration{}, errors.New(t.bad)
	}
	if len(t.blocks) < leastBlocks {
		return Calibration{}, fmt.Errorf("%d blocks were measured, a calibration wants at least %d", len(t.blocks), leastBlocks)
	}
	c := fit(t.blocks, t.loads)
	c.Blocks, c.BlockMS, c.Void = len(t.blocks), attack.MS(s.block()), t.voids
	return c, nil
}

// The scatter that a fit looks among: less than the least would claim what a few blocks cannot know.
const (
	scatterLeast = .01
	scatterMost  = .5
	scatterStep  = 1.1
	medianStep   = .002
	medianReach  = .1 // beyond the loads that were sent
)

// fit is the most likely median and scatter: a probit model, P(held at load x) = Φ((ln m − ln x)/s), on a grid.
func fit(blocks []Block, loads []float64) (best Calibration) {
	lo, hi := math.Inf(1), 0.
	for _, x := range loads {
		lo, hi = min(lo, x), max(hi, x)
	}
	top := math.Inf(-1)
	for m := lo * (1 - medianReach); m <= hi*(1+medianReach); m *= 1 + medianStep {
		for s := scatterLeast; s <= scatterMost; s *= scatterStep {
			sum := 0.
			for i, b := range blocks {
				p := normalCDF(math.Log(m/loads[i]) / s)
				if !b.Held {
					p = 1 - p
				}
				sum += math.Log(max(p, 1e-12))
			}
			if sum > top {
				top, best = sum, Calibration{Median: m, Scatter: s}
			}
		}
	}
	return best
}

func normalCDF(z float64) float64 { return .5 * math.Erfc(-z/math.Sqrt2) }

// doubt is the standard error of the logarithm of Median. A median of n capacities would have 1.25 s/√n; a staircase is
// told on which side of a load each lies and no more, and has 1.8 s/√n with a twentieth of a step for what the steps hide
// (TestStaircaseFindsTheMiddle).
func (c Calibration) doubt() float64 {
	return math.Hypot(1.8*c.Scatter/math.Sqrt(float64(max(c.Blocks, 1))), .05*math.Log(stair))
}

// Foresee is how often a gate of this tolerance calls a loss a regression on this machine, and how often it stays
// undecided, when up to so many blocks fit into its budget. The doubt about Median is averaged over.
func (c Calibration) Foresee(loss, tolerance float64, blocks int) (regression, undecided float64) {
	const points = 41 // of ±4 standard errors
	sum := 0.
	for i := range points {
		z := 8 * (float64(i)/(points-1) - .5)
		w := math.Exp(-z * z / 2)
		p := normalCDF((math.Log((1-loss)/(1-tolerance)) + z*c.doubt()) / c.Scatter)
		_, r, u, _ := Odds(p, blocks)
		regression, undecided, sum = regression+w*r, undecided+w*u, sum+w
	}
	return regression / sum, undecided / sum
}

// Power is how often a loss must be called a regression to be seen.
const Power = 0.9

// Sees is the smallest loss that a gate of this tolerance calls a regression with Power, in steps of half a per cent; 1 if
// there is none.
func (c Calibration) Sees(tolerance float64, blocks int) float64 {
	for loss := 0.; loss < 1; loss += .005 {
		if r, _ := c.Foresee(loss, tolerance, blocks); r >= Power {
			return loss
		}
	}
	return 1
}

// Honest is the smallest tolerance, from the one asked for, at which no more than Alpha of gates without any loss call a
// regression; 1 if there is none. Whoever asks a noisy machine for less would be told of losses that are not there.
func (c Calibration) Honest(asked float64, blocks int) float64 {
	for tolerance := asked; tolerance <= toleranceMax; tolerance += .0025 {
		if r, _ := c.Foresee(0, tolerance, blocks); r <= Alpha {
			return tolerance
		}
	}
	return 1
}

// Foreseen is what a machine lets a gate see, so that whoever asks for more knows before it runs.
type Foreseen struct {
	BudgetS   float64 `json:"budget_s"`
	Asked     float64 `json:"asked"`     // the tolerance asked for, 0..1
	Tolerance float64 `json:"tolerance"` // the smallest from there with at most Alpha of false alarms
	Alarms    float64 `json:"alarms"`    // share of gates of the same build, at that tolerance, that call a regression
	Sees      float64 `json:"sees"`      // the smallest loss that is called a regression with Power; 1 if there is none
	Undecided float64 `json:"undecided"` // share of gates of the same build that stay undecided
}

// Foreseen is what this machine lets a plan see within its budget.
func (p Plan) Foreseen(c Calibration) Foreseen {
	blocks := p.BlocksIn()
	f := Foreseen{BudgetS: p.budget().Seconds(), Asked: p.Tolerance, Tolerance: c.Honest(p.Tolerance, blocks)}
	f.Alarms, f.Undecided = c.Foresee(0, f.Tolerance, blocks)
	f.Sees = c.Sees(f.Tolerance, blocks)
	return f
}

// BlocksIn is how many blocks fit into the budget of a plan, rest and warm-up taken off.
func (p Plan) BlocksIn() int {
	return int((p.budget() - restLong - warmLong*p.block() - time.Second) / p.block())
}
