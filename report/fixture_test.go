package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// service is a target made of a formula: an M/G/c queue's latency below its capacity, a backlog that grows above it.
type service struct {
	capacity float64 // requests per second
	base     float64 // ms
	rng      *rand.Rand
}

func newService() *service {
	return &service{capacity: 2180, base: 8, rng: rand.New(rand.NewPCG(7, 9))}
}

// shape is the median and the log-sigma of the response times of a load after it was held for t seconds.
func (s *service) shape(load, t float64) (median, sigma float64) {
	rho := load / s.capacity
	if rho >= 1 {
		return s.base*40 + (load-s.capacity)/s.capacity*t*2500, 0.55
	}
	q := math.Pow(rho, 8) / (1 - rho)
	return s.base * (1 + 0.3*q), 0.42 + 0.75*math.Pow(rho, 10)
}

// hist spreads n log-normal response times over 160 strata, so that it is quick and the same each time.
func hist(n int64, median, sigma float64) (h attack.Histogram) {
	const strata = 160
	for i := range int64(strata) {
		count := n*(i+1)/strata - n*i/strata
		if count == 0 {
			continue
		}
		z := math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/strata-1)
		h.RecordN(time.Duration(median*math.Exp(sigma*z)*1e6), count)
	}
	if n > 2000 { // the far tail that strata cannot show
		h.RecordN(time.Duration(median*math.Exp(sigma*3.6)*1e6), n/2000)
	}
	return h
}

// window is one second of a load, of which admitted get past a throttle.
func (s *service) window(at, offered, admitted, t float64) attack.Window {
	due := int64(math.Round(offered * (1 + s.rng.NormFloat64()*0.006)))
	w := attack.Window{At: time.Duration(at * 1e9), Len: time.Second, Statuses: map[int]int64{}}
	w.Due, w.Attempts = due, due
	w.Throttled = max(0, due-int64(math.Round(admitted)))
	if offered <= admitted {
		w.Throttled = 0
	}
	rest := due - w.Throttled
	if over := float64(rest) - s.capacity; over > 0 {
		w.Failed = int64(over * 0.8)
		w.Timeout = int64(over * 0.2)
	}
	w.OK = rest - w.Failed - w.Timeout
	median, sigma := s.shape(float64(rest), t)
	median *= math.Exp(s.rng.NormFloat64() * 0.02)
	w.Response = hist(w.OK+w.Timeout, median, sigma)
	for n := w.OK + w.Timeout - w.Response.N(); n < 0; n++ { // the tail was added on top: OK takes it
		w.OK++
		w.Due++
		w.Attempts++
	}
	w.Service, w.Refusal, w.Lag = hist(w.OK+w.Timeout, s.base, .4), hist(w.Throttled, 0.6, .3), hist(w.Due, 0.06, .5)
	w.Statuses[200], w.Statuses[500], w.Statuses[429] = w.OK, w.Failed, w.Throttled
	if w.Timeout > 0 {
		w.Errors = map[string]int64{"timeout": w.Timeout}
	}
	return w
}

var began = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// trial measures a load held for so many seconds behind a throttle that admits so much in each.
func (s *service) trial(n int, phase string, seconds int, offered func(i int) float64, admitted func(i int) float64) *attack.Measurement {
	m := &attack.Measurement{Trial: attack.Trial{N: n, Phase: phase, Why: fmt.Sprintf("%s %s/s", phase, Number(offered(0))), Seed: uint64(n),
		Actors: []attack.Actor{{Name: "client", Schedule: attack.Constant(offered(0), time.Duration(seconds)*time.Second, attack.Poisson)}}},
		Began: began.Add(time.Duration(n*12) * time.Second), Took: time.Duration(seconds)*time.Second + 80*time.Millisecond, Checks: healthy()}
	for i := range seconds {
		m.Windows = append(m.Windows, s.window(float64(i), offered(i), admitted(i), float64(i)))
	}
	return m
}

func healthy() []attack.SelfCheck {
	return []attack.SelfCheck{
		{Name: "late ticks", Outcome: attack.Healthy, Got: "p99 0.31 ms", Want: "p99 below 10 ms"},
		{Name: "unsent arrivals", Outcome: attack.Healthy, Got: "0 %", Want: "at most 0.1 %"},
		{Name: "scheduler latency", Outcome: attack.Warn, Got: "p99 2.4 ms", Want: "p99 below 2 ms", Fix: "stop other programs on this machine"},
		{Name: "host idle", Outcome: attack.Unavailable, Got: "not readable here", Want: "at least 10 %"},
	}
}

