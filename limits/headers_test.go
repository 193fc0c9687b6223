package limits_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/limits"
)

// said prints quotas in one line each, for tables.
func said(qs []limits.Quota) string {
	number := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprint(*v)
	}
	var lines []string
	for _, q := range qs {
		line := fmt.Sprintf("%s %q %s/%s", q.Family, q.Name, number(q.Remaining), number(q.Limit))
		if q.Window > 0 {
			line += " in " + q.Window.String()
		}
		if q.Rate != nil {
			line += " at " + number(q.Rate)
		}
		if q.Reset != nil {
			line += fmt.Sprintf(" reset %v %v (%s)", q.Reset.In.Round(time.Millisecond), q.Reset.Known, q.Reset.Form)
		}
		if q.Unit != "" {
			line += " of " + q.Unit
		}
		for _, f := range q.Faults {
			line += " ! " + f
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// What the middlewares and gateways that we know of really send.
func TestEveryDialectIsRead(t *testing.T) {
	now := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		who     string
		headers map[string]string
		want    string
	}{
		{"nobody", map[string]string{"Retry-After": "3"}, ``},
		{"GitHub: epoch", map[string]string{"X-Ratelimit-Limit": "5000", "X-Ratelimit-Remaining": "4999", "X-Ratelimit-Reset": "1795406405"},
			`x "" 4999/5000 reset 5s true (seconds of the epoch)`},
		{"koa-ratelimit: an epoch with decimals", map[string]string{"x-ratelimit-reset": "1795406405.5"}, `x "" -/- reset 5.5s true (seconds of the epoch)`},
		{"milliseconds", map[string]string{"X-RateLimit-Reset": "1795406405000"}, `x "" -/- reset 5s true (milliseconds of the epoch)`},
		{"fastify: seconds left", map[string]string{"x-ratelimit-limit": "5", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "12"}, `x "" 0/5 reset 12s true (seconds from now)`},
		{"go-limiter: a date", map[string]string{"X-RateLimit-Reset": "Mon, 23 Nov 2026 04:00:09 UTC"}, `x "" -/- reset 9s true (a date)`},
		{"Envoy: policies behind the number", map[string]string{"x-ratelimit-limit": `5, 5;w=1;name="per-ip"`, "x-ratelimit-remaining": "4", "x-ratelimit-reset": "1"},
			`x "" 4/5 in 1s reset 1s true (seconds from now)`},
		{"Kong: several windows", map[string]string{"X-RateLimit-Limit-Minute": "100", "X-RateLimit-Remaining-Minute": "99", "X-RateLimit-Limit-Hour": "1000"},
			"kong \"minute\" 99/100 in 1m0s\nkong \"hour\" -/1000 in 1h0m0s"},
		{"Spring Cloud Gateway", map[string]string{"X-RateLimit-Remaining": "19", "X-RateLimit-Replenish-Rate": "10", "X-RateLimit-Burst-Capacity": "20", "X-RateLimit-Requested-Tokens": "1"},
			`spring "" 19/20 at 10`},
		{"express-rate-limit, draft 6", map[string]string{"RateLimit-Policy": "100;w=60", "RateLimit-Limit": "100", "RateLimit-Remaining": "50", "RateLimit-Reset": "5"},
			`triple "" 50/100 in 1m0s reset 5s true (seconds from now)`},
		{"express-rate-limit, draft 7", map[string]string{"RateLimit-Policy": "100;w=60", "RateLimit": "limit=100, remaining=50, reset=5"},
			`draft-07 "" 50/100 in 1m0s reset 5s true (seconds from now)`},
		{"structured", map[string]string{"RateLimit-Policy": `"burst";q=100;w=60,"daily";q=1000;w=86400`, "RateLimit": `"burst";r=50;t=30, "daily";r=900`},
			"structured \"burst\" 50/100 in 1m0s reset 30s true (seconds from now)\nstructured \"daily\" 900/1000 in 24h0m0s"},
		{"structured, another unit, a partition", map[string]string{"Ratelimit-Policy": `"up";q=65535;qu="content-bytes";w=10;pk=:dHJ1ZQ==:`, "Ratelimit": `"up";r=10;pk=:dHJ1ZQ==:`},
			`structured "up" 10/65535 in 10s of content-bytes`},
		{"a policy alone", map[string]string{"RateLimit-Policy": `"a";q=5`}, `structured "a" -/5`},
		{"two at once", map[string]string{"RateLimit": `"a";r=1`, "X-RateLimit-Remaining": "1"}, "structured \"a\" 1/-\nx \"\" 1/-"},

		{"words for numbers", map[string]string{"X-RateLimit-Remaining": "few", "X-RateLimit-Reset": "soon"},
			`x "" -/- ! x-ratelimit-remaining is "few", want a number ! x-ratelimit-reset is "soon", want a number or a date`},
		{"a policy without its number", map[string]string{"X-RateLimit-Limit": ", 5;w=1"}, `x "" -/- ! x-ratelimit-limit is ", 5;w=1", want a number`},
		{"no r", map[string]string{"RateLimit": `"a";t=5`}, `structured "a" -/- reset 5s true (seconds from now) ! ratelimit "a" has no r, which it must have`},
		{"a negative r", map[string]string{"RateLimit": `"a";r=-1`}, `structured "a" -/- ! "a" has r=-1, want a whole number from 0`},
		{"a window of part of a second", map[string]string{"RateLimit-Policy": `"a";q=5;w=0.5`, "RateLimit": `"a";r=1`}, `structured "a" 1/5 ! "a" has w=0.5, want a whole number from 1`},
		{"no q", map[string]string{"RateLimit-Policy": `"a";w=5`}, `structured "a" -/- in 5s ! ratelimit-policy "a" has no q, which it must have`},
		{"no name", map[string]string{"RateLimit": `default;r=5;t=1`}, `structured "" -/- ! ratelimit has an item that is not named by a string: want "name";r=remaining;t=seconds`},
		{"rubbish", map[string]string{"RateLimit": `"a`}, `structured "" -/- ! ratelimit is ""a", want "name";r=remaining;t=seconds`},
		{"a draft-07 field with words", map[string]string{"RateLimit": `limit=many, remaining=5`}, `draft-07 "" 5/- ! ratelimit has a limit that is no number`},
	} {
		if got := said(limits.ParseHeaders(row.headers, now)); got != row.want {
			t.Errorf("%s:\n got %s\nwant %s", row.who, got, row.want)
		}
	}
}

func TestAMomentNeedsAClock(t *testing.T) {
	for text, known := range map[string]bool{"1795406405": false, "1795406405000": false, "Mon, 23 Nov 2026 04:00:09 GMT": false, "12": true} {
		if r := limits.ParseReset(text, time.Time{}); r == nil || r.Known != known {
			t.Errorf("ParseReset(%q) without a clock = %+v, want known %v", text, r, known)
		}
	}
}

func TestADialectIsNamed(t *testing.T) {
	q := limits.ParseHeaders(map[string]string{"X-RateLimit-Reset": "1795406405"}, time.Time{})
	if got := q[0].Dialect(); got != "X-RateLimit-*, reset as seconds of the epoch" {
		t.Errorf("dialect %q", got)
	}
	for _, f := range []limits.Family{limits.Structured, limits.Draft07, limits.Triple, limits.Legacy, limits.Kong, limits.Spring} {
		if (limits.Quota{Family: f}).Dialect() == "" {
			t.Errorf("%s has no name for people", f)
		}
	}
}

// Whatever comes, reading ends, and what is read is a number.
func TestAnyHeaderIsReadOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := map[string]string{}
		for _, name := range []string{"RateLimit", "RateLimit-Policy", "RateLimit-Limit", "X-RateLimit-Reset", "X-RateLimit-Remaining"} {
			if rapid.Bool().Draw(t, name) {
				h[name] = rapid.StringMatching(`("[a-z]{0,3}"|[a-z]+=|-?[0-9.]{0,20})(;[qrtw]=(-?[0-9]{0,16}|"x"|\?1))*(,\s?[0-9a-z";=]*)?`).Draw(t, "value")
			}
		}
		for _, q := range limits.ParseHeaders(h, time.Time{}) {
			for _, v := range []*float64{q.Limit, q.Remaining, q.Rate} {
				if v != nil && *v != *v {
					t.Fatalf("%v: read as %s", h, said([]limits.Quota{q}))
				}
			}
		}
	})
}
