package scenarios_test

import (
	"context"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// Where 404 is declared to be fine, it is the answer of whoever was let in, and the wrong status is wrong in that alone.
func TestAnErrorThatCountsAsServedRefusesNobody(t *testing.T) {
	for _, row := range []struct {
		refusal int
		only    []string
		fails   string
	}{{429, nil, ""}, {429, []string{"V02"}, ""}, {503, nil, "V05"}, {503, []string{"V02"}, ""}, {503, []string{"V05", "V02"}, "V05"}} {
		target := roomy(model.NewBucket(r, c), r)
		target.Status = row.refusal
		target.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
			if a.Status == 200 {
				a.Status = 404
			}
			return a
		}
		conf := config(r, c)
		conf.Only = row.only
		s, err := scenarios.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		runner := sim.New(target, 1)
		runner.Rule.OK = []int{404}
		done, err := attack.Drive(context.Background(), s, runner, nil, func(attack.Measurement) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if vs := s.Verdicts(done); by(vs, scenarios.Fail) != row.fails || by(vs, scenarios.Inconclusive) != "" {
			t.Errorf("404 is fine, refused with %d, only %q: fails %q, want %q\n%s", row.refusal, row.only, by(vs, scenarios.Fail), row.fails, tell(vs))
		}
	}
}
