package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
)

// slotsMax bounds the points of a chart over time, so that a page stays small however long the run was.
const slotsMax = 900

// timeline lays trials end to end, requests one after the other left out, and cuts the time into slots of equal width.
type timeline struct {
	width   float64 // of a slot, seconds
	slots   []slot
	phases  []Phase
	windows []placed
	begins  []float64 // of each trial given; NaN for those left out
}

// slot is what was due in one stretch of time.
type slot struct {
	covered                                           float64 // seconds of it in which something could be due
	due, ok, throttled, shed, failed, timeout, unsent float64
	turned                                            float64 // away as they should; the failed are without them
}

// placed is a window, where it begins on the common time axis, and whose it is.
type placed struct {
	at     float64
	who    string
	turned int64 // of its failed
	attack.Window
}

func layOut(trials []attack.Measurement, slotsMax int) timeline {
	var t timeline
	end := 0.0
	var ends []float64
	for _, m := range trials {
		long := lengthOf(m)
		if m.Trial.Serial != nil || long == 0 {
			t.begins = append(t.begins, none)
			continue
		}
		t.begins = append(t.begins, end)
		for _, w := range m.Windows {
			t.windows = append(t.windows, placed{at: end + w.At.Seconds(), who: identityOf(m.Trial, w.Actor), turned: turnedAway(m.Trial, w), Window: w})
		}
		t.name(m.Trial.Phase, end, end+math.Ceil(long))
		ends = append(ends, end, end+long)
		end += math.Ceil(long)
	}
	t.width = max(1, math.Ceil(end/float64(slotsMax)))
	t.slots = make([]slot, int(math.Ceil(end/t.width)))
	for i := 0; i < len(ends); i += 2 {
		t.spread(ends[i], ends[i+1], func(s *slot, share, seconds float64) { s.covered += seconds })
	}
	for _, w := range t.windows {
		t.spread(w.at, w.at+w.Len.Seconds(), func(s *slot, share, seconds float64) {
			s.add(w.Counts, share)
			s.apart(float64(w.turned) * share)
		})
	}
	return t
}

// lengthOf is the time over which arrivals of a measurement were due, in seconds.
func lengthOf(m attack.Measurement) float64 {
	long := 0.0
	for _, w := range m.Windows {
		long = max(long, (w.At + w.Len).Seconds())
	}
	return long
}

// name makes a phase longer, or begins a new one.
func (t *timeline) name(phase string, from, to float64) {
	if n := len(t.phases); n > 0 && t.phases[n-1].Label == phase {
		t.phases[n-1].To = to
		return
	}
	t.phases = append(t.phases, Phase{From: from, To: to, Label: phase})
}

// spread calls f for each slot that lies within from..to, with the share of that stretch and the seconds in the slot.
func (t *timeline) spread(from, to float64, f func(s *slot, share, seconds float64)) {
	for i := int(from / t.width); i < len(t.slots) && float64(i)*t.width < to; i++ {
		seconds := min(to, float64(i+1)*t.width) - max(from, float64(i)*t.width)
		if seconds > 1e-9 {
			f(&t.slots[i], seconds/(to-from), seconds)
		}
	}
}

// pools are the response times of the answers due in each slot.
func (t timeline) pools() []attack.Histogram {
	out := make([]attack.Histogram, len(t.slots))
	for _, w := range t.windows {
		out[min(int((w.at+w.Len.Seconds()/2)/t.width), len(out)-1)].Add(w.Response)
	}
	return out
}

