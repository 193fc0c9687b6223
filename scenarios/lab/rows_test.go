package lab_test

import (
	"fmt"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/scenarios"
	"github.com/plimsoll-load/plimsoll/scenarios/lab"
)

// row is one throttle of the matrix, and what is declared of it.
type row struct {
	name     string
	throttle lab.GatewayConfig
	declared scenarios.Config
	catches  string  // the check that names the fault; empty for a limiter that is right
	whole    bool    // play the whole script, not the brief one
	tips     float64 // of the service behind
	quick    bool    // the service behind answers at once
}

// seeds are so many, or fewer where each takes long and there is a row with the brief script too.
func (r row) seeds(n uint64) uint64 {
	if r.whole && len(r.declared.Only) == 0 {
		return min(n, 5)
	}
	return n
}

// single is a throttle of one limit, before a service that bears four times as much.
func single(rate float64, burst int) row {
	return row{name: fmt.Sprintf("token bucket of %v/s and %d", rate, burst),
		throttle: lab.GatewayConfig{Default: lab.Tier{Limit: lab.Limit{Rate: rate, Burst: burst}}},
		declared: scenarios.Config{Limit: limits.Limit{Rate: rate, Burst: burst}, Unsafe: true, Backend: true}}
}

// with is a row that is changed.
func (r row) with(name string, change func(*row)) row {
	r.name = name
	change(&r)
	return r
}

// tiers of the house: what a gateway is given and what is declared are the same.
var tiers = []struct {
	name   string
	limit  lab.Limit
	quota  int64
	period time.Duration
}{{"gold", lab.Limit{Rate: 100, Burst: 50}, 0, 0}, {"thin", lab.Limit{Rate: 40, Burst: 10}, 0, 0}, {"guest", lab.Limit{Rate: 200, Burst: 30}, 200, time.Hour}}

// tenants is a throttle with keys of all kinds.
func tenants(rate float64, burst int) row {
	r := single(rate, burst)
	r.name = fmt.Sprintf("keys, tiers and a quota, %v/s and %d each", rate, burst)
	r.throttle.Tiers = map[string]lab.Tier{}
	r.declared.Carrier = scenarios.Carrier{Header: "X-Api-Key"}
	for _, t := range tiers {
		r.throttle.Tiers[t.name] = lab.Tier{Limit: t.limit, Quota: t.quota, Period: t.period}
		r.declared.Tiers = append(r.declared.Tiers, scenarios.Tier{Name: t.name, Limit: limits.Limit{Rate: t.limit.Rate, Burst: t.limit.Burst}, Quota: t.quota, Period: t.period})
	}
	for _, k := range []struct {
		name, tier string
		exempt     bool
	}{{"ann", "", false}, {"bob", "", false}, {"cid", "", false}, {"dan", "", false}, {"rich", "gold", false}, {"slim", "thin", false}, {"guest", "guest", false}, {"plimsoll", "", true}} {
		secret := k.name + "-s3cret"
		r.throttle.Keys = append(r.throttle.Keys, lab.Key{Secret: secret, Tier: k.tier, Exempt: k.exempt})
		id := r.declared.Carrier.Identity(k.name, attack.Secret(secret))
		id.Tier = k.tier
		r.declared.Keys = append(r.declared.Keys, scenarios.Key{Identity: id, Exempt: k.exempt})
	}
	r.declared.Identity = r.declared.Keys[0].Identity
	return r
}

// staged is one whose keys share a limit.
func staged(rate float64, burst int) row {
	r := tenants(rate, burst)
	r.name = fmt.Sprintf("keys that share 360/s, %v/s and %d each", rate, burst)
	r.throttle.Stage, r.declared.Stage = lab.Limit{Rate: 360, Burst: 120}, limits.Limit{Rate: 360, Burst: 120}
	for i, t := range r.declared.Tiers[:2] { // together they may ask for more than all may
		t.Rate = []float64{280, 180}[i]
		r.declared.Tiers[i] = t
		r.throttle.Tiers[t.Name] = lab.Tier{Limit: lab.Limit{Rate: t.Rate, Burst: t.Burst}}
	}
	return r
}

// spread is one of four instances.
func spread(rate float64, burst int) row {
	r := single(rate, burst)
	r.name = "four instances that share a bucket"
	r.throttle.Instances = 4
	for k := range 4 {
		r.declared.Instances = append(r.declared.Instances, fmt.Sprintf("http://%d.lab", k))
	}
	return r
}

// windowed is one of 100 in half a second.
func windowed(a lab.Algorithm, declared scenarios.Algorithm) row {
	r := single(200, 100)
	r.name = string(a) + " of 100 in 500 ms"
	r.throttle.Algorithm, r.throttle.Window = a, 500*time.Millisecond
	r.declared.Algorithm, r.declared.Window = declared, 500*time.Millisecond
	return r
}

// banned makes a throttle ban whomever it refuses.
func banned(r *row) { r.throttle.Ban, r.declared.Ban = time.Second, time.Second }

