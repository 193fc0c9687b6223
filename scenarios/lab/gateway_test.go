package lab

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
	"pgregory.net/rapid"
)

// counter is a backend that answers at once and counts.
type counter struct{ atomic.Int64 }

func (c *counter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.Add(1)
	answer(w, 200, `{"message":"served"}`)
}

func gateway(t rapid.TB, c GatewayConfig, next http.Handler) *Gateway {
	t.Helper()
	g, err := NewGateway(c, next)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// one is a gateway with one limit for each key.
func one(perSecond float64, burst int) GatewayConfig {
	return GatewayConfig{Default: Tier{Limit: Limit{perSecond, burst}}}
}

// told is the Retry-After of an answer as a duration.
func told(t rapid.TB, w *httptest.ResponseRecorder) time.Duration {
	t.Helper()
	s, err := strconv.Atoi(w.Header().Get("Retry-After"))
	if err != nil || s < 1 {
		t.Fatalf("Retry-After %q, want seconds, at least 1", w.Header().Get("Retry-After"))
	}
	return time.Duration(s) * time.Second
}

func TestGatewayAdmitsWhatTimeRateDoesAndNeverMoreThanTheEnvelope(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := Limit{rapid.Float64Range(0.1, 3000).Draw(rt, "rate"), rapid.IntRange(1, 200).Draw(rt, "burst")}
		gaps := rapid.SliceOfN(rapid.Float64Range(0, 3), 150, 400).Draw(rt, "gaps, in 1/rate")
		var wrong string
		synctest.Test(t, func(*testing.T) {
			wrong = departure(gateway(rt, one(limit.Rate, limit.Burst), &counter{}), limit, gaps)
		})
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// departure says how a gateway departs from x/time/rate, from burst + rate·t in any window, or from counting right.
func departure(g *Gateway, limit Limit, gaps []float64) string {
	twin, began := rate.NewLimiter(rate.Limit(limit.Rate), limit.Burst), time.Now()
	admissions, least := 0, math.Inf(1) // least of i − rate·tᵢ over the admissions i so far
	for _, gap := range gaps {
		time.Sleep(time.Duration(gap / limit.Rate * 1e9))
		want := twin.Allow()
		if got := get(g, "/", "").Code == 200; got != want {
			return fmt.Sprintf("after %v: admitted %v, x/time/rate says %v", time.Since(began), got, want)
		}
		if !want {
			continue
		}
		refill := limit.Rate * time.Since(began).Seconds()
		least = min(least, float64(admissions)-refill)
		admissions++
		if in := float64(admissions) - refill - least; in > float64(limit.Burst)+1e-5 {
			return fmt.Sprintf("a window holds %.6f admissions beyond rate × time, want at most %d", in, limit.Burst)
		}
	}
	if got := g.next.(*counter).Load(); got != int64(admissions) {
		return fmt.Sprintf("%d admitted, %d reached the backend", admissions, got)
	}
	return ""
}

func TestRetryAfterIsEnoughUnderConcurrency(t *testing.T) {
	for _, perSecond := range []float64{0.07, 0.5, 1, 3, 250} {
		synctest.Test(t, func(t *testing.T) {
			config := one(perSecond, 5)
			config.Stage = Limit{perSecond * 40, 60}
			g := gateway(t, config, &counter{})
			var all sync.WaitGroup
			for k := range 10 {
				all.Go(func() { honest(t, g, fmt.Sprint("key", k), time.Duration(1e9/perSecond)) })
			}
			all.Wait()
		})
	}
}

// honest storms its key from four sides, each quicker than a token comes, until all are refused. Then it waits in silence
// exactly as told.
func honest(t *testing.T, g *Gateway, key string, token time.Duration) {
	rng := rand.New(rand.NewPCG(1, uint64(key[len(key)-1])))
	for range 10 {
		var sides sync.WaitGroup
		for range 4 {
			pause := time.Duration(rng.Int64N(int64(token)))
			sides.Go(func() {
				for get(g, "/", key).Code == 200 {
					time.Sleep(pause)
				}
			})
		}
		sides.Wait()
		w := get(g, "/", key)
		if w.Code != 429 {
			continue // a token came back in the meantime
		}
		time.Sleep(told(t, w))
		if again := get(g, "/", key); again.Code != 200 {
			t.Errorf("%s waited %v as told and is answered %d", key, told(t, w), again.Code)
		}
	}
}

func TestRetryAfterIsTheTrueWaitRoundedUp(t *testing.T) {
	rows := []struct {
		rate float64
		want string
	}{{1000, "1"}, {1, "1"}, {0.5, "2"}, {0.3, "4"}, {0.01, "100"}}
	for _, row := range rows {
		synctest.Test(t, func(t *testing.T) {
			g := gateway(t, one(row.rate, 1), &counter{})
			get(g, "/", "")
			w := get(g, "/", "")
			if got := w.Header().Get("Retry-After"); w.Code != 429 || got != row.want {
				t.Errorf("empty bucket at %g/s: %d, Retry-After %q; want 429, %q", row.rate, w.Code, got, row.want)
			}
			if got := w.Body.String(); got != `{"message":"too many requests"}`+"\n" {
				t.Errorf("body %q", got)
			}
			time.Sleep(told(t, w) - 2*time.Nanosecond)
			if exact := 1 / row.rate; exact == math.Trunc(exact) {
				if w := get(g, "/", ""); w.Code != 429 {
					t.Errorf("at %g/s: admitted 2 ns before the time told", row.rate)
				}
			}
		})
	}
}

func TestLimitHeadersTellTheBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateway(t, one(2, 3), &counter{})
		rows := []struct {
			after                  time.Duration
			status                 int
			limit, remaining, full string
		}{
			{0, 200, "3", "2", "1"}, // one token short at 2/s: 0.5 s
			{0, 200, "3", "1", "1"},
			{0, 200, "3", "0", "2"},
			{0, 429, "3", "0", "2"},
			{400 * time.Millisecond, 429, "3", "0", "2"}, // 0.8 of a token is none
			{200 * time.Millisecond, 200, "3", "0", "2"},
			{10 * time.Second, 200, "3", "2", "1"},
		}
		for i, row := range rows {
			time.Sleep(row.after)
			w := get(g, "/", "")
			h := w.Header()
			got := fmt.Sprint(w.Code, h["X-Ratelimit-Limit"], h["X-Ratelimit-Remaining"], h["X-Ratelimit-Reset"])
			if want := fmt.Sprintf("%d [%s] [%s] [%s]", row.status, row.limit, row.remaining, row.full); got != want {
				t.Errorf("request %d: got %s, want %s", i+1, got, want)
			}
		}
	})
}

