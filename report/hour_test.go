package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// hour is the journal of an hour of load: a search of forty minutes and storms of twenty, of each of which so many requests
// are kept one by one.
func hour(kept int) []journal.Entry {
	s := newService()
	entries := []journal.Entry{opening("run")}
	_, c := found(s)
	c.Points = nil
	for n := 1; n <= 120; n++ { // 40 min: loads of 20 s
		load := 100 + 18*float64(n)
		m := s.trial(n, "ramp", 20, steady(load), unlimited)
		entries, c.Points = append(entries, journal.Entry{Trial: m}), append(c.Points, point(*m, load))
	}
	entries = append(entries, journal.Entry{Capacity: &c}, journal.Entry{Limits: advised()})
	for n := 121; n <= 150; n++ { // 20 min: storms of 40 s
		m := storm(s, n)
		m.Trial.LogMax, m.Log = kept, logOf(kept)
		m.LogDropped = m.All().Attempts - int64(kept)
		entries = append(entries, journal.Entry{Trial: m})
		for _, v := range verdicts(n, n)[:1] {
			v.Scenario = fmt.Sprintf("storm-%d", n)
			entries = append(entries, journal.Entry{Verdict: &v})
		}
	}
	return append(entries, journal.Entry{End: &journal.End{At: began.Add(time.Hour), Outcome: "the throttle holds"}})
}

// logOf makes single requests that a trial may have sent.
func logOf(n int) (out []attack.Attempt) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		due := time.Duration(float64(i) / float64(n) * 40e9)
		a := attack.Attempt{Seq: int64(i), Due: due, Sent: due + 60*time.Microsecond, Status: 200, Outcome: attack.OK}
		if rng.IntN(3) == 0 {
			a.Status, a.Outcome = 429, attack.Throttled
		}
		a.Received = a.Sent + time.Duration(1e6*(2+rng.ExpFloat64()*4))
		out = append(out, a)
	}
	return out
}

// hourFile writes the journal of an hour, and tells how many seconds of load it holds.
func hourFile(t testing.TB, kept int) (path string, seconds float64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal.jsonl")
	w, err := journal.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range hour(kept) {
		if e.Trial != nil {
			seconds += e.Trial.Total().Len.Seconds()
		}
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path, seconds
}

func render(t testing.TB, path string) []byte {
	t.Helper()
	entries, err := journal.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := HTML(&page, Fold(entries)); err != nil {
		t.Fatal(err)
	}
	return page.Bytes()
}

// pageMax is the most bytes that a page takes, an hour's too, so that it can be sent by mail.
const pageMax = 500_000

func TestAnHourFitsAPage(t *testing.T) {
	if testing.Short() {
		t.Skip("makes and reads an hour of load: run without -short")
	}
	path, seconds := hourFile(t, 2000)
	if seconds < 3500 {
		t.Fatalf("the journal holds %v s, want an hour", seconds)
	}
	if n := len(render(t, path)); n > pageMax {
		t.Errorf("the page of an hour has %d bytes, want at most %d", n, pageMax)
	}
}

// BenchmarkHour renders the journal of an hour, from the file to the page: of its windows alone, and with as many single
// requests of every storm as a trial may keep, which make the journal twenty times as long.
func BenchmarkHour(b *testing.B) {
	for name, kept := range map[string]int{"windows": 0, "requests": attack.MaxLog} {
		b.Run(name, func(b *testing.B) {
			path, _ := hourFile(b, kept)
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			var page []byte
			for b.Loop() {
				page = render(b, path)
			}
			b.ReportMetric(float64(len(page)), "page-bytes")
			b.ReportMetric(float64(info.Size()), "journal-bytes")
		})
	}
}
