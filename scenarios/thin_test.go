package scenarios_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// edit plays a script against a correct throttle and changes what was measured before it is judged.
func edit(t *testing.T, c scenarios.Config, change func(m *attack.Measurement)) []scenarios.Verdict {
	t.Helper()
	done, _ := play(t, c, roomy(model.NewBucket(c.Limit.Rate, c.Limit.Burst), c.Limit.Rate))
	for i := range done {
		change(&done[i])
	}
	s, err := scenarios.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.Verdicts(done)
}

func phase(m *attack.Measurement, name string) bool {
	return m.Trial.Phase == scenarios.PhasePrefix+name
}

// thin is evidence from which something was taken away.
var thin = []struct {
	says   string
	change func(m *attack.Measurement)
	unsure string // exactly these
	why    string
}{
	{"nothing was measured", func(m *attack.Measurement) { m.Trial.Phase = "ramp" }, "V01 V02 V03 V04 V05 V06 V07 V08 V09 V10 V11 V12 V13 V15 V20 V21 V22 V26 V28 V29 V30 V31 V32 V33 V34 V35 V52", "it was not run"},
	{"the generator was the limit in the storm", func(m *attack.Measurement) {
		if phase(m, "overload") {
			m.Checks = []attack.SelfCheck{{Name: "late ticks", Outcome: attack.Void, Got: "p99 80ms", Want: "at most 10ms"}}
		}
	}, "V01 V13 V15 V22 V29", "the generator was the limit: late ticks: p99 80ms"},
	{"the storm was interrupted", func(m *attack.Measurement) {
		if phase(m, "overload") {
			m.Aborted = &attack.Abort{At: time.Second, Reason: attack.Interrupted}
		}
	}, "V01 V04 V05 V06 V07 V13 V15 V22 V29 V30 V31 V32 V34 V35 V52", "it was interrupted"},
	{"the crowd was sent one by one", func(m *attack.Measurement) {
		if phase(m, "flash") {
			for i := range m.Log {
				m.Log[i].Sent += time.Duration(i) * time.Millisecond
				m.Log[i].Received += time.Duration(i) * time.Millisecond
			}
		}
	}, "V02", "not at once"},
	{"nobody of the crowd was let in", func(m *attack.Measurement) {
		if phase(m, "flash") {
			m.Log = slices.DeleteFunc(slices.Clone(m.Log), func(a attack.Attempt) bool { return a.Outcome == attack.OK })
		}
	}, "V02", "the bucket was not full, or lets in nobody"},
	{"the crowd's log is not complete", func(m *attack.Measurement) {
		if phase(m, "flash") {
			m.LogDropped = 10
		}
	}, "V02", "10 attempts of the crowd were not logged"},
	{"errors hide what was let in", func(m *attack.Measurement) {
		if phase(m, "flash") {
			for i := range m.Log {
				if m.Log[i].Outcome == attack.OK && i%2 == 0 {
					m.Log[i].Outcome, m.Log[i].Status = attack.Failed, 502
				}
			}
		}
	}, "V02", "may have been let in"},
	{"nobody came back", func(m *attack.Measurement) {
		if phase(m, "honour") {
			m.Log = slices.DeleteFunc(slices.Clone(m.Log), func(a attack.Attempt) bool { return a.Try > 1 })
		}
	}, "V08", "too few clients were refused and came back"},
	{"nothing is known of the rest", func(m *attack.Measurement) {
		if phase(m, "rest") {
			m.Windows = nil
		}
	}, "V15 V29", "the latency at rest is not known"},
	{"a late generator slows the storm", func(m *attack.Measurement) {
		if strings.HasPrefix(m.Trial.Phase, scenarios.PhasePrefix+"overload") {
			m.Windows = slices.Clone(m.Windows)
			for i := range m.Windows {
				w := &m.Windows[i]
				w.Lag, w.Response = attack.Histogram{}, attack.Histogram{}
				w.Lag.RecordN(400*time.Millisecond, w.Due)
				w.Response.RecordN(420*time.Millisecond, w.OK)
			}
		}
	}, "V15 V29", "the generator sent late"},
}

func TestThinEvidenceIsInconclusive(t *testing.T) {
	long(t)
	for _, row := range thin {
		vs := edit(t, config(400, 60), row.change)
		if got := by(vs, scenarios.Inconclusive); got != row.unsure || by(vs, scenarios.Fail) != "" || !strings.Contains(tell(vs), row.why) {
			t.Errorf("%s: inconclusive %q, fail %q, want inconclusive %q and %q\n%s", row.says, got, by(vs, scenarios.Fail), row.unsure, row.why, tell(vs))
		}
	}
}

