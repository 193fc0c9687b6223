package report

import (
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/limits"
)

// The headline tells of a limiter no more than is known: a delay alone is a queue's or a capacity's.
func TestLimiterHeadline(t *testing.T) {
	rate, burst := &analyze.Estimate{Value: 598.5}, &analyze.Estimate{Value: 40}
	for want, l := range map[string]limits.Limiter{
		"Whether a queue or its own capacity delays shop beyond 598 requests a second cannot be told": {Algorithm: limits.Unidentified, Rate: rate, Slope: rate},
		"Which limiter stands in front of shop cannot be told":                                        {Algorithm: limits.Unidentified, Rate: rate, Slope: rate, Refusal: limits.Refusal{Status: 429}},
		"In front of shop stands a leaky queue of 598.5/s with a burst of 40":                         {Algorithm: limits.LeakyQueue, Rate: rate, Slope: rate, Burst: burst, Refusal: limits.Refusal{Status: 429}},
		"Nothing limits shop up to 900 requests a second":                                             {Algorithm: limits.NoLimiter, PeakRate: 900},
	} {
		if got := limiterHeadline("shop", l); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// An interval whose ends read as the value says nothing.
func TestAnIntervalIsToldWhereItReadsAsOne(t *testing.T) {
	for want, e := range map[string]*analyze.Estimate{"100/s": {Value: 100, Lo: 99.97, Hi: 100.04}, "100/s, 99.6 to 100": {Value: 100, Lo: 99.6, Hi: 100.04}, "": nil} {
		if got := estimateWords(e, "/s"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
