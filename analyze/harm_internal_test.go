package analyze

import (
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// A trial may last no longer than overload is left, should it turn out to be one: what was borne above it was overload then.
func TestRoomForOneMoreOverload(t *testing.T) {
	rows := func(of ...row) []row { return of }
	held := func(load, long float64, c Class) row {
		return row{m: attack.Measurement{Trial: attack.Trial{Actors: []attack.Actor{{Schedule: attack.Constant(load, time.Duration(long*1e9), attack.Poisson)}}}}, j: Judgement{Class: c}}
	}
	none := math.Inf(1)
	for _, r := range []struct {
		name string
		f    finding
		rows []row
		load float64
		want float64
	}{
		{"nothing was sent", finding{hi: none, breaking: none}, nil, 100, 60},
		{"an overload", finding{lo: 80, hi: 120, breaking: none}, rows(held(60, 5, Sustained), held(120, 10, Overloaded)), 100, 50},
		{"and a load that may have passed for want of time", finding{lo: 80, hi: 120, breaking: none}, rows(held(80, 5, Sustained), held(120, 10, Overloaded)), 100, 45},
		{"and one that is confirmed", finding{sustained: 80, lo: 80, hi: 120, breaking: none}, rows(held(80, 5, Sustained), held(120, 10, Overloaded)), 100, 50},
		{"a cold target was overloaded by less", finding{lo: 150, hi: none, breaking: none}, rows(held(100, 10, Overloaded), held(150, 5, Sustained)), 200, 45},
		{"an overload at what is asked for", finding{lo: 80, hi: 120, breaking: none, estimate: 130}, rows(held(100, 10, Overloaded)), 100, 50},
		{"a load borne above it", finding{lo: 110, hi: 120, breaking: none, estimate: 105}, rows(held(110, 20, Sustained), held(120, 10, Overloaded)), 100, 30},
		{"one borne, and a vote below", finding{sustained: 100, lo: 80, hi: 120, breaking: 120}, rows(held(100, 20, Sustained), held(120, 30, Overloaded)), 90, 10},
		{"more than is allowed", finding{lo: 80, hi: 120, breaking: none}, rows(held(120, 70, Overloaded)), 100, 0},
		{"others are overloads if it is borne", finding{lo: 50, hi: 120, breaking: 120, estimate: 119, mode: ModeCapacity}, rows(held(112, 40, Sustained), held(120, 30, Overloaded)), 80, 0},
	} {
		s := &search{plan: Plan{MaxOverloadSeconds: 60}, rows: r.rows, finding: r.f}
		if got := s.room(r.load); math.Abs(got-r.want) > 1e-6 {
			t.Errorf("%s: %.1fs for a trial at %.0f/s, want %.1fs", r.name, got, r.load, r.want)
		}
	}
}

// While no load is confirmed, time is kept for the trial that may confirm one; the last such trial is held low, but not below
// loads that were tried for longer than there is time for.
func TestTheLastTrialThatThereIsRoomFor(t *testing.T) {
	held := func(load, long float64, c Class) row {
		return row{m: attack.Measurement{Trial: attack.Trial{Actors: []attack.Actor{{Schedule: attack.Constant(load, time.Duration(long*1e9), attack.Poisson)}}}}, j: Judgement{Class: c}}
	}
	f := finding{lo: 50, hi: 120, breaking: math.Inf(1), estimate: 100, mode: ModeCapacity}
	for _, r := range []struct {
		name       string
		sustained  float64
		rows       []row
		load, long float64
	}{
		{"there is time for it and another", 0, []row{held(120, 35, Overloaded)}, 98, 20},
		{"for a shorter one and another", 0, []row{held(120, 45, Overloaded)}, 98, 10},
		{"for the last", 0, []row{held(120, 52, Overloaded)}, 80, 8},
		{"for the last, above what was tried", 0, []row{held(120, 51, Overloaded), held(85, 5, Sustained)}, 85 * lastAbove, 9},
		{"for none", 0, []row{held(120, 58, Overloaded)}, 98, 5},
		{"a load is confirmed", 80, []row{held(120, 52, Overloaded)}, 98, 20},
	} {
		s := &search{plan: Plan{MaxOverloadSeconds: 60, Min: 1, Max: 1000}, effort: efforts[Standard].within(DefaultBudget, 60), rows: r.rows, finding: f}
		s.sustained = r.sustained
		if load, long := s.afford(98, 20); math.Abs(load-r.load) > 1e-6 || math.Abs(long-r.long) > 1e-6 {
			t.Errorf("%s: %.1fs at %.2f/s, want %.1fs at %.2f/s", r.name, long, load, r.long, r.load)
		}
	}
	s := &search{plan: Plan{MaxOverloadSeconds: 60, Min: 1, Max: 1000}, effort: efforts[Standard].within(DefaultBudget, 60), rows: []row{held(120, 45, Overloaded)}, finding: f}
	if long, may := s.overloadable(112); long != 10 || !may {
		t.Errorf("an overload of %.1fs, %v, with 15s left: want 10s, which leaves 5s", long, may)
	}
	s.rows = append(s.rows, held(120, 8, Overloaded))
	if long, may := s.overloadable(112); may {
		t.Errorf("an overload of %.1fs with 7s left, want none", long)
	}
}

// Between bounds of short trials it is what overloads completed; between confirmed ones their middle.
func TestTheMiddleOfTheBounds(t *testing.T) {
	none := math.Inf(1)
	for _, r := range []struct {
		f    finding
		want float64
	}{
		{finding{hi: none, breaking: none}, 0},
		{finding{lo: 50, hi: none, breaking: none}, 0},
		{finding{sustained: 100, breaking: 121, estimate: 105, mode: ModeCapacity}, 110},
		{finding{lo: 50, hi: 200, breaking: none, estimate: 80, mode: ModeCapacity}, 80},
		{finding{lo: 50, hi: 200, breaking: none, good: 90}, 90},
		{finding{lo: 50, hi: 200, breaking: none, estimate: 40, mode: ModeCapacity}, 50},
		{finding{sustained: 100, hi: 150, breaking: none, estimate: 250, mode: ModeCapacity}, 150},
		{finding{lo: 50, hi: 200, breaking: none, estimate: 180, mode: ModeErrors}, 100},
	} {
		if got := r.f.middle(); math.Abs(got-r.want) > 1e-9 {
			t.Errorf("the middle of %+v is %v, want %v", r.f, got, r.want)
		}
	}
}

// What narrows the bracket of a tighter goal may be an overload as well.
func TestNoPromiseIsBracketedWithoutRoomForOverload(t *testing.T) {
	for _, r := range []struct {
		most  float64
		asked bool
	}{{60, true}, {40, false}} {
		held := func(load, long float64, c Class) row {
			return row{m: attack.Measurement{Trial: attack.Trial{Phase: Confirm, Actors: []attack.Actor{{Schedule: attack.Constant(load, time.Duration(long*1e9), attack.Poisson)}}}}, j: Judgement{Class: c}}
		}
		p := Plan{Goal: Goal{Latency: []Bound{{Quantile: .99, Max: time.Second}}}, MaxOverloadSeconds: r.most}.withDefaults()
		s := &search{plan: p, effort: efforts[Standard], rows: []row{held(1000, 15, Sustained), held(1100, 30, Overloaded)},
			finding: finding{goal: p.loosest(), lo: 900, hi: 1100, sustained: 1000, breaking: 1100, mode: ModeErrors}}
		s.promises()
		if asked := s.want != nil; asked != r.asked || asked == (len(s.notes) == 1 && s.notes[0].Code == "overload") {
			t.Errorf("%.0fs allowed, of which 30s are spent: asked %v, want %v; notes %v", r.most, asked, r.asked, s.notes)
		}
	}
}
