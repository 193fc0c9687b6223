package limits_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

func estimate(lo, value, hi float64) *analyze.Estimate {
	return &analyze.Estimate{Lo: lo, Value: value, Hi: hi, Confidence: .9}
}

func point(load, p99ms float64) analyze.Point {
	return analyze.Point{Load: load, Class: analyze.Sustained, Response: &attack.Quantiles{P99: p99ms, N: 5000}}
}

// service is a capacity of 1,000/s with a knee at 750/s and a p99 of 20 ms at rest.
func service() analyze.Capacity {
	return analyze.Capacity{Cause: analyze.CauseTarget, Mode: analyze.ModeCapacity, BaseMS: 10, BaseP99MS: 20,
		Estimate: estimate(980, 1000, 1020), Sustained: estimate(970, 985, 1000), Breaking: estimate(1000, 1015, 1030),
		Knee: estimate(720, 750, 780), Saturation: estimate(990, 1000, 1010),
		Points: []analyze.Point{point(100, 20), point(500, 30), point(700, 40), point(900, 80)}}
}

func goal(t *testing.T, terms ...string) (g analyze.Goal) {
	t.Helper()
	for _, s := range terms {
		if err := g.Parse(s); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func TestRecommendRate(t *testing.T) {
	nine, none := .09, 0.
	no := false
	for _, row := range []struct {
		says   string
		change func(*analyze.Capacity, *limits.Policy)
		rate   float64
		margin float64
		reason string
	}{
		{"the knee lies below the margin", func(*analyze.Capacity, *limits.Policy) {}, 750, .2, "knee"},
		{"the margin lies below the knee", func(c *analyze.Capacity, _ *limits.Policy) { c.Knee.Value = 900 }, 784, .2, "20 % below the breaking load's lower bound"},
		{"no knee was measured", func(c *analyze.Capacity, _ *limits.Policy) { c.Knee = nil }, 784, .2, "20 %"},
		{"errors keep back more", func(c *analyze.Capacity, _ *limits.Policy) { c.Knee, c.Mode = nil, analyze.ModeErrors }, 735, .25, "fails or sheds"},
		{"collapse keeps back most", func(c *analyze.Capacity, _ *limits.Policy) { c.Knee, c.Mode = nil, analyze.ModeCollapse }, 686, .3, "completes less"},
		{"a capacity that moved adds its doubt", func(c *analyze.Capacity, _ *limits.Policy) { c.Knee, c.Stationary = nil, &no }, 744, .24, "moved during the search"},
		{"a margin that was asked for is not widened", func(c *analyze.Capacity, p *limits.Policy) {
			c.Knee, c.Mode, c.Stationary, p.Margin = nil, analyze.ModeCollapse, &no, &nine
		}, 891, .09, "as asked"},
		{"no margin at all", func(c *analyze.Capacity, p *limits.Policy) { c.Knee, p.Margin = nil, &none }, 980, 0, "as asked"},
		{"the goal's load is lower still", func(c *analyze.Capacity, _ *limits.Policy) { c.GoalLoad = estimate(600, 612.7, 630) }, 612, .2, "latency goal is crossed"},
		{"a goal given now is read off the curve: 700 + 200·(50−40)/(80−40)", func(c *analyze.Capacity, p *limits.Policy) {
			c.Knee, p.Goal = nil, analyze.Goal{Latency: []analyze.Bound{{Quantile: .99, Max: 50 * time.Millisecond}}}
		}, 750, .2, "the measured curve crosses p99<50ms"},
		{"the tighter of two goals given now", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal = analyze.Goal{Latency: []analyze.Bound{{Quantile: .99, Max: 35 * time.Millisecond}, {Quantile: .95, Max: time.Second}}}
		}, 600, .2, "p99<35ms"},
		{"a goal tighter than the search's", func(c *analyze.Capacity, p *limits.Policy) {
			c.Goal, c.GoalLoad = "p99<60ms failed<1%", estimate(790, 800, 810)
			p.Goal = analyze.Goal{Latency: []analyze.Bound{{Quantile: .99, Max: 35 * time.Millisecond}}}
		}, 600, .2, "p99<35ms"},
		{"the search's own goal is not read twice", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal = analyze.Goal{Latency: []analyze.Bound{{Quantile: .99, Max: 35 * time.Millisecond}}}
			c.Goal, c.GoalLoad = p.Goal.String(), estimate(640, 650, 660)
		}, 650, .2, "latency goal is crossed"},
		{"the seed story's 2,200/s with 9 %", func(c *analyze.Capacity, p *limits.Policy) {
			c.Knee, p.Margin, c.Estimate = nil, &nine, estimate(2200, 2200, 2200)
		}, 2000, .09, "as asked"},
	} {
		c, p := service(), limits.Policy{}
		row.change(&c, &p)
		r, err := limits.Recommend(c, p)
		if err != nil {
			t.Errorf("%s: %v", row.says, err)
			continue
		}
		because := strings.Join(r.Because, "\n")
		if r.Rate != row.rate || math.Abs(r.Margin-row.margin) > 1e-3 || !strings.Contains(because, row.reason) {
			t.Errorf("%s: rate %v, margin %v, want %v, %v and %q among the reasons:\n%s", row.says, r.Rate, r.Margin, row.rate, row.margin, row.reason, because)
		}
	}
}

