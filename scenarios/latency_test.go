package scenarios_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// slowed makes all that a storm let in take a second.
func slowed(m *attack.Measurement) {
	m.Windows = slices.Clone(m.Windows)
	for i := range m.Windows {
		m.Windows[i].Response = attack.Histogram{}
		m.Windows[i].Response.RecordN(time.Second, m.Windows[i].OK)
		m.Windows[i].Service = m.Windows[i].Response
	}
}

// V29 goes by the median of three storms: one pause of the machine decides nothing, and two slow storms do.
func TestAdmittedLatencyIsTheMedianOfThreeStorms(t *testing.T) {
	long(t)
	voided := func(m *attack.Measurement) {
		m.Checks = []attack.SelfCheck{{Name: "late ticks", Outcome: attack.Void, Got: "p99 80ms"}}
	}
	for _, row := range []struct {
		says         string
		slow, voided string // stages
		want         scenarios.Outcome
		why          string
	}{
		{"three good storms", "", "", scenarios.Pass, "the median of 3 storms"},
		{"the first is slow", "overload", "", scenarios.Pass, "the median of 3 storms"},
		{"a later one is slow", "overload-3", "", scenarios.Pass, "the median of 3 storms"},
		{"two are slow", "overload overload-2", "", scenarios.Fail, "slows down those who are let in"},
		{"the later ones are slow", "overload-2 overload-3", "", scenarios.Fail, "slows down those who are let in"},
		{"two good, one that nobody could send", "", "overload-3", scenarios.Pass, "the median of 3 storms"},
		{"one good, one slow, one that nobody could send", "overload-2", "overload-3", scenarios.Inconclusive, "2 of 3 storms could be judged"},
		{"one alone", "", "overload-2 overload-3", scenarios.Inconclusive, "1 of 3 storms could be judged"},
		{"one slow one alone", "overload", "overload-2 overload-3", scenarios.Inconclusive, "1 of 3 storms could be judged"},
	} {
		conf := config(r, c)
		conf.Brief, conf.Only = false, []string{"V29"}
		vs := edit(t, conf, func(m *attack.Measurement) {
			name := strings.TrimPrefix(m.Trial.Phase, scenarios.PhasePrefix)
			if slices.Contains(strings.Fields(row.slow), name) {
				slowed(m)
			}
			if slices.Contains(strings.Fields(row.voided), name) {
				voided(m)
			}
		})
		if got := scenarios.Overall(vs); got != row.want || !strings.Contains(tell(vs), row.why) {
			t.Errorf("%s: %s, want %s and %q\n%s", row.says, got, row.want, row.why, tell(vs))
		}
	}
}

// A pause of the machine that sends is not the target's, however rare such pauses were in the trial: what was in time once it
// was sent is no fault. What was sent in time, or came back again and again, is.
func TestWhatWasSentLateIsNoSlowTarget(t *testing.T) {
	for _, id := range []string{"V29", "V15"} {
		for _, row := range []struct {
			says      string
			once, lag time.Duration // of nearly all
			want      scenarios.Outcome
			why       string
		}{
			{"sent late", 10 * time.Millisecond, time.Second, scenarios.Inconclusive, "once sent, the p95 was 10ms"},
			{"tried again", 10 * time.Millisecond, time.Millisecond, scenarios.Fail, "slow"},
			{"served late", time.Second, time.Millisecond, scenarios.Fail, "slow"},
		} {
			c := config(200, 100)
			c.Brief, c.Only = false, []string{id}
			vs := edit(t, c, func(m *attack.Measurement) {
				if !strings.Contains(m.Trial.Phase, "overload") {
					return
				}
				slowed(m)
				for i := range m.Windows {
					w := &m.Windows[i]
					w.Service, w.Lag = attack.Histogram{}, attack.Histogram{}
					w.Service.RecordN(row.once, w.OK)
					w.Lag.RecordN(time.Millisecond, 200*w.OK) // so that the trial is punctual as a whole
					if w.Actor == 1 || id == "V29" {
						w.Lag = attack.Histogram{}
						w.Lag.RecordN(row.lag, w.OK)
					}
				}
			})
			if got := scenarios.Overall(vs); got != row.want || !strings.Contains(tell(vs), row.why) {
				t.Errorf("%s, %s: %s, want %s and %q\n%s", id, row.says, got, row.want, row.why, tell(vs))
			}
		}
	}
}