func steady(v float64) func(int) float64 { return func(int) float64 { return v } }

var unlimited = steady(math.Inf(1))

// found is the search of a run: its trials and the capacity.
func found(s *service) (entries []journal.Entry, c analyze.Capacity) {
	loads := []float64{120, 240, 480, 720, 960, 1200, 1400, 1560, 1700, 1820, 1930, 2020, 2090, 2140, 2200, 2290, 2400}
	c = analyze.Capacity{Goal: "p99<250ms failed<1%", BaseMS: 8.6, BaseP99MS: 21, Mode: analyze.ModeCapacity, Cause: analyze.CauseTarget,
		Why:       "at 2,200 a second the backlog grew through the whole trial",
		Estimate:  &analyze.Estimate{Value: 2169.8, Lo: 2128, Hi: 2212, Confidence: .95},
		Sustained: &analyze.Estimate{Value: 2140, Lo: 2110, Hi: 2160, Confidence: .95},
		Breaking:  &analyze.Estimate{Value: 2200, Lo: 2150, Hi: 2250, Confidence: .95},
		Knee:      &analyze.Estimate{Value: 1760, Lo: 1690, Hi: 1830, Confidence: .9, Notes: []attack.Note{{Code: "few points", Text: "the knee rests on 5 loads"}}},
		GoalLoad:  &analyze.Estimate{Value: 2060, Lo: 2020, Hi: 2090, Confidence: .9},
		Burst:     &analyze.Burst{Tolerated: 320, AtRate: 1400, SpreadMS: 4.1, Repeats: 3, Refused: 640},
		Trials:    len(loads), OverloadSeconds: 30, Excess: 1.2}
	for i, load := range loads {
		phase := "ramp"
		if i >= 9 {
			phase = "confirm"
		}
		if load > 2190 {
			phase = "overload"
		}
		m := s.trial(i+1, phase, 10, steady(load), unlimited)
		entries = append(entries, journal.Entry{Trial: m})
		c.Points = append(c.Points, point(*m, load))
		c.Seconds += 10
		c.Requests += m.Total().Due
	}
	stationary := true
	c.Stationary = &stationary
	return entries, c
}

func point(m attack.Measurement, load float64) analyze.Point {
	w := m.Total()
	p := analyze.Point{Load: load, Class: analyze.Sustained, Seconds: w.Len.Seconds(), Achieved: float64(w.OK) / w.Len.Seconds(), Counts: w.Counts,
		Response: w.Response.Quantiles(), Service: w.Service.Quantiles(), Trials: []int{m.Trial.N}, Histogram: w.Response}
	if load > 2190 {
		p.Class = analyze.Overloaded
	}
	spread := 0.05 + 0.25*math.Pow(load/2300, 5)
	p.P99Lo, p.P99Hi = p.Response.P99*math.Exp(-spread), p.Response.P99*math.Exp(spread)
	return p
}

func advised() *limits.Recommendation {
	return &limits.Recommendation{Limit: limits.Limit{Rate: 1400, Burst: 280}, Margin: .2, WorstMS: 142, DrainS: .36, GoalMS: 250,
		Tiers: map[string]limits.Tier{"gold": {Limit: limits.Limit{Rate: 840, Burst: 168}, Share: .6, Quota: 5_000_000, Period: "day"},
			"free": {Limit: limits.Limit{Rate: 560, Burst: 112}, Share: .4}},
		Because: []string{"rate 1,400/s: the knee, 1,760/s, less the margin of 20 %, rounded down", "burst 280: 0.7 × the 400 requests that the queue bears within 250 ms"},
		Notes:   []attack.Note{{Code: "rounded", Text: "the rate was rounded down to two digits"}}}
}

func identified() *limits.Limiter {
	return &limits.Limiter{Algorithm: limits.TokenBucket, Rate: &analyze.Estimate{Value: 1400, Lo: 1392, Hi: 1407}, Slope: &analyze.Estimate{Value: 1398, Lo: 1380, Hi: 1410}, Burst: &analyze.Estimate{Value: 280, Lo: 278, Hi: 283},
		Refusal: limits.Refusal{Status: 429, RetryAfter: "honest"}, Headers: []string{"X-RateLimit-*, reset as seconds from now"}, Confidence: .97, Explained: .996,
		RunnerUp: "leaky queue explains 91.2 %", Requests: 33_600, Seconds: 6, PeakRate: 5600, Notes: []attack.Note{{Code: "alike", Text: "a token bucket and GCRA decide <alike>"}}}
}

