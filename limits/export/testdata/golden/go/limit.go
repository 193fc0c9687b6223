// Go middleware (golang.org/x/time/rate) for checkout: 1400/s, 700 at once from rest. Written by plimsoll
// export --to go.
// the form of this file is checked with go vet
// Why these numbers:
// - rate 1400/s: 20 % below the breaking load's lower bound of 1760/s
// - burst 700: 70 % of the 1000 at once that the target bore
// Mind:
// - no knee was measured, so the rate rests on the margin alone
// How this differs from a token bucket:
// - each gateway process counts for itself: N of them admit N times as much (--replicas N divides)
// - Retry-After is the true time to the next free place, in whole seconds, rounded up; who waits so long is
//   admitted if nobody else was faster
// - each key's bucket is kept for as long as it takes to fill, and at most MaxKeys of them: beyond, keys
//   share one bucket of their tier
// - the quotas of the tiers are not enforced: they would have to outlive the process
// Prove it: plimsoll verify URL --limit 1400/s --burst 700

// Package limit keeps the load of an http.Handler within its limits.
package limit

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Total is the limit over all requests.
var Total = Limit{Rate: 1400, Burst: 700}

// Tiers are the limits of each key in a tier.
var Tiers = map[string]Limit{
	"basic": {Rate: 350, Burst: 175},
	"gold":  {Rate: 700, Burst: 350},
}

// KeyHeader names the consumer.
const KeyHeader = "X-Api-Key"

// MaxKeys is the most keys that have a bucket of their own at once.
const MaxKeys = 100_000

// Limit is a token bucket: requests per second, and at once from rest.
type Limit struct {
	Rate  float64
	Burst int
}

// Handler refuses with 429 what is more than next should bear. Tier says which tier a key is in; what it does not know
// ("") has no limit but the one over all. Tier may be nil.
func Handler(next http.Handler, tier func(key string) string) http.Handler {
	total := rate.NewLimiter(rate.Limit(Total.Rate), Total.Burst)
	keys := &buckets{all: map[string]*bucket{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		var name, key string
		if tier != nil {
			key = r.Header.Get(KeyHeader)
			name = tier(key)
		}
		wait := time.Duration(0)
		if limit, ok := Tiers[name]; ok {
			wait = take(now, keys.of(now, name, key, limit), total)
		} else {
			wait = take(now, total)
		}
		if wait == 0 {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		http.Error(w, "too many requests", http.StatusTooManyRequests)
	})
}

// take takes a token from every bucket, or from none: then it is the time until all have one.
func take(now time.Time, from ...*rate.Limiter) (wait time.Duration) {
	var taken []*rate.Reservation
	for _, l := range from {
		r := l.ReserveN(now, 1)
		taken = append(taken, r)
		wait = max(wait, r.DelayFrom(now))
	}
	if wait > 0 {
		for _, r := range taken {
			r.CancelAt(now)
		}
	}
	return wait
}

type bucket struct {
	*rate.Limiter
	full time.Time // when it has filled up again, and may be forgotten
}

type buckets struct {
	sync.Mutex
	all   map[string]*bucket
	sweep time.Time // the next look for full ones
}

// of is the bucket of a key. Buckets that have filled up are forgotten: a new one is as full.
func (b *buckets) of(now time.Time, tier, key string, limit Limit) *rate.Limiter {
	b.Lock()
	defer b.Unlock()
	if now.After(b.sweep) {
		for id, old := range b.all {
			if now.After(old.full) {
				delete(b.all, id)
			}
		}
		b.sweep = now.Add(time.Second)
	}
	id := tier + "\x00" + key
	if b.all[id] == nil && len(b.all) >= MaxKeys {
		id = tier
	}
	if b.all[id] == nil {
		b.all[id] = &bucket{Limiter: rate.NewLimiter(rate.Limit(limit.Rate), limit.Burst)}
	}
	b.all[id].full = now.Add(time.Duration(float64(limit.Burst) / limit.Rate * float64(time.Second)))
	return b.all[id].Limiter
}
