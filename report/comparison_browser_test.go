package report

import (
	"testing"
)

// TestComparisonInABrowser: the curves of all runs are drawn, the legend tells what each measured under the mouse, nothing is asked
// for, and a phone can show it.
func TestComparisonInABrowser(t *testing.T) {
	p := browser(t)
	all := comparisons()
	for _, name := range sortedKeys(all) {
		if testing.Short() && name != "slower" {
			continue
		}
		c := all[name]
		p.show(comparisonOf(t, c))
		if got, want := eval[int](p, `document.querySelectorAll("canvas").length`), len(c.Charts()); got != want {
			t.Errorf("%s shows %d charts, want %d", name, got, want)
		}
		if got := eval[string](p, `document.querySelector("h1").textContent`); got != c.Headline() {
			t.Errorf("%s has the headline %q, want %q", name, got, c.Headline())
		}
		for _, chart := range c.Charts() {
			got := p.point(chart.ID, .6)
			i := nearestX(chart, .6, 0)
			for _, s := range chart.Series {
				if want := told(chart.Y.Unit, s.Ys[i]); got[s.Label] != want {
					t.Errorf("%s, %s: the legend says %q of %s, want %q", name, chart.ID, got[s.Label], s.Label, want)
				}
			}
		}
		for _, fault := range append(faultsOfWidth(p), p.faults(p.url)...) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}
