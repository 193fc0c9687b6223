package gate

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// service bears 1,000 a second, less a loss.
func service(loss float64) sim.Target {
	return sim.Target{Servers: 8, Service: sim.Service{Mean: time.Duration(8 / (1000 * (1 - loss)) * 1e9), Shape: sim.Lognormal, CV: .5}, Network: time.Millisecond}
}

func plan() Plan {
	return Plan{Sustained: 980, Capacity: 1000, Tolerance: .05, Budget: time.Minute, Seed: 7}
}

// play drives a plan against a runner.
func play(t *testing.T, p Plan, r attack.Runner) (Verdict, []attack.Measurement) {
	t.Helper()
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	done, err := attack.Drive(context.Background(), p, r, nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return p.Verdict(done), done
}

func TestGateTellsALossFromNone(t *testing.T) {
	for loss, want := range map[float64]Outcome{0: Pass, .02: Pass, .15: Regression, .3: Regression} {
		for seed := range uint64(5) {
			v, _ := play(t, plan(), sim.New(service(loss), seed))
			if v.Outcome != want {
				t.Errorf("a loss of %v%%, seed %d: %s, want %s: %s", 100*loss, seed, v.Outcome, want, v.Text)
			}
			if v.Seconds > 60 {
				t.Errorf("took %.1f s of a budget of 60", v.Seconds)
			}
		}
	}
}

// A goal that is broken is a loss, however much is completed.
func TestGateHoldsTheGoal(t *testing.T) {
	p := plan()
	if err := p.Goal.Parse("p99<20ms"); err != nil {
		t.Fatal(err)
	}
	slow := service(0)
	slow.Network = 30 * time.Millisecond
	if v, _ := play(t, p, sim.New(slow, 1)); v.Outcome != Regression || !strings.Contains(v.Blocks[0].Why, "p99") {
		t.Errorf("%s (%+v), want a regression because of p99", v.Outcome, v.Blocks)
	}
}

// Whatever is not the target's doing is invalid, and never a regression.
func TestGateBlamesNobodyForWhatIsNotMeasured(t *testing.T) {
	limited := service(0)
	limited.Limiter = sim.PerKey(func(string) sim.Limiter { return bucket{model.NewBucket(500, 50)} })
	broken := service(0)
	broken.Respond = func(_ sim.Call, a sim.Answer) sim.Answer { a.Status = 500; return a }
	for name, c := range map[string]struct {
		runner attack.Runner
		says   string
	}{
		"limiter":          {sim.New(limited, 1), "a limiter answered"},
		"wrong build":      {sim.New(broken, 1), "0 of"},
		"starved":          {starved{sim.New(service(0), 1), Blocks}, "the generator could not keep up"},
		"starved, at rest": {starved{sim.New(service(.3), 1), Rest}, "the generator could not keep up"},
	} {
		if v, _ := play(t, plan(), c.runner); v.Outcome != Invalid || !strings.Contains(v.Text, c.says) {
			t.Errorf("%s: %s: %s, want invalid: %s", name, v.Outcome, v.Text, c.says)
		}
	}
}

type bucket struct{ *model.Bucket }

func (b bucket) Take(at time.Duration, _ string) (bool, time.Duration) { return b.Bucket.Take(at) }

// starved spoils every trial of a phase, as a generator without a processor does.
type starved struct {
	attack.Runner
	phase string
}

func (s starved) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	m, err := s.Runner.Run(ctx, t, watch)
	if t.Phase == s.phase {
		m.Checks = append(m.Checks, attack.SelfCheck{Name: "late ticks", Outcome: attack.Void, Got: "1 s", Want: "50 ms"})
	}
	return m, err
}

// builds runs trials against the build that they name, on a machine whose speed changes under both.
type builds struct {
	head, base attack.Runner
	order      []string
}

func (b *builds) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	r, twist := b.head, attack.Twist{}
	if t.Serial != nil {
		twist = t.Serial.Twist
	} else {
		twist = t.Actors[0].Twist
	}
	if twist.Base != "" {
		r = b.base
	}
	if t.Phase == Blocks {
		b.order = append(b.order, t.Actors[0].Name)
	}
	return r.Run(ctx, t, watch)
}

// With the baseline beside it, a machine that is a fifth slower than when the baseline was measured is no regression.
func TestPairsCancelTheMachine(t *testing.T) {
	p := plan()
	p.Reference, p.Budget = "http://base:1", 3*time.Minute
	for _, c := range []struct {
		loss float64
		want Outcome
	}{{0, Pass}, {.12, Regression}} {
		b := &builds{head: sim.New(service(1-.8*(1-c.loss)), 3), base: sim.New(service(.2), 4)}
		v, _ := play(t, p, b)
		if v.Outcome != c.want || v.Ratio == nil || v.Ratio.Value < (1-c.loss)*.96 || v.Ratio.Value > (1-c.loss)*1.04 {
			t.Errorf("a loss of %v%%: %s, ratio %+v: %s", 100*c.loss, v.Outcome, v.Ratio, v.Text)
		}
		if want := []string{head, reference, reference, head}; !slices.Equal(b.order[:4], want) {
			t.Errorf("blocks %v, want them in turns", b.order)
		}
	}
	alone := plan()
	if v, _ := play(t, alone, sim.New(service(.2), 3)); v.Outcome != Regression {
		t.Errorf("without the reference: %s, want the slow machine taken for a regression", v.Outcome)
	}
}

