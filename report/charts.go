package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Charts are all pictures that the report can honestly show, in the order of the page.
func (r Report) Charts() []Chart { return r.charts(r.refused(), r.stormViews()) }

func (r Report) charts(refused refusals, storms []stormView) (out []Chart) {
	for _, c := range []*Chart{r.latencyChart(), r.servedChart(), r.endpointChart(), r.timelineChart(), r.sightChart(), refused.chart(), r.percentileChart(), r.heatChart()} {
		if c != nil {
			out = append(out, *c)
		}
	}
	out = append(out, r.identityHeats()...)
	for _, v := range storms {
		if v.Chart != nil {
			out = append(out, *v.Chart)
		}
	}
	return out
}

// points are the loads of the curve, void ones left out. Without a capacity, loads that trials held are shown unjudged.
func (r Report) points() (out []analyze.Point) {
	var all []analyze.Point
	switch c := r.Capacity(); {
	case c != nil:
		all = c.Points
	case len(r.Storms) == 0 && r.Command() != "identify": // whose loads try the limiter, and no curve
		all = pooled(r.Trials)
	}
	for _, p := range all {
		if p.Class != analyze.Void && p.Response != nil {
			out = append(out, p)
		}
	}
	return out
}

// What a load must have to be drawn: requests enough for a p95, a place within reach of the breaking load, and no better
// measured load beside it. The tables hold every load.
const (
	drawnRequests = 40
	drawnReach    = 1.35 // × the breaking load: beyond, there are only the ramp's short probes
	drawnApart    = 0.03 // of the load
	drawnLeast    = 5    // with fewer left, all are drawn
)

// drawn are the points that make a curve.
func (r Report) drawn() []analyze.Point {
	all := r.points()
	reach := math.Inf(1)
	if c := r.Capacity(); c != nil && c.Breaking != nil {
		reach = c.Breaking.Value * drawnReach
	}
	var out []analyze.Point
	for _, p := range all {
		if p.Response.N < drawnRequests || p.Load > reach {
			continue
		}
		if n := len(out); n > 0 && p.Load < out[n-1].Load*(1+drawnApart) {
			if p.Response.N > out[n-1].Response.N {
				out[n-1] = p
			}
			continue
		}
		out = append(out, p)
	}
	if len(out) < drawnLeast {
		return all
	}
	return out
}

// pooled are the loads of the trials, judged by nobody.
func pooled(trials []attack.Measurement) (out []analyze.Point) {
	byLoad := map[float64]*attack.Window{}
	var loads []float64
	for _, m := range trials {
		if void, _ := m.Void(); void != "" || m.Trial.Serial != nil {
			continue
		}
		load := m.Trial.Load()
		if byLoad[load] == nil {
			byLoad[load] = &attack.Window{}
			loads = append(loads, load)
		}
		total, seconds := m.Total(), byLoad[load].Len+m.Total().Len
		byLoad[load].Add(total)
		byLoad[load].Len = seconds
	}
	slices.Sort(loads)
	for _, load := range loads {
		w := byLoad[load]
		if s := w.Len.Seconds(); s > 0 {
			out = append(out, analyze.Point{Load: load, Seconds: s, Achieved: float64(w.OK) / s, Counts: w.Counts, Response: w.Response.Quantiles(), Histogram: w.Response})
		}
	}
	return out
}

