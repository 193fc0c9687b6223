package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/plimsoll-load/plimsoll/attack"
)

// mixed answers each way that there is, in turn, by the number in the path.
func mixed(r *http.Request) (*http.Response, error) {
	if err := pauseFor(r, 3*time.Millisecond); err != nil {
		return nil, err
	}
	switch r.URL.Path[len(r.URL.Path)-1] {
	case '1':
		return reply(429, "Retry-After", "1"), nil
	case '2':
		return reply(503, "Retry-After", "1"), nil
	case '3':
		return reply(500), nil
	case '4':
		return nil, syscall.ECONNREFUSED
	case '5':
		return late(r, time.Hour)
	}
	return reply(200), nil
}

func TestEveryWindowAccountsForEveryArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, mixed, func(o *Options) { o.Target, o.Timeout = to("http://h/{{.Seq}}"), 2*time.Second })
		trial := attack.Trial{Seed: 3, Warmup: 1500 * time.Millisecond, Actors: []attack.Actor{
			{Name: "a", Schedule: attack.Constant(100, 4*time.Second, attack.Poisson)},
			{Name: "b", Schedule: attack.Schedule{Segments: []attack.Segment{{From: 0, To: 80, Len: 5 * time.Second}}}},
		}}
		m := run(t, e, trial, nil)
		all := m.All()
		for _, o := range []attack.Outcome{attack.OK, attack.Throttled, attack.Shed, attack.Failed, attack.Timeout} {
			if *all.Of(o) == 0 {
				t.Errorf("no arrival ended as %v, want some of each", o)
			}
		}
		if all.Unsent != 0 || all.Attempts != all.Due {
			t.Errorf("%d unsent, %d attempts for %d arrivals, want all sent once", all.Unsent, all.Attempts, all.Due)
		}
		if got := all.Errors["connection refused"] + all.Errors["timeout"] + all.Statuses[200] + all.Statuses[429] + all.Statuses[503] + all.Statuses[500]; got != all.Attempts {
			t.Errorf("statuses %v and errors %v make %d attempts, want %d", all.Statuses, all.Errors, got, all.Attempts)
		}
		if n := all.Refusal.N(); n != all.Throttled+all.Shed {
			t.Errorf("%d refusal times for %d refusals", n, all.Throttled+all.Shed)
		}
		if got := all.Response.Max(); got < 2*time.Second {
			t.Errorf("longest response %v, want a timeout to count for at least 2s", got)
		}
		if first := m.Windows[0]; !first.Warmup || first.Len != trial.Warmup {
			t.Errorf("first window %+v, want the warm-up of 1.5s", first)
		}
		if last := m.Windows[len(m.Windows)-1]; last.At != 4500*time.Millisecond || last.Len != 500*time.Millisecond || last.Actor != 1 {
			t.Errorf("last window at %v for %v of actor %d, want actor 1's half second at 4.5s", last.At, last.Len, last.Actor)
		}
		checkTicks(t, m)
	})
}

// checkTicks holds the live ledger against the final one.
func checkTicks(t *testing.T, m attack.Measurement) {
	t.Helper()
	var due, ended int64
	for i, tick := range m.Ticks {
		due, ended = due+tick.Due, ended+tick.Ended()
		if tick.InFlight != due-ended {
			t.Errorf("tick %d has %d in flight, want %d due less %d ended", i, tick.InFlight, due, ended)
		}
	}
	if m.Aborted == nil && due != m.All().Due {
		t.Errorf("ticks count %d as due, windows %d", due, m.All().Due)
	}
}

func TestPoissonAndEvenArrivalsAreSentAtTheirMoments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(*http.Request) (*http.Response, error) { return reply(200), nil })
		trial := attack.Trial{Seed: 9, LogMax: 1000, Actors: []attack.Actor{
			{Schedule: attack.Constant(30, 5*time.Second, attack.Poisson)}, {Schedule: attack.Constant(20, 5*time.Second, attack.Even)}}}
		m := run(t, e, trial, nil)
		want := trial.Stream()
		for _, a := range m.Log {
			next, _ := want.Next()
			if a.Due != next.Due || a.Actor != next.Actor || a.Sent != a.Due {
				t.Fatalf("sent %+v, want actor %d at %v", a, next.Actor, next.Due)
			}
		}
		if n := int64(len(m.Log)); n != trial.Count() {
			t.Errorf("%d sent, want %d", n, trial.Count())
		}
	})
}

func TestAnAbortStopsSendingAndCountsWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		e := inMemory(t, func(r *http.Request) (*http.Response, error) {
			sent.Add(1)
			time.Sleep(800 * time.Millisecond)
			return reply(200), nil
		})
		m := run(t, e, steady(100, 10*time.Second), func(tick attack.Tick) attack.Reason {
			if tick.Elapsed >= time.Second {
				return "seen enough"
			}
			return ""
		})
		if m.Aborted == nil || m.Aborted.Reason != "seen enough" || m.Aborted.At != time.Second {
			t.Fatalf("aborted %+v, want at 1s for having seen enough", m.Aborted)
		}
		all := m.All()
		if all.Due != 100 && all.Due != 101 || all.OK != all.Due || sent.Load() != all.Due {
			t.Errorf("%d due, %d ok, %d requests seen; want the 100 that were due in the first second, all answered", all.Due, all.OK, sent.Load())
		}
		if m.Took < 1700*time.Millisecond || m.Took > 1900*time.Millisecond {
			t.Errorf("took %v, want until the last answer at about 1.8s", m.Took)
		}
	})
}

func TestArrivalsThatAnAbortCutsOffAtTheCapAreUnsentAndVoidNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(r *http.Request) (*http.Response, error) { return late(r, 5*time.Second) })
		trial := steady(100, 10*time.Second)
		trial.Flight = 10
		m := run(t, e, trial, func(tick attack.Tick) attack.Reason {
			if tick.InFlight > 150 {
				return "backlog"
			}
			return ""
		})
		all := m.All()
		if all.Unsent == 0 || all.Unsent+all.Attempts != all.Due {
			t.Errorf("%d unsent and %d sent of %d due, want the 10 in flight sent and the rest unsent", all.Unsent, all.Attempts, all.Due)
		}
		if why, _ := m.Void(); why != "" {
			t.Errorf("void for %s, want the target's backlog to be no fault of the generator's", why)
		}
		if last := m.Notes[len(m.Notes)-1]; last.Code != "cut-off" {
			t.Errorf("notes %+v, want one about those cut off", m.Notes)
		}
		checkTicks(t, m)
	})
}

func TestNumbersGoOnFromTrialToTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]int{}
		e := inMemory(t, func(r *http.Request) (*http.Response, error) { seen[r.URL.Path]++; return reply(200), nil }, numbered)
		trial := steady(10, time.Second)
		trial.Flight = 1
		run(t, e, trial, nil)
		once(t, e, 5)
		run(t, e, trial, nil)
		if len(seen) != 25 || seen["/0"] != 1 || seen["/24"] != 1 {
			t.Errorf("paths %v, want /0 to /24 once each", seen)
		}
	})
}

func TestConnectionsBoundTheFlight(t *testing.T) {
	two := attack.Target{Requests: []attack.Request{{URL: "http://a/1"}, {URL: "http://b"}, {URL: "http://a/2"}}}
	for name, row := range map[string]struct {
		o    Options
		want int
	}{
		"one host":              {Options{Target: to("http://h/"), Connections: 50}, 50},
		"two hosts":             {Options{Target: two, Connections: 50}, 100},
		"HTTP/2":                {Options{Target: to("https://h/"), Connections: 50, HTTP2: true}, 4000},
		"no bound":              {Options{Target: to("http://h/")}, 4000},
		"more than in a flight": {Options{Target: to("http://h/"), Connections: 9000}, 4000},
	} {
		if got := open(t, row.o).flight(steady(1000, time.Second)); got != row.want {
			t.Errorf("%s: %d may be in flight, want %d", name, got, row.want)
		}
	}
}

