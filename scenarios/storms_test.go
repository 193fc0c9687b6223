package scenarios_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// only plays a few checks of the whole, not the brief, script.
func only(t *testing.T, rate float64, burst int, seed uint64, target sim.Target, words ...string) []scenarios.Verdict {
	t.Helper()
	conf := config(rate, burst)
	conf.Brief, conf.Only, conf.Seed = false, words, seed
	_, vs := play(t, conf, target)
	return vs
}

var stormy = []string{"retry-storm", "herd-at-reset", "shed-curve", "spike-train", "sawtooth", "slow-ramp", "metastability"}

func TestNoStormAccusesACorrectBucket(t *testing.T) {
	long(t)
	for _, row := range []struct {
		rate  float64
		burst int
		seeds uint64
	}{{200, 100, 20}, {400, 60, 3}, {50, 5, 3}, {5, 10, 2}, {1000, 1, 2}, {1200, 200, 2}, {200, 1000, 1}} {
		for seed := range row.seeds {
			vs := only(t, row.rate, row.burst, seed, roomy(model.NewBucket(row.rate, row.burst), row.rate), stormy...)
			if got := by(vs, scenarios.Pass); got != "V26 V36 V37 V38 V39 V50 V51" {
				t.Errorf("%v/s and %d, seed %d: %q pass, want all\n%s", row.rate, row.burst, seed, got, tell(vs))
			}
		}
	}
}

// tired is a service that falls ill when more than ill attempts a second come in, and refuses half of all until fewer than
// well do: retries alone may keep it ill.
func tired(ill, well float64) sim.Target {
	t := gateway(nil, 20*r)
	var at []time.Duration
	sick, n := false, 0
	t.Respond = func(c sim.Call, a sim.Answer) sim.Answer {
		at = append(at, c.At)
		for at[0] < c.At-time.Second {
			at = at[1:]
		}
		switch rate := float64(len(at)); {
		case rate > ill:
			sick = true
		case rate < well:
			sick = false
		}
		if n++; sick && n%10 < 9 {
			a.Status, a.Headers = 429, map[string]string{"Retry-After": "1"}
		}
		return a
	}
	return t
}

// clogging is a correct bucket whose answers of one status are slower the more it refused lately.
func clogging(per time.Duration, status int) sim.Target {
	t, lately, last := roomy(model.NewBucket(r, c), r), 0.0, time.Duration(0)
	t.Respond = func(call sim.Call, a sim.Answer) sim.Answer {
		lately = max(0, lately-r*(call.At-last).Seconds())
		last = call.At
		if a.Status == 429 {
			lately++
		}
		if a.Status == status {
			a.At += time.Duration(lately * float64(per))
		}
		return a
	}
	return t
}

func tellingOne(t sim.Target) sim.Target {
	t.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
		if a.Status == 429 {
			a.Headers = map[string]string{"Retry-After": "1"}
		}
		return a
	}
	return t
}

// lessAndLess is a bucket that spends a twentieth of a token on each refusal.
type lessAndLess struct {
	b    *model.Bucket
	debt float64
}

func (l *lessAndLess) Take(at time.Duration) (bool, time.Duration) {
	for ; l.debt >= 1; l.debt-- {
		if ok, wait := l.b.Take(at); !ok {
			return false, wait
		}
	}
	ok, wait := l.b.Take(at)
	if !ok {
		l.debt += .05
	}
	return ok, wait
}

