package limits

import (
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
)

// What identify prints is what verify reads: a window as a window.
func TestVerifyArgumentsSayWhatWasFound(t *testing.T) {
	e := func(v float64) *analyze.Estimate { return &analyze.Estimate{Value: v} }
	for want, l := range map[string]Limiter{
		"--limit 100/s --burst 40":                                    {Algorithm: TokenBucket, Rate: e(100), Burst: e(40)},
		"--limit 50/s --burst 20 --algorithm leaky-queue":             {Algorithm: LeakyQueue, Rate: e(50), Burst: e(20)},
		"--limit 50/500ms --algorithm sliding-window":                 {Algorithm: SlidingLog, Rate: e(99.94), Burst: e(50), WindowS: .5003},
		"--limit 60/2s --algorithm fixed-window":                      {Algorithm: FixedWindow, Rate: e(30), Burst: e(60), WindowS: 2.001},
		"--limit 10/80ms --algorithm sliding-window --profile window": {Algorithm: SlidingCounter, Rate: e(125), Burst: e(10), WindowS: .0802},
		"": {Algorithm: NoLimiter},
	} {
		if got := l.Verify(); got != want {
			t.Errorf("%s: %q, want %q", l.Algorithm, got, want)
		}
	}
}
