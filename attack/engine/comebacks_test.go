package engine

import (
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// stubborn refuses the first tries of each arrival, told apart by their paths, and then admits.
func stubborn(refusals int, headers ...string) stub {
	var mu sync.Mutex
	tries := map[string]int{}
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if tries[r.URL.Path]++; tries[r.URL.Path] <= refusals {
			return reply(429, headers...), nil
		}
		return reply(200), nil
	}
}

func numbered(o *Options) { o.Target = to("http://h/{{.Seq}}") }

func TestMannersDecideHowOftenAndWhenTheRefusedComeBack(t *testing.T) {
	waits := func(ms ...int) []time.Duration {
		var out []time.Duration
		for _, m := range ms {
			out = append(out, time.Duration(m)*time.Millisecond)
		}
		return out
	}
	for name, row := range map[string]struct {
		manners   attack.Manners
		refusals  int
		headers   []string
		attempts  int64 // of ten arrivals
		ok        int64
		waits     []time.Duration // between one arrival's attempts; nil where lots are drawn
		maxWaited time.Duration
	}{
		"who never retries gives up":             {attack.Manners{}, 1, nil, 10, 0, nil, 0},
		"who retries at once does":               {attack.Manners{Policy: attack.AtOnce}, 2, nil, 30, 10, waits(0, 0), 0},
		"fixed waits are all the same":           {attack.Manners{Policy: attack.Fixed, Base: 70 * time.Millisecond}, 2, nil, 30, 10, waits(70, 70), 0},
		"exponential waits double up to the cap": {attack.Manners{Policy: attack.Exponential, Base: 50 * time.Millisecond, Cap: 150 * time.Millisecond}, 4, nil, 50, 10, waits(50, 100, 150, 150), 0},
		"jitter draws lots":                      {attack.Manners{Policy: attack.FullJitter, Base: 40 * time.Millisecond}, 2, nil, 30, 10, nil, 120 * time.Millisecond},
		"who honours Retry-After waits as told":  {attack.Manners{Policy: attack.RetryAfter}, 2, []string{"Retry-After", "2"}, 30, 10, waits(2000, 2000), 0},
		"a date is honoured from its Date on": {attack.Manners{Policy: attack.RetryAfter}, 1,
			[]string{"Retry-After", "Sun, 06 Nov 1994 08:49:40 GMT", "Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, 20, 10, waits(3000), 0},
		"five tries are the default": {attack.Manners{Policy: attack.AtOnce}, 99, nil, 50, 0, waits(0, 0, 0, 0), 0},
		"two tries are two":          {attack.Manners{Policy: attack.AtOnce, Tries: 2}, 99, nil, 20, 0, waits(0), 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := inMemory(t, stubborn(row.refusals, row.headers...), numbered)
			trial := steady(10, time.Second)
			trial.Actors[0].Manners, trial.LogMax = row.manners, 1000
			m := run(t, e, trial, nil)
			all := m.All()
			if all.Attempts != row.attempts || all.OK != row.ok || all.OK+all.Throttled != 10 {
				t.Errorf("%s: %d attempts, %d ok, %d throttled; want %d attempts, %d ok", name, all.Attempts, all.OK, all.Throttled, row.attempts, row.ok)
			}
			if all.Statuses[429]+all.Statuses[200] != row.attempts || all.Lag.N() != 10 {
				t.Errorf("%s: statuses %v of %d attempts, %d lags; want one lag an arrival", name, all.Statuses, row.attempts, all.Lag.N())
			}
			checkWaits(t, name, m.Log, row.waits, row.maxWaited)
		})
	}
}

func TestADecorrelatedWaitGrowsFromTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, stubborn(3), numbered)
		trial := steady(10, time.Second)
		trial.Actors[0].Manners, trial.LogMax = attack.Manners{Policy: attack.Decorrelated, Base: 40 * time.Millisecond}, 1000
		last, before, grew := map[int64]time.Duration{}, map[int64]time.Duration{}, false
		for _, a := range run(t, e, trial, nil).Log {
			if a.Try > 1 {
				got, most := a.Sent-last[a.Seq], 3*max(before[a.Seq], 40*time.Millisecond)
				if got < 40*time.Millisecond || got > most {
					t.Errorf("arrival %d waited %v before try %d, want 40ms to %v", a.Seq, got, a.Try, most)
				}
				before[a.Seq], grew = got, grew || got > 120*time.Millisecond
			}
			last[a.Seq] = a.Received
		}
		if !grew {
			t.Error("no wait grew beyond three times the base")
		}
	})
}

