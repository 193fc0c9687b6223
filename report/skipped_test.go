package report

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// outputs are all that a report of a verification is written as, for people and for machines.
var outputs = map[string]func(io.Writer, Report) error{"text": Text, "page": HTML, "json": JSON, "junit": JUnit, "markdown": Markdown}

func outputOf(t *testing.T, name string, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := outputs[name](&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEveryOutputHoldsWhatWasSkipped: whoever reads an interrupted verification, or one whose throttle leaves something unsaid,
// must not take it for one that asked less. The verdict stays what it is.
func TestEveryOutputHoldsWhatWasSkipped(t *testing.T) {
	entries := fixtures()["verify"]
	whole, skipping := Fold(entries), Fold(entries)
	skipping.End = &journal.End{At: whole.End.At, Exit: 0, Outcome: whole.End.Outcome, Unasked: []scenarios.Skipped{
		{Scenario: "overload", ID: "V07", Name: "retry-after-well-formed", Why: "no refusal carried <it>"}, {Scenario: "refill", ID: "V03", Name: "refill <b>"}}}
	for name := range outputs {
		before, after := outputOf(t, name, whole), outputOf(t, name, skipping)
		for _, want := range []string{"V07", "retry-after-well-formed", "V03", "no refusal carried ", "not asked: the run ended before"} {
			if strings.Contains(before, want) || !strings.Contains(after, want) {
				t.Errorf("%s: %q is told %v of a run that skipped nothing, %v of one that skipped it", name, want, strings.Contains(before, want), strings.Contains(after, want))
			}
		}
	}
	if a, b := whole.Headline(), skipping.Headline(); a != b || whole.Outcome() != skipping.Outcome() {
		t.Errorf("%q and %q, want the same", a, b)
	}
	if got := outputOf(t, "junit", skipping); !strings.Contains(got, `skipped="2"`) || !strings.Contains(got, `name="V03 refill &lt;b&gt;" classname="plimsoll.verify.refill"`) {
		t.Errorf("the cases are not told as skipped:\n%s", got)
	}
	if err := keeps(t, closed(t, ResultSchema), outputOf(t, "json", skipping)); err != nil {
		t.Error(err)
	}
}

// TestASkippedCheckSaysHowTheRunEnded: what an interruption left is told as such.
func TestASkippedCheckSaysHowTheRunEnded(t *testing.T) {
	r := Fold(fixtures()["verify"])
	for exit, want := range map[int]string{exitInterrupted: "not asked: the run was interrupted before", exitHarm: "not asked: the run was stopped before"} {
		r.End = &journal.End{Exit: exit, Unasked: []scenarios.Skipped{{Scenario: "refill", ID: "V03", Name: "refill"}}}
		if got := r.Skipped(); len(got) != 1 || got[0].Why != want {
			t.Errorf("exit %d: %+v, want %q", exit, got, want)
		}
	}
}

// TestAnInterruptionSaysWhatIsLeft: a storm that passed as far as it was asked says that it was not asked all, and the page how to ask
// the rest.
func TestAnInterruptionSaysWhatIsLeft(t *testing.T) {
	r := stormed(exitInterrupted, "V09")
	r.Storms[0].Outcome, r.Storms[0].Title = scenarios.Inconclusive, "a storm"
	r.End.Unasked = []scenarios.Skipped{{Scenario: "storm", ID: "V20"}, {Scenario: "storm", ID: "V08"}, {Scenario: "storm", ID: "V10", Why: "no date was told"}}
	if got := r.Storms[0].Words(); got != "a storm (not all was asked)" {
		t.Errorf("%q does not tell why it is open", got)
	}
	if got := stormed(3, "V09:inconclusive").Storms[0].Words(); got != "" {
		t.Errorf("%q of a storm whose check could not tell", got)
	}
	want := Step{"ask what the run ended before", "plimsoll verify URL --limit 300/s --burst 40 --only V08,V20"}
	if got := r.Next(); len(got) == 0 || got[0] != want {
		t.Errorf("next are %+v, want first %+v", got, want)
	}
}

// TestAVerificationWithoutAVerdict: one that judged nothing says so, and shows no tiles of a search that nobody made.
func TestAVerificationWithoutAVerdict(t *testing.T) {
	for _, row := range []struct {
		exit       int
		why        string
		head, tile string
	}{
		{exitInterrupted, "", "The throttle in front of shop is not proven: the run was interrupted before any check", "1 check skipped, none judged"},
		{exitUndecided, "no refusal carried it", "The throttle in front of shop is not proven: every check was skipped", "1 check skipped, none judged"},
	} {
		r := stormed(row.exit)
		r.Run.Command, r.Storms = "verify", nil
		r.End.Unasked = []scenarios.Skipped{{Scenario: "overload", ID: "V07", Name: "retry-after-well-formed", Why: row.why}}
		if got := r.Headline(); got != row.head {
			t.Errorf("exit %d: %q, want %q", row.exit, got, row.head)
		}
		tiles := r.Tiles()
		if tiles[0].Label != "requests sent" || tiles[3].Detail != row.tile || tiles[3].Value != "–" {
			t.Errorf("exit %d: the tiles are %+v, want what was sent first and %q last", row.exit, tiles, row.tile)
		}
	}
}
