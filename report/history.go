package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/history"
	"github.com/plimsoll-load/plimsoll/attack"
)

// PastVersion is the contract of history.json and of gate --history --json. Within it, changes only add.
const PastVersion = "plimsoll.history/v1"

// HistorySchema is the JSON Schema of a Past.
//
//go:embed schema/history.v1.json
var HistorySchema []byte

// Past is what the runs of a folder tell of the services that they measured.
type Past struct {
	Schema   string        `json:"schema"`
	Headline string        `json:"headline"`
	Services []Service     `json:"services"`
	Notes    []attack.Note `json:"notes,omitempty"`
	Version  string        `json:"version"` // of the program that told it
}

// Service is one target, asked one question.
type Service struct {
	Name   string `json:"name"`
	Target string `json:"target"` // of its latest run
	history.History
}

// NewPast puts services together under a headline.
func NewPast(services []Service, notes []attack.Note, version string) Past {
	p := Past{Schema: PastVersion, Services: services, Notes: notes, Version: version}
	var told []string
	var few []Service
	for _, s := range services {
		if !s.Enough() {
			few = append(few, s)
			continue
		}
		told = append(told, s.sentence())
	}
	if len(few) > 0 {
		told = append(told, tooFew(few))
	}
	switch len(services) {
	case 0:
		p.Headline = "No runs with a capacity or a check"
	case 1:
		p.Headline = told[0]
	default:
		p.Headline = fmt.Sprintf("%s: %s", attack.Plural(len(services), "service"), strings.Join(told, "; "))
	}
	return p
}

// tooFew says of services of which nothing can be told how many runs there are, each name once.
func tooFew(few []Service) string {
	var names []string
	most := 0
	for _, s := range few {
		most = max(most, s.Most())
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	atMost := ""
	if len(few) > 1 {
		atMost = "at most "
	}
	return fmt.Sprintf("Too few runs of %s to tell: %s%d of %d", strings.Join(names, ", "), atMost, most, few[0].Needed)
}

// sentence is the latest change of the first capacity, or that there is none.
func (s Service) sentence() string {
	if !s.Enough() {
		return tooFew([]Service{s})
	}
	for _, m := range s.Metrics {
		if n := len(m.Changes); n > 0 {
			c := m.Changes[n-1]
			since := day(c.After.Began)
			if len(c.Notes) > 0 {
				since += ", when the machine changed too"
			}
			if m.Name == "capacity" {
				return fmt.Sprintf("%s bears %s since %s", s.Name, moreOrLess(c.Ratio.Value), since)
			}
			return fmt.Sprintf("%s bears what it bore, but its %s is %s since %s", s.Name, m.Name, higherOrLower(c.Ratio.Value), since)
		}
	}
	return fmt.Sprintf("Nothing changed in what %s bears over %s", s.Name, plural(s.Most(), "run"))
}

func moreOrLess(ratio float64) string {
	if ratio < 1 {
		return Percent(1-ratio) + " less"
	}
	return Percent(ratio-1) + " more"
}

func higherOrLower(ratio float64) string {
	if ratio < 1 {
		return Percent(1-ratio) + " lower"
	}
	return Percent(ratio-1) + " higher"
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// signed is a ratio as a change in per cent: −5.4 %.
func signed(ratio float64) string {
	if ratio < 1 {
		return "−" + Percent(1-ratio)
	}
	return "+" + Percent(ratio-1)
}

// steps is a change with its interval: −5.4 % (−6.2 % to −4.6 %).
func steps(e analyze.Estimate) string {
	return fmt.Sprintf("%s (%s to %s)", signed(e.Value), signed(e.Lo), signed(e.Hi))
}

// inUnit is a value of a metric in words.
func inUnit(unit string, v float64) string {
	if unit == history.Millis {
		return fine(v)
	}
	return Number(v) + "/s"
}

// fine is a latency with a digit more than Latency gives: changes of some per cent must show.
func fine(ms float64) string {
	if ms >= 9.95 && ms < 99.5 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	if ms > 0 && ms < 9.95 && ms >= 0.1 {
		return fmt.Sprintf("%.2f ms", ms)
	}
	return Latency(ms)
}

// called is a metric's name with its goal, where services have several.
func called(m history.Metric) string {
	if m.Goal != "" {
		return m.Name + ", " + m.Goal
	}
	return m.Name
}

// between says which commits lie in a change.
func between(before, after history.Place) string {
	name := func(p history.Place) string {
		if p.Commit == "" {
			return "run " + p.ID
		}
		return short(p.Commit)
	}
	return fmt.Sprintf("behind %s (%s) up to %s (%s)", name(before), day(before.Began), name(after), day(after.Began))
}

// short is a hash as people write it; a name of another kind stays whole.
func short(commit string) string {
	if len(commit) == 40 && strings.Trim(commit, "0123456789abcdef") == "" {
		return commit[:10]
	}
	return commit
}

// HistoryJSON writes the past for machines.
func HistoryJSON(w io.Writer, p Past) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// HistoryText writes the past for a terminal, changes first.
func HistoryText(w io.Writer, p Past) error {
	var t page80
	t.wrapped("", p.Headline)
	for _, s := range p.Services {
		t.past(s)
	}
	if len(p.Notes) > 0 {
		t.head("Notes")
	}
	for _, n := range p.Notes {
		t.hanging("  - ", "    ", n.Text)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

func (t *page80) past(s Service) {
	t.line("")
	t.line("%s, %s", s.Name, stretch(s.Runs))
	t.line("%s", "  "+cell("metric", 18)+cell("runs", -5)+cell("now", -11)+cell("lowest", -11)+cell("highest", -11)+cell("changes", -9))
	goal := ""
	for _, m := range s.Metrics {
		if m.Goal != "" && m.Goal != goal {
			t.wrapped("  ", "for "+m.Goal)
		}
		goal = m.Goal
		r := rowOf(m, s.Needed)
		t.line("  %s%s%s%s%s%s", cell(r[0], 18), cell(r[1], -5), cell(r[2], -11), cell(r[3], -11), cell(r[4], -11), cell(r[5], -9))
	}
	for _, m := range s.Metrics {
		for _, c := range m.Changes {
			t.line("")
			t.line("  %s: %s %s", day(c.After.Began), m.Name, steps(c.Ratio))
			t.wrapped("    ", changeWords(m, c))
			t.wrapped("    ", between(c.Before, c.After))
			for _, n := range c.Notes {
				t.wrapped("    ", n.Text)
			}
		}
	}
	for _, f := range s.Flips {
		t.line("")
		t.line("  %s: %s", day(f.After.Began), flipWords(f))
		t.wrapped("    ", between(f.Before, f.After))
	}
	for _, n := range s.Notes {
		t.hanging("  - ", "    ", n.Text)
	}
}

func stretch(runs []history.Place) string {
	if len(runs) == 0 {
		return "no runs"
	}
	return fmt.Sprintf("%s from %s to %s", plural(len(runs), "run"), day(runs[0].Began), day(runs[len(runs)-1].Began))
}

// rowOf is a metric in a table: name, runs, now, lowest, highest, changes.
func rowOf(m history.Metric, needed int) [6]string {
	lo, hi := math.Inf(1), 0.
	for _, p := range m.Points {
		lo, hi = min(lo, p.Value), max(hi, p.Value)
	}
	row := [6]string{m.Name, fmt.Sprint(len(m.Points)), inUnit(m.Unit, m.Points[len(m.Points)-1].Value), inUnit(m.Unit, lo), inUnit(m.Unit, hi), fmt.Sprint(len(m.Changes))}
	if n := len(m.Spans); n > 0 {
		row[2] = inUnit(m.Unit, m.Spans[n-1].Level.Value)
	} else {
		row[5] = fmt.Sprintf("after %d", needed)
	}
	return row
}

func changeWords(m history.Metric, c history.Change) string {
	word := "better"
	if c.Worse {
		word = "worse"
	}
	return fmt.Sprintf("%s: from %s (%s to %s) to %s (%s to %s); p %.3f", word, inUnit(m.Unit, c.From.Value), inUnit(m.Unit, c.From.Lo), inUnit(m.Unit, c.From.Hi),
		inUnit(m.Unit, c.To.Value), inUnit(m.Unit, c.To.Lo), inUnit(m.Unit, c.To.Hi), c.P)
}

func flipWords(f history.Flip) string {
	return fmt.Sprintf("%s: %s before, %s since", f.Check, f.From, f.To)
}
