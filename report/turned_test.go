package report

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// keyed is a verification with wrong keys beside a right one, which may answer them with a status of 401 or another.
func keyed(status int) Report {
	second := func(actor int, c attack.Counts, statuses map[int]int64) (out []attack.Window) {
		for at := range 3 {
			out = append(out, attack.Window{At: time.Duration(at) * time.Second, Len: time.Second, Actor: actor, Counts: c, Statuses: statuses})
		}
		return out
	}
	m := attack.Measurement{Trial: attack.Trial{N: 1, Phase: "verify/wrong", Actors: []attack.Actor{{Name: "right key"}, {Name: "wrong key", TurnedAway: []int{401, 403}}}}, Took: 3 * time.Second}
	m.Windows = append(second(0, attack.Counts{Due: 40, OK: 30, Throttled: 8, Failed: 2, Attempts: 44}, map[int]int64{200: 30, 429: 12, 401: 2}),
		second(1, attack.Counts{Due: 60, Failed: 60, Attempts: 60}, map[int]int64{status: 60})...)
	v := scenarios.Verdict{Scenario: "wrong-key", Outcome: scenarios.Pass, Trials: []int{1}, Checks: []scenarios.Check{{ID: "V19", Name: "wrong-key", Outcome: scenarios.Pass}}}
	return Fold([]journal.Entry{opening("verify"), {Trial: &m}, {Verdict: &v}, ending(0, "1 check passed")})
}

// Whoever has no right and is told so is no failure: charts draw it apart, and counts do not call it failed. The same answer to
// the right key is one.
func TestTheTurnedAwayAreNoFailures(t *testing.T) {
	for _, row := range []struct {
		says           string
		status         int
		turned, failed float64 // in each second
		tile, client   string
	}{
		{"told so", 403, 60, 2, "24 of 300; 90 let in, 180 rightly turned away, 6 failed", "100 %"},
		{"answered with a fault", 500, 0, 62, "24 of 300; 90 let in, 186 failed", ""},
	} {
		r := keyed(row.status)
		tiles := r.Tiles()
		if tiles[1].Detail != row.tile || tiles[0].Value != "312" || tiles[0].Detail != "in 1 storm: 300 first tries, 12 again" {
			t.Errorf("%s: the tiles say %+v and %+v, want %q", row.says, tiles[0], tiles[1], row.tile)
		}
		chart := r.timelineChart()
		drawn := map[string]float64{}
		for _, s := range chart.Series {
			drawn[s.Label] = s.Ys[0]
		}
		if drawn[turnedHead] != row.turned || drawn["failed"] != row.failed {
			t.Errorf("%s: drawn are %v, want %v turned away and %v failed", row.says, drawn, row.turned, row.failed)
		}
		for name, table := range map[string]Table{"trials": chart.Table, "storm": r.stormChart(r.Storms[0]).Table} {
			if told := strings.Contains(strings.Join(table.Head, " "), turnedHead); told != (row.turned > 0) {
				t.Errorf("%s: the table of %s tells of them: %v, %q", row.says, name, told, table.Head)
			}
		}
		clients := clientTable(r.clients())
		if got := strings.Join(clients.Rows[1], " "); row.client != "" && (clients.Head[7] != turnedHead || clients.Rows[1][7] != row.client || clients.Rows[1][8] != "0 %") {
			t.Errorf("%s: the client's row is %q of %q", row.says, got, clients.Head)
		}
		if x := trialResult(r.Trials[0]); x.TurnedAway != int64(3*row.turned) || x.Failed != 186 {
			t.Errorf("%s: the result tells %d of %d failed", row.says, x.TurnedAway, x.Failed)
		}
		if err := keeps(t, closed(t, ResultSchema), outputOf(t, "json", r)); err != nil {
			t.Error(err)
		}
	}
}

// What the first screen counts adds up: what was sent is what was due and what was tried again, and what was due has one fate each.
func TestTheFirstScreenAddsUp(t *testing.T) {
	for name, entries := range fixtures() {
		r := Fold(entries)
		f := fatesOf(r.stormTrials())
		if sum := f.OK + f.Throttled + f.turned + f.Shed + f.Failed + f.Timeout + f.Unsent; sum != f.Due {
			t.Errorf("%s: the fates come to %d of %d due", name, sum, f.Due)
		}
		if f.Due-f.Unsent+f.retries() != f.Attempts {
			t.Errorf("%s: %d due, %d unsent and %d tries more are not the %d sent", name, f.Due, f.Unsent, f.retries(), f.Attempts)
		}
	}
}