// refusing books so many requests of a trial as refused that had been let in.
func refusing(m *attack.Measurement, n int64) {
	m.Windows = slices.Clone(m.Windows)
	w := &m.Windows[0]
	w.Statuses, w.OK, w.Throttled = map[int]int64{429: n}, w.OK-n, w.Throttled+n
}

func TestClumsySendsAreNoFalseRefusals(t *testing.T) {
	long(t)
	slow := func(m *attack.Measurement) {
		if !phase(m, "steady") {
			return
		}
		// Half a second of silence, then all of its requests at once: a bucket of 20 refuses most of them.
		b := model.NewBucket(400, 20)
		m.Log = slices.Clone(m.Log)
		out := int64(0)
		for i := range m.Log {
			a := &m.Log[i]
			a.Sent = a.Due.Truncate(500 * time.Millisecond)
			if ok, _ := b.Take(a.Sent); !ok {
				a.Status, a.Outcome = 429, attack.Throttled
				out++
			}
		}
		refusing(m, out)
	}
	c := config(400, 20)
	c.Only = []string{"V28"}
	if vs := edit(t, c, slow); by(vs, scenarios.Inconclusive) != "V28" {
		t.Errorf("requests sent in clumps: want V28 inconclusive\n%s", tell(vs))
	}
}

// A machine that kept the generator from sending may have kept a throttle on it from deciding: what waited there meanwhile
// is decided on in a clump, although it was sent in time. Where the generator was punctual, nothing excuses the refusals.
func TestAPausedThrottleIsNoFalseRefusal(t *testing.T) {
	long(t)
	const from, until = time.Second, 1065 * time.Millisecond
	for _, row := range []struct {
		late time.Duration // of one request
		at   time.Duration // that falls due then
		want scenarios.Outcome
	}{{60 * time.Millisecond, from, scenarios.Inconclusive}, {60 * time.Millisecond, from + 500*time.Millisecond, scenarios.Fail}, {0, from, scenarios.Fail}} {
		paused := func(m *attack.Measurement) {
			if !phase(m, "steady") {
				return
			}
			b := model.NewBucket(400, 20)
			m.Log = slices.Clone(m.Log)
			out, held := int64(0), false
			for i := range m.Log {
				a := &m.Log[i]
				decided := a.Sent
				if a.Sent >= from && a.Sent < until {
					decided = until
				}
				if !held && a.Sent >= row.at {
					held, a.Sent = true, a.Sent+row.late
					decided = max(decided, a.Sent)
				}
				a.Received += decided - a.Due
				if ok, _ := b.Take(decided); !ok {
					a.Status, a.Outcome, a.Received = 429, attack.Throttled, decided+time.Millisecond
					out++
				}
			}
			refusing(m, out)
		}
		c := config(400, 20)
		c.Only = []string{"V28"}
		if vs := edit(t, c, paused); by(vs, row.want) != "V28" {
			t.Errorf("a generator that sent up to %v late: want V28 %s\n%s", row.late, row.want, tell(vs))
		}
	}
}

