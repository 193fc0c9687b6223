package main

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

// known is a real limiter whose settings are known.
type known struct {
	name   string
	kind   limits.Algorithm
	anchor string
	rate   float64
	burst  int
	start  func(t *testing.T) string
}

// knownLimiters are nginx, HAProxy, middlewares of two registries, and the algorithms of the lab that none of them has.
func knownLimiters(t *testing.T) []known {
	backend := startLabFor(t, "--capacity", "4000/s", "--seed", "3")
	ofLab := func(args ...string) func(*testing.T) string {
		return func(t *testing.T) string {
			return startLabFor(t, append([]string{"--capacity", "4000/s", "--seed", "3"}, args...)...)
		}
	}
	ofNginx := func(directive string) func(*testing.T) string {
		return func(t *testing.T) string { return startNginx(t, backend, limitZone, directive+tooMany) }
	}
	return []known{
		{"lab fixed-window", limits.FixedWindow, limits.AnchorClock, 50, 50, ofLab("--rate", "50/s", "--burst", "50", "--algorithm", "fixed-window")},
		{"lab sliding-log", limits.SlidingLog, "", 40, 40, ofLab("--rate", "40/s", "--burst", "40", "--algorithm", "sliding-log")},
		{"lab sliding-counter", limits.SlidingCounter, "", 60, 60, ofLab("--rate", "60/s", "--burst", "60", "--algorithm", "sliding-counter")},
		{"nginx nodelay", limits.TokenBucket, "", 200, 51, ofNginx("limit_req zone=z burst=50 nodelay; ")},
		{"nginx delay", limits.LeakyQueue, "", 200, 31, ofNginx("limit_req zone=z burst=30; ")},
		{"HAProxy gpc0_rate", limits.SlidingCounter, "", 60, 60, func(t *testing.T) string {
			return startHAProxy(t, backend, counting+refuse+"{ sc_gpc0_rate(0,counts) ge 60 }\n  http-request sc-inc-gpc0(0)", stickTable)
		}},
		{"throttled (GCRA)", limits.TokenBucket, "", 200, 50, func(t *testing.T) string { return ofGo(t, "throttled", 200, "1s", 50) }},
		{"x/time/rate", limits.TokenBucket, "", 200, 50, func(t *testing.T) string { return ofGo(t, "x-time-rate", 200, "1s", 50) }},
		{"ulule", limits.FixedWindow, limits.AnchorFirst, 60, 60, func(t *testing.T) string { return ofGo(t, "ulule", 60, "1s", 60) }},
		{"koa-ratelimit", limits.FixedWindow, limits.AnchorFirst, 50, 100, func(t *testing.T) string { return ofNPM(t, "koa-ratelimit", 100, 2000) }},
	}
}

// weak rows are those that identify does not always tell: they may be "cannot tell", and never something else.
var weak = map[string]string{
	"HAProxy gpc0_rate":   "where its windows begin anew after a silence does not always show",
	"lab sliding-counter": "the grid of its windows shows in nothing but the ups and downs of what it lets in",
}

// identify says of real limiters what they are: the class, the rate within 3 %, the burst within one or 2 %. Several are
// asked at a time: they are slow, and light.
func TestRealIdentify(t *testing.T) {
	endToEnd(t, "nginx", "haproxy")
	t.Parallel()
	for _, k := range knownLimiters(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			code, output, r := plimsoll(t, "identify", k.start(t), "--seed", "11")
			l := r.Limiter
			if why := weak[k.name]; why != "" && code == exitUndecided && l != nil && !l.Told() {
				t.Logf("%s: cannot tell; %s", k.name, why)
				return
			}
			if late := l != nil && slices.ContainsFunc(l.Notes, func(n attack.Note) bool { return n.Code == "late" }); late && (!l.Told() || l.Algorithm == k.kind) {
				t.Logf("%s: %s, on a machine too busy for more than the kind", k.name, l.Words())
				return
			}
			if code != 0 || l == nil || l.Rate == nil || l.Burst == nil {
				t.Fatalf("exit %d\n%s", code, output)
			}
			k.holds(t, l, output)
		})
	}
}

// holds compares what was told with what is known.
func (k known) holds(t *testing.T, l *limits.Limiter, output string) {
	t.Helper()
	fmt.Printf("%-20s %-16s %-10s rate %8.4g of %4g (%+.2f %%)  burst %3.0f of %3d  %5d requests %5.1f s, up to %.0f/s  Retry-After %s\n", k.name, l.Algorithm, l.Anchor,
		l.Rate.Value, k.rate, 100*(l.Rate.Value/k.rate-1), l.Burst.Value, k.burst, l.Requests, l.Seconds, l.PeakRate, l.Refusal.RetryAfter)
	if l.Algorithm != k.kind || l.Anchor != k.anchor {
		t.Errorf("%s %s, want %s %s\n%s", l.Algorithm, l.Anchor, k.kind, k.anchor, output)
	}
	if off := math.Abs(l.Rate.Value/k.rate - 1); off > .03 {
		t.Errorf("rate %.4g, want %g within 3 %%", l.Rate.Value, k.rate)
	}
	if off := math.Abs(l.Burst.Value - float64(k.burst)); off > max(1, .02*float64(k.burst)) {
		t.Errorf("burst %.0f, want %d", l.Burst.Value, k.burst)
	}
	if l.Requests > limits.ProbeRequests || l.Seconds > limits.ProbeTime.Seconds() {
		t.Errorf("it took %d requests and %.1f s, more than it said before", l.Requests, l.Seconds)
	}
	if l.PeakRate > limits.DefaultProbeRate {
		t.Errorf("a peak of %.0f/s is told, and no more than %d/s was ever asked for", l.PeakRate, limits.DefaultProbeRate)
	}
}
