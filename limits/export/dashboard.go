package export

import (
	"strings"
)

var grafana = Format{
	Name: "grafana", File: "plimsoll-dashboard.json", Title: "Grafana dashboard", Group: Monitoring, Checker: "tsc against the types of @grafana/grafana-foundation-sdk",
	Template: "grafana.json.tmpl",
}

// Panel is one chart of the dashboard.
type Panel struct {
	ID, X, Y    int
	Title, Says string
	Unit        string // as Grafana names it
	Bound       float64
	Targets     []Target
}

// Target is one line of a chart.
type Target struct{ Ref, Expr, Legend string }

// Panels are the charts of the dashboard: two abreast, in the order in which one asks.
func (g Page) Panels() []Panel {
	s := g.Series()
	all := []Panel{
		{Title: "Requests a second", Says: "What is asked for and what is refused; the line is the limit.", Unit: "reqps", Bound: g.Asked.Rate,
			Targets: []Target{{"A", s.RequestRate(), "asked"}, {"B", s.RefusedRate(), "refused"}}},
		{Title: "Share refused", Says: "Refusals among all requests; the line is where an alarm fires.", Unit: "percentunit", Bound: refusedHigh,
			Targets: []Target{{"A", "(" + s.RefusedRate() + ") / (" + s.RequestRate() + " > 0)", "refused"}}},
	}
	if s.HasLatency() {
		all = append(all, Panel{Title: "p99 of the time to answer", Says: "Of what was not refused, where that can be told apart; the line is the goal.", Unit: "s", Bound: g.GoalSeconds(),
			Targets: []Target{{"A", s.P99(), "p99"}}})
	}
	all = append(all, Panel{Title: "Alarms", Says: "What fires, of the rules that plimsoll export --to prometheus writes.", Unit: "short",
		Targets: []Target{{"A", `ALERTS{service=` + Quote(g.Service) + `,alertstate="firing"}`, "{{alertname}}"}}})
	for i := range all {
		all[i].ID, all[i].X, all[i].Y = i+1, i%2*12, i/2*8
	}
	return all
}

// Why is the reasons and caveats of the limits as Markdown.
func (g Page) Why() string {
	lines := []string{g.Summary(), ""}
	for _, text := range append(append([]string{}, g.Because...), g.Notes...) {
		lines = append(lines, "- "+oneLine(text))
	}
	return strings.Join(append(lines, "", "Prove it: `"+g.Proof+"`", "", "Written by plimsoll export --to "+g.Format.Name+"; its form is checked with "+g.Format.Checker+"."), "\n")
}

// DashID is the service's name within the 40 characters that Grafana allows a dashboard's uid.
func (g Page) DashID() string {
	id := g.Slug()
	return id[:min(len(id), 40-len("plimsoll-"))]
}
