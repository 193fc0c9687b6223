package analyze_test

import (
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/attack/sim/population"
)

// Promises about every run: they are held on a sample at each change, and on all services where PLIMSOLL_RIVALS is set.
func promised(t *testing.T, are func(population.Service) bool) []population.Service {
	t.Helper()
	many(t)
	t.Parallel()
	all := known(population.Judging)
	return slices.DeleteFunc(all, func(s population.Service) bool {
		return !are(s) || os.Getenv("PLIMSOLL_RIVALS") == "" && (s.N%5 > 1 || s.Truth.Break > 600)
	})
}

// each has a plan search services and hands out what was found.
func each(p analyze.Plan, services []population.Service, spoil func(population.Service, *sim.Runner), judge func(finding)) {
	found := contest(contender{find: func(s population.Service) finding {
		r := s.Runner(2)
		if spoil != nil {
			spoil(s, r)
		}
		return seek(p, s, r)
	}}, services)
	for _, f := range found {
		judge(f)
	}
}

// A search allowed less overload than usual keeps to that too, by its own count: a load that passed before may turn out to
// be more than the service bears, and then all the time at it counts.
func TestNoSearchOverloadsForLongerThanItMay(t *testing.T) {
	services := promised(t, func(population.Service) bool { return true })
	for _, most := range []float64{15, 30} {
		var over sample
		some := 0
		each(analyze.Plan{MaxOverloadSeconds: most, Budget: 5 * time.Minute}, services, nil, func(f finding) {
			sec := max(f.over, f.ours.OverloadSeconds)
			if over = append(over, sec); sec > most*(1+1e-6) {
				t.Errorf("%v: overloaded for %.1fs, %.0fs were declared (%s)", f.s, sec, most, f.ours.Why)
			}
			if f.ours.Estimate != nil || f.ours.Limiter != nil {
				some++
			}
		})
		t.Logf("%d services, %.0fs allowed: overloaded for %s s, at most %.1f s; %d were measured all the same", len(services), most, pair(over, 1, 1), over.at(1), some)
		if 4*some < 3*len(services) {
			t.Errorf("%d of %d services were measured within %.0fs of overload, want three quarters", some, len(services), most)
		}
	}
}

// A generator that manages between a fifth and nine tenths of what the service bears is named as the cause.
func TestAStarvedGeneratorIsNamed(t *testing.T) {
	services := promised(t, func(s population.Service) bool { return s.Truth.Break > 40 })
	starve := func(s population.Service, r *sim.Runner) { r.Ceiling = s.Truth.Break * (.2 + .7*float64(s.N%8)/7) }
	each(analyze.Plan{}, services, starve, func(f finding) {
		if c := f.ours; c.Cause != analyze.CauseGenerator || c.Decided() {
			t.Errorf("%v, generator of %.0f/s: cause %s (%s), want generator", f.s, f.s.Truth.Break*(.2+.7*float64(f.s.N%8)/7), c.Cause, c.Why)
		}
	})
	if len(services) < 10 {
		t.Errorf("%d services are too few", len(services))
	}
}

// A limiter in front is named as the cause, with its rate within 3 %.
func TestALimiterInFrontIsNamed(t *testing.T) {
	services := promised(t, func(s population.Service) bool { return s.Truth.Limit > 20 })
	var off sample
	each(analyze.Plan{}, services, nil, func(f finding) {
		if f.ours.Cause != analyze.CauseLimiter || f.ours.Limiter == nil || f.ours.Mode != analyze.ModeLimited {
			t.Errorf("%v: cause %s, mode %s (%s), want limiter", f.s, f.ours.Cause, f.ours.Mode, f.ours.Why)
			return
		}
		miss := math.Abs(f.ours.Limiter.Value/f.s.Truth.Limit - 1)
		if off = append(off, miss); miss > .03 {
			t.Errorf("%v: admits %.1f/s, said to admit %.1f/s: %.1f %% off, want 3 %% at most", f.s, f.s.Truth.Limit, f.ours.Limiter.Value, 100*miss)
		}
	})
	t.Logf("%d limiters: rate off by %s %%, at most %.1f %%", len(off), pair(off, 100, 2), 100*off.at(1))
	if len(services) < 2 {
		t.Errorf("%d services are too few", len(services))
	}
}

// No search overloads for longer than was declared, or has more fail, or goes far beyond what the service bears; and nearly
// all take about as long as their plan says.
func TestNoSearchDoesMoreHarmThanDeclared(t *testing.T) {
	services := promised(t, func(population.Service) bool { return true })
	var over, above, failed, excess, long, sent sample
	ended := 0
	each(analyze.Plan{}, services, nil, func(f finding) {
		c := f.ours
		if c.Cause == analyze.CauseHarm {
			ended++
		}
		over, above, excess = append(over, f.over), append(above, f.above), append(excess, f.excess)
		if most := analyze.DefaultMaxOverload; max(f.over, c.OverloadSeconds) > most*(1+1e-6) {
			t.Errorf("%v: overloaded for %.1fs, by its own count %.1fs; %.0fs were declared", f.s, f.over, c.OverloadSeconds, most)
		}
		good := 0.
		if c.Sustained != nil {
			good = c.Sustained.Value
		}
		may := max(100, analyze.DefaultMaxFailed*good*analyze.DefaultBudget.Seconds())
		failed = append(failed, f.failed/may)
		if good > 0 && f.failed > 1.1*may {
			t.Errorf("%v: %.0f requests failed, %.0f were declared", f.s, f.failed, may)
		}
		if told := f.planned(); !f.s.Kind.Limits() { // which no plan can know, and which ends a search sooner
			long, sent = append(long, f.seconds/told.Seconds), append(sent, float64(c.Requests)/float64(told.Requests))
		}
		if peak := f.peak * f.s.Truth.Break / max(f.s.Truth.Break, f.s.Truth.Later); peak > 3 && !f.s.Kind.Limits() {
			t.Errorf("%v: offered %.1f times what it bears, want no more than twice the last good load", f.s, peak)
		}
	})
	t.Logf("%d services: overloaded for %s s, at most %.0f s; above the true capacity for %s s, at most %.0f s; excess %s s of capacity; failed %s of what is allowed, at most %.2f",
		len(services), pair(over, 1, 1), over.at(1), pair(above, 1, 1), above.at(1), pair(excess, 1, 1), pair(failed, 1, 2), failed.at(1))
	if t.Logf("%d ended for the harm they did", ended); 50*ended > len(services) {
		t.Errorf("%d of %d searches ended for the harm they did before a load was confirmed, want 2 %% at most", ended, len(services))
	}
	t.Logf("within × 1.5 of what --plan says: seconds %.0f %%, at most × %.1f; requests %.0f %%, at most × %.1f", 100*long.within(1.5), long.at(1), 100*sent.within(1.5), sent.at(1))
	if long.within(1.5) < .9 || sent.within(1.5) < .9 {
		t.Errorf("the seconds of %.0f %% and the requests of %.0f %% are within × 1.5 of what --plan says, want 90 %% of each", 100*long.within(1.5), 100*sent.within(1.5))
	}
	if len(services) < 15 {
		t.Errorf("%d services are too few", len(services))
	}
}
