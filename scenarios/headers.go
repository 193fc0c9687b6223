package scenarios

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The checks of this file hold limit headers against the limit. There is no standard for most of them: X-RateLimit-*,
// the draft's three RateLimit-* fields, and its structured RateLimit and RateLimit-Policy are all read.

// quota is what the limit headers of one answer say; a nil field was not there.
type quota struct {
	limit, remaining *float64
	reset            string
}

var (
	structuredQ = regexp.MustCompile(`;\s*q=(\d+)`)
	structuredR = regexp.MustCompile(`;\s*r=(-?\d+)`)
	structuredT = regexp.MustCompile(`;\s*t=(\d+)`)
)

// first is the number that a header begins with: drafts up to 03, and Envoy after them, let the policies follow it, as in
// 5, 5;w=1;name="per-ip".
func first(v string) string {
	if i := strings.IndexAny(v, ",;"); i >= 0 {
		v = v[:i]
	}
	return strings.TrimSpace(v)
}

func quotaOf(a attack.Attempt) (q quota) {
	number := func(names ...string) *float64 {
		for _, n := range names {
			if v, ok := header(a, n); ok {
				f, err := strconv.ParseFloat(first(v), 64)
				if err != nil {
					f = math.NaN()
				}
				return &f
			}
		}
		return nil
	}
	structured := func(name string, re *regexp.Regexp) *float64 {
		v, _ := header(a, name)
		if m := re.FindStringSubmatch(v); m != nil {
			f, _ := strconv.ParseFloat(m[1], 64)
			return &f
		}
		return nil
	}
	q.limit, q.remaining = number("X-RateLimit-Limit", "RateLimit-Limit"), number("X-RateLimit-Remaining", "RateLimit-Remaining")
	for _, n := range []string{"X-RateLimit-Reset", "RateLimit-Reset"} {
		if v, ok := header(a, n); ok {
			q.reset = v
		}
	}
	if q.limit == nil {
		q.limit = structured("RateLimit-Policy", structuredQ)
	}
	if q.remaining == nil {
		q.remaining = structured("RateLimit", structuredR)
	}
	if t := structured("RateLimit", structuredT); t != nil && q.reset == "" {
		q.reset = fmt.Sprint(*t)
	}
	return q
}

// remaining (V11): the limit told is the burst or the rate; what remains is never negative nor more than the limit, falls
// as the crowd is let in, and is 0 for whoever is refused.
func remaining(e *evidence, ms []attack.Measurement) finding {
	c := e.c.Limit
	in, out, _ := e.split(bySent(ms[0].Log))
	want := fmt.Sprintf("limit %d or %.4g, remaining from it down to 0", c.Burst, c.Rate)
	n, low, high, rise, wrong := 0, math.Inf(1), math.Inf(-1), 0.0, ""
	complain := func(format string, args ...any) {
		if wrong == "" {
			wrong = fmt.Sprintf(format, args...)
		}
	}
	for i, a := range append(in, out...) {
		q := quotaOf(a)
		if q.limit != nil && !near(*q.limit, float64(c.Burst)) && !near(*q.limit, c.Rate) {
			complain("the limit told is %v, which is neither the burst nor the rate", *q.limit)
		}
		if q.limit != nil || q.remaining != nil {
			n++
		}
		if q.remaining == nil {
			continue
		}
		v := *q.remaining
		switch {
		case math.IsNaN(v) || v < 0:
			complain("remaining is %v", v)
		case v > float64(c.Burst) && !(q.limit != nil && v <= *q.limit):
			complain("%v remain of a burst of %d", v, c.Burst)
		case i >= len(in) && v >= 1:
			complain("a refused client is told that %v remain", v)
		}
		if i < len(in) {
			low, high = min(low, v), max(high, v)
			rise += v * math.Copysign(1, float64(2*i-len(in)+1)) // what the later half is told, less what the earlier is: answers overtake one another
		}
	}
	if n == 0 {
		return finding{unlisted: true}
	}
	if moved := high - low; wrong == "" && len(in) > 4 && low <= high && moved < .5*float64(len(in)-1) {
		complain("remaining moved by %.0f only while %d were let in", moved, len(in))
	}
	if wrong == "" && rise > float64(len(in)) {
		complain("remaining rises while the crowd is let in")
	}
	got := "consistent"
	if low <= high {
		got = fmt.Sprintf("remaining from %.0f to %.0f", high, low)
	}
	if wrong != "" {
		return failed(want, got, "%s: clients that pace themselves by it go wrong", wrong)
	}
	return passed(want, got, "%d answers carried limit headers", n)
}

// near tells whether a header's whole number stands for v.
func near(got, v float64) bool { return math.Abs(got-v) < 1 }

// reset (V12): the reset lies between now and the moment at which the bucket is full, and a second.
func reset(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	most := e.c.fill() + time.Second
	want := fmt.Sprintf("0 to %s from now", brief(most))
	n, worst, form, unread := 0, time.Duration(0), "", ""
	for _, a := range m.Log {
		text := quotaOf(a).reset
		if text == "" {
			continue
		}
		n++
		d, f := untilReset(text, now(m, a))
		form = f
		switch {
		case f == "":
			unread = text
		case f == formUnknown:
		case d < -time.Second || d > most:
			return failed(want, brief(d), "the reset %q, read as %s, is no time at which more is to be had: the bucket is full after %s", text, f, brief(e.c.fill()))
		default:
			worst = max(worst, d)
		}
	}
	switch {
	case n == 0:
		return finding{unlisted: true}
	case unread != "":
		return failed(want, unread, "the reset is neither a number nor a date")
	case form == formUnknown:
		return unsure(want, "a moment", "the reset is a moment, and the answers carry no Date to hold it against")
	}
	return passed(want, fmt.Sprintf("up to %s", brief(worst)), "%d resets were read as %s", n, form)
}

// now is the moment of an answer by the server's clock, or by ours; zero when neither is known.
func now(m attack.Measurement, a attack.Attempt) time.Time {
	text, _ := header(a, "Date")
	if t, ok := attack.ParseDate(text); ok {
		return t
	}
	if m.Began.IsZero() {
		return time.Time{}
	}
	return m.Began.Add(a.Received)
}

const formUnknown = "a moment of an unknown clock"

// untilReset reads a reset in any of the forms on the wire: above 10¹² milliseconds of the epoch, above 10⁹ its seconds,
// else seconds from now; or a date.
func untilReset(text string, now time.Time) (d time.Duration, form string) {
	v, err := strconv.ParseFloat(text, 64)
	var at time.Time
	switch {
	case err == nil && v <= 1e9:
		return time.Duration(v * 1e9), "seconds from now"
	case err == nil && v > 1e12:
		at, form = time.UnixMilli(int64(v)), "milliseconds of the epoch"
	case err == nil:
		at, form = time.Unix(0, int64(v*1e9)), "seconds of the epoch"
	default:
		var ok bool
		if at, ok = attack.ParseDate(text); !ok {
			return 0, ""
		}
		form = "a date"
	}
	if now.IsZero() {
		return 0, formUnknown
	}
	return at.Sub(now), form
}
