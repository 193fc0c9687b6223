package report

import (
	"bytes"
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// The size of every PNG, in points; at pngDPI it is twice as many pixels, for dense screens.
const (
	pngWidth  = 800 * vg.Length(1)
	pngHeight = 500 * vg.Length(1)
	pngDPI    = 144
)

// CapacityPNG draws latency and answers against the offered rate. It is false when the report has no curve to draw.
func CapacityPNG(w io.Writer, r Report) (drawn bool, err error) {
	return r.capacityPicture().png(w, false)
}

// StormPNG draws one scenario: the rates above, the latency of what was let through beneath. It is false when the
// scenario has nothing to draw over time.
func StormPNG(w io.Writer, r Report, s Storm) (drawn bool, err error) {
	return r.stormPicture(s).png(w, false)
}

// SpectrumPNG draws latency by percentile at a few loads. It is false when too few requests were answered.
func SpectrumPNG(w io.Writer, r Report) (drawn bool, err error) {
	return r.spectrumPicture().png(w, false)
}

// picture is what a PNG shows: two charts that share their x axis, or one alone.
type picture struct {
	title, subtitle string
	top             Chart
	below           *Chart
}

func (r Report) capacityPicture() *picture {
	top := r.latencyChart()
	if top == nil {
		return nil
	}
	return &picture{r.Headline(), top.Subtitle + " " + plural(len(top.Xs), "load") + ", open loop.", *top, r.servedChart()}
}

func (r Report) stormPicture(s Storm) *picture {
	top := r.stormChart(s)
	if top == nil {
		return nil
	}
	return &picture{r.Name() + ": " + s.Scenario + ", " + string(s.Outcome), s.Title, *top, stormLatency(s)}
}

func (r Report) spectrumPicture() *picture {
	top := r.percentileChart()
	if top == nil {
		return nil
	}
	return &picture{r.Name() + ": latency by percentile", "Response time from the moment a request was due. " + top.Subtitle, *top, nil}
}

// png draws the picture for a light or a dark ground; false when there is none.
func (p *picture) png(w io.Writer, dark bool) (drawn bool, err error) {
	if p == nil {
		return false, nil
	}
	img := vgimg.NewWith(vgimg.UseWH(pngWidth, pngHeight), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(Card.full().on(dark)))
	p.draw(draw.New(onGround{img, dark}))
	var buf bytes.Buffer
	if err := encodePNG(&buf, img.Image()); err != nil {
		return true, fmt.Errorf("draw %s: %w", p.top.ID, err)
	}
	_, err = w.Write(buf.Bytes())
	return true, err
}

// onGround gives every colour of ours the shade of its ground, so that nothing that draws needs to know it.
type onGround struct {
	*vgimg.Canvas
	dark bool
}

// SetColor is that of vg.Canvas.
func (g onGround) SetColor(c color.Color) {
	if p, ours := c.(paint); ours {
		c = p.on(g.dark)
	}
	g.Canvas.SetColor(c)
}

// draw puts the charts under the title.
func (p *picture) draw(c draw.Canvas) {
	page := draw.Crop(c, vg.Points(24), -vg.Points(20), vg.Points(14), -vg.Points(20))
	body := heading(page, p.title, p.subtitle)
	if p.below == nil {
		panel(p.top, 6, true).Draw(body)
		return
	}
	upper, lower := body, body
	split := body.Min.Y + (body.Max.Y-body.Min.Y)*0.3
	upper.Min.Y, lower.Max.Y = split, split-vg.Points(2)
	a, b := panel(p.top, 6, false), panel(*p.below, 3, true)
	upper, lower = aligned(a, b, upper, lower)
	a.Draw(upper)
	b.Draw(lower)
}

// heading writes title and subtitle, made small enough to fit, and returns the room beneath.
func heading(page draw.Canvas, title, subtitle string) draw.Canvas {
	title, subtitle = printable(title), printable(subtitle)
	room := page.Max.X - page.Min.X
	y := page.Max.Y
	h := fitted(title, 19, true, Ink, room)
	h.YAlign = draw.YTop
	page.FillText(h, vg.Point{X: page.Min.X, Y: y}, cut(title, h, room))
	y -= vg.Points(27)
	s := textStyle(10.5, false, Mute)
	s.YAlign = draw.YTop
	for _, line := range fold(subtitle, s, room, 2) {
		page.FillText(s, vg.Point{X: page.Min.X, Y: y}, cut(line, s, room))
		y -= vg.Points(14)
	}
	return draw.Crop(page, 0, 0, 0, y-page.Max.Y-vg.Points(12))
}

// aligned crops two canvases so that the data of both stands between the same two verticals. plot.Align does so for equal
// tiles only.
func aligned(a, b *plot.Plot, ca, cb draw.Canvas) (draw.Canvas, draw.Canvas) {
	da, db := a.DataCanvas(ca), b.DataCanvas(cb)
	left, right := max(da.Min.X, db.Min.X), min(da.Max.X, db.Max.X)
	return draw.Crop(ca, left-da.Min.X, right-da.Max.X, 0, 0), draw.Crop(cb, left-db.Min.X, right-db.Max.X, 0, 0)
}

// panel is one chart as gonum draws it, with about so many lines across. Only the lowest panel labels its x axis.
func panel(c Chart, lines int, labelled bool) *plot.Plot {
	p := plot.New()
	bare(p)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = c.X.Min, c.X.Max, c.Y.Min, c.Y.Max
	p.X.Tick.Marker, p.Y.Tick.Marker = ticker(c.X, 10, labelled), ticker(c.Y, lines, true)
	if c.X.Log {
		p.X.Scale = plot.LogScale{}
	}
	if c.Y.Log {
		p.Y.Scale = plot.LogScale{}
	}
	if labelled {
		p.X.Label.Text = c.X.Label
	}
	p.Add(drawing{c.stepped()})
	return p
}
