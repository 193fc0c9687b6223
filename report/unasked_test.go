package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/report/journal"
)

// TestJUnitHoldsWhatWasNotAsked: a CI that counts cases must not take an interrupted verification for one that asked less.
func TestJUnitHoldsWhatWasNotAsked(t *testing.T) {
	r := Fold(fixtures()["verify"])
	written := func() string {
		var b bytes.Buffer
		if err := JUnit(&b, r); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got := written(); strings.Contains(got, "not asked") {
		t.Errorf("all was asked:\n%s", got)
	}
	r.End = &journal.End{At: r.End.At, Exit: exitInterrupted, Outcome: "interrupted: 4 of 5 checks were asked", Unasked: []journal.Unasked{{Scenario: "refill", ID: "V03", Name: "refill <b>"}}}
	got := written()
	for _, want := range []string{`<error message="interrupted: 4 of 5`, `skipped="1"`, `<testcase name="V03 refill &lt;b&gt;" classname="plimsoll.verify.refill"`, `<skipped message="not asked: the run was interrupted before">`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}
