package engine

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if act := children[os.Getenv(childEnv)]; act != nil {
		act()
		return
	}
	goleak.VerifyTestMain(m)
}

// stub is a target in memory.
type stub func(*http.Request) (*http.Response, error)

func (s stub) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// reply is a whole answer.
func reply(status int, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader([]byte("body")))}
}

// pauseFor waits like a target that obeys the request's context.
func pauseFor(r *http.Request, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

// late answers after a while, if the request has the patience.
func late(r *http.Request, d time.Duration) (*http.Response, error) {
	if err := pauseFor(r, d); err != nil {
		return nil, err
	}
	return reply(200), nil
}

func to(url string) attack.Target { return attack.Target{Requests: []attack.Request{{URL: url}}} }

// inMemory is an engine whose target is a stub.
func inMemory(t *testing.T, s stub, change ...func(*Options)) *Engine {
	t.Helper()
	o := Options{Target: to("http://target/"), Transport: s}
	for _, c := range change {
		c(&o)
	}
	return open(t, o)
}

// overBoth runs a test over each carrier; open takes it from the test's name.
func overBoth(t *testing.T, test func(t *testing.T)) {
	for _, via := range []Via{Fast, Std} {
		t.Run(string(via), test)
	}
}

func open(t testing.TB, o Options) *Engine {
	t.Helper()
	if via := Via(path.Base(t.Name())); (via == Fast || via == Std) && o.needsStd() == "" {
		o.Via = via
	}
	e, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// run runs a trial and checks the laws that hold for every measurement.
func run(t testing.TB, e *Engine, trial attack.Trial, watch func(attack.Tick) attack.Reason) attack.Measurement {
	t.Helper()
	m, err := e.Run(t.Context(), trial, watch)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	lawful(t, m)
	return m
}

func lawful(t testing.TB, m attack.Measurement) {
	t.Helper()
	if err := m.Check(); err != nil {
		t.Errorf("measurement does not add up: %v", err)
	}
	if all := m.All(); m.Trial.Serial == nil && m.Aborted == nil && all.Due != m.Trial.Count() {
		t.Errorf("%d arrivals counted as due, the schedule owes %d", all.Due, m.Trial.Count())
	}
	if m.Aborted == nil && m.Trial.Len() > 0 && m.Trial.Serial == nil && len(m.Ticks) != attack.TicksPerTrial {
		t.Errorf("%d ticks, want %d", len(m.Ticks), attack.TicksPerTrial)
	}
}

// steady is a trial of one actor with even arrivals.
func steady(load float64, long time.Duration) attack.Trial {
	return attack.Trial{N: 1, Actors: []attack.Actor{{Schedule: attack.Constant(load, long, attack.Even)}}}
}

// The truth of a stall: of 10 s at 1,000/s, the arrivals of one second wait for its end, up to a second. So a tenth of all
// response times are spread evenly over 0 … 1 s, and the 99th percentile is 900 ms. Service times know of 50 requests alone.
func TestResponseTimesTellOfAStallThatServiceTimesHide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		e := inMemory(t, func(r *http.Request) (*http.Response, error) {
			if at := time.Since(began); at >= 4*time.Second && at < 5*time.Second {
				time.Sleep(5*time.Second - at)
			}
			time.Sleep(100 * time.Microsecond)
			return reply(200), nil
		})
		trial := steady(1000, 10*time.Second)
		trial.Flight = 50
		m := run(t, e, trial, nil)
		all := m.All()
		if got := all.Response.Quantile(.99); got < 882*time.Millisecond || got > 918*time.Millisecond {
			t.Errorf("response p99 %v, want within 2%% of 900ms", got)
		}
		if got := all.Service.Quantile(.99); got > 10*time.Millisecond {
			t.Errorf("service p99 %v, want what 50 stalled requests of 10,000 leave of it: under 10ms", got)
		}
		if why, _ := m.Void(); why != "" {
			t.Errorf("void for %s, want the target's stall to be no fault of the generator's", why)
		}
		if len(m.Notes) != 1 || m.Notes[0].Code != "concurrency-limited" {
			t.Errorf("notes %+v, want that the cap limited the trial", m.Notes)
		}
		if all.OK != 10_000 {
			t.Errorf("%d ok, want all 10,000", all.OK)
		}
	})
}

func mustURL(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		panic(err)
	}
	return u
}