// At 750/s the p99 is 40 + (80−40)·50/200 = 50 ms, and 980/s are left when saturated.
func TestRecommendBurst(t *testing.T) {
	for _, row := range []struct {
		says   string
		change func(*analyze.Capacity, *limits.Policy)
		burst  int
		reason string
		note   string
	}{
		{"no goal: 5 × 20 ms, 0.7 × 980/s × (100 − 50) ms", func(*analyze.Capacity, *limits.Policy) {}, 34, "no goal was given", "burst-not-measured"},
		{"a goal of 250 ms: 0.7 × 980/s × 200 ms", func(_ *analyze.Capacity, p *limits.Policy) { p.Goal = goal(t, "p99<250ms") }, 137, "latency bound of 250ms", "burst-not-measured"},
		{"the tightest of two bounds, the median's left out", func(_ *analyze.Capacity, p *limits.Policy) { p.Goal = goal(t, "p50<1ms", "p99.9<900ms", "p99<250ms") }, 137, "250ms", ""},
		{"a loose goal: 0.7 × (980 − 750)/s × 2 s", func(_ *analyze.Capacity, p *limits.Policy) { p.Goal = goal(t, "p99<5s") }, 322, "backlog is gone within 2s", ""},
		{"half a second to recover", func(_ *analyze.Capacity, p *limits.Policy) {
			p.Goal, p.Recover = goal(t, "p99<5s"), 500*time.Millisecond
		}, 80, "within 500ms", ""},
		{"a collapsing target completes less", func(c *analyze.Capacity, p *limits.Policy) {
			c.Saturation.Value, p.Goal = 800, goal(t, "p99<250ms")
		}, 70, "at 50/s above the rate", ""},
		{"a measured tolerance below the arithmetic", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal, c.Burst = goal(t, "p99<250ms"), &analyze.Burst{Tolerated: 100, Repeats: 10, AtRate: 750}
		}, 70, "100 at once that the target bore", ""},
		{"a measured tolerance above it", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal, c.Burst = goal(t, "p99<250ms"), &analyze.Burst{Tolerated: 196, Repeats: 10, AtRate: 750}
		}, 137, "196 at once on top of 750/s were borne", ""},
		{"an experiment without a verdict counts as none", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal, c.Burst = goal(t, "p99<250ms"), &analyze.Burst{}
		}, 137, "", "burst-not-measured"},
		{"every burst was refused: 0.7 × half the smallest", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal, c.Burst = goal(t, "p99<250ms"), &analyze.Burst{Refused: 40, Repeats: 10, AtRate: 750}
		}, 14, "no smaller one was tried", "burst-untried"},
		{"every burst was refused, and half is more than arithmetic allows", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal, c.Burst = goal(t, "p99<250ms"), &analyze.Burst{Refused: 500, Repeats: 10, AtRate: 750}
		}, 137, "latency bound of 250ms", "burst-untried"},
		{"not even one at once was borne", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal, c.Burst = goal(t, "p99<250ms"), &analyze.Burst{Refused: 1, Repeats: 10, AtRate: 750}
		}, 1, "of the 0 at once that the target bore", "no-room"},
		{"borne on top of a lower rate, which says little of this one", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal, c.Burst = goal(t, "p99<250ms"), &analyze.Burst{Tolerated: 196, Repeats: 10, AtRate: 700}
		}, 137, "latency bound of 250ms", "burst-at-lower-rate"},
		{"refused on top of a lower rate, so surely on top of this one", func(c *analyze.Capacity, p *limits.Policy) {
			p.Goal, c.Burst = goal(t, "p99<250ms"), &analyze.Burst{Tolerated: 100, Refused: 140, Repeats: 10, AtRate: 700}
		}, 70, "on top of 700/s", "burst-at-lower-rate"},
		{"the goal is used up at the rate", func(_ *analyze.Capacity, p *limits.Policy) { p.Goal = goal(t, "p99<40ms") }, 1, "burst 1", "no-room"},
	} {
		c, p := service(), limits.Policy{}
		row.change(&c, &p)
		r, err := limits.Recommend(c, p)
		if err != nil {
			t.Errorf("%s: %v", row.says, err)
			continue
		}
		because := strings.Join(r.Because, "\n")
		if r.Burst != row.burst || !strings.Contains(because, row.reason) || !hasNote(r.Notes, row.note) {
			t.Errorf("%s: burst %d, want %d, %q among the reasons and note %q:\n%s\n%v", row.says, r.Burst, row.burst, row.reason, row.note, because, r.Notes)
		}
	}
}

