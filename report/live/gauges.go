package live

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// names are what a Meter tells, by the conventions of Prometheus: base units, _total for what only grows, one thing a name.
// What the OpenMetrics snapshot of a report tells too goes by the same name there.
type names struct {
	all []*prometheus.Desc

	info, began                                         *prometheus.Desc
	requests, due, attempts, faults, trials             *prometheus.Desc
	response, service, lag                              *prometheus.Desc
	offered, achieved, flight, phase, trial, over, left *prometheus.Desc
	generator, through, stopped, capacity, limit, burst *prometheus.Desc
	scenario                                            *prometheus.Desc
}

func newNames() (n names) {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		made := prometheus.NewDesc("plimsoll_"+name, help, labels, nil)
		n.all = append(n.all, made)
		return made
	}
	n.info = d("run_info", "The run that is told of here; always 1.", "id", "command", "version")
	n.began = d("run_start_timestamp_seconds", "When the run began.")
	n.requests = d("requests_total", "Arrivals that ended, by what became of them; those unsent were due and never sent.", "outcome")
	n.due = d("arrivals_due_total", "Arrivals that were due.")
	n.attempts = d("attempts_total", "Requests answered, retries among them, by status; counted when their trial has ended.", "status")
	n.faults = d("attempt_errors_total", "Requests without a whole answer, retries among them, by class of error; counted when their trial has ended.", "class")
	n.trials = d("trials_total", "Trials that ended: whole, stopped early, or void because the generator was the limit.", "end")
	n.response = d("response_seconds", "Time from the moment an arrival was due to the last byte of its answer, of ok and timeout; counted when its trial has ended.")
	n.service = d("service_seconds", "Time from sending to the last byte of the answer, of ok and timeout; counted when its trial has ended.")
	n.lag = d("lag_seconds", "Time from the moment an arrival was due to its sending: the generator's own delay, and waiting for a connection; counted when its trial has ended.")
	n.offered = d("offered_requests_per_second", "Arrivals due in the last second of the running trial; 0 between trials.")
	n.achieved = d("achieved_requests_per_second", "Arrivals answered well in the last second of the running trial, whenever due; 0 between trials.")
	n.flight = d("in_flight_requests", "Arrivals due and not yet ended.")
	n.phase = d("phase", "1 for the phase of the running trial; absent between trials.", "phase")
	n.trial = d("trial_number", "Number of the running trial; absent between trials.")
	n.over = d("trial_over_ratio", "Share of the running trial that is over, 0 to 1; absent between trials.")
	n.left = d("left_seconds", "Time that the present part of the run still takes, where that is known.", "part")
	n.generator = d("generator_outcome", "1 for the worst self-check of the generator's in the last trial: ok, warn or void.", "outcome")
	n.through = d("bracket_through_requests_per_second", "Highest load that went through so far.")
	n.stopped = d("bracket_stopped_requests_per_second", "Lowest load that did not go through so far.")
	n.capacity = d("capacity_requests_per_second", "What the target bears, by the bound; absent until it is found.", "goal", "bound")
	n.limit = d("limit_requests_per_second", "The rate of the limit; absent until it is known.")
	n.burst = d("limit_burst_requests", "The most requests that the limit admits at once from rest; absent until it is known.")
	n.scenario = d("scenario_outcome", "1 for the outcome of each scenario that is decided.", "scenario", "outcome")
	return n
}

// Describe tells the names.
func (m *Meter) Describe(to chan<- *prometheus.Desc) {
	for _, d := range m.names.all {
		to <- d
	}
}

// Collect tells what is known by now. Whoever takes it may be slow: the run is not held up meanwhile.
func (m *Meter) Collect(to chan<- prometheus.Metric) {
	for _, metric := range m.known(time.Now()) {
		to <- metric
	}
}

func (m *Meter) known(now time.Time) []prometheus.Metric {
	m.mu.Lock()
	defer m.mu.Unlock()
	var t teller
	m.totals(&t)
	m.present(&t, now)
	m.found(&t)
	return t
}

// teller gathers metrics. A label that is no UTF-8, as only another program's text can be, becomes a metric that says so.
type teller []prometheus.Metric

