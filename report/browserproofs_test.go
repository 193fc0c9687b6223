package report

import (
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/plimsoll-load/plimsoll/report/browser"
)

// proof is something that holds of every page, with a script that makes a page break it. A proof leaves the page as it was.
type proof struct {
	name   string
	on     []string // the pages on which it is tried, all when nil: what one script does alike on every page is tried on a few
	faults func(*tab) []string
	plant  string
}

// proofs end with that of silence, which listens to what the others made the page do.
var proofs = []proof{
	{"words", nil, faultsOfWords, `document.querySelector(".tile .value").textContent = "1,234/s"`},
	{"tables", nil, faultsOfTables, `document.querySelector("figure ~ details tbody").replaceChildren()`},
	{"ink", nil, faultsOfInk, `document.querySelectorAll("canvas").forEach(c => c.getContext("2d").clearRect(0, 0, c.width, c.height))`},
	{"hover", []string{"whole", "verify-fail", "load", "comparison-slower", "comparison-three", "comparison-same", "history"}, faultsOfHover, `document.querySelectorAll(".u-legend .u-value").forEach(v => new MutationObserver(() => { if (v.textContent != "1/s") v.textContent = "1/s" }).observe(v, { childList: true, characterData: true, subtree: true }))`},
	{"zoom", []string{"whole", "verify-fail", "comparison-three", "history"}, faultsOfZoom, `addEventListener("mousedown", e => e.stopPropagation(), true)`},
	{"width", nil, faultsOfWidth, `document.querySelector("h1").style.cssText = "white-space:nowrap;min-width:900px"`},
	{"axe", nil, faultsOfAxe, `document.querySelector("h1").outerHTML = "<img src=data:,>"`},
	{"axe, light", coloured, faultsOfContrast, `document.querySelector(".sub").style.color = "#bbb"`},
	{"axe, dark", coloured, inTheDark(faultsOfContrast), `document.querySelector(".sub").style.color = "#444"`},
	{"dark", []string{"whole", "verify-fail", "interrupted", "empty", "comparison-three", "history"}, inTheDark(faultsOfDark), `document.documentElement.dataset.theme = "light"`},
	{"theme", []string{"whole"}, faultsOfTheme, `document.getElementById("theme").addEventListener("click", e => e.stopImmediatePropagation(), true)`},
	{"print", []string{"whole", "verify-fail", "void", "empty", "comparison-three", "history"}, inTheDark(faultsOfPrint), `addEventListener("beforeprint", () => { document.querySelector("main").hidden = true })`},
	{"silence", nil, (*tab).silence, `console.error("planted")`},
}

// inTheDark holds a proof on a screen whose user asks for the dark.
func inTheDark(faults func(*tab) []string) func(*tab) []string {
	return func(p *tab) []string {
		p.media("", "dark")
		defer p.media("", "light")
		return faults(p)
	}
}

// unlike tells what differs from what was wanted, nothing if nothing does.
func unlike(what, got, want string) []string {
	if got == want {
		return nil
	}
	return []string{fmt.Sprintf("%s is %q, want %q", what, got, want)}
}

// faultsOfWords: title, sentence and tiles are those of the sheet.
func faultsOfWords(p *tab) (out []string) {
	out = append(out, unlike("the title", browser.Eval[string](p.Tab, `document.title`), p.headline+" · plimsoll")...)
	out = append(out, unlike("the sentence", browser.Eval[string](p.Tab, `document.querySelector("h1").textContent`), p.headline)...)
	got := browser.Eval[[][]string](p.Tab, `[...document.querySelectorAll(".tile")].map(t => [".label", ".value", ".detail"].map(s => t.querySelector(s).textContent))`)
	var want [][]string
	for _, t := range p.tiles {
		want = append(want, []string{t.Label, t.Value + t.Unit, t.Detail})
	}
	return append(out, unlike("the tiles", fmt.Sprint(got), fmt.Sprint(want))...)
}

