package report

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// drawing draws a Chart into a gonum plot, from the ground up: grid, bands, stack, lines, labels.
type drawing struct{ Chart }

// Plot is what gonum calls.
func (d drawing) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	at := func(x, y float64) vg.Point { return vg.Point{X: tx(x), Y: ty(y)} }
	d.grid(c, p, ty)
	for _, m := range d.Markers {
		m.ground(c, tx)
	}
	for _, b := range d.Bands {
		for _, run := range runs(b.Lo) {
			c.FillPolygon(paint{b.Colour, 40}, ring(d.Xs[run[0]:run[1]], b.Hi[run[0]:run[1]], b.Lo[run[0]:run[1]], at))
		}
	}
	d.stack(c, at)
	for _, m := range d.Markers {
		m.rule(c, tx, ty)
	}
	for _, s := range d.Series {
		if !s.Stack {
			s.draw(c, d.Xs, d.bounded(at))
		}
	}
	d.labels(c, tx, ty)
}

// bounded keeps values within the axis, so that a line never leaves its panel.
func (d drawing) bounded(at func(x, y float64) vg.Point) func(x, y float64) vg.Point {
	return func(x, y float64) vg.Point { return at(x, min(max(y, d.Y.Min), d.Y.Max)) }
}

// GlyphBoxes makes room at the right for the labels at the lines' ends.
func (d drawing) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	wide := vg.Length(0)
	for _, s := range d.Series {
		wide = max(wide, textStyle(10, true, Ink).Width(s.Label))
	}
	return []plot.GlyphBox{{X: 1, Y: .5, Rectangle: vg.Rectangle{Max: vg.Point{X: wide + vg.Points(10)}}}}
}

func (d drawing) grid(c draw.Canvas, p *plot.Plot, ty func(float64) vg.Length) {
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if t.Label != "" {
			c.StrokeLine2(draw.LineStyle{Color: Grid.full(), Width: vg.Points(.8)}, c.Min.X, ty(t.Value), c.Max.X, ty(t.Value))
		}
	}
}

// ground fills the interval of a standing marker.
func (m Marker) ground(c draw.Canvas, tx func(float64) vg.Length) {
	if m.OnY || !(m.Hi > m.Lo) {
		return
	}
	l, r := max(tx(m.Lo), c.Min.X), min(tx(m.Hi), c.Max.X)
	c.FillPolygon(paint{m.Colour, 34}, []vg.Point{{X: l, Y: c.Min.Y}, {X: r, Y: c.Min.Y}, {X: r, Y: c.Max.Y}, {X: l, Y: c.Max.Y}})
}

// rule draws the line of a marker.
func (m Marker) rule(c draw.Canvas, tx, ty func(float64) vg.Length) {
	style := draw.LineStyle{Color: m.Colour.full(), Width: vg.Points(1.4)}
	if m.Dashed {
		style.Dashes = []vg.Length{vg.Points(5), vg.Points(4)}
	}
	if !m.OnY {
		c.StrokeLine2(style, tx(m.At), c.Min.Y, tx(m.At), c.Max.Y)
		return
	}
	style.Width, style.Dashes = vg.Points(1), []vg.Length{vg.Points(1.5), vg.Points(3)}
	c.StrokeLine2(style, c.Min.X, ty(m.At), c.Max.X, ty(m.At))
}

// stack fills the layers of outcomes.
func (d drawing) stack(c draw.Canvas, at func(x, y float64) vg.Point) {
	floor := make(Values, len(d.Xs))
	sums := d.stacked()
	k := 0
	for _, s := range d.Series {
		if !s.Stack {
			continue
		}
		for _, run := range runs(s.Ys) {
			if run[1]-run[0] > 1 {
				c.FillPolygon(paint{s.Colour, 165}, ring(d.Xs[run[0]:run[1]], sums[k][run[0]:run[1]], floor[run[0]:run[1]], d.bounded(at)))
			}
		}
		floor = sums[k]
		k++
	}
}

// draw draws a line, in as many pieces as its values have, with dots that stand off the line.
func (s Series) draw(c draw.Canvas, xs Values, at func(x, y float64) vg.Point) {
	style := draw.LineStyle{Color: s.Colour.full(), Width: vg.Points(s.Width)}
	if s.Dashed {
		style.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	}
	if s.Span {
		xs, s.Ys = known(xs, s.Ys)
	}
	for _, run := range runs(s.Ys) {
		var line []vg.Point
		for i := run[0]; i < run[1]; i++ {
			line = append(line, at(xs[i], s.Ys[i]))
		}
		c.StrokeLines(style, line)
		for _, pt := range line {
			if s.Dots {
				c.DrawGlyph(draw.GlyphStyle{Color: Card.full(), Radius: vg.Points(3), Shape: draw.CircleGlyph{}}, pt)
				c.DrawGlyph(draw.GlyphStyle{Color: s.Colour.full(), Radius: vg.Points(2.1), Shape: draw.CircleGlyph{}}, pt)
			}
		}
	}
}

// known leaves out where a series has no value.
func known(xs, ys Values) (x, y Values) {
	for i, v := range ys {
		if !math.IsNaN(v) {
			x, y = append(x, xs[i]), append(y, v)
		}
	}
	return x, y
}

// runs are the stretches of values without a gap, each as [from, to).
func runs(v Values) (out [][2]int) {
	from := -1
	for i, x := range append(v[:len(v):len(v)], none) {
		switch {
		case !math.IsNaN(x) && from < 0:
			from = i
		case math.IsNaN(x) && from >= 0:
			out = append(out, [2]int{from, i})
			from = -1
		}
	}
	return out
}

// ring goes along the upper values and back along the lower ones.
func ring(xs, hi, lo Values, at func(x, y float64) vg.Point) []vg.Point {
	var pts []vg.Point
	for i := range xs {
		pts = append(pts, at(xs[i], hi[i]))
	}
	for i := len(xs) - 1; i >= 0; i-- {
		pts = append(pts, at(xs[i], lo[i]))
	}
	return pts
}
