package report

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// label is text with a place to be near to.
type label struct {
	lines  []string // the first is strong
	colour Colour
	size   float64
	at     vg.Rectangle // where it was put
}

const (
	lineGap  = 13 * vg.Length(1) // from one line of a label to the next
	labelGap = 6 * vg.Length(1)  // from a label to what it belongs to
	rowsTall = 8                 // how many rows down a label may be moved
)

// box is the room that the label takes.
func (l label) box() (wide, tall vg.Length) {
	for i, s := range l.lines {
		wide = max(wide, l.style(i).Width(s))
	}
	return wide, lineGap * vg.Length(len(l.lines))
}

// style is that of the i-th line.
func (l label) style(i int) text.Style {
	if i > 0 {
		return textStyle(9, false, Mute)
	}
	return textStyle(l.size, true, l.colour)
}

// place puts labels beside standing lines at xs, near the top of the bounds: left of the line if there is room, else to
// its right, else a row further down, so that no two touch and none leaves the bounds.
func place(labels []label, xs []vg.Length, bounds vg.Rectangle) []label {
	var out []label
	for i, l := range labels {
		wide, tall := l.box()
		put := func(row int, left bool) vg.Rectangle {
			x := xs[i] + labelGap
			if left {
				x = xs[i] - labelGap - wide
			}
			top := bounds.Max.Y - vg.Points(3) - vg.Length(row)*lineGap
			return vg.Rectangle{Min: vg.Point{X: x, Y: top - tall}, Max: vg.Point{X: x + wide, Y: top}}
		}
		if at, ok := free(out, bounds, put); ok {
			l.at = at
			out = append(out, l)
		}
	}
	return out
}

// free is the first place that lies within the bounds and touches no label placed before.
func free(taken []label, bounds vg.Rectangle, put func(row int, left bool) vg.Rectangle) (vg.Rectangle, bool) {
	for row := range rowsTall {
		for _, left := range []bool{true, false} {
			at := put(row, left)
			inside := at.Min.X >= bounds.Min.X && at.Max.X <= bounds.Max.X && at.Min.Y >= bounds.Min.Y
			if inside && !slices.ContainsFunc(taken, func(o label) bool { return touch(at, o.at) }) {
				return at, true
			}
		}
	}
	return vg.Rectangle{}, false
}

// touch tells whether two rectangles come nearer than a point or two.
func touch(a, b vg.Rectangle) bool {
	const gap = 2 * vg.Length(1)
	return a.Min.X < b.Max.X+gap && b.Min.X < a.Max.X+gap && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}

// spread moves the middles of labels of one height apart until none touch, in their order, within lo..hi as far as there
// is room. It returns them in the order given.
func spread(middles []vg.Length, tall, lo, hi vg.Length) []vg.Length {
	order := make([]int, len(middles))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(middles[a], middles[b]) })
	out := slices.Clone(middles)
	for range middles { // each pass parts at least one pair for good
		for k := 1; k < len(order); k++ {
			a, b := order[k-1], order[k]
			if overlap := tall - (out[b] - out[a]); overlap > 0 {
				out[a] -= overlap / 2
				out[b] += overlap / 2
			}
		}
	}
	// What halving left over is pushed upwards, and back down from the top.
	for k := range order {
		floor := lo + tall/2
		if k > 0 {
			floor = out[order[k-1]] + tall
		}
		out[order[k]] = max(out[order[k]], floor)
	}
	for k := len(order) - 1; k >= 0; k-- {
		ceiling := hi - tall/2
		if k < len(order)-1 {
			ceiling = out[order[k+1]] - tall
		}
		out[order[k]] = min(out[order[k]], ceiling)
	}
	return out
}

// labels writes the words of markers and of the lines' ends.
func (d drawing) labels(c draw.Canvas, tx, ty func(float64) vg.Length) {
	var standing []label
	var xs []vg.Length
	for _, m := range d.Markers {
		switch {
		case m.Label == "":
		case m.OnY:
			d.onLine(c, m, ty(m.At))
		default:
			standing, xs = append(standing, m.label()), append(xs, tx(m.At))
		}
	}
	for _, l := range place(standing, xs, c.Rectangle) {
		l.write(c)
	}
	d.ends(c, tx, ty)
}

func (m Marker) label() label {
	l := label{lines: []string{m.Label}, colour: m.Colour, size: 10.5}
	if m.Sub != "" {
		l.lines = append(l.lines, m.Sub)
	}
	return l
}

