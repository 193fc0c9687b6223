package live

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// metered is a Meter over pipes.
func metered(t *testing.T) *Meter {
	t.Helper()
	m := OpenMeter(newPipes(), "plimsoll.example:9")
	t.Cleanup(m.Close)
	return m
}

// scraped is what a Prometheus is told.
func scraped(t *testing.T, m *Meter) string {
	t.Helper()
	rw := httptest.NewRecorder()
	m.server.http.Handler.ServeHTTP(rw, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9/metrics", nil))
	if rw.Code != http.StatusOK {
		t.Fatalf("status %d: %s", rw.Code, rw.Body)
	}
	return rw.Body.String()
}

// value is that of one series, as it is written on the page.
func value(t *testing.T, page, series string) float64 {
	t.Helper()
	for line := range strings.Lines(page) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			v, err := strconv.ParseFloat(rest, 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no series %s", series)
	return 0
}

func TestMeterTellsWhatTheRunCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metered(t)
		tell(m)
		got := scraped(t, m)
		for series, want := range map[string]float64{
			`plimsoll_run_info{command="find",id="",version=""}`: 1,
			`plimsoll_requests_total{outcome="ok"}`:              2000 + 4000 + 7600 + 20*147,
			`plimsoll_requests_total{outcome="failed"}`:          400 + 20*3,
			`plimsoll_requests_total{outcome="timeout"}`:         0,
			`plimsoll_arrivals_due_total`:                        14000 + 20*150,
			`plimsoll_trials_total{end="whole"}`:                 3,
			`plimsoll_trials_total{end="void"}`:                  0,
			`plimsoll_offered_requests_per_second`:               600,
			`plimsoll_achieved_requests_per_second`:              588,
			`plimsoll_in_flight_requests`:                        7,
			`plimsoll_phase{phase="confirm"}`:                    1,
			`plimsoll_trial_number`:                              4,
			`plimsoll_trial_over_ratio`:                          .5,
			`plimsoll_left_seconds{part="search"}`:               145,
			`plimsoll_generator_outcome{outcome="ok"}`:           1,
			`plimsoll_generator_outcome{outcome="void"}`:         0,
			`plimsoll_bracket_through_requests_per_second`:       400,
			`plimsoll_bracket_stopped_requests_per_second`:       800,
			`plimsoll_response_seconds_count`:                    2000 + 4000 + 7600,
			`plimsoll_response_seconds_bucket{le="0.01"}`:        1900, // 95 % of the first trial took 8 ms
			`plimsoll_response_seconds_bucket{le="0.02"}`:        2000 + 3800,
			`plimsoll_response_seconds_bucket{le="+Inf"}`:        2000 + 4000 + 7600,
			`plimsoll_lag_seconds_count`:                         0,
		} {
			if v := value(t, got, series); v != want {
				t.Errorf("%s %v, want %v", series, v, want)
			}
		}
		if strings.Contains(got, "plimsoll_capacity") || strings.Contains(got, "plimsoll_limit") {
			t.Error("a capacity is told before it is found")
		}
	})
}

func TestMeterTellsWhatWasFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metered(t)
		tell(m)
		finish(m)
		got := scraped(t, m)
		for series, want := range map[string]float64{
			`plimsoll_requests_total{outcome="ok"}`:                           2000 + 4000 + 7600 + 3600, // the trial, not its ticks again
			`plimsoll_trials_total{end="stopped"}`:                            1,
			`plimsoll_offered_requests_per_second`:                            0,
			`plimsoll_generator_outcome{outcome="warn"}`:                      1,
			`plimsoll_generator_outcome{outcome="ok"}`:                        0,
			`plimsoll_capacity_requests_per_second{bound="breaking",goal=""}`: 600,
			`plimsoll_capacity_requests_per_second{bound="knee",goal=""}`:     380,
			`plimsoll_limit_requests_per_second`:                              300,
			`plimsoll_limit_burst_requests`:                                   60,
			`plimsoll_scenario_outcome{outcome="fail",scenario="recovery"}`:   1,
			`plimsoll_scenario_outcome{outcome="pass",scenario="recovery"}`:   0,
			`plimsoll_scenario_outcome{outcome="pass",scenario="rectangle"}`:  1,
		} {
			if v := value(t, got, series); v != want {
				t.Errorf("%s %v, want %v", series, v, want)
			}
		}
		if strings.Contains(got, "plimsoll_phase") || strings.Contains(got, "plimsoll_trial_number") {
			t.Error("a trial is told of that has ended")
		}
	})
}

// TestMeterKeepsTheConventions asks Prometheus' own linter about every name, those of rare days among them.
func TestMeterKeepsTheConventions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metered(t)
		running := scraped(t, m) // before anything is known
		tell(m)
		trial := order(9, "ramp", 100)
		odd := measured(trial, 20, 0)
		odd.Windows[0].Statuses, odd.Windows[0].Errors = map[int]int64{200: 7, -1: 2, 123456: 3}, map[string]int64{"eof": 4}
		m.Feed(journal.Entry{Trial: odd})
		m.Feed(journal.Entry{Start: &trial})
		m.Feed(journal.Entry{Capacity: &analyze.Capacity{Goal: "p99<250ms", Estimate: &analyze.Estimate{Value: 490}}})
		m.Feed(journal.Entry{Limits: &limits.Recommendation{Limit: limits.Limit{Rate: 300, Burst: 60}}})
		all := scraped(t, m)
		for name, text := range map[string]string{"before": running, "while": all} {
			problems, err := promlint.New(strings.NewReader(text)).Lint()
			if err != nil || len(problems) > 0 {
				t.Errorf("%s: %v, %v", name, err, problems)
			}
		}
		for name, want := range map[string]float64{"200": 7, "other": 5} {
			if v := value(t, all, `plimsoll_attempts_total{status="`+name+`"}`); v != want {
				t.Errorf("%v attempts with status %s, want %v", v, name, want)
			}
		}
		if v := value(t, all, `plimsoll_attempt_errors_total{class="eof"}`); v != 4 {
			t.Errorf("%v errors, want 4", v)
		}
		for line := range strings.Lines(all) {
			if name := strings.FieldsFunc(line, func(r rune) bool { return r == '{' || r == ' ' })[0]; strings.HasPrefix(name, "plimsoll_") && !named(m, name) {
				t.Errorf("%s is told and not described", name)
			}
		}
	})
}

