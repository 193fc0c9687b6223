package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// story is a short run with every kind of fact in it.
func story() []Entry {
	return []Entry{
		{Run: &Run{Schema: Schema, ID: "r1", Command: "find", Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Spec: []byte(`{"target":"http://h/?q=•••"}`)}},
		{Trial: measurement(1)}, {Note: &attack.Note{Code: "c", Text: "<line>\nbreak & tag"}},
		{Capacity: &analyze.Capacity{Goal: "p99<250ms", Cause: analyze.CauseTarget, Points: []analyze.Point{{Load: 10, Trials: []int{1}}}}},
		{Limits: &limits.Recommendation{Limit: limits.Limit{Rate: 8, Burst: 3}, Because: []string{"so"}}},
		{Verdict: &scenarios.Verdict{Scenario: "storm", Outcome: scenarios.Pass}}, {Lab: &Lab{Capacity: 100}},
		{Trial: measurement(2)}, {End: &End{Exit: 3, Outcome: "undecided"}},
	}
}

func measurement(n int) *attack.Measurement {
	w := attack.Window{Len: time.Second, Counts: attack.Counts{Due: 3, OK: 2, Throttled: 1, Attempts: 3}, Statuses: map[int]int64{200: 2, 429: 1}}
	w.Response.RecordN(20*time.Millisecond, 2)
	return &attack.Measurement{Trial: attack.Trial{N: n, Phase: "ramp"}, Windows: []attack.Window{w}}
}

