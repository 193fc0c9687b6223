package report

import (
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

// TestTilesOfOtherRuns: runs that search for nothing, or did not end, show what they have, and never a row of dashes.
func TestTilesOfOtherRuns(t *testing.T) {
	runs := fixtures()
	for name, want := range map[string][4]string{
		"load":        {"offered", "answered well", "p99", "goal"},
		"void":        {"offered", "answered well", "p99", "not answered well"},
		"verify":      {"requests sent", "throttled", "limit as told", "verification"},
		"interrupted": {"highest load tried", "most answered well", "recommended limit", "verification"},
		"limited":     {"latency knee", "breaking load", "limiter in front", "verification"},
		"whole":       {"latency knee", "breaking load", "recommended limit", "verification"},
		"begun":       {"latency knee", "breaking load", "recommended limit", "verification"},
	} {
		for i, tile := range Fold(runs[name]).Tiles() {
			if tile.Label != want[i] {
				t.Errorf("%s: tile %d is %q, want %q", name, i, tile.Label, want[i])
			}
		}
	}
}

// TestAGoalThatBroke is told by its tile, and one that nobody decided is not.
func TestAGoalThatBroke(t *testing.T) {
	r := Fold(makeFixtures()["load"])
	for exit, want := range map[int]Tile{0: {Label: "goal", Value: "kept", Tone: Good}, exitBroken: {Label: "goal", Value: "broken", Tone: Bad}, 4: {Label: "not answered well", Value: "0 %"}, exitInterrupted: {Label: "not answered well", Value: "0 %"}} {
		r.End.Exit = exit
		if got := r.Tiles()[3]; got.Label != want.Label || got.Value != want.Value || got.Tone != want.Tone {
			t.Errorf("exit %d: %+v, want %+v", exit, got, want)
		}
	}
}

func TestBinsInWords(t *testing.T) {
	for want, c := range map[string]attack.Counts{"throttled 50 %, unsent 1.0 %": {Due: 100, OK: 49, Throttled: 50, Unsent: 1}, "none was refused, failed or left unsent": {Due: 3, OK: 3}} {
		if got := binWords(Load{Counts: c}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
