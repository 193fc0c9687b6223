package limits_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/attack/sim/population"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// fate is what became of one service behind the limit that was recommended for it.
type fate struct {
	s      population.Service
	refuse error // there was no recommendation
	limit  limits.Limit

	attacked, soaked stretch
}

// stretch is a while of load behind a limit.
type stretch struct {
	p99    float64 // of the latency goal
	failed float64 // share of what was admitted
}

func (s stretch) late() bool    { return s.p99 > 1.03 }
func (s stretch) failing() bool { return s.failed > .01 }

// rule turns what a search found into a limit.
type rule struct {
	name string
	of   func(population.Service, *sim.Runner, analyze.Capacity, int) (limits.Limit, error)
}

// advised measures a burst, then recommends, as find and advise do.
var advised = rule{"advise", func(s population.Service, r *sim.Runner, c analyze.Capacity, last int) (limits.Limit, error) {
	b := limits.Bursts{Capacity: c, Budget: 30 * time.Second, First: last + 1, Seed: uint64(s.N)}
	done, err := attack.Drive(context.Background(), b, r, nil, func(attack.Measurement) error { return nil })
	if err != nil {
		return limits.Limit{}, err
	}
	c.Burst = b.Tolerated(done)
	got, err := limits.Recommend(c, limits.Policy{})
	return got.Limit, err
}}

// rough is what stands in many runbooks: 2000/2200 of the breaking load, and two and a half seconds of it at once.
var rough = rule{"0.91 of the breaking load, burst 2.5 × rate", func(_ population.Service, _ *sim.Runner, c analyze.Capacity, _ int) (limits.Limit, error) {
	if c.Estimate == nil {
		return limits.Limit{}, errors.New("no estimate")
	}
	rate := c.Estimate.Value * 2000 / 2200
	return limits.Limit{Rate: rate, Burst: int(max(1, 2.5*rate))}, nil
}}

// live has a service searched, limited by each rule, attacked and soaked. The goal is five times the true p99 at rest.
func live(s population.Service, rules []rule) []fate {
	plan := analyze.Plan{Seed: uint64(s.N), Budget: 15 * time.Minute, MaxOverloadSeconds: 300}
	r, last := s.Runner(3), 0
	done, err := attack.Drive(context.Background(), plan, r, nil, func(m attack.Measurement) error { last = m.Trial.N; return nil })
	if err != nil {
		panic(fmt.Sprintf("%v: %v", s, err))
	}
	c := plan.Capacity(done)
	var out []fate
	for _, rule := range rules {
		f := fate{s: s}
		if f.limit, f.refuse = rule.of(s, r, c, last); f.refuse == nil {
			f.attacked = behind(s, f.limit, storm(s, f.limit))
			f.soaked = behind(s, f.limit, attack.Constant(f.limit.Rate, 600*time.Second, attack.Poisson))
		}
		out = append(out, f)
	}
	return out
}

// storm is six times: silence until the bucket is full, then five times what the service bears.
func storm(s population.Service, l limits.Limit) attack.Schedule {
	goal, burst := 5*s.Truth.P99, float64(l.Burst)
	on := max(10*goal, min(10, 20*burst/s.Truth.Break), 200/l.Rate)
	out := attack.Schedule{Process: attack.Poisson}
	for range 6 {
		out.Segments = append(out.Segments, attack.Segment{Len: seconds(max(1, burst/l.Rate))},
			attack.Segment{From: 5 * s.Truth.Break, To: 5 * s.Truth.Break, Len: seconds(on)})
	}
	return out
}

// behind puts a load on a service behind a token bucket.
func behind(s population.Service, l limits.Limit, load attack.Schedule) stretch {
	target := s.Target()
	target.Cold, target.Limiter = 0, sim.One(model.NewBucket(l.Rate, l.Burst))
	order := attack.Trial{N: 1, Seed: uint64(s.N), Warmup: load.Len(), Actors: []attack.Actor{{Schedule: load}}}
	m, err := sim.New(target, 900+uint64(s.N)).Run(context.Background(), order, nil)
	if err != nil {
		panic(err)
	}
	w := m.All()
	in := float64(max(w.Due-w.Throttled, 1))
	return stretch{p99: w.Response.Quantile(.99).Seconds() / (5 * s.Truth.P99), failed: float64(w.Failed+w.Timeout+w.Shed) / in}
}

func seconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }

// percentOf is how many are so, in per cent.
func percentOf(all []fate, is func(fate) bool) float64 {
	n := 0
	for _, f := range all {
		if is(f) {
			n++
		}
	}
	return 100 * float64(n) / float64(max(len(all), 1))
}

// What is recommended from a search's own answer keeps the latency goal and loses nothing, under a burst attack and under a
// soak of ten minutes at the full rate; a rule of thumb does not. PLIMSOLL_RIVALS=full asks all services.
func TestTheRecommendationHolds(t *testing.T) {
	if testing.Short() {
		t.Skip("many searches in one goroutine: run without -short")
	}
	t.Parallel()
	full := os.Getenv("PLIMSOLL_RIVALS") != ""
	services := slices.DeleteFunc(population.Judging.Draw(), func(s population.Service) bool {
		return s.Kind.Limits() || s.Truth.P99 == 0 || !full && (s.N%6 > 1 || s.Truth.Break < 60 || s.Truth.Break > 300)
	})
	rules := []rule{advised, rough}
	fates := make([][]fate, len(services))
	var jobs sync.WaitGroup
	for half := range 2 {
		jobs.Go(func() {
			for i := half; i < len(services); i += 2 {
				fates[i] = live(services[i], rules)
			}
		})
	}
	jobs.Wait()
	for i, rule := range rules {
		var some []fate
		for _, f := range fates {
			if f[i].refuse == nil {
				some = append(some, f[i])
			} else {
				t.Logf("%s: %v: nothing recommended: %v", rule.name, f[i].s, f[i].refuse)
			}
		}
		tell(t, rule.name, len(services), some)
		late, soaked := percentOf(some, func(f fate) bool { return f.attacked.late() }), percentOf(some, func(f fate) bool { return f.soaked.late() })
		failing := percentOf(some, func(f fate) bool { return f.attacked.failing() || f.soaked.failing() })
		switch {
		case i == 0 && (late > 1 || soaked > 2 || failing > 0):
			t.Errorf("%s: %.1f %% late under attack, %.1f %% in the soak, %.1f %% failing; want 1 %%, 2 %% and none at most", rule.name, late, soaked, failing)
		case i == 1 && late+failing < 60:
			t.Errorf("%s: %.1f %% late under attack and %.1f %% failing: an attack that does not hurt this rule proves nothing", rule.name, late, failing)
		}
	}
	if len(services) < 15 {
		t.Errorf("%d services are too few", len(services))
	}
}

// tell prints how a rule fares, and who fails it.
func tell(t *testing.T, name string, asked int, all []fate) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s: %d of %d services\n  under attack: %.1f %% over the goal, %.1f %% with failures\n  soaked:       %.1f %% over the goal, %.1f %% with failures\n", name, len(all), asked,
		percentOf(all, func(f fate) bool { return f.attacked.late() }), percentOf(all, func(f fate) bool { return f.attacked.failing() }),
		percentOf(all, func(f fate) bool { return f.soaked.late() }), percentOf(all, func(f fate) bool { return f.soaked.failing() }))
	for _, f := range all {
		if a, b := f.attacked, f.soaked; name == advised.name && (a.late() || b.late() || a.failing() || b.failing()) {
			fmt.Fprintf(&out, "  %v at %.0f/s, burst %d: attacked p99 %.2f of the goal and %.1f %% failed, soaked %.2f and %.1f %%\n", f.s, f.limit.Rate, f.limit.Burst, a.p99, 100*a.failed, b.p99, 100*b.failed)
		}
	}
	t.Log(out.String())
}
