package scenarios_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// apiKey is where consumers' keys stand in these tests.
var apiKey = scenarios.Carrier{Header: "X-Api-Key"}

// keyed is a config that knows keys: of no tier, of the tier before a slash, or exempt with a !.
func keyed(conf scenarios.Config, names ...string) scenarios.Config {
	conf.Carrier = apiKey
	for _, name := range names {
		key, exempt := strings.CutPrefix(name, "!")
		tier, _, has := strings.Cut(key, "/")
		id := apiKey.Identity(key, attack.Secret("s-"+key))
		if has {
			id.Tier = tier
		}
		conf.Keys = append(conf.Keys, scenarios.Key{Identity: id, Exempt: exempt})
	}
	if who, limit, ok := scenarios.Main(conf.Keys, conf.Tiers); ok {
		conf.Identity = who
		if !limit.IsZero() {
			conf.Limit = limit
		}
	}
	return conf
}

// perKey is a correct gateway with a limiter for each key.
func perKey(rate float64, of func(key string) taker) sim.Target {
	t := roomy(nil, rate)
	t.Limiter = sim.PerKey(func(key string) sim.Limiter {
		if l := of(key); l != nil {
			return limiter(l)
		}
		return sim.LimiterFunc(func(time.Duration, string) (bool, time.Duration) { return true, 0 })
	})
	return t
}

// buckets gives each key a bucket, and none to the exempt one.
func buckets(rate float64, burst int) sim.Target {
	return perKey(rate, func(key string) taker {
		if key == "s-internal" {
			return nil
		}
		return model.NewBucket(rate, burst)
	})
}

// knowing turns keys away that begin with no s-.
func knowing(t sim.Target) sim.Target {
	inner := t.Limiter
	t.Limiter = sim.LimiterFunc(func(at time.Duration, key string) (bool, time.Duration) {
		if !strings.HasPrefix(key, "s-") {
			return true, 0
		}
		return inner.Take(at, key)
	})
	t.Respond = func(c sim.Call, a sim.Answer) sim.Answer {
		if !strings.HasPrefix(c.Key, "s-") {
			return sim.Answer{At: c.At + time.Millisecond, Status: 401}
		}
		return a
	}
	return t
}

// shared puts a limit of all keys together behind the keys' own.
func shared(t sim.Target, rate float64, burst int) sim.Target {
	inner, all := t.Limiter, model.NewBucket(rate, burst)
	t.Limiter = sim.LimiterFunc(func(at time.Duration, key string) (bool, time.Duration) {
		if ok, wait := inner.Take(at, key); !ok || key == "s-internal" {
			return ok, wait
		}
		return all.Take(at)
	})
	return t
}

// unfair is a common limit that one key gets nothing of.
func unfair(rate float64, burst int) sim.Target {
	t := shared(buckets(rate, burst), rate, burst)
	inner, n := t.Limiter, 0
	t.Limiter = sim.LimiterFunc(func(at time.Duration, key string) (bool, time.Duration) {
		if n++; key == "s-d" && n%10 != 0 {
			return false, time.Second
		}
		return inner.Take(at, key)
	})
	return t
}

type tenantFault struct {
	fault string
	conf  scenarios.Config
	make  func() sim.Target
	fails string
	too   string
	says  string
}

func tenantConfig() scenarios.Config { return keyed(config(r, c), "a", "b", "c", "d", "!internal") }

var tenantFaults = []tenantFault{
	{fault: "all keys share one bucket", conf: tenantConfig(), make: func() sim.Target { return knowing(roomy(model.NewBucket(r, c), r)) },
		fails: "V16", too: "V18", says: "the limit is not kept for each key"},
	{fault: "the exempt key is limited", conf: tenantConfig(), make: func() sim.Target { return knowing(perKey(r, func(string) taker { return model.NewBucket(r, c) })) },
		fails: "V18", says: "declared exempt is limited"},
	{fault: "a made-up key is exempt", conf: tenantConfig(), make: func() sim.Target {
		return perKey(r, func(key string) taker {
			if !strings.HasPrefix(key, "s-") || key == "s-internal" {
				return nil
			}
			return model.NewBucket(r, c)
		})
	}, fails: "V18 V19", says: "passes for an exempt one"},
	{fault: "strangers are let in, each with a bucket", conf: tenantConfig(), make: func() sim.Target { return buckets(r, c) }, fails: "V19", says: "is let in"},
	{fault: "strangers spend the common bucket", conf: tenantConfig(), make: func() sim.Target {
		t := knowing(buckets(r, c))
		inner := t.Limiter
		t.Limiter = sim.LimiterFunc(func(at time.Duration, key string) (bool, time.Duration) {
			if !strings.HasPrefix(key, "s-") {
				for _, known := range []string{"s-a", "s-b", "s-c", "s-d"} {
					inner.Take(at, known)
				}
			}
			return inner.Take(at, key)
		})
		return t
	}, fails: "V19", says: "wrong keys cost the right one its limit"},
	{fault: "strangers are refused with 429", conf: tenantConfig(), make: func() sim.Target {
		t := buckets(r, c)
		t.Respond = func(k sim.Call, a sim.Answer) sim.Answer {
			if !strings.HasPrefix(k.Key, "s-") {
				a.Status = 429
			}
			return a
		}
		return t
	}, fails: "V19", says: "gets 429"},
	{fault: "one of four equal keys gets little of the common limit", conf: staged(tenantConfig(), r, c), make: func() sim.Target { return knowing(unfair(r, c)) },
		fails: "V17", says: "one of 4 equal consumers gets"},
}

