package report

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// turned is a storm of clients that were told to wait a second: of each ten, some came back after waited, and some of those were
// let in.
func turned(n int, waited time.Duration, in int) attack.Measurement {
	m := attack.Measurement{Trial: attack.Trial{N: 7, Phase: "verify/honour", Actors: []attack.Actor{{Name: "crowd", Manners: attack.Manners{Policy: attack.Fixed}, Identity: attack.Identity{Name: "ann", Tier: "gold"}}}}}
	w := attack.Window{Len: 5 * time.Second}
	for i := range n {
		sent := time.Duration(i) * time.Millisecond
		first := attack.Attempt{Seq: int64(i), Try: 1, Due: sent, Sent: sent, Received: sent + time.Millisecond, Status: 429, Outcome: attack.Throttled, Headers: map[string]string{"Retry-After": "1"}}
		again := attack.Attempt{Seq: int64(i), Try: 2, Due: sent, Sent: first.Received + waited, Received: first.Received + waited + time.Millisecond, Status: 429, Outcome: attack.Throttled}
		w.Due, w.Attempts = w.Due+1, w.Attempts+2
		if i < in {
			again.Status, again.Outcome = 200, attack.OK
			w.OK++
		} else {
			w.Throttled++
		}
		m.Log = append(m.Log, first, again)
	}
	m.Windows = []attack.Window{w}
	return m
}

func stormy(ms ...attack.Measurement) Report {
	for i := range ms {
		ms[i].Trial.N = i + 1
	}
	return Report{Trials: ms, Storms: []Storm{{Verdict: scenarios.Verdict{Scenario: "retry-after"}, Measured: ms}, {Verdict: scenarios.Verdict{Scenario: "again"}, Measured: ms}}}
}

// TestRetryAfterIsHeldAgainstWhoCameBack: those that waited as told, and those that did not, each counted once.
func TestRetryAfterIsHeldAgainstWhoCameBack(t *testing.T) {
	for name, row := range map[string]struct {
		r    Report
		want []string
	}{
		"true":   {stormy(turned(10, time.Second, 10), turned(20, 100*time.Millisecond, 4)), []string{"30 of 46 logged refusals told how long to wait: 1.0 s.", "Of 10 clients that waited at least as long as told, 10 were let in.", "Of 20 clients that came back sooner, 4 were."}},
		"false":  {stormy(turned(10, 1200*time.Millisecond, 1)), []string{"10 of 19 logged refusals told how long to wait: 1.0 s.", "Of 10 clients that waited at least as long as told, 1 was let in."}},
		"early":  {stormy(turned(1, 990*time.Millisecond, 1)), []string{"1 of 1 logged refusal told how long to wait: 1.0 s.", "Of 1 client that came back sooner, 1 was."}},
		"silent": {Report{}, nil},
	} {
		if got := row.r.refused().words(); strings.Join(got, "\n") != strings.Join(row.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(row.want, "\n"))
		}
	}
}

// TestRetryAfterByIdentity: what is true to one client may be a lie to another, and only the table of each tells.
func TestRetryAfterByIdentity(t *testing.T) {
	served, starved := turned(10, time.Second, 10), turned(20, 1100*time.Millisecond, 0)
	starved.Trial.Actors[0].Identity.Name = "bob"
	r := stormy(served, starved, turned(5, 100*time.Millisecond, 1))
	rows := r.refused().table().Rows
	want := []string{"ann|19|15|1.0 s|1.0 s|10|100 %|5|20 %", "bob|40|20|1.0 s|1.0 s|20|0 %|0|–"}
	for i := range want {
		if len(rows) != len(want) || strings.Join(rows[i], "|") != want[i] {
			t.Fatalf("%q, want %q", rows, want)
		}
	}
	var page strings.Builder
	if err := HTML(&page, r); err != nil || !strings.Contains(page.String(), "<td>bob</td><td>40</td>") {
		t.Errorf("the page does not tell of bob: %v", err)
	}
	if got := stormy(served).refused().table(); got.Rows != nil {
		t.Errorf("a table of one identity: %q", got.Rows)
	}
}

// TestHeatByIdentity: each request lies in the map of whose it was, and all maps have one scale.
func TestHeatByIdentity(t *testing.T) {
	r := Fold(fixtures()["retries"])
	maps := r.identityHeats()
	if len(maps) != 2 || maps[0].Title != "ann" || maps[1].Title != "bob" {
		t.Fatalf("%d maps, want that of ann, who was answered more, and then that of bob", len(maps))
	}
	want := map[string]int64{}
	for _, m := range r.stormTrials() {
		want[identityOf(m.Trial, 0)] += m.All().Response.N()
	}
	for _, c := range maps {
		var got int64
		for _, column := range c.Heat.Cells {
			for _, n := range column {
				got += n
			}
		}
		if got != want[c.Title] || got == 0 || c.Y.Min != maps[0].Y.Min || c.Y.Max != maps[0].Y.Max || len(c.Xs) != len(maps[0].Xs) {
			t.Errorf("the map of %s holds %d requests on %+v, want %d", c.Title, got, c.Y, want[c.Title])
		}
	}
	if got := Fold(fixtures()["verify"]).identityHeats(); got != nil {
		t.Errorf("%d maps of one identity", len(got))
	}
}