func checkWaits(t *testing.T, name string, log []attack.Attempt, want []time.Duration, most time.Duration) {
	t.Helper()
	last := map[int64]attack.Attempt{}
	for _, a := range log {
		before, again := last[a.Seq]
		last[a.Seq] = a
		if !again {
			continue
		}
		if a.Try != before.Try+1 {
			t.Errorf("%s: arrival %d's try %d came after its try %d", name, a.Seq, a.Try, before.Try)
		}
		got := a.Sent - before.Received
		if want != nil && got != want[a.Try-2] || want == nil && got > most {
			t.Errorf("%s: arrival %d waited %v before try %d, want %v (at most %v)", name, a.Seq, got, a.Try, want, most)
		}
	}
}

func TestResponseOfARetriedArrivalRunsFromItsDueMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, stubborn(1), numbered)
		trial := steady(10, time.Second)
		trial.Actors[0].Manners = attack.Manners{Policy: attack.Fixed, Base: 400 * time.Millisecond}
		all := run(t, e, trial, nil).All()
		if got := all.Response.Quantile(.5); got < 399*time.Millisecond || got > 401*time.Millisecond {
			t.Errorf("response %v, want the 400ms that the client waited", got)
		}
		if got := all.Service.Max(); got > time.Millisecond {
			t.Errorf("service %v, want that of the last attempt alone", got)
		}
	})
}

func TestThoseWhoWaitToComeBackHoldNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, stubborn(1), numbered)
		trial := steady(100, time.Second)
		trial.Flight = 1
		trial.Actors[0].Manners = attack.Manners{Policy: attack.Fixed, Base: 5 * time.Second}
		m := run(t, e, trial, nil)
		if all := m.All(); all.Lag.Max() > time.Millisecond || all.OK != 100 {
			t.Errorf("lag up to %v and %d ok, want no first attempt to wait and 100 ok", all.Lag.Max(), all.OK)
		}
	})
}

func TestARetryAfterOfAnHourIsNoTrialOfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, stubborn(1, "Retry-After", "3600"), numbered)
		trial := steady(10, time.Second)
		trial.Actors[0].Manners = attack.Manners{Policy: attack.RetryAfter}
		began := time.Now()
		m := run(t, e, trial, nil)
		if all := m.All(); all.Throttled != 10 || time.Since(began) > 2*time.Second {
			t.Errorf("%d throttled after %v, want 10 at the trial's end", all.Throttled, time.Since(began))
		}
		if len(m.Notes) != 1 || !strings.HasPrefix(m.Notes[0].Text, "10 refused requests were not retried") {
			t.Errorf("notes %+v, want that 10 did not come back", m.Notes)
		}
	})
}

func TestAnAbortEndsThoseWhoWaitWithTheAnswerTheyHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, stubborn(1), numbered)
		trial := steady(10, 10*time.Second)
		trial.Actors[0].Manners = attack.Manners{Policy: attack.Fixed, Base: 8 * time.Second}
		m := run(t, e, trial, func(tick attack.Tick) attack.Reason {
			if tick.Elapsed > 3*time.Second {
				return "enough"
			}
			return ""
		})
		if all := m.All(); all.Throttled != all.Due || all.Attempts != all.Due || m.Took > 4*time.Second {
			t.Errorf("%+v after %v, want all that were due throttled and nobody to have come back", all.Counts, m.Took)
		}
	})
}

// The same law as attack/sim's, over the whole engine: of a server that fails a share f, clients of R retries ask
// (1 − f^(R+1))/(1 − f) times each.
func TestRetriesAmplifyAsTheGeometricSumSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const f, retries = .5, 4
		var n atomic.Uint64
		e := inMemory(t, func(*http.Request) (*http.Response, error) {
			if n.Add(1)*0x9e3779b97f4a7c15>>11%1000 < f*1000 {
				return reply(429), nil
			}
			return reply(200), nil
		})
		trial := steady(400, 5*time.Second)
		trial.Actors[0].Manners = attack.Manners{Policy: attack.FullJitter, Tries: retries + 1}
		all := run(t, e, trial, nil).All()
		got, want := float64(all.Attempts)/float64(all.Due), (1-math.Pow(f, retries+1))/(1-f)
		if math.Abs(got/want-1) > .05 {
			t.Errorf("%.3f attempts each, want %.3f", got, want)
		}
	})
}
