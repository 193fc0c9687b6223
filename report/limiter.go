package report

import (
	"fmt"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/limits"
)

// limiterHeadline is the sentence of a run that identified a limiter.
func limiterHeadline(name string, l limits.Limiter) string {
	switch {
	case l.OnlyDelays():
		return fmt.Sprintf("Whether a queue or its own capacity delays %s beyond %s requests a second cannot be told", name, Number(l.Slope.Value))
	case !l.Told():
		return "Which limiter stands in front of " + name + " cannot be told"
	case l.Algorithm == limits.NoLimiter:
		return fmt.Sprintf("Nothing limits %s up to %s requests a second", name, Number(l.PeakRate))
	}
	return fmt.Sprintf("In front of %s stands %s", name, l.Words())
}

// limiterTile is the limit that was found.
func limiterTile(l limits.Limiter) Tile {
	t := Tile{Label: "limit found", Value: "–", Detail: l.Words()}
	switch {
	case l.Algorithm == limits.NoLimiter:
		t.Value, t.Detail = "none", fmt.Sprintf("up to %s/s", Number(l.PeakRate))
	case l.Algorithm == limits.Concurrency && l.Burst != nil:
		t.Value, t.Unit, t.Detail = Number(l.Burst.Value), " in flight", l.Kind()
	case l.Rate != nil && l.Told():
		t.Value, t.Unit, t.Detail = Number(l.Rate.Value), "/s", l.Kind()
		if l.Burst != nil {
			t.Detail += ", burst " + Number(l.Burst.Value)
		}
	}
	return t
}

// limiterRows are what is known of the limiter, by name.
func (r Report) limiterRows() (rows [][2]string) {
	l := r.Limiter
	if l == nil {
		return nil
	}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, [2]string{name, value})
		}
	}
	add("algorithm", l.Kind())
	add("rate", estimateWords(l.Rate, "/s"))
	add("counted under pressure", estimateWords(l.Slope, "/s"))
	add("burst", estimateWords(l.Burst, ""))
	for _, s := range []struct {
		name  string
		value float64
	}{{"window", l.WindowS}, {"filled every", l.TickS}, {"forgets after", l.MemoryS}} {
		if s.value > 0 {
			add(s.name, Latency(s.value*1000))
		}
	}
	add("penalty", l.Penalty)
	add("keyed by", l.KeyedBy)
	if l.Refusal.Status > 0 {
		add("refuses with", fmt.Sprintf("%d, Retry-After %s", l.Refusal.Status, l.Refusal.RetryAfter))
		add("limit headers", orNone(strings.Join(l.Headers, "; ")))
	}
	if l.Explained > 0 {
		add("confidence", fmt.Sprintf("%s; it explains %s of the decisions", Percent(l.Confidence), Percent(l.Explained)))
	}
	add("runner-up", l.RunnerUp)
	add("cost", fmt.Sprintf("%s requests in %s, up to %s/s", Number(float64(l.Requests)), Latency(l.Seconds*1000), Number(l.PeakRate)))
	return rows
}

// heldToIt is the command that holds the throttle to what was found, "" where there is no limit.
func (r Report) heldToIt() string {
	if r.Limiter == nil || r.Limiter.Verify() == "" {
		return ""
	}
	return "plimsoll verify " + quoted(r.Run.Target) + " " + r.Limiter.Verify()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func estimateWords(e *analyze.Estimate, unit string) string {
	if e == nil {
		return ""
	}
	if Number(e.Lo) == Number(e.Hi) {
		return Number(e.Value) + unit
	}
	return fmt.Sprintf("%s%s, %s to %s", Number(e.Value), unit, Number(e.Lo), Number(e.Hi))
}

// limiter writes the section of an identification.
func (t *page80) limiter(r Report) {
	rows := r.limiterRows()
	if len(rows) == 0 {
		return
	}
	t.head("Limiter")
	for _, row := range rows {
		t.hanging("  "+cell(row[0], 24), strings.Repeat(" ", 26), row[1])
	}
	if next := r.heldToIt(); next != "" { // beginning on a line of its own, to be copied
		t.hanging("  next: ", "        ", next)
	}
	for _, n := range r.Limiter.Notes {
		t.hanging("  · ", "    ", n.Text)
	}
}

// markdownLimiter is the same for a job's page.
func markdownLimiter(b *strings.Builder, r Report) {
	rows := r.limiterRows()
	if len(rows) == 0 {
		return
	}
	b.WriteString("\n### Limiter\n\n| | |\n| --- | --- |\n")
	for _, row := range rows {
		fmt.Fprintf(b, "| %s | %s |\n", md(row[0]), md(row[1]))
	}
	if next := r.heldToIt(); next != "" {
		fmt.Fprintf(b, "| hold it to that | %s |\n", md(next))
	}
}
