package gate

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// staircase is a calibration on a machine of that scatter, block by block.
func staircase(rng *rand.Rand, median, scatter float64, n int) ([]Block, []float64) {
	var blocks []Block
	var loads []float64
	level := 0
	for range n {
		load := .97 * median * math.Pow(stair, float64(level))
		held := median*math.Exp(scatter*rng.NormFloat64()) >= load
		blocks, loads = append(blocks, Block{Held: held}), append(loads, load)
		if held {
			level++
		} else {
			level--
		}
	}
	return blocks, loads
}

// A staircase finds the middle without bias and the scatter well enough to plan by.
func TestStaircaseFindsTheMiddle(t *testing.T) {
	for _, scatter := range []float64{.02, .05, .1} {
		rng := rand.New(rand.NewPCG(4, uint64(scatter*1000)))
		const runs = 40
		bias, spread, sd := 0., 0., 0.
		for range runs {
			c := fitStill(staircase(rng, 1000, scatter, DefaultBlocks))
			d := math.Log(c.Median / 1000)
			bias += d / runs
			spread += d * d / runs
			sd += math.Log(c.Scatter/scatter) / runs
		}
		c := Calibration{Scatter: scatter, Blocks: DefaultBlocks}
		if math.Abs(bias) > 4*math.Sqrt(spread/runs)+.002 || math.Sqrt(spread) > 1.25*c.doubt() {
			t.Errorf("scatter %v: the middle is off by %.4f on average, %.4f at a time; doubt says %.4f", scatter, bias, math.Sqrt(spread), c.doubt())
		}
		if math.Abs(sd) > .5 {
			t.Errorf("scatter %v: told %.2f times as large, in the geometric mean", scatter, math.Exp(sd))
		}
	}
}

// What a calibration foresees is what gates then do: false alarms and power within four standard errors of 4,000 gates
// each of which has a calibration of its own.
func TestCalibrationForesees(t *testing.T) {
	const runs, tolerance, blocks = 4000, .025, 36
	rng := rand.New(rand.NewPCG(6, 6))
	for _, c := range []Calibration{{Median: 1, Scatter: .05, Blocks: DefaultBlocks}, {Median: 1, Scatter: .03, Drift: .01, Blocks: DefaultBlocks}} {
		for _, loss := range []float64{0, .025, .05, .1} {
			regressions, undecided := 0, 0
			for range runs {
				load, at := (1-tolerance)*math.Exp(c.doubt()*rng.NormFloat64()), 0.
				w := Walk{}
				for n := 0; n < blocks; n++ {
					w.Step((1-loss)*math.Exp(at+c.Scatter*rng.NormFloat64()) >= load)
					at += c.Drift * rng.NormFloat64()
				}
				switch w.Outcome() {
				case Regression:
					regressions++
				case Undecided:
					undecided++
				}
			}
			r, u := c.Foresee(loss, tolerance, blocks)
			for what, p := range map[string]struct{ got, want float64 }{"called regressions": {float64(regressions) / runs, r}, "undecided": {float64(undecided) / runs, u}} {
				if math.Abs(p.got-p.want) > 4*math.Sqrt(p.want*(1-p.want)/runs)+.001 {
					t.Errorf("%+v, loss %v: %.4f were %s, %.4f foreseen", c, loss, p.got, what, p.want)
				}
			}
		}
	}
}

func TestSees(t *testing.T) {
	quiet, busy := Calibration{Median: 1, Scatter: .02, Blocks: 30}, Calibration{Median: 1, Scatter: .15, Blocks: 30}
	if got := quiet.Sees(.05, 36); got < .05 || got > .08 {
		t.Errorf("a quiet machine sees a loss of %v at a tolerance of 0.05", got)
	}
	if quiet.Sees(.05, 36) >= busy.Sees(.05, 36) {
		t.Error("a busy machine sees as little as a quiet one")
	}
	if got := quiet.Honest(.025, 36); got != .025 {
		t.Errorf("a quiet machine is asked for %v instead of 0.025", got)
	}
	if got := busy.Honest(.025, 36); got < .04 || got > .15 {
		t.Errorf("a busy machine is asked for %v", got)
	} else if r, _ := busy.Foresee(0, got, 36); r > Alpha {
		t.Errorf("at the tolerance that it calls honest %v are false alarms", r)
	}
	if got := quiet.Sees(.05, 3); got != 1 {
		t.Errorf("three blocks decide nothing, Sees says %v", got)
	}
}

func TestStaircaseOnAService(t *testing.T) {
	s := Staircase{Plan: plan(), Blocks: 24}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	done, err := attack.Drive(context.Background(), s, sim.New(service(0), 5), nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Calibration(done)
	if err != nil || c.Median < 960 || c.Median > 1040 || c.Blocks != 24 || c.BlockMS != 2000 {
		t.Errorf("%+v, %v: want the middle near the capacity of 1,000/s", c, err)
	}
	if p := c.Played; p == nil || p.Gates < 3 || p.Regressions > 0 || p.Undecided > 0 || p.Blocks != 24 || p.Tolerance < s.Tolerance || p.Foreseen > Alpha {
		t.Errorf("gates of the build against itself: %+v, want some, all of them passed", c.Played)
	}
	if _, err := s.Calibration(done[:6]); err == nil || !strings.Contains(err.Error(), "at least 20") {
		t.Errorf("error of a calibration cut short: %v", err)
	}
	if testing.Short() {
		return
	}
	p := plan()
	p.Median = c.Median
	for loss, want := range map[float64]Outcome{0: Pass, .12: Regression} {
		if v, _ := play(t, p, sim.New(service(loss), 9)); v.Outcome != want {
			t.Errorf("after the calibration a loss of %v%%: %s, want %s", 100*loss, v.Outcome, want)
		}
	}
}

func TestStaircaseValidate(t *testing.T) {
	for want, change := range map[string]func(*Staircase){
		"--calibrate": func(s *Staircase) { s.Blocks = 2 },
		"--base-url":  func(s *Staircase) { s.Reference = "http://x" },
		"--budget":    func(s *Staircase) { s.Budget = time.Second },
	} {
		s := Staircase{Plan: plan(), Blocks: 20}
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one of %s", err, want)
		}
	}
}

func TestForeseen(t *testing.T) {
	p := plan()
	for _, c := range []struct {
		scatter     float64
		asked       float64
		widened, no bool
	}{{.02, .05, false, false}, {.08, .01, true, false}, {.5, .05, true, false}, {5, .05, true, true}} {
		p.Tolerance = c.asked
		f := p.Foreseen(Calibration{Median: 1000, Scatter: c.scatter, Blocks: DefaultBlocks})
		if f.Asked != c.asked || f.Tolerance > c.asked != c.widened || f.Tolerance >= 1 != c.no || f.Sees < f.Tolerance || f.BudgetS != p.budget().Seconds() {
			t.Errorf("a scatter of %v, asked for %v: %+v", c.scatter, c.asked, f)
		}
		if !c.no && (f.Alarms > Alpha || f.Sees >= 1) {
			t.Errorf("a scatter of %v, asked for %v: %+v, want few alarms and some loss seen", c.scatter, c.asked, f)
		}
	}
}
