package lab

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// twins are the algorithms beside what limits/model says of them, for 20 in 400 ms.
var twins = map[Algorithm]func() model.Limiter{
	TokenBucket:    func() model.Limiter { return model.NewBucket(50, 20) },
	GCRA:           func() model.Limiter { return model.NewGCRA(50, 20) },
	LeakyQueue:     func() model.Limiter { return model.NewQueue(50, 19, 0) },
	FixedWindow:    func() model.Limiter { return model.NewWindow(20, 400*time.Millisecond) },
	FirstHitWindow: func() model.Limiter { return model.NewFirstHit(20, 400*time.Millisecond) },
	SlidingLog:     func() model.Limiter { return model.NewLog(20, 400*time.Millisecond) },
	SlidingCounter: func() model.Limiter { return model.NewCounter(20, 400*time.Millisecond) },
	NoLimit:        func() model.Limiter { return unlimited{} },
}

func by(a Algorithm) GatewayConfig {
	c := one(50, 20)
	c.Algorithm = a
	return c
}

func TestEachAlgorithmDecidesAsItsModelDoesAndSaysTheTruth(t *testing.T) {
	for _, a := range Algorithms {
		if a == Concurrency {
			continue // it needs requests that last
		}
		rapid.Check(t, func(rt *rapid.T) {
			gaps := rapid.SliceOfN(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 60e6), rapid.Int64Range(0, 900e6)), 50, 200).Draw(rt, "gaps")
			var wrong string
			synctest.Test(t, func(t *testing.T) { wrong = departs(gateway(rt, by(a), &counter{}), twins[a](), gaps) })
			if wrong != "" {
				rt.Fatalf("%s: %s", a, wrong)
			}
		})
	}
}

// departs says how a gateway departs from a model: in what it decides, in how long it holds, or in what it tells.
func departs(g *Gateway, twin model.Limiter, gaps []int64) string {
	r := httptest.NewRequest("GET", "/", nil)
	for i, gap := range gaps {
		time.Sleep(time.Duration(gap))
		at := time.Since(g.began)
		ok, wait := twin.Take(at)
		d := g.decide(r, -1)
		if (d.ruling == admitted) != ok || (d.wait-wait).Abs() > 1 {
			return fmt.Sprintf("request %d at %v: admitted %v, wait %v, the model says %v, %v", i+1, at, d.ruling == admitted, d.wait, ok, wait)
		}
		if left := int64(twin.Left(at)); d.headers && ok && d.remaining != left {
			return fmt.Sprintf("request %d at %v: %d remain, the model says %d", i+1, at, d.remaining, left)
		}
		if full := twin.FullIn(at); d.headers && (d.reset-full).Abs() > 1 {
			return fmt.Sprintf("request %d at %v: reset in %v, the model says %v", i+1, at, d.reset, full)
		}
	}
	return ""
}

// sleeper is a backend that takes 100 ms.
type sleeper struct{ counter }

func (s *sleeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sleep(r.Context(), 100*time.Millisecond)
	s.counter.ServeHTTP(w, r)
}

// crowdOf sends n requests side by side and counts those served, and how long the slowest of them took.
func crowdOf(g http.Handler, n int) (served int, took time.Duration) {
	var mu sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for range n {
		all.Go(func() {
			if w := get(g, "/", ""); w.Code == 200 {
				mu.Lock()
				defer mu.Unlock()
				served, took = served+1, max(took, time.Since(began))
			}
		})
	}
	all.Wait()
	return served, took
}

func TestConcurrencyCountsWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gateway(t, by(Concurrency), &sleeper{})
		for range 3 {
			if served, took := crowdOf(g, 50); served != 20 || took != 100*time.Millisecond {
				t.Errorf("%d of 50 at once served in %v, want 20 in 100ms: places are given back", served, took)
			}
		}
	})
}

func TestAQueueHoldsWhatComesTooFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &counter{}
		g := gateway(t, by(LeakyQueue), next)
		if served, took := crowdOf(g, 50); served != 20 || (took-380*time.Millisecond).Abs() > time.Microsecond {
			t.Errorf("%d of 50 at once served, the last after %v, want 20, one every 20 ms", served, took)
		}
	})
}

func TestABanHoldsWhateverIsDone(t *testing.T) {
	for _, renewed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := one(50, 5)
			c.Ban = time.Second
			if renewed {
				c.Fault = "ban-renewed"
				c.Ban = 2 * time.Second
			}
			g := gateway(t, c, &counter{})
			drain(g, "")
			served := 0
			for range 30 {
				time.Sleep(100 * time.Millisecond)
				served += admits(g, "", 1)
			}
			if (served == 0) != renewed {
				t.Errorf("renewed %v: %d served in 3 s of asking on", renewed, served)
			}
			w := get(g, "/", "")
			for w.Code == 200 {
				w = get(g, "/", "")
			}
			if time.Sleep(told(t, w)); get(g, "/", "").Code != 200 {
				t.Errorf("renewed %v: refused after the %v told", renewed, told(t, w))
			}
		})
	}
}

