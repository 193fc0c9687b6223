package report

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// drawnTrials are trials of windows of any length and count.
func drawnTrials(t *rapid.T) (out []attack.Measurement) {
	for n := range rapid.IntRange(1, 6).Draw(t, "trials") {
		m := attack.Measurement{Trial: attack.Trial{N: n + 1, Phase: rapid.SampledFrom([]string{"ramp", "confirm"}).Draw(t, "phase"), Actors: []attack.Actor{{}}}}
		at := time.Duration(0)
		for range rapid.IntRange(1, 8).Draw(t, "windows") {
			w := attack.Window{At: at, Len: time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond}
			w.OK, w.Throttled, w.Failed, w.Unsent = rapid.Int64Range(0, 900).Draw(t, "ok"), rapid.Int64Range(0, 900).Draw(t, "throttled"), rapid.Int64Range(0, 9).Draw(t, "failed"), rapid.Int64Range(0, 9).Draw(t, "unsent")
			w.Due = w.OK + w.Throttled + w.Failed + w.Unsent
			w.Response.RecordN(time.Duration(rapid.IntRange(1, 1e6).Draw(t, "us"))*time.Microsecond, w.OK)
			m.Windows, at = append(m.Windows, w), at+w.Len
		}
		out = append(out, m)
	}
	return out
}

// TestTimelineLosesNothing: whatever the trials and the width of a slot, what was due in all slots is what was due in all
// windows, and the layers of the stack add up to what was offered.
func TestTimelineLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trials := drawnTrials(t)
		line := layOut(trials, rapid.IntRange(1, 50).Draw(t, "slots"))
		var due, want float64
		for _, s := range line.slots {
			due += s.due
			if sum := s.ok + s.throttled + s.shed + s.failed + s.timeout + s.unsent; math.Abs(sum-s.due) > 1e-6 {
				t.Fatalf("outcomes of a slot sum to %v, due %v", sum, s.due)
			}
		}
		for _, m := range trials {
			want += float64(m.All().Due)
		}
		if math.Abs(due-want) > 1e-6*want {
			t.Fatalf("slots hold %v arrivals, windows %v", due, want)
		}
	})
}

func TestHeatLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Report{Trials: drawnTrials(t)}
		c := r.heatChart()
		if c == nil {
			return
		}
		var got, want int64
		for _, column := range c.Heat.Cells {
			for _, n := range column {
				got += n
			}
		}
		for _, m := range r.Trials {
			want += m.All().Response.N()
		}
		if got != want {
			t.Fatalf("cells hold %d requests, histograms %d", got, want)
		}
	})
}

// TestLabelsNeverTouch: wherever markers stand, the labels that are placed touch neither one another nor the edge.
func TestLabelsNeverTouch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bounds := vg.Rectangle{Max: vg.Point{X: vg.Length(rapid.IntRange(120, 800).Draw(t, "width")), Y: 300}}
		var labels []label
		var xs []vg.Length
		for range rapid.IntRange(1, 6).Draw(t, "labels") {
			m := Marker{Label: rapid.StringMatching(`[a-z]{3,10} [0-9],[0-9]{3}`).Draw(t, "label"), Colour: Teal}
			if rapid.Bool().Draw(t, "sub") {
				m.Sub = "1,690 – 1,830"
			}
			labels = append(labels, m.label())
			xs = append(xs, vg.Length(rapid.Float64Range(0, float64(bounds.Max.X)).Draw(t, "x")))
		}
		placed := place(labels, xs, bounds, nil)
		for i, a := range placed {
			if a.at.Min.X < bounds.Min.X || a.at.Max.X > bounds.Max.X || a.at.Min.Y < bounds.Min.Y || a.at.Max.Y > bounds.Max.Y {
				t.Fatalf("label %v lies at %v, out of %v", a.lines, a.at, bounds)
			}
			for _, b := range placed[:i] {
				if touch(a.at, b.at) {
					t.Fatalf("labels %v at %v and %v at %v touch", a.lines, a.at, b.lines, b.at)
				}
			}
		}
		if bounds.Max.X > 400 && len(placed) < min(len(labels), 4) {
			t.Fatalf("%d of %d labels placed, want at least 4: there was room", len(placed), len(labels))
		}
	})
}

