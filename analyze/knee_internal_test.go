package analyze

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/attack"
)

// curveOf makes the points of a knee phase from a mean response time by share of capacity, which is 1.05 L, without
// noise but for a scatter of the blocks.
func curveOf(mean func(rho float64) float64, scatter float64) []kneePoint {
	rng := rand.New(rand.NewPCG(1, 1))
	var ps []kneePoint
	for _, f := range kneeLoads {
		p := kneePoint{share: f}
		for i := range p.blocks {
			long := mean(f/1.05) * (1 + scatter*rng.NormFloat64())
			p.blocks[i] = attack.Tick{OK: 1000, Response: time.Duration(1000 * long * float64(time.Second))}
		}
		ps = append(ps, p)
	}
	return ps
}

// M/M/1 has T = s/(1−ρ), so e = ρ/(1−ρ) is 1 at half of capacity; M/D/1 and a network in front move the knee up.
func TestKneeOfKnownCurves(t *testing.T) {
	for _, row := range []struct {
		name string
		mean func(rho float64) float64
		want float64 // share of capacity: argmax ρ/T
	}{
		{"M/M/1", func(r float64) float64 { return .01 / (1 - r) }, .5},
		{"M/M/1 behind a network of its service time", func(r float64) float64 { return .01 + .01/(1-r) }, .5858},
		{"M/D/1", func(r float64) float64 { return .01 * (1 + r/(2*(1-r))) }, .5858},
		{"many servers", func(r float64) float64 { return .01 * (1 + .1*math.Pow(r, 9)/(1-r)) }, .802},
	} {
		value, half, ok := kneeOf(curveOf(row.mean, .01), 1.05, 1)
		got := value / 1.05
		if !ok || math.Abs(got/row.want-1) > .05 {
			t.Errorf("%s: knee at %.3f of capacity, want %.3f ± 5 %%", row.name, got, row.want)
		}
		if half < leastKneeCI*value || half > .2*value {
			t.Errorf("%s: half width %.3f of %.3f, want 5 %% at least and no more than 20 %%", row.name, half, value)
		}
	}
}

func TestKneeIsHonest(t *testing.T) {
	flat := func(float64) float64 { return .01 }
	if value, _, ok := kneeOf(curveOf(flat, 0), math.Inf(1), 1); ok {
		t.Errorf("latency that never rises, no breaking load: knee at %.3f, want none", value)
	}
	if _, _, ok := kneeOf(curveOf(flat, 0)[:leastPoints-1], 1.05, 1); ok {
		t.Errorf("%d points: a knee, want none", leastPoints-1)
	}
	steep := func(r float64) float64 { return .01 / (1 - r) }
	_, calm, _ := kneeOf(curveOf(steep, .01), 1.05, 1)
	_, noisy, _ := kneeOf(curveOf(steep, .3), 1.05, 1)
	if noisy <= calm {
		t.Errorf("half width %.3f with scatter 0.3, %.3f with 0.01, want it wider", noisy, calm)
	}
	a, x, _ := kneeOf(curveOf(steep, .1), 1.05, 9)
	b, y, _ := kneeOf(curveOf(steep, .1), 1.05, 9)
	if a != b || x != y {
		t.Errorf("the same seed gives %v ± %v and %v ± %v", a, x, b, y)
	}
}

func TestCriticalLoad(t *testing.T) {
	var ps []kneePoint
	for _, f := range kneeLoads {
		p := kneePoint{share: f}
		p.h.RecordN(time.Duration(float64(10*time.Millisecond)/(1-f)), 2000)
		ps = append(ps, p)
	}
	share, half, notes := criticalOf(ps, 1)
	// The base is 1/(1−0.1); its multiples 1.5, 2, 3, 5 and 10 are reached at 1 − 0.9/k.
	want := math.Pow(.4*.55*.7*.82*.91, 1./5)
	if math.Abs(share/want-1) > .03 || half < leastKneeCI*share || len(notes) != 0 {
		t.Errorf("critical load at %.3f ± %.3f of L with notes %v, want %.3f ± 3 %%", share, half, notes, want)
	}
	for i := range ps {
		ps[i].h = attack.Histogram{}
		ps[i].h.RecordN(10*time.Millisecond, 250)
	}
	if share, _, notes := criticalOf(ps, 1); share != 1 || len(notes) != 1 || notes[0].Code != "quantile" {
		t.Errorf("250 equal requests: %.3f of L with notes %v, want L and a note that p90 stood in", share, notes)
	}
}

func TestIsotonic(t *testing.T) {
	got := isotonic([]float64{1, 3, 2, 4}, []float64{1, 1, 1, 1})
	if want := []float64{1, 2.5, 2.5, 4}; !slices.Equal(got, want) {
		t.Errorf("isotonic(1, 3, 2, 4) = %v, want %v", got, want)
	}
	rapid.Check(t, func(rt *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-100, 100), 1, 20).Draw(rt, "y")
		w := rapid.SliceOfN(rapid.Float64Range(.1, 10), len(y), len(y)).Draw(rt, "w")
		z := isotonic(y, w)
		before, after := 0., 0.
		for i := range y {
			before, after = before+w[i]*y[i], after+w[i]*z[i]
		}
		if !slices.IsSorted(z) || len(z) != len(y) || math.Abs(before-after) > 1e-6*(1+math.Abs(before)) {
			rt.Fatalf("isotonic(%v, %v) = %v: want it sorted, with the same weighted sum", y, w, z)
		}
		if slices.IsSorted(y) && !slices.Equal(y, z) {
			rt.Fatalf("isotonic(%v) = %v, want a sorted sequence left alone", y, z)
		}
	})
}

func TestQuantileInterval(t *testing.T) {
	var h attack.Histogram
	for i := range 2000 {
		h.Record(time.Duration(i+1) * time.Millisecond)
	}
	lo, hi, ok := quantileInterval(h, .99)
	if want := 1.645 * math.Sqrt(2000*.99*.01); !ok || math.Abs(lo.Seconds()*1e3-(1980-want)) > 4 || math.Abs(hi.Seconds()*1e3-(1980+want)) > 4 {
		t.Errorf("p99 of 1 … 2000 ms within %v and %v, want 1980 ± %.1f ms", lo, hi, want)
	}
	var few attack.Histogram
	few.RecordN(time.Millisecond, 100)
	if lo, hi, ok := quantileInterval(few, .99); ok {
		t.Errorf("p99 of 100 values within %v and %v, want no interval", lo, hi)
	}
}

// The in-flight cap of DESIGN §4: clamp(20 × rate × p99 at rest, 64, min(4 s × rate, 20,000)), and what the user allows.
func TestFlight(t *testing.T) {
	for _, row := range []struct {
		load float64
		p99  time.Duration
		most int
		want int
	}{
		{1000, 20 * time.Millisecond, 20_000, 400},
		{10, 20 * time.Millisecond, 20_000, 64},
		{1000, time.Second, 20_000, 4000},
		{50_000, time.Second, 20_000, 20_000},
		{1000, 20 * time.Millisecond, 100, 100},
	} {
		s := &search{plan: Plan{MaxInFlight: row.most}, rest: Rest{P99: row.p99}}
		if got := s.flight(row.load); got != row.want {
			t.Errorf("%.0f/s with a p99 of %v, at most %d: %d in flight, want %d", row.load, row.p99, row.most, got, row.want)
		}
	}
}
