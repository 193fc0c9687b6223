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
	lines  []string // the first is strong, unless plain
	plain  bool
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
	return textStyle(l.size, !l.plain, l.colour)
}

// place puts labels beside standing lines at xs, near the top of the bounds: left of the line if there is room, else to
// its right, else a row further down, so that none touches another or what is taken, and none leaves the bounds. Where it
// can be had, no other line runs through a label.
func place(labels []label, xs []vg.Length, bounds vg.Rectangle, taken []label) (out []label) {
	for i, l := range labels {
		wide, tall := l.box()
		var beside []vg.Rectangle
		for row := range rowsTall {
			top := bounds.Max.Y - vg.Points(3) - vg.Length(row)*lineGap
			for _, x := range []vg.Length{xs[i] - labelGap - wide, xs[i] + labelGap} {
				beside = append(beside, vg.Rectangle{Min: vg.Point{X: x, Y: top - tall}, Max: vg.Point{X: x + wide, Y: top}})
			}
		}
		crossed := func(at vg.Rectangle) bool {
			return slices.ContainsFunc(xs, func(x vg.Length) bool { return x > at.Min.X && x < at.Max.X })
		}
		slices.SortStableFunc(beside, func(a, b vg.Rectangle) int { return cmp.Compare(one(crossed(a)), one(crossed(b))) })
		if at, ok := free(beside, bounds, taken); ok {
			l.at = at
			out, taken = append(out, l), append(taken, l)
		}
	}
	return out
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// free is the first place that lies within the bounds and touches nothing that is taken.
func free(places []vg.Rectangle, bounds vg.Rectangle, taken []label) (vg.Rectangle, bool) {
	for _, at := range places {
		inside := at.Min.X >= bounds.Min.X && at.Max.X <= bounds.Max.X && at.Min.Y >= bounds.Min.Y && at.Max.Y <= bounds.Max.Y
		if inside && !slices.ContainsFunc(taken, func(o label) bool { return touch(at, o.at) }) {
			return at, true
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

// labels writes the words of the lines' ends and of markers, and last those within a stack: what comes first is needed most.
func (d drawing) labels(c draw.Canvas, tx, ty func(float64) vg.Length) {
	taken, within := d.ends(c, tx, ty)
	for _, l := range taken {
		l.write(c, 0)
	}
	var standing []label
	var xs []vg.Length
	for _, m := range d.Markers {
		if m.Label != "" && !m.OnY {
			standing, xs = append(standing, m.label()), append(xs, tx(m.At))
		}
	}
	put := func(l label) {
		l.write(c, 230)
		taken = append(taken, l)
	}
	for _, l := range place(standing, xs, c.Rectangle, taken) {
		put(l)
	}
	for _, m := range d.Markers {
		if l, ok := m.onLine(c.Rectangle, ty, taken); ok {
			put(l)
		}
	}
	for _, layer := range within {
		if l, ok := d.inside(layer, taken, c.Rectangle, tx, ty); ok {
			put(l)
		}
	}
}

func (m Marker) label() label {
	l := label{lines: []string{m.Label}, colour: m.Colour, size: 10.5}
	if m.Sub != "" {
		l.lines = append(l.lines, m.Sub)
	}
	return l
}

// onLine is the label of a lying marker, above the line: at its left end, or as near to that as there is room.
func (m Marker) onLine(bounds vg.Rectangle, ty func(float64) vg.Length, taken []label) (l label, ok bool) {
	l = label{lines: []string{m.Label}, colour: m.Colour, size: 9.5, plain: true}
	if m.Label == "" || !m.OnY {
		return l, false
	}
	wide, tall := l.box()
	var places []vg.Rectangle
	for x := bounds.Min.X + labelGap; x+wide < bounds.Max.X; x += labelGap {
		places = append(places, vg.Rectangle{Min: vg.Point{X: x, Y: ty(m.At)}, Max: vg.Point{X: x + wide, Y: ty(m.At) + tall}})
	}
	l.at, ok = free(places, bounds, taken)
	return l, ok
}

// layer is one layer of a stack, and where its upper edge runs.
type layer struct {
	Series
	sum Values
}

// ends are the names of the lines, each at its line's right end in place of a legend, and the name of each layer of a stack
// beside the layer; the layers that end too thin for that are to be named within.
func (d drawing) ends(c draw.Canvas, tx, ty func(float64) vg.Length) (beside []label, within []layer) {
	var xs, ys []vg.Length
	sums, k := d.stacked(), 0
	for _, s := range d.Series {
		last := lastOf(s.Ys)
		if s.Stack {
			k++
		}
		if last < 0 {
			continue
		}
		y := s.Ys[last]
		if s.Stack {
			sum := sums[k-1]
			y = sum[last] - s.Ys[last]/2
			if thick := ty(sum[last]) - ty(sum[last]-s.Ys[last]); thick < lineGap && d.holds(layer{s, sum}, ty) {
				within = append(within, layer{s, sum})
				continue
			}
		}
		beside, xs = append(beside, label{lines: []string{s.Label}, colour: s.Colour, size: 10}), append(xs, tx(d.Xs[last]))
		ys = append(ys, ty(min(max(y, d.Y.Min), d.Y.Max)))
	}
	x := c.Max.X - vg.Points(30) // of all, so that they stand as a column
	for _, end := range xs {
		x = max(x, end)
	}
	x += vg.Points(7)
	for i, y := range spread(ys, lineGap-1, c.Min.Y-lineGap/2, c.Max.Y+lineGap/2) {
		wide, tall := beside[i].box()
		beside[i].at = vg.Rectangle{Min: vg.Point{X: x, Y: y - tall/2}, Max: vg.Point{X: x + wide, Y: y + tall/2}}
	}
	return beside, within
}

// lastOf is the index of the last value that is there, -1 when there is none.
func lastOf(v Values) int {
	all := runs(v)
	if len(all) == 0 {
		return -1
	}
	return all[len(all)-1][1] - 1
}

// thickest is where a layer is thickest, and between which heights it runs there.
func (d drawing) thickest(l layer, ty func(float64) vg.Length) (best int, top, bottom vg.Length) {
	for i, y := range l.Ys {
		if y > l.Ys[best] || math.IsNaN(l.Ys[best]) {
			best = i
		}
	}
	return best, ty(min(l.sum[best], d.Y.Max)), ty(min(l.sum[best]-l.Ys[best], d.Y.Max))
}

// holds tells whether a layer is anywhere thick enough for its name.
func (d drawing) holds(l layer, ty func(float64) vg.Length) bool {
	_, top, bottom := d.thickest(l, ty)
	return top-bottom >= lineGap
}

// inside is the label of a stack's layer within the layer, in the middle of the stretch over which it stays about as thick;
// false where that is taken.
func (d drawing) inside(y layer, taken []label, bounds vg.Rectangle, tx, ty func(float64) vg.Length) (l label, ok bool) {
	best, top, bottom := d.thickest(y, ty)
	l = label{lines: []string{y.Label}, colour: Ink, size: 10}
	wide, tall := l.box()
	from, to := best, best
	for from > 0 && y.Ys[from-1] > y.Ys[best]*0.85 {
		from--
	}
	for to+1 < len(y.Ys) && y.Ys[to+1] > y.Ys[best]*0.85 {
		to++
	}
	x := (tx(d.Xs[from]) + tx(d.Xs[to])) / 2
	x = min(max(x-wide/2, bounds.Min.X+labelGap), bounds.Max.X-wide-labelGap)
	middle := (top + bottom) / 2
	l.at, ok = free([]vg.Rectangle{{Min: vg.Point{X: x, Y: middle - tall/2}, Max: vg.Point{X: x + wide, Y: middle + tall/2}}}, bounds, taken)
	return l, ok
}

// write writes the label where it was put, over a halo of the ground that hides so much of what is beneath, of 255.
func (l label) write(c draw.Canvas, hides uint8) {
	wide, _ := l.box()
	for i, s := range l.lines {
		x := l.at.Min.X
		if i > 0 { // short lines stand under the end of the first that is nearer to the marker: centred is near enough
			x += (wide - l.style(i).Width(s)) / 2
		}
		halo(c, l.style(i), vg.Point{X: x, Y: l.at.Max.Y - lineGap*vg.Length(i+1) + vg.Points(3)}, s, hides)
	}
}

// halo writes text with an outline of the ground's colour, so that it reads over lines.
func halo(c draw.Canvas, st text.Style, at vg.Point, s string, hides uint8) {
	ground := st
	ground.Color = paint{Card, hides}
	for _, d := range [][2]vg.Length{{-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-.7, -.7}, {.7, .7}, {-.7, .7}, {.7, -.7}} {
		if hides > 0 {
			c.FillText(ground, vg.Point{X: at.X + d[0]*1.3, Y: at.Y + d[1]*1.3}, s)
		}
	}
	c.FillText(st, at, s)
}
