package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

// words is a piece of text on a picture and the room that its letters take.
type words struct {
	text string
	at   vg.Rectangle
}

// wordsOn draws a picture and tells where everything written stands. A halo is the same text a point or so aside: the first
// stands for all.
func wordsOn(p *picture) (out []words) {
	var rec recorder.Canvas
	p.draw(draw.NewCanvas(&rec, pngWidth, pngHeight))
	for _, action := range rec.Actions {
		s, ok := action.(*recorder.FillString)
		if !ok || strings.TrimSpace(s.String) == "" {
			continue
		}
		face := font.DefaultCache.Lookup(s.Font, s.Size)
		e := face.Extents()
		at := vg.Rectangle{Min: vg.Point{X: s.Point.X, Y: s.Point.Y}, Max: vg.Point{X: s.Point.X + face.Width(s.String), Y: s.Point.Y + e.Ascent*0.75}} // capitals, without the room for accents
		halo := false
		for _, o := range out {
			halo = halo || o.text == s.String && math.Hypot(float64(o.at.Min.X-at.Min.X), float64(o.at.Min.Y-at.Min.Y)) < 3
		}
		if !halo {
			out = append(out, words{s.String, at})
		}
	}
	return out
}

// unreadable tells which words of a picture lie on others or leave it.
func unreadable(p *picture) (out []string) {
	all := wordsOn(p)
	for i, a := range all {
		if a.at.Min.X < 0 || a.at.Min.Y < 0 || a.at.Max.X > pngWidth || a.at.Max.Y > pngHeight {
			out = append(out, fmt.Sprintf("%q at %v leaves the picture", a.text, a.at))
		}
		for _, b := range all[:i] {
			if a.at.Min.X < b.at.Max.X && b.at.Min.X < a.at.Max.X && a.at.Min.Y < b.at.Max.Y && b.at.Min.Y < a.at.Max.Y {
				out = append(out, fmt.Sprintf("%q at %v lies on %q at %v", a.text, a.at, b.text, b.at))
			}
		}
	}
	return out
}

// TestWordsOfPicturesNeverOverlap: in the pictures of every kind of run, and in those of charts drawn by lot.
func TestWordsOfPicturesNeverOverlap(t *testing.T) {
	for name, entries := range fixtures() {
		if testing.Short() && name != "whole" {
			continue
		}
		r := Fold(entries)
		all := map[string]*picture{"capacity": r.capacityPicture(), "spectrum": r.spectrumPicture()}
		for _, s := range r.Storms {
			all[s.Scenario] = r.stormPicture(s)
		}
		for what, p := range all {
			if p == nil {
				continue
			}
			if n := len(wordsOn(p)); n < 10 {
				t.Errorf("%s of %s has %d words, want its title, axes and labels", what, name, n)
			}
			for _, fault := range unreadable(p) {
				t.Errorf("%s of %s: %s", what, name, fault)
			}
		}
	}
	n := 200
	if testing.Short() {
		n = 10
	}
	for seed := range uint64(n) {
		for _, fault := range unreadable(anyPicture(rand.New(rand.NewPCG(seed, 1)))) {
			t.Errorf("seed %d: %s", seed, fault)
		}
	}
}

// TestUnreadableSeesOverlap plants two labels in one place.
func TestUnreadableSeesOverlap(t *testing.T) {
	p := Fold(whole()).capacityPicture()
	p.top.X.Label, p.below.X.Label = "", strings.Repeat("so long a label ", 12)
	if got := unreadable(p); len(got) == 0 {
		t.Error("a label wider than the picture was not seen")
	}
	p = Fold(whole()).capacityPicture()
	p.below.X.Names = make([]string, 3000)
	for i := range p.below.X.Names {
		p.below.X.Names[i] = "a tick's name that is long"
	}
	if got := unreadable(p); len(got) == 0 {
		t.Error("ticks' names on one another were not seen")
	}
}

// anyPicture is made by lot: curves, stacks, steps, markers wherever they fall, long and short words.
func anyPicture(rng *rand.Rand) *picture {
	p := &picture{title: phrase(rng, 1+rng.IntN(16)), subtitle: phrase(rng, rng.IntN(50)), top: anyChart(rng)}
	if rng.IntN(2) == 0 {
		below := anyChart(rng)
		below.X, below.Xs = p.top.X, p.top.Xs
		for i, s := range below.Series {
			below.Series[i].Ys = anyValues(rng, len(below.Xs), below.Y, s.Stack)
		}
		below.Markers, below.Bands = p.top.Markers, nil
		for i, m := range below.Markers {
			below.Markers[i] = Marker{At: m.At, Lo: m.Lo, Hi: m.Hi, Colour: m.Colour}
		}
		p.below = &below
	}
	return p
}

func phrase(rng *rand.Rand, n int) string {
	var out []string
	for range n {
		out = append(out, []string{"checkout-api", "holds", "1,400", "a second", "to", "Überlast", "p99"}[rng.IntN(7)])
	}
	return strings.Join(out, " ")
}

