package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// columns is the width of the text, that of the narrowest terminal still in use.
const columns = 80

// Text writes the report for a terminal, the lines that matter first.
func Text(w io.Writer, r Report) error {
	var t page80
	t.title(r)
	t.tiles(r)
	t.load(r)
	t.gate(r)
	t.limiter(r)
	t.storms(r)
	t.curve(r)
	t.endpoints(r)
	t.limits(r)
	t.health(r.Generator())
	t.warnings(r)
	_, err := io.WriteString(w, t.String())
	return err
}

// Brief writes the lines that matter and, when a check did not pass, the checks.
func Brief(w io.Writer, r Report) error {
	var t page80
	t.title(r)
	t.tiles(r)
	if r.Outcome() != scenarios.Pass || r.stormsCutShort() {
		t.storms(r)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// LimitsText writes the limits that a report advises, and nothing else but what they rest on.
func LimitsText(w io.Writer, r Report) error {
	var t page80
	t.wrapped("", r.Headline())
	t.line("")
	t.tile(r.limitTile())
	t.limits(r)
	if r.Limits != nil {
		for i, n := range r.Limits.Notes {
			if i == 0 {
				t.head("Notes")
			}
			t.hanging("  · ", "    ", n.Text)
		}
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// page80 builds lines of at most columns.
type page80 struct{ strings.Builder }

// What is not printable is left out here, where every line passes: a server's answer must not act on a terminal.
func (t *page80) line(format string, args ...any) {
	for ; strings.HasPrefix(format, "\n"); format = format[1:] {
		t.WriteByte('\n')
	}
	t.WriteString(strings.TrimRight(printable(fmt.Sprintf(format, args...)), " ") + "\n")
}

// wrapped writes s over as many lines as it needs, behind the indent given.
func (t *page80) wrapped(indent, s string) { t.hanging(indent, indent, s) }

// hanging writes s behind first, and behind rest whatever does not fit. A first that leaves no space before s has lines of its own.
func (t *page80) hanging(first, rest, s string) {
	over := utf8.RuneCountInString(first) - utf8.RuneCountInString(rest)
	if over > 0 || over == 0 && !strings.HasSuffix(first, " ") && first != "" {
		t.wrapped(first[:len(first)-len(strings.TrimLeft(first, " "))], first)
		first = rest
	}
	for i, l := range wrap(s, columns-utf8.RuneCountInString(rest)) {
		if i == 0 {
			t.line("%s%s", first, l)
			continue
		}
		t.line("%s%s", rest, l)
	}
}

func (t *page80) head(s string) { t.line("\n%s", s) }

// cell pads s to a width in runes; a negative width pads on the left.
func cell(s string, width int) string {
	pad := strings.Repeat(" ", max(0, max(width, -width)-utf8.RuneCountInString(s)))
	if width < 0 {
		return pad + s
	}
	return s + pad
}

// title writes headline and subline, the latter broken between its parts, so that nobody has to search for half a seed.
func (t *page80) title(r Report) {
	t.wrapped("", r.Headline())
	t.items("", " · ", r.facts())
}

// items writes what is not to be broken behind the indent, in as many lines as it needs.
func (t *page80) items(indent, between string, all []string) {
	line := ""
	for i, item := range all {
		if i > 0 {
			item = between + item
		}
		if line != "" && utf8.RuneCountInString(indent+line+item) > columns {
			t.wrapped(indent, line)
			line = ""
		}
		line += item
	}
	t.wrapped(indent, line)
}

func (t *page80) tiles(r Report) {
	t.line("")
	for _, tile := range r.Tiles() {
		t.tile(tile)
	}
	if r.Lab != nil {
		t.hanging("  "+cell("lab's truth", 19)+cell(Number(r.Lab.Capacity)+"/s", 14), strings.Repeat(" ", 35), r.found())
	}
}

func (t *page80) tile(tile Tile) {
	t.hanging("  "+cell(tile.Label, 19)+cell(tile.Value+tile.Unit, 14), strings.Repeat(" ", 35), tile.Detail)
}

// found compares the estimate with the truth that only a lab knows.
func (r Report) found() string {
	c := r.Capacity()
	if c == nil || c.Estimate == nil {
		return "no estimate to compare with"
	}
	off := c.Estimate.Value/r.Lab.Capacity - 1
	side := "above"
	if off < 0 {
		side = "below"
	}
	return fmt.Sprintf("estimate %s/s, %.1f %% %s it", Number(c.Estimate.Value), math.Abs(off)*100, side)
}

func (t *page80) load(r Report) {
	l := r.Load()
	if l == nil {
		return
	}
	t.head("Load")
	t.parts("due "+count(l.Due), "ok "+count(l.OK), "throttled "+count(l.Throttled), "shed "+count(l.Shed), "failed "+count(l.Failed)+l.failedBy(), "timeout "+count(l.Timeout))
	t.parts("unsent "+count(l.Unsent), "attempts "+count(l.Attempts), "offered "+Number(l.Rate)+"/s", "ok "+Number(l.Achieved)+"/s", "over "+Number(l.Seconds)+" s")
	t.line("  %s%s%s%s%s%s%s", cell("", 10), cell("p50", -10), cell("p90", -10), cell("p95", -10), cell("p99", -10), cell("p99.9", -10), cell("max", -10))
	t.quantiles("response", l.Response)
	t.quantiles("service", l.Service)
	t.quantiles("lag", l.Lag)
	if l.Response != nil && !reaches(l.Response, .999) {
		t.wrapped("  ", few)
	}
	if l.SpreadMS > 0 {
		t.line("  the burst was sent within %s", Latency(l.SpreadMS))
	}
}

// parts writes words with room between them, in as many lines as they need.
func (t *page80) parts(all ...string) {
	line := " "
	for _, part := range all {
		if utf8.RuneCountInString(line)+3+utf8.RuneCountInString(part) > columns {
			t.line("%s", line)
			line = " "
		}
		line += map[bool]string{true: " ", false: "   "}[line == " "] + part
	}
	t.line("%s", line)
}

func count(n int64) string { return Number(float64(n)) }

func (t *page80) quantiles(name string, q *attack.Quantiles) {
	if q == nil {
		return
	}
	row := "  " + cell(name, 10)
	all := quantiles(q)
	for _, v := range []string{all[0], quantile(q, .9, q.P90), all[1], all[2], all[3], Latency(q.Max)} {
		row += cell(v, -10)
	}
	t.line("%s", row)
}

// shownExhibits is how many requests a check shows in text; the others stand in the result.
const shownExhibits = 2

func (t *page80) storms(r Report) {
	if len(r.Storms)+len(r.Skipped()) == 0 {
		return
	}
	t.head("Checks")
	for _, s := range worstFirst(r.Storms) {
		t.hanging("  "+cell(mark(s.Outcome), 6), strings.Repeat(" ", 8), s.Scenario+": "+s.Words())
		for _, c := range s.Checks {
			t.hanging("    "+cell(mark(c.Outcome), 6)+c.ID+" ", strings.Repeat(" ", 14), c.Name)
			if c.Outcome == scenarios.Pass {
				t.measured(c.Table)
				continue
			}
			t.hanging("              want ", strings.Repeat(" ", 19), c.Want)
			t.hanging("              got  ", strings.Repeat(" ", 19), c.Got)
			t.wrapped("              ", c.Why)
			t.measured(c.Table)
			for _, x := range c.Evidence[:min(len(c.Evidence), shownExhibits)] {
				t.hanging("              · ", strings.Repeat(" ", 16), x.String())
			}
		}
	}
	t.skipped(r)
}

// measured writes a check's table: in columns where they fit, else a row over as many lines as it needs, its cells named.
func (t *page80) measured(m *scenarios.Table) {
	const indent = "              "
	if m == nil || slices.ContainsFunc(m.Rows, func(row []string) bool { return len(row) != len(m.Columns) }) {
		return
	}
	widths, total := widthsOf(*m)
	if utf8.RuneCountInString(indent)+total <= columns {
		for _, row := range append([][]string{m.Columns}, m.Rows...) {
			line := ""
			for i, text := range row {
				line += cell(text, widths[i])
			}
			t.line("%s%s", indent, line)
		}
		return
	}
	for _, row := range m.Rows {
		var parts []string
		for i, text := range row {
			parts = append(parts, m.Columns[i]+" "+text)
		}
		t.hanging(indent+"· ", indent+"  ", strings.Join(parts, ", "))
	}
}

// widthsOf is the width of each column as cell takes it, the first to the left, and of all together.
func widthsOf(m scenarios.Table) (widths []int, total int) {
	for i := range m.Columns {
		w := 0
		for _, row := range append([][]string{m.Columns}, m.Rows...) {
			w = max(w, utf8.RuneCountInString(row[i]))
		}
		if i > 0 {
			w = -(w + 2)
		}
		widths, total = append(widths, w), total+max(w, -w)
	}
	return widths, total
}

// mark is an outcome in at most five letters.
func mark(o scenarios.Outcome) string {
	if o == scenarios.Inconclusive {
		return "~"
	}
	return string(o)
}

// worstFirst puts what failed before what is unclear before what passed; the order within each stays.
func worstFirst(storms []Storm) (out []Storm) {
	for _, o := range []scenarios.Outcome{scenarios.Fail, scenarios.Inconclusive, scenarios.Pass} {
		for _, s := range storms {
			if s.Outcome == o {
				out = append(out, s)
			}
		}
	}
	return out
}

func (t *page80) curve(r Report) {
	c := r.Capacity()
	if c == nil || len(c.Points) == 0 {
		return
	}
	t.head("Loads, a second")
	t.line("  %s%s%s%s%s%s%s  %s", cell("offered", -8), cell("ok done", -8), cell("p50", -9), cell("p95", -9), cell("p99", -9), cell("p99.9", -9), cell("failed", -9), "class")
	thin := false
	for _, p := range c.Points {
		q := quantiles(p.Response)
		t.line("  %s%s%s%s%s%s%s  %s", cell(Number(p.Load), -8), cell(Number(p.Achieved), -8), cell(q[0], -9), cell(q[1], -9),
			cell(q[2], -9), cell(q[3], -9), cell(Percent(broken(p.Counts)), -9), p.Class)
		thin = thin || slices.Contains(q[:], "–")
	}
	if thin {
		t.wrapped("  ", few)
	}
	t.wrapped("  ", okDone)
	t.rest(*c)
}

// quantile is the latency that this share of the answers kept, or a dash where not one of so few lies beyond it: the p99 of 20
// requests is the slowest of them, and says nothing of the one in a hundred.
func quantile(q *attack.Quantiles, share, ms float64) string {
	if !reaches(q, share) {
		return "–"
	}
	return Latency(ms)
}

// reaches tells whether at least one of the answers lies beyond this share of them.
func reaches(q *attack.Quantiles, share float64) bool {
	return q != nil && float64(q.N)*(1-share) > 1-1e-9
}

// quantiles are p50, p95, p99 and p99.9, each as quantile has it.
func quantiles(q *attack.Quantiles) [4]string {
	if q == nil {
		q = &attack.Quantiles{}
	}
	return [4]string{quantile(q, .5, q.P50), quantile(q, .95, q.P95), quantile(q, .99, q.P99), quantile(q, .999, q.P999)}
}

// few says why a dash stands in a row of quantiles.
const few = "–: too few answers (p95 needs 20, p99 100, p99.9 1,000)."

// worstOf is the p99, or the slowest where there are too few answers for it.
func worstOf(q attack.Quantiles) (name string, ms float64) {
	if reaches(&q, .99) {
		return "p99", q.P99
	}
	return "slowest", q.Max
}

// broken is the share of arrivals that ended badly at the target.
func broken(c attack.Counts) float64 { return share(c.Failed+c.Timeout+c.Shed, c.Due) }

// rest prints the estimates that have no tile.
func (t *page80) rest(c analyze.Capacity) {
	for _, e := range estimates(c) {
		t.hanging("  "+cell(e.name, 19)+cell(Number(e.Value)+"/s", 14), strings.Repeat(" ", 35), joined("; ", interval(e.Estimate), meaning(e.name)))
	}
	if how, _ := c.Approach(); how != "" {
		t.wrapped("  ", how)
	}
	if b := c.Burst; b != nil {
		t.wrapped("  ", burstWords(*b))
	}
}

// named is an estimate with what it estimates.
type named struct {
	name string
	*analyze.Estimate
}

// estimates are those that a capacity has beside knee and breaking load.
func estimates(c analyze.Capacity) (out []named) {
	for _, n := range []named{{"estimate", c.Estimate}, {"sustained load", c.Sustained}, {"critical load", c.Critical}, {"goal load", c.GoalLoad}, {"saturation", c.Saturation}, {"limiter", c.Limiter}} {
		if n.Estimate != nil {
			out = append(out, n)
		}
	}
	return out
}

func burstWords(b analyze.Burst) string {
	switch {
	case b.Repeats == 0:
		return fmt.Sprintf("Which bursts are borne at %s/s is not known: no burst could be judged.", Number(b.AtRate))
	case b.Tolerated == 0:
		return fmt.Sprintf("No burst is known to be borne at %s/s: bursts of %s at once are not (%s, sent within %s).", Number(b.AtRate), Number(float64(b.Refused)), plural(b.Repeats, "repeat"), Latency(b.SpreadMS))
	}
	s := fmt.Sprintf("Bursts of %s at once are borne at %s/s (%s, sent within %s)", Number(float64(b.Tolerated)), Number(b.AtRate), plural(b.Repeats, "repeat"), Latency(b.SpreadMS))
	if b.Refused > 0 {
		s += fmt.Sprintf(", of %s they are not", Number(float64(b.Refused)))
	}
	return s + "."
}

func (t *page80) limits(r Report) {
	if r.Limits == nil {
		return
	}
	t.head("Limits")
	for _, b := range r.Limits.Because {
		t.hanging("  · ", "    ", b)
	}
	for _, name := range sortedKeys(r.Limits.Tiers) {
		t.wrapped("  ", name+": "+tierWords(r.Limits.Tiers[name]))
	}
	t.wrapped("  ", "At worst it admits "+worstWords(*r.Limit())+".")
}

func (t *page80) health(h Health) {
	for i, c := range h.Checks {
		if i == 0 {
			t.head("Generator")
		}
		t.hanging("  "+cell(string(c.Outcome), 12), strings.Repeat(" ", 14), fmt.Sprintf("%s: %s, want %s", c.Name, c.Got, c.Want))
		if c.Fix != "" && c.Outcome != attack.Healthy {
			t.wrapped("              ", c.Fix)
		}
	}
}

func (t *page80) warnings(r Report) {
	for i, n := range r.allNotes() {
		if i == 0 {
			t.head("Notes")
		}
		t.hanging("  · ", "    ", n.Text)
	}
}
