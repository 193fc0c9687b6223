package report

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"maps"
	"slices"
)

// encodePNG writes an image with a palette of its own: charts have few colours, so that the file is a third of what full
// colour takes and no eye sees the difference.
func encodePNG(w io.Writer, img image.Image) error {
	return png.Encode(w, reduce(img))
}

// reduce keeps the 256 most frequent colours and takes the nearest of them for each of the rest.
func reduce(img image.Image) *image.Paletted {
	b := img.Bounds()
	full := image.NewRGBA(b)
	draw.Draw(full, b, img, b.Min, draw.Src)
	counts := map[[4]uint8]int{}
	spans(full.Pix, func(c [4]uint8, from, to int) { counts[c] += to - from })
	colours := slices.SortedFunc(maps.Keys(counts), func(a, b [4]uint8) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), slices.Compare(a[:], b[:]))
	})
	var pal color.Palette
	for _, c := range colours[:min(256, len(colours))] {
		pal = append(pal, color.RGBA{c[0], c[1], c[2], c[3]})
	}
	index := map[[4]uint8]uint8{}
	for _, c := range colours {
		index[c] = uint8(pal.Index(color.RGBA{c[0], c[1], c[2], c[3]}))
	}
	out := image.NewPaletted(b, pal)
	spans(full.Pix, func(c [4]uint8, from, to int) {
		for i, nearest := from, index[c]; i < to; i++ {
			out.Pix[i] = nearest
		}
	})
	return out
}

// spans calls f for each stretch of pixels of one colour, of which a chart has far fewer than pixels.
func spans(pix []uint8, f func(colour [4]uint8, from, to int)) {
	from := 0
	for i := 4; i <= len(pix); i += 4 {
		if c := [4]uint8(pix[4*from:]); i == len(pix) || [4]uint8(pix[i:]) != c {
			f(c, from, i/4)
			from = i / 4
		}
	}
}
