package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The heat map's size: fine enough to see a stall of a second in four minutes, small enough for a page.
const (
	heatColumns = 240
	heatRows    = 44
)

// heatChart shows how many requests took how long, by the time when they were due.
func (r Report) heatChart() *Chart {
	t := layOut(r.Trials, heatColumns)
	y, ok := t.latencies()
	if !ok {
		return nil
	}
	c := t.heatMap("heat", "Latency over time", y, heatRows)
	c.Subtitle = "Each column " + Number(t.width) + " s; the stronger the colour, the more requests."
	c.Sync, c.Phases, c.Markers = "time", t.coarse(), r.goalMarkers()
	return c
}

// Of identities, those with the most requests have a heat map each, a coarse one, for they share a page.
const (
	identitiesDrawn = 4
	identityColumns = 90
	identityRows    = 22
)

// identityHeats show what each identity waited for in the storms, on one scale; none where there is but one.
func (r Report) identityHeats() (out []Chart) {
	t := layOut(r.stormTrials(), identityColumns)
	requests := map[string]int64{}
	for _, w := range t.windows {
		if n := w.Response.N(); n > 0 {
			requests[w.who] += n
		}
	}
	y, ok := t.latencies()
	if !ok || len(requests) < 2 {
		return nil
	}
	names := sortedKeys(requests)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(requests[b], requests[a]) })
	for i, who := range names[:min(len(names), identitiesDrawn)] {
		one := t
		one.windows = slices.DeleteFunc(slices.Clone(t.windows), func(w placed) bool { return w.who != who })
		c := one.heatMap(fmt.Sprintf("heat-%d", i), who, y, identityRows)
		c.Subtitle = plural(int(requests[who]), "request") + " answered."
		c.Sync, c.Small, c.Markers = "storms", true, r.goalMarkers()
		out = append(out, *c)
	}
	return out
}

// latencies is the axis that holds every response time, false where there are none over time.
func (t timeline) latencies() (Axis, bool) {
	lo, hi := time.Duration(math.MaxInt64), time.Duration(0)
	for _, w := range t.windows {
		for v := range w.Response.Buckets {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	return Axis{Unit: Millis, Log: true, Min: below125(attack.MS(lo)), Max: above125(attack.MS(hi) * 1.02)}, len(t.slots) > 1 && hi > 0
}

func (t timeline) heatMap(id, title string, y Axis, rows int) *Chart {
	c := &Chart{ID: id, Title: title, Series: []Series{}, Y: y, Heat: t.heat(y.Min, y.Max, rows), Table: t.phaseTable(),
		X: Axis{Label: "seconds, trials laid end to end", Unit: Seconds, Max: float64(len(t.slots)) * t.width}}
	for i := range t.slots {
		c.Xs = append(c.Xs, float64(i)*t.width)
	}
	return c
}

func (t timeline) heat(lo, hi float64, rows int) *Heat {
	h := &Heat{Step: t.width}
	for i := range rows + 1 {
		h.Edges = append(h.Edges, lo*math.Pow(hi/lo, float64(i)/float64(rows)))
	}
	for range t.slots {
		h.Cells = append(h.Cells, make([]int64, rows))
	}
	for _, w := range t.windows {
		column := min(int((w.at+w.Len.Seconds()/2)/t.width), len(h.Cells)-1)
		for v, n := range w.Response.Buckets {
			row := int(math.Log(attack.MS(v)/lo) / math.Log(hi/lo) * float64(rows))
			h.Cells[column][min(max(row, 0), rows-1)] += n
		}
	}
	return h
}

// phaseTable is the latency of each phase.
func (t timeline) phaseTable() Table {
	out := Table{Head: []string{"phase", "from s", "to s", "requests", "p50", "p95", "p99", "max"}, Foot: few}
	for _, p := range t.phases {
		var h attack.Histogram
		for _, w := range t.windows {
			if w.at >= p.From && w.at < p.To {
				h.Add(w.Response)
			}
		}
		q, most := quantiles(h.Quantiles()), "–"
		if h.N() > 0 {
			most = Latency(attack.MS(h.Max()))
		}
		out.Rows = append(out.Rows, []string{p.Label, Number(p.From), Number(p.To), count(h.N()), q[0], q[1], q[2], most})
	}
	return out
}
