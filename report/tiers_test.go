package report

import (
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// The sentence and the tile say whose limit a rate is, and promise of a tier no more than was tried.
func TestTheLimitIsThatOfATier(t *testing.T) {
	tier := func(name string, rate float64, main, tried bool) journal.Tier {
		return journal.Tier{Name: name, Limit: limits.Limit{Rate: rate, Burst: 10}, Main: main, Tried: tried}
	}
	gold, free, bulk := tier("gold", 300, true, true), tier("free", 50, false, true), tier("bulk", 900, false, true)
	test, keyless := tier("test", 5, false, true), tier("keyless", 70, false, false)
	for _, row := range []struct {
		says, checks string
		tiers        []journal.Tier
		head, tile   string
	}{
		{"no tiers", "V01", nil, "The throttle in front of shop holds its 300 requests a second", "burst 40"},
		{"each tried", "V01 V23", []journal.Tier{gold, free}, "The throttle in front of shop holds the limits of 2 tiers: gold 300/s, free 50/s", "tier gold, burst 40; free 50/s"},
		{"the others not asked", "V01", []journal.Tier{gold, free}, "The throttle in front of shop holds the 300 requests a second of tier gold", "tier gold, burst 40; free 50/s"},
		{"one without a key", "V01 V23", []journal.Tier{gold, free, keyless}, "The throttle in front of shop holds the limits of 2 tiers: gold 300/s, free 50/s", "tier gold, burst 40; free 50/s, keyless 70/s"},
		{"many", "V01 V23", []journal.Tier{gold, free, bulk, test}, "The throttle in front of shop holds the limits of 4 tiers", "tier gold, burst 40; 3 tiers more"},
		{"a limit of those without a tier", "V01", []journal.Tier{free}, "The throttle in front of shop holds its 300 requests a second", "burst 40; free 50/s"},
		{"one that could not tell", "V01 V23:inconclusive", []journal.Tier{gold, free}, "The throttle in front of shop is not proven: 1 check could not tell", "tier gold, burst 40; free 50/s"},
	} {
		r := stormed(0, strings.Fields(row.checks)...)
		r.Run.Tiers = row.tiers
		if got := r.Headline(); got != row.head {
			t.Errorf("%s: %q, want %q", row.says, got, row.head)
		}
		if got := r.Tiles()[2].Detail; got != row.tile {
			t.Errorf("%s: the tile says %q, want %q", row.says, got, row.tile)
		}
	}
	asked := stormed(3, "V01:inconclusive")
	if asked.Run.Tiers = []journal.Tier{gold, free}; !strings.Contains(commands(asked), "plimsoll verify URL --tier gold=300/s,10 --tier free=50/s,10 --keys KEYS --only V01") {
		t.Errorf("to ask again, %s", commands(asked))
	}
	if asked.Run.Tiers = []journal.Tier{free}; !strings.Contains(commands(asked), "plimsoll verify URL --limit 300/s --burst 40 --tier free=50/s,10 --keys KEYS --only V01") {
		t.Errorf("to ask again, %s", commands(asked))
	}
	r := stormed(0, "V01", "V23")
	if r.Run.Tiers = []journal.Tier{gold, free}; r.limitLine(300).Label != "limit 300 of gold" {
		t.Errorf("the line of a chart is called %q", r.limitLine(300).Label)
	}
}
