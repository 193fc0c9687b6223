package lab

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// get asks a handler in this goroutine, as the owner of a key if there is one.
func get(h http.Handler, path, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func backend(t *testing.T, c BackendConfig) *Backend {
	t.Helper()
	b, err := NewBackend(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// storm sends n requests at once and returns how long each took, in order, once all are answered.
func storm(h http.Handler, n int) []time.Duration {
	began, ends := time.Now(), make([]time.Duration, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			get(h, "/", "")
			ends[i] = time.Since(began)
		})
	}
	all.Wait()
	slices.Sort(ends)
	return ends
}

func TestCapacityUnderSaturationIsServersOverMean(t *testing.T) {
	for _, l := range laws {
		for _, servers := range []int{1, 12} {
			synctest.Test(t, func(t *testing.T) {
				c := BackendConfig{Servers: servers, Mean: 16 * time.Millisecond, Service: l.law, CV: l.cv, Seed: 3, WaitMax: time.Hour}
				ends := storm(backend(t, c), 6200)
				got := 6000 / (ends[6100] - ends[100]).Seconds()
				tolerance := 0.005 * max(l.cv, 0.5) / 0.5 // the heavier the tail, the more is in the first and last second
				if math.Abs(got/c.Capacity()-1) > min(tolerance, 0.01) {
					t.Errorf("%d servers, %s cv %g: %.2f/s, want %.2f/s", servers, l.law, l.cv, got, c.Capacity())
				}
			})
		}
	}
}

func TestSingleRequestTakesItsServiceTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := BackendConfig{Servers: 3, Mean: 20 * time.Millisecond, Service: Exponential, Seed: 9}
		b, twin := backend(t, c), newDraws(Exponential, 0.5, 9)
		for i := range 1000 {
			began := time.Now()
			w := get(b, "/", "")
			want := time.Duration(math.Round(twin.next() * float64(c.Mean)))
			if got := time.Since(began); got != want || w.Code != 200 {
				t.Fatalf("request %d alone: %d after %v, want 200 after %v", i, w.Code, got, want)
			}
		}
	})
}

// slowWriter is an answer that leaves the handler late, as a timer that overshoots makes it.
type slowWriter struct{ http.ResponseWriter }

func (w slowWriter) Write(b []byte) (int, error) {
	time.Sleep(50 * time.Millisecond)
	return w.ResponseWriter.Write(b)
}

func TestLateAnswersTakeNothingFromCapacity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backend(t, BackendConfig{Servers: 2, Mean: 10 * time.Millisecond, Service: Deterministic})
		late := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.ServeHTTP(slowWriter{w}, r)
		})
		ends := storm(late, 1000)
		if got, want := ends[999], 5*time.Second+50*time.Millisecond; got != want {
			t.Errorf("1000 requests at 200/s, each answered 50 ms late, took %v, want %v", got, want)
		}
	})
}

func TestRequestsWaitInOrderForTheFirstFreeServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backend(t, BackendConfig{Servers: 2, Mean: 10 * time.Millisecond, Service: Deterministic})
		got := storm(b, 5)
		want := []time.Duration{10e6, 10e6, 20e6, 20e6, 30e6}
		if !slices.Equal(got, want) {
			t.Errorf("five at once on two servers of 10 ms end at %v, want %v", got, want)
		}
	})
}

func TestBackendSheds(t *testing.T) {
	rows := []struct {
		why       string
		config    BackendConfig
		shed      int64 // of 10 at once on one server of 1 s
		retry     string
		recovered time.Duration // when one more is served
	}{
		{"who would wait more than 4 s", BackendConfig{WaitMax: 4 * time.Second}, 5, "1", time.Second},
		{"who would wait more than 3.5 s", BackendConfig{WaitMax: 3500 * time.Millisecond}, 6, "1", time.Second},
		{"who finds three waiting", BackendConfig{QueueMax: 3}, 6, "1", time.Second},
		{"nobody by default", BackendConfig{}, 0, "", 0},
	}
	for _, row := range rows {
		synctest.Test(t, func(t *testing.T) {
			row.config.Servers, row.config.Mean, row.config.Service = 1, time.Second, Deterministic
			b := backend(t, row.config)
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					began := time.Now()
					w := get(b, "/", "")
					if w.Code == 200 {
						return
					}
					if took := time.Since(began); w.Code != 503 || w.Header().Get("Retry-After") != row.retry || took != 0 {
						t.Errorf("shed %s: %d, Retry-After %q after %v; want 503, %q at once", row.why, w.Code, w.Header().Get("Retry-After"), took, row.retry)
					}
				})
			}
			synctest.Wait()
			if got := b.Stats().Shed; got != row.shed {
				t.Errorf("shed %s: %d of 10, want %d", row.why, got, row.shed)
			}
			time.Sleep(row.recovered)
			if w := get(b, "/", ""); w.Code != 200 {
				t.Errorf("shed %s: %v later one more is answered %d, want 200", row.why, row.recovered, w.Code)
			}
			all.Wait()
		})
	}
}