// TestRetryAfterChart: the share let in stands over the wait, and the wait that was told beside it.
func TestRetryAfterChart(t *testing.T) {
	c := stormy(turned(10, time.Second, 10), turned(20, 100*time.Millisecond, 5)).refused().chart()
	if c == nil || len(c.Xs) != 2 || c.Series[0].Ys[0] != 25 || c.Series[0].Ys[1] != 100 {
		t.Fatalf("%+v, want 25 %% after 0.1 s and 100 %% after 1 s", c)
	}
	if m := c.Markers[0]; m.At != 1000 || m.Label != "told 1.0 s" || c.Xs[0] < 100 || c.Xs[0] > 180 {
		t.Errorf("marker %+v, waits %v", m, c.Xs)
	}
	if one := stormy(turned(10, time.Second, 10)).refused().chart(); one != nil {
		t.Error("drawn from a single wait")
	}
	if few := stormy(turned(10, time.Second, 10), turned(2, time.Millisecond, 0)).refused().chart(); few != nil {
		t.Error("drawn from two clients")
	}
}

// TestClientsAndAmplification: each manner once, with the attempts that it made of a request.
func TestClientsAndAmplification(t *testing.T) {
	calm := turned(10, time.Second, 10)
	calm.Trial.Phase, calm.Trial.Actors[0] = "verify/steady", attack.Actor{Name: "ann", Identity: attack.Identity{Name: "ann"}}
	calm.Windows[0].Attempts = 10
	r := stormy(turned(10, time.Second, 4), turned(10, time.Second, 8), calm)
	rows := clientTable(r.clients()).Rows
	want := [][]string{{"crowd as ann, gold", "honour", "fixed", "20", "2.00", "60 %", "40 %", "0 %", "–", "–"}, {"ann", "steady", "never", "10", "1.00", "100 %", "0 %", "0 %", "–", "–"}}
	for i := range want {
		if i >= len(rows) || strings.Join(rows[i], "|") != strings.Join(want[i], "|") {
			t.Fatalf("%q, want %q", rows, want)
		}
	}
	if got, want := amplified(r.clients()), "Clients that try again made 40 requests of 20: 2.00 each, at worst 2.00 (fixed, honour)."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := amplified(stormy(calm).clients()); got != "" {
		t.Errorf("nobody tried again: %q", got)
	}
}

// TestBackendBesideTheStorm: each look stands where it was taken, and a look that found nothing is marked and counted.
func TestBackendBesideTheStorm(t *testing.T) {
	a, b := turned(10, time.Second, 4), turned(10, time.Second, 4)
	look := func(at, took time.Duration, ok bool) attack.Sight {
		return attack.Sight{At: at, Name: attack.SightHealth, OK: ok, Took: took, Error: map[bool]string{false: "status 503"}[ok]}
	}
	a.Sights = []attack.Sight{look(-time.Second, 2*time.Millisecond, true), look(time.Second, 3*time.Millisecond, true)}
	b.Sights = []attack.Sight{look(time.Second, 0, false), look(2*time.Second, 40*time.Millisecond, true)}
	r := stormy(a, b)
	c := r.sightChart()
	if c == nil || len(c.Xs) != 4 || c.Xs[0] != 0 || c.Xs[1] != 1 || c.Xs[2] != 6 || c.Xs[3] != 7 || c.Series[0].Ys[3] != 40 {
		t.Fatalf("%+v, want looks at 0, 1, 6 and 7 s", c)
	}
	if len(c.Markers) != 1 || c.Markers[0].At != 6 || !strings.HasSuffix(c.Subtitle, "1 of 4 looks found no healthy backend.") {
		t.Errorf("%+v %q, want the look at 6 s marked", c.Markers, c.Subtitle)
	}
	if got, want := strings.Join(r.sightTable().Rows[0], "|"), "health|4|3|1|3.0 ms|40 ms|status 503"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if stormy(turned(3, time.Second, 1)).sightChart() != nil {
		t.Error("drawn though nobody looked")
	}
}

// TestEndpointsAreDrawn, each by its own numbers, the one with the most requests first.
func TestEndpointsAreDrawn(t *testing.T) {
	r := Fold(fixtures()["endpoints"])
	c := r.endpointChart()
	if c == nil || len(c.Series) != 2 || c.Series[0].Label != "GET /list" || !strings.Contains(c.Subtitle, "gave way first") {
		t.Fatalf("%+v", c)
	}
	curve := r.Endpoints()["POST /basket|<b>"]
	for i, p := range curve.Points {
		if c.Xs[i] != p.Load || c.Series[1].Ys[i] != p.Response.P99 {
			t.Errorf("at %v/s stands %v, want %v at %v/s", c.Xs[i], c.Series[1].Ys[i], p.Response.P99, p.Load)
		}
	}
	if Fold(fixtures()["find"]).endpointChart() != nil {
		t.Error("drawn of a target of one endpoint")
	}
}

// TestNoTableOfNothingTold: where no refusal told anything, the sentence says so, and no rows of dashes follow.
func TestNoTableOfNothingTold(t *testing.T) {
	told := refusals{n: 5, told: []time.Duration{time.Second}, each: []*refusals{{who: "ann", n: 3}, {who: "bob", n: 2}}}
	if got := told.table(); len(got.Rows) != 2 {
		t.Errorf("%+v, want a row for each of two", got)
	}
	told.told = nil
	if got := told.table(); got.Rows != nil {
		t.Errorf("%+v, want no rows", got)
	}
}
