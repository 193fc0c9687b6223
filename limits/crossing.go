package limits

import (
	"fmt"
	"strconv"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// crossing is the lowest load at which the curve of sustained points crosses a latency bound of the goal, by straight
// lines between them, and the bound in words. It is 0 where the lightest load breaks the bound already.
func crossing(c analyze.Capacity, g analyze.Goal) (load float64, bound string, crossed bool) {
	for _, b := range g.Latency {
		at, over := crossingOf(c, b)
		if over && (!crossed || at < load) {
			load, crossed = at, true
			bound = fmt.Sprintf("p%s<%v", strconv.FormatFloat(b.Quantile*100, 'g', 6, 64), b.Max)
		}
	}
	return load, bound, crossed
}

func crossingOf(c analyze.Capacity, b analyze.Bound) (load float64, over bool) {
	most := attack.MS(b.Max)
	var low, before float64
	for _, pt := range c.Points {
		if pt.Class != analyze.Sustained || pt.Response == nil || pt.Response.N < p99Enough || pt.Load <= low {
			continue
		}
		switch now := quantile(pt, b.Quantile); {
		case now < most:
			low, before = pt.Load, now
		case low == 0:
			return 0, true
		default:
			return low + (pt.Load-low)*(most-before)/(now-before), true
		}
	}
	return 0, false
}

// quantile is a quantile of a point's response time in milliseconds: from its histogram, or where there is none the next
// higher one that its summary holds.
func quantile(pt analyze.Point, q float64) float64 {
	if pt.Histogram.N() > 0 {
		return attack.MS(pt.Histogram.Quantile(q))
	}
	r := pt.Response
	for _, known := range []struct{ q, ms float64 }{{.5, r.P50}, {.9, r.P90}, {.95, r.P95}, {.99, r.P99}, {.999, r.P999}} {
		if q <= known.q {
			return known.ms
		}
	}
	return r.Max
}
