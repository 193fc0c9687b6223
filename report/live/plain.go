package live

import (
	"fmt"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// plain is an entry of a run as one line for a log, "" for what a log need not hold.
func plain(e journal.Entry, run journal.Run) string {
	switch {
	case e.Run != nil:
		return clean(plainRun(run))
	case e.Trial != nil:
		return clean(plainTrial(*e.Trial))
	case e.Capacity != nil:
		return clean("capacity: " + report.Fold([]journal.Entry{{Run: &run}, {Capacity: e.Capacity}}).Headline())
	case e.Limits != nil:
		return fmt.Sprintf("limits: %s/s, burst %s", report.Number(e.Limits.Rate), report.Number(float64(e.Limits.Burst)))
	case e.Verdict != nil:
		return clean(plainVerdict(*e.Verdict))
	case e.Gate != nil:
		return clean("gate: " + string(e.Gate.Outcome) + ": " + e.Gate.Text)
	case e.Note != nil:
		return clean("note: " + e.Note.Text)
	case e.End != nil:
		return clean("end: " + e.End.Outcome)
	}
	return ""
}

func plainRun(run journal.Run) string {
	line := strings.TrimSpace(fmt.Sprintf("%s %s %s", run.Command, report.Report{Run: run}.Name(), run.ID))
	if run.Seed != 0 {
		line += fmt.Sprintf(", seed %d", run.Seed)
	}
	return line
}

func plainTrial(m attack.Measurement) string {
	if m.Trial.Serial != nil {
		w := m.All()
		return fmt.Sprintf("trial %d %s: %s of %s requests ok, one after the other", m.Trial.N, m.Trial.Phase, report.Number(float64(w.OK)), report.Number(float64(w.Due)))
	}
	d := doneOf(m)
	line := fmt.Sprintf("trial %d %s: offered %s/s, achieved %s/s, in flight at its end %s, p50 %s, p99 %s, throttled %s, failed %s", m.Trial.N, m.Trial.Phase, report.Number(d.offered),
		report.Number(d.achieved), report.Number(d.flight), report.Latency(d.p50), report.Latency(d.p99), report.Percent(d.throttled), report.Percent(d.failed))
	if d.stopped != "" {
		line += ", ended early: " + d.stopped
	}
	if d.void != "" {
		line += ", void: " + d.void
	}
	return line
}

func plainVerdict(v scenarios.Verdict) string {
	line := fmt.Sprintf("%s %s", v.Outcome, v.Scenario)
	for _, c := range v.Checks {
		if c.Outcome != scenarios.Pass {
			line += fmt.Sprintf("; %s %s %s: want %s, got %s", c.ID, c.Name, c.Outcome, c.Want, c.Got)
		}
	}
	return line
}
