package report

import (
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// Each tile of an identification holds a number, or says why there is none.
func TestTilesOfALimiter(t *testing.T) {
	rate, burst := &analyze.Estimate{Value: 598.5}, &analyze.Estimate{Value: 40, Lo: 38, Hi: 41}
	for _, row := range []struct {
		says string
		l    *limits.Limiter
		want [4]string
	}{
		{"a bucket", &limits.Limiter{Algorithm: limits.TokenBucket, Rate: rate, Burst: burst, Refusal: limits.Refusal{Status: 429, RetryAfter: "honest"}, Confidence: .97, Explained: .995, Requests: 1724, PeakRate: 400},
			[4]string{"limit found: 598/s, token bucket", "burst: 40, the most at once from rest, 38 to 41", "refuses with: 429, Retry-After honest", "confidence: 97 %, explains 99.50 % of the decisions on 1,724 requests, up to 400/s"}},
		{"places", &limits.Limiter{Algorithm: limits.Concurrency, Burst: burst, Refusal: limits.Refusal{Status: 503}, Confidence: .9, Explained: 1, Requests: 10, PeakRate: 4},
			[4]string{"limit found: 40 in flight, concurrency", "burst: –, a limit on requests in flight has none", "refuses with: 503, Retry-After none", "confidence: 90 %, explains 100 % of the decisions on 10 requests, up to 4/s"}},
		{"none", &limits.Limiter{Algorithm: limits.NoLimiter, Requests: 2000, PeakRate: 900},
			[4]string{"limit found: none, up to 900/s", "burst: –, nothing is limited", "refuses with: –, nothing was refused", "confidence: –, it rests on 2,000 requests, up to 900/s"}},
		{"one that cannot be told", &limits.Limiter{Algorithm: limits.Unidentified, Rate: rate, Burst: burst, Refusal: limits.Refusal{Status: 429, RetryAfter: "absent"}, Requests: 2000, PeakRate: 900},
			[4]string{"limit found: –, a limiter that cannot be told", "burst: –, cannot be told", "refuses with: 429, Retry-After absent", "confidence: –, it rests on 2,000 requests, up to 900/s"}},
		{"a probe that was cut off", nil, [4]string{"limit found: –, the probe did not end", "requests sent: 0, in 0 trials", "let in: 0, of 0", "throttled: 0, of 0"}},
	} {
		r := Report{Run: journal.Run{Command: "identify"}, Limiter: row.l}
		for i, tile := range r.Tiles() {
			if got := tile.Label + ": " + tile.Value + tile.Unit + ", " + tile.Detail; got != row.want[i] {
				t.Errorf("%s: %q, want %q", row.says, got, row.want[i])
			}
		}
	}
}

// The page of an identification begins with the limiter, draws no curve of loads that were none, and says what to do next.
func TestThePageOfALimiter(t *testing.T) {
	page := pageOf(t, Fold(fixtures()["identify"]))
	limiter, drawn := strings.Index(page, "<h2>The limiter</h2>"), strings.Index(page, "<h2>What was offered")
	if limiter < 0 || drawn < limiter || strings.Count(page, "<h2>The limiter</h2>") != 1 {
		t.Errorf("the limiter stands at %d and what was offered at %d, want it once and first", limiter, drawn)
	}
	for text, want := range map[string]bool{"Latency against offered rate": false, "no search was made": false, "no storm was sent": false,
		"plimsoll verify http://127.0.0.1:8080/ --limit 1400/s --burst 280": true} {
		if strings.Contains(page, text) != want {
			t.Errorf("the page holds %q: %v, want %v", text, !want, want)
		}
	}
}
