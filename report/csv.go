package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
)

// columnsCSV are the columns of what CSV writes, and what they hold.
var columnsCSV = []explained{
	{"trial", "number of the trial, from 1"},
	{"phase", "what the trial was for: such as ramp, confirm or storm"},
	{"actor", "whose arrivals these are"},
	{"at_s", "when the window began, seconds since the trial did"},
	{"seconds", "how long the window is"},
	{"warmup", "true where the window counts for nothing"},
	{"due", "arrivals owed in the window: the sum of ok to unsent"},
	{"attempts", "requests sent for them, retries among them"},
	{"ok", "arrivals answered well"},
	{"throttled", "refused with 429, or the status that the run expects"},
	{"shed", "refused with 503 and Retry-After"},
	{"failed", "answered badly, or not at all"},
	{"timeout", "not answered in time"},
	{"unsent", "never sent"},
	{"response_p50_ms", "response time: from due to the last byte, of ok and timeout"},
	{"response_p95_ms", ""},
	{"response_p99_ms", ""},
	{"response_max_ms", ""},
	{"service_p50_ms", "service time: from sent to the last byte"},
	{"service_p99_ms", ""},
	{"lag_p99_ms", "lag: from due to sent"},
}

// explained is a name and what it stands for; "" when that is said of one before it.
type explained struct{ name, means string }

// explain lists names and what they stand for in the lines of a help text.
func explain(all []explained) string {
	wide := 0
	for _, e := range all {
		wide = max(wide, len(e.name))
	}
	var t page80
	for _, e := range all {
		t.hanging("  "+cell(e.name, wide)+"  ", strings.Repeat(" ", wide+4), e.means)
	}
	return t.String()
}

// FormatsHelp explains the formats that are tables of numbers: the columns of CSV and the metrics of OpenMetrics, in at most
// 80 columns.
func FormatsHelp() string {
	return "csv has a line for each window of each trial; empty is not measured:\n\n" + explain(columnsCSV) +
		"\nopenmetrics is one scrape, of gauges alone; absent is not measured:\n\n" + explainMetrics()
}

// CSV writes every window of every trial, one line each: what became of the arrivals that one actor owed in one second.
// A field is empty where nothing was measured.
func CSV(w io.Writer, r Report) error {
	out := csv.NewWriter(w)
	var head []string
	for _, c := range columnsCSV {
		head = append(head, c.name)
	}
	_ = out.Write(head) // an error stays in out until Flush
	for _, m := range r.Trials {
		for _, win := range m.Windows {
			_ = out.Write(rowCSV(m.Trial, win))
		}
	}
	out.Flush()
	return out.Error()
}

func rowCSV(t attack.Trial, w attack.Window) []string {
	actor := ""
	if w.Actor < len(t.Actors) {
		actor = t.Actors[w.Actor].Name
	}
	row := []string{strconv.Itoa(t.N), harmless(t.Phase), harmless(actor), decimal(w.At.Seconds()), decimal(w.Len.Seconds()), strconv.FormatBool(w.Warmup)}
	for _, n := range []int64{w.Due, w.Attempts, w.OK, w.Throttled, w.Shed, w.Failed, w.Timeout, w.Unsent} {
		row = append(row, strconv.FormatInt(n, 10))
	}
	at := func(h attack.Histogram, share float64) {
		if h.N() == 0 {
			row = append(row, "")
			return
		}
		row = append(row, decimal(attack.MS(h.Quantile(share))))
	}
	for _, share := range []float64{.5, .95, .99, 1} {
		at(w.Response, share)
	}
	at(w.Service, .5)
	at(w.Service, .99)
	at(w.Lag, .99)
	return row
}

// harmless is text that no spreadsheet takes for a formula (OWASP, CSV injection).
func harmless(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
