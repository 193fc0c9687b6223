package report

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bold is the weight that gonum's font table knows as such (golang.org/x/image/font.WeightBold).
const bold = 3

// textStyle is Liberation Sans, which gonum brings with it, so that no font of the machine matters.
func textStyle(size float64, strong bool, c Colour) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: font.Length(size)}
	if strong {
		f.Weight = bold
	}
	return text.Style{Color: c.full(), Font: f, Handler: text.Plain{Fonts: font.DefaultCache}, XAlign: draw.XLeft, YAlign: draw.YBottom}
}

// fitted is the largest style up to size, and at least 9, in which s is no wider than room.
func fitted(s string, size float64, strong bool, c Colour, room vg.Length) text.Style {
	for ; size > 9; size -= 0.5 {
		if st := textStyle(size, strong, c); st.Width(s) <= room {
			return st
		}
	}
	return textStyle(9, strong, c)
}

// fold breaks s into at most n lines no wider than room; what does not fit ends in an ellipsis.
func fold(s string, st text.Style, room vg.Length, n int) (lines []string) {
	for _, word := range strings.Fields(s) {
		last := len(lines) - 1
		switch {
		case last >= 0 && st.Width(lines[last]+" "+word) <= room:
			lines[last] += " " + word
		case len(lines) < n:
			lines = append(lines, word)
		default:
			lines[last] += " …"
			return lines
		}
	}
	return lines
}

// cut is as much of s as is no wider than room, with an ellipsis for the rest.
func cut(s string, st text.Style, room vg.Length) string {
	if st.Width(s) <= room {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && st.Width(string(r)+"…") > room {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// bare takes everything off a plot that says nothing.
func bare(p *plot.Plot) {
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Width, a.Tick.LineStyle.Width = 0, 0
		a.Tick.Length, a.Padding = vg.Points(4), vg.Points(2)
		a.Tick.Label, a.Label.TextStyle = textStyle(10, false, Mute), textStyle(10, false, Mute)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = draw.XCenter, draw.YTop
	}
	p.X.Label.Padding = vg.Points(-6)
	p.X.LineStyle.Width, p.X.LineStyle.Color = vg.Points(.8), Line.full()
	p.X.Tick.LineStyle = p.X.LineStyle
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
}

// ticker places the ticks of an axis, about n of them where it is linear.
func ticker(a Axis, n int, labelled bool) plot.Ticker {
	return plot.TickerFunc(func(lo, hi float64) (out []plot.Tick) {
		for _, v := range a.ticks(n) {
			label := a.name(v)
			if !labelled {
				label = ""
			}
			out = append(out, plot.Tick{Value: v, Label: label})
		}
		return out
	})
}

// ticks are the labelled values of an axis, about n of them where it is linear, and at most three times as many on a log
// axis unless it has more decades.
func (a Axis) ticks(n int) (out []float64) {
	switch {
	case a.Unit == Percentile:
		return percentiles(a.Max)
	case a.Log:
		return thin(ticks125(a.Min, a.Max), 3*n-2)
	}
	s := step(a.Max-a.Min, n)
	if a.Names != nil {
		s = math.Ceil(s)
	}
	first := math.Ceil(a.Min/s - 1e-9)
	for i := range 2 * n {
		if v := (first + float64(i)) * s; v <= a.Max*1.00001 {
			out = append(out, v)
		}
	}
	return out
}

// percentiles are p0, p50, p90, p99 and so on, as 1/(1−p).
func percentiles(most float64) (out []float64) {
	out = []float64{1, 2}
	for v := 10.0; v <= most*1.00001; v *= 10 {
		out = append(out, v)
	}
	return out
}

// name is what an axis writes at a value.
func (a Axis) name(v float64) string {
	if a.Names == nil {
		return a.Unit.tick(v)
	}
	if i := int(v) - 1; float64(int(v)) == v && i >= 0 && i < len(a.Names) {
		return a.Names[i]
	}
	return ""
}

// thin leaves out 2 and 5 where there are so many values that their labels would touch.
func thin(values []float64, most int) []float64 {
	if len(values) <= most {
		return values
	}
	var out []float64
	for _, v := range values {
		if e := math.Log10(v); math.Abs(e-math.Round(e)) < 1e-9 {
			out = append(out, v)
		}
	}
	return out
}

// tick is a value as an axis writes it: whole, because ticks are round.
func (u Unit) tick(v float64) string {
	switch {
	case u == Percentile && v <= 1:
		return "0"
	case u == Percentile:
		return trim(100 - 100/v)
	case u == Millis && v >= 1000:
		return strconv.FormatFloat(v/1000, 'g', 6, 64) + " s"
	case u == Millis && v < 0.1:
		return strconv.FormatFloat(v*1000, 'g', 6, 64) + " µs"
	case u == Millis:
		return strconv.FormatFloat(v, 'g', 6, 64) + " ms"
	}
	return Number(v)
}