// TestLineEndsNeverTouch: names at the lines' ends keep their order and their distance, and stay inside if they fit.
func TestLineEndsNeverTouch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const tall, lo, hi = 12, 0, 200
		var middles []vg.Length
		for range rapid.IntRange(1, 8).Draw(t, "lines") {
			middles = append(middles, vg.Length(rapid.Float64Range(lo, hi).Draw(t, "y")))
		}
		got := spread(middles, tall, lo, hi)
		for i, a := range got {
			if a < lo+tall/2-1e-6 || a > hi-tall/2+1e-6 {
				t.Fatalf("label at %v of %v, out of %d..%d", a, got, lo, hi)
			}
			for j, b := range got[:i] {
				if math.Abs(float64(a-b)) < tall-1e-6 {
					t.Fatalf("labels at %v and %v touch", a, b)
				}
				if (middles[i] < middles[j]) != (a < b) && middles[i] != middles[j] {
					t.Fatalf("labels at %v and %v changed places, lines end at %v and %v", a, b, middles[i], middles[j])
				}
			}
		}
	})
}

func TestTicks(t *testing.T) {
	for _, row := range []struct {
		axis Axis
		n    int
		want []float64
	}{
		{Axis{Max: 2500}, 10, []float64{0, 250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2250, 2500}},
		{Axis{Max: 7}, 6, []float64{0, 2, 4, 6}},
		{Axis{Log: true, Min: 5, Max: 100}, 3, []float64{5, 10, 20, 50, 100}},
		{Axis{Log: true, Min: 5, Max: 2000}, 3, []float64{10, 100, 1000}},
		{Axis{Log: true, Min: 0.01, Max: 1e5}, 6, []float64{.01, .1, 1, 10, 100, 1000, 1e4, 1e5}},
	} {
		got := row.axis.ticks(row.n)
		if len(got) != len(row.want) {
			t.Errorf("ticks of %+v = %v, want %v", row.axis, got, row.want)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-row.want[i]) > 1e-9*row.want[i] {
				t.Errorf("ticks of %+v = %v, want %v", row.axis, got, row.want)
			}
		}
	}
}

func Test125(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := math.Pow(10, rapid.Float64Range(-4, 6).Draw(t, "exponent"))
		if lo, hi := below125(v), above125(v); lo > v*(1+1e-9) || hi < v*(1-1e-9) || hi/lo > 2.6 {
			t.Fatalf("%v lies between %v and %v, want the nearest of 1, 2, 5", v, lo, hi)
		}
	})
}

func TestAnOverloadHeldTooShortTellsNoRateOfAnswers(t *testing.T) {
	p := analyze.Point{Load: 700, Achieved: 570, Class: analyze.Overloaded, Seconds: 3}
	if got := answered(p); got != 570 {
		t.Errorf("answered over 3 s of overload = %v, want 570", got)
	}
	if p.Seconds = 1; !math.IsNaN(answered(p)) {
		t.Errorf("answered over one second of overload = %v, want it absent", answered(p))
	}
	if p.Class = analyze.Sustained; answered(p) != 570 {
		t.Errorf("answered over one second of a sustained load = %v, want 570", answered(p))
	}
}

func TestTheCurveLeavesOutWhatTellsLittle(t *testing.T) {
	point := func(load float64, n int64, class analyze.Class) analyze.Point {
		return analyze.Point{Load: load, Class: class, Response: &attack.Quantiles{N: n, P50: 1, P95: 2, P99: 3}}
	}
	points := []analyze.Point{point(50, 39, analyze.Sustained), point(100, 500, analyze.Sustained), point(300, 500, analyze.Sustained), point(500, 500, analyze.Sustained),
		point(700, 2800, analyze.Sustained), point(702, 370, analyze.Sustained), point(760, 2800, analyze.Overloaded), point(1520, 800, analyze.Overloaded)}
	r := Report{Capacities: []analyze.Capacity{{Points: points, Breaking: &analyze.Estimate{Value: 760}}}}
	var got []float64
	for _, p := range r.drawn() {
		got = append(got, p.Load)
	}
	if want := []float64{100, 300, 500, 700, 760}; !slices.Equal(got, want) {
		t.Errorf("drawn are %v, want %v: 50 has too few requests, 702 a better neighbour, 1520 lies beyond reach", got, want)
	}
	r.Capacities[0].Points = points[:3]
	if got := len(r.drawn()); got != 3 {
		t.Errorf("of three points %d are drawn, want all: there is nothing better", got)
	}
}