// faultsOfTables: under every chart stand its numbers, but for those that share a table with the one above.
func faultsOfTables(p *tab) (out []string) {
	rows := browser.Eval[map[string]int](p.Tab, `Object.fromEntries([...document.querySelectorAll(".chart")].map(c => [c.id, (c.closest("article") || c.closest("section")).querySelectorAll("details tbody tr").length]))`)
	for _, c := range p.charts {
		if got := rows[c.ID]; got < len(c.Table.Rows) {
			out = append(out, fmt.Sprintf("%s has a table of %d rows, want %d", c.ID, got, len(c.Table.Rows)))
		}
	}
	return out
}

// inked counts, for each chart and each of its colours, the pixels that bear it, whatever they are blended with.
const inked = `(charts => charts.map(({ id, colours }) => {
	const canvas = document.querySelector("#" + CSS.escape(id) + " canvas");
	if (!canvas) return [];
	const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), counts = colours.map(() => 0);
	for (let i = 0; i < data.length; i += 4) {
		if (data[i + 3] < 100) continue;
		for (let k = 0; k < colours.length; k++) {
			const c = colours[k];
			if (Math.abs(data[i] - c[0]) + Math.abs(data[i + 1] - c[1]) + Math.abs(data[i + 2] - c[2]) < 24) counts[k]++;
		}
	}
	return counts;
}))`

// leastInk is how many pixels of its colour a line has at least; one that is drawn has hundreds.
const leastInk = 12

// faultsOfInk: no canvas is blank, and each colour that the model gives to a line is there.
func faultsOfInk(p *tab) []string { return p.inkFaults(func(s shades) string { return s.light }) }

func (p *tab) inkFaults(shade func(shades) string) (out []string) {
	type asked struct {
		ID      string   `json:"id"`
		Colours [][3]int `json:"colours"`
	}
	var all []asked
	for _, c := range p.charts {
		a := asked{ID: c.ID}
		for _, colour := range coloursOf(c) {
			h := hex(shade(shadesOf(colour)))
			a.Colours = append(a.Colours, [3]int{int(h.R), int(h.G), int(h.B)})
		}
		all = append(all, a)
	}
	args, err := json.Marshal(append([]asked{}, all...))
	if err != nil {
		p.Fatal(err)
	}
	counts := browser.Eval[[][]int](p.Tab, inked+`(`+string(args)+`)`)
	for i, c := range p.charts {
		if len(counts[i]) == 0 {
			out = append(out, c.ID+" has no canvas, or nothing that must be seen on it")
		}
		for k, n := range counts[i] {
			if n < leastInk {
				out = append(out, fmt.Sprintf("%s shows %d pixels of its colour %s", c.ID, n, coloursOf(c)[k]))
			}
		}
	}
	return out
}

func shadesOf(c Colour) shades {
	for _, p := range palette {
		if p.name == c {
			return p.shades
		}
	}
	return shades{}
}

// coloursOf are the colours that a chart must show: of its lines, of standing markers, and of the heat. A layer of a stack
// may be too thin to see, and so may a line that runs under another.
func coloursOf(c Chart) (out []Colour) {
	add := func(colour Colour) {
		if !slices.Contains(out, colour) {
			out = append(out, colour)
		}
	}
	for i, s := range c.Series {
		if !s.Stack && len(runs(s.Ys)) > 0 && !c.covered(i) {
			add(s.Colour)
		}
	}
	for i, m := range c.Markers {
		over := func(o Marker) bool { return !o.OnY && o.At == m.At }
		if m.At > c.X.Min && m.At < c.X.Max && !m.OnY && !slices.ContainsFunc(c.Markers[i+1:], over) {
			add(m.Colour)
		}
	}
	if c.Heat != nil {
		add(Blue)
	}
	return out
}

// covered tells whether later lines run within a thirtieth of the i-th nearly everywhere.
func (c Chart) covered(i int) bool {
	apart := 0
	for k, y := range c.Series[i].Ys {
		near := func(s Series) bool { return math.Abs(s.Ys[k]-y) < y/30 }
		if !math.IsNaN(y) && !slices.ContainsFunc(c.Series[i+1:], near) {
			apart++
		}
	}
	return apart <= len(c.Xs)/3
}

