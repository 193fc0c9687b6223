package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze/history"
)

// Nth is the unit of an axis that counts runs; Axis.Names says what stands there.
const Nth Unit = "nth"

// Charts are the pictures of a service, one for each metric with at least two runs. IDs begin with the prefix.
func (s Service) Charts(prefix string) (out []Chart) {
	for i, m := range s.Metrics {
		if len(m.Points) > 1 {
			out = append(out, s.trend(fmt.Sprintf("%s-%d", prefix, i), m, prefix))
		}
	}
	return out
}

// trend is one metric over all runs of the service; a run that lacks it leaves a gap.
func (s Service) trend(id string, m history.Metric, sync string) Chart {
	c := Chart{ID: id, Title: strings.TrimSuffix(sentence(called(m)), "."), Subtitle: s.trendWords(m), Sync: sync, Small: m.Name != "capacity", Table: trendTable(s, m)}
	value := Series{Label: m.Name, Colour: First, Width: 1.8, Dots: true, Ys: make(Values, len(s.Runs))}
	now := Series{Label: "level", Colour: Mute, Width: 1.4, Dashed: true, Ys: make(Values, len(s.Runs))}
	band := Band{Label: "interval of each run", Colour: First, Lo: make(Values, len(s.Runs)), Hi: make(Values, len(s.Runs))}
	for i, run := range s.Runs {
		c.Xs = append(c.Xs, float64(i+1))
		c.X.Names = append(c.X.Names, run.Began.UTC().Format("01-02"))
		c.X.Hints = append(c.X.Hints, hint(run))
		value.Ys[i], now.Ys[i], band.Lo[i], band.Hi[i] = none, none, none, none
	}
	known := 0
	for _, p := range m.Points {
		value.Ys[p.Run] = p.Value
		if p.Hi > p.Lo && p.Lo > 0 {
			band.Lo[p.Run], band.Hi[p.Run] = p.Lo, p.Hi
			known++
		}
	}
	c.Series = []Series{value}
	if len(m.Spans) > 0 {
		for _, span := range m.Spans {
			for i := m.Points[span.From].Run; i <= m.Points[span.To-1].Run; i++ {
				now.Ys[i] = span.Level.Value
			}
		}
		c.Series = append(c.Series, now)
	}
	if known > 1 {
		c.Bands = []Band{band}
	}
	c.Markers = changeMarkers(m)
	c.X.Unit, c.X.Min, c.X.Max = Nth, .5, float64(len(s.Runs))+.5
	c.Y = trendAxis(c, m.Unit)
	return c
}

// hint is what stands beside a run when one points at it.
func hint(p history.Place) string {
	text := p.Began.UTC().Format("2006-01-02 15:04")
	if p.Commit != "" {
		text += " " + short(p.Commit)
	}
	return text
}

// changeMarkers stand between the last run before and the first behind a change; all that lie between are in doubt.
func changeMarkers(m history.Metric) (out []Marker) {
	for _, c := range m.Changes {
		before, after := float64(m.Points[c.At-1].Run+1), float64(m.Points[c.At].Run+1)
		mark := Marker{At: (before + after) / 2, Label: signed(c.Ratio.Value), Sub: "from " + day(c.After.Began), Colour: Green}
		if c.Worse {
			mark.Colour = Red
		}
		if after-before > 1 {
			mark.Lo, mark.Hi = before, after
		}
		out = append(out, mark)
	}
	return out
}

// trendAxis holds all values and intervals with room above for the markers' labels. It does not begin at 0: a change of
// some per cent must show.
func trendAxis(c Chart, unit string) Axis {
	lo, hi := math.Inf(1), 0.
	see := func(vs Values) {
		for _, v := range vs {
			if v > 0 && !math.IsInf(v, 0) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	for _, s := range c.Series {
		see(s.Ys)
	}
	for _, b := range c.Bands {
		see(b.Lo)
		see(b.Hi)
	}
	if room := .1 * hi; hi-lo < room { // a calm service shall look calm
		lo, hi = (lo+hi-room)/2, (lo+hi+room)/2
	}
	s := step(hi-lo, 5)
	a := Axis{Unit: PerSecond, Min: max(0, math.Floor(lo/s)*s), Max: math.Ceil((hi+.12*(hi-lo))/s) * s}
	if unit == history.Millis {
		a.Unit = Millis
	}
	return a
}

func (s Service) trendWords(m history.Metric) string {
	text := "Each run in order of time; the axis does not begin at 0."
	if m.Unit == history.Rate {
		text += " Shaded: the interval of each run."
	}
	switch n := len(m.Changes); {
	case len(m.Spans) == 0:
		return text + fmt.Sprintf(" Too few runs to tell of changes: %d of %d.", len(m.Points), s.Needed)
	case n == 0:
		return text + " Nothing changed."
	}
	return text + " Standing lines: " + plural(len(m.Changes), "change") + "."
}

func trendTable(s Service, m history.Metric) Table {
	t := Table{Head: []string{"run", "began", "commit", m.Name, "interval", "level"}}
	span := 0
	for i, p := range m.Points {
		level, doubt, commit := "–", "–", "–"
		if len(m.Spans) > 0 {
			if i == m.Spans[span].To {
				span++
			}
			level = inUnit(m.Unit, m.Spans[span].Level.Value)
		}
		if p.Hi > p.Lo {
			doubt = inUnit(m.Unit, p.Lo) + " – " + inUnit(m.Unit, p.Hi)
		}
		run := s.Runs[p.Run]
		if run.Commit != "" {
			commit = short(run.Commit)
		}
		t.Rows = append(t.Rows, []string{run.ID, run.Began.UTC().Format("2006-01-02 15:04"), commit, inUnit(m.Unit, p.Value), doubt, level})
	}
	return t
}