func staged(conf scenarios.Config, rate float64, burst int) scenarios.Config {
	conf.Stage = limits.Limit{Rate: rate, Burst: burst}
	return conf
}

func TestWhatConsumersDoToOneAnother(t *testing.T) {
	long(t)
	for _, row := range tenantFaults {
		for _, short := range []bool{true, false} {
			conf := row.conf
			conf.Brief = short
			if conf.Only = []string{"V17"}; conf.Stage.IsZero() {
				conf.Only = []string{"V16", "V18", "V19"}
			}
			_, vs := play(t, conf, row.make())
			if got := by(vs, scenarios.Fail); !between(got, row.fails, row.too) || !strings.Contains(whys(vs), row.says) {
				t.Errorf("%s, brief %v: fails %q, want %q (and perhaps %q) and %q\n%s", row.fault, short, got, row.fails, row.too, row.says, tell(vs))
			}
		}
	}
}

// A gateway that keeps what it says of keys passes everything, the storms of the catalogue included.
func TestACorrectGatewayOfManyKeysPasses(t *testing.T) {
	long(t)
	for _, row := range []struct {
		says string
		conf scenarios.Config
		make func() sim.Target
		pass string
	}{
		{"keys", tenantConfig(), func() sim.Target { return knowing(buckets(r, c)) }, "V16 V18 V19"},
		{"keys and a stage limit", staged(tenantConfig(), 1.7*r, 2*c), func() sim.Target { return knowing(shared(buckets(r, c), 1.7*r, 2*c)) }, "V16 V17"},
		{"invented keys", keyed(config(r, c)), func() sim.Target { return buckets(r, c) }, "V16"},
		{"slow", keyed(config(5, 10), "a", "b", "!internal"), func() sim.Target { return knowing(buckets(5, 10)) }, "V16 V18 V19"},
	} {
		for seed := range seeds(3) {
			for _, short := range []bool{true, false} {
				conf := row.conf
				conf.Seed, conf.Brief = seed+1, short
				done, vs := play(t, conf, row.make())
				fails, unsure, passes := by(vs, scenarios.Fail), by(vs, scenarios.Inconclusive), by(vs, scenarios.Pass)
				if row.conf.Stage.IsZero() && fails+unsure != "" || fails != "" || !between(passes, row.pass, passes) {
					t.Errorf("%s, seed %d, brief %v: fails %q, inconclusive %q, passes %q, want none and %q\n%s", row.says, conf.Seed, short, fails, unsure, passes, row.pass, tell(vs))
				}
				if len(done) == 0 {
					t.Errorf("%s: nothing was sent", row.says)
				}
			}
		}
	}
}

// Where keys have limits of their own, the storms need no silence: each is sent as somebody new.
func TestKeysThatWereNotUsedSaveSilence(t *testing.T) {
	silence := func(conf scenarios.Config, target sim.Target) (sum time.Duration, names map[string]bool) {
		done, _ := play(t, conf, target)
		names = map[string]bool{}
		for _, m := range done {
			if m.Trial.Phase != scenarios.PhasePrefix+"greed" {
				sum += m.Trial.Idle
			}
			for _, a := range m.Trial.Actors {
				names[a.Identity.Name] = true
			}
		}
		return sum, names
	}
	conf := keyed(config(50, 100))
	conf.Skip = nil
	with, names := silence(conf, buckets(50, 100))
	without, _ := silence(config(50, 100), buckets(50, 100))
	if with != 0 || without < 8*time.Second || len(names) < 5 {
		t.Errorf("%v of silence with invented keys and %v without, as %d consumers; want none, and at least 8s", with, without, len(names))
	}
	if together, _ := silence(conf, roomy(model.NewBucket(50, 100), 50)); together < 8*time.Second {
		t.Errorf("%v of silence where keys share a bucket, want that which fills it", together)
	}
}

func TestNoSecretOfAKeyIsShown(t *testing.T) {
	_, vs := play(t, tenantConfig(), knowing(buckets(r, c)))
	if text := fmt.Sprintf("%+v", vs) + tell(vs); strings.Contains(text, "s-a") || strings.Contains(text, "plimsoll-") {
		t.Errorf("a key is told: %s", text)
	}
}

func TestWhatWasNotDeclaredIsNotAsked(t *testing.T) {
	conf := config(r, c)
	conf.Only = []string{"tenant-greed"}
	if _, err := scenarios.New(conf); err == nil || !strings.Contains(err.Error(), "needs several keys") {
		t.Errorf("tenant-greed without keys: %v, want what it needs", err)
	}
	_, vs := play(t, config(r, c), roomy(model.NewBucket(r, c), r))
	for _, v := range vs {
		if strings.Contains("tenant-greed exempt-key wrong-key tier-ladder quota-drain instances", v.Scenario) {
			t.Errorf("%s is asked although nothing was declared", v.Scenario)
		}
	}
}

// Those without a right are marked: what they get is no failure of the service, and no right key is marked so.
func TestThoseWithoutARightAreMarked(t *testing.T) {
	conf := tenantConfig()
	conf.Only = []string{"wrong-key", "exempt-key"}
	done, _ := play(t, conf, knowing(buckets(r, c)))
	marked := map[string]bool{}
	for _, m := range done {
		for _, a := range m.Trial.Actors {
			marked[a.Name] = len(a.TurnedAway) > 0
		}
	}
	for name, want := range map[string]bool{"wrong key": true, "no key": true, "made-up": true, "right key": false, "exempt": false} {
		if got, sent := marked[name]; !sent || got != want {
			t.Errorf("%s was sent %v and marked %v, want %v", name, sent, got, want)
		}
	}
}