func named(m *Meter, name string) bool {
	for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
		for _, d := range m.names.all {
			if base, ok := strings.CutSuffix(name, suffix); ok && strings.Contains(d.String(), `fqName: "`+base+`"`) {
				return true
			}
		}
	}
	return false
}

// TestMeterTellsNoSecret: whatever was asked for and whatever the target says stays out.
func TestMeterTellsNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metered(t)
		const secret = "hunter2"
		trial := order(1, "ramp", 100)
		trial.Why, trial.Actors[0].Name = secret, secret
		done := measured(trial, 20, 0)
		done.Log = []attack.Attempt{{Status: 429, Headers: map[string]string{"Retry-After": secret}}}
		done.Checks[0].Got = secret
		m.Feed(journal.Entry{Run: &journal.Run{ID: "id", Command: "find", Title: secret, Target: "http://h/?key=" + secret, Fingerprint: secret, Spec: json.RawMessage(`"` + secret + `"`), Environment: map[string]string{"host": secret}}})
		m.Feed(journal.Entry{Start: &trial})
		m.Feed(journal.Entry{Trial: done})
		m.Feed(journal.Entry{Note: &attack.Note{Text: secret}})
		m.Feed(journal.Entry{End: &journal.End{Outcome: secret}})
		if got := scraped(t, m); strings.Contains(got, secret) || !strings.Contains(got, `command="find"`) {
			t.Errorf("a secret is told, or nothing:\n%s", got)
		}
	})
}

// TestMeterNeverFalls: a counter that falls is taken for one that began anew.
func TestMeterNeverFalls(t *testing.T) {
	m := &Meter{names: newNames(), statuses: map[string]int64{}, errors: map[string]int64{}, trials: map[string]int64{}, response: newTimes(), service: newTimes(), lag: newTimes()}
	trial := order(1, "ramp", 100)
	m.Feed(journal.Entry{Start: &trial})
	m.Feed(journal.Entry{Tick: &attack.Tick{Due: 2000, OK: 2000}})
	m.Feed(journal.Entry{Trial: measured(trial, 20, 10)}) // 1,000 due, 10 of them failed
	if m.counted.OK != 2000 || m.counted.Due != 2000 || m.counted.Failed != 10 {
		t.Errorf("counted %+v, want what the ticks told and the failures that they did not", m.counted)
	}
}

// TestMeterIsReadWhileItIsFed: readers, slow ones among them, never hold up the run.
func TestMeterIsReadWhileItIsFed(t *testing.T) {
	m := metered(t)
	stuck := make(chan prometheus.Metric)
	var readers sync.WaitGroup
	readers.Go(func() { m.Collect(stuck) }) // nobody takes anything until the feeding is over
	for range 4 {
		readers.Go(func() {
			for range 20 {
				if families, err := m.registry().Gather(); err != nil || len(families) == 0 {
					t.Errorf("%d families, %v", len(families), err)
				}
			}
		})
	}
	trial := order(1, "ramp", 100)
	for range 300 {
		m.Feed(journal.Entry{Start: &trial})
		m.Feed(journal.Entry{Tick: &attack.Tick{Elapsed: time.Second, Due: 10, OK: 10}})
		m.Feed(journal.Entry{Trial: measured(trial, 20, 0)})
	}
	go func() {
		readers.Wait()
		close(stuck)
	}()
	for metric := range stuck {
		if err := metric.Write(&dto.Metric{}); err != nil {
			t.Error(err)
		}
	}
}

func TestMeterAnswersWhoMayAsk(t *testing.T) {
	here, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	everywhere := at{here, &net.TCPAddr{IP: net.IPv4zero, Port: 9100}}
	for name, row := range map[string]struct {
		listener     net.Listener
		method, path string
		host         string
		status       int
	}{
		"a number":               {here, "GET", "/metrics", "127.0.0.1:9100", 200},
		"this machine":           {here, "GET", "/metrics", "localhost:9100", 200},
		"a name made to lead":    {here, "GET", "/metrics", "evil.example:9100", 421},
		"a name, open to others": {everywhere, "GET", "/metrics", "loadgen.internal:9100", 200},
		"elsewhere":              {here, "GET", "/", "127.0.0.1:9100", 404},
		"a write":                {here, "POST", "/metrics", "127.0.0.1:9100", 405},
	} {
		m := &Meter{names: newNames()}
		mux := m.handler()
		req := httptest.NewRequest(row.method, "http://"+row.host+row.path, strings.NewReader(""))
		rw := httptest.NewRecorder()
		met(row.listener, "", mux).ServeHTTP(rw, req)
		if body, err := io.ReadAll(rw.Body); rw.Code != row.status || err != nil {
			t.Errorf("%s: status %d (%.80s), want %d", name, rw.Code, body, row.status)
		}
	}
}

// at is a listener that says it is somewhere.
type at struct {
	net.Listener
	addr net.Addr
}

func (a at) Addr() net.Addr { return a.addr }
