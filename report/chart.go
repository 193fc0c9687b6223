package report

import (
	"encoding/json"
	"math"
	"strconv"
)

// Chart is one picture as numbers and words, neutral about who draws it: the page (uPlot) and the PNG (gonum/plot) draw
// the same Chart, so that they agree.
type Chart struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Subtitle string   `json:"subtitle"`
	X        Axis     `json:"x"`
	Y        Axis     `json:"y"`
	Xs       Values   `json:"xs"`
	Series   []Series `json:"series"` // stacked ones first, from the bottom up
	Bands    []Band   `json:"bands,omitempty"`
	Markers  []Marker `json:"markers,omitempty"`
	Phases   []Phase  `json:"phases,omitempty"`
	Heat     *Heat    `json:"heat,omitempty"`
	Sync     string   `json:"sync,omitempty"` // charts of one name share their cursor
	Small    bool     `json:"small,omitempty"`
	Step     bool     `json:"step,omitempty"` // a value holds until the next x; the last x only ends the one before
	Table    Table    `json:"-"`
}

// Unit says how the numbers of an axis or a series are written.
type Unit string

const (
	PerSecond  Unit = "rate"       // requests per second
	Millis     Unit = "ms"         // latency
	Seconds    Unit = "s"          // time since the beginning
	PerCent    Unit = "percent"    // a share, 0 to 100
	Percentile Unit = "percentile" // 1/(1−p): 10 is p90, 100 is p99
)

// Axis is one side of a chart. Both renderers take its bounds as they are.
type Axis struct {
	Label string  `json:"label,omitempty"`
	Unit  Unit    `json:"unit"`
	Log   bool    `json:"log,omitempty"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`

	Names []string `json:"names,omitempty"` // of an axis that counts: what stands at 1, 2, …
	Hints []string `json:"hints,omitempty"` // and what is said of it when one points there
}

// Series is one line, or one layer of a stack, over the chart's Xs.
type Series struct {
	Label  string  `json:"label"`
	Colour Colour  `json:"colour"`
	Ys     Values  `json:"ys"`
	Width  float64 `json:"width"`
	Dashed bool    `json:"dashed,omitempty"`
	Dots   bool    `json:"dots,omitempty"`
	Stack  bool    `json:"stack,omitempty"`
	Span   bool    `json:"span,omitempty"` // the line goes on over absent values: they stand where only others were measured
}

// Band is the doubt about a series: the area between two rows of values.
type Band struct {
	Label  string `json:"label"`
	Colour Colour `json:"colour"`
	Lo     Values `json:"lo"`
	Hi     Values `json:"hi"`
}

// Marker is a line across the chart at one value, with its doubt. A marker with OnY lies, all others stand.
type Marker struct {
	OnY    bool    `json:"on_y,omitempty"`
	At     float64 `json:"at"`
	Lo     float64 `json:"lo,omitempty"` // no band when Lo and Hi are equal
	Hi     float64 `json:"hi,omitempty"`
	Label  string  `json:"label"`
	Sub    string  `json:"sub,omitempty"`
	Colour Colour  `json:"colour"`
	Dashed bool    `json:"dashed,omitempty"`
}

// Phase names a stretch of the x axis.
type Phase struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Label string  `json:"label"`
}

// Heat counts requests in cells: columns of equal width along x, rows between the edges along y.
type Heat struct {
	From  float64   `json:"from"`
	Step  float64   `json:"step"`
	Edges Values    `json:"edges"`
	Cells [][]int64 `json:"cells"` // by column, then row
}

// Table is a chart's numbers for those who cannot or will not look at it.
type Table struct {
	Head []string
	Rows [][]string
	Foot string // how its words are meant, "" where they are plain
}

// Values are numbers of which some may be absent: NaN is null in JSON. Four digits are kept, which no eye can tell from
// more.
type Values []float64

// MarshalJSON writes absent values as null.
func (v Values) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	for i, x := range v {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			out = append(out, "null"...)
			continue
		}
		x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
		b, err := json.Marshal(x)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return append(out, ']'), nil
}

// none is an absent value.
var none = math.NaN()

// stacked are the layers of a stack added up, from the bottom; absent counts as nothing.
func (c Chart) stacked() (sums []Values) {
	sum := make(Values, len(c.Xs))
	for _, s := range c.Series {
		if !s.Stack {
			continue
		}
		next := make(Values, len(sum))
		for i := range sum {
			next[i] = sum[i]
			if !math.IsNaN(s.Ys[i]) {
				next[i] += s.Ys[i]
			}
		}
		sums, sum = append(sums, next), next
	}
	return sums
}

// stepped is the chart with the corners of its steps as values of their own, for a renderer that only knows straight lines.
func (c Chart) stepped() Chart {
	if !c.Step {
		return c
	}
	out := c
	out.Xs, out.Series = nil, nil
	for i := range len(c.Xs) - 1 {
		out.Xs = append(out.Xs, c.Xs[i], c.Xs[i+1])
	}
	for _, s := range c.Series {
		var ys Values
		for i := range len(c.Xs) - 1 {
			ys = append(ys, s.Ys[i], s.Ys[i])
		}
		s.Ys = ys
		out.Series = append(out.Series, s)
	}
	return out
}

// closeSteps ends the last step of every series at x.
func (c *Chart) closeSteps(x float64) {
	c.Step = true
	c.Xs = append(c.Xs, x)
	for i, s := range c.Series {
		c.Series[i].Ys = append(s.Ys, s.Ys[len(s.Ys)-1])
	}
}

// below125 is the largest 1, 2 or 5 times a power of ten that is at most v > 0.
func below125(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{5, 2} {
		if m*decade <= v*(1+1e-9) {
			return m * decade
		}
	}
	return decade
}

// above125 is the smallest 1, 2 or 5 times a power of ten that is at least v > 0.
func above125(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*decade >= v*(1-1e-9) {
			return m * decade
		}
	}
	return 10 * decade
}

// ticks125 are the labelled values of a log axis.
func ticks125(lo, hi float64) (out []float64) {
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi)+1e-9; e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= lo*0.9999 && v <= hi*1.0001 {
				out = append(out, v)
			}
		}
	}
	return out
}

// step is the smallest round step (1, 2, 2.5, 5 or 10 times a power of ten) that cuts a span into at most n parts.
func step(span float64, n int) float64 {
	raw := span / float64(n)
	decade := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*decade >= raw*0.9999 {
			return m * decade
		}
	}
	return 10 * decade
}

// roundUp is the end of an axis from 0 that holds v.
func roundUp(v float64, parts int) float64 {
	if v <= 0 {
		return 1
	}
	s := step(v, parts)
	return math.Ceil(v/s-1e-9) * s
}
