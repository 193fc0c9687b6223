package population_test

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack/sim/population"
)

var sets = []population.Set{population.Tuning, population.Judging, population.Unseen}

func TestServicesAreOfAllKindsAndSizes(t *testing.T) {
	for _, set := range sets {
		least, most := math.Inf(1), 0.
		kinds := map[population.Kind]int{}
		for _, s := range set.Draw() {
			kinds[s.Kind]++
			if err := s.Target().Validate(); err != nil {
				t.Errorf("%v: %v", s, err)
			}
			tr := s.Truth
			if tr.Break <= 0 || tr.P99 <= 0 || tr.Mean <= 0 {
				t.Errorf("%v: nothing is known about it: %+v", s, tr)
			}
			if limits := s.Kind.Limits(); limits != (tr.Limit > 0) || limits == (tr.Knee > 0) {
				t.Errorf("%v: limit %v and knee %v, want one of them", s, tr.Limit, tr.Knee)
			}
			if tr.LaterKnee > tr.Later || (tr.LaterKnee > tr.Knee) != (s.Kind == population.Autoscales) {
				t.Errorf("%v: knee at %v, later at %v, want it later where servers are added, and only there", s, tr.Knee, tr.LaterKnee)
			}
			least, most = min(least, tr.Break), max(most, tr.Break)
		}
		if least > 25 || most < 15_000 {
			t.Errorf("seed %d: from %.1f/s to %.1f/s, want about 20 to 20,000", set.Seed, least, most)
		}
		if want := len(population.Plain) + len(population.Further); len(kinds) != want || kinds[population.Markov] != set.PerKind {
			t.Errorf("seed %d: %v, want %d kinds", set.Seed, kinds, want)
		}
	}
}

func TestTheSameSetHoldsTheSameServices(t *testing.T) {
	a, b := population.Judging.Draw(), population.Judging.Draw()
	for i := range a {
		x, y := a[i].Target(), b[i].Target()
		x.Limiter, y.Limiter = nil, nil
		if x.Service != y.Service || x.Servers != y.Servers || x.Network != y.Network {
			t.Fatalf("%v differs from one draw to the next", a[i])
		}
	}
}

func TestServicesThatScalePassThroughSteps(t *testing.T) {
	for _, s := range population.Judging.Draw() {
		steps := s.Steps()
		if s.Kind != population.Autoscales {
			if len(steps) != 0 {
				t.Errorf("%v: %v, want no steps", s, steps)
			}
			continue
		}
		first, last := steps[0], steps[len(steps)-1]
		if len(steps) < 2 || math.Abs(first/s.Truth.Break-1) > 1e-3 || math.Abs(last/s.Truth.Later-1) > 1e-3 || !slices.IsSorted(steps) {
			t.Errorf("%v: steps %v, want from %v up to %v", s, steps, s.Truth.Break, s.Truth.Later)
		}
	}
}

// One service of each kind is measured again with a shorter run.
func TestTruthsAreStillTrue(t *testing.T) {
	seen := map[population.Kind]bool{}
	for _, s := range population.Judging.Draw() {
		if seen[s.Kind] || s.Kind.Limits() || s.Kind.Moves() || s.Kind == population.Cold {
			continue
		}
		seen[s.Kind] = true
		target := s.Target()
		if !population.Bears(target, .97*s.Truth.Break, 60_000) {
			t.Errorf("%v does not bear 97 %% of it", s)
		}
		if population.Bears(target, 1.04*s.Truth.Break, 120_000) {
			t.Errorf("%v bears 104 %% of it", s)
		}
		if got := population.Hold(target, .02*s.Truth.Break, 20_000, 3).Response.Mean(); math.Abs(got/s.Truth.Mean-1) > .15 {
			t.Errorf("%v: mean response %.4fs at 2 %% of it, the table says %.4fs", s, got, s.Truth.Mean)
		}
	}
	if len(seen) < 10 {
		t.Errorf("%d kinds were looked at, want most", len(seen))
	}
}

