package report

import (
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// How the target was seen to change is told, whether or not there is an estimate to tell it of.
func TestHowATargetMovedIsTold(t *testing.T) {
	notes := []attack.Note{{Code: "quick", Text: "short"}, {Code: analyze.NotStationary, Text: "it rose"}}
	for want, c := range map[string]analyze.Capacity{
		"it rose":  {Estimate: &analyze.Estimate{Notes: notes}},
		"it rose.": {Sustained: &analyze.Estimate{Notes: []attack.Note{{Code: analyze.NotStationary, Text: "it rose."}}}},
		"the target changed while it was measured": {Estimate: &analyze.Estimate{Notes: notes[:1]}},
	} {
		if got := moved(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
