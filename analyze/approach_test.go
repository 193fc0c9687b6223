package analyze_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// One slow server queues long before it is full, many quick ones hardly do, and a queue that takes nobody never does.
func TestAGradualEndAndACliffAreToldApart(t *testing.T) {
	many(t)
	t.Parallel()
	short := queue(800, 16, sim.Deterministic)
	short.Queue = 2
	for _, row := range []struct {
		name   string
		target sim.Target
		cliff  bool
	}{
		{"one server", queue(400, 1, sim.Exponential), false},
		{"two servers", queue(300, 2, sim.Lognormal), false},
		{"sixty-four servers of constant pace", queue(1500, 64, sim.Deterministic), true},
		{"a queue that sheds", short, true},
	} {
		for seed := range uint64(2) {
			f := search(t, analyze.Plan{Seed: seed, Budget: 2 * time.Minute}, sim.New(row.target, seed))
			text, cliff := f.Approach()
			if text == "" || cliff != row.cliff || strings.Contains(text, "cliff") != row.cliff {
				t.Errorf("%s, seed %d: %q, want a cliff: %v", row.name, seed, text, row.cliff)
			}
		}
	}
	if text, _ := (analyze.Capacity{}).Approach(); text != "" {
		t.Errorf("of nothing measured it is said: %q", text)
	}
}