func TestAGoalThatTheLightestLoadBreaksIsNoGroundForLimits(t *testing.T) {
	_, err := limits.Recommend(service(), limits.Policy{Goal: goal(t, "p99<15ms")})
	var undecided *limits.UndecidedError
	if !errors.As(err, &undecided) || !strings.Contains(err.Error(), "p99<15ms is broken at the lightest load") {
		t.Errorf("p99<15ms on a service of 20 ms: %v, want an UndecidedError that says so", err)
	}
}

func hasNote(notes []attack.Note, code string) bool {
	for _, n := range notes {
		if n.Code == code {
			return true
		}
	}
	return code == ""
}

func TestRecommendTellsTheWorst(t *testing.T) {
	r, err := limits.Recommend(service(), limits.Policy{Goal: goal(t, "p99<250ms")})
	if err != nil {
		t.Fatal(err)
	}
	// 50 ms + 137/980 s, and 137/(980−750) s.
	if math.Abs(r.WorstMS-189.8) > .1 || math.Abs(r.DrainS-137./230) > 1e-9 || r.GoalMS != 250 {
		t.Errorf("worst delay %v ms, drain %v s, goal %v ms, want 189.8, 0.596 and 250", r.WorstMS, r.DrainS, r.GoalMS)
	}
	if all := strings.Join(r.Because, "\n"); !strings.Contains(all, "at worst 887 requests are admitted in a second") || !strings.Contains(all, "90.5 % of the capacity; 0 of them") {
		t.Errorf("the worst second is missing from the reasons:\n%s", all)
	}
	seed := limits.Forecast(limits.Limit{Rate: 2000, Burst: 5000}, 2200, time.Second)[0]
	if seed.Most != 7000 || seed.Backlog != 4800 {
		t.Errorf("2,000/s and 5,000 at once on 2,200/s: %+v, want 7000 admitted in a second and 4800 waiting", seed)
	}
}

