package gate

import (
	"math"
	"sort"
	"time"
)

// doubt is the standard error of the logarithm of Median. A median of n capacities would have 1.25 s/√n; a staircase is
// told on which side of a load each lies and no more, and has 1.8 s/√n with a twentieth of a step for what the steps hide
// (TestStaircaseFindsTheMiddle). A drifting machine is, when a gate begins, as it was at some moment of the calibration: the
// variance of a random walk around its own mean over n steps is d² n/6.
func (c Calibration) doubt() float64 {
	n := float64(max(c.Blocks, 1))
	still := math.Hypot(1.8*c.Scatter/math.Sqrt(n), .05*math.Log(stair))
	if c.Played != nil {
		n += float64(c.Played.Blocks)
	}
	return math.Hypot(still, c.Drift*math.Sqrt(n/6))
}

// Foresee is how often a gate of this tolerance calls a loss a regression on this machine, and how often it stays
// undecided, when up to so many blocks fit into its budget. The doubt about Median is averaged over.
func (c Calibration) Foresee(loss, tolerance float64, blocks int) (regression, undecided float64) {
	const cells, reach = 41, 4. // standard errors to either side
	wide := math.Hypot(c.doubt(), c.Drift*math.Sqrt(float64(blocks)))
	d := newDrifting(2*reach*wide/(cells-1), c.Drift)
	return d.foresee(cells, c.doubt(), func(x float64) float64 {
		return normalCDF((math.Log((1-loss)/(1-tolerance)) + x) / c.Scatter)
	}, blocks)
}

// Power is how often a loss must be called a regression to be seen.
const Power = 0.9

// Sees is the smallest loss that a gate of this tolerance calls a regression with Power, in steps of half a per cent; 1 if
// there is none. The more is lost the more is seen, so that it is bracketed by halves.
func (c Calibration) Sees(tolerance float64, blocks int) float64 {
	const step, steps = .005, 200
	n := sort.Search(steps, func(i int) bool {
		r, _ := c.Foresee(step*float64(i), tolerance, blocks)
		return r >= Power
	})
	return step * float64(n)
}

// Honest is the smallest tolerance, from the one asked for in steps of a quarter per cent, at which no more than Alpha of gates
// without any loss call a regression; 1 if there is none. Whoever asks a noisy machine for less would be told of losses that
// are not there.
func (c Calibration) Honest(asked float64, blocks int) float64 {
	const step = .0025
	if r, _ := c.Foresee(0, asked, blocks); r <= Alpha {
		return asked // most machines, at once
	}
	steps := int((toleranceMax-asked)/step) + 1
	n := sort.Search(steps, func(i int) bool {
		r, _ := c.Foresee(0, asked+step*float64(i), blocks)
		return r <= Alpha
	})
	if n == steps {
		return 1
	}
	return asked + step*float64(n)
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