func TestDialectsTellTheSame(t *testing.T) {
	for _, row := range []struct {
		dialect        Dialect
		first, refused string
	}{
		{NoHeaders, "", ""},
		{XRateLimit, "X-Ratelimit-Limit: 10, X-Ratelimit-Remaining: 9, X-Ratelimit-Reset: 1", "X-Ratelimit-Limit: 10, X-Ratelimit-Remaining: 0, X-Ratelimit-Reset: 5"},
		{XRateLimitEpoch, "X-Ratelimit-Limit: 10, X-Ratelimit-Remaining: 9, X-Ratelimit-Reset: 946684801", "X-Ratelimit-Limit: 10, X-Ratelimit-Remaining: 0, X-Ratelimit-Reset: 946684805"},
		{RateLimitTriple, "Ratelimit-Limit: 10, Ratelimit-Policy: 10;w=5, Ratelimit-Remaining: 9, Ratelimit-Reset: 1", "Ratelimit-Limit: 10, Ratelimit-Policy: 10;w=5, Ratelimit-Remaining: 0, Ratelimit-Reset: 1"},
		{Draft07, "Ratelimit: limit=10, remaining=9, reset=1, Ratelimit-Policy: 10;w=5", "Ratelimit: limit=10, remaining=0, reset=1, Ratelimit-Policy: 10;w=5"},
		{Structured, `Ratelimit: "default";r=9;t=1, Ratelimit-Policy: "default";q=10;w=5`, `Ratelimit: "default";r=0;t=1, Ratelimit-Policy: "default";q=10;w=5`},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := one(2, 10)
			c.Headers = row.dialect
			g := gateway(t, c, &counter{})
			first := limitHeaders(get(g, "/", ""))
			admits(g, "", 9)
			if refused := limitHeaders(get(g, "/", "")); first != row.first || refused != row.refused {
				t.Errorf("%s: first %q, refused %q; want %q, %q", row.dialect, first, refused, row.first, row.refused)
			}
		})
	}
}

// limitHeaders are the headers of a limit, in order of name.
func limitHeaders(w *httptest.ResponseRecorder) string {
	var out []string
	for _, name := range []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Ratelimit", "Ratelimit-Limit", "Ratelimit-Policy", "Ratelimit-Remaining", "Ratelimit-Reset"} {
		if v := w.Header()[name]; v != nil {
			out = append(out, name+": "+v[0])
		}
	}
	return strings.Join(out, ", ")
}

func TestTheWaitIsTrueInEitherForm(t *testing.T) {
	for _, form := range []Form{Seconds, Date} {
		synctest.Test(t, func(t *testing.T) {
			c := one(.3, 2)
			c.RetryAfter = form
			g := gateway(t, c, &counter{})
			time.Sleep(300 * time.Millisecond)
			drain(g, "")
			text := get(g, "/", "").Header().Get("Retry-After")
			wait, err := time.ParseDuration(text + "s")
			if at, dated := http.ParseTime(text); dated == nil {
				wait, err = time.Until(at), nil
			}
			if err != nil || wait < 3*time.Second || wait > 5*time.Second {
				t.Fatalf("%s: Retry-After %q, %v, want 3.3 s rounded up", form, text, wait)
			}
			if time.Sleep(wait); get(g, "/", "").Code != 200 {
				t.Errorf("%s: refused after the wait told, %v", form, wait)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		c := one(1, 1)
		c.RetryAfter, c.Refusal = Silent, 503
		g := gateway(t, c, &counter{})
		drain(g, "")
		if w := get(g, "/", ""); w.Code != 503 || len(w.Header()["Retry-After"]) > 0 {
			t.Errorf("%d, %v, want a silent 503", w.Code, w.Header())
		}
	})
}

func TestInstancesShareWhatTheyCountUnlessTheyAreAtFault(t *testing.T) {
	for _, row := range []struct {
		fault string
		want  string
	}{{"", "20 0 0"}, {"unshared-instances", "20 20 10"}} {
		synctest.Test(t, func(t *testing.T) {
			c := one(50, 20)
			c.Instances, c.Fault = 4, row.fault
			g := gateway(t, c, &counter{})
			if got := fmt.Sprint(admits(g.Instance(0), "", 30), admits(g.Instance(1), "", 30), admits(g, "", 20)); got != row.want {
				t.Errorf("%q: instances 1 and 2 and then the balancer admit %s, want %s", row.fault, got, row.want)
			}
		})
	}
}
