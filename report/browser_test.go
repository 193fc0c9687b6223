package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/browser"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// tab is a page in a browser, and what it should show.
type tab struct {
	*browser.Tab
	sheet
	url string
}

// within is the same tab, whose faults are those of another test.
func (p *tab) within(t *testing.T) *tab {
	p.TB = t
	return p
}

// frame waits until the page has drawn what it was told.
func (p *tab) frame() {
	p.Helper()
	browser.Eval[bool](p.Tab, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
}

// silence is broken by errors, and by requests for anything but the page itself.
func (p *tab) silence() []string {
	out, requests := p.Heard()
	for _, u := range requests {
		if u != p.url && !strings.HasPrefix(u, "data:") {
			out = append(out, "asks for "+u)
		}
	}
	return out
}

// open shows a sheet.
func (p *tab) open(s sheet) {
	p.Helper()
	p.show(s.page)
	p.sheet = s
}

// prove holds every proof that is for this page against it.
func (p *tab) prove() {
	p.Helper()
	for _, proof := range proofs {
		if proof.on != nil && !slices.Contains(proof.on, p.sheet.name) {
			continue
		}
		for _, fault := range proof.faults(p) {
			p.Errorf("%s: %s: %s", p.sheet.name, proof.name, fault)
		}
	}
}

// show writes a page and shows it.
func (p *tab) show(page string) {
	p.Helper()
	path := filepath.Join(p.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		p.Fatal(err)
	}
	p.url = "file://" + path
	p.Heard()
	p.Do(chromedp.Navigate(p.url), chromedp.WaitReady("footer"))
}

// media asks for a medium ("print", or "" for a screen) and a colour scheme ("dark", "light").
func (p *tab) media(medium, scheme string) {
	p.Helper()
	browser.Call(p.Tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	p.frame()
}

func (p *tab) width(px int64) {
	p.Helper()
	p.Do(chromedp.EmulateViewport(px, 900))
	p.frame()
}

// tried is something that is tried in a browser.
type tried struct {
	name string
	do   func(*tab)
}

// TestPageInABrowser holds every proof against every page, and each against a page that breaks it. In short, one page of a run and
// one of a comparison must do. Two browsers share the work.
func TestPageInABrowser(t *testing.T) {
	all, browsers := everythingTried(), 2
	if testing.Short() {
		all, browsers = []tried{provedOn("whole"), provedOn("comparison-slower"), {"labels", labelsCrossNoLine}}, 1
	}
	for _, name := range sheets() {
		if !testing.Short() {
			sheetNamed(t, name) // before two ask for it at once
		}
	}
	for k := range browsers {
		t.Run(fmt.Sprint("browser ", k+1), func(t *testing.T) {
			t.Parallel()
			p := &tab{Tab: browser.Open(t)}
			for i := k; i < len(all); i += browsers {
				t.Run(all[i].name, func(t *testing.T) { all[i].do(p.within(t)) })
			}
		})
	}
}

func provedOn(name string) tried {
	return tried{name, func(p *tab) {
		p.open(sheetNamed(p, name))
		p.prove()
	}}
}

func everythingTried() (out []tried) {
	for _, name := range sheets() {
		out = append(out, provedOn(name))
	}
	for _, proof := range proofs {
		out = append(out, tried{"planted/" + proof.name, func(p *tab) {
			p.open(sheetNamed(p, "load"))
			browser.Eval[bool](p.Tab, `{ `+proof.plant+` } true`)
			if len(proof.faults(p)) == 0 {
				p.Errorf("does not object to %s", proof.plant)
			}
		}})
	}
	return append(out, tried{"planted/noises", listensToEverything}, tried{"cursor", sharesItsCursor}, tried{"labels", labelsCrossNoLine}, tried{"ticks", ticksTellApart})
}

// listensToEverything plants what the proof of silence must not miss: an exception, what the policy refuses, and on a page
// without a policy a request.
func listensToEverything(p *tab) {
	page := pageOf(p.TB, Fold(nil))
	for _, noisy := range []string{
		page + `<script>throw new Error("planted")</script>`,
		page + `<img src="http://127.0.0.1:9/x.png">`,
		strings.Replace(page, "Content-Security-Policy", "", 1) + `<img src="http://127.0.0.1:9/x.png">`,
	} {
		p.show(noisy)
		p.frame()
		if len(p.silence()) == 0 {
			p.Errorf("nothing was heard of %s", noisy[len(page)-10:])
		}
	}
}

// labelsCrossNoLine: two targets broke at about the same load, near the right edge; on a tablet, each label stands off both lines.
func labelsCrossNoLine(p *tab) {
	near := Fold(whole())
	near.Capacities = slices.Clone(near.Capacities)
	moved := *near.Capacities[0].Breaking
	moved.Value += 45
	near.Capacities[0].Breaking = &moved
	p.show(comparisonOf(p.TB, Compare([]Side{{"a name of some length", Fold(whole())}, {"another of some length", near}})))
	defer p.width(browser.Wide)
	browser.Eval[bool](p.Tab, `{
		window.said = []; window.ruled = [];
		const c = CanvasRenderingContext2D.prototype, { fillText, moveTo, lineTo } = c;
		let from;
		c.fillText = function (text, x, y) { said.push({ text, x, wide: this.measureText(text).width }); fillText.call(this, text, x, y) };
		c.moveTo = function (x, y) { from = [x, y]; moveTo.call(this, x, y) };
		c.lineTo = function (x, y) { if (from[0] === x && Math.abs(y - from[1]) > 100) ruled.push(x); lineTo.call(this, x, y) };
	} true`)
	p.width(browser.Pad)
	type box struct {
		Text    string
		X, Wide float64
	}
	boxes := browser.Eval[[]box](p.Tab, `said.filter(s => /some length \d/.test(s.text)).map(s => ({ Text: s.text, X: s.x, Wide: s.wide }))`)
	lines := browser.Eval[[]float64](p.Tab, `ruled`)
	if len(boxes) < 2 || len(lines) < 2 {
		p.Fatalf("%d labels and %d lines were drawn, want two of each", len(boxes), len(lines))
	}
	for _, b := range boxes {
		for _, l := range lines {
			if l > b.X && l < b.X+b.Wide {
				p.Errorf("a line at %.0f crosses %q, from %.0f to %.0f", l, b.Text, b.X, b.X+b.Wide)
			}
		}
	}
}

// ticksTellApart: the numbers under a chart differ from one another and stand apart, however short its storm is, and however far its
// waits reach.
func ticksTellApart(p *tab) {
	p.show(pageOf(p.TB, shortStorm()))
	defer p.width(browser.Wide)
	browser.Eval[bool](p.Tab, `{
		window.under = [];
		const c = CanvasRenderingContext2D.prototype, { fillText } = c;
		c.fillText = function (text, x, y) { if (this.textAlign === "center") under.push({ Chart: this.canvas.closest(".chart").id, Text: text, X: x, Y: y, Wide: this.measureText(text).width }); fillText.call(this, text, x, y) };
	} true`)
	type box struct {
		Chart, Text string
		X, Y, Wide  float64
	}
	for _, px := range []int64{browser.Pad, browser.Phone, browser.Wide} {
		browser.Eval[bool](p.Tab, `(under.length = 0, true)`)
		p.width(px)
		boxes := browser.Eval[[]box](p.Tab, `under.filter(s => /^[\d.,]+( µs| ms| s)?$/.test(s.Text))`)
		if px == browser.Wide && !slices.ContainsFunc(boxes, func(b box) bool { return b.Text == "0.25" }) || !slices.ContainsFunc(boxes, func(b box) bool { return strings.HasSuffix(b.Text, " ms") }) {
			p.Errorf("at %d px: %v, want steps of hundredths, and waits", px, boxes)
		}
		for i, a := range boxes {
			for _, b := range boxes[:i] {
				switch {
				case a.Chart != b.Chart || a.Y != b.Y || a.X == b.X:
				case a.Text == b.Text:
					p.Errorf("at %d px, %s: %s stands at %.0f and at %.0f", px, a.Chart, a.Text, a.X, b.X)
				case math.Abs(a.X-b.X) < (a.Wide+b.Wide)/2:
					p.Errorf("at %d px, %s: %s and %s overlap", px, a.Chart, a.Text, b.Text)
				}
			}
		}
	}
}

// shortStorm is a verification of half a second, some of whose clients came back at once and some long after.
func shortStorm() Report {
	m := attack.Measurement{Trial: attack.Trial{N: 1, Phase: "verify/flash", Actors: []attack.Actor{{Name: "crowd"}}}, Took: time.Second}
	m.Windows = []attack.Window{{Len: 500 * time.Millisecond, Counts: attack.Counts{Due: 60, OK: 60, Attempts: 120}, Statuses: map[int]int64{200: 60, 429: 60}}}
	for i := range 60 {
		at := time.Duration(i) * 3 * time.Millisecond
		wait := time.Duration(1+i%3*140) * time.Millisecond
		m.Log = append(m.Log, attack.Attempt{Seq: int64(i), Try: 1, Due: at, Sent: at, Received: at + 1e6, Status: 429, Outcome: attack.Throttled, Headers: map[string]string{"Retry-After": "1"}},
			attack.Attempt{Seq: int64(i), Try: 2, Due: at, Sent: at + wait, Received: at + wait + 1e6, Status: 200, Outcome: attack.OK})
	}
	v := scenarios.Verdict{Scenario: "flash-crowd", Outcome: scenarios.Pass, Trials: []int{1}, Checks: []scenarios.Check{{ID: "V02", Name: "burst", Outcome: scenarios.Pass}}}
	return Fold([]journal.Entry{opening("verify"), {Trial: &m}, {Verdict: &v}, ending(0, "1 check passed")})
}

// sharesItsCursor: the curve tells what was measured at the load under the mouse, and so does the chart beneath.
func sharesItsCursor(p *tab) {
	r := Fold(fixtures()["whole"])
	p.open(sheetNamed(p.TB, "whole"))
	c := *r.latencyChart()
	want := r.drawn()[nearestX(c, 0.5, 0)]
	got := p.point("latency", 0.5)
	if got[""] != Number(want.Load)+"/s" || got["p50"] != Latency(want.Response.P50) || got["p99"] != Latency(want.Response.P99) {
		p.Errorf("under the mouse stands %v, want what was measured at %v/s: %+v", got, want.Load, *want.Response)
	}
	if below := browser.Eval[string](p.Tab, `document.querySelector("#served .u-legend").textContent`); !strings.Contains(below, Number(want.Achieved)+"/s") {
		p.Errorf("the chart beneath says %q, want it to follow the mouse to %s/s", below, Number(want.Achieved))
	}
}
