package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/plimsoll-load/plimsoll/report/browser"
)

//go:embed testdata/axe/axe.min.js.gz
var axePacked []byte

// axe is the script of `npm pack axe-core@4.14.1`, Mozilla Public License 2.0, which judges whether everybody can use a page.
// It stands among the test data only: no program that we ship holds it.
var axe = sync.OnceValue(func() string {
	r, err := gzip.NewReader(bytes.NewReader(axePacked))
	if err != nil {
		panic(err)
	}
	script, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return string(script)
})

// TestVendoredAxe holds axe.min.js as it was published.
func TestVendoredAxe(t *testing.T) {
	const want = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(axe()))); got != want {
		t.Errorf("axe.min.js has the sum %s, want %s", got, want)
	}
}

// faultsOfAxe: with everything unfolded, axe finds nothing serious or critical. Contrast is judged by faultsOfContrast, in the light
// and in the dark, since it alone differs between them.
func faultsOfAxe(p *tab) []string {
	return p.judged(`{ rules: { "color-contrast": { enabled: false } } }`)
}

// coloured are the pages on which contrast is tried, which takes axe most of its time: together they have every class of every page.
var coloured = []string{"whole", "verify-fail", "gate-runs", "void", "retries", "comparison-three", "comparison-nothing", "history"}

func TestContrastIsTriedOnEveryClass(t *testing.T) {
	if testing.Short() {
		t.Skip("makes every page: run without -short")
	}
	class := regexp.MustCompile(`class="([^"]*)"`)
	tried, all := map[string]bool{}, map[string]string{}
	for _, name := range sheets() {
		for _, m := range class.FindAllStringSubmatch(sheetNamed(t, name).page, -1) {
			for _, c := range strings.Fields(m[1]) {
				all[c] = name
				tried[c] = tried[c] || slices.Contains(coloured, name)
			}
		}
	}
	for c, name := range all {
		if !tried[c] {
			t.Errorf("the class %s, on %s, is on no page whose contrast is tried", c, name)
		}
	}
	if len(all) < 30 {
		t.Errorf("%d classes were seen on all pages", len(all))
	}
}

func faultsOfContrast(p *tab) []string { return p.judged(`{ runOnly: ["color-contrast"] }`) }

// judged is what axe holds against the page by the rules given. Of a table of numbers the first row stands for all: they are
// made by one line of the template, and axe takes its time over each cell.
func (p *tab) judged(rules string) []string {
	p.Helper()
	defer p.unfold()()
	if !browser.Eval[bool](p.Tab, `typeof axe == "object"`) {
		browser.Eval[bool](p.Tab, axe()+"; true")
	}
	return browser.Eval[[]string](p.Tab, `(() => {
		const alike = [...document.querySelectorAll("details tbody tr:nth-child(n+2)")];
		alike.forEach(row => row.hidden = true);
		return axe.run(document, { resultTypes: ["violations"], ...`+rules+` }).then(r => {
			alike.forEach(row => row.hidden = false);
			return r.violations.filter(v => v.impact == "serious" || v.impact == "critical").flatMap(v =>
				v.nodes.slice(0, 3).map(n => v.impact + ": " + v.help + ": " + n.target.join(" ") + ": " + n.any.concat(n.all).map(c => c.message).join("; ")));
		});
	})()`)
}
