package gate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// A machine is what the capacity of a service looks like from block to block: factors around 1. All noise is that of a
// block, drift that of the whole gate.
type machine struct {
	name       string
	sd, median float64 // of a block
	drift      float64 // from one to the next
	noise      func(rng *rand.Rand) func() float64
}

func (m machine) calibration() Calibration {
	return Calibration{Median: m.median, Scatter: m.sd, Drift: m.drift, Blocks: DefaultBlocks, Played: &Played{Blocks: DefaultBlocks}}
}

func lognormal(sd float64) func(*rand.Rand) func() float64 {
	return func(rng *rand.Rand) func() float64 {
		return func() float64 { return math.Exp(sd * rng.NormFloat64()) }
	}
}

var machines = []machine{
	{"log-normal 3 %", .03, 1, 0, lognormal(.03)},
	{"log-normal 5 %", .05, 1, 0, lognormal(.05)},
	{"log-normal 10 %", .1, 1, 0, lognormal(.10)},
	{"drift: a walk of 1 % a block, 3 % of noise", .03, 1, .01, func(rng *rand.Rand) func() float64 {
		at := 0.
		return func() float64 { at += .01 * rng.NormFloat64(); return math.Exp(at + .03*rng.NormFloat64()) }
	}},
	{"bimodal: a fifth of blocks 15 % slower, 3 % of noise", .04, .9905, 0, func(rng *rand.Rand) func() float64 {
		return func() float64 {
			slow := 1.
			if rng.Float64() < .2 {
				slow = .85
			}
			return slow * math.Exp(.03*rng.NormFloat64())
		}
	}},
	{"outliers: 1 % of blocks at half, 5 % of noise", .05, .9994, 0, func(rng *rand.Rand) func() float64 {
		return func() float64 {
			if rng.Float64() < .01 {
				return .5
			}
			return math.Exp(.05 * rng.NormFloat64())
		}
	}},
}

// alone is one gate without a reference, blind to everything but which blocks held. Its load comes from a calibration of
// the same machine, whose doubt it has.
func alone(rng *rand.Rand, m machine, loss, tolerance float64, blocksMost int) (Outcome, int) {
	load := (1 - tolerance) * m.median * math.Exp(m.calibration().doubt()*rng.NormFloat64())
	capacity := m.noise(rng)
	w, n := Walk{}, 0
	for ; n < blocksMost && w.Outcome() == Undecided; n++ {
		w.Step((1-loss)*capacity() >= load)
	}
	return w.Outcome(), n
}

// inPairs is a gate with the reference beside it: the machine's noise is that of both, each has 2 % of its own.
func inPairs(rng *rand.Rand, m machine, loss, tolerance float64, blocksMost int) (Outcome, int) {
	common := m.noise(rng)
	w, n := Walk{}, 0
	for ; n < blocksMost && w.Outcome() == Undecided; n++ {
		c := common()
		base, mine := c*math.Exp(.02*rng.NormFloat64()), (1-loss)*c*math.Exp(.02*rng.NormFloat64())
		w.Step(mine/base >= 1-tolerance)
	}
	return w.Outcome(), n
}

// peers is what others do: one run of each, and a fixed 5 % between them.
func peers(rng *rand.Rand, m machine, loss, _ float64, _ int) (Outcome, int) {
	c := m.noise(rng)
	if (1-loss)*c()/m.noise(rng)() < .95 {
		return Regression, 1
	}
	return Pass, 1
}

const (
	pullRequests = 2000
)

// row is what a rule does on a machine, by loss.
type row struct {
	regression, undecided, blocks [4]float64
}

var losses = [4]float64{0, .03, .05, .10}

func simulate(rule rule, m machine, tolerance float64, fit int, seed uint64) (r row) {
	rng := rand.New(rand.NewPCG(seed, 0x67617465))
	for i, loss := range losses {
		for range pullRequests {
			o, n := rule(rng, m, loss, tolerance, fit)
			switch o {
			case Regression:
				r.regression[i]++
			case Undecided:
				r.undecided[i]++
			}
			r.blocks[i] += float64(n)
		}
		r.regression[i] /= pullRequests
		r.undecided[i] /= pullRequests
		r.blocks[i] /= pullRequests
	}
	return r
}

func (r row) String() string {
	cell := func(v [4]float64, f string) string {
		var out []string
		for _, x := range v {
			out = append(out, fmt.Sprintf(f, x))
		}
		return strings.Join(out, " / ")
	}
	pc := func(v [4]float64) [4]float64 {
		for i := range v {
			v[i] *= 100
		}
		return v
	}
	return fmt.Sprintf("%s | %s | %s", cell(pc(r.regression), "%.1f"), cell(pc(r.undecided), "%.1f"), cell(r.blocks, "%.1f"))
}

type rule func(rng *rand.Rand, m machine, loss, tolerance float64, blocksMost int) (Outcome, int)

// rules are the gate in its two forms, each at the tolerance at which it is to see a loss of 5 %, the gate as it is without
// flags, and what peers do. Pairs take two blocks a step, and so half as many steps fit into the budget.
var rules = []struct {
	name      string
	rule      rule
	tolerance float64
	fit       int

	calibrated bool // a tolerance that the machine is too noisy for is widened
}{
	{"gate asked for 2.5 %", alone, .025, 36, true},
	{"gate asked for 5 %", alone, .05, 36, true},
	{"gate beside the baseline", inPairs, .025, 36, false},
	{"peers: one run of each", peers, .05, 1, false},
}

// TestPower prints, with -v, what the gate does on every machine beside what peers do, over 2,000 pull requests a cell. It
// holds what the gate promises: at most 5 % false alarms, at least 90 % of losses of 5 % seen where blocks scatter by 5 %,
// and at most 60 % of the blocks of a test of fixed size with the same errors. The peers' rule keeps neither of the first
// two, which shows that the table can tell.
func TestPower(t *testing.T) {
	fixed := float64(fixedSize())
	t.Logf("losses of 0 / 3 / 5 / 10 %%; a test of fixed size with the errors of a walk takes %.0f blocks", fixed)
	t.Log("| machine | rule | tolerance | called a regression, % | undecided, % | blocks |")
	t.Log("| --- | --- | --- | --- | --- | --- |")
	for i, m := range machines {
		for _, r := range rules {
			tolerance := r.tolerance
			if r.calibrated {
				tolerance = m.calibration().Honest(tolerance, r.fit)
			}
			got := simulate(r.rule, m, tolerance, r.fit, uint64(i))
			t.Logf("| %s | %s | %.3g %% | %s |", m.name, r.name, 100*tolerance, got)
			peer := r.fit == 1
			if alarms := got.regression[0]; !peer && alarms > Alpha+3*math.Sqrt(Alpha*(1-Alpha)/pullRequests) {
				t.Errorf("%s, %s: %.3f false alarms", m.name, r.name, alarms)
			} else if peer && alarms < Alpha {
				t.Errorf("%s: the peers' rule has %.3f false alarms: the table does not tell rules apart", m.name, alarms)
			}
			if power := got.regression[2]; !peer && r.tolerance == .025 && strings.HasPrefix(m.name, "log-normal 5") && power < Power {
				t.Errorf("%s, %s: %.3f of losses of 5 %% seen", m.name, r.name, power)
			}
			if n := got.blocks[0]; !peer && n > .6*fixed {
				t.Errorf("%s, %s: %.1f blocks, a test of fixed size takes %.0f", m.name, r.name, n, fixed)
			}
		}
	}
}