// Every fault of a storm is caught by the check that names it.
func TestPlantedStorms(t *testing.T) {
	long(t)
	for _, row := range []struct {
		fault  string
		only   string
		target sim.Target
		says   string
	}{
		{"keeps turning away whoever comes back", "V26", roomy(model.NewBan(model.NewBucket(r, c), 3*time.Second, true), r), "the throttle keeps turning them away"},
		{"tells a second and shuts out for three", "V36", tellingOne(roomy(model.NewBan(model.NewBucket(r, c), 3*time.Second, true), r)), "the throttle keeps turning them away"},
		{"serves less the more is asked", "V37", roomy(&lessAndLess{b: model.NewBucket(r, c)}, r), "the more is asked, the less is served"},
		{"serves nothing while it is asked too much", "V37", roomy(model.NewStarving(r, c), r), "nothing was served"},
		{"those let in wait for the refused", "V37", clogging(200*time.Microsecond, 200), "those let in wait longer"},
		{"refusals clog", "V37", clogging(200*time.Microsecond, 429), "a refusal takes longer"},
		{"refuses nothing", "V37", roomy(nil, r), "next to nothing was refused"},
		{"a bucket of half the burst", "V38", roomy(model.NewBucket(r, c/2), r), "only"},
		{"a bucket of twice the rate", "V39", roomy(model.NewBucket(2*r, c), r), "where the limit allows"},
		{"a bucket of 10 % less", "V39", roomy(model.NewBucket(.9*r, c), r), "only"},
		{"a bucket of half the rate", "V50", roomy(model.NewBucket(.5*r, c), r), "only"},
		{"a bucket of 1.2 times the rate", "V50", roomy(model.NewBucket(1.2*r, c), r), "where the limit allows"},
		{"stays down on retries alone", "V51", tired(2.2*r, .8*r), "the pulse is over and its harm is not"},
	} {
		vs := only(t, r, c, 1, row.target, row.only)
		if by(vs, scenarios.Fail) != row.only || !strings.Contains(whys(vs), row.says) {
			t.Errorf("%s: want %s to fail and say %q\n%s", row.fault, row.only, row.says, tell(vs))
		}
	}
}

// A metastable target is flagged, one that gets well by itself never, whatever the seed.
func TestMetastabilityIsToldFromAPassingIllness(t *testing.T) {
	long(t)
	for seed := range seeds(20) {
		for _, row := range []struct {
			well float64
			want scenarios.Outcome
		}{{.8 * r, scenarios.Fail}, {2.9 * r, scenarios.Pass}} {
			if vs := only(t, r, c, seed, tired(3*r, row.well), "V51"); scenarios.Overall(vs) != row.want {
				t.Errorf("well again below %v/s, seed %d: %s, want %s\n%s", row.well, seed, scenarios.Overall(vs), row.want, tell(vs))
			}
		}
	}
}

// What thin evidence must not decide.
func TestThinStormsAreInconclusive(t *testing.T) {
	long(t)
	for _, row := range []struct {
		says   string
		check  string
		change func(m *attack.Measurement)
		why    string
	}{
		{"interrupted", "V37", interrupted, "it was interrupted"},
		{"interrupted", "V51", interrupted, "it was interrupted"},
		{"interrupted", "V39", interrupted, "it was interrupted"},
		{"the generator was the limit", "V50", func(m *attack.Measurement) {
			m.Checks = []attack.SelfCheck{{Name: "late ticks", Outcome: attack.Void}}
		}, "the generator was the limit"},
		{"nobody of the crowd was refused", "V26", func(m *attack.Measurement) {
			m.Windows = slices.Clone(m.Windows)
			for i := range m.Windows {
				m.Windows[i].Statuses = map[int]int64{200: m.Windows[i].Due}
			}
		}, "nobody was refused"},
		{"nothing of the pulse was refused", "V51", func(m *attack.Measurement) {
			m.Windows = slices.Clone(m.Windows)
			for i := range m.Windows {
				m.Windows[i].Statuses = nil
			}
		}, "nothing of the pulse was refused"},
		{"nobody was ever let in", "V32", func(m *attack.Measurement) {
			m.Windows, m.Log = slices.Clone(m.Windows), slices.Clone(m.Log)
			for i := range m.Windows {
				m.Windows[i].OK = 0
			}
		}, "nobody was let in, in any storm"},
	} {
		conf := config(r, c)
		conf.Brief, conf.Only = false, []string{row.check}
		vs := edit(t, conf, row.change)
		if by(vs, scenarios.Inconclusive) != row.check || !strings.Contains(tell(vs), row.why) {
			t.Errorf("%s: want %s inconclusive and %q\n%s", row.says, row.check, row.why, tell(vs))
		}
	}
}

