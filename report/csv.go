package report

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/plimsoll-load/plimsoll/attack"
)

// columnsCSV are the names of what CSV writes: times in seconds and ms, everything else counts.
var columnsCSV = []string{"trial", "phase", "actor", "at_s", "seconds", "warmup", "due", "attempts", "ok", "throttled", "shed", "failed", "timeout", "unsent",
	"response_p50_ms", "response_p95_ms", "response_p99_ms", "response_max_ms", "service_p50_ms", "service_p99_ms", "lag_p99_ms"}

// CSV writes every window of every trial, one line each: what became of the arrivals that one actor owed in one second.
// A field is empty where nothing was measured.
func CSV(w io.Writer, r Report) error {
	out := csv.NewWriter(w)
	_ = out.Write(columnsCSV) // an error stays in out until Flush
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
	row := []string{strconv.Itoa(t.N), t.Phase, harmless(actor), decimal(w.At.Seconds()), decimal(w.Len.Seconds()), strconv.FormatBool(w.Warmup)}
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
