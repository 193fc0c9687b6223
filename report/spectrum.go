package report

import (
	"math"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// spectrumMax is how many loads the percentile chart shows.
const spectrumMax = 5

// percentileChart opens the tail: latency by percentile at a few loads.
func (r Report) percentileChart() *Chart {
	points := fewOf(r.drawn(), r.landmarks(), spectrumMax)
	label := func(p analyze.Point) string { return Number(p.Load) + "/s" }
	if len(points) == 0 {
		points = []analyze.Point{all(r.Trials)}
		label = func(analyze.Point) string { return "all requests" }
	}
	c := &Chart{ID: "percentiles", Title: "Latency by percentile", Subtitle: "The x axis opens the tail; a line ends where its requests do."}
	most := 0.0
	for _, p := range points {
		most = max(most, float64(p.Histogram.N()))
	}
	if most < 2 {
		return nil
	}
	last := math.Min(1e5, most)
	for x := 0.0; x <= math.Log10(last)+1e-9; x += 0.05 {
		c.Xs = append(c.Xs, math.Pow(10, x))
	}
	colours := []Colour{First, Green, Second, Third, Fourth}
	c.Table.Head = []string{"percentile"}
	for i, p := range points {
		c.Series = append(c.Series, Series{Label: label(p), Colour: colours[i%len(colours)], Width: 1.8, Ys: tail(p.Histogram, c.Xs)})
		c.Table.Head = append(c.Table.Head, label(p))
	}
	c.Table.Rows = percentileRows(points)
	c.X = Axis{Label: "percentile", Unit: Percentile, Log: true, Min: 1, Max: max(10, last)}
	c.Y = latencyAxis(c)
	c.Y.Max = above125(highest(c))
	return c
}

func highest(c *Chart) float64 {
	top := 0.0
	for _, s := range c.Series {
		for _, y := range s.Ys {
			if y > top {
				top = y
			}
		}
	}
	return top
}

// tail reads a histogram at 1/(1−p), absent beyond its last request.
func tail(h attack.Histogram, xs Values) (out Values) {
	for _, x := range xs {
		v := none
		if x <= float64(h.N()) {
			v = attack.MS(h.Quantile(1 - 1/x))
		}
		out = append(out, max(v, 0.001))
	}
	return out
}

func percentileRows(points []analyze.Point) (rows [][]string) {
	for _, q := range []float64{0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1} {
		row := []string{trim(q * 100)}
		for _, p := range points {
			cell := "–"
			if q == 1 || float64(p.Histogram.N())*(1-q) >= 1 {
				cell = Latency(attack.MS(p.Histogram.Quantile(q)))
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return rows
}

// all pools the response times of every trial that was not void.
func all(trials []attack.Measurement) (p analyze.Point) {
	for _, m := range trials {
		if void, _ := m.Void(); void == "" {
			p.Histogram.Add(m.Total().Response)
		}
	}
	return p
}

// landmarks are the loads that a reader looks for, upwards.
func (r Report) landmarks() (out []float64) {
	if l := r.Limit(); l != nil {
		out = append(out, l.Rate)
	}
	if c := r.Capacity(); c != nil {
		for _, e := range []*analyze.Estimate{c.Knee, c.Sustained, c.Breaking} {
			if e != nil {
				out = append(out, e.Value)
			}
		}
	}
	return out
}

// fewOf picks at most n points: the lightest, those nearest to the landmarks, and then an even spread of the rest.
func fewOf(points []analyze.Point, landmarks []float64, n int) (out []analyze.Point) {
	take := map[int]bool{}
	if len(points) > 0 {
		take[0] = true
	}
	for _, l := range landmarks {
		if len(take) < n && len(points) > 0 {
			take[nearest(points, l)] = true
		}
	}
	for k := 0; k < n && len(take) < min(n, len(points)); k++ {
		take[k*(len(points)-1)/max(1, n-1)] = true
	}
	for i, p := range points {
		if take[i] {
			out = append(out, p)
		}
	}
	return out
}

func nearest(points []analyze.Point, load float64) int {
	best := 0
	for i, p := range points {
		if math.Abs(p.Load-load) < math.Abs(points[best].Load-load) {
			best = i
		}
	}
	return best
}
