package scenarios

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

func TestSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(rapid.SampledFrom([]Outcome{Pass, Fail, Inconclusive})).Draw(t, "outcomes")
		want := Pass
		switch {
		case slices.Contains(all, Fail):
			want = Fail
		case slices.Contains(all, Inconclusive), len(all) == 0:
			want = Inconclusive
		}
		if got := Sum(all...); got != want {
			t.Fatalf("Sum(%v) = %s, want %s", all, got, want)
		}
		other := slices.Clone(all)
		slices.Reverse(other)
		if Sum(all...) != Sum(other...) {
			t.Fatalf("Sum(%v) depends on the order", all)
		}
		if cut := rapid.IntRange(0, len(all)).Draw(t, "cut"); cut > 0 && cut < len(all) && Sum(Sum(all[:cut]...), Sum(all[cut:]...)) != Sum(all...) {
			t.Fatalf("Sum(%v) is not the sum of its parts at %d", all, cut)
		}
	})
}

// admissions draws a log of admissions with answers that overtake one another.
func admissions(t *rapid.T) []attack.Attempt {
	var log []attack.Attempt
	var at time.Duration
	for range rapid.IntRange(1, 60).Draw(t, "n") {
		at += time.Duration(rapid.Int64Range(0, 30e6).Draw(t, "gap"))
		log = append(log, attack.Attempt{Sent: at, Received: at + time.Duration(rapid.Int64Range(1e5, 80e6).Draw(t, "took")), Outcome: attack.OK, Status: 200})
	}
	return log
}

// The one pass finds what looking at every pair finds.
func TestWorstIntervalIsTheWorstOfAllPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log, c, r := admissions(t), rapid.Float64Range(1, 20).Draw(t, "burst"), rapid.Float64Range(1, 500).Draw(t, "rate")
		want := math.Inf(-1)
		for i := range log {
			for j := i; j < len(log); j++ {
				last := time.Duration(0)
				for _, a := range log[:j+1] {
					last = max(last, a.Received)
				}
				want = max(want, float64(j-i+1)-c-r*(last-log[i].Sent).Seconds())
			}
		}
		got := worstInterval(log, c, r)
		if math.Abs(got.over-want) > 1e-9 {
			t.Fatalf("worstInterval = %+v, all pairs say %v", got, want)
		}
		if again := float64(got.admitted) - c - r*got.long.Seconds(); math.Abs(again-got.over) > 1e-9 {
			t.Fatalf("%+v does not add up: %v", got, again)
		}
	})
}

// Whatever the delays on the way, a limiter that keeps its word is never accused: failures of V04 are certain.
func TestACorrectBucketIsNeverAccused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, r := rapid.IntRange(1, 20).Draw(t, "burst"), rapid.Float64Range(1, 500).Draw(t, "rate")
		type asked struct{ sent, decided, answered time.Duration }
		var all []asked
		var at time.Duration
		for range rapid.IntRange(1, 80).Draw(t, "n") {
			at += time.Duration(rapid.Int64Range(0, 20e6).Draw(t, "gap"))
			there := at + time.Duration(rapid.Int64Range(0, 40e6).Draw(t, "there"))
			all = append(all, asked{at, there, there + time.Duration(rapid.Int64Range(0, 40e6).Draw(t, "back"))})
		}
		slices.SortFunc(all, func(a, b asked) int { return int(a.decided - b.decided) })
		b := model.NewBucket(r, c)
		var log []attack.Attempt
		for _, a := range all {
			if ok, _ := b.Take(a.decided); ok {
				log = append(log, attack.Attempt{Sent: a.sent, Received: a.answered, Outcome: attack.OK})
			}
		}
		if w := worstInterval(bySent(log), float64(c), r); w.over > 1e-6 {
			t.Fatalf("a bucket of %d at %v/s is said to have let in %v too many in %v", c, r, w.over, w.long)
		}
	})
}

