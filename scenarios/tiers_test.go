package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

func tierOf(name string, rate float64, burst int) scenarios.Tier {
	return scenarios.Tier{Name: name, Limit: limits.Limit{Rate: rate, Burst: burst}}
}

// tiered knows two tiers and a key or two of each.
func tiered() scenarios.Config {
	conf := config(400, 60)
	conf.Tiers = []scenarios.Tier{tierOf("gold", 400, 60), tierOf("free", 100, 20)}
	return keyed(conf, "gold/a", "gold/b", "free/a")
}

// byTier gives each key the bucket of its tier.
func byTier(gold, free limits.Limit) sim.Target {
	return perKey(400, func(key string) taker {
		if strings.HasPrefix(key, "s-gold") {
			return model.NewBucket(gold.Rate, gold.Burst)
		}
		return model.NewBucket(free.Rate, free.Burst)
	})
}

var gold, free = limits.Limit{Rate: 400, Burst: 60}, limits.Limit{Rate: 100, Burst: 20}

func TestTiers(t *testing.T) {
	long(t)
	stage := func(conf scenarios.Config, rate float64) scenarios.Config { return staged(conf, rate, 80) }
	for _, row := range []struct {
		says  string
		conf  scenarios.Config
		make  func() sim.Target
		fails bool
		why   string
	}{
		{"as declared", tiered(), func() sim.Target { return knowing(byTier(gold, free)) }, false, ""},
		{"and a stage limit for all", stage(tiered(), 420), func() sim.Target { return knowing(shared(byTier(gold, free), 420, 80)) }, false, ""},
		{"tiers are swapped", tiered(), func() sim.Target { return knowing(byTier(free, gold)) }, true, "it has the limit of tier free"},
		{"free gets a burst too large", tiered(), func() sim.Target { return knowing(byTier(gold, limits.Limit{Rate: 100, Burst: 40})) }, true, "tier free: its burst is larger than 20"},
		{"free gets too little", tiered(), func() sim.Target { return knowing(byTier(gold, limits.Limit{Rate: 80, Burst: 20})) }, true, "tier free: it gets less"},
		{"the stage limit is not kept", stage(tiered(), 400), func() sim.Target { return knowing(byTier(gold, free)) }, true, "together get in more"},
		{"the stage limit starves a tier", stage(tiered(), 400), func() sim.Target {
			t, all := knowing(byTier(gold, free)), model.NewBucket(400, 80)
			inner := t.Limiter
			t.Limiter = sim.LimiterFunc(func(at time.Duration, key string) (bool, time.Duration) {
				if ok, wait := inner.Take(at, key); !ok {
					return false, wait
				}
				if strings.HasPrefix(key, "s-free") && all.TokensAt(at) < 10 {
					return false, time.Second
				}
				return all.Take(at)
			})
			return t
		}, true, "starves tier free"},
	} {
		for _, short := range []bool{true, false} {
			conf := row.conf
			conf.Brief, conf.Only = short, []string{"V23"}
			_, vs := play(t, conf, row.make())
			want := scenarios.Pass
			if row.fails {
				want = scenarios.Fail
			}
			if got := scenarios.Overall(vs); got != want || !strings.Contains(whys(vs), row.why) {
				t.Errorf("%s, brief %v: %s, want %s and %q\n%s", row.says, short, got, want, row.why, tell(vs))
			}
		}
	}
}

// A crowd that takes some milliseconds to be decided on mixes with the even load behind it, of which a gateway of several
// workers lets some in before the crowd's last. That accuses no burst as declared, and hides none that is smaller.
func TestTiersOfACrowdOnItsWay(t *testing.T) {
	conf := config(400, 60)
	conf.Tiers = []scenarios.Tier{tierOf("basic", 129, 38)}
	conf = keyed(conf, "basic/a")
	conf.Only = []string{"V23"}
	for _, row := range []struct {
		holds int
		want  scenarios.Outcome
		why   string
	}{{38, scenarios.Pass, ""}, {34, scenarios.Fail, "tier basic: its burst is smaller than 38"}} {
		target := knowing(perKey(400, func(string) taker { return model.NewBucket(129, row.holds) }))
		target.Uplink = 12 * time.Millisecond
		done, _ := play(t, conf, target)
		for i := range done {
			overtaken(done[i].Log, row.holds-2, 3)
		}
		s, err := scenarios.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		vs := s.Verdicts(done)
		if got := scenarios.Overall(vs); got != row.want || !strings.Contains(whys(vs), row.why) {
			t.Errorf("burst %d: %s, want %s and %q\n%s", row.holds, got, row.want, row.why, tell(vs))
		}
	}
}

