package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze/history"
	"github.com/plimsoll-load/plimsoll/attack"
)

//go:embed assets/history.tmpl
var historyAsset string

// historyTemplate takes the forms of charts and tables from the page of a run.
var historyTemplate = template.Must(template.Must(pageTemplate.Clone()).New("history.tmpl").Parse(historyAsset))

type historyPage struct {
	P        Past
	Services []serviceView
	Columns  [6]string // of the rows of every service; the first is what the others are about
	Notes    []attack.Note
	frame
}

type serviceView struct {
	Name, Target, Stretch string
	Rows                  [][6]string
	Changes               []changeView
	Charts                []Chart
	PNG                   template.URL
}

type changeView struct {
	Since, What, By, Text, Where string
	Tone                         Tone
	Notes                        []attack.Note
}

// HistoryHTML writes the past as one file that works without a network, as HTML does a run.
func HistoryHTML(w io.Writer, p Past) error {
	view := historyPage{P: p, Columns: [6]string{"", "runs", "now", "lowest", "highest", "changes"}, Notes: p.Notes}
	var charts []Chart
	for i, s := range p.Services {
		v, err := viewService(s, fmt.Sprintf("past-%d", i))
		if err != nil {
			return fmt.Errorf("write history: %w", err)
		}
		view.Services = append(view.Services, v)
		view.Notes = append(view.Notes, s.Notes...)
		charts = append(charts, v.Charts...)
	}
	var err error
	if view.frame, err = framed(charts); err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	var out bytes.Buffer
	if err := historyTemplate.Execute(&out, view); err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	_, err = w.Write(out.Bytes())
	return err
}

func viewService(s Service, prefix string) (serviceView, error) {
	v := serviceView{Name: s.Name, Target: s.Target, Stretch: stretch(s.Runs), Charts: s.Charts(prefix)}
	for _, m := range s.Metrics {
		row := rowOf(m, s.Needed)
		row[0] = called(m)
		v.Rows = append(v.Rows, row)
		for _, c := range m.Changes {
			v.Changes = append(v.Changes, changeView{Since: day(c.After.Began), What: called(m), By: signed(c.Ratio.Value), Tone: toneOfChange(c), Text: changeWords(m, c), Where: between(c.Before, c.After), Notes: c.Notes})
		}
	}
	for _, f := range s.Flips {
		tone := Good
		if f.To == "fail" {
			tone = Bad
		}
		v.Changes = append(v.Changes, changeView{Since: day(f.After.Began), What: f.Check, By: f.To, Tone: tone, Text: f.From + " → " + f.To, Where: between(f.Before, f.After)})
	}
	var err error
	v.PNG, err = inPage(func(w io.Writer) (bool, error) { return HistoryPNG(w, s) })()
	return v, err
}

func toneOfChange(c history.Change) Tone {
	if c.Worse {
		return Bad
	}
	return Good
}

// HistoryPNG draws the first two metrics of a service that have runs enough to draw, as a rule the capacity and the knee
// or the latency at rest. It is false when there is none.
func HistoryPNG(w io.Writer, s Service) (drawn bool, err error) {
	charts := s.Charts("png")
	if len(charts) == 0 {
		return false, nil
	}
	var below *Chart
	for i, c := range charts[1:] {
		if strings.HasPrefix(c.Title, "Base latency") {
			below = &charts[1+i]
		}
	}
	p := &picture{s.sentence(), stretch(s.Runs) + ". " + charts[0].Title + ". " + charts[0].Subtitle, charts[0], below}
	return p.png(w, false)
}

// WriteHistory writes the past into dir, each file in one step: history.html, history.json, history.txt, and for each service a
// picture and a table, history.png and history.csv, with its name in theirs where there are several. A metric that some runs
// lack has a table of its own: history-knee_per_s.csv.
func WriteHistory(dir string, p Past) error {
	always := func(f func(io.Writer, Past) error) func(io.Writer) (bool, error) {
		return func(w io.Writer) (bool, error) { return true, f(w, p) }
	}
	out := []output{{"json", "history.json", always(HistoryJSON)}, {"html", "history.html", always(HistoryHTML)}, {"text", "history.txt", always(HistoryText)}}
	for i, s := range p.Services {
		name := "history"
		if len(p.Services) > 1 {
			name = fmt.Sprintf("history-%d-%s", i+1, fileName(s.Name))
		}
		table := func(metrics ...history.Metric) func(io.Writer) (bool, error) {
			return func(w io.Writer) (bool, error) { return len(metrics) > 0, HistoryCSV(w, s, metrics) }
		}
		whole, partial := s.Complete()
		out = append(out, output{"png", name + ".png", func(w io.Writer) (bool, error) { return HistoryPNG(w, s) }}, output{"csv", name + ".csv", table(whole...)})
		for _, m := range partial {
			out = append(out, output{"csv", name + "-" + column(s, m) + ".csv", table(m)})
		}
	}
	return write(dir, out)
}