// Whatever a target does and clients are like, every window adds up, and the ticks agree with the windows.
func TestMeasurementsAddUpWhateverHappens(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) { anyTrial(t, seed) })
	}
}

func TestACancelledContextEndsATrialAsInterrupted(t *testing.T) {
	for name, trial := range map[string]attack.Trial{
		"with actors":             steady(50, time.Hour),
		"of a thin schedule":      steady(0.001, time.Hour),
		"while it is idle":        {Idle: time.Hour, Actors: steady(50, time.Hour).Actors},
		"of serial requests":      {Serial: &attack.Serial{Max: 1000, Gap: 700 * time.Millisecond}},
		"of serial ones, at rest": {Idle: time.Hour, Serial: &attack.Serial{Max: 1}},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := inMemory(t, func(*http.Request) (*http.Response, error) { return reply(200), nil })
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			began := time.Now()
			m, err := e.Run(ctx, trial, nil)
			if err != nil || m.Aborted == nil || m.Aborted.Reason != attack.Interrupted {
				t.Errorf("a trial %s, cancelled after 2s: %+v, %v; want it interrupted and no error", name, m.Aborted, err)
			}
			if took := time.Since(began); took != 2*time.Second {
				t.Errorf("a trial %s, cancelled after 2s, ended after %v", name, took)
			}
			lawful(t, m)
		})
	}
}

func TestAnArrivalThatWaitsAtTheCapForItsTimeoutIsATimeoutAndNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(r *http.Request) (*http.Response, error) { return late(r, time.Hour) },
			func(o *Options) { o.Timeout = time.Second })
		trial := steady(100, 3*time.Second)
		trial.Flight = 5
		m := run(t, e, trial, nil)
		all := m.All()
		if all.Timeout != 300 || all.Attempts >= 30 || all.Attempts < 5 {
			t.Errorf("%d timeouts and %d attempts, want 300 timeouts of which few were sent", all.Timeout, all.Attempts)
		}
		if lo, hi := all.Response.Quantile(0), all.Response.Max(); lo < 999*time.Millisecond || hi > 2*time.Second {
			t.Errorf("responses from %v to %v, want them between 1s, the user's patience, and 2s, when he was sent at its end", lo, hi)
		}
		if why, _ := m.Void(); why != "" {
			t.Errorf("void for %s, want a hanging target to be no fault of the generator's", why)
		}
	})
}

func TestASlowTargetAtTheCapIsANoteAndNeverVoid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(*http.Request) (*http.Response, error) {
			time.Sleep(120 * time.Millisecond)
			return reply(200), nil
		})
		trial := steady(100, 10*time.Second)
		trial.Flight = 10
		m := run(t, e, trial, nil)
		if why, _ := m.Void(); why != "" {
			t.Errorf("void for %s", why)
		}
		if len(m.Notes) != 1 || !strings.Contains(m.Notes[0].Text, "concurrency limited") {
			t.Errorf("notes %+v, want that the trial was concurrency limited", m.Notes)
		}
		if got := m.All().Lag.Quantile(.99); got < time.Second {
			t.Errorf("lag p99 %v, want the wait at the cap to be seen: over 1s", got)
		}
		if c := named(m.Checks, "late ticks"); c.Outcome != attack.Healthy {
			t.Errorf("%+v, want no late tick", c)
		}
	})
}

func named(checks []attack.SelfCheck, name string) attack.SelfCheck {
	for _, c := range checks {
		if c.Name == name {
			return c
		}
	}
	return attack.SelfCheck{}
}