// write makes a journal of the entries and returns its path.
func write(t testing.TB, entries []Entry) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func content(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// same compares entries by what a journal keeps of them.
func same(t *testing.T, got, want []Entry) {
	t.Helper()
	if d := cmp.Diff(payloads(t, want), payloads(t, got)); d != "" {
		t.Errorf("entries (-want +got):\n%s", d)
	}
}

func payloads(t *testing.T, entries []Entry) (out []string) {
	t.Helper()
	for _, e := range entries {
		b, err := encode(1, e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	got, err := ReadFile(write(t, story()))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, story())
	if q := got[1].Trial.Windows[0].Response.Quantile(.5); q.Round(time.Millisecond) != 20*time.Millisecond {
		t.Errorf("median read back = %v, want 20ms", q)
	}
}

func TestEveryEntryIsOneLine(t *testing.T) {
	b := content(t, write(t, story()))
	if got, want := bytes.Count(b, []byte("\n")), len(story()); got != want {
		t.Errorf("%d lines for %d entries", got, want)
	}
}

func TestLiveEntriesAreNotWritten(t *testing.T) {
	path := write(t, []Entry{story()[0], {Start: &attack.Trial{N: 1}}, {Tick: &attack.Tick{Due: 1}}})
	got, err := ReadFile(path)
	if err != nil || len(got) != 1 {
		t.Errorf("ReadFile = %d entries, %v; want the run's alone", len(got), err)
	}
}

func TestExistingJournalIsNeverOverwritten(t *testing.T) {
	path := write(t, story())
	before := content(t, path)
	_, err := Create(path)
	if err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("Create(existing) = %v, want an error with the way out", err)
	}
	if !bytes.Equal(content(t, path), before) {
		t.Error("the journal changed")
	}
}

func TestWriterRefusesWhatCannotBeTrue(t *testing.T) {
	lost := measurement(1)
	lost.Windows[0].OK--
	for name, row := range map[string]struct {
		e    Entry
		want string
	}{
		"bins that do not sum to due": {Entry{Trial: lost}, "bins sum to 2, due 3"},
		"no fact":                     {Entry{}, "holds 0"},
		"two facts":                   {Entry{End: &End{}, Lab: &Lab{}}, "holds 2"},
		"another schema":              {Entry{Run: &Run{Schema: "plimsoll.journal/v9"}}, "v9"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, story())
			w, _, err := Append(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(row.e); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("Write = %v, want an error with %q", err, row.want)
			}
			if err := w.Write(Entry{Lab: &Lab{}}); err != nil {
				t.Errorf("Write after a refusal = %v, want nil: nothing was written", err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTruncatedAnywhere cuts the journal at every byte: what is read is the entries whose newline survived, and a torn
// rest is told.
func TestTruncatedAnywhere(t *testing.T) {
	whole := content(t, write(t, story()))
	all, err := Read(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	same(t, all, story())
	for cut := range len(whole) + 1 {
		left := whole[:cut]
		got, err := Read(bytes.NewReader(left))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		want := all[:bytes.Count(left, []byte("\n"))]
		if cut > 0 && left[cut-1] != '\n' {
			want = append(slices.Clip(want), Entry{Note: torn(len(want) + 1)})
		}
		if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("cut at %d: %d entries, want the %d that are whole, as they were, and what was torn told", cut, len(got), len(want))
		}
	}
}

// TestResumeAfterAnyCut cuts the last two lines at every byte, appends, and reads a whole journal again.
func TestResumeAfterAnyCut(t *testing.T) {
	whole := content(t, write(t, story()))
	lines := bytes.SplitAfter(whole, []byte("\n"))
	start := len(whole) - len(lines[len(lines)-2]) - len(lines[len(lines)-3])
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	for cut := start; cut <= len(whole); cut += 1 + (cut-start)%7 { // fsync costs time: every byte near the line's edges is met
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		w, kept, err := Append(path)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if err := errors.Join(w.Write(Entry{End: &End{Exit: 130}}), w.Close()); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		got, err := ReadFile(path)
		if err != nil {
			t.Fatalf("cut at %d, then resumed: %v", cut, err)
		}
		same(t, got, append(kept, Entry{End: &End{Exit: 130}}))
	}
}

func TestDamagedMiddleIsRefusedByLine(t *testing.T) {
	lines := bytes.SplitAfter(content(t, write(t, story())), []byte("\n"))
	damage := map[string]func(int) [][]byte{
		"a digit changed": func(i int) [][]byte {
			out := append([][]byte{}, lines...)
			out[i] = bytes.Replace(bytes.Clone(out[i]), []byte(`"entry":{"`), []byte(`"entry":{"x`), 1)
			return out
		},
		"a line missing": func(i int) [][]byte { return append(append([][]byte{}, lines[:i]...), lines[i+1:]...) },
		"a line torn": func(i int) [][]byte {
			out := append([][]byte{}, lines...)
			out[i] = append(bytes.Clone(out[i][:len(out[i])/2]), '\n')
			return out
		},
	}
	for name, break_ := range damage {
		_, err := Read(bytes.NewReader(bytes.Join(break_(2), nil)))
		if err == nil || !strings.Contains(err.Error(), "line 3") {
			t.Errorf("%s: Read = %v, want an error that names line 3", name, err)
		}
	}
}

func TestSumsAreCheckedWhenRead(t *testing.T) {
	payload := []byte(`{"trial":{"trial":{"n":1},"windows":[{"due":5,"ok":1}]}}`)
	_, err := Read(strings.NewReader(stamp(1, payload)))
	if err == nil || !strings.Contains(err.Error(), "bins sum to 1, due 5") {
		t.Errorf("Read of a measurement that lost arrivals = %v, want its sums refused", err)
	}
}

func TestFactOfALaterVersionIsANote(t *testing.T) {
	got, err := Read(strings.NewReader(stamp(1, []byte(`{"weather":{"sun":true}}`))))
	if err != nil || len(got) != 1 || got[0].Note == nil || got[0].Note.Code != NoteUnknown {
		t.Errorf("Read = %+v, %v; want one note", got, err)
	}
}

// stamp is a line whose number and checksum are right, whatever it says.
func stamp(seq int, payload []byte) string {
	return string(bytes.Join([][]byte{[]byte(`{"seq":`), []byte(itoa(seq)), []byte(`,"crc32c":"`), []byte(sum(payload)), []byte(`","entry":`), payload, []byte("}\n")}, nil))
}