func (t *teller) add(kind prometheus.ValueType, d *prometheus.Desc, v float64, labels []string) {
	metric, err := prometheus.NewConstMetric(d, kind, v, labels...)
	if err != nil {
		metric = prometheus.NewInvalidMetric(d, err)
	}
	*t = append(*t, metric)
}

func (t *teller) gauge(d *prometheus.Desc, v float64, labels ...string) {
	t.add(prometheus.GaugeValue, d, v, labels)
}

func (t *teller) counter(d *prometheus.Desc, n int64, labels ...string) {
	t.add(prometheus.CounterValue, d, float64(n), labels)
}

// one is 1 for the word that holds and 0 for the others, so that each of them has a history.
func one[T ~string](t *teller, d *prometheus.Desc, holds T, words []T, labels ...string) {
	for _, w := range words {
		t.gauge(d, map[bool]float64{true: 1}[w == holds], append(labels[:len(labels):len(labels)], string(w))...)
	}
}

// totals are what only grows. Every outcome is there from the beginning: a series that begins with its first failure is
// missing on a good day, and its rate does not see the first.
func (m *Meter) totals(t *teller) {
	n, c := m.names, m.counted
	for outcome, count := range map[string]int64{"ok": c.OK, "throttled": c.Throttled, "shed": c.Shed, "failed": c.Failed, "timeout": c.Timeout, "unsent": c.Unsent} {
		t.counter(n.requests, count, outcome)
	}
	t.counter(n.due, c.Due)
	for status, count := range m.statuses {
		t.counter(n.attempts, count, status)
	}
	for class, count := range m.errors {
		t.counter(n.faults, count, class)
	}
	for _, end := range []string{endWhole, endStopped, endVoid} {
		t.counter(n.trials, m.trials[end], end)
	}
	for d, times := range map[*prometheus.Desc]times{n.response: m.response, n.service: m.service, n.lag: m.lag} {
		*t = append(*t, prometheus.MustNewConstHistogram(d, times.n, times.sum, maps.Clone(times.upTo)))
	}
}

// present is what the running trial does.
func (m *Meter) present(t *teller, now time.Time) {
	n, s := m.names, &m.state
	if s.began.IsZero() {
		return
	}
	t.gauge(n.info, 1, s.run.ID, s.run.Command, s.run.Version)
	t.gauge(n.began, float64(s.run.Began.UnixMilli())/1000)
	pc, _ := s.pace()
	t.gauge(n.offered, pc.offered)
	t.gauge(n.achieved, pc.ok)
	t.gauge(n.flight, float64(pc.inFlight))
	if s.trial != nil {
		t.gauge(n.phase, 1, s.trial.Phase)
		t.gauge(n.trial, float64(s.trial.N))
		if long := s.trial.Idle + s.trial.Len(); long > 0 {
			t.gauge(n.over, min(1, now.Sub(s.since).Seconds()/long.Seconds()))
		}
	}
	if left, known := s.left(now); known {
		t.gauge(n.left, left.Seconds(), s.ahead.What)
	}
}

// found is what is known of the target and of the throttle.
func (m *Meter) found(t *teller) {
	n, s := m.names, &m.state
	if now := s.health.Outcome; now != "" {
		if now == attack.Unavailable { // what cannot be looked at here speaks against nobody
			now = attack.Healthy
		}
		one(t, n.generator, now, []attack.CheckOutcome{attack.Healthy, attack.Warn, attack.Void})
	}
	if s.bracket.through > 0 {
		t.gauge(n.through, s.bracket.through)
	}
	if s.bracket.stopped > 0 {
		t.gauge(n.stopped, s.bracket.stopped)
	}
	for _, c := range m.capacities {
		for bound, e := range map[string]*analyze.Estimate{"sustained": c.Sustained, "breaking": c.Breaking, "knee": c.Knee, "estimate": c.Estimate} {
			if e != nil {
				t.gauge(n.capacity, e.Value, c.Goal, bound)
			}
		}
	}
	if m.limit != nil {
		t.gauge(n.limit, m.limit.Rate)
		t.gauge(n.burst, float64(m.limit.Burst))
	}
	for _, v := range s.verdicts {
		one(t, n.scenario, v.Outcome, []scenarios.Outcome{scenarios.Pass, scenarios.Fail, scenarios.Inconclusive}, v.Scenario)
	}
}