func TestAGeneratorThatCannotStorm(t *testing.T) {
	s, err := scenarios.New(config(400, 60))
	if err != nil {
		t.Fatal(err)
	}
	r := sim.New(roomy(model.NewBucket(400, 60), 400), 1)
	r.Ceiling = 600
	done, err := attack.Drive(context.Background(), s, r, nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	vs := s.Verdicts(done)
	if got := scenarios.Overall(vs); got != scenarios.Inconclusive || !strings.Contains(tell(vs), "the generator was the limit") {
		t.Errorf("a generator of 600/s against a limit of 400/s: %s, want inconclusive, naming the generator\n%s", got, tell(vs))
	}
	var peaks []float64
	for _, m := range done {
		if phase(&m, "overload") {
			peaks = append(peaks, m.Trial.Actors[0].Schedule.Peak())
		}
	}
	if want := []float64{2000, 1200, 800}; !slices.Equal(peaks, want) {
		t.Errorf("storms of %v, want each gentler than the one before: %v", peaks, want)
	}
}

func TestDeclaredDepartures(t *testing.T) {
	long(t)
	bare := responding(400, 60, func(_ sim.Call, a sim.Answer) sim.Answer { a.Status, a.Headers = 503, nil; return a })
	c := config(400, 60)
	for _, s := range []string{"no-retry-after", "status=503"} {
		if err := c.Expect(s); err != nil {
			t.Fatal(err)
		}
	}
	s, err := scenarios.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r := sim.New(bare, 1)
	r.Rule.Throttled = []int{503}
	done, err := attack.Drive(context.Background(), s, r, nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if vs := s.Verdicts(done); scenarios.Overall(vs) != scenarios.Pass {
		t.Errorf("503 without Retry-After, both declared: want all to pass\n%s", tell(vs))
	}
}

func TestProfiles(t *testing.T) {
	long(t)
	window := func() sim.Target { return roomy(model.NewWindow(60, 150*time.Millisecond), 400) }
	sloppy := func() sim.Target { return roomy(model.NewBucket(430, 64), 400) }
	for _, row := range []struct {
		profile scenarios.Profile
		target  sim.Target
		want    scenarios.Outcome
	}{
		{scenarios.Window, window(), scenarios.Pass},
		{scenarios.Strict, window(), scenarios.Fail},
		{scenarios.BestEffort, sloppy(), scenarios.Pass},
		{scenarios.Strict, sloppy(), scenarios.Fail},
	} {
		c := config(400, 60)
		c.Profile, c.Skip = row.profile, []string{"bypass"} // which cannot tell in a window of 150 ms, and says so
		if _, vs := play(t, c, row.target); scenarios.Overall(vs) != row.want {
			t.Errorf("profile %s: %s, want %s\n%s", row.profile, scenarios.Overall(vs), row.want, tell(vs))
		}
	}
}

func TestNextDependsOnWhatWasMeasuredAlone(t *testing.T) {
	long(t)
	c := config(400, 60)
	c.First = 50
	s, err := scenarios.New(c)
	if err != nil {
		t.Fatal(err)
	}
	done, _ := play(t, c, roomy(model.NewBucket(400, 60), 400))
	other := attack.Measurement{Trial: attack.Trial{N: 7, Phase: "ramp"}}
	for n := range done {
		some := append([]attack.Measurement{other}, slices.Clone(done[:n])...)
		a, more := s.Next(some)
		slices.Reverse(some)
		b, too := s.Next(some)
		if !more || !too || !reflect.DeepEqual(a, b) || !reflect.DeepEqual(a, done[n].Trial) {
			t.Errorf("after %d trials Next depends on their order, or is not what was run", n)
		}
		if a.N != 50+n {
			t.Errorf("trial %d has number %d, want %d", n, a.N, 50+n)
		}
	}
	backwards := slices.Clone(done)
	slices.Reverse(backwards)
	if !reflect.DeepEqual(s.Verdicts(done), s.Verdicts(backwards)) {
		t.Error("verdicts depend on the order of the measurements")
	}
}

func TestABriefScriptIsBrief(t *testing.T) {
	for _, row := range []struct {
		rate  float64
		burst int
	}{{200, 100}, {250, 20}, {250, 200}, {500, 50}, {1200, 20}, {1200, 200}} {
		s, err := scenarios.New(config(row.rate, row.burst))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Estimate(); got > 25*time.Second {
			t.Errorf("%v/s and %d: %v, want at most 25s", row.rate, row.burst, got)
		}
	}
}

// With keys, tiers and a quota a brief script is as brief, and a whole one within two minutes.
func TestAScriptWithKeysIsBriefToo(t *testing.T) {
	long(t)
	conf := config(200, 100)
	conf.Tiers = []scenarios.Tier{tierOf("gold", 100, 50), tierOf("free", 40, 10), {Name: "guest", Limit: limits.Limit{Rate: 200, Burst: 30}, Quota: 1000, Period: time.Hour}}
	conf = keyed(conf, "ann", "bob", "gold/a", "free/a", "guest/a", "!us")
	for most, brief := range map[time.Duration]bool{26 * time.Second: true, 106 * time.Second: false} {
		conf.Brief = brief
		shared := conf
		shared.Stage = limits.Limit{Rate: 300, Burst: 150}
		if s, err := scenarios.New(shared); err != nil || s.Estimate() > most+6*time.Second { // no key is full of itself there
			t.Errorf("brief %v, with a limit of all together: %v (%v), want at most %v", brief, s.Estimate(), err, most+6*time.Second)
		}
		done, _ := play(t, conf, perKey(200, func(key string) taker {
			if key == "s-us" {
				return nil
			}
			return model.NewBucket(conf.Limit.Rate, conf.Limit.Burst)
		}))
		var took time.Duration
		for _, m := range done {
			took += m.Trial.Idle + m.Took
		}
		if took > most || len(done) < 14 {
			t.Errorf("brief %v: %d trials took %v, want at most %v", brief, len(done), took, most)
		}
	}
}

func TestOnlyAndSkip(t *testing.T) {
	for _, row := range []struct {
		only, skip []string
		phases     string
		checks     string
		err        string
	}{
		{only: []string{"steady"}, phases: "steady", checks: "V28"},
		{only: []string{"V06"}, phases: "overload", checks: "V06"},
		{only: []string{"retry-after-well-formed", "burst"}, phases: "flash overload", checks: "V02 V07"},
		{only: []string{"recovery"}, phases: "overload rest", checks: "V15"},
		{only: []string{"retry-after"}, skip: []string{"V09"}, phases: "flash honour", checks: "V08"},
		{only: []string{"V99"}, err: `"V99" is no scenario, check or id`},
		{skip: []string{"stead"}, err: `"stead" is no scenario, check or id`},
		{only: []string{"steady"}, skip: []string{"V28"}, err: "leave no check"},
	} {
		c := config(400, 60)
		c.Only, c.Skip = row.only, row.skip
		if _, err := scenarios.New(c); row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("only %q, skip %q: %v, want %q", row.only, row.skip, err, row.err)
			}
			continue
		}
		done, vs := play(t, c, roomy(model.NewBucket(400, 60), 400))
		var phases []string
		for _, m := range done {
			phases = append(phases, strings.TrimPrefix(m.Trial.Phase, scenarios.PhasePrefix))
		}
		slices.Sort(phases)
		if got := strings.Join(slices.Compact(phases), " "); got != row.phases || by(vs, scenarios.Pass) != row.checks {
			t.Errorf("only %q, skip %q: stages %q and checks %q, want %q and %q", row.only, row.skip, got, by(vs, scenarios.Pass), row.phases, row.checks)
		}
	}
}

