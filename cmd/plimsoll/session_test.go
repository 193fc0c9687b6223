package main

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
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

// After a search the step that it asks for is told, written out for this target and this folder.
func TestFindSaysWhatToDoNext(t *testing.T) {
	at := &analyze.Estimate{Value: 100, Lo: 90, Hi: 110, Confidence: .9}
	for want, c := range map[string]*analyze.Capacity{
		"next, to tell which limiter answered: plimsoll identify 'http://127.0.0.1:1/?a=•••'\n":               {Goal: "failed<1%", Cause: analyze.CauseLimiter, Mode: analyze.ModeLimited, Limiter: at},
		"next, to turn the capacity into limits: plimsoll advise runs/RUN\n":                                  {Goal: "failed<1%", Cause: analyze.CauseTarget, Estimate: at, Sustained: at, Breaking: at},
		"next, to go on where the run stopped: plimsoll find --resume runs/RUN 'http://127.0.0.1:1/?a=•••'\n": nil,
		"": {Goal: "failed<1%", Cause: analyze.CauseCeiling},
	} {
		var said bytes.Buffer
		s := &session{app: &app{err: &said}, dir: "runs/RUN", entries: []journal.Entry{{Run: &journal.Run{Command: "find", Target: "http://127.0.0.1:1/?a=•••"}}, {Capacity: c}, {End: &journal.End{}}}}
		if s.sayNext(); said.String() != want {
			t.Errorf("%+v: %q, want %q", c, said.String(), want)
		}
	}
}