func interrupted(m *attack.Measurement) {
	m.Aborted = &attack.Abort{At: time.Second, Reason: attack.Interrupted}
}

func TestTheHealthOfTheBackendIsWatched(t *testing.T) {
	look := func(ok bool, took time.Duration) func(m *attack.Measurement) {
		return func(m *attack.Measurement) {
			for k := range 5 {
				at := took
				if !phase(m, "overload") {
					at = time.Millisecond
				}
				m.Sights = append(m.Sights, attack.Sight{At: time.Duration(k) * time.Second, Name: attack.SightHealth, OK: ok || k%2 == 0, Took: at})
			}
		}
	}
	for _, row := range []struct {
		says   string
		change func(m *attack.Measurement)
		want   scenarios.Outcome
		listed bool
	}{
		{"well", look(true, 2*time.Millisecond), scenarios.Pass, true},
		{"misses", look(false, 2*time.Millisecond), scenarios.Fail, true},
		{"slow in storms", look(true, time.Second), scenarios.Fail, true},
		{"hardly looked at", func(m *attack.Measurement) {
			m.Sights = []attack.Sight{{Name: attack.SightHealth, OK: true, Took: time.Millisecond}}
		}, scenarios.Inconclusive, true},
		{"not looked at", func(*attack.Measurement) {}, "", false},
	} {
		conf := config(r, c)
		conf.Only = []string{"V52", "V13"}
		var got scenarios.Outcome
		for _, v := range edit(t, conf, row.change) {
			for _, k := range v.Checks {
				if k.ID == "V52" {
					got = k.Outcome
				}
			}
		}
		if got != row.want {
			t.Errorf("%s: V52 is %q, want %q", row.says, got, row.want)
		}
	}
}

func TestEveryMannerStandsInTheTable(t *testing.T) {
	for deep, want := range map[bool]int{false: 7, true: 10} {
		conf := config(r, c)
		conf.Brief, conf.Thorough, conf.Only = false, deep, []string{"V26", "V06"} // a storm tells what to wait for
		_, vs := play(t, conf, gateway(model.NewBucket(r, c), r))
		table := vs[len(vs)-1].Checks[0].Table
		if table == nil || len(table.Rows) != want {
			t.Errorf("thorough %v: %+v, want %d manners", deep, table, want)
			continue
		}
		for _, cells := range table.Rows {
			if len(cells) != len(table.Columns) {
				t.Errorf("%q: want a cell for each of %q", cells, table.Columns)
			}
		}
	}
}

// A crowd that was not sent at once, rate × spread above a tenth of the burst, proves nothing of those who come back.
func TestACrowdThatStrayedIsInconclusive(t *testing.T) {
	for _, row := range []struct {
		check string
		every time.Duration // from one client to the next
		want  scenarios.Outcome
	}{
		{"V26", 200 * time.Microsecond, scenarios.Pass}, // 60 of them within 12 ms, in which 4.8 come back
		{"V26", 400 * time.Microsecond, scenarios.Inconclusive},
		{"V36", 200 * time.Microsecond, scenarios.Pass},
		{"V36", 400 * time.Microsecond, scenarios.Inconclusive},
	} {
		conf := config(r, c)
		conf.Brief, conf.Only = false, []string{row.check}
		vs := edit(t, conf, func(m *attack.Measurement) {
			m.Log = slices.Clone(m.Log)
			for i := range m.Log {
				if strings.HasPrefix(m.Trial.Phase, scenarios.PhasePrefix+"storm-") && m.Log[i].Try == 1 {
					m.Log[i].Sent += time.Duration(m.Log[i].Seq) * row.every
				}
			}
		})
		if got := scenarios.Overall(vs); got != row.want || row.want == scenarios.Inconclusive && !strings.Contains(tell(vs), "not at once") {
			t.Errorf("%s, one every %v: %s, want %s\n%s", row.check, row.every, got, row.want, tell(vs))
		}
	}
}