// admits counts how many of n requests at once are served.
func admits(h http.Handler, key string, n int) (served int) {
	for range n {
		if get(h, "/", key).Code == 200 {
			served++
		}
	}
	return served
}

var shop = GatewayConfig{
	Default: Tier{Limit: Limit{10, 20}},
	Tiers:   map[string]Tier{"gold": {Limit: Limit{50, 100}}, "trial": {Limit: Limit{5, 10}, Quota: 15, Period: time.Hour}},
	Keys:    []Key{{Secret: "plain"}, {Secret: "rich", Tier: "gold"}, {Secret: "guest", Tier: "trial"}, {Secret: "inside", Exempt: true}},
}

func TestEachKeyHasTheBucketOfItsTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &counter{}
		g := gateway(t, shop, next)
		for _, row := range []struct {
			key  string
			want int
		}{{"plain", 20}, {"rich", 100}, {"guest", 10}, {"inside", 500}, {"made up", 0}, {"", 0}} {
			if got := admits(g, row.key, 500); got != row.want {
				t.Errorf("key %q: %d of 500 at once, want %d", row.key, got, row.want)
			}
		}
		if got, want := next.Load(), int64(20+100+10+500); got != want {
			t.Errorf("%d reached the backend, want %d", got, want)
		}
		for _, key := range []string{"made up", "", "PLAIN"} {
			w := get(g, "/", key)
			if w.Code != 401 || w.Header().Get("Retry-After") != "" || w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("key %q: %d %v, want 401 with WWW-Authenticate and no Retry-After", key, w.Code, w.Header())
			}
		}
	})
}

func TestWithoutKeysEachNameIsAConsumerAndTheNamelessShareOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := one(1, 5)
		config.KeyHeader = "x-consumer"
		g := gateway(t, config, &counter{})
		as := func(name string) int {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("X-Consumer", name)
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			return w.Code
		}
		for i := range 12 {
			want := 200
			if i >= 5 {
				want = 429
			}
			for _, name := range []string{"ann", "bob"} {
				if got := as(name); got != want {
					t.Errorf("request %d of %s: %d, want %d", i+1, name, got, want)
				}
			}
			if got := get(g, "/", fmt.Sprint("another header ", i)).Code; got != want {
				t.Errorf("nameless request %d: %d, want %d", i+1, got, want)
			}
		}
	})
}

func TestStageHoldsForTheSumAndRefusesWithoutTakingTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := one(10, 20)
		config.Stage = Limit{5, 30}
		g := gateway(t, config, &counter{})
		if a, b := admits(g, "a", 25), admits(g, "b", 25); a != 20 || b != 10 {
			t.Errorf("a %d and b %d at once, want 20 and then the 10 that the stage has left", a, b)
		}
		w := get(g, "/", "b")
		if got := w.Header().Get("X-RateLimit-Limit") + " " + w.Header().Get("X-RateLimit-Remaining"); got != "30 0" {
			t.Errorf("the stage's refusal tells limit and remaining %s, want the stage's 30 0", got)
		}
		time.Sleep(2 * time.Second) // the stage has 10 again, a 20, b 20: no more than the stage's come in
		if b, a := admits(g, "b", 30), admits(g, "a", 30); a+b != 10 {
			t.Errorf("%d and %d after 2 s, want 10 together", b, a)
		}
	})
}