// storm is a scenario's trial: a burst of ×2.3 against a token bucket of the limit.
func storm(s *service, n int) *attack.Measurement {
	offered := func(i int) float64 {
		if i%20 >= 6 && i%20 < 12 {
			return 3200
		}
		return 900
	}
	tokens, admitted := 280.0, make([]float64, 40)
	for i := range admitted {
		tokens = math.Min(280, tokens) + 1400
		admitted[i] = math.Min(offered(i)*1.03, tokens)
		tokens -= admitted[i]
	}
	return s.trial(n, "storm", 40, offered, func(i int) float64 { return admitted[i] })
}

func verdicts(trials ...int) []scenarios.Verdict {
	return []scenarios.Verdict{
		{Scenario: "rectangle", Title: "Bursts of 2.3 times the limit for 6 s, silence between", Outcome: scenarios.Pass, Trials: trials[:1], Checks: []scenarios.Check{
			{ID: "V01", Name: "excess is throttled", Outcome: scenarios.Pass, Want: "429 for what exceeds the limit", Got: "10,612 of 10,612", Why: "every request past the bucket was refused"},
			{ID: "V02", Name: "admitted rate", Outcome: scenarios.Pass, Want: "1,400/s ± 3 %", Got: "1,406/s", Why: "over 24 s of pressure"},
			{ID: "V05", Name: "Retry-After is there", Outcome: scenarios.Pass, Want: "on every 429", Got: "100 %", Why: "10,612 refusals carried it"}}},
		{Scenario: "recovery", Title: "The backend after a storm", Outcome: scenarios.Pass, Trials: trials[1:], Checks: []scenarios.Check{
			{ID: "V20", Name: "backend latency", Outcome: scenarios.Pass, Want: "p99 below 250 ms", Got: "41 ms", Why: "at its worst second"}}},
	}
}

// opening is the first entry of every fixture.
func opening(command string) journal.Entry {
	return journal.Entry{Run: &journal.Run{Schema: journal.Schema, ID: "20260314-150926-checkout-api", Command: command, Title: "checkout-api",
		Target: "http://127.0.0.1:8080/checkout?token=•••", Fingerprint: "7f3a", Began: began, Commit: "4f0c2d1", Version: "v0.1.0", Seed: 42,
		Spec:        json.RawMessage(`{"target":{"url":"http://127.0.0.1:8080/checkout"},"goal":["p99<250ms"],"budget":"3m"}`),
		Environment: map[string]string{"os": "linux", "arch": "amd64", "cpus": "8", "go": "go1.26", "kernel": "6.1"}, Goal: "p99<250ms failed<1%"}}
}

func ending(exit int, outcome string) journal.Entry {
	return journal.Entry{End: &journal.End{At: began.Add(4*time.Minute + 12*time.Second), Exit: exit, Outcome: outcome}}
}

// whole is the journal of a run from search to verdicts.
func whole() []journal.Entry { return fixtures()["whole"] }

func makeWhole() []journal.Entry {
	s := newService()
	entries, c := found(s)
	entries = append([]journal.Entry{opening("run")}, entries...)
	entries = append(entries, journal.Entry{Capacity: &c}, journal.Entry{Limits: advised()}, journal.Entry{Trial: storm(s, 18)}, journal.Entry{Trial: storm(s, 19)})
	for _, v := range verdicts(18, 19) {
		entries = append(entries, journal.Entry{Verdict: &v})
	}
	return append(entries, ending(0, "checkout-api holds 1,400 requests a second, and so does its throttle"))
}

// parted are trials of a target of two endpoints, of which the rarer waits for the other's lack of room.
func parted(trials []journal.Entry) (out []journal.Entry) {
	for _, e := range trials {
		if e.Trial != nil {
			m, rho := *e.Trial, e.Trial.Trial.Load()/2180
			many, few := attack.Endpoint{Name: "GET /list"}, attack.Endpoint{Name: "POST /basket|<b>"}
			n := m.All().Due / 4
			many.Due, many.OK, many.Response, many.Service = 3*n, 3*n, hist(3*n, 6, .3), hist(3*n, 6, .3)
			few.Due, few.Failed = n, int64(float64(n)*max(0, rho-.95)/4)
			few.OK = n - few.Failed
			few.Response, few.Service = hist(few.OK, 12/(1.02-min(rho, 1)), .5), hist(few.OK, 12, .5)
			m.Endpoints = []attack.Endpoint{many, few}
			e.Trial = &m
		}
		out = append(out, e)
	}
	return out
}