// over is where on the window a share of a chart's width lies, at half its height, scrolled into view.
func (p *tab) over(id string, share float64) (x, y float64) {
	p.Helper()
	at := browser.Eval[[]float64](p.Tab, fmt.Sprintf(`(e => { e.scrollIntoView({ block: "center" }); const b = e.getBoundingClientRect(); return [b.left + b.width * %g, b.top + b.height / 2]; })(document.querySelector("#" + CSS.escape(%q) + " .u-over"))`, share, id))
	return at[0], at[1]
}

// point moves the mouse there and tells what the legend then says, by label; that of the x axis has none.
func (p *tab) point(id string, share float64) map[string]string {
	p.Helper()
	x, y := p.over(id, share)
	p.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
	p.frame()
	return browser.Eval[map[string]string](p.Tab, fmt.Sprintf(`Object.fromEntries([...document.querySelectorAll("#" + CSS.escape(%q) + " .u-legend .u-series:not(.ghost)")].map((s, i) => [i ? s.querySelector(".u-label").textContent : "", s.querySelector(".u-value").textContent]))`, id))
}

// faultsOfHover: wherever one points, the legend tells the numbers of the nearest place, as the report writes them.
func faultsOfHover(p *tab) (out []string) {
	for _, c := range p.charts {
		for _, share := range []float64{0.25, 0.6} {
			got := p.point(c.ID, share)
			i := nearestX(c, share, 0)
			want := map[string]string{"": c.place(i)}
			for _, s := range c.Series {
				want[s.Label] = told(c.Y.Unit, s.Ys[i])
			}
			for label, w := range want {
				if g := got[label]; g != w {
					out = append(out, fmt.Sprintf("%s at %.0f %%: the legend says %q of %q, want %q", c.ID, share*100, g, label, w))
				}
			}
		}
	}
	return out
}

// nearestX is the place of a chart that is nearest to a share of its axis, of those that stand at from or beyond.
func nearestX(c Chart, share, from float64) (best int) {
	place := func(share float64) float64 {
		if c.X.Log {
			return c.X.Min * math.Pow(c.X.Max/c.X.Min, share)
		}
		return c.X.Min + share*(c.X.Max-c.X.Min)
	}
	best = -1
	for i, x := range c.Xs {
		if x >= place(from) && (best < 0 || math.Abs(x-place(share)) < math.Abs(c.Xs[best]-place(share))) {
			best = i
		}
	}
	return best
}

// place is the i-th place of the x axis as the legend writes it.
func (c Chart) place(i int) string {
	if c.X.Hints != nil {
		return c.X.Hints[i]
	}
	return told(c.X.Unit, c.Xs[i])
}

// told is a value as the legend writes it, from the four digits that the page is given.
func told(u Unit, v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	switch u {
	case Millis:
		return Latency(v)
	case Seconds:
		return Number(v) + " s"
	case PerCent:
		return Number(v) + " %"
	case Percentile:
		if v <= 1 {
			return "p0"
		}
		return "p" + trim(100-100/v)
	}
	return Number(v) + "/s"
}

// faultsOfZoom: what one drags over fills the chart, and two clicks show all of it again. Told by what the legend says at
// the left edge.
func faultsOfZoom(p *tab) (out []string) {
	for _, c := range p.charts {
		if c.X.Log || len(c.Xs) < 8 {
			continue
		}
		whole := p.point(c.ID, 0.02)[""]
		fromX, y := p.over(c.ID, 0.5)
		toX, _ := p.over(c.ID, 0.9)
		p.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, fromX, y),
			chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, fromX, y, chromedp.ButtonLeft, chromedp.ClickCount(1)),
			chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, toX, y, chromedp.ButtonLeft),
			chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, toX, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
		p.frame()
		if zoomed, want := p.point(c.ID, 0.02)[""], c.place(nearestX(c, 0.508, 0.5)); zoomed != want {
			out = append(out, fmt.Sprintf("%s after a drag begins at %s, want %s", c.ID, zoomed, want))
		}
		p.Do(chromedp.MouseClickXY(fromX, y), chromedp.MouseClickXY(fromX, y, chromedp.ClickCount(2)))
		p.frame()
		if back := p.point(c.ID, 0.02)[""]; back != whole {
			out = append(out, fmt.Sprintf("%s after two clicks begins at %s, want %s", c.ID, back, whole))
		}
		break // one chart of a page is enough: all are made by the same lines
	}
	return out
}