// The latency goal and the time to recover are kept by construction, whatever the capacity.
func TestRecommendedBurstKeepsTheGoal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := service()
		top := rapid.Float64Range(1, 1e5).Draw(t, "capacity")
		c.Estimate, c.Saturation = estimate(.97*top, top, 1.03*top), estimate(0, top*rapid.Float64Range(.7, 1.1).Draw(t, "saturated"), 0)
		c.Knee = estimate(0, top*rapid.Float64Range(.5, 1.1).Draw(t, "knee"), 0)
		base := rapid.Float64Range(1, 1000).Draw(t, "base")
		c.BaseP99MS, c.Points = base, []analyze.Point{point(top*.3, base*1.1), point(top*.7, base*2), point(top*.9, base*4)}
		r, err := limits.Recommend(c, limits.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Rate > c.Knee.Value || r.Rate > .8*.97*top || r.Burst < 1 {
			t.Fatalf("rate %v, burst %d above knee %v or margin %v", r.Rate, r.Burst, c.Knee.Value, .8*.97*top)
		}
		if r.Burst > 1 && (r.WorstMS > r.GoalMS+.001 || r.DrainS > 2) {
			t.Fatalf("burst %d at %v: worst delay %v ms of %v ms, drain %v s of 2 s", r.Burst, r.Rate, r.WorstMS, r.GoalMS, r.DrainS)
		}
	})
}

func TestNoRecommendationFromAnUndecidedCapacity(t *testing.T) {
	for _, row := range []struct {
		cause analyze.Cause
		fix   string
	}{
		{analyze.CauseLimiter, "behind the limiter"},
		{analyze.CauseGenerator, "; run find from a larger machine"},
		{analyze.CauseBudget, "--budget"},
		{analyze.CauseCeiling, "--max-rate"},
		{analyze.CauseHarm, "health"},
		{"", "--budget"},
	} {
		c := service()
		c.Cause, c.Why = row.cause, "it said so"
		_, err := limits.Recommend(c, limits.Policy{})
		var undecided *limits.UndecidedError
		if !errors.As(err, &undecided) || !strings.Contains(err.Error(), row.fix) || !strings.Contains(err.Error(), "it said so") {
			t.Errorf("cause %q: error %v, want an UndecidedError that names %q", row.cause, err, row.fix)
		}
	}
	c := service()
	c.Cause, c.Why = analyze.CauseCeiling, "the flight allowed, --max-inflight 64, is too small"
	if _, err := limits.Recommend(c, limits.Policy{}); err == nil || !strings.Contains(err.Error(), "raise --max-inflight") || strings.Contains(err.Error(), "--max-rate") {
		t.Errorf("a flight that was too small: %v, want the way out to be --max-inflight", err)
	}
	c = service()
	c.Notes = []attack.Note{{Code: analyze.LooksLimited, Text: "run find again with --throttled-status 503"}}
	var undecided *limits.UndecidedError
	if _, err := limits.Recommend(c, limits.Policy{}); !errors.As(err, &undecided) || !strings.Contains(err.Error(), "--throttled-status 503") {
		t.Errorf("a capacity that may be a limiter's: %v, want an UndecidedError with the way out", err)
	}
	all := 1.
	if _, err := limits.Recommend(service(), limits.Policy{Margin: &all}); err == nil || !strings.Contains(err.Error(), "100 %") {
		t.Errorf("a margin of 100 %%: %v, want it refused", err)
	}
	nearly := .9999
	c = service()
	c.Estimate = estimate(1e-9, 1e-9, 1e-9)
	if r, err := limits.Recommend(c, limits.Policy{Margin: &nearly}); err != nil && !strings.Contains(err.Error(), "--margin") {
		t.Errorf("almost no capacity: %+v, %v", r, err)
	}
}

