package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze/history"
)

// HistoryCSV writes one line for each run that has all of these metrics of a service, in order of time, as Apache Otava
// reads it: a column of times (RFC 3339, UTC), the commit and the run as attributes, and a column for each metric, loads per
// second and latencies in ms. Otava refuses an empty field, so that a run without one of the metrics has no line.
func HistoryCSV(w io.Writer, s Service, metrics []history.Metric) error {
	out := csv.NewWriter(w)
	head := []string{"time", "commit", "run"}
	at := make([]map[int]float64, len(metrics))
	for i, m := range metrics {
		head = append(head, column(s, m))
		at[i] = map[int]float64{}
		for _, p := range m.Points {
			at[i][p.Run] = p.Value
		}
	}
	_ = out.Write(head) // an error stays in out until Flush
	for i, run := range s.Runs {
		row := []string{run.Began.UTC().Format(time.RFC3339), harmless(run.Commit), harmless(run.ID)}
		for _, values := range at {
			if v, ok := values[i]; ok {
				row = append(row, sixDigits(v))
			}
		}
		if len(row) == len(head) && len(metrics) > 0 {
			_ = out.Write(row)
		}
	}
	out.Flush()
	return out.Error()
}

// sixDigits is a number as precise as anybody measures.
func sixDigits(v float64) string {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	return decimal(v)
}

// column is the name of a metric's column: its name and unit, and its goal where the service has several.
func column(s Service, m history.Metric) string {
	name := m.Name
	for _, other := range s.Metrics {
		if other.Name == m.Name && other.Goal != m.Goal {
			name += " " + m.Goal
			break
		}
	}
	unit := " per s"
	if m.Unit == history.Millis {
		unit = " ms"
	}
	words := strings.FieldsFunc(strings.ToLower(name+unit), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "_")
}

// Complete are the metrics that every run has that has the first, which share one file, and the others, which want one
// each lest they cost lines.
func (s Service) Complete() (whole, partial []history.Metric) {
	if len(s.Metrics) == 0 {
		return nil, nil
	}
	has := func(m history.Metric) map[int]bool {
		runs := map[int]bool{}
		for _, p := range m.Points {
			runs[p.Run] = true
		}
		return runs
	}
	for _, m := range s.Metrics {
		mine, missing := has(m), false
		for run := range has(s.Metrics[0]) {
			missing = missing || !mine[run]
		}
		if missing {
			partial = append(partial, m)
		} else {
			whole = append(whole, m)
		}
	}
	return whole, partial
}
