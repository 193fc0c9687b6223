package analyze

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Plan is the search for the knee and the breaking load of a target. It is a Planner: a pure function of what was
// measured. Zero fields mean their defaults.
//
// The search: the target at rest; a geometric ramp until it gives way; a warm-up and the target at rest again; one short
// overload, whose rate of completion tells the capacity; full-length trials just below and above it; the knee; the
// overload once more, to see whether the target is still the same. After each loaded trial it waits until the target has
// recovered. Where a limiter answers, the search measures the limiter instead.
type Plan struct {
	Goal     Goal
	Also     []Goal        // more goals: one search brackets the load that keeps each
	Min, Max float64       // loads never left, per second; 0 means DefaultMin and DefaultMax
	Budget   time.Duration // of all trials together; 0 means DefaultBudget
	Profile  Profile       // empty means Standard
	Seed     uint64
	Arrivals attack.Process  // empty means Poisson
	Identity attack.Identity // who asks
	Gentle   bool            // ramp by 1.4 instead of 2

	MaxInFlight        int     // 0 means DefaultMaxInFlight
	TrialsMax          int     // 0 means DefaultTrialsMax
	MaxOverloadSeconds float64 // of trials above the breaking load, by what each trial might tell; a target that bears ever less may make it more. 0 means DefaultMaxOverload
	MaxFailed          float64 // failures, as a share of what the whole budget would send at the last good load; 0 means DefaultMaxFailed
}

// What a Plan uses where a field is zero.
const (
	DefaultMin         = .1
	DefaultMax         = 100_000.
	DefaultBudget      = 3 * time.Minute
	DefaultMaxInFlight = 20_000
	DefaultTrialsMax   = 300
	DefaultMaxOverload = 60.
	DefaultMaxFailed   = .05
)

var _ attack.Planner = Plan{}

func (p Plan) withDefaults() Plan {
	p.Min = cmp.Or(p.Min, DefaultMin)
	p.Max = cmp.Or(p.Max, DefaultMax)
	p.Budget = cmp.Or(p.Budget, DefaultBudget)
	p.Profile = cmp.Or(p.Profile, Standard)
	p.Arrivals = cmp.Or(p.Arrivals, attack.Poisson)
	p.MaxInFlight = cmp.Or(p.MaxInFlight, DefaultMaxInFlight)
	p.TrialsMax = cmp.Or(p.TrialsMax, DefaultTrialsMax)
	p.MaxOverloadSeconds = cmp.Or(p.MaxOverloadSeconds, DefaultMaxOverload)
	p.MaxFailed = cmp.Or(p.MaxFailed, DefaultMaxFailed)
	return p
}

// Validate reports the first field that makes no sense, by the name of its flag.
func (p Plan) Validate() error {
	p = p.withDefaults()
	bad := func(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) || f <= 0 }
	switch {
	case bad(p.Min) || bad(p.Max) || p.Min > p.Max:
		return fmt.Errorf("loads from %v to %v, want --max-rate above the lowest rate and both above 0", p.Min, p.Max)
	case p.Budget < 5*time.Second:
		return fmt.Errorf("--budget %v, want at least 5s", p.Budget)
	case p.MaxInFlight < 1:
		return fmt.Errorf("--max-inflight %d, want at least 1", p.MaxInFlight)
	case p.TrialsMax < 1 || p.TrialsMax >= attack.TrialsMax:
		return fmt.Errorf("%s, want 1 to %d", attack.Plural(p.TrialsMax, "trial"), attack.TrialsMax-1)
	case bad(p.MaxOverloadSeconds):
		return fmt.Errorf("--max-overload-seconds %v, want above 0", p.MaxOverloadSeconds)
	case p.MaxOverloadSeconds < p.leastOverload():
		return fmt.Errorf("--max-overload-seconds %g, want at least %g: no search of a budget of %v does with less", p.MaxOverloadSeconds, p.leastOverload(), p.Budget)
	case bad(p.MaxFailed) || p.MaxFailed > 1:
		return fmt.Errorf("--max-failed %v, want a share above 0%% and at most 100%%", p.MaxFailed)
	}
	return errors.Join(p.Profile.Validate(), p.Arrivals.Validate())
}

// leastOverload is how many seconds of overload every search must be allowed: for one trial of the ramp that fails and one
// that saturates, both as short as trials get.
func (p Plan) leastOverload() float64 {
	e := efforts[cmp.Or(p.Profile, Standard)].within(p.Budget, p.MaxOverloadSeconds)
	return math.Ceil(100*(e.levels[Brief].least+e.levels[Medium].least)/shortest) / 100
}

// Next is the next trial of the search.
func (p Plan) Next(done []attack.Measurement) (attack.Trial, bool) {
	s := p.replay(done)
	if s.want == nil {
		return attack.Trial{}, false
	}
	return *s.want, true
}

// Watch is the rule that ends the trial early that Next gave for the same measurements.
func (p Plan) Watch(_ attack.Trial, done []attack.Measurement) func(attack.Tick) attack.Reason {
	s := p.replay(done)
	if s.want == nil || s.rule == nil {
		return nil
	}
	return s.rule
}

// Capacities are what the measurements tell of every goal, in the order of the goals, whether the search is over or not.
func (p Plan) Capacities(done []attack.Measurement) []Capacity { return p.replay(done).capacities() }

// Capacity is the tightest of the capacities.
func (p Plan) Capacity(done []attack.Measurement) Capacity {
	return slices.MinFunc(p.Capacities(done), func(a, b Capacity) int { return cmp.Compare(a.tightness(), b.tightness()) })
}

// replay tells the story of the search from its beginning, as far as the measurements go.
func (p Plan) replay(done []attack.Measurement) *search {
	p = p.withDefaults()
	s := &search{plan: p, effort: efforts[Standard], finding: finding{goal: p.loosest(), hi: math.Inf(1), breaking: math.Inf(1)}}
	if e, ok := efforts[p.Profile]; ok {
		s.effort = e
	}
	s.effort = s.effort.within(p.Budget, p.MaxOverloadSeconds)
	s.todo = slices.SortedStableFunc(slices.Values(done), func(a, b attack.Measurement) int { return cmp.Compare(a.Trial.N, b.Trial.N) })
	for _, m := range done {
		s.n = max(s.n, m.Trial.N)
	}
	s.story()
	return s
}
