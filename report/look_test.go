package report

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestLook writes the pictures and pages of every fixture, as a desk, a tablet, a phone and paper show them, into the folder that PLIMSOLL_LOOK names, for eyes.
func TestLook(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_LOOK")
	if dir == "" {
		t.Skip("set PLIMSOLL_LOOK to a folder to have the pictures written there")
	}
	p := browser(t)
	for name, entries := range fixtures() {
		r := Fold(entries)
		dir := filepath.Join(dir, name)
		if err := WriteFiles(dir, r, "html", "png", "png-dark"); err != nil {
			t.Error(err)
		}
		p.open(r)
		for theme, scheme := range map[string]string{"": "light", "-dark": "dark"} {
			p.media("", scheme)
			for _, px := range []int64{wide, pad, phone} {
				p.width(px)
				keep(t, filepath.Join(dir, fmt.Sprintf("page-%d%s.png", px, theme)), run(p, chromedp.FullScreenshot(100)))
			}
		}
		keep(t, filepath.Join(dir, "page.pdf"), run(p, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPrintBackground())))
	}
}

func keep(t *testing.T, path string, picture []byte) {
	t.Helper()
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