// A brief script repeats a storm only where it was slow: then the median decides there too.
func TestABriefScriptRepeatsOnlyASlowStorm(t *testing.T) {
	long(t)
	for _, row := range []struct {
		says    string
		slow    []string // stages
		repeats int
		want    scenarios.Outcome
		why     string
	}{
		{"in time", nil, 0, scenarios.Pass, "a storm in time need not be repeated"},
		{"one pause", []string{"overload"}, 2, scenarios.Pass, "the median of 3 storms"},
		{"slow twice", []string{"overload", "overload-3"}, 2, scenarios.Fail, "slows down those who are let in"},
	} {
		conf := config(r, c)
		conf.Only = []string{"V29"}
		s, err := scenarios.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		var done []attack.Measurement
		_, err = attack.Drive(t.Context(), s, pausing{sim.New(roomy(model.NewBucket(r, c), r), 1), row.slow}, nil, func(m attack.Measurement) error {
			done = append(done, m)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		repeats := 0
		for _, m := range done {
			if phase(&m, "overload-2") || phase(&m, "overload-3") {
				repeats++
			}
		}
		vs := s.Verdicts(done)
		if scenarios.Overall(vs) != row.want || repeats != row.repeats || !strings.Contains(tell(vs), row.why) {
			t.Errorf("%s: %s after %d repeats, want %s after %d and %q\n%s", row.says, scenarios.Overall(vs), repeats, row.want, row.repeats, row.why, tell(vs))
		}
	}
}

// pausing is a runner on a machine that pauses in some stages.
type pausing struct {
	attack.Runner
	slow []string
}

func (p pausing) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	m, err := p.Runner.Run(ctx, t, watch)
	if slices.Contains(p.slow, strings.TrimPrefix(t.Phase, scenarios.PhasePrefix)) {
		slowed(&m)
	}
	return m, err
}

// What let the first storm through is not harmed twice more.
func TestAStormThatWentThroughIsNotRepeated(t *testing.T) {
	conf := config(r, c)
	conf.Only = []string{"V29"}
	done, _ := play(t, conf, roomy(nil, r))
	for _, m := range done {
		if phase(&m, "overload-2") || phase(&m, "overload-3") {
			t.Errorf("nothing was refused, and %s was sent all the same", m.Trial.Phase)
		}
	}
}

// lame is a correct throttle whose target answers slowly from the end of a storm on, for so long.
func lame(long time.Duration) sim.Target {
	t, last := roomy(model.NewBucket(r, c), r), time.Duration(0)
	t.Respond = func(call sim.Call, a sim.Answer) sim.Answer {
		if a.Status == 429 {
			last = call.At
		} else if last > 0 && call.At < last+long {
			a.At += 300 * time.Millisecond
		}
		return a
	}
	return t
}

// V15 tells how long it took until all was well, and judges it.
func TestTheTimeToRecoverIsMeasured(t *testing.T) {
	for _, row := range []struct {
		long time.Duration
		want scenarios.Outcome
		got  string
	}{
		{0, scenarios.Pass, "back after 5ms"}, // the last token of the storm was asked for twice
		{500 * time.Millisecond, scenarios.Pass, "back after 50"},
		{1800 * time.Millisecond, scenarios.Fail, "back after 1.8"},
		{time.Minute, scenarios.Fail, "not back within 3s"},
	} {
		conf := config(r, c)
		conf.Brief, conf.Only = false, []string{"V15"}
		_, vs := play(t, conf, lame(row.long))
		if scenarios.Overall(vs) != row.want || !strings.Contains(tell(vs), row.got) {
			t.Errorf("slow for %v: want %s and %q\n%s", row.long, row.want, row.got, tell(vs))
		}
	}
}

// Where the log is full, the time is told by the second.
func TestTheTimeToRecoverIsTheEndOfASecondWithoutALog(t *testing.T) {
	conf := config(r, c)
	conf.Brief, conf.Only = false, []string{"V15"}
	vs := edit(t, conf, func(m *attack.Measurement) { m.LogDropped++ })
	if scenarios.Overall(vs) != scenarios.Pass || !strings.Contains(tell(vs), "back after 1s; 1 refused") {
		t.Errorf("without a log: want a pass, and a second\n%s", tell(vs))
	}
}