// retried is a verification whose clients came back, some as told and some too soon, while a backend was looked at that once gave no
// answer.
func retried() (out []journal.Entry) {
	said := verdicts(1, 2)
	for i, m := range []attack.Measurement{turned(60, time.Second, 60), turned(60, 40*time.Millisecond, 6), turned(60, 300*time.Millisecond, 21), turned(60, 2*time.Second, 58)} {
		m.Trial.N, m.Trial.Phase = i+1, "verify/"+[]string{"honour", "storm-at-once", "storm-full-jitter", "storm-retry-after"}[i]
		m.Trial.Actors[0].Manners.Policy = []attack.Policy{attack.RetryAfter, attack.AtOnce, attack.FullJitter, attack.RetryAfter}[i]
		m.Trial.Actors[0].Identity.Name = []string{"ann", "bob", "ann", "bob"}[i]
		m.Windows[0].Response = hist(m.Windows[0].OK, 20+30*float64(i%2), .4)
		for s := range 5 {
			m.Sights = append(m.Sights, attack.Sight{At: time.Duration(s) * time.Second, Name: attack.SightHealth, OK: i != 2 || s != 3, Took: time.Duration(2+s*s*i) * time.Millisecond})
		}
		out = append(out, journal.Entry{Trial: &m})
	}
	said[0].Trials, said[1].Trials = []int{1, 2}, []int{2, 3, 4}
	return append(out, journal.Entry{Verdict: &said[0]}, journal.Entry{Verdict: &said[1]}, ending(0, "the throttle holds"))
}

// fixtures are runs of every kind and every end, by name. They are made once: a test may change the map, not what it holds, which
// TestMain sees.
func fixtures() map[string][]journal.Entry { return maps.Clone(fixturesMade()) }

var fixturesMade = sync.OnceValue(makeFixtures)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && !reflect.DeepEqual(fixturesMade(), makeFixtures()) {
		fmt.Println("a test changed the runs that all tests share")
		code = 1
	}
	os.Exit(code)
}