// A pacer that was kept from running for a second plants the fault: what was due in it comes too late by its own doing.
func TestWhatTheGeneratorIsTooLateForIsUnsentAndVoids(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(*http.Request) (*http.Response, error) { return reply(200), nil })
		s := newStorm(e, steady(1000, 2*time.Second))
		p := newPacer(s)
		s.began = time.Now().Add(-time.Second)
		close(s.begun)
		for range s.attacker().Attack(s.hit, p, 0, "") {
		}
		s.flying.Wait()
		m := s.measurement()
		lawful2(t, m)
		all := m.All()
		if all.Unsent < 745 || all.Unsent > 755 || all.OK != 2000-all.Unsent {
			t.Errorf("%d unsent and %d ok, want the 750 that were more than 250ms late unsent and the rest sent", all.Unsent, all.OK)
		}
		if c := named(m.Checks, "unsent"); c.Outcome != attack.Void || c.Fix == "" {
			t.Errorf("%+v, want void with a way out", c)
		}
		if c := named(m.Checks, "late ticks"); c.Outcome != attack.Void {
			t.Errorf("%+v, want void", c)
		}
	})
}

// The planted fault: vegeta's results are taken slower than they come, so that its workers wait to hand them over.
func TestASlowConsumerIsTheGeneratorsFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(*http.Request) (*http.Response, error) { return reply(200), nil })
		trial := steady(1000, 2*time.Second)
		trial.Flight = 20
		s := newStorm(e, trial)
		for range s.attacker().Attack(s.hit, newPacer(s), 0, "") {
			time.Sleep(2 * time.Millisecond)
		}
		s.flying.Wait()
		m := s.measurement()
		lawful2(t, m)
		if why, fix := m.Void(); why == "" || fix == "" {
			t.Errorf("half the speed that was asked for: void %q, fix %q; want void (%+v)", why, fix, m.Checks)
		}
	})
}

func lawful2(t *testing.T, m attack.Measurement) {
	t.Helper()
	if err := m.Check(); err != nil {
		t.Error(err)
	}
}

func TestSilenceComesBeforeTheFirstArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first time.Time
		e := inMemory(t, func(*http.Request) (*http.Response, error) {
			if first.IsZero() {
				first = time.Now()
			}
			return reply(200), nil
		})
		began := time.Now()
		trial := steady(10, time.Second)
		trial.Idle, trial.Flight = 7*time.Second, 1
		m := run(t, e, trial, nil)
		if got := first.Sub(began); got != 7*time.Second {
			t.Errorf("first request after %v, want 7s", got)
		}
		if m.Began.Sub(began) != 7*time.Second {
			t.Errorf("began after %v, want the trial to begin after its silence", m.Began.Sub(began))
		}
	})
}

func TestABurstIsSentAtOnceAndItsSpreadTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(*http.Request) (*http.Response, error) { time.Sleep(10 * time.Millisecond); return reply(200), nil })
		trial := attack.Trial{Flight: 10, Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{
			{Len: time.Second}, {Len: time.Second, Burst: 40}}}}}}
		m := run(t, e, trial, nil)
		if want := 30 * time.Millisecond; m.Spread != want {
			t.Errorf("spread %v, want %v: 40 through 10 at once, 10ms each", m.Spread, want)
		}
		if m.PeakFlight < 10 {
			t.Errorf("peak flight %d, want at least 10", m.PeakFlight)
		}
		all := flightOf(attack.Trial{Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Burst: 500}}}}}})
		if all != 500 {
			t.Errorf("a burst of 500 may have %d in flight, want 500", all)
		}
	})
}

func TestFlightIsFourSecondsOfThePeakWithinBounds(t *testing.T) {
	for load, want := range map[float64]int{1: 64, 16: 64, 100: 400, 4000: 16_000, 1e6: 20_000} {
		if got := flightOf(steady(load, time.Second)); got != want {
			t.Errorf("flight at %v/s is %d, want %d", load, got, want)
		}
	}
	if got := flightOf(attack.Trial{Flight: 1 << 40}); got != maxFlight {
		t.Errorf("a flight beyond all bounds is %d, want %d", got, maxFlight)
	}
}