// faultsOfWidth: on a desk, a tablet and a phone, with everything unfolded, nothing is wider than the window.
func faultsOfWidth(p *tab) (out []string) {
	defer p.width(browser.Wide)
	defer p.unfold()()
	for _, px := range []int64{browser.Wide, browser.Pad, browser.Phone} {
		p.width(px)
		if got := browser.Eval[int64](p.Tab, `document.documentElement.scrollWidth`); got > px {
			out = append(out, fmt.Sprintf("the page takes %d pixels of %d", got, px))
		}
		if got := browser.Eval[int](p.Tab, `[...document.querySelectorAll(".scroll:not(.whole)")].filter(s => !s.closest("details, .under") && s.scrollWidth > s.clientWidth).length`); got > 0 {
			out = append(out, fmt.Sprintf("at %d pixels %d tables are cut, and nothing says that they scroll", px, got))
		}
	}
	return out
}

// unfold opens everything that can be opened, and returns what closes it again.
func (p *tab) unfold() (fold func()) {
	browser.Eval[bool](p.Tab, `document.querySelectorAll("details:not([open])").forEach(d => { d.open = true; d.dataset.unfolded = "" }), true`)
	return func() {
		browser.Eval[bool](p.Tab, `document.querySelectorAll("details[data-unfolded]").forEach(d => { d.open = false; delete d.dataset.unfolded }), true`)
	}
}

// ground is the colour that the page stands on.
func (p *tab) ground() string {
	return browser.Eval[string](p.Tab, `getComputedStyle(document.body).backgroundColor`)
}

func rgb(h string) string {
	c := hex(h)
	return fmt.Sprintf("rgb(%d, %d, %d)", c.R, c.G, c.B)
}

// faultsOfDark: who asks for the dark gets it, in page and charts.
func faultsOfDark(p *tab) []string {
	out := unlike("the ground in the dark", p.ground(), rgb(shadesOf(Background).dark))
	return append(out, p.inkFaults(func(s shades) string { return s.dark })...)
}

// faultsOfTheme: the button goes to the other side and back.
func faultsOfTheme(p *tab) (out []string) {
	for _, side := range []string{shadesOf(Background).dark, shadesOf(Background).light} {
		p.Do(chromedp.Click("#theme"))
		p.frame()
		out = append(out, unlike("the ground after the button", p.ground(), rgb(side))...)
	}
	browser.Eval[bool](p.Tab, `delete document.documentElement.dataset.theme`) // as before anyone chose
	return out
}

var pdfPage = regexp.MustCompile(`/Type\s*/Page\b`)

// faultsOfPrint: in the dark too a print is light and whole, on a few pages, and the screen is as before.
func faultsOfPrint(p *tab) (out []string) {
	pdf := browser.Run(p.Tab, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPrintBackground()))
	if n := len(pdfPage.FindAll(pdf, -1)); !strings.HasPrefix(string(pdf), "%PDF-") || n < 1 || n > 12 {
		out = append(out, fmt.Sprintf("the print has %d pages in %d bytes, want 1 to 12", n, len(pdf)))
	}
	p.frame()
	out = append(out, unlike("the ground after the print", p.ground(), rgb(shadesOf(Background).dark))...)
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		return out // the words of a print can be read only with it
	}
	read := exec.Command(tool, "-layout", "-", "-")
	read.Stdin = strings.NewReader(string(pdf))
	text, err := read.Output()
	if err != nil {
		return append(out, "pdftotext: "+err.Error())
	}
	squeezed := func(s string) string { return strings.Join(strings.Fields(s), "") } // lines break where they will
	words := []string{p.headline}
	for _, tile := range p.tiles {
		words = append(words, tile.Label)
	}
	for _, w := range words {
		if !strings.Contains(squeezed(string(text)), squeezed(w)) {
			out = append(out, fmt.Sprintf("the print has no %q", w))
		}
	}
	return out
}