func TestAClientThatGoesAwayLeavesItsWorkBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backend(t, BackendConfig{Servers: 1, Mean: time.Second, Service: Deterministic})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		w := httptest.NewRecorder()
		b.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		if took := time.Since(began); took != 100*time.Millisecond || w.Body.Len() > 0 {
			t.Errorf("the handler of a client gone at 100 ms ended at %v with %q", took, w.Body)
		}
		if s := b.Stats(); s.Abandoned != 1 || s.InFlight != 0 || s.Served != 0 {
			t.Errorf("got %+v, want one abandoned", s)
		}
		get(b, "/", "")
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the next request ended at %v, want 2 s: the doomed one's work is done first", took)
		}
	})
}

func TestStatsAddUpAndHealthNeedsNoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backend(t, BackendConfig{Servers: 2, Mean: time.Second, Service: Deterministic, QueueMax: 4})
		done := make(chan []time.Duration, 1)
		go func() { done <- storm(b, 9) }()
		time.Sleep(500 * time.Millisecond)
		if w := get(b, "/healthz", ""); w.Code != 200 {
			t.Errorf("/healthz of a busy backend: %d, want 200", w.Code)
		}
		var got Stats
		w := get(b, "/stats", "")
		if err := json.NewDecoder(w.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if want := (Stats{Capacity: 2, Requests: 9, Shed: 3, InFlight: 6, Queue: 4}); got != want {
			t.Errorf("/stats at 0.5 s: got %+v, want %+v", got, want)
		}
		time.Sleep(time.Second)
		if got, want := b.Stats(), (Stats{Capacity: 2, Requests: 9, Shed: 3, Served: 2, InFlight: 4, Queue: 2}); got != want {
			t.Errorf("stats at 1.5 s: got %+v, want %+v", got, want)
		}
		<-done
		if got, want := b.Stats(), (Stats{Capacity: 2, Requests: 9, Shed: 3, Served: 6}); got != want {
			t.Errorf("stats in the end: got %+v, want %+v", got, want)
		}
	})
}

func TestABodyIsReadSoThatADisconnectCanBeSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := strings.NewReader(strings.Repeat("x", 100_000))
		b := backend(t, BackendConfig{Servers: 1, Mean: time.Millisecond})
		b.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", body))
		if body.Len() != 0 {
			t.Errorf("%d bytes of the body were left unread", body.Len())
		}
	})
}

func TestSizedHitsTheCapacityWithLikelyServers(t *testing.T) {
	for _, capacity := range []float64{20, 57, 100, 399, 400, 733.3, 1500, 2000, 2001, 7777, 20_000} {
		for seed := range uint64(50) {
			c := Sized(capacity, seed)
			if err := c.Validate(); err != nil {
				t.Errorf("Sized(%g, %d): %v", capacity, seed, err)
			}
			if off := c.Capacity()/capacity - 1; math.Abs(off) > 1e-6 {
				t.Errorf("Sized(%g, %d) has capacity %g", capacity, seed, c.Capacity())
			}
			usual := c.Servers >= 8 && c.Servers <= 16 && c.Mean >= 8*time.Millisecond && c.Mean <= 20*time.Millisecond
			if capacity >= 400 && capacity <= 2000 && !usual {
				t.Errorf("Sized(%g, %d) has %d servers of %v, want 8 to 16 of 8 to 20 ms", capacity, seed, c.Servers, c.Mean)
			}
			if c.Servers < 2 || c.Servers > 160 || c.Mean < 7900*time.Microsecond || c.Mean > 100*time.Millisecond {
				t.Errorf("Sized(%g, %d) has %d servers of %v", capacity, seed, c.Servers, c.Mean)
			}
		}
	}
	if a, b := Sized(1000, 1), Sized(1000, 1); a != b {
		t.Errorf("Sized of one seed gives %+v and %+v", a, b)
	}
}

func TestBackendConfigIsRefused(t *testing.T) {
	good := BackendConfig{Servers: 2, Mean: time.Millisecond}
	rows := []struct {
		spoil func(*BackendConfig)
		want  string
	}{
		{func(c *BackendConfig) { c.Servers = 0 }, "servers 0: use 1 to 10000"},
		{func(c *BackendConfig) { c.Mean = -1 }, "mean -1ns: a service time is longer than 0"},
		{func(c *BackendConfig) { c.CV = math.NaN() }, "cv NaN: use more than 0, up to 10 (service deterministic is the one without variation)"},
		{func(c *BackendConfig) { c.WaitMax = -1 }, "longest wait -1ns: use a duration above 0"},
		{func(c *BackendConfig) { c.QueueMax = -1 }, "longest queue -1: use a number above 0"},
		{func(c *BackendConfig) { c.Service = "normal" }, `service "normal" is no distribution (deterministic, exponential, lognormal)`},
	}
	if err := good.Validate(); err != nil {
		t.Errorf("%+v: %v", good, err)
	}
	for _, row := range rows {
		c := good
		row.spoil(&c)
		if _, err := NewBackend(c); err == nil || err.Error() != row.want {
			t.Errorf("%+v: got %v, want %s", c, err, row.want)
		}
	}
}
