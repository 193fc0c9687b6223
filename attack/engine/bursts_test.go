package engine

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// spike is a burst with a rate beside it.
func spike(burst int, rate float64) attack.Trial {
	return attack.Trial{Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Burst: burst, From: rate, To: rate, Len: time.Second}}}}}}
}

// The planted fault: a generator that begins to send a burst when it has been due for a while.
func TestABurstIsJudgedByItsSpreadAndItsSize(t *testing.T) {
	for name, row := range map[string]struct {
		burst    int
		rate     float64
		late     time.Duration
		want     attack.CheckOutcome // of the burst
		unsent   int64
		lateTick attack.CheckOutcome
	}{
		"a large burst takes its time":          {5000, 0, 150 * ms, attack.Healthy, 0, attack.Unavailable},
		"and so do those who are due behind it": {5000, 1000, 150 * ms, attack.Healthy, 0, attack.Healthy},
		"a smaller one should not":              {1000, 1000, 100 * ms, attack.Warn, 0, attack.Healthy},
		"a small one must not":                  {500, 0, 100 * ms, attack.Void, 0, attack.Unavailable},
		"a large one must not take much more":   {5000, 0, 450 * ms, attack.Void, 0, attack.Unavailable},
		"what is far too late is not sent":      {1000, 0, 400 * ms, "", 1000, attack.Unavailable},
		"two late ones of ten are none":         {10, 0, 100 * ms, attack.Void, 0, attack.Unavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := inMemory(t, func(*http.Request) (*http.Response, error) { return reply(200), nil })
			s := newStorm(e, spike(row.burst, row.rate))
			p := newPacer(s)
			s.began = time.Now().Add(-row.late)
			close(s.begun)
			for range s.attacker().Attack(s.hit, p, 0, "") {
			}
			s.flying.Wait()
			m := s.measurement()
			lawful2(t, m)
			if c := named(m.Checks, "burst spread"); c.Outcome != row.want {
				t.Errorf("%s: %+v, want %q", name, c, row.want)
			}
			if c := named(m.Checks, "late ticks"); c.Outcome != row.lateTick {
				t.Errorf("%s: %+v, want %s", name, c, row.lateTick)
			}
			if got := m.All().Unsent; got != row.unsent {
				t.Errorf("%s: %d unsent, want %d", name, got, row.unsent)
			}
			why, _ := m.Void()
			if sick := row.want == attack.Void || row.unsent > 0; sick != (why != "") {
				t.Errorf("%s: void %q", name, why)
			}
		})
	}
}

// A load that clumps is one of bursts: each second's is judged by its spread.
func TestClumpsAreJudgedAsBursts(t *testing.T) {
	clumps := attack.Trial{Actors: []attack.Actor{{Schedule: attack.Constant(5000, 2*time.Second, attack.Clump)}}}
	spans := spansOf(clumps)
	if len(spans) != 2 || spans[0] == nil || spans[0].size != 5000 || spans[time.Second] == nil {
		t.Errorf("spans %v, want 5000 at 0 and at 1 s", spans)
	}
	if got := flightOf(clumps); got < 5000 {
		t.Errorf("%d in flight, want room for a clump", got)
	}
}

// The planted faults: arrivals of the rate that are late for another reason than the burst before them.
func TestBesideABurstTheRateIsJudgedByItsLag(t *testing.T) {
	const out = 150 * ms // the last of the burst was sent
	for name, row := range map[string]struct {
		sent func(due time.Duration) time.Duration
		want attack.CheckOutcome
	}{
		"in time, but for the burst":          {func(due time.Duration) time.Duration { return max(due, out+ms) }, attack.Healthy},
		"late behind the burst":               {func(due time.Duration) time.Duration { return max(due, out+60*ms) }, attack.Void},
		"late when the burst is long over":    {func(due time.Duration) time.Duration { return due + 60*ms }, attack.Void},
		"all sent in time, as if none before": {func(due time.Duration) time.Duration { return due }, attack.Healthy},
	} {
		l := newLedger(spike(5000, 1000), time.Second)
		for i := range 5000 {
			l.sent(arrival{}, time.Duration(i+1)*out/5000, 1)
		}
		for due := ms; due < time.Second; due += ms {
			l.sent(arrival{due: due}, row.sent(due), 1)
		}
		checks := l.checks(look{}, look{}, false)
		if c := named(checks, "late ticks"); c.Outcome != row.want {
			t.Errorf("%s: %+v, want %s", name, c, row.want)
		}
		if c := named(checks, "burst spread"); c.Outcome != attack.Healthy {
			t.Errorf("%s: %+v, want a burst that is well", name, c)
		}
	}
}

func TestWithoutABurstNothingIsSaidOfOne(t *testing.T) {
	if c := (crowd{}).checks(); c != nil {
		t.Errorf("%+v", c)
	}
}
