package report

import (
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// logged is a trial of ten requests each tenth of a second, of which a share was refused and came again later.
func logged(n int, seconds int) attack.Measurement {
	m := attack.Measurement{Trial: attack.Trial{N: n, Phase: "verify/flash", Actors: []attack.Actor{{Name: "crowd", Schedule: attack.Constant(100, time.Duration(seconds)*time.Second, attack.Even)}}}}
	w := attack.Window{Len: time.Duration(seconds) * time.Second}
	for i := range seconds * 100 {
		sent := time.Duration(i) * 10 * time.Millisecond
		a := attack.Attempt{Seq: int64(i), Try: 1, Due: sent, Sent: sent, Received: sent + 20*time.Millisecond, Status: 200, Outcome: attack.OK}
		w.Due, w.Attempts, w.OK = w.Due+1, w.Attempts+1, w.OK+1
		m.Log = append(m.Log, a)
		if i%4 == 0 {
			m.Log[len(m.Log)-1].Outcome = attack.Throttled
			a.Try, a.Sent, a.Received = 2, sent+300*time.Millisecond, sent+320*time.Millisecond
			m.Log = append(m.Log, a)
			w.Attempts++
		}
	}
	m.Windows = []attack.Window{w}
	return m
}

func TestStormsAreDrawnFromTheirRequests(t *testing.T) {
	m := logged(1, 2)
	line, ok := layOutLog([]attack.Measurement{m})
	if !ok || line.width > .2 {
		t.Fatalf("slots of %v s, %v, want them fine", line.width, ok)
	}
	var due, throttled, covered float64
	for _, s := range line.slots {
		due, throttled, covered = due+s.due, throttled+s.throttled, covered+s.covered
	}
	if want := float64(len(m.Log)); due != want || throttled != 50 {
		t.Errorf("the slots hold %v requests, %v of them refused, want %v and 50", due, throttled, want)
	}
	if math.Abs(covered-2.5) > 1e-6 { // the last retry was sent after 2.26 s
		t.Errorf("the slots cover %v s, want 2.5", covered)
	}
	for i, h := range line.pools() {
		if h.N() > 0 && float64(i)*line.width >= 2.3 {
			t.Errorf("answers at %v s, after the last was sent", float64(i)*line.width)
		}
	}
}

// TestALogThatLacksSomethingIsNotDrawn: what was dropped or never sent would be missing from the picture.
func TestALogThatLacksSomethingIsNotDrawn(t *testing.T) {
	for name, spoil := range map[string]func(*attack.Measurement){
		"dropped": func(m *attack.Measurement) { m.LogDropped = 1 },
		"short":   func(m *attack.Measurement) { m.Log = m.Log[1:] },
		"unsent":  func(m *attack.Measurement) { m.Windows[0].Unsent, m.Windows[0].OK = 1, m.Windows[0].OK-1 },
		"few":     func(m *attack.Measurement) { m.Log, m.Windows[0].Attempts = m.Log[:5], 5 },
	} {
		m := logged(1, 2)
		spoil(&m)
		if _, ok := layOutLog([]attack.Measurement{m}); ok {
			t.Errorf("%s: drawn from its log", name)
		}
	}
}

// TestOneStormIsDrawnOnce however many scenarios rest on it.
func TestOneStormIsDrawnOnce(t *testing.T) {
	m := logged(4, 2)
	of := func(name string, ms ...attack.Measurement) Storm {
		return Storm{Verdict: scenarios.Verdict{Scenario: name, Outcome: scenarios.Pass}, Measured: ms}
	}
	r := Report{Storms: []Storm{of("flash", m), of("etiquette", m), of("other", logged(5, 2))}}
	views := r.stormViews()
	if views[0].Chart == nil || views[1].Chart != nil || views[1].As != "flash" || views[2].Chart == nil {
		t.Errorf("charts of %v, %v (as %q), %v, want one of flash, which etiquette names, and one of other", views[0].Chart != nil, views[1].Chart != nil, views[1].As, views[2].Chart != nil)
	}
}
