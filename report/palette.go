package report

import (
	"fmt"
	"image/color"
	"strings"
)

// Colour is the part that a colour plays. Page and PNG look it up in one palette.
type Colour string

const (
	Background Colour = "bg"
	Card       Colour = "card"
	Ink        Colour = "ink"
	Mute       Colour = "mute"
	Line       Colour = "line"
	Grid       Colour = "grid"
	First      Colour = "c1" // p50
	Second     Colour = "c2" // p95
	Third      Colour = "c3" // p99
	Fourth     Colour = "c4" // p99.9
	Green      Colour = "ok"
	Amber      Colour = "warn"
	Caution    Colour = "caution" // amber that can be read as text
	Red        Colour = "bad"
	Violet     Colour = "shed"
	Plum       Colour = "late"
	Grey       Colour = "unsent"
	Teal       Colour = "knee"
	Blue       Colour = "heat"
)

// shades are a colour on a light and on a dark ground.
type shades struct{ light, dark string }

// palette keeps text at a contrast of at least 4.5 on both grounds, lines and areas at 3 (WCAG 2.2, 1.4.3 and 1.4.11);
// a test holds it.
var palette = []struct {
	name Colour
	shades
}{
	{Background, shades{"#fbfaf8", "#14171a"}},
	{Card, shades{"#ffffff", "#1c2024"}},
	{Ink, shades{"#1c2127", "#e8e6e1"}},
	{Mute, shades{"#5d6670", "#9aa3ad"}},
	{Line, shades{"#e3e0da", "#2d3339"}},
	{Grid, shades{"#ecebe7", "#262b30"}},
	{First, shades{"#2f6f9f", "#6fb1e0"}},
	{Second, shades{"#b87a10", "#e5b454"}},
	{Third, shades{"#c2452d", "#f0806a"}},
	{Fourth, shades{"#7a4ea3", "#b794e0"}},
	{Green, shades{"#2d7d5a", "#5fc59a"}},
	{Amber, shades{"#b87a10", "#e5b454"}},
	{Caution, shades{"#8a5a00", "#e5b454"}},
	{Red, shades{"#b3261e", "#ff7a70"}},
	{Violet, shades{"#7a4ea3", "#b794e0"}},
	{Plum, shades{"#8a2f5d", "#e080b0"}},
	{Grey, shades{"#6b7280", "#9aa3ad"}},
	{Teal, shades{"#0b7285", "#4fc3d9"}},
	{Blue, shades{"#0b4b78", "#78bef0"}},
}

// paint is a colour as a PNG is told it: which of its two shades it is, is decided by the ground that it is drawn on.
type paint struct {
	Colour
	alpha uint8
}

// full is the colour as nothing shines through it.
func (c Colour) full() paint { return paint{c, 255} }

// RGBA is the colour on a light ground, which makes paint a color.Color.
func (p paint) RGBA() (r, g, b, a uint32) { return p.on(false).RGBA() }

// on is the colour on a dark or a light ground.
func (p paint) on(dark bool) color.NRGBA {
	for _, entry := range palette {
		if entry.name == p.Colour {
			c := hex(map[bool]string{false: entry.light, true: entry.dark}[dark])
			c.A = p.alpha
			return c
		}
	}
	panic("report: no colour " + string(p.Colour))
}

func hex(s string) color.NRGBA {
	c := color.NRGBA{A: 255}
	if _, err := fmt.Sscanf(s, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
		panic("report: colour " + s)
	}
	return c
}

// paletteCSS is the palette as custom properties, for a light and a dark ground.
func paletteCSS() (light, dark string) {
	var l, d strings.Builder
	for _, p := range palette {
		fmt.Fprintf(&l, "--%s:%s;", p.name, p.light)
		fmt.Fprintf(&d, "--%s:%s;", p.name, p.dark)
	}
	return l.String(), d.String()
}