// onLine writes a lying marker's words at its left end, above the line.
func (d drawing) onLine(c draw.Canvas, m Marker, y vg.Length) {
	if y > c.Max.Y || y < c.Min.Y {
		return
	}
	halo(c, textStyle(9.5, false, m.Colour), vg.Point{X: c.Min.X + labelGap, Y: y + vg.Points(3)}, m.Label)
}

// ends writes the name of each line at its right end, in place of a legend, and the name of each layer of a stack beside the
// layer, or where that ends thin, into it where it is thickest.
func (d drawing) ends(c draw.Canvas, tx, ty func(float64) vg.Length) {
	var within []label
	var named []Series
	var xs, ys []vg.Length
	sums, k := d.stacked(), 0
	for _, s := range d.Series {
		last := lastOf(s.Ys)
		if last < 0 {
			continue
		}
		y := s.Ys[last]
		if s.Stack {
			sum := sums[k]
			k++
			y = sum[last] - s.Ys[last]/2
			thick := ty(sum[last]) - ty(sum[last]-s.Ys[last])
			if l, ok := d.inside(s, sum, within, c.Rectangle, tx, ty); ok && thick < lineGap {
				within = append(within, l)
				continue
			}
		}
		named, xs = append(named, s), append(xs, tx(d.Xs[last]))
		ys = append(ys, ty(min(max(y, d.Y.Min), d.Y.Max)))
	}
	for _, l := range within {
		l.write(c)
	}
	for i, y := range spread(ys, lineGap-1, c.Min.Y-lineGap/2, c.Max.Y+lineGap/2) {
		st := textStyle(10, true, named[i].Colour)
		st.YAlign = draw.YCenter
		c.FillText(st, vg.Point{X: max(xs[i], c.Max.X-vg.Points(30)) + vg.Points(7), Y: y}, named[i].Label)
	}
}

// lastOf is the index of the last value that is there, -1 when there is none.
func lastOf(v Values) int {
	all := runs(v)
	if len(all) == 0 {
		return -1
	}
	return all[len(all)-1][1] - 1
}

// inside is the label of a stack's layer within the layer, false where the layer is too thin or the place is taken.
func (d drawing) inside(s Series, sum Values, taken []label, bounds vg.Rectangle, tx, ty func(float64) vg.Length) (label, bool) {
	best := 0
	for i, y := range s.Ys {
		if y > s.Ys[best] || math.IsNaN(s.Ys[best]) {
			best = i
		}
	}
	top, bottom := ty(min(sum[best], d.Y.Max)), ty(min(sum[best]-s.Ys[best], d.Y.Max))
	l := label{lines: []string{s.Label}, colour: Ink, size: 10}
	wide, tall := l.box()
	from, to := best, best // the stretch over which the layer stays about as thick
	for from > 0 && s.Ys[from-1] > s.Ys[best]*0.85 {
		from--
	}
	for to+1 < len(s.Ys) && s.Ys[to+1] > s.Ys[best]*0.85 {
		to++
	}
	x := (tx(d.Xs[from]) + tx(d.Xs[to])) / 2
	x = min(max(x-wide/2, bounds.Min.X+labelGap), bounds.Max.X-wide-labelGap)
	l.at = vg.Rectangle{Min: vg.Point{X: x, Y: (top+bottom)/2 - tall/2}, Max: vg.Point{X: x + wide, Y: (top+bottom)/2 + tall/2}}
	clash := slices.ContainsFunc(taken, func(o label) bool { return touch(l.at, o.at) })
	return l, top-bottom >= tall && !clash
}

// write writes the label where it was put.
func (l label) write(c draw.Canvas) {
	wide, _ := l.box()
	for i, s := range l.lines {
		x := l.at.Min.X
		if i > 0 { // short lines stand under the end of the first that is nearer to the marker: centred is near enough
			x += (wide - l.style(i).Width(s)) / 2
		}
		halo(c, l.style(i), vg.Point{X: x, Y: l.at.Max.Y - lineGap*vg.Length(i+1) + vg.Points(3)}, s)
	}
}

// halo writes text with an outline of the ground's colour, so that it reads over lines.
func halo(c draw.Canvas, st text.Style, at vg.Point, s string) {
	ground := st
	ground.Color = alpha(Card, 230)
	for _, d := range [][2]vg.Length{{-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-.7, -.7}, {.7, .7}, {-.7, .7}, {.7, -.7}} {
		c.FillText(ground, vg.Point{X: at.X + d[0]*1.3, Y: at.Y + d[1]*1.3}, s)
	}
	c.FillText(st, at, s)
}