// banning is one that does, and says so.
func banning(rate float64, burst int) row {
	return single(rate, burst).with(fmt.Sprintf("%v/s and %d, and a ban of a second", rate, burst), banned)
}

// places is one of so many in flight.
func places(n int) row {
	return single(float64(n), n).with(fmt.Sprintf("%d in flight", n), func(r *row) {
		r.throttle.Algorithm, r.declared.Algorithm = lab.Concurrency, scenarios.Concurrency
	})
}

// settings are the rows that a fault needs to be seen; every other fault is planted in a single bucket.
var settings = map[string]func() row{
	"shared-bucket": house, "unknown-key-spends": house, "unknown-key-enters": house, "exempt-limited": house, "exempt-made-up": house,
	"quota-off-by-one": inFull(house), "quota-doubled": inFull(house), "quota-retry-short": inFull(house), "tiers-swapped": inFull(house),
	"quota-forbidden": inFull(house),
	"quota-unmarked": func() row {
		return inFull(house)().with("", func(r *row) { r.throttle.RetryAfter, r.declared.NoRetryAfter = lab.Silent, true })
	},
	"unfair": common, "stage-starves": inFull(common), "stage-open": inFull(common),
	"unshared-instances": func() row { return spread(200, 40) },
	"ban-short":          func() row { return banning(200, 40) },
	"ban-long":           func() row { return banning(200, 40) },
	"ban-never":          func() row { return banning(200, 40) },
	"ban-everyone":       func() row { return tenants(200, 40).with("", banned) },
	"places-leak":        func() row { return places(20) },
	"window-fixed":       func() row { return windowed(lab.SlidingLog, scenarios.SlidingWindow) },
	"metastable":         inFull(bucket),
	"burst-half":         inFull(bucket), "truncates": inFull(bucket), "slow-refusals": inFull(bucket), "counts-refusals": inFull(bucket),
	"per-connection": func() row { r := single(20, 10); r.whole = true; return r }, // a whole script asks one connection until it is refused, which a low rate does
}

func house() row  { return tenants(200, 40) }
func common() row { return staged(120, 40) }
func bucket() row { return single(200, 40) }

// inFull is a row that plays the whole script.
func inFull(of func() row) func() row {
	return func() row {
		r := of()
		return r.with(r.name+", the whole script", func(r *row) { r.whole = true })
	}
}

// faulty are the rows of all faults.
func faulty() (rows []row) {
	for _, f := range lab.Faults() {
		setting, special := settings[f.Name]
		if !special {
			setting = bucket
		}
		rows = append(rows, setting().with(f.Name, func(r *row) { r.throttle.Fault, r.catches = f.Name, f.Check }))
	}
	return rows
}

// right are limiters that keep their word.
func right() (rows []row) {
	rows = append(rows, single(200, 40), single(50, 10), single(600, 200), tenants(200, 40), staged(120, 40), spread(200, 40),
		windowed(lab.FixedWindow, scenarios.FixedWindow), windowed(lab.FirstHitWindow, scenarios.FixedWindow), windowed(lab.SlidingLog, scenarios.SlidingWindow),
		windowed(lab.SlidingCounter, scenarios.SlidingWindow).with("sliding-counter of 100 in 500 ms", func(r *row) { r.declared.Profile = scenarios.Window }),
		single(200, 40).with("gcra of 200/s and 40", func(r *row) { r.throttle.Algorithm = lab.GCRA }),
		single(200, 40).with("leaky queue of 200/s and 40", func(r *row) { r.throttle.Algorithm, r.declared.Algorithm = lab.LeakyQueue, scenarios.LeakyQueue }),
		single(200, 40).with("503 and no Retry-After, as declared", func(r *row) {
			r.throttle.Refusal, r.throttle.RetryAfter, r.throttle.Headers = 503, lab.Silent, lab.NoHeaders
			r.declared.Refusal, r.declared.NoRetryAfter = 503, true
		}))
	rows = append(rows, banning(200, 40), banning(200, 40).with("a ban that asking on renews", func(r *row) { r.throttle.BanRenews = true }),
		tenants(200, 40).with("keys, tiers and a quota, and a ban of a second", banned), staged(120, 40).with("keys that share 360/s, and a ban of a second", banned))
	rows = append(rows, windowed(lab.SlidingCounter, "").with("sliding-counter of 100 in 500 ms, declared as a bucket that is a window", func(r *row) {
		r.declared.Window, r.declared.Profile = 0, scenarios.Window
	}))
	rows = append(rows, places(20), places(3))
	for _, d := range lab.Dialects {
		rows = append(rows, single(200, 40).with("headers "+string(d), func(r *row) { r.throttle.Headers = d }))
	}
	for _, of := range []func() row{bucket, house, func() row { return banning(200, 40) }, func() row { return windowed(lab.SlidingLog, scenarios.SlidingWindow) }} {
		rows = append(rows, inFull(of)())
	}
	return append(rows, single(200, 40).with("Retry-After as a date", func(r *row) { r.throttle.RetryAfter = lab.Date }))
}
