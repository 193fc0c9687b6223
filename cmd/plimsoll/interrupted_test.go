package main

import (
	"testing"

	"github.com/plimsoll-load/plimsoll/scenarios"
)

// An interrupted run tells what it measured, and not of each check that it was not.
func TestWhatWasNotMeasuredIsNotToldCheckByCheck(t *testing.T) {
	told := measured([]scenarios.Verdict{
		{Scenario: "a", Checks: []scenarios.Check{{ID: "V01", Got: "100/s"}, {ID: "V02", Got: scenarios.NotMeasured}}},
		{Scenario: "b", Checks: []scenarios.Check{{ID: "V03", Got: scenarios.NotMeasured}}},
	})
	if len(told) != 1 || len(told[0].Checks) != 1 || told[0].Checks[0].ID != "V01" {
		t.Errorf("%+v, want V01 alone", told)
	}
}
