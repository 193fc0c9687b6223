package scenarios_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// monitored is a simulated target with a monitoring beside it, looked at once a second and once before and after a trial.
type monitored struct {
	attack.Runner
	fires func(throttled bool, at time.Duration) float64 // alarms firing so long into a trial that refuses, or one that does not
	holds func(phase string, at time.Duration) bool
	blind string // what every look brings instead
	by    string // defaults to Alertmanager's sight
}

func (w monitored) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	m, err := w.Runner.Run(ctx, t, watch)
	if err != nil {
		return m, err
	}
	by := w.by
	if by == "" {
		by = attack.SightAlert
	}
	throttled := m.All().Throttled > 0
	for at := -10 * time.Millisecond; ; at += time.Second {
		at = min(at, m.Took+10*time.Millisecond)
		alarm := attack.Sight{At: at, Name: by + "TooMuch", OK: w.blind == "", Error: w.blind}
		query := attack.Sight{At: at, Name: attack.SightQuery, Error: w.blind, Value: .5}
		if w.blind == "" && w.fires != nil {
			alarm.Value = w.fires(throttled, at)
		}
		query.OK = w.blind == "" && (w.holds == nil || w.holds(t.Phase, at))
		m.Sights = append(m.Sights, alarm, query)
		if at > m.Took {
			return m, nil
		}
	}
}

// after is an alarm that fires so long after refusals began, and one that never does when d is 0.
func after(d time.Duration) func(bool, time.Duration) float64 {
	return func(throttled bool, at time.Duration) float64 {
		if throttled && d > 0 && at >= d {
			return 2
		}
		return 0
	}
}

func always(bool, time.Duration) float64 { return 1 }

func expecting(c scenarios.Config) scenarios.Config {
	c.Alarms = scenarios.Alarms{Fire: []string{"TooMuch"}, Quiet: []string{"TooMuch"}, Within: 10 * time.Second, By: []string{attack.SightAlert}, Query: "load < 0.7"}
	c.Only = []string{"V40", "V41", "V42"}
	return c
}

func TestAlarmsAreJudgedByWhatWasSeen(t *testing.T) {
	fine := func() sim.Target { return roomy(model.NewBucket(r, c), r) }
	for _, row := range []struct {
		says    string
		target  func() sim.Target
		monitor monitored
		pass    string
		fail    string
		unsure  string
		why     string
	}{
		{"an alarm that fires in time, a backend that stays well", fine, monitored{fires: after(4 * time.Second)}, "V40 V41 V42", "", "", "silent before"},
		{"an alarm that never fires", fine, monitored{fires: after(0)}, "V41 V42", "V40", "", "nobody would know"},
		{"an alarm that fires late", fine, monitored{fires: after(10500 * time.Millisecond)}, "V41 V42", "V40", "", "comes late"},
		{"an alarm that always fires", fine, monitored{fires: always}, "V41", "V42", "V40", "cries wolf"},
		{"an alarm left over from before", fine, monitored{fires: func(throttled bool, at time.Duration) float64 {
			if at < 3*time.Second || throttled {
				return 1
			}
			return 0
		}}, "V41", "", "V40 V42", "left over from before"},
		{"another's notification does not count", fine, monitored{fires: after(time.Second), by: attack.SightNotice}, "V41", "", "V40 V42", "nobody looked"},
		{"a monitoring that cannot be asked", fine, monitored{fires: after(time.Second), blind: "connection refused"}, "", "", "V40 V41 V42", "connection refused"},
		{"a throttle that refuses nobody", func() sim.Target { return roomy(nil, r) }, monitored{fires: after(time.Second)}, "V41 V42", "", "V40", "nothing to ring for"},
		{"an alarm that does fire though nobody is refused", func() sim.Target { return roomy(nil, r) }, monitored{fires: func(_ bool, at time.Duration) float64 {
			if at > 5*time.Second {
				return 1
			}
			return 0
		}}, "V40 V41", "V42", "", "cries wolf"},
		{"a throttle that refuses at half its limit", func() sim.Target { return roomy(model.NewBucket(.3*r, c), r) }, monitored{fires: after(4 * time.Second)}, "V40 V41", "", "V42", "may have a reason"},
		{"a backend that is unwell in the storm", fine, monitored{fires: after(4 * time.Second), holds: func(phase string, at time.Duration) bool {
			return phase != scenarios.PhasePrefix+"overload" || at < time.Second
		}}, "V40 V42", "V41", "", "into stage overload"},
		{"a backend that was unwell before", fine, monitored{fires: after(4 * time.Second), holds: func(string, time.Duration) bool { return false }}, "V40 V42", "", "V41", "before anything was sent"},
	} {
		conf := expecting(config(r, c))
		script, err := scenarios.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		row.monitor.Runner = sim.New(row.target(), 1)
		done, err := attack.Drive(context.Background(), script, row.monitor, nil, func(attack.Measurement) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		vs := script.Verdicts(done)
		if by(vs, scenarios.Pass) != row.pass || by(vs, scenarios.Fail) != row.fail || by(vs, scenarios.Inconclusive) != row.unsure || !strings.Contains(tell(vs), row.why) {
			t.Errorf("%s: want pass %q, fail %q, unsure %q and %q\n%s", row.says, row.pass, row.fail, row.unsure, row.why, tell(vs))
		}
	}
}

func TestAStormEndsOnceEveryAlarmFires(t *testing.T) {
	conf := expecting(config(r, c))
	conf.Alarms.By = append(conf.Alarms.By, attack.SightNotice)
	script, err := scenarios.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	one := []attack.Sight{{Name: "alert TooMuch", Value: 1}, {Name: "notice TooMuch"}}
	both := append(one, attack.Sight{Name: "notice TooMuch", Value: 1})
	storm := attack.Trial{Phase: scenarios.PhasePrefix + "alarm"}
	if why := script.Enough(storm, one); why != "" {
		t.Errorf("ended by %q with one of two", why)
	}
	if why := script.Enough(storm, both); why != scenarios.AlarmsRang {
		t.Errorf("not ended with both: %q", why)
	}
	if why := script.Enough(attack.Trial{Phase: scenarios.PhasePrefix + "overload"}, both); why != "" {
		t.Errorf("another storm ended by %q", why)
	}
}

func TestAlarmsAreAskedOnlyWhenDeclared(t *testing.T) {
	_, vs := play(t, config(r, c), roomy(model.NewBucket(r, c), r))
	if text := tell(vs); strings.Contains(text, "V40") || strings.Contains(text, "V41") || strings.Contains(text, "V42") {
		t.Errorf("checks of alarms that nobody declared:\n%s", text)
	}
	for says, a := range map[string]scenarios.Alarms{
		"withou a teller": {Fire: []string{"A"}, Within: time.Minute},
		"without a name":  {Fire: []string{" "}, Within: time.Minute, By: []string{attack.SightAlert}},
		"at once":         {Quiet: []string{"A"}, By: []string{attack.SightAlert}},
		"in an hour":      {Quiet: []string{"A"}, Within: time.Hour, By: []string{attack.SightAlert}},
	} {
		conf := config(r, c)
		conf.Alarms = a
		if _, err := scenarios.New(conf); err == nil {
			t.Errorf("alarms %s were taken", says)
		}
	}
	conf := config(r, c)
	conf.Only = []string{"V40"}
	if _, err := scenarios.New(conf); err == nil || !strings.Contains(err.Error(), "needs an alarm") {
		t.Errorf("V40 alone: %v, want what it needs", err)
	}
}
