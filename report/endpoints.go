package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Endpoints are the curves of the target's endpoints by name, nil where it has but one or no search has ended.
func (r Report) Endpoints() map[string]analyze.EndpointCurve {
	c := r.Capacity()
	if c == nil {
		return nil
	}
	return analyze.Endpoints(r.Trials, *c)
}

// endpointColumns are the heads of what endpointRows gives; the last, the name, is of any length.
var endpointColumns = []string{"share", "p50", "p99", "at knee", "failed", "gave way", "endpoint"}

// endpointRows are how each endpoint fared at the highest load that was sustained, in words: its share of the requests, response
// times there, its p99 at the knee, failures, and the load of the whole target from which on it broke the promise.
func (r Report) endpointRows() (load float64, rows [][]string) {
	c, curves := r.Capacity(), r.Endpoints()
	if c == nil || c.Sustained == nil {
		return 0, nil
	}
	for _, name := range sortedKeys(curves) {
		curve := curves[name]
		knee, gave := "–", "–"
		if curve.P99AtKnee > 0 {
			knee = Latency(curve.P99AtKnee)
		}
		if curve.GaveWay > 0 {
			gave = Number(curve.GaveWay) + "/s"
		}
		for _, p := range curve.Points {
			if math.Abs(p.Load/c.Sustained.Value-1) > 1e-6 {
				continue
			}
			q := p.Response
			if q == nil {
				q = &attack.Quantiles{}
			}
			rows = append(rows, []string{Percent(p.Share), quantile(q, .5, q.P50), quantile(q, .99, q.P99), knee, Percent(broken(p.Counts)), gave, name})
		}
	}
	return c.Sustained.Value, rows
}

// weakest says which endpoints gave way before the others; empty where none did.
func (r Report) weakest() string {
	curves := r.Endpoints()
	names := analyze.Weakest(curves)
	if len(names) == 0 {
		return ""
	}
	first := curves[names[0]]
	text := fmt.Sprintf("%s gave way first, at %s/s of all", strings.Join(names, " and "), Number(first.GaveWay))
	if len(names) > 1 {
		return text + "."
	}
	return text + ": " + first.Why + "."
}

func (t *page80) endpoints(r Report) {
	load, rows := r.endpointRows()
	if len(rows) == 0 {
		return
	}
	t.head(fmt.Sprintf("Endpoints, while the target bore %s/s", Number(load)))
	for _, row := range append([][]string{endpointColumns}, rows...) {
		line, last := " ", len(row)-1
		for _, text := range row[:last] {
			line += cell(text, -9)
		}
		t.hanging(line+"  ", strings.Repeat(" ", len(line)+2), row[last])
	}
	if text := r.weakest(); text != "" {
		t.hanging("  ", "  ", text)
	}
}

func markdownEndpoints(b *strings.Builder, r Report) {
	load, rows := r.endpointRows()
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### Endpoints, while the target bore %s/s\n\n", Number(load))
	if text := r.weakest(); text != "" {
		fmt.Fprintf(b, "%s\n\n", md(text))
	}
	fmt.Fprintf(b, "| %s |\n|%s --- |\n", strings.Join(endpointColumns, " | "), strings.Repeat(" ---: |", len(endpointColumns)-1))
	for _, row := range rows {
		row[len(row)-1] = md(row[len(row)-1])
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}

// endpointsDrawn is how many endpoints a chart tells apart, those with the most requests.
const endpointsDrawn = 6

// endpointChart is the p99 of each endpoint against the load of the whole target, nil where it has but one.
func (r Report) endpointChart() *Chart {
	curves := r.Endpoints()
	var xs Values
	due := map[string]int64{}
	for name, curve := range curves {
		for _, p := range curve.Points {
			if p.Response != nil && p.Response.N >= drawnRequests {
				xs = append(xs, p.Load)
			}
			due[name] += p.Counts.Due
		}
	}
	slices.Sort(xs)
	if xs = slices.Compact(xs); len(xs) < 2 {
		return nil
	}
	names := sortedKeys(curves)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(due[b], due[a]) })
	c := &Chart{ID: "endpoints", Title: "Latency by endpoint", Subtitle: "p99 of each, against the rate offered to the whole target. " + r.weakest(), Sync: "rate", Xs: xs}
	for i, name := range names[:min(len(names), endpointsDrawn)] {
		s := Series{Label: name, Colour: sideColours[i], Width: 2, Dots: true, Span: true, Ys: make(Values, len(xs))}
		for k := range s.Ys {
			s.Ys[k] = none
		}
		for _, p := range curves[name].Points {
			if k, found := slices.BinarySearch(xs, p.Load); found && p.Response != nil && p.Response.N >= drawnRequests {
				s.Ys[k] = high(p.Response)
			}
		}
		c.Series = append(c.Series, s)
	}
	if len(names) > endpointsDrawn {
		c.Subtitle += fmt.Sprintf(" The %d with the most requests of %d.", endpointsDrawn, len(names))
	}
	c.Markers = append(r.loadMarkers(), r.goalMarkers()...)
	c.X, c.Y = rateAxis(c), latencyAxis(c)
	_, rows := r.endpointRows()
	c.Table = Table{Head: endpointColumns, Rows: rows}
	return c
}
