package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/attack"
)

// misses bounds the marks of looks that found nothing.
const missesMax = 12

// sightChart shows how fast the backend answered a look beside the storm, on the time axis of the whole run, and where it did not.
// It is nil when nobody looked.
func (r Report) sightChart() *Chart {
	t := layOut(r.Trials, slotsMax)
	if len(t.slots) < 2 {
		return nil
	}
	c := &Chart{ID: "sights", Title: "The backend beside the storm", Subtitle: "How long its health check took, asked about once a second while requests were sent.", Sync: "time", Small: true}
	s := Series{Label: "health check", Colour: Teal, Width: 1.4, Dots: true, Ys: Values{}}
	type look struct{ at, ms float64 }
	var looks []look
	for i, m := range r.Trials {
		if math.IsNaN(t.begins[i]) {
			continue
		}
		for _, h := range m.Seen(attack.SightHealth) {
			at := t.begins[i] + max(0, h.At.Seconds())
			if h.OK {
				looks = append(looks, look{at, max(attack.MS(h.Took), .001)})
			} else {
				looks = append(looks, look{at, none})
			}
		}
	}
	slices.SortStableFunc(looks, func(a, b look) int { return int(math.Copysign(1, a.at-b.at)) })
	missed, n := 0, 0
	for i, l := range looks {
		if i > 0 && l.at <= c.Xs[len(c.Xs)-1] {
			continue
		}
		c.Xs, s.Ys = append(c.Xs, l.at), append(s.Ys, l.ms)
		n++
		if math.IsNaN(l.ms) {
			if missed++; missed <= missesMax {
				c.Markers = append(c.Markers, Marker{At: l.at, Label: map[bool]string{true: "no answer"}[missed == 1], Colour: Red})
			}
		}
	}
	if n < 2 || n == missed {
		return nil
	}
	c.Series = []Series{s}
	c.Phases = t.coarse()
	c.X = Axis{Label: "seconds, trials laid end to end", Unit: Seconds, Max: float64(len(t.slots)) * t.width}
	c.Y = latencyAxis(c)
	c.Y.Max = above125(max(highest(c), c.Y.Min*10))
	c.Table = r.sightTable()
	if missed > 0 {
		c.Subtitle += fmt.Sprintf(" %d of %s found no healthy backend.", missed, plural(n, "look"))
	}
	return c
}

// sightTable is what was looked at beside the storms, by name.
func (r Report) sightTable() Table {
	t := Table{Head: []string{"looked at", "looks", "well", "not well", "median", "slowest", "first error"}}
	byName, names := map[string][]attack.Sight{}, []string{}
	for _, m := range r.Trials {
		for _, s := range m.Sights {
			if byName[s.Name] == nil {
				names = append(names, s.Name)
			}
			byName[s.Name] = append(byName[s.Name], s)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		well, text := 0, "–"
		var took []float64
		for _, s := range byName[name] {
			well += one(s.OK)
			took = append(took, attack.MS(s.Took))
			if text == "–" && s.Error != "" {
				text = s.Error
			}
		}
		slices.Sort(took)
		all := byName[name]
		t.Rows = append(t.Rows, []string{name, fmt.Sprint(len(all)), fmt.Sprint(well), fmt.Sprint(len(all) - well), Latency(took[len(took)/2]), Latency(took[len(took)-1]), text})
	}
	return t
}
