package scenarios_test

import (
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// quickening is a limiter that keeps its word until it has been asked so often, and then lets in half as much again.
func quickening(rate float64, burst int, asked int) sim.Target {
	t, n := roomy(nil, rate), 0
	slow, fast := model.NewBucket(rate, burst), model.NewBucket(1.5*rate, burst)
	t.Limiter = sim.LimiterFunc(func(at time.Duration, _ string) (bool, time.Duration) {
		n++
		ok, wait := slow.Take(at)
		if n > asked {
			return fast.Take(at)
		}
		return ok, wait
	})
	return t
}

func TestAFullLogHidesNoOverAdmission(t *testing.T) {
	cut := func(log int) func(*attack.Measurement) {
		return func(m *attack.Measurement) {
			if phase(m, "overload") && len(m.Log) > log {
				m.LogDropped += int64(len(m.Log) - log)
				m.Log = m.Log[:log]
			}
		}
	}
	slow := func(m *attack.Measurement) {
		cut(3000)(m)
		for i := range m.Windows {
			m.Windows[i].Response.Record(30 * time.Second)
		}
	}
	for _, row := range []struct {
		says   string
		target sim.Target
		change func(*attack.Measurement)
		want   scenarios.Outcome
	}{
		{"a correct bucket, all logged", roomy(model.NewBucket(r, c), r), cut(20_000), scenarios.Pass},
		{"a correct bucket, half logged", roomy(model.NewBucket(r, c), r), cut(3000), scenarios.Pass},
		{"a correct bucket, next to nothing logged", roomy(model.NewBucket(r, c), r), cut(150), scenarios.Inconclusive},
		{"more let in after the log was full", quickening(r, c, 3100), cut(3000), scenarios.Fail},
		{"the same, but answers so slow that it may have been later", quickening(r, c, 3100), slow, scenarios.Inconclusive},
	} {
		conf := config(r, c)
		conf.Only = []string{"V04"}
		done, _ := play(t, conf, row.target)
		for i := range done {
			row.change(&done[i])
		}
		s, err := scenarios.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		if vs := s.Verdicts(done); scenarios.Overall(vs) != row.want {
			t.Errorf("%s: %s, want %s\n%s", row.says, scenarios.Overall(vs), row.want, tell(vs))
		}
	}
}