// overtaken has only so many of the crowd let in, and so many of the first behind it.
func overtaken(log []attack.Attempt, crowd, behind int) {
	for i := range log {
		left := &behind
		if log[i].Due == 0 {
			left = &crowd
		}
		if *left > 0 {
			*left--
			log[i].Outcome, log[i].Status = attack.OK, 200
		} else if left == &crowd {
			log[i].Outcome, log[i].Status = attack.Throttled, 429
		}
	}
}

// spending is a gateway whose keys of the tier test have a quota.
func spending(quota int, told func(at time.Duration) time.Duration) sim.Target {
	used := 0
	t := knowing(buckets(400, 60))
	inner := t.Limiter
	t.Limiter = sim.LimiterFunc(func(at time.Duration, key string) (bool, time.Duration) {
		if key != "s-test/q" {
			return inner.Take(at, key)
		}
		if used >= quota {
			return false, told(at)
		}
		ok, wait := inner.Take(at, key)
		if ok {
			used++
		}
		return ok, wait
	})
	return t
}

func TestQuotas(t *testing.T) {
	long(t)
	hour := func(at time.Duration) time.Duration { return time.Hour - at }
	for _, row := range []struct {
		says  string
		quota int
		told  func(time.Duration) time.Duration
		want  scenarios.Outcome
		why   string
	}{
		{"exactly", 500, hour, scenarios.Pass, ""},
		{"one too many", 501, hour, scenarios.Fail, "1 more than the quota"},
		{"none at all", 1 << 30, hour, scenarios.Fail, "is not kept"},
		{"one fewer", 499, hour, scenarios.Inconclusive, "1 fewer than the quota"},
		{"spent before", 0, hour, scenarios.Inconclusive, "used up before"},
		{"the wait of the rate is told", 500, func(time.Duration) time.Duration { return time.Millisecond }, scenarios.Fail, "come back in vain"},
		{"a wait beyond the period", 500, func(time.Duration) time.Duration { return 30 * time.Hour }, scenarios.Fail, "longer than the period"},
		{"no wait is told", 500, func(time.Duration) time.Duration { return -1 }, scenarios.Fail, "no refusal tells"},
	} {
		for _, short := range []bool{true, false} {
			conf := config(400, 60)
			conf.Tiers = []scenarios.Tier{{Name: "test", Limit: gold, Quota: 500, Period: time.Hour}}
			conf = keyed(conf, "a", "b", "test/q")
			conf.Brief, conf.Only = short, []string{"quota-drain"}
			_, vs := play(t, conf, spending(row.quota, row.told))
			if k := vs[0].Checks[0]; k.Outcome != row.want || !strings.Contains(k.Why, row.why) {
				t.Errorf("%s, brief %v: %+v, want %s and %q", row.says, short, k, row.want, row.why)
			}
		}
	}
	conf := config(400, 60)
	conf.Tiers = []scenarios.Tier{{Name: "test", Limit: gold, Quota: 1_000_000, Period: time.Hour}}
	conf = keyed(conf, "a", "b", "test/q")
	conf.Only = []string{"quota-drain"}
	if _, vs := play(t, conf, spending(1_000_000, hour)); len(vs) == 0 || vs[0].Outcome != scenarios.Inconclusive {
		t.Errorf("a quota too large to be counted: %v, want it said", vs)
	}
	conf = config(400, 60)
	conf.Tiers = []scenarios.Tier{{Name: "test", Limit: gold, Quota: 500, Period: time.Hour}}
	if err := keyed(conf, "test/q").Validate(); err == nil || !strings.Contains(err.Error(), "use up the quota") {
		t.Errorf("storms as a key with a small quota: %v, want an error", err)
	}
}