// coarse are the phases that a picture of the whole run names: those of one command as one, and none that is too short to be seen.
func (t timeline) coarse() (out []Phase) {
	least := float64(len(t.slots)) * t.width * phaseLeast
	for _, p := range t.phases {
		p.Label, _, _ = strings.Cut(p.Label, "/")
		last := len(out) - 1
		switch {
		case last >= 0 && out[last].Label == p.Label, last >= 0 && p.To-p.From < least:
			out[last].To = p.To
		case last >= 0 && out[last].To-out[last].From < least:
			out[last].To, out[last].Label = p.To, p.Label
		default:
			out = append(out, p)
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// phaseLeast is the share of the time below which a phase is part of the one beside it.
const phaseLeast = 0.03

func (s *slot) add(c attack.Counts, share float64) {
	s.due += float64(c.Due) * share
	s.ok += float64(c.OK) * share
	s.throttled += float64(c.Throttled) * share
	s.shed += float64(c.Shed) * share
	s.failed += float64(c.Failed) * share
	s.timeout += float64(c.Timeout) * share
	s.unsent += float64(c.Unsent) * share
}

// apart takes from the failed those that were turned away as they should.
func (s *slot) apart(turned float64) { s.failed, s.turned = s.failed-turned, s.turned+turned }

// rates draws the outcomes of a timeline as a stack, with the offered rate above it.
func (t timeline) rates(c *Chart) {
	top := 0.0
	for i, s := range t.slots {
		c.Xs = append(c.Xs, float64(i)*t.width)
		if s.covered > 0 {
			top = max(top, s.due/s.covered)
		}
	}
	c.layers(t.slots)
	c.closeSteps(float64(len(t.slots)) * t.width)
	c.Phases = t.coarse()
	c.X = Axis{Label: "seconds, trials laid end to end", Unit: Seconds, Max: float64(len(t.slots)) * t.width}
	c.Y = Axis{Unit: PerSecond, Max: roundUp(top*1.18, 6)}
}

// layers are the outcomes of slots as a stack, and what was offered as a line. Outcomes that never came are left out.
func (c *Chart) layers(slots []slot) {
	layers := []struct {
		label  string
		colour Colour
		of     func(slot) float64
	}{
		{"ok", Green, func(s slot) float64 { return s.ok }}, {"throttled", Amber, func(s slot) float64 { return s.throttled }},
		{turnedHead, Teal, func(s slot) float64 { return s.turned }},
		{"shed", Violet, func(s slot) float64 { return s.shed }}, {"failed", Red, func(s slot) float64 { return s.failed }},
		{"timeout", Plum, func(s slot) float64 { return s.timeout }}, {"unsent", Grey, func(s slot) float64 { return s.unsent }},
	}
	for _, l := range layers {
		layer := Series{Label: l.label, Colour: l.colour, Stack: true}
		for _, s := range slots {
			layer.Ys = append(layer.Ys, s.rate(l.of(s)))
		}
		if l.label == "ok" || slices.ContainsFunc(layer.Ys, func(v float64) bool { return v > 0 }) {
			c.Series = append(c.Series, layer)
		}
	}
	offered := Series{Label: "offered", Colour: Ink, Width: 1.4, Dashed: true}
	for _, s := range slots {
		offered.Ys = append(offered.Ys, s.rate(s.due))
	}
	c.Series = append(c.Series, offered)
}

func (s slot) rate(n float64) float64 {
	if s.covered <= 0 {
		return none
	}
	return n / s.covered
}

func (r Report) timelineChart() *Chart {
	t := layOut(r.Trials, slotsMax)
	if len(t.slots) < 2 {
		return nil
	}
	c := &Chart{ID: "timeline", Title: "What was offered, and what became of it", Subtitle: "By the second in which requests were due; failures and refusals are never counted as answered." + r.leftOut(), Sync: "time", Table: r.trialTable()}
	if slices.ContainsFunc(t.slots, func(s slot) bool { return s.turned > 0 }) {
		c.Subtitle += " Those turned away had no right to be let in, and were told so."
	}
	t.rates(c)
	if l := r.Limit(); l != nil {
		c.Markers = []Marker{r.limitLine(l.Rate)}
	}
	return c
}

// leftOut says which trials no chart over time shows, "" where it shows all.
func (r Report) leftOut() string {
	n := 0
	for _, m := range r.Trials {
		n += one(m.Trial.Serial == nil)
	}
	if n == len(r.Trials) {
		return ""
	}
	return fmt.Sprintf(" %d of the %s: the others sent one request after the other.", n, plural(len(r.Trials), "trial"))
}

// limitLine is the limit across a chart of rates, and of which tier it is where there are several.
func (r Report) limitLine(rate float64) Marker {
	label := "limit " + Number(rate)
	if main := r.mainTier(); main != "" {
		label += " of " + main
	}
	return Marker{OnY: true, At: rate, Label: label, Colour: Green, Dashed: true}
}

// trialRows bounds the trials that a page lists.
const trialRows = 250

func (r Report) trialTable() Table {
	t := Table{Head: []string{"trial", "phase", "why", "offered /s", "ok of due /s", "due", "throttled", turnedHead, "shed", "failed", "timeout", "unsent", "p50", "p99", "ended"}, Foot: "ok of due: answered well, of what was due in the trial, its warm-up left out. " + few}
	for i, m := range r.Trials {
		if i == trialRows {
			t.Rows = append(t.Rows, []string{"…", fmt.Sprintf("%s more in the journal", plural(len(r.Trials)-i, "trial"))})
			break
		}
		x := trialResult(m)
		q := quantiles(x.Response)
		ended := "whole"
		switch {
		case x.Void != "":
			ended = "void: " + x.Void
		case m.Aborted != nil:
			ended = "after " + span(m.Aborted.At) + ": " + string(m.Aborted.Reason)
		}
		t.Rows = append(t.Rows, []string{Number(float64(x.N)), x.Phase, x.Why, Number(x.Rate), Number(x.Achieved), count(x.Due), count(x.Throttled), count(x.TurnedAway), count(x.Shed),
			count(x.Failed - x.TurnedAway), count(x.Timeout), count(x.Unsent), q[0], q[2], ended})
	}
	return t.without(turnedHead)
}
