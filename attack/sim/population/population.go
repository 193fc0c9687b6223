package population

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// Set names a set of services that were drawn with one seed.
type Set struct {
	Seed    uint64
	PerKind int // of each of Plain; a third as many of each of Further
}

// Tuning is to choose constants on, Judging to judge them on: nothing may be chosen by looking at Judging. It was looked at
// all the same, again and again, and so Unseen is to be looked at once, when nothing is left to choose: never one service at
// a time.
var (
	Tuning  = Set{Seed: 7, PerKind: 12}
	Judging = Set{Seed: 101, PerKind: 30}
	Unseen  = Set{Seed: 2026, PerKind: 24}
)

// Kind is a way in which services give way.
type Kind string

const (
	Markov     Kind = "mm_c"      // exponential service times
	Constant   Kind = "md_c"      // constant ones
	Lognormal  Kind = "lognormal" // coefficient of variation 0.4 to 1.8
	Heavy      Kind = "heavy"     // 1 to 3 % of the requests take 8 to 30 times as long
	Pauses     Kind = "pauses"    // 10 to 150 ms every 1 to 15 s
	Noisy      Kind = "noisy"     // others on the machine
	Sheds      Kind = "sheds"     // 503 where 1 to 10 times the servers wait
	Impatient  Kind = "impatient" // clients leave, the work on their requests goes on
	Contends   Kind = "contends"  // many workers in each other's way: less done the more are busy
	Cold       Kind = "cold"      // 2 to 4 times as slow at first
	Limited    Kind = "limited"   // a token bucket in front
	Drifts     Kind = "drifts"    // ± 2 to 8 % in 200 to 1200 s
	Bimodal    Kind = "bimodal"   // 5 to 30 % of the requests take 5 to 20 times as long
	Drops      Kind = "drops"     // connections broken off where the queue is full
	Pooled     Kind = "pooled"    // fewer connections than servers
	Retried    Kind = "retried"   // a gateway tries twice more where the queue is full
	Windowed   Kind = "windowed"  // a fixed window in front
	Autoscales Kind = "scales"    // more servers after a while of load
)

// Plain are the kinds that the search was designed on.
var Plain = []Kind{Markov, Constant, Lognormal, Heavy, Pauses, Noisy, Sheds, Impatient, Contends, Cold, Limited, Drifts}

// Further are those that it was not.
var Further = []Kind{Bimodal, Drops, Pooled, Retried, Windowed, Autoscales}

// Moves tells whether the capacity of such a service is not the same all the time.
func (k Kind) Moves() bool { return k == Noisy || k == Drifts || k == Autoscales }

// Limits tells whether a limiter stands before such a service.
func (k Kind) Limits() bool { return k == Limited || k == Windowed }

// Service is one simulated service.
type Service struct {
	N     int
	Kind  Kind
	Truth Truth

	seed   uint64
	target sim.Target
	front  func() sim.Limiter // a limiter has a state, so each run makes its own
	admits float64            // by it, per second
}

// String is a name for test output.
func (s Service) String() string { return fmt.Sprintf("%s #%d of %.1f/s", s.Kind, s.N, s.Truth.Break) }

// Target is the service as a simulation that nothing was sent to yet.
func (s Service) Target() sim.Target {
	t := s.target
	if s.front != nil {
		t.Limiter = s.front()
	}
	return t
}

// Runner is a new run of the service: chance falls differently in each.
func (s Service) Runner(run uint64) *sim.Runner {
	return sim.New(s.Target(), s.seed+run*0x9e3779b97f4a7c15)
}

// Steps are the loads that a service bears on its way from Truth.Break to Truth.Later, one for each number of servers that it
// passes through; none where it adds no servers.
func (s Service) Steps() (out []float64) {
	t := s.target
	for t.Scale.Max > 0 {
		out = append(out, t.Capacity())
		if t.Servers >= t.Scale.Max {
			break
		}
		t.Servers = min(t.Servers+t.Scale.Step, t.Scale.Max)
	}
	return out
}

// Truth is what is known about a service in the long run, loads in requests per second, times in seconds. What a kind does
// not have is 0.
type Truth struct {
	Break     float64 `json:"break"`                // the highest load with at most 1 % failures and no growing backlog
	Later     float64 `json:"later,omitempty"`      // the same once all servers were added
	Limit     float64 `json:"limit,omitempty"`      // what the limiter in front admits
	Knee      float64 `json:"knee,omitempty"`       // where load over mean response time is highest
	LaterKnee float64 `json:"later_knee,omitempty"` // the same once all servers were added
	Critical  float64 `json:"critical,omitempty"`   // geometric mean of the loads where p95 crosses 1.5, 2, 3, 5 and 10 times its base
	GoalLoad  float64 `json:"goal,omitempty"`       // where p99 crosses 5 times its base
	Mean      float64 `json:"mean"`                 // response time at 2 % of Break, and its quantiles
	P50       float64 `json:"p50"`
	P95       float64 `json:"p95"`
	P99       float64 `json:"p99"`
}

// Draw makes the services of a set: those of Plain in turns, then those of Further.
func (set Set) Draw() []Service {
	var all []Service
	for range set.PerKind {
		for _, k := range Plain {
			all = append(all, draw(set.Seed, len(all), k))
		}
	}
	for range set.PerKind / 3 {
		for _, k := range Further {
			all = append(all, draw(set.Seed, len(all), k))
		}
	}
	truths := known()[set.Seed]
	for i := range all {
		if i < len(truths) {
			all[i].Truth = truths[i]
		}
	}
	return all
}

//go:embed truth.json
var truths []byte

// known are the truths that were measured, by the seed of their set. See Measure.
func known() map[uint64][]Truth {
	all := map[uint64][]Truth{}
	if err := json.Unmarshal(truths, &all); err != nil {
		panic("population: truth.json: " + err.Error())
	}
	return all
}

// patience is the client's, where the kind says nothing else.
const patience = sim.DefaultTimeout

// Load is a trial that holds a load with Poisson arrivals.
func Load(load float64, seconds float64) attack.Trial {
	return attack.Trial{N: 1, Seed: 5, Actors: []attack.Actor{{Name: "client", Schedule: attack.Constant(load, span(seconds), attack.Poisson)}}}
}
