package report

import (
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

func TestGeneratorIsShownAtItsWorst(t *testing.T) {
	trial := func(n int, outcomes ...attack.CheckOutcome) attack.Measurement {
		m := attack.Measurement{Trial: attack.Trial{N: n, Actors: []attack.Actor{{}}}}
		for i, o := range outcomes {
			m.Checks = append(m.Checks, attack.SelfCheck{Name: []string{"lag", "idle"}[i], Outcome: o, Got: string(o)})
		}
		return m
	}
	r := Report{Trials: []attack.Measurement{trial(1, attack.Healthy, attack.Unavailable), trial(2, attack.Void, attack.Healthy), trial(3, attack.Warn, attack.Unavailable)}}
	h := r.Generator()
	lag, idle := h.Checks[0], h.Checks[1]
	if lag.Outcome != attack.Void || lag.Trial != 2 || lag.Void != 1 || lag.Warn != 1 || lag.Of != 3 {
		t.Errorf("lag = %+v, want void in trial 2, of 3", lag)
	}
	if idle.Outcome != attack.Healthy || idle.Unread != 2 {
		t.Errorf("idle = %+v, want ok where it could be read, and 2 trials where it could not", idle)
	}
	if h.Void || h.Trials != 1 {
		t.Errorf("one void trial of three makes the run void: %v, %d counted", h.Void, h.Trials)
	}
	if r.Trials = r.Trials[1:2]; !r.Generator().Void {
		t.Error("a run of void trials alone is not void")
	}
	r = Report{Capacities: []analyze.Capacity{{Cause: analyze.CauseGenerator}}}
	if !r.Generator().Void {
		t.Error("a search that the generator ended is not void")
	}
}