func TestMalformed(t *testing.T) {
	for _, row := range []struct {
		text string
		ok   bool
	}{
		{"1", true}, {"120", true}, {"007", true}, {"Sun, 06 Nov 1994 08:49:37 GMT", true},
		{"0", false}, {"-1", false}, {"1.9", false}, {"1s", false}, {"", false}, {"soon", false}, {"+1", false}, {"1e3", false}, {" 1", true}, {"\t1 ", true}, {" ", false}, {"Sun, 6 Nov 1994 08:49:37 GMT", false},
		{"Sun, 06 Nov 1994 08:49:37 UTC", false}, {"Sunday, 06-Nov-94 08:49:37 GMT", false}, {"2026-11-23T04:00:00Z", false},
	} {
		if got := malformed(row.text); (got == "") != row.ok {
			t.Errorf("malformed(%q) = %q, want well-formed %v", row.text, got, row.ok)
		}
	}
}

// A Retry-After is read in one way: what the judge calls well-formed is what a client acts on, and nothing else.
func TestRetryAfterIsReadOnce(t *testing.T) {
	const now = "Mon, 23 Nov 2026 04:00:00 GMT"
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[ \t]?[-+]?[0-9]{0,22}(\.[0-9]|s)?[ \t]?`),
			rapid.StringMatching(`(Mon|Tue), [0-3]?[0-9] (Nov|Dec) 2026 [0-2]?[0-9]:[0-5][0-9]:07 (GMT|UTC)`)).Draw(t, "text")
		date, _ := attack.ParseDate(now)
		wait, form, ok := attack.ParseRetryAfter(text, date)
		got, usable := told(attack.Attempt{Headers: map[string]string{"Retry-After": text, "Date": now}})
		if got != wait || usable != ok {
			t.Fatalf("told(%q) = %v, %v, a client reads %v, %v", text, got, usable, wait, ok)
		}
		if fine := ok && !(form == attack.RetrySeconds && wait == 0); (malformed(text) == "") != fine {
			t.Fatalf("malformed(%q) = %q, a client reads %v, %v", text, malformed(text), wait, ok)
		}
	})
}

func TestTold(t *testing.T) {
	const now, later = "Mon, 23 Nov 2026 04:00:00 GMT", "Mon, 23 Nov 2026 04:00:07 GMT"
	for _, row := range []struct {
		headers map[string]string
		want    time.Duration
		ok      bool
	}{
		{map[string]string{"Retry-After": "3"}, 3 * time.Second, true},
		{map[string]string{"retry-after": "0"}, 0, true},
		{map[string]string{"Retry-After": later, "Date": now}, 7 * time.Second, true},
		{map[string]string{"Retry-After": now, "Date": later}, 0, true},
		{map[string]string{"Retry-After": later}, 0, false},
		{map[string]string{"Retry-After": "1.5"}, 0, false},
		{map[string]string{"Retry-After": "99999999999999999999"}, math.MaxInt64, true},
		{map[string]string{"Retry-After": " 3 "}, 3 * time.Second, true},
		{map[string]string{"Retry-After": ""}, 0, false},
		{map[string]string{"Retry-After": "Mon, 23 Nov 2026 4:00:07 GMT", "Date": now}, 0, false},
		{nil, 0, false},
	} {
		if got, ok := told(attack.Attempt{Headers: row.headers}); got != row.want || ok != row.ok {
			t.Errorf("told(%v) = %v, %v, want %v, %v", row.headers, got, ok, row.want, row.ok)
		}
	}
}

// evidenceOf is evidence that holds one crowd, answered as the attempts say.
func evidenceOf(c Config, began time.Time, log ...attack.Attempt) (*evidence, []attack.Measurement) {
	w := attack.Window{Len: time.Second, Statuses: map[int]int64{}}
	for _, a := range log {
		w.Due++
		w.Statuses[a.Status]++
		*w.Of(a.Outcome)++
	}
	m := attack.Measurement{Trial: attack.Trial{N: 1, Phase: PhasePrefix + "flash"}, Began: began, Log: log, Windows: []attack.Window{w}}
	return gather(c, []attack.Measurement{m}), []attack.Measurement{m}
}

// answers is a crowd of which a bucket of 5 let in 5 and refused 5, with the headers that f gives each.
func answers(f func(k int) map[string]string) []attack.Attempt {
	var log []attack.Attempt
	for k := range 10 {
		a := attack.Attempt{Seq: int64(k), Try: 1, Sent: time.Duration(k) * 1e5, Received: time.Duration(k)*1e5 + 1e6, Status: 200, Outcome: attack.OK, Headers: f(k)}
		if k >= 5 {
			a.Status, a.Outcome = 429, attack.Throttled
		}
		log = append(log, a)
	}
	return log
}

func TestLimitHeaders(t *testing.T) {
	left := func(k int) string { return []string{"4", "3", "2", "1", "0", "0", "0", "0", "0", "0"}[k] }
	one := func(name string, value func(int) string) func(int) map[string]string {
		return func(k int) map[string]string { return map[string]string{name: value(k)} }
	}
	same := func(v string) func(int) string { return func(int) string { return v } }
	for _, row := range []struct {
		says           string
		headers        func(int) map[string]string
		limits, resets Outcome // empty: not listed
	}{
		{"no headers at all", func(int) map[string]string { return nil }, "", ""},
		{"remaining falls to 0", one("X-Ratelimit-Remaining", left), Pass, ""},
		{"the limit is the burst", one("X-RateLimit-Limit", same("5")), Pass, ""},
		{"the limit is the rate", one("RateLimit-Limit", same("10")), Pass, ""},
		{"the limit is something else", one("X-RateLimit-Limit", same("100")), Fail, ""},
		{"the limit is followed by its policies", one("X-RateLimit-Limit", same(`5, 5;w=1;name="per-ip"`)), Pass, ""},
		{"the limit is followed by its window", one("RateLimit-Limit", same("5;w=1")), Pass, ""},
		{"a wrong limit is followed by its policies", one("X-RateLimit-Limit", same("100, 5;w=1")), Fail, ""},
		{"no limit but its policies", one("X-RateLimit-Limit", same(", 5;w=1")), Fail, ""},
		{"remaining is stuck", one("X-RateLimit-Remaining", same("0")), Fail, ""},
		{"remaining falls to 0, answers in disorder", one("X-RateLimit-Remaining", func(k int) string { return []string{"2", "4", "0", "3", "1", "0", "0", "0", "0", "0"}[k] }), Pass, ""},
		{"remaining is negative", one("X-RateLimit-Remaining", func(k int) string { return []string{"4", "3", "2", "1", "0", "-1", "-2", "-3", "-4", "-5"}[k] }), Fail, ""},
		{"remaining exceeds the burst", one("X-RateLimit-Remaining", func(k int) string { return []string{"9", "8", "7", "6", "5", "0", "0", "0", "0", "0"}[k] }), Fail, ""},
		{"the refused are told that something remains", one("X-RateLimit-Remaining", func(k int) string { return []string{"5", "4", "3", "2", "1", "1", "1", "1", "1", "1"}[k] }), Fail, ""},
		{"remaining is no number", one("X-RateLimit-Remaining", same("few")), Fail, ""},
		{"structured fields", func(k int) map[string]string {
			return map[string]string{"RateLimit-Policy": `"default";q=5;w=1`, "RateLimit": `"default";r=` + left(k) + `;t=1`}
		}, Pass, Pass},
		{"a reset in seconds", one("RateLimit-Reset", same("1")), "", Pass},
		{"a reset far away", one("X-RateLimit-Reset", same("3600")), "", Fail},
		{"a reset of the epoch", one("X-RateLimit-Reset", same("1795406401")), "", Pass},
		{"a reset in the past", one("X-RateLimit-Reset", same("1795406000")), "", Fail},
		{"a reset that cannot be read", one("X-RateLimit-Reset", same("soon")), "", Fail},
	} {
		e, ms := evidenceOf(Config{Limit: limits.Limit{Rate: 10, Burst: 5}}, time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC), answers(row.headers)...)
		for name, look := range map[string]struct {
			f    finding
			want Outcome
		}{"V11": {remaining(e, ms), row.limits}, "V12": {reset(e, ms), row.resets}} {
			if look.f.unlisted != (look.want == "") || look.f.outcome != look.want {
				t.Errorf("%s: %s is %+v, want %q", row.says, name, look.f, look.want)
			}
		}
	}
	e, ms := evidenceOf(Config{Limit: limits.Limit{Rate: 10, Burst: 5}}, time.Time{}, answers(one("X-RateLimit-Reset", same("1795406401")))...)
	if f := reset(e, ms); f.outcome != Inconclusive {
		t.Errorf("a reset of the epoch where no clock is known: %+v, want inconclusive", f)
	}
}

// However the answers to a crowd overtake one another, even all of them, that is no fault.
func TestRemainingInAnyOrder(t *testing.T) {
	const burst = 50
	of := func(told []int) finding {
		var log []attack.Attempt
		for k, v := range told {
			log = append(log, attack.Attempt{Seq: int64(k), Try: 1, Sent: time.Duration(k) * 1e5, Received: time.Duration(k)*1e5 + 1e6, Status: 200, Outcome: attack.OK,
				Headers: map[string]string{"X-RateLimit-Remaining": strconv.Itoa(v)}})
		}
		e, ms := evidenceOf(Config{Limit: limits.Limit{Rate: 100, Burst: burst}}, time.Time{}, log...)
		return remaining(e, ms)
	}
	for seed := range uint64(500) {
		if f := of(rand.New(rand.NewPCG(seed, 0)).Perm(burst)); f.outcome != Pass {
			t.Fatalf("seed %d: %+v", seed, f)
		}
	}
	reversed := make([]int, burst)
	for k := range reversed {
		reversed[k] = k
	}
	if f := of(reversed); f.outcome != Pass {
		t.Errorf("the latest of a crowd was let in first: %+v", f)
	}
}

func TestWhatRemainsComesBackAtTheRate(t *testing.T) {
	for _, row := range []struct {
		says     string
		overlaps bool
		told     string
		want     Outcome
	}{{"two in a fifth of a second", false, "2", Pass}, {"forty in a fifth of a second", false, "40", Fail}, {"forty, in an order that nobody knows", true, "40", Pass}} {
		refusal := attack.Attempt{Try: 1, Sent: 0, Received: 2e6, Status: 429, Outcome: attack.Throttled}
		after := attack.Attempt{Seq: 1, Try: 1, Sent: 198e6, Received: 200e6, Status: 200, Outcome: attack.OK, Headers: map[string]string{"X-RateLimit-Remaining": row.told}}
		if row.overlaps {
			after.Sent = 1e6
		}
		e, ms := evidenceOf(Config{Limit: limits.Limit{Rate: 10, Burst: 50}}, time.Time{}, after)
		e.stages["overload"] = []attack.Measurement{{Log: []attack.Attempt{refusal, after}}}
		if f := remaining(e, ms); f.outcome != row.want {
			t.Errorf("%s: %+v, want %s", row.says, f, row.want)
		}
	}
}

func TestClock(t *testing.T) {
	began := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		date string
		want Outcome
	}{{"Mon, 23 Nov 2026 04:00:01 GMT", Pass}, {"Mon, 23 Nov 2026 04:02:00 GMT", Fail}, {"", ""}} {
		e, ms := evidenceOf(Config{Limit: limits.Limit{Rate: 10, Burst: 5}}, began, answers(func(int) map[string]string {
			return map[string]string{"Retry-After": row.date, "Date": row.date}
		})...)
		if f := clock(e, ms); f.outcome != row.want || f.unlisted != (row.want == "") {
			t.Errorf("Date %q at 04:00:00: %+v, want %q", row.date, f, row.want)
		}
	}
}
