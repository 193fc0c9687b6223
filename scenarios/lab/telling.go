package lab

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Dialect is a way to tell clients of their limit. There is no standard for the older ones.
type Dialect string

// The dialects of limit headers.
const (
	XRateLimit      Dialect = "x-ratelimit"       // X-RateLimit-Limit, -Remaining, and -Reset in seconds from now
	XRateLimitEpoch Dialect = "x-ratelimit-epoch" // the same, -Reset in seconds of the epoch (GitHub)
	RateLimitTriple Dialect = "ratelimit-triple"  // RateLimit-Limit, -Remaining, -Reset and -Policy (draft-ietf-httpapi-ratelimit-headers-03 to -06)
	Draft07         Dialect = "draft-07"          // RateLimit: limit=, remaining=, reset= (the same draft, -07)
	Structured      Dialect = "structured"        // RateLimit and RateLimit-Policy as structured fields (-08 and later)
	NoHeaders       Dialect = "none"
)

// Dialects lists all of them.
var Dialects = []Dialect{NoHeaders, XRateLimit, XRateLimitEpoch, RateLimitTriple, Draft07, Structured}

// draft tells whether a dialect is one of draft-ietf-httpapi-ratelimit-headers.
func (l Dialect) draft() bool { return l == RateLimitTriple || l == Draft07 || l == Structured }

// Form is a way to tell a wait in Retry-After (RFC 9110 §10.2.3).
type Form string

// The forms of Retry-After.
const (
	Seconds Form = "seconds"
	Date    Form = "date"
	Silent  Form = "none" // there is no Retry-After
)

// Forms lists all of them.
var Forms = []Form{Seconds, Date, Silent}

// say puts a limit into headers, at a moment. Names are in canonical form, which spares net/http the work.
func (l Dialect) say(h http.Header, d decision, now time.Time) {
	limit, left := strconv.FormatInt(d.limit, 10), strconv.FormatInt(d.remaining, 10)
	reset := strconv.FormatInt(wholeSeconds(d.reset), 10)
	if l.draft() && d.ruling != admitted { // the draft wants the time until more is to be had, and Retry-After not before it
		reset = strconv.FormatInt(wholeSeconds(min(d.reset, d.wait)), 10)
	}
	policy := fmt.Sprintf("%d;w=%d", d.limit, max(wholeSeconds(d.window), 1))
	switch l {
	case XRateLimitEpoch:
		reset = strconv.FormatInt(ceilSecond(now.Add(d.reset)).Unix(), 10)
		fallthrough
	case XRateLimit:
		h.Set("X-Ratelimit-Limit", limit)
		h.Set("X-Ratelimit-Remaining", left)
		h.Set("X-Ratelimit-Reset", reset)
	case RateLimitTriple:
		h.Set("Ratelimit-Limit", limit)
		h.Set("Ratelimit-Remaining", left)
		h.Set("Ratelimit-Reset", reset)
		h.Set("Ratelimit-Policy", policy)
	case Draft07:
		h.Set("Ratelimit", fmt.Sprintf("limit=%s, remaining=%s, reset=%s", limit, left, reset))
		h.Set("Ratelimit-Policy", policy)
	case Structured:
		h.Set("Ratelimit", fmt.Sprintf(`"default";r=%s;t=%s`, left, reset))
		h.Set("Ratelimit-Policy", `"default";q=`+policy)
	}
}

// say puts a wait into Retry-After, at a moment: rounded up, so that it suffices.
func (f Form) say(h http.Header, wait time.Duration, now time.Time) {
	switch f {
	case Seconds:
		h.Set("Retry-After", seconds(wait))
	case Date:
		h.Set("Retry-After", ceilSecond(now.Add(wait)).UTC().Format(http.TimeFormat))
	}
}

// ceilSecond is the first whole second that is not before t.
func ceilSecond(t time.Time) time.Time {
	whole := t.Truncate(time.Second)
	if whole.Before(t) {
		whole = whole.Add(time.Second)
	}
	return whole
}
