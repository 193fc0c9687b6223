package analyze_test

import (
	"slices"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack/sim/population"
)

// The ramp with thresholds counts requests that timed out as failed, as k6 does, and so ends soon after the load at which
// impatient clients leave. Where it counts only what was answered it runs on to its end.
func TestTheRampCountsTimeouts(t *testing.T) {
	t.Parallel()
	impatient := such(known(population.Judging), func(s population.Service) bool {
		return s.Kind == population.Impatient && s.Truth.Break < 250
	})
	all := contest(against(rivals[0]), impatient)
	off := errorsOf(all)
	t.Logf("%d services: %.2f to %.2f off", len(off), slices.Min(off), slices.Max(off))
	if len(off) < 8 || off.at(.5) > .6 || off.at(1) > 2 {
		t.Errorf("%d estimates, off by %.2f in the middle and %.2f at most, want 8, 0.6 and 2", len(off), off.at(.5), off.at(1))
	}
}