// latencyChart is the curve that the first screen shows, nil with fewer than two loads.
func (r Report) latencyChart() *Chart {
	points := r.drawn()
	if len(points) < 2 {
		return nil
	}
	c := &Chart{ID: "latency", Title: "Latency against offered rate", Sync: "rate",
		Subtitle: "Response time from the moment a request was due." + r.shading(points) + beyond(points), Table: curveTable(points)}
	pick := func(f func(analyze.Point) float64) (v Values) {
		for _, p := range points {
			v = append(v, f(p))
		}
		return v
	}
	c.Xs = pick(func(p analyze.Point) float64 { return p.Load })
	c.Series = []Series{
		{Label: "p50", Colour: First, Width: 1.8, Dots: true, Ys: pick(func(p analyze.Point) float64 { return p.Response.P50 })},
		{Label: "p95", Colour: Second, Width: 1.8, Dots: true, Ys: pick(func(p analyze.Point) float64 { return p.Response.P95 })},
		{Label: "p99", Colour: Third, Width: 2.4, Dots: true, Span: true, Ys: pick(func(p analyze.Point) float64 { return high(p.Response) })}}
	if far := pick(func(p analyze.Point) float64 { return rare(p.Response) }); present(far) > 1 {
		c.Series = append(c.Series, Series{Label: "p99.9", Colour: Fourth, Width: 1.4, Dashed: true, Ys: far})
	}
	if band := p99Band(points); band != nil {
		c.Bands = append(c.Bands, *band)
	}
	c.Markers = append(r.loadMarkers(), r.goalMarkers()...)
	c.X = rateAxis(c)
	c.Y = latencyAxis(c)
	return c
}

// present is the number of values that are there.
func present(v Values) (n int) {
	for _, x := range v {
		if !math.IsNaN(x) {
			n++
		}
	}
	return n
}

// high is the p99 where at least one request lies beyond it, absent elsewhere.
func high(q *attack.Quantiles) float64 {
	if q.N < 100 {
		return none
	}
	return q.P99
}

// rare is the p99.9 where at least ten requests lie beyond it, absent elsewhere.
func rare(q *attack.Quantiles) float64 {
	if q.N < 10_000 {
		return none
	}
	return q.P999
}

func p99Band(points []analyze.Point) *Band {
	b := &Band{Label: "p99, 90 % interval", Colour: Third}
	known := 0
	for _, p := range points {
		lo, hi := none, none
		if p.P99Hi > p.P99Lo && p.P99Lo > 0 {
			lo, hi = p.P99Lo, p.P99Hi
			known++
		}
		b.Lo, b.Hi = append(b.Lo, lo), append(b.Hi, hi)
	}
	if known < 2 {
		return nil
	}
	return b
}

// shading says in words what the shaded areas are.
func (r Report) shading(points []analyze.Point) string {
	var parts []string
	if p99Band(points) != nil {
		parts = append(parts, "of p99")
	}
	for _, m := range r.loadMarkers() {
		if m.Hi > m.Lo {
			parts = append(parts, "of the "+map[Colour]string{Teal: "knee", Red: "breaking load", Violet: "limiter", Green: "sustained load"}[m.Colour])
		}
	}
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return " Shaded: the interval " + parts[0] + "."
	}
	return " Shaded: the intervals " + strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1] + "."
}

// beyond warns where the curve has loads that no queue settles at.
func beyond(points []analyze.Point) string {
	if slices.ContainsFunc(points, func(p analyze.Point) bool { return p.Class == analyze.Overloaded }) {
		return " Overloaded, latency only tells how long the load was held."
	}
	return ""
}

// loadMarkers stand where the loads lie that the report names.
func (r Report) loadMarkers() (out []Marker) {
	add := func(e *analyze.Estimate, word string, colour Colour) {
		if e != nil {
			m := Marker{At: e.Value, Lo: e.Lo, Hi: e.Hi, Label: word + " " + Number(e.Value), Colour: colour}
			if e.Hi > e.Lo {
				m.Sub = Number(e.Lo) + " – " + Number(e.Hi)
			} else {
				m.Lo, m.Hi = 0, 0
			}
			out = append(out, m)
		}
	}
	c := r.Capacity()
	if l := r.Limit(); l != nil {
		m := Marker{At: l.Rate, Label: "limit " + Number(l.Rate), Colour: Green, Dashed: true}
		if r.Limits != nil {
			m.Sub = "margin " + round(r.Limits.Margin)
		}
		out = append(out, m)
	}
	if c == nil {
		return out
	}
	add(c.Knee, "knee", Teal)
	add(c.Breaking, "breaks", Red)
	add(c.Limiter, "limiter", Violet)
	if c.Breaking == nil {
		add(c.Sustained, "sustained", Green)
	}
	return out
}