// A gate that was stopped after any trial goes on with the same trial, whatever the order in which they are given, and
// one that has decided asks for none.
func TestGateGoesOnWhereItStopped(t *testing.T) {
	p := plan()
	_, done := play(t, p, sim.New(service(.08), 11))
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range len(done) {
		shuffled := slices.Clone(done[:n])
		rng.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		got, more := p.Next(shuffled)
		if d := cmp.Diff(done[n].Trial, got); !more || d != "" {
			t.Fatalf("after %d trials: %s", n, d)
		}
	}
	if extra, more := p.Next(done); more {
		t.Errorf("after its end the gate asks for %+v", extra)
	}
	interrupted := slices.Clone(done[:4])
	interrupted[3].Aborted = &attack.Abort{Reason: attack.Interrupted}
	if again, more := p.Next(interrupted); !more || again.Phase != done[3].Trial.Phase || again.N != 5 {
		t.Errorf("after an interrupted trial it asks for %+v, want that one again", again)
	}
}

func TestPlanValidate(t *testing.T) {
	for want, change := range map[string]func(*Plan){
		"baseline":       func(p *Plan) { p.Sustained = 0 },
		"--tolerance":    func(p *Plan) { p.Tolerance = .7 },
		"--budget":       func(p *Plan) { p.Budget = time.Second },
		"--max-inflight": func(p *Plan) { p.FlightMax = -1 },
	} {
		p := plan()
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one of %s", err, want)
		}
	}
}

// broken answers well at first and then with nothing but errors under load.
func broken(after int) sim.Target {
	t, n := service(0), 0
	t.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
		if n++; n > after {
			a.Status = 500
		}
		return a
	}
	return t
}

// A head that completes nothing at all is a regression without a ratio, and can be written down.
func TestPairsOfNothingAreARegression(t *testing.T) {
	p := plan()
	p.Reference, p.Budget = "http://base:1", 3*time.Minute
	v, _ := play(t, p, &builds{head: sim.New(broken(6000), 3), base: sim.New(service(0), 4)})
	if v.Outcome != Regression || v.Ratio != nil {
		t.Errorf("%s, ratio %+v: %s", v.Outcome, v.Ratio, v.Text)
	}
	if _, err := json.Marshal(v); err != nil {
		t.Error(err)
	}
}

// Beside a baseline that keeps the goal, a head that breaks it is a regression however much it completes.
func TestPairsHoldTheGoal(t *testing.T) {
	p := plan()
	p.Reference, p.Budget = "http://base:1", 3*time.Minute
	if err := p.Goal.Parse("p99<50ms"); err != nil {
		t.Fatal(err)
	}
	slow := service(0)
	slow.Network = 200 * time.Millisecond
	if v, _ := play(t, p, &builds{head: sim.New(slow, 3), base: sim.New(service(0), 4)}); v.Outcome != Regression || !strings.Contains(v.Text, "which the baseline keeps") {
		t.Errorf("%s: %s", v.Outcome, v.Text)
	}
}

// A gate that goes on has as long again, and its walk goes on too.
func TestAGateThatGoesOnHasTimeOfItsOwn(t *testing.T) {
	p := plan()
	p.Budget = 20 * time.Second
	r := sim.New(service(.065), 1)
	v, done := play(t, p, r)
	if v.Outcome != Undecided {
		t.Fatalf("%s within 20 s, want a walk that needs longer: %s", v.Outcome, v.Text)
	}
	for _, m := range done {
		p.Before += m.Took
	}
	p.Block = p.block()
	if _, more := p.Next(done); !more {
		t.Error("it asks for nothing more")
	}
}

func TestCompareMissesNothing(t *testing.T) {
	e := func(v float64) *analyze.Estimate {
		return &analyze.Estimate{Value: v, Lo: v * .99, Hi: v * 1.01, Confidence: .9}
	}
	good := analyze.Capacity{Goal: "g", Estimate: e(100), Sustained: e(98), Breaking: e(102), Cause: analyze.CauseTarget}
	lost := analyze.Capacity{Goal: "g", Cause: analyze.CauseBudget}
	base := []Run{{Capacities: []analyze.Capacity{good}, Checks: map[string]string{"s V01": "pass", "s V02": "fail"}}}
	for _, c := range []struct {
		says string
		head Run
		want Outcome
	}{
		{"the same", base[0], Pass},
		{"an undecided capacity", Run{Capacities: []analyze.Capacity{lost}, Checks: base[0].Checks}, Undecided},
		{"a check that was not asked", Run{Capacities: base[0].Capacities}, Undecided},
		{"a check that fails now", Run{Capacities: base[0].Capacities, Checks: map[string]string{"s V01": "fail"}}, Regression},
	} {
		if v := Compare(base, []Run{c.head}, false, .05); v.Outcome != c.want {
			t.Errorf("%s: %s (%s), want %s", c.says, v.Outcome, v.Text, c.want)
		}
	}
}
