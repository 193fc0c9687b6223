package export

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/limits"
)

var haproxy = Format{
	Name: "haproxy", File: "plimsoll-limits.cfg", Title: "HAProxy rate limits (stick tables)", Group: Gateway, Checker: "haproxy -c",
	Template: "haproxy.cfg.tmpl", PerProcess: true, LooserBurst: true, OpenKeys: true, Prove: haproxyProof,
	Correct: haproxyCorrect, Deltas: haproxyDeltas, Read: haproxyRead,
	Keys: KeyMap{Path: "/etc/haproxy/plimsoll-haproxy-keys.map", Place: ", or change its path in the file", Line: "KEY %s"},
}

// The windows that a counter of HAProxy can have: its clock ticks in milliseconds, and below some twenty of them a window
// is mostly rounding; above, a time is at most what 31 bits hold.
const (
	haproxyWindowMin = 20 * time.Millisecond
	haproxyWindowMax = 20 * 24 * time.Hour
)

// haproxyWindow is the window in which a counter admits burst requests, for the limit's rate in the long run.
func haproxyWindow(l limits.Limit) time.Duration {
	ms := math.Ceil(float64(l.Burst)/l.Rate*1e3 - 1e-6)
	return time.Duration(min(ms, float64(haproxyWindowMax/time.Millisecond)+1)) * time.Millisecond
}

// haproxyCorrect turns rate and burst into a window and the number admitted in it: burst in burst/rate, which is as much
// at once, and as much in the long run. A window is not made shorter than haproxyWindowMin; the burst is raised instead.
func haproxyCorrect(p Policy) (Policy, error) {
	var err error
	p.eachLimit(func(l *limits.Limit) {
		window := haproxyWindow(*l)
		if window > haproxyWindowMax {
			err = fmt.Errorf("a burst of %d at %s/s is a window of more than %v", l.Burst, Number(l.Rate), haproxyWindowMax)
			return
		}
		if window < haproxyWindowMin {
			window = haproxyWindowMin
			l.Burst = max(l.Burst, int(floorTo(l.Rate*window.Seconds(), 1)))
		}
		l.Rate = float64(l.Burst) / window.Seconds()
	})
	return p, err
}

func haproxyDeltas(asked, held Policy) []Delta {
	all := []Delta{
		{Corrected: true, Text: fmt.Sprintf("HAProxy has counters over a window, no token bucket: %d requests in %v are the burst and the rate in one", held.Burst, haproxyWindow(held.Limit))},
		{Text: "after a full burst nothing is admitted until the window ends, and then the rate returns by and by: a burst comes back later than a bucket would give it"},
		{Text: "a counter is looked up before the request is tracked, so that refused requests do not count: in the well-known recipe, which tracks first, a steady overload is refused whole"},
		{Text: "between the look-up and the tracking other threads look up too: a crowd may gain a few more requests than the burst"},
		{Text: "Retry-After is static: the length of the window and of one request's share of it"},
	}
	n := max(1, asked.Replicas)
	if held.Burst > max(1, asked.Burst/n) {
		all = append(all, Delta{Text: fmt.Sprintf("a window shorter than %v would be rounding, so the burst is %d instead of %d", haproxyWindowMin, held.Burst, max(1, asked.Burst/n))})
	}
	if len(asked.Tiers) > 0 {
		all = append(all, Delta{Text: "the quotas of the tiers are not enforced: a window of a day or a month would not survive a restart"},
			Delta{Text: "a request whose key is in no tier shares the whole limit with everyone"})
	}
	return all
}

// haproxyWatched is the longest window that plimsoll verify can watch to turn.
const haproxyWatched = 15 * time.Second

// haproxyProof declares the counter for what it is: it weighs the window before by the share of it that it still covers, so
// that up to twice the limit passes at an edge, and nothing is forgotten before two windows have passed.
func haproxyProof(held Policy) string {
	if haproxyWindow(held.Limit) > haproxyWatched {
		return "--profile window"
	}
	return "--algorithm sliding-window --profile window"
}

// haproxyRetry is the static Retry-After: a window that is full is empty enough again one window and one share later.
func haproxyRetry(p Policy) int {
	longest := 0.0
	p.eachLimit(func(l *limits.Limit) { longest = max(longest, haproxyWindow(*l).Seconds()*(1+1/float64(l.Burst))) })
	return int(math.Ceil(longest - 1e-9))
}

// haproxyTime writes a window as HAProxy reads it.
func haproxyTime(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }
