package report

import (
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/analyze"
)

// sideColours tell runs apart, in both themes and in print.
var sideColours = [SidesMax]Colour{First, Third, Green, Fourth, Second, Teal}

// Charts are the curves of all runs that have one, over one another; none when fewer than two have.
func (c Comparison) Charts() (out []Chart) {
	var curves [][]analyze.Point
	n := 0
	for _, s := range c.Sides {
		points := s.drawn()
		curves = append(curves, points)
		if len(points) > 1 {
			n++
		}
	}
	if n < 2 {
		return nil
	}
	xs := loadsOf(curves)
	latency := &Chart{ID: "latency", Title: "Latency against offered rate, run by run", Subtitle: "p99 with dots, p50 dashed. Shaded: where each run's target broke, with its interval.", Sync: "rate", Xs: xs, Markers: c.markers()}
	served := &Chart{ID: "served", Title: "Answered well while the load was held", Subtitle: "Of what was offered.", Sync: "rate", Small: true, Xs: xs, Markers: c.markers()}
	for i, points := range curves {
		name, colour := c.Sides[i].Name, sideColours[i]
		latency.Series = append(latency.Series,
			Series{Label: name + " p99", Colour: colour, Width: 2.2, Dots: true, Span: true, Ys: along(xs, points, func(p analyze.Point) float64 { return high(p.Response) })},
			Series{Label: name + " p50", Colour: colour, Width: 1.3, Dashed: true, Span: true, Ys: along(xs, points, func(p analyze.Point) float64 { return p.Response.P50 })})
		served.Series = append(served.Series, Series{Label: name, Colour: colour, Width: 1.8, Span: true, Ys: along(xs, points, answered)})
	}
	served.Series = append(served.Series, Series{Label: "offered", Colour: Mute, Width: 1.1, Dashed: true, Ys: slices.Clone(xs)})
	if g := c.Sides[0].goalMarkers(); g != nil && c.oneGoal() {
		latency.Markers = append(latency.Markers, g...)
	}
	latency.X, latency.Y = rateAxis(latency), latencyAxis(latency)
	latency.Table = c.curvesTable(curves)
	served.X = rateAxis(served)
	served.Y = Axis{Unit: PerSecond, Max: roundUp(max(served.X.Max, highest(served)), 3)}
	served.Table = latency.Table
	for i := range served.Markers {
		served.Markers[i].Label, served.Markers[i].Sub = "", ""
	}
	return []Chart{*latency, *served}
}

// oneGoal tells whether all runs were held to the same goal.
func (c Comparison) oneGoal() bool {
	for _, s := range c.Sides {
		if a, b := c.Sides[0].goal(), s.goal(); b == nil || *a != *b {
			return false
		}
	}
	return true
}

// loadsOf are all loads of all curves, upwards, each once.
func loadsOf(curves [][]analyze.Point) (xs Values) {
	for _, points := range curves {
		for _, p := range points {
			xs = append(xs, p.Load)
		}
	}
	slices.Sort(xs)
	return slices.Compact(xs)
}

// along are the values of a curve at the loads that it has, absent at the others.
func along(xs Values, points []analyze.Point, of func(analyze.Point) float64) Values {
	out := make(Values, len(xs))
	for i := range out {
		out[i] = math.NaN()
	}
	for _, p := range points {
		i, _ := slices.BinarySearch(xs, p.Load)
		out[i] = of(p)
	}
	return out
}

// markers stand where the targets broke.
func (c Comparison) markers() (out []Marker) {
	for i, s := range c.Sides {
		k := s.Capacity()
		if k == nil || k.Breaking == nil {
			continue
		}
		m := Marker{At: k.Breaking.Value, Label: s.Name + " " + Number(k.Breaking.Value), Colour: sideColours[i]}
		if k.Breaking.Hi > k.Breaking.Lo {
			m.Lo, m.Hi, m.Sub = k.Breaking.Lo, k.Breaking.Hi, Number(k.Breaking.Lo)+" – "+Number(k.Breaking.Hi)
		}
		out = append(out, m)
	}
	return out
}

func (c Comparison) curvesTable(curves [][]analyze.Point) Table {
	t := Table{Head: []string{"run", "offered /s", "ok done /s", "p50", "p95", "p99", "failed", "seconds", "class"}, Foot: okDone + " " + few}
	for i, points := range curves {
		for _, row := range curveTable(points).Rows {
			t.Rows = append(t.Rows, []string{c.Sides[i].Name, row[0], row[1], row[2], row[3], row[4], row[8], row[10], row[11]})
		}
	}
	return t
}
