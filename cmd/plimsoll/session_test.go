package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// Two runs of one name that begin in the same second have a folder each.
func TestRunsOfOneSecondHaveFoldersOfTheirOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	run := journal.Run{Title: "API", Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	for _, want := range []string{"20260102-030405-api", "20260102-030405-api-2", "20260102-030405-api-3"} {
		if got, err := newDir(run); err != nil || got != filepath.Join(runsDir, want) {
			t.Errorf("newDir = %q, %v; want %q", got, err, want)
		}
	}
	for range runsAtOnce - 3 {
		if _, err := newDir(run); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := newDir(run); err == nil {
		t.Errorf("run %d of one second got the folder %q, want an error", runsAtOnce+1, got)
	}
}

func TestInterruptedLoadSaysHowFarItCame(t *testing.T) {
	m := attack.Measurement{Trial: attack.Trial{Actors: []attack.Actor{{Schedule: attack.Constant(100, 30*time.Second, attack.Even)}}},
		Windows: []attack.Window{{Len: time.Second, Counts: attack.Counts{Due: 312, OK: 312}}}, Aborted: &attack.Abort{At: 3120 * time.Millisecond, Reason: attack.Interrupted}}
	for outcome, want := range map[string]string{
		"312 requests, 312 ok":  "after 3.1s of 30s, with 312 of 3000 requests due: 312 requests, 312 ok",
		"goal kept: p99<250ms":  "after 3.1s of 30s, with 312 of 3000 requests due: goal kept so far: p99<250ms",
		"goal missed: p99 is 1": "after 3.1s of 30s, with 312 of 3000 requests due: goal missed: p99 is 1",
	} {
		if got := cutShort(m, outcome); got != want {
			t.Errorf("cutShort = %q, want %q", got, want)
		}
	}
}