func TestParseTier(t *testing.T) {
	for _, row := range []struct {
		in   string
		want limits.TierSpec
		err  string
	}{
		{"premium=60%", limits.TierSpec{Name: "premium", Share: .6}, ""},
		{"basic = 12.5% , 100k/day", limits.TierSpec{Name: "basic", Share: .125, Quota: 100_000, Period: "day"}, ""},
		{"basic=10%,1.5M/month", limits.TierSpec{Name: "basic", Share: .1, Quota: 1_500_000, Period: "month"}, ""},
		{"basic=10%,1_000/week", limits.TierSpec{Name: "basic", Share: .1, Quota: 1000, Period: "week"}, ""},
		{"basic", limits.TierSpec{}, "want name=share"},
		{"=10%", limits.TierSpec{}, "want name=share"},
		{"basic=0.6", limits.TierSpec{}, "needs a % sign"},
		{"basic=0%", limits.TierSpec{}, "admits nothing"},
		{"basic=110%", limits.TierSpec{}, "0% to 100%"},
		{"basic=10%,1000", limits.TierSpec{}, "day, week or month"},
		{"basic=10%,1000/year", limits.TierSpec{}, "day, week or month"},
		{"basic=10%,many/day", limits.TierSpec{}, "no number of requests"},
		{"basic=10%,0/day", limits.TierSpec{}, "no number of requests"},
	} {
		got, err := limits.ParseTier(row.in)
		if row.err == "" && (err != nil || got != row.want) {
			t.Errorf("ParseTier(%q) = %+v, %v, want %+v", row.in, got, err, row.want)
		}
		if row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err) || strings.Contains(err.Error(), "%!")) {
			t.Errorf("ParseTier(%q) = %v, want an error with %q", row.in, err, row.err)
		}
	}
}

func TestTiers(t *testing.T) {
	for _, row := range []struct {
		says  string
		tiers []string
		rates []float64
		burst []int
		note  string
		text  string
	}{
		{"shares that add up", []string{"premium=60%", "basic=40%"}, []float64{450, 300}, []int{82, 54}, "", ""},
		{"oversubscribed, with the worst case", []string{"premium=80%", "basic=60%"}, []float64{600, 450}, []int{109, 82}, "oversubscribed", "1050/s and 192 at once"},
		{"a rest for nobody", []string{"premium=60%"}, []float64{450}, []int{82}, "unassigned", "300/s"},
		{"a quota that cannot be used up", []string{"all=100%,100M/day"}, []float64{750}, []int{137}, "quota-idle", "64800000"},
		{"never less than one at once", []string{"tiny=0.5%", "rest=99.5%"}, []float64{3.75, 746}, []int{1, 136}, "", ""},
	} {
		p := limits.Policy{Goal: goal(t, "p99<250ms")}
		for _, s := range row.tiers {
			spec, err := limits.ParseTier(s)
			if err != nil {
				t.Fatal(err)
			}
			p.Tiers = append(p.Tiers, spec)
		}
		r, err := limits.Recommend(service(), p)
		if err != nil {
			t.Fatalf("%s: %v", row.says, err)
		}
		for i, s := range p.Tiers {
			if got := r.Tiers[s.Name]; got.Rate != row.rates[i] || got.Burst != row.burst[i] {
				t.Errorf("%s: tier %s %v and %d, want %v and %d", row.says, s.Name, got.Rate, got.Burst, row.rates[i], row.burst[i])
			}
		}
		text := ""
		for _, n := range r.Notes {
			text += n.Code + ": " + n.Text + "\n"
		}
		if !hasNote(r.Notes, row.note) || !strings.Contains(text, row.text) {
			t.Errorf("%s: notes want %q with %q:\n%s", row.says, row.note, row.text, text)
		}
	}
	twice := limits.Policy{Tiers: []limits.TierSpec{{Name: "a", Share: .5}, {Name: "a", Share: .5}}}
	if _, err := limits.Recommend(service(), twice); err == nil || !strings.Contains(err.Error(), "named twice") {
		t.Errorf("a tier named twice: %v, want it refused", err)
	}
	quota := limits.Policy{Margin: new(float64), Tiers: []limits.TierSpec{{Name: "std", Share: 1, Quota: 1_000_000, Period: "day"}}}
	c := service()
	c.Knee, c.Estimate = nil, estimate(500, 500, 500)
	r, err := limits.Recommend(c, quota)
	if all := strings.Join(r.Because, "\n"); err != nil || !strings.Contains(all, "11.6/s on average; at its full rate they are spent in 33m20s") {
		t.Errorf("a quota of a million a day at 500/s: %v, want 11.6/s and 33m20s:\n%s", err, all)
	}
}
