package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// A report is told of every tier, which of them the storms are sent as, and which are tried on their own: those with a key.
func TestTheJournalHoldsTheTiers(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.yml")
	if err := os.WriteFile(keys, []byte("- {name: bob, secret: open, tier: basic}\n- {name: ann, secret: sesame, tier: gold}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, _, err := declared(t, VerifySpec{Keys: keys, Tiers: []string{"gold=100/s,20", "basic=50/s,10", "bulk=900/s,90"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []journal.Tier{{Name: "gold", Limit: limits.Limit{Rate: 100, Burst: 20}, Tried: true}, {Name: "basic", Limit: limits.Limit{Rate: 50, Burst: 10}, Main: true, Tried: true}, {Name: "bulk", Limit: limits.Limit{Rate: 900, Burst: 90}}}
	if got := toldTiers(config); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