func anyChart(rng *rand.Rand) Chart {
	c := Chart{ID: "any", X: Axis{Unit: PerSecond, Label: "offered rate, requests a second", Max: math.Pow(10, 5*rng.Float64())}, Y: Axis{Unit: PerSecond, Max: math.Pow(10, 6*rng.Float64())}}
	if rng.IntN(2) == 0 {
		c.Y = Axis{Unit: Millis, Log: true, Min: below125(math.Pow(10, rng.Float64()*4-3))}
		c.Y.Max = above125(c.Y.Min * math.Pow(10, 0.5+rng.Float64()*5))
	}
	if rng.IntN(3) == 0 {
		c.X = Axis{Unit: Seconds, Label: "seconds", Max: float64(2 + rng.IntN(4000))}
	}
	n := 2 + rng.IntN(40)
	for i := range n {
		c.Xs = append(c.Xs, c.X.Max*float64(i)/float64(n-1))
	}
	stack := !c.Y.Log && rng.IntN(2) == 0
	for _, name := range []string{"ok", "throttled", "shed", "failed", "timeout", "unsent"}[:1+rng.IntN(6)] {
		c.Series = append(c.Series, Series{Label: name, Colour: First, Width: 2, Stack: stack, Ys: anyValues(rng, n, c.Y, stack)})
	}
	for range rng.IntN(6) {
		at := c.X.Max * rng.Float64()
		m := Marker{At: at, Lo: at * 0.97, Hi: at * 1.03, Colour: Teal, Label: []string{"knee ", "limit ", "breaks "}[rng.IntN(3)] + Number(at)}
		if rng.IntN(2) == 0 {
			m.Sub = Number(m.Lo) + " – " + Number(m.Hi)
		}
		c.Markers = append(c.Markers, m)
	}
	for range rng.IntN(3) {
		y := c.Y.Min + (c.Y.Max-c.Y.Min)*rng.Float64()
		if c.Y.Log {
			y = c.Y.Min * math.Pow(c.Y.Max/c.Y.Min, rng.Float64())
		}
		c.Markers = append(c.Markers, Marker{OnY: true, At: y, Colour: Mute, Label: "goal: p99 under " + Latency(y)})
	}
	if rng.IntN(2) == 0 {
		c.closeSteps(c.X.Max)
	}
	return c
}

// anyValues lie within an axis, some of them absent; those of a stack are small enough to lie on others.
func anyValues(rng *rand.Rand, n int, a Axis, stack bool) (out Values) {
	level := rng.Float64()
	for range n {
		v := min(1, level+rng.Float64()*0.3)
		switch {
		case rng.IntN(12) == 0:
			out = append(out, none)
		case a.Log:
			out = append(out, a.Min*math.Pow(a.Max/a.Min, v))
		case stack:
			out = append(out, a.Max*v/7)
		default:
			out = append(out, a.Max*v)
		}
	}
	return out
}

// shadesIn are the pixels of a picture, row by row, each as that of our colours whose shade it has; "" for any other.
func shadesIn(t *testing.T, picture []byte, dark bool, ours []Colour) []Colour {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := img.(*image.Paletted)
	if !ok || p.Bounds().Size() != image.Pt(1600, 1000) {
		t.Fatalf("a picture of %v in %T, want 1600 × 1000 in few colours", img.Bounds(), img)
	}
	known := map[color.Color]Colour{}
	for _, c := range ours {
		known[color.RGBAModel.Convert(c.full().on(dark))] = c
	}
	shade := make([]Colour, len(p.Palette))
	for i, c := range p.Palette {
		shade[i] = known[color.RGBAModel.Convert(c)]
	}
	out := make([]Colour, len(p.Pix))
	for i, at := range p.Pix {
		out[i] = shade[at]
	}
	return out
}

// TestEveryPictureHasADarkTwin: the same picture, in the other shades.
func TestEveryPictureHasADarkTwin(t *testing.T) {
	if testing.Short() {
		t.Skip("looks at each of 1.6 million pixels, in one goroutine: run without -short")
	}
	p := Fold(whole()).spectrumPicture()
	var light, dark bytes.Buffer
	for b, isDark := range map[*bytes.Buffer]bool{&light: false, &dark: true} {
		if ok, err := p.png(b, isDark); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	ours := []Colour{Card, Ink, First, Third}
	l, d := shadesIn(t, light.Bytes(), false, ours), shadesIn(t, dark.Bytes(), true, ours)
	found, strange := map[Colour]int{}, map[Colour]int{}
	for i := range l {
		if l[i] == d[i] {
			found[l[i]]++
			continue
		}
		strange[l[i]]++ // rare shades are rounded to a palette, one for each picture
		strange[d[i]]++
	}
	for _, c := range ours {
		if found[c] < 100 || strange[c] > found[c]/5 {
			t.Errorf("%d pixels have the colour %s in both pictures and %d in one alone", found[c], c, strange[c])
		}
	}
}
