package scenarios

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// TestWhoGaveUpWasNotServed: a storm of which some gave up is nowhere said to be served whole.
func TestWhoGaveUpWasNotServed(t *testing.T) {
	c := Config{}
	c.Limit.Rate, c.Limit.Burst = 100, 40
	log := []attack.Attempt{}
	for i := range 60 {
		log = append(log, attack.Attempt{Seq: int64(i), Try: 1, Outcome: attack.Throttled, Status: 429})
	}
	w := attack.Window{Counts: attack.Counts{Due: 60, OK: 59, Throttled: 1, Attempts: 120}, Statuses: map[int]int64{200: 59, 429: 61}}
	log = append(log, attack.Attempt{Try: 2, Outcome: attack.OK, Received: 90 * time.Millisecond})
	m := attack.Measurement{Windows: []attack.Window{w}, Log: log}
	e := &evidence{c: c, refusal: 429}
	if words := strings.Join(tableOf([]storm{e.storm(mannersSeen[0], m)}).Columns, ", "); strings.Contains(words, "all served") {
		t.Errorf("columns %s: 1 of 60 gave up", words)
	}
	f := herd(e, []attack.Measurement{{}, m})
	if f.outcome != Pass || !strings.Contains(f.why, "all of the crowd but 1") {
		t.Errorf("%s: %q, want all of the crowd but 1", f.outcome, f.why)
	}
}