func TestTheLogIsOrderedBoundedAndKeepsLimiterHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		e := inMemory(t, func(*http.Request) (*http.Response, error) {
			if k := n.Add(1); k%2 == 0 {
				time.Sleep(50 * time.Millisecond)
				return reply(200, "Date", "now", "X-Secret", "s", "Cache-Control", "no-store", "RateLimit", `"a";r=1`), nil
			}
			return reply(429, "Retry-After", "1", "Date", "now", "X-RateLimit-Limit", "5", "RateLimit-Policy", "p",
				"Cache-Control", "no-store", "Content-Type", "text/plain", "Set-Cookie", "s"), nil
		})
		trial := steady(100, time.Second)
		trial.LogMax = 60
		m := run(t, e, trial, nil)
		if len(m.Log) != 60 || m.LogDropped != 40 {
			t.Fatalf("%d logged, %d dropped; want 60 and 40", len(m.Log), m.LogDropped)
		}
		for i := 1; i < len(m.Log); i++ {
			if m.Log[i].Sent < m.Log[i-1].Sent {
				t.Fatalf("log entry %d was sent before the one before it", i)
			}
		}
		refusal := map[string]string{"Retry-After": "1", "Date": "now", "X-Ratelimit-Limit": "5", "Ratelimit-Policy": "p",
			"Cache-Control": "no-store", "Content-Type": "text/plain"}
		if diff := cmp.Diff(refusal, m.Log[0].Headers); diff != "" {
			t.Errorf("headers of a refusal (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]string{"Ratelimit": `"a";r=1`}, m.Log[1].Headers); diff != "" {
			t.Errorf("headers of an admission (-want +got):\n%s", diff)
		}
	})
}

func TestIdentitiesGoWithTheirActors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]int{}
		e := inMemory(t, func(r *http.Request) (*http.Response, error) {
			seen[strings.Join(r.Header["X-Api-Key"], ",")+" "+r.URL.RawQuery]++
			return reply(200), nil
		}, func(o *Options) {
			o.Target = attack.Target{Requests: []attack.Request{{URL: "http://h/?page=1", Header: map[string][]string{"x-api-key": {"own"}}}}}
		})
		actor := func(id attack.Identity) attack.Actor {
			return attack.Actor{Identity: id, Schedule: attack.Constant(2, time.Second, attack.Even)}
		}
		run(t, e, attack.Trial{Flight: 1, Actors: []attack.Actor{
			actor(attack.Identity{Header: "X-Api-Key", Value: "one"}), actor(attack.Identity{Query: "key", Value: "t w&o"}), actor(attack.Identity{})}}, nil)
		// Names are sent as they are written; only the identity's is its own.
		want := map[string]int{"one page=1": 2, " key=t+w%26o&page=1": 2, " page=1": 2}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("requests seen (-want +got):\n%s", diff)
		}
	})
}

func TestATemplateThatCannotBeFilledInFailsItsArrivalAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(*http.Request) (*http.Response, error) { return reply(200), nil }, func(o *Options) {
			o.Target = to(`http://h/{{if eq .Seq 3}}{{index "abc" .Seq}}{{end}}`)
		})
		all := run(t, e, steady(10, time.Second), nil).All()
		if all.Failed != 1 || all.OK != 9 || all.Errors["template"] != 1 {
			t.Errorf("%d failed, %d ok, errors %v; want one that failed for its template", all.Failed, all.OK, all.Errors)
		}
	})
}

func TestRunRefusesATrialThatNobodyCouldCarryOut(t *testing.T) {
	e := inMemory(t, func(*http.Request) (*http.Response, error) { return reply(200), nil })
	if _, err := e.Run(t.Context(), attack.Trial{}, nil); err == nil {
		t.Error("Run of an empty trial gave no error")
	}
}

func TestOptionsAreRefusedWhen(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"the timeout is below 0":          {func(o *Options) { o.Timeout = -1 }, "timeout -1ns"},
		"redirects are below 0":           {func(o *Options) { o.FollowRedirects = -1 }, "follow -1 redirects"},
		"connections are below 0":         {func(o *Options) { o.Connections = -1 }, "-1 connections"},
		"the largest body is below 0":     {func(o *Options) { o.MaxBody = -1 }, "body -1"},
		"the target is empty":             {func(o *Options) { o.Target = attack.Target{} }, "target has no requests"},
		"there are a proxy and a socket":  {func(o *Options) { o.Proxy, o.UnixSocket = mustURL("http://p"), "/s" }, "exclude one another"},
		"a template of the target is bad": {func(o *Options) { o.Target = to("http://h/{{") }, "template in the URL"},
	} {
		o := Options{Target: to("http://h/")}
		row.change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("options are refused when %s: New = %v, want an error with %q", name, err, row.want)
		}
	}
}