func (r Report) goalMarkers() []Marker {
	g := r.goal()
	if g == nil {
		return nil
	}
	return []Marker{{OnY: true, At: attack.MS(g.Max), Label: fmt.Sprintf("goal: p%s under %s", trim(g.Quantile*100), Latency(attack.MS(g.Max))), Colour: Mute, Dashed: true}}
}

// trim is a number without zeros at its end.
func trim(v float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.4f", v), "0"), ".")
}

// rateAxis goes from 0 past the highest load and the highest marker.
func rateAxis(c *Chart) Axis {
	top := c.Xs[len(c.Xs)-1]
	for _, m := range c.Markers {
		if !m.OnY {
			top = max(top, m.At, m.Hi)
		}
	}
	return Axis{Label: "offered rate, requests a second", Unit: PerSecond, Max: max(top*1.02, roundUp(top, 40))}
}

// latencyAxis holds all series and the goal, with headroom for the markers' labels.
func latencyAxis(c *Chart) Axis {
	lo, hi := math.Inf(1), 0.0
	see := func(v float64) {
		if v > 0 && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	for _, s := range c.Series {
		for _, y := range s.Ys {
			see(y)
		}
	}
	for _, b := range c.Bands {
		for _, y := range b.Hi {
			see(y)
		}
	}
	for _, m := range c.Markers {
		if m.OnY {
			see(m.At)
		}
	}
	if hi == 0 {
		lo, hi = 1, 10
	}
	return Axis{Unit: Millis, Log: true, Min: below125(lo * 0.9), Max: above125(hi * math.Pow(hi/lo, 0.16) * 1.2)}
}

// servedChart is how fast the target answered what was offered, to stand beneath the latency.
func (r Report) servedChart() *Chart {
	points := r.drawn()
	if len(points) < 2 {
		return nil
	}
	c := &Chart{ID: "served", Title: "Answered well while the load was held, of what was offered", Subtitle: "Where the line leaves the dashed one, requests were refused, failed or piled up.", Sync: "rate", Small: true, Table: curveTable(points)}
	offered, served := Series{Label: "offered", Colour: Mute, Width: 1.2, Dashed: true}, Series{Label: "ok", Colour: Green, Width: 2}
	for _, p := range points {
		c.Xs = append(c.Xs, p.Load)
		offered.Ys, served.Ys = append(offered.Ys, p.Load), append(served.Ys, answered(p))
	}
	c.Series = []Series{served, offered}
	c.Markers = r.loadMarkers()
	c.X = rateAxis(c)
	c.Y = Axis{Unit: PerSecond, Max: roundUp(max(c.X.Max, highest(c)), 3)}
	for i := range c.Markers {
		c.Markers[i].Label, c.Markers[i].Sub = "", "" // the chart above names them
	}
	return c
}

// answered is the rate of answers at a load, absent where an overload was held too short to tell.
func answered(p analyze.Point) float64 {
	if p.Class == analyze.Overloaded && p.Seconds < answeredOver {
		return none
	}
	return p.Achieved
}

// answeredOver is the shortest time, in seconds, over which a rate of answers says something: below it, the answers still
// on their way weigh more than the target's pace.
const answeredOver = 2

func curveTable(points []analyze.Point) Table {
	t := Table{Head: []string{"offered /s", "ok done /s", "p50", "p95", "p99", "p99 interval", "p99.9", "mean", "failed", "throttled", "seconds", "class", "answers"}, Foot: okDone + " " + few}
	for _, p := range points {
		q, doubt := quantiles(p.Response), "–"
		if p.P99Hi > p.P99Lo {
			doubt = Latency(p.P99Lo) + " – " + Latency(p.P99Hi)
		}
		class := string(p.Class)
		if class == "" {
			class = "not judged"
		}
		t.Rows = append(t.Rows, []string{Number(p.Load), Number(p.Achieved), q[0], q[1], q[2], doubt, q[3], Latency(p.Response.Mean),
			Percent(broken(p.Counts)), Percent(share(p.Counts.Throttled, p.Counts.Due)), Number(p.Seconds), class, count(p.Response.N)})
	}
	return t
}
