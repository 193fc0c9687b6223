package analyze

import (
	"fmt"

	"github.com/plimsoll-load/plimsoll/attack"
)

// LooksLimited is the code of the note that what broke is what a limiter does, and not what a target does.
const LooksLimited = "looks-like-a-limiter"

// The evidence that failures are refusals.
const (
	likeShare  = .99 // of the failures that must be answers of one status
	likeMedian = 1.5 // × the median at rest: a target that fails for want of capacity makes those that pass wait as well
)

// lookalike recognizes a limiter that does not answer 429: nginx refuses with 503 unless told otherwise, and without a
// Retry-After that would set it apart. Loads are failed by answers of one status alone, 4xx or 503, and the requests that
// pass are as fast as at rest.
//
// Note: a target that turns away at once whatever it cannot begin at once does the same. It can send Retry-After, which
// is counted apart.
func (s *search) lookalike() (attack.Note, bool) {
	var all attack.Window
	for _, r := range s.rows {
		if r.j.Class != Overloaded || r.m.Trial.Phase == Baseline {
			continue
		}
		if r.j.Why != Errors {
			return attack.Note{}, false
		}
		all.Add(r.m.All())
	}
	status, n := refusing(all.Statuses)
	bad := failures(all.Counts)
	fast := float64(all.Response.Quantile(.5)) <= likeMedian*float64(s.rest.P50)
	if n < leastErrors || float64(n) < likeShare*float64(bad) || all.OK == 0 || !fast {
		return attack.Note{}, false
	}
	return attack.Note{Code: LooksLimited, Text: fmt.Sprintf("%d of %d failures were answers with status %d while those that passed stayed as fast as at rest, which is what a limiter does: "+
		"if it is one, run find again with --throttled-status %d", n, bad, status, status)}, true
}

// refusing is the status that refuses most, and how often; 0 when none does.
func refusing(statuses map[int]int64) (status int, n int64) {
	for code, k := range statuses {
		refuses := code == 503 || code >= 400 && code < 500
		if refuses && (k > n || k == n && code < status) {
			status, n = code, k
		}
	}
	return status, n
}