// With no file left to open, a connection cannot come about: the generator's doing, whoever is at the other end.
func TestErrorsOfTheGeneratorsOwnVoidWithTheirWayOut(t *testing.T) {
	for errno, fix := range map[error]string{syscall.EMFILE: "ulimit -n", syscall.EADDRNOTAVAIL: "ip_local_port_range"} {
		synctest.Test(t, func(t *testing.T) {
			var n atomic.Int64
			e := inMemory(t, func(*http.Request) (*http.Response, error) {
				if n.Add(1) == 50 {
					return nil, errors.Join(errors.New("dial"), errno)
				}
				return reply(200), nil
			})
			why, got := run(t, e, steady(100, time.Second), nil).Void()
			if why == "" || !strings.Contains(got, fix) {
				t.Errorf("one %v in 100: void %q, fix %q; want void with the way out %s", errno, why, got, fix)
			}
		})
	}
}

// anyTrial draws a trial, a target and perhaps an abort, and checks what was measured.
func anyTrial(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	policies := []attack.Policy{attack.Never, attack.AtOnce, attack.Fixed, attack.FullJitter, attack.RetryAfter}
	processes := []attack.Process{attack.Even, attack.Poisson, attack.Clump}
	trial := attack.Trial{Seed: seed, Flight: 1 + rng.IntN(40), Warmup: time.Duration(rng.IntN(3)) * 700 * time.Millisecond, LogMax: rng.IntN(50)}
	for range 1 + rng.IntN(3) {
		s := attack.Schedule{Process: processes[rng.IntN(3)]}
		for range 1 + rng.IntN(3) {
			s.Segments = append(s.Segments, attack.Segment{From: rng.Float64() * 100, To: rng.Float64() * 100,
				Len: time.Duration(rng.IntN(2000)) * time.Millisecond, Burst: rng.IntN(2) * rng.IntN(60)})
		}
		trial.Actors = append(trial.Actors, attack.Actor{Schedule: s, Manners: attack.Manners{Policy: policies[rng.IntN(5)], Tries: rng.IntN(4)}})
	}
	e := inMemory(t, mixed, func(o *Options) {
		o.Target, o.Timeout = to("http://h/{{.Rand}}"), time.Duration(1+rng.IntN(1000))*time.Millisecond
	})
	abortAt := rng.IntN(80) // every other time never
	m := run(t, e, trial, func(tick attack.Tick) attack.Reason {
		if abortAt--; abortAt == 0 {
			return "drawn by lot"
		}
		return ""
	})
	checkTicks(t, m)
	all := m.All()
	if all.Lag.N() > all.Due || all.Attempts < all.Lag.N() || all.Unsent > 0 && m.Aborted == nil {
		t.Errorf("%+v with %d lags, aborted %+v", all.Counts, all.Lag.N(), m.Aborted)
	}
	if t.Failed() {
		t.Errorf("seed=%d", seed)
	}
}

// More requests than vegeta has workers hang at once, and none of them keeps another from being sent at its moment.
func TestRequestsThatHangKeepNoTickWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(r *http.Request) (*http.Response, error) { return late(r, 3*time.Second) })
		m := run(t, e, steady(200, 2*time.Second), nil)
		if all := m.All(); all.OK != 400 || all.Lag.Max() > time.Millisecond || m.PeakFlight <= hands {
			t.Errorf("%d ok, lag up to %v, %d in flight at once; want 400, none, and more than the %d workers", all.OK, all.Lag.Max(), m.PeakFlight, hands)
		}
	})
}
