package live

import (
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// Meter serves what a run counts to a Prometheus while it lasts. Feed it from any goroutine, and Close it.
//
// What ticks tell is counted as it happens; times, statuses and errors are known when a trial has ended, and come then. No
// text of the target's and none of a header, key or body becomes a label.
type Meter struct {
	listener net.Listener
	server   *server
	names    names

	mu                     sync.Mutex
	state                  state
	counted                attack.Counts // in all
	trial                  attack.Counts // of them, in the running trial
	statuses               map[string]int64
	errors                 map[string]int64
	trials                 map[string]int64 // by how they ended
	response, service, lag times
	capacities             map[string]analyze.Capacity // by goal
	limit                  *limits.Limit               // what a throttle is set to, or should be
}

// scrapersMax bounds those who are answered at the same time.
const scrapersMax = 4

// OpenMeter begins to serve at /metrics. Address is as it was asked for: its host may be named by requests.
func OpenMeter(l net.Listener, address string) *Meter {
	m := &Meter{listener: l, names: newNames(), statuses: map[string]int64{}, errors: map[string]int64{}, trials: map[string]int64{},
		response: newTimes(), service: newTimes(), lag: newTimes(), capacities: map[string]analyze.Capacity{}}
	m.server = serve(l, met(l, address, m.handler()))
	return m
}

func (m *Meter) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry(), promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: scrapersMax}))
	return mux
}

// met answers to any name where the server was opened to others: a Prometheus goes by names that nobody here knows, and
// there is nothing to be done from here. What is of this machine alone stays so: see known.
func met(l net.Listener, address string, next http.Handler) http.Handler {
	if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		return next
	}
	return known(hostOf(address), next)
}

// URL is what a Prometheus scrapes.
func (m *Meter) URL() string { return "http://" + m.listener.Addr().String() + "/metrics" }

// Close ends the serving and waits for it. It may be called more than once.
func (m *Meter) Close() { m.server.close() }

// registry holds the metrics of the run, and those of this process: whoever watches a run watches its generator.
func (m *Meter) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Feed takes note of an entry and returns at once.
func (m *Meter) Feed(e journal.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.add(e, time.Now())
	switch {
	case e.Run != nil && e.Run.Limit != nil:
		m.limit = e.Run.Limit
	case e.Start != nil:
		m.trial = attack.Counts{}
	case e.Tick != nil:
		t := e.Tick
		m.count(attack.Counts{Due: t.Due, OK: t.OK, Throttled: t.Throttled, Shed: t.Shed, Failed: t.Failed, Timeout: t.Timeout, Unsent: t.Unsent})
	case e.Trial != nil:
		m.finish(*e.Trial)
	case e.Capacity != nil:
		m.capacities[e.Capacity.Goal] = *e.Capacity
	case e.Limits != nil:
		m.limit = &limits.Limit{Rate: e.Limits.Rate, Burst: e.Limits.Burst}
	}
}

func (m *Meter) count(c attack.Counts) {
	m.counted.Add(c)
	m.trial.Add(c)
}

// finish counts what the ticks of a trial did not see: what ended after its last tick, and all of a trial without any.
func (m *Meter) finish(done attack.Measurement) {
	all := done.All()
	m.count(less(all.Counts, m.trial))
	m.trial = attack.Counts{}
	m.trials[endOf(done)]++
	for status, n := range all.Statuses {
		m.statuses[statusLabel(status)] += n
	}
	for class, n := range all.Errors {
		m.errors[class] += n
	}
	m.response.add(all.Response)
	m.service.add(all.Service)
	m.lag.add(all.Lag)
}

// statusLabel is a status as a label. A target that answers with what is none must not make a series of each.
func statusLabel(status int) string {
	if status < 100 || status > 999 {
		return "other"
	}
	return strconv.Itoa(status)
}

// How a trial ended, in a word.
const (
	endWhole   = "whole"
	endStopped = "stopped"
	endVoid    = "void"
)

func endOf(m attack.Measurement) string {
	if why, _ := m.Void(); why != "" {
		return endVoid
	}
	if m.Aborted != nil {
		return endStopped
	}
	return endWhole
}

// less is a without b, and nothing less than nothing: a counter never falls.
func less(a, b attack.Counts) attack.Counts {
	return attack.Counts{Due: max(a.Due-b.Due, 0), OK: max(a.OK-b.OK, 0), Throttled: max(a.Throttled-b.Throttled, 0), Shed: max(a.Shed-b.Shed, 0),
		Failed: max(a.Failed-b.Failed, 0), Timeout: max(a.Timeout-b.Timeout, 0), Unsent: max(a.Unsent-b.Unsent, 0), Attempts: max(a.Attempts-b.Attempts, 0)}
}

// bounds are the buckets of times, in seconds: about four to the factor ten, from a tenth of a millisecond to a minute and a
// half. Of two goals, the one that people set more often has a bound of its own: 250 ms.
var bounds = []float64{.0001, .0002, .0005, .001, .002, .003, .005, .0075, .01, .02, .03, .05, .075, .1, .15, .2, .25, .3, .5, .75, 1, 2, 3, 5, 10, 20, 30, 60, 90}

// times are a histogram as Prometheus wants it. Memory is that of bounds.
type times struct {
	n    uint64
	sum  float64            // seconds, of the times as they were kept, to two digits each
	upTo map[float64]uint64 // those of at most so many seconds
}

func newTimes() times {
	t := times{upTo: map[float64]uint64{}}
	for _, b := range bounds {
		t.upTo[b] = 0
	}
	return t
}

func (t *times) add(h attack.Histogram) {
	for v, count := range h.Buckets {
		s := v.Seconds()
		t.n, t.sum = t.n+uint64(count), t.sum+s*float64(count)
		for _, b := range bounds {
			if s <= b {
				t.upTo[b] += uint64(count)
			}
		}
	}
}