func TestQuotaIsExactAndTellsThePeriodsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateway(t, shop, &counter{})
		time.Sleep(10 * time.Minute)
		served, last := 0, (*httptest.ResponseRecorder)(nil)
		for range 100 {
			if last = get(g, "/", "guest"); last.Code == 200 {
				served++
			}
			time.Sleep(time.Second)
		}
		if served != 15 {
			t.Errorf("%d served at 1/s, want the quota of 15", served)
		}
		if last.Code != 429 || !strings.Contains(last.Body.String(), "limit exceeded") || last.Header().Get("X-RateLimit-Limit") != "15" {
			t.Errorf("quota used up: %d %s %v, want 429, limit exceeded, limit 15", last.Code, last.Body, last.Header())
		}
		if got, want := told(t, last), 50*time.Minute-99*time.Second; got != want {
			t.Errorf("Retry-After %v, want %v", got, want)
		}
		time.Sleep(told(t, last) - time.Second - time.Millisecond)
		if w := get(g, "/", "guest"); w.Code != 429 {
			t.Errorf("1 ms before the period's end: %d, want 429", w.Code)
		}
		time.Sleep(time.Millisecond)
		if w := get(g, "/", "guest"); w.Code != 200 {
			t.Errorf("at the period's end: %d, want 200", w.Code)
		}
		more := 0
		for range 30 {
			time.Sleep(time.Second)
			more += admits(g, "guest", 1)
		}
		if more != 14 {
			t.Errorf("%d more served in the second period, want the 14 that are left", more)
		}
		if w := get(g, "/", "rich"); w.Code != 200 {
			t.Errorf("a tier without a quota: %d, want 200", w.Code)
		}
	})
}

func TestQuotaRefusalWaitsForTheBucketToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateway(t, GatewayConfig{Default: Tier{Limit: Limit{0.01, 1}, Quota: 1, Period: time.Minute}}, &counter{})
		get(g, "/", "")
		w := get(g, "/", "")
		if got := told(t, w); got != 100*time.Second {
			t.Errorf("period over in 60 s, token in 100 s: Retry-After %v, want 1m40s", got)
		}
		time.Sleep(told(t, w))
		if w := get(g, "/", ""); w.Code != 200 {
			t.Errorf("after 100 s: %d, want 200", w.Code)
		}
	})
}

func TestMoreConsumersThanCanBeRememberedAreStillLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &counter{}
		g := gateway(t, one(1, 1), next)
		for i := range keysMax + 500 {
			get(g, "/", fmt.Sprint(i))
		}
		if got := next.Load(); got > keysMax+1 {
			t.Errorf("%d keys made up at once: %d admitted, want the last ones to share a bucket", keysMax+500, got)
		}
		time.Sleep(10 * time.Second) // all buckets are full: they can be forgotten
		if got := admits(g, "late", 5); got != 1 {
			t.Errorf("a new key after rest: %d of 5 admitted, want 1", got)
		}
		if n := len(g.instances[0].accounts); n > 10 {
			t.Errorf("%d consumers remembered, want the rested ones forgotten", n)
		}
	})
}

func TestGatewayConfigIsRefused(t *testing.T) {
	rows := []struct {
		spoil func(*GatewayConfig)
		want  string
	}{
		{func(c *GatewayConfig) { c.Default.Rate = -1 }, "default tier: rate -1: use requests per second, more than 0"},
		{func(c *GatewayConfig) { c.Default.Burst = 0 }, "default tier: burst 0: use 1 or more (0 would admit nothing)"},
		{func(c *GatewayConfig) { c.Stage.Rate = math.Inf(1) }, "stage: rate +Inf: use requests per second, more than 0"},
		{func(c *GatewayConfig) { c.Tiers = map[string]Tier{"gold": {Quota: -1}} }, "tier gold: quota -1 in 0s: use numbers above 0"},
		{func(c *GatewayConfig) { c.Keys = []Key{{Secret: "s3cret", Tier: "glod"}} }, `key 1: tier "glod" is not among the tiers`},
		{func(c *GatewayConfig) { c.Keys = []Key{{Secret: "s3cret"}, {Secret: "s3cret"}} }, "key 2 has the secret of an earlier one"},
		{func(c *GatewayConfig) { c.Keys = []Key{{}} }, "key 1 has no secret"},
		{func(c *GatewayConfig) { c.Keys = make([]Key, keysMax+1) }, "10001 keys: use at most 10000"},
		{func(c *GatewayConfig) { c.Fault = "rate-duoble" }, `fault "rate-duoble" is not known`},
		{func(c *GatewayConfig) { *c = GatewayConfig{Fault: "errors"} }, "fault errors needs a limit to break: set a rate and a burst"},
	}
	for _, row := range rows {
		c := one(5, 5)
		row.spoil(&c)
		if _, err := NewGateway(c, &counter{}); err == nil || err.Error() != row.want {
			t.Errorf("got %v, want %s", err, row.want)
		}
	}
}
