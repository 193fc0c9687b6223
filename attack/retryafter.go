package attack

import (
	"math"
	"strings"
	"time"
)

// RetryAfterForm is the form in which a Retry-After came.
type RetryAfterForm string

const (
	RetryAbsent    RetryAfterForm = ""
	RetrySeconds   RetryAfterForm = "seconds"
	RetryDate      RetryAfterForm = "date"
	RetryMalformed RetryAfterForm = "malformed"
)

// imfFixdate is the one form of a date that a sender may write (RFC 9110 §5.6.7).
const imfFixdate = "Mon, 02 Jan 2006 15:04:05 GMT"

// ParseRetryAfter reads the value of a Retry-After header as RFC 9110 §10.2.3 has it, strictly: digits alone, or an
// IMF-fixdate. date is the moment the answer was made, from its Date header or, where there is none, the clock; a wait
// that ends before it is 0. Only ok waits may be used; more seconds than a Duration holds are its longest.
//
// Note: the obsolete dates that RFC 9110 §5.6.7 has recipients accept are malformed here, because we judge senders.
func ParseRetryAfter(value string, date time.Time) (wait time.Duration, form RetryAfterForm, ok bool) {
	value = strings.Trim(value, " \t")
	if value == "" {
		return 0, RetryAbsent, false
	}
	if strings.Trim(value, "0123456789") == "" {
		return wholeSeconds(value), RetrySeconds, true
	}
	at, err := time.Parse(imfFixdate, value)
	if err != nil || at.Format(imfFixdate) != value {
		return 0, RetryMalformed, false
	}
	return max(0, at.Sub(date)), RetryDate, true
}

// wholeSeconds reads digits and stops at the longest Duration.
func wholeSeconds(digits string) time.Duration {
	const most = int64(math.MaxInt64 / time.Second)
	n := int64(0)
	for _, c := range digits {
		if n = n*10 + int64(c-'0'); n > most {
			return math.MaxInt64
		}
	}
	return time.Duration(n) * time.Second
}

// ParseDate reads a Date header; false when it is not one.
func ParseDate(value string) (time.Time, bool) {
	at, err := time.Parse(imfFixdate, value)
	return at, err == nil
}
