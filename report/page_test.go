package report

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// TestVendoredUPlot holds the files of `npm pack uplot@1.6.32` as they were published.
func TestVendoredUPlot(t *testing.T) {
	for name, want := range map[string]string{
		"uplot/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
		"uplot/uPlot.min.css":     "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
		"uplot/LICENSE":           "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
	} {
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(asset(name)))); got != want {
			t.Errorf("%s has the sum %s, want %s", name, got, want)
		}
	}
	if v := strings.TrimSpace(asset("uplot/VERSION")); v != "1.6.32" || !strings.Contains(asset("uplot/uPlot.iife.min.js"), "v"+v) {
		t.Errorf("VERSION says %s, which the script does not", v)
	}
}

func pageOf(t testing.TB, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">`

// asks finds what would make a browser ask for something: only data: is allowed.
var asks = regexp.MustCompile(`(?i)(?:<(?:link|img|script|iframe|object|embed|source|form|base)[^>]*\b(?:src|href|srcset|data|action)\s*=\s*["']?|url\(\s*["']?|@import\s+["']?)([^"'\s>)]+)`)

func TestEveryPageIsWholeAndAsksForNothing(t *testing.T) {
	for name, entries := range runsInShort() {
		r, page := Fold(entries), sheetNamed(t, name).page
		if !strings.Contains(page, policy) {
			t.Errorf("%s: no content security policy", name)
		}
		for _, m := range asks.FindAllStringSubmatch(page, -1) {
			if !strings.HasPrefix(m[1], "data:") {
				t.Errorf("%s asks for %s", name, m[1])
			}
		}
		if len(page) > 500_000 {
			t.Errorf("%s has %d bytes, want at most 500,000", name, len(page))
		}
		if strings.Contains(page, "<script>alert") {
			t.Errorf("%s: markup of a check reached the page", name)
		}
		for _, c := range r.Charts() {
			if !strings.Contains(page, `id="`+c.ID+`"`) || len(c.Table.Rows) == 0 {
				t.Errorf("%s: chart %s has a place %v and a table of %d rows, want both", name, c.ID, strings.Contains(page, `id="`+c.ID+`"`), len(c.Table.Rows))
			}
		}
		if _, curve := find(r.Charts(), "latency"); curve != strings.Contains(page, "<noscript><img") {
			t.Errorf("%s: a curve is %v and a picture without scripts is not", name, curve)
		}
	}
}

// TestAsksFindsWhatAsks plants each kind of request, so that the test above is known to see it.
func TestAsksFindsWhatAsks(t *testing.T) {
	for _, planted := range []string{`<img src="http://x/">`, `<script async src=//x/y.js>`, `<link rel=stylesheet href='x.css'>`, `a{background:url(x.png)}`, `@import "x.css"`, `<form action="/x">`} {
		if !asks.MatchString(planted) {
			t.Errorf("%s was not seen", planted)
		}
	}
}

func TestHeadlineBreaksNoName(t *testing.T) {
	for in, want := range map[string]template.HTML{"checkout-api <b> since 2026-01-25,": "<span>checkout-api</span> &lt;b&gt; since <span>2026-01-25,</span>",
		"a-<script>": "<span>a-&lt;script&gt;</span>", strings.Repeat("too-long-", 9): template.HTML(strings.Repeat("too-long-", 9)), "": ""} {
		if got := unbroken(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func find(charts []Chart, id string) (Chart, bool) {
	for _, c := range charts {
		if c.ID == id {
			return c, true
		}
	}
	return Chart{}, false
}

// TestNothingFromOutsideActs gives every text of a journal markup, and looks for it in the page.
func TestNothingFromOutsideActs(t *testing.T) {
	const evil = `</script><img src=x onerror=alert(1)>"'{{.}}` + "`${1}"
	e := opening("verify")
	e.Run.Title, e.Run.Target, e.Run.Goal, e.Run.Version, e.Run.Spec = evil, evil, evil, evil, []byte(`{"x":"\u003c/script>\u003cimg src=x onerror=alert(1)>"}`)
	e.Run.Environment = map[string]string{evil: evil}
	m := storm(newService(), 1)
	m.Trial.Phase, m.Trial.Why = evil, evil
	m.Checks = []attack.SelfCheck{{Name: evil, Outcome: attack.Void, Got: evil, Want: evil, Fix: evil}}
	m.Notes = []attack.Note{{Code: evil, Text: evil}}
	v := &scenarios.Verdict{Scenario: evil, Title: evil, Outcome: scenarios.Fail, Trials: []int{1}, Checks: []scenarios.Check{{ID: evil, Name: evil, Outcome: scenarios.Fail, Want: evil, Got: evil, Why: evil, Table: &scenarios.Table{Columns: []string{evil}, Rows: [][]string{{evil}}}}}}
	page := pageOf(t, Fold([]journal.Entry{e, {Trial: m}, {Verdict: v}, {Note: &attack.Note{Code: evil, Text: evil}}, {End: &journal.End{Exit: 1, Outcome: evil}}}))
	if strings.Contains(page, "<img src=x") || strings.Contains(page, "</script><img") {
		t.Error("markup from the journal reached the page as markup")
	}
	if n := strings.Count(page, "onerror=alert"); n < 10 {
		t.Errorf("the planted text is shown %d times, want it shown, as text", n)
	}
}

func TestSameJournalSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("writes every file of four runs twice: run without -short")
	}
	one, two := makeFixtures(), makeFixtures()
	for _, name := range []string{"whole", "verify-fail", "cut-off", "load"} {
		first, second := Fold(one[name]).outputs(), Fold(two[name]).outputs()
		for i := range first {
			var a, b bytes.Buffer
			if _, err := first[i].draw(&a); err != nil {
				t.Fatal(err)
			}
			if _, err := second[i].draw(&b); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%s of %s differs from one time to the next", first[i].name, name)
			}
		}
	}
}

// luminance and contrast are those of WCAG 2.2.
func luminance(h string) float64 {
	c := hex(h)
	lin := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
}

func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestColoursCanBeTold(t *testing.T) {
	ground := map[Colour]shades{}
	for _, p := range palette {
		ground[p.name] = p.shades
	}
	for _, p := range palette {
		want := 4.5
		switch p.name {
		case Background, Card, Line, Grid:
			continue
		case Second, Amber: // lines and areas only
			want = 3
		}
		for _, g := range []Colour{Background, Card} {
			if l, d := contrast(p.light, ground[g].light), contrast(p.dark, ground[g].dark); l < want || d < want {
				t.Errorf("%s on %s has a contrast of %.2f in the light and %.2f in the dark, want %.1f", p.name, g, l, d, want)
			}
		}
	}
}

// TestTablesOfChecksAreDrawn under the check that measured them, cell by cell.
func TestTablesOfChecksAreDrawn(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, Fold(fixtures()["verify-fail"])); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<th scope="col">p99 of the &lt;served&gt;</th>`, "<td>1402/s</td>", "<td>retry-after-jitter</td>"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page has no %s", want)
		}
	}
}
