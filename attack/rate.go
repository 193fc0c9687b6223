package attack

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of arrivals per second. Its text is a number, perhaps with k or M, and perhaps a period: 500, 500/s,
// 30k/m, 2.5k, 10/100ms, 1_000/s.
type Rate float64

// ParseRate reads a rate.
func ParseRate(s string) (Rate, error) {
	n, per, err := parseRate(s)
	return Rate(n / per.Seconds()), err
}

// ParseQuota reads a rate and keeps its two parts apart: 100/2s is 100 requests in 2 s. A number alone is per second.
func ParseQuota(s string) (n float64, per time.Duration, err error) { return parseRate(s) }

var periods = map[string]time.Duration{"s": time.Second, "sec": time.Second, "second": time.Second, "m": time.Minute,
	"min": time.Minute, "minute": time.Minute, "h": time.Hour, "hour": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour}

func parseRate(s string) (float64, time.Duration, error) {
	text := strings.ReplaceAll(strings.TrimSpace(s), "_", "")
	num, per, has := strings.Cut(text, "/")
	period := time.Second
	if has {
		known, ok := periods[per]
		if !ok {
			var err error
			if known, err = time.ParseDuration(per); err != nil || known <= 0 {
				return 0, time.Second, fmt.Errorf("%q is no rate: after / comes s, m, h, d or a duration (500/s, 30k/m, 10/100ms)", s)
			}
		}
		period = known
	}
	mul := 1.0
	switch {
	case strings.HasSuffix(num, "k"):
		mul, num = 1e3, strings.TrimSuffix(num, "k")
	case strings.HasSuffix(num, "M"):
		mul, num = 1e6, strings.TrimSuffix(num, "M")
	}
	f, err := strconv.ParseFloat(num, 64)
	if err != nil || f < 0 || math.IsInf(f, 0) || math.IsNaN(f) {
		return 0, time.Second, fmt.Errorf("%q is no rate (500/s, 30k/m, 2.5k, 10/100ms)", s)
	}
	return f * mul, period, nil
}

// String is the shortest form that reads well.
func (r Rate) String() string {
	v := float64(r)
	trim := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	switch {
	case v >= 1e6:
		return trim(v/1e6) + "M/s"
	case v >= 1e4:
		return trim(v/1e3) + "k/s"
	case v > 0 && v < 1:
		return trim(v*60) + "/m"
	}
	return trim(v) + "/s"
}

// Round is the rate to four significant digits, for sentences: a measured rate is never known better.
func (r Rate) Round() Rate {
	if r == 0 {
		return 0
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(float64(r)))))
	return Rate(math.Round(float64(r)*scale) / scale)
}

// Set reads a rate from a flag.
func (r *Rate) Set(s string) (err error) { *r, err = ParseRate(s); return err }

// Type names the kind of value in a flag's help.
func (r *Rate) Type() string { return "rate" }

// MarshalText writes the rate.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a rate.
func (r *Rate) UnmarshalText(b []byte) error { return r.Set(string(b)) }