// The knees of Markovian services are known in closed form (A. K. Erlang, 1917; L. Kleinrock, ICC 1979).
func TestKneesAreErlangs(t *testing.T) {
	n, most := 0, 0.
	for _, set := range sets {
		for _, s := range set.Draw() {
			if s.Kind != population.Markov {
				continue
			}
			target := s.Target()
			want, best := 0., 0.
			for rho := .2; rho < .995; rho += .0005 {
				long := s.Truth.Mean + target.Service.Mean.Seconds()*erlangWait(target.Servers, rho)
				if power := rho / long; power > best {
					want, best = rho*target.Capacity(), power
				}
			}
			n++
			off := s.Truth.Knee/want - 1
			if most = max(most, math.Abs(off)); math.Abs(off) > .03 {
				t.Errorf("%v on %d servers: knee at %.1f/s, in closed form at %.1f/s (%+.1f %%)", s, target.Servers, s.Truth.Knee, want, 100*off)
			}
		}
	}
	t.Logf("%d knees, at most %.1f %% off", n, 100*most)
	if n < 60 {
		t.Errorf("%d services are Markovian, want 66", n)
	}
}

// erlangWait is the mean wait of M/M/c in service times.
func erlangWait(c int, rho float64) float64 {
	a, b := rho*float64(c), 1.
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b)
	}
	return b / (1 - rho*(1-b)) / (float64(c) * (1 - rho))
}

// PLIMSOLL_POPULATION=seed measures what is not in truth.json yet and writes it there, for at most two minutes at a time.
func TestWriteTruths(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv("PLIMSOLL_POPULATION"), 10, 64)
	if err != nil {
		t.Skip("PLIMSOLL_POPULATION=seed measures truths anew")
	}
	i := slices.IndexFunc(sets, func(s population.Set) bool { return s.Seed == seed })
	if i < 0 {
		t.Fatalf("no set has the seed %d", seed)
	}
	all, began := sets[i].Draw(), time.Now()
	for n, truth := range table(t)[seed] {
		all[n].Truth = truth
	}
	next := make(chan *population.Service)
	var jobs sync.WaitGroup
	for range 2 {
		jobs.Go(func() {
			for s := range next {
				measure(s)
			}
		})
	}
	for n := range all {
		if time.Since(began) < 2*time.Minute {
			next <- &all[n]
		}
	}
	close(next)
	jobs.Wait()
	missing := 0
	for _, s := range all {
		if t := s.Truth; t.Break == 0 || t.Knee == 0 && !s.Kind.Limits() || t.LaterKnee == 0 && t.Later > 0 {
			missing++
		}
	}
	t.Logf("%d of %d services are still to be measured", missing, len(all))
	write(t, seed, all)
}

// measure fills in what is not known of a service.
func measure(s *population.Service) {
	if s.Truth.Break == 0 {
		s.Truth = s.Measure()
	}
	if s.Truth.Knee == 0 {
		s.Truth.Knee = s.MeasureKnee()
	}
	if s.Truth.LaterKnee == 0 {
		s.Truth.LaterKnee = s.MeasureLaterKnee()
	}
}

// table is truth.json as it stands.
func table(t *testing.T) map[uint64][]population.Truth {
	t.Helper()
	old, err := os.ReadFile("truth.json")
	if err != nil {
		t.Fatal(err)
	}
	table := map[uint64][]population.Truth{}
	if err := json.Unmarshal(old, &table); err != nil {
		t.Fatal(err)
	}
	return table
}

func write(t *testing.T, seed uint64, all []population.Service) {
	t.Helper()
	table := table(t)
	table[seed] = nil
	for _, s := range all {
		table[seed] = append(table[seed], s.Truth)
	}
	var out strings.Builder
	out.WriteString("{")
	for i, seed := range slices.Sorted(maps.Keys(table)) {
		if i > 0 {
			out.WriteString(",")
		}
		out.WriteString("\n\"" + strconv.FormatUint(seed, 10) + "\": [")
		for j, truth := range table[seed] {
			line, err := json.Marshal(rounded(truth))
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(map[bool]string{true: ",\n", false: "\n"}[j > 0] + string(line))
		}
		out.WriteString("\n]")
	}
	out.WriteString("\n}\n")
	if err := os.WriteFile("truth.json", []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rounded has five digits: more are not known.
func rounded(t population.Truth) population.Truth {
	for _, f := range []*float64{&t.Break, &t.Later, &t.Limit, &t.Knee, &t.LaterKnee, &t.Critical, &t.GoalLoad, &t.Mean, &t.P50, &t.P95, &t.P99} {
		*f, _ = strconv.ParseFloat(strconv.FormatFloat(*f, 'g', 5, 64), 64)
	}
	return t
}
