package analyze_test

import "context"
import (
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// kneeTruth is argmax load/mean of a long run.
func kneeTruth(t testing.TB, target sim.Target) float64 {
	var x, y []float64
	for f := .46; f < .99; f += .04 {
		load := f * target.Capacity()
		n := 60000.
		order := attack.Trial{N: 1, Seed: uint64(f * 100), Warmup: time.Duration(.1 * n / load * 1e9), Actors: []attack.Actor{{Schedule: attack.Constant(load, time.Duration(n/load*1e9), attack.Poisson)}}}
		m, err := sim.New(target, 99).Run(context.Background(), order, nil)
		if err != nil {
			t.Fatal(err)
		}
		x = append(x, f)
		y = append(y, math.Log(f)-math.Log(m.Total().Response.Mean().Seconds()))
	}
	// least squares parabola around the best
	bi := 0
	for i := range y {
		if y[i] > y[bi] {
			bi = i
		}
	}
	bi = min(max(bi, 1), len(y)-2)
	x0, x1, x2, y0, y1, y2 := x[bi-1], x[bi], x[bi+1], y[bi-1], y[bi], y[bi+1]
	den := (x0 - x1) * (x0 - x2) * (x1 - x2)
	a := (x2*(y1-y0) + x1*(y0-y2) + x0*(y2-y1)) / den
	b := (x2*x2*(y0-y1) + x1*x1*(y2-y0) + x0*x0*(y1-y2)) / den
	if a >= 0 {
		return x1 * target.Capacity()
	}
	return max(x0, min(x2, -b/(2*a))) * target.Capacity()
}

func TestDbgKnee(t *testing.T) {
	var off, cov sample
	for seed := uint64(0); seed < 50; seed += 2 {
		capacity := 400 * math.Pow(1500./400, float64(seed)/49)
		target := demoTarget(capacity, 8+int(seed%9))
		truth := kneeTruth(t, target)
		f := search(t, analyze.Plan{Budget: 45 * time.Second, Seed: seed}, sim.New(target, seed))
		if f.Knee == nil || f.Critical == nil {
			t.Logf("seed %d no knee %v", seed, f.Notes)
			continue
		}
		off = append(off, math.Abs(f.Knee.Value/truth-1))
		c := 0.
		if f.Knee.Lo <= truth && truth <= f.Knee.Hi {
			c = 1
		}
		cov = append(cov, c)
		t.Logf("seed %d c=%d true knee %.3f C; est %.3f [%.3f %.3f] critical %.3f took %.1f", seed, target.Servers, truth/capacity, f.Knee.Value/truth, f.Knee.Lo/truth, f.Knee.Hi/truth, f.Critical.Value/capacity, f.took.Seconds())
	}
	s := 0.
	for _, c := range cov {
		s += c
	}
	t.Logf("knee err med %.1f%% p90 %.1f%% cover %.0f%% of %d", 100*off.at(.5), 100*off.at(.9), 100*s/float64(len(cov)), len(cov))
}