func makeFixtures() map[string][]journal.Entry {
	s := newService()
	trials, c := found(s)
	with := func(command string, rest ...journal.Entry) []journal.Entry {
		return append([]journal.Entry{opening(command)}, rest...)
	}
	change := func(f func(*analyze.Capacity)) journal.Entry {
		d := c
		f(&d)
		return journal.Entry{Capacity: &d}
	}
	out := map[string][]journal.Entry{"whole": slices.Clip(makeWhole())}
	out["empty"] = nil
	out["begun"] = with("find")
	out["cut-off"] = with("find", append(trials[:5:5], journal.Entry{Note: &attack.Note{Code: journal.NoteTorn, Text: "the run was cut off"}})...)
	out["interrupted"] = with("find", append(trials[:7:7], ending(130, "interrupted after 7 trials"))...)
	out["find"] = with("find", append(trials[:len(trials):len(trials)], journal.Entry{Capacity: &c}, ending(0, "bracket found"))...)
	out["endpoints"] = with("find", append(parted(trials), journal.Entry{Capacity: &c}, ending(0, "bracket found"))...)
	out["ceiling"] = with("find", append(trials[:8:8], change(func(d *analyze.Capacity) {
		d.Points, d.Cause, d.Breaking, d.Estimate, d.Knee, d.Why = d.Points[:8], analyze.CauseCeiling, nil, nil, nil, "1,560 a second was sustained and --max-rate allows no more"
		d.Sustained = &analyze.Estimate{Value: 1560}
	}), ending(3, "no bracket"))...)
	out["limited"] = with("find", append(trials[:6:6], change(func(d *analyze.Capacity) {
		d.Points, d.Cause, d.Mode, d.Breaking, d.Estimate, d.Knee, d.Why = d.Points[:6], analyze.CauseLimiter, analyze.ModeLimited, nil, nil, nil, "18 % of the requests got a 429 at 1,200 a second"
		d.Sustained, d.Limiter = &analyze.Estimate{Value: 960}, &analyze.Estimate{Value: 990, Lo: 981, Hi: 1002, Confidence: .9}
		d.Points[5].Class = analyze.Limited
	}), ending(3, "a limiter answered"))...)
	void := *s.trial(1, "load", 6, steady(5000), unlimited)
	void.Checks = []attack.SelfCheck{{Name: "late ticks", Outcome: attack.Void, Got: "p99 380 ms", Want: "p99 below 50 ms", Fix: "give the generator a machine of its own"}}
	out["void"] = with("load", journal.Entry{Trial: &void}, ending(4, "the generator was the limit"))
	out["load"] = with("load", journal.Entry{Trial: s.trial(1, "load", 30, steady(500), unlimited)}, ending(0, "sent"))
	told := opening("verify")
	told.Run.Limit = &limits.Limit{Rate: 1400, Burst: 280}
	bad := verdicts(1, 2)
	bad[0].Outcome, bad[0].Checks[1] = scenarios.Fail, scenarios.Check{ID: "V02", Name: "admitted rate", Outcome: scenarios.Fail, Want: "1,400/s ± 3 %", Got: "1,702/s",
		Why:      `over 24 s the throttle let 21.6 % more through than it says; "<script>alert(1)</script>" would be a bug`,
		Evidence: []scenarios.Exhibit{{Trial: 1, Seq: 4, Try: 2, Actor: "crowd", SentMS: 1204.5, TookMS: 0.8, Status: 429, Headers: map[string]string{"Retry-After": "<1>"}}}}
	bad[1].Outcome, bad[1].Checks[0].Outcome, bad[1].Checks[0].Why = scenarios.Inconclusive, scenarios.Inconclusive, "only 12 requests succeeded"
	out["verify-fail"] = []journal.Entry{told, {Trial: storm(s, 1)}, {Trial: storm(s, 2)}, {Verdict: &bad[0]}, {Verdict: &bad[1]}, ending(1, "a check failed")}
	bad[1].Checks = append(bad[1].Checks, scenarios.Check{ID: "V37", Name: "shed-curve", Outcome: scenarios.Pass, Want: "a collapse index of at most 10 %", Got: "0 %", Why: "2 steps of 2s each",
		Table: &scenarios.Table{Columns: []string{"times the limit", "offered", "served", "p99 of the <served>"}, Rows: [][]string{{"1", "1400/s", "1391/s", "22ms"}, {"10", "14000/s", "1402/s", "41.2ms"}}}})
	bad[1].Checks = append(bad[1].Checks, scenarios.Check{ID: "V26", Name: "retry-storm", Outcome: scenarios.Inconclusive, Want: "at most 2 attempts each", Got: "4.81 attempts each", Why: "clients with full-jitter need 4.8 attempts each: the throttle keeps turning them away",
		Table: &scenarios.Table{Columns: []string{"clients", "attempts each", "peak after 1 s", "last served after", "gave up"}, Rows: [][]string{{"never", "1.00", "0/s", "1.2ms", "140"}, {"retry-after-jitter", "4.81", "2500/s", "6.41s", "12"}}}})
	good := verdicts(1, 2)
	out["verify"] = []journal.Entry{told, {Trial: storm(s, 1)}, {Trial: storm(s, 2)}, {Verdict: &good[0]}, {Verdict: &good[1]}, ending(0, "the throttle holds")}
	out["retries"] = append([]journal.Entry{told}, retried()...)
	out["gate"] = []journal.Entry{opening("gate"), {Trial: s.trial(1, "gate/block", 4, steady(1930), unlimited)}, {Gate: &gate.Verdict{Outcome: gate.Regression, Tolerance: .05, Baseline: 2030, Load: 1930, Seconds: 41, Requests: 80_000,
		Text: "a loss beyond 5%: 1 of 7 blocks held 1,930/s", Blocks: []gate.Block{{Trials: []int{1}, Held: true, Why: "kept up"}, {Trials: []int{2}, Rate: 1711, Why: "<b>1,711/s</b> completed"}}}}, ending(1, "a loss beyond 5%")}
	out["gate-runs"] = []journal.Entry{opening("gate"), {Gate: &gate.Verdict{Outcome: gate.Undecided, Tolerance: .05, Ratio: &analyze.Estimate{Value: .96, Lo: .92, Hi: 1.01, Confidence: .9}, Text: "capacity 0.96x", Fix: "more runs",
		Compared: []gate.Compared{{What: "p99<250ms", Outcome: gate.Undecided, Ratio: &analyze.Estimate{Value: .96, Lo: .92, Hi: 1.01, Confidence: .9}, Base: 600, Head: 576, P: .3, Text: "capacity 0.96x"}, {What: "overload V01", Outcome: gate.Pass, Text: "passes as before"}}}}, ending(3, "undecided")}
	probe := opening("identify")
	probe.Run.Target = "http://127.0.0.1:8080/"
	out["identify"] = []journal.Entry{probe, {Trial: s.trial(1, "identify/flood", 6, steady(5600), steady(1400))}, {Limiter: identified()}, ending(0, identified().Words())}
	return out
}