// TestChartsOfEveryRun: values have as many places as the x axis, axes hold what is drawn on them, and log axes are above 0.
func TestChartsOfEveryRun(t *testing.T) {
	for name, entries := range fixtures() {
		for _, c := range Fold(entries).Charts() {
			if c.X.Max <= c.X.Min || c.Y.Max <= c.Y.Min || c.Y.Log && c.Y.Min <= 0 || c.X.Log && c.X.Min <= 0 {
				t.Errorf("%s %s: axes %+v and %+v", name, c.ID, c.X, c.Y)
			}
			for _, s := range c.Series {
				if len(s.Ys) != len(c.Xs) {
					t.Errorf("%s %s: %d values of %s for %d places", name, c.ID, len(s.Ys), s.Label, len(c.Xs))
				}
				for _, y := range s.Ys {
					if y > c.Y.Max*1.0001 || c.Y.Log && y < c.Y.Min*0.9999 {
						t.Errorf("%s %s: %s reaches %v, the axis goes from %v to %v", name, c.ID, s.Label, y, c.Y.Min, c.Y.Max)
					}
				}
			}
			if _, err := json.Marshal(c); err != nil {
				t.Errorf("%s %s: %v", name, c.ID, err)
			}
		}
	}
}

// TestMarkersStandWhereTheNumbersAre looks for the marker's colour in the picture, at the place that the model gives.
func TestMarkersStandWhereTheNumbersAre(t *testing.T) {
	if testing.Short() {
		t.Skip("looks at each of 1.6 million pixels, in one goroutine: run without -short")
	}
	var b bytes.Buffer
	r := Fold(whole())
	if ok, err := CapacityPNG(&b, r); !ok || err != nil {
		t.Fatalf("CapacityPNG = %v, %v", ok, err)
	}
	c := r.latencyChart()
	columns := map[Colour]float64{} // where each colour's line stands, in pixels
	pixels := shadesIn(t, b.Bytes(), false, []Colour{Red, Teal})
	for _, colour := range []Colour{Red, Teal} {
		columns[colour] = columnOf(t, func(x, y int) bool { return pixels[1600*y+x] == colour })
	}
	// Two markers give the scale; the axis gives the same one.
	knee, breaks := r.Capacity().Knee.Value, r.Capacity().Breaking.Value
	perLoad := (columns[Red] - columns[Teal]) / (breaks - knee)
	left := columns[Teal] - knee*perLoad
	if right := left + c.X.Max*perLoad; left < 60 || left > 180 || right < 1400 || right > 1560 {
		t.Errorf("knee at %v and breaking load at %v put the axis from %v to %v pixels", columns[Teal], columns[Red], left, right)
	}
}

// columnOf is the column with the most pixels that hit, and at least 300 of them.
func columnOf(t *testing.T, hit func(x, y int) bool) float64 {
	t.Helper()
	best, most := 0, 0
	for x := range 1600 {
		n := 0
		for y := range 1000 {
			if hit(x, y) {
				n++
			}
		}
		if n > most {
			best, most = x, n
		}
	}
	if most < 300 {
		t.Fatalf("the marker's line has %d pixels, want it from top to bottom", most)
	}
	return float64(best)
}

// A run that advises one limit and proves another must not let the second pass for the first.
func TestAProvenLimitThatIsNotTheAdvisedOneIsNamed(t *testing.T) {
	r := Report{Run: journal.Run{Title: "shop", Limit: &limits.Limit{Rate: 500, Burst: 50}},
		Limits: &limits.Recommendation{Limit: limits.Limit{Rate: 564, Burst: 247}},
		Storms: []Storm{{Verdict: scenarios.Verdict{Scenario: "steady", Outcome: scenarios.Pass, Checks: []scenarios.Check{{ID: "V01", Outcome: scenarios.Pass}}}}}}
	if got := r.Tiles()[3].Detail; !strings.Contains(got, "at 500/s and burst 50") {
		t.Errorf("the tile says %q, want the limit that was proven in it", got)
	}
	if got := r.Headline(); got != "shop bears 564 requests a second; its throttle holds the 500 it is set to" {
		t.Errorf("the headline is %q", got)
	}
}
