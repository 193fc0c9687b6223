package attack

import (
	"math"
	"testing"
	"time"
)

func TestParseRetryAfter(t *testing.T) {
	date := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for name, row := range map[string]struct {
		value string
		wait  time.Duration
		form  RetryAfterForm
		ok    bool
	}{
		"nothing":                      {"", 0, RetryAbsent, false},
		"blanks":                       {"  ", 0, RetryAbsent, false},
		"seconds":                      {"120", 2 * time.Minute, RetrySeconds, true},
		"seconds with blanks around":   {" 7\t", 7 * time.Second, RetrySeconds, true},
		"no seconds at all":            {"0", 0, RetrySeconds, true},
		"seconds with zeros in front":  {"007", 7 * time.Second, RetrySeconds, true},
		"more seconds than time":       {"99999999999999999999999", math.MaxInt64, RetrySeconds, true},
		"seconds below zero":           {"-1", 0, RetryMalformed, false},
		"seconds with a plus":          {"+1", 0, RetryMalformed, false},
		"a fraction":                   {"1.5", 0, RetryMalformed, false},
		"a unit":                       {"10s", 0, RetryMalformed, false},
		"two numbers":                  {"1, 2", 0, RetryMalformed, false},
		"digits of another script":     {"٣", 0, RetryMalformed, false},
		"a date":                       {"Sun, 06 Nov 1994 08:50:07 GMT", 30 * time.Second, RetryDate, true},
		"a date that has passed":       {"Sun, 06 Nov 1994 08:00:00 GMT", 0, RetryDate, true},
		"a date of the wrong weekday":  {"Mon, 06 Nov 1994 08:50:07 GMT", 0, RetryMalformed, false},
		"a date of another zone":       {"Sun, 06 Nov 1994 08:50:07 CET", 0, RetryMalformed, false},
		"a day of one digit":           {"Sun, 6 Nov 1994 08:50:07 GMT", 0, RetryMalformed, false},
		"a date as RFC 850 wrote it":   {"Sunday, 06-Nov-94 08:50:07 GMT", 0, RetryMalformed, false},
		"a date as asctime wrote it":   {"Sun Nov  6 08:50:07 1994", 0, RetryMalformed, false},
		"seconds since 1970, as dates": {"Thu, 01 Jan 1970", 0, RetryMalformed, false},
	} {
		wait, form, ok := ParseRetryAfter(row.value, date)
		if wait != row.wait || form != row.form || ok != row.ok {
			t.Errorf("%s: ParseRetryAfter(%q) = %v %q %v, want %v %q %v", name, row.value, wait, form, ok, row.wait, row.form, row.ok)
		}
	}
}
