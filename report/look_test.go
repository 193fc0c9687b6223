package report

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/plimsoll-load/plimsoll/report/browser"
)

// TestLook writes the pictures and pages of every run, and the pages of comparisons and histories, as a desk, a tablet, a phone and paper show them, into the folder that PLIMSOLL_LOOK names, for eyes.
func TestLook(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_LOOK")
	if dir == "" {
		t.Skip("set PLIMSOLL_LOOK to a folder to have the pictures written there")
	}
	p := &tab{Tab: browser.Open(t)}
	for name, entries := range fixtures() {
		if err := WriteFiles(filepath.Join(dir, name), Fold(entries), "html", "png", "png-dark"); err != nil {
			t.Error(err)
		}
	}
	for _, name := range sheets() {
		dir := filepath.Join(dir, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p.open(sheetNamed(t, name))
		for theme, scheme := range map[string]string{"": "light", "-dark": "dark"} {
			p.media("", scheme)
			for _, px := range []int64{browser.Wide, browser.Pad, browser.Phone} {
				p.width(px)
				keep(t, filepath.Join(dir, fmt.Sprintf("page-%d%s.png", px, theme)), browser.Run(p.Tab, chromedp.FullScreenshot(100)))
			}
		}
		keep(t, filepath.Join(dir, "page.pdf"), browser.Run(p.Tab, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPrintBackground())))
	}
}

func keep(t *testing.T, path string, picture []byte) {
	t.Helper()
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