func TestConfigIsRefused(t *testing.T) {
	for _, row := range []struct {
		change func(*scenarios.Config)
		want   string
	}{
		{func(c *scenarios.Config) { c.Limit.Rate = 0 }, "limit of 0/s"},
		{func(c *scenarios.Config) { c.Limit.Burst = 0 }, "burst of 0"},
		{func(c *scenarios.Config) { c.Limit.Burst = 50_000 }, "at most 12000"},
		{func(c *scenarios.Config) { c.MaxRate = 500 }, "at least twice the limit"},
		{func(c *scenarios.Config) { c.Profile = "lax" }, `profile "lax"`},
	} {
		c := config(400, 60)
		row.change(&c)
		if _, err := scenarios.New(c); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("New(%+v): %v, want %q", c, err, row.want)
		}
	}
	for text, want := range map[string]string{"status=200": "400 to 599", "status": "400 to 599", "pause=2s": "not known"} {
		c := config(400, 60)
		if err := c.Expect(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Expect(%q): %v, want %q", text, err, want)
		}
	}
}

func TestTheCatalogueIsStable(t *testing.T) {
	want := "steady V28 flash-crowd V02 V11 V12 overload V01 V04 V05 V06 V07 V13 V14 V22 V29 refill V03 etiquette V30 V31 V32 V33 V34 V35 window-edge V27 retry-after V08 V09 V10 recovery V15 retry-storm V26 herd-at-reset V36 shed-curve V37 spike-train V38 sawtooth V39 slow-ramp V50 metastability V51 backend-health V52 bypass V20 V21 tenant-greed V16 V17 exempt-key V18 wrong-key V19 tier-ladder V23 quota-drain V24 instances V25 in-flight V54 V55 V56 alarms V42 V40 backend-query V41"
	var got, names []string
	for _, s := range scenarios.Catalogue() {
		got = append(got, s.Name)
		for _, c := range s.Checks {
			got = append(got, c.ID)
			names = append(names, c.ID, c.Name)
			if c.Asks == "" || s.Title == "" {
				t.Errorf("%s %s has no text", s.Name, c.ID)
			}
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("catalogue %q, want %q", got, want)
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("a name stands for two things: %q", names)
	}
}

// What is of form alone stands in the catalogue once: no check of the rate, of latency or of the right is among it.
func TestWhatIsOfForm(t *testing.T) {
	var got []string
	for _, s := range scenarios.Catalogue() {
		for _, k := range s.Checks {
			if scenarios.OfForm(k.ID) {
				got = append(got, k.ID)
			}
		}
	}
	if text, want := strings.Join(got, " "), "V11 V12 V06 V07 V30 V31 V32 V33 V34 V35 V08 V09 V10"; text != want {
		t.Errorf("of form are %s, want %s", text, want)
	}
	if scenarios.OfForm("U01") {
		t.Error("an own check is of form")
	}
}
