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

// toldBy makes what the trials of a knee phase hear of a service with a mean response time by share of capacity, which is
// 1000/s, in n answers each: exactly so, but for a scatter.
func toldBy(mean func(rho float64) float64, n, scatter float64) (out []heard) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, f := range kneeLoads {
		rho := f * .98
		out = append(out, heard{load: 1000 * rho, seconds: mean(rho) * (1 + scatter*rng.NormFloat64()), n: n, before: n / 5})
	}
	return out
}

// base is the ground of such a service: its capacity is known to ± 2 %.
func base(mean func(rho float64) float64, cs2 float64) ground {
	return ground{lo: 980, hi: 1020, part: 1, rest: Rest{Mean: seconds(mean(.02)), CS2: cs2}}
}

// M/M/1 has T = s/(1−ρ), so e = ρ/(1−ρ) is 1 at half of capacity; M/D/1 and a network in front move the knee up, and so do
// more servers (A. K. Erlang, 1917).
func TestKneeOfKnownCurves(t *testing.T) {
	for _, row := range []struct {
		name string
		cs2  float64
		mean func(rho float64) float64
		want float64 // share of capacity: argmax ρ/T
	}{
		{"M/M/1", 1, func(r float64) float64 { return .001 / (1 - r) }, .5},
		{"M/M/1 behind a network of its service time", .5, func(r float64) float64 { return .001 + .001/(1-r) }, .5858},
		{"M/D/1", leastCS2, func(r float64) float64 { return .001 * (1 + r/(2*(1-r))) }, .5858},
		{"M/M/8", 1, func(r float64) float64 { return .008 * (1 + erlangWait(8, r)) }, .745},
		{"M/M/64", 1, func(r float64) float64 { return .064 * (1 + erlangWait(64, r)) }, .9},
		{"workers in each other's way, no queue below capacity", .5, func(r float64) float64 { return .02 / (1 - .7*r) }, .7143},
		{"workers of contention .0133 and coherence .00023", .5, func(r float64) float64 { return crowded(.0133, .00023, r) }, .8106},
		{"the same with the queue of M/M/16", 1, func(r float64) float64 { return .016 * (1 + erlangWait(16, r)) / (1 - .4*r) }, .7658},
		{"no queue that Little's law knows", .3, func(r float64) float64 { return .01 * (1 + .5*math.Pow(r, 9)/(1-r)) }, .7215},
	} {
		value, half, ok := base(row.mean, row.cs2).kneeOf(toldBy(row.mean, 1e6, .003))
		if got := value / 1000; !ok || math.Abs(got/row.want-1) > .03 {
			t.Errorf("%s: knee at %.3f of capacity, want %.3f ± 3 %%", row.name, got, row.want)
		}
		if half < leastKneeCI || half > .12 {
			t.Errorf("%s: half width %.3f, want %v to 0.12", row.name, half, leastKneeCI)
		}
	}
}

// crowded is the mean response time under the Universal Scalability Law (N. J. Gunther) where nothing is by chance and the
// capacity is 1000/s: the number n at work is r T, the lesser of the two that there are.
func crowded(contention, coherence, rho float64) float64 {
	long := func(n float64) float64 { return 1 + contention*(n-1) + coherence*n*(n-1) }
	most := math.Sqrt((1 - contention) / coherence)
	lo, hi := 0., most
	for range 60 {
		if n := (lo + hi) / 2; n/long(n) < rho*most/long(most) {
			lo = n
		} else {
			hi = n
		}
	}
	return lo / (1000 * rho)
}

// erlangWait is the mean wait of M/M/c in service times.
func erlangWait(c int, rho float64) float64 {
	a, b := rho*float64(c), 1.
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b)
	}
	return b / (1 - rho*(1-b)) / (float64(c) * (1 - rho))
}

// What little a trial hears counts for little: 60 answers of a queue of one server that happened to be empty do not move
// its knee to where there would be one of many.
func TestKneeOfFewAnswers(t *testing.T) {
	mean := func(r float64) float64 { return .001 / (1 - r) }
	lucky := func(r float64) float64 { return mean(min(r, .3)) }
	few, wide, _ := base(mean, 1).kneeOf(toldBy(lucky, 60, .05))
	many, narrow, _ := base(mean, 1).kneeOf(toldBy(lucky, 1e5, .05))
	if few > 780 || many < 820 || wide <= narrow {
		t.Errorf("knee of M/M/1 at %.0f ± %.0f %% of 1000/s by 60 answers that never waited, at %.0f ± %.0f %% by 100,000: want below 780, above 820, and the first less sure",
			few, 100*wide, many, 100*narrow)
	}
}

func TestKneeIsHonest(t *testing.T) {
	flat := func(float64) float64 { return .01 }
	open := base(flat, 1)
	open.hi = math.Inf(1)
	if value, _, ok := open.kneeOf(toldBy(flat, 1e5, 0)); ok {
		t.Errorf("latency that never rises, no breaking load: knee at %.3f, want none", value)
	}
	if _, _, ok := base(flat, 1).kneeOf(toldBy(flat, 1e5, 0)[:leastHeard-1]); ok {
		t.Errorf("%d points: a knee, want none", leastHeard-1)
	}
	steep := func(r float64) float64 { return .001 / (1 - r) }
	open.rest.Mean = seconds(steep(.02))
	if value, _, ok := open.kneeOf(toldBy(steep, 1e5, 0)); !ok || math.Abs(value/500-1) > .1 {
		t.Errorf("M/M/1 without a breaking load: knee at %.0f/s, want 500/s ± 10 %%", value)
	}
	_, calm, _ := base(steep, 1).kneeOf(toldBy(steep, 1e5, .01))
	_, noisy, _ := base(steep, 1).kneeOf(toldBy(steep, 200, .01))
	if noisy <= calm {
		t.Errorf("half width %.3f of 200 answers, %.3f of 100,000, want it wider", noisy, calm)
	}
}

// A queue from rest has, on average over a time as long as it takes to forget, most of its queue, and all of it in the end.
func TestUnderWay(t *testing.T) {
	if short, long := underWay(0, 1e-4), underWay(100, 200); short > .02 || math.Abs(long-1) > 1e-6 {
		t.Errorf("%.4f of the queue at once and %.6f in the end, want nothing and all", short, long)
	}
	last := 0.
	for to := .01; to < 50; to *= 1.5 {
		if is := underWay(0, to); is <= last || is >= 1 {
			t.Errorf("%.4f of the queue until %.2f, want more than the %.4f before and less than all", is, to, last)
		} else {
			last = is
		}
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
	if math.Abs(share/want-1) > .03 || half < leastCrossingCI*share || len(notes) != 0 {
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
