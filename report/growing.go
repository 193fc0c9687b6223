package report

import (
	"fmt"
	"io"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Growing writes the page that HTML writes, with its charts as data and without what is the same in every page: style,
// scripts and picture. A page that holds those already can show it while the run goes on; Assets are what it needs.
func Growing(w io.Writer, r Report) error {
	p, charts := layPage(r)
	var err error
	if p.frame, err = unpainted(charts); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return p.write(w)
}

// Assets are the files that draw what Growing writes, by name. page.js reads its charts from the element #data, and draws
// others when the document gets the event "charts" with them as its detail.
func Assets() map[string]string {
	return map[string]string{"page.css": pageStyle(), "page.js": asset("page.js"), "uplot.js": asset("uplot/uPlot.iife.min.js")}
}

// Moment is a stretch of a running trial, and when it ended.
type Moment struct {
	From, To float64 // seconds from the beginning of the run
	attack.Tick
}

// NowChart is what is offered and what becomes of it while a trial runs, by the moment in which requests ended; nil
// without moments. They are in order and do not overlap.
func NowChart(moments []Moment) *Chart {
	if len(moments) == 0 {
		return nil
	}
	c := &Chart{ID: "now", Title: "Now", Subtitle: "By the moment in which requests ended, whenever they were due.", Small: true, Step: true}
	var slots []slot
	top := 0.0
	for i, m := range moments {
		if i > 0 && m.From > moments[i-1].To {
			c.Xs, slots = append(c.Xs, moments[i-1].To), append(slots, slot{})
		}
		s := slot{covered: m.To - m.From}
		s.add(attack.Counts{Due: m.Due, OK: m.OK, Throttled: m.Throttled, Shed: m.Shed, Failed: m.Failed, Timeout: m.Timeout, Unsent: m.Unsent}, 1)
		c.Xs, slots = append(c.Xs, m.From), append(slots, s)
		if s.covered > 0 {
			top = max(top, s.due/s.covered, float64(m.Ended())/s.covered)
		}
	}
	c.layers(slots)
	last := moments[len(moments)-1].To
	c.closeSteps(last)
	c.X = Axis{Label: "seconds since the run began", Unit: Seconds, Min: moments[0].From, Max: max(last, moments[0].From+1)}
	c.Y = Axis{Unit: PerSecond, Max: roundUp(top*1.1, 4)}
	return c
}
