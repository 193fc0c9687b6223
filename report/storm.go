package report

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
)

// stormSlots bounds the points of one scenario's chart: a page may hold thirty of them.
const stormSlots = 240

// stormChart shows one scenario as it went: what was offered, what the throttle let through, what it refused. It is nil
// for a scenario whose requests were sent one after the other.
func (r Report) stormChart(s Storm) *Chart {
	t := layStorm(s.Measured)
	if len(t.slots) < 2 {
		return nil
	}
	c := &Chart{ID: "storm-" + fileName(s.Scenario), Title: s.Scenario, Subtitle: s.Title, Small: true, Table: t.rateTable()}
	t.rates(c)
	c.Phases = nil
	if len(t.phases) > 1 {
		for _, p := range t.phases {
			p.Label = p.Label[strings.LastIndexByte(p.Label, '/')+1:]
			c.Phases = append(c.Phases, p)
		}
	}
	c.X.Label = "seconds"
	if l := r.Limit(); l != nil {
		c.Markers = []Marker{r.limitLine(l.Rate)}
	}
	return c
}

// stormViews are the scenarios as the page shows them, the worst first. Scenarios that rest on the same storm share its picture.
func (r Report) stormViews() (out []stormView) {
	for _, s := range worstFirst(r.Storms) {
		v := stormView{Storm: s, Chart: r.stormChart(s)}
		for _, o := range out {
			if v.Chart != nil && o.Chart != nil && slices.Equal(trialsPictured(o.Storm), trialsPictured(s)) {
				v.Chart, v.As = nil, o.Scenario
				break
			}
		}
		out = append(out, v)
	}
	return out
}

// trialsPictured are the numbers of the trials that a storm's chart shows.
func trialsPictured(s Storm) (out []int) {
	for _, m := range s.Measured {
		if m.Trial.Serial == nil {
			out = append(out, m.Trial.N)
		}
	}
	return out
}

// stormLatency is the latency of what was let through, to stand beneath a storm's chart.
func stormLatency(s Storm) *Chart {
	t := layStorm(s.Measured)
	if len(t.slots) < 2 {
		return nil
	}
	c := &Chart{ID: "latency-" + fileName(s.Scenario), X: Axis{Label: "seconds", Unit: Seconds, Max: float64(len(t.slots)) * t.width}}
	pools := t.pools()
	p50, p99 := Series{Label: "p50", Colour: First, Width: 1.8}, Series{Label: "p99", Colour: Third, Width: 2.2}
	for i, h := range pools {
		c.Xs = append(c.Xs, float64(i)*t.width)
		a, b := none, none
		if h.N() > 0 {
			a, b = attack.MS(h.Quantile(.5)), attack.MS(h.Quantile(.99))
		}
		p50.Ys, p99.Ys = append(p50.Ys, a), append(p99.Ys, b)
	}
	c.Series = []Series{p50, p99}
	c.closeSteps(c.X.Max)
	c.Y = latencyAxis(c)
	c.Y.Max = above125(max(highest(c), c.Y.Min*10))
	return c
}

// rowsMax bounds the rows of a storm's table.
const rowsMax = 120

func (t timeline) rateTable() Table {
	out := Table{Head: []string{"second", "offered /s", "ok /s", "throttled /s", turnedHead + " /s", "shed /s", "failed /s", "timeout /s", "unsent /s"}}
	for i, s := range t.slots[:min(len(t.slots), rowsMax)] {
		row := []string{Number(float64(i) * t.width)}
		for _, n := range []float64{s.due, s.ok, s.throttled, s.turned, s.shed, s.failed, s.timeout, s.unsent} {
			row = append(row, Number(s.rate(n)))
		}
		out.Rows = append(out.Rows, row)
	}
	return out.without(turnedHead + " /s")
}

// fileNameMax is how long a name may be in the name of a file, of which an archive or a file system may take but 100 or 255.
const fileNameMax = 60

// fileName keeps letters, digits and dashes of a name, so that it can name a file and an element of a page. Of a long name it
// keeps the beginning, and a sum that tells it from others that begin alike.
func fileName(s string) string {
	if len(s) > fileNameMax {
		s = fmt.Sprintf("%s-%08x", string([]rune(s[:fileNameMax-9])), crc32.ChecksumIEEE([]byte(s)))
	}
	out := []rune{}
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_':
			out = append(out, c)
		case c >= 'A' && c <= 'Z':
			out = append(out, c-'A'+'a')
		default:
			out = append(out, '-')
		}
	}
	return string(out)
}
