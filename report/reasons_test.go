package report

import (
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

func TestBurstsThatWereNotBorneAreNotTold(t *testing.T) {
	for want, b := range map[string]analyze.Burst{
		"Bursts of 320 at once are borne at 430/s (3 repeats, sent within 4.1 ms), of 640 they are not.":        {Tolerated: 320, AtRate: 430, SpreadMS: 4.1, Repeats: 3, Refused: 640},
		"Which bursts are borne at 430/s is not known: no burst could be judged.":                               {AtRate: 430},
		"No burst is known to be borne at 430/s: bursts of 98 at once are not (3 repeats, sent within 4.1 ms).": {AtRate: 430, SpreadMS: 4.1, Repeats: 3, Refused: 98},
	} {
		if got := burstWords(b); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Void trials are explained by what made most of them void, whichever came last.
func TestVoidTrialsNameTheirCauses(t *testing.T) {
	void := func(name string) attack.Measurement {
		return attack.Measurement{Checks: []attack.SelfCheck{{Name: name, Outcome: attack.Void, Got: "17", Want: "1", Fix: "mend " + name}}}
	}
	late, spread := void("late ticks"), void("burst spread")
	r := Report{Trials: []attack.Measurement{late, late, late, spread, {}}}
	if h := r.Generator(); h.Trials != 4 || h.Why != "late ticks: 17, want 1 (3 trials); burst spread: 17, want 1 (1 trial)" || h.Fix != "mend late ticks" {
		t.Errorf("%d void: %q, %q; want both causes, the most frequent first", h.Trials, h.Why, h.Fix)
	}
	r.Trials = []attack.Measurement{late, late, {}}
	if h := r.Generator(); h.Why != "late ticks: 17, want 1" {
		t.Errorf("one cause is told as %q", h.Why)
	}
}

// A load whose requests failed says by what, in the text and in the notes.
func TestFailedLoadNamesWhatItFailedBy(t *testing.T) {
	r := Fold(fixtures()["load"])
	m := r.Trials[0]
	w := attack.Window{Len: m.Windows[0].Len, Counts: attack.Counts{Due: 1000, OK: 500, Failed: 500, Attempts: 1000},
		Errors: map[string]int64{"connection refused": 490, "eof": 10, "timeout": 900}}
	m.Windows = []attack.Window{w}
	r.Trials = []attack.Measurement{m}
	var b strings.Builder
	if err := Text(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"failed 50 % (490 × connection refused)", "failed 500 (490 × connection refused)", "Failed: 500 of 1,000 requests (490 × connection refused)."} {
		if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), want) {
			t.Errorf("the text lacks %q:\n%s", want, b.String())
		}
	}
	r.Trials[0].Windows[0].Errors = nil // failed by their status
	if l := r.Load(); l.failedBy() != "" {
		t.Errorf("a load without errors failed by %q", l.failedBy())
	}
}
