package report

import (
	"io"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/plimsoll-load/plimsoll/attack"
)

// metrics are those of what OpenMetrics writes, with their help texts and labels.
var metrics = []metric{
	{explained{"plimsoll_capacity_requests_per_second", "What the target bears, by the bound."}, []string{"goal", "bound"}},
	{explained{"plimsoll_limit_requests_per_second", "The rate of the limit."}, nil},
	{explained{"plimsoll_limit_burst_requests", "The most requests that the limit admits at once from rest."}, nil},
	{explained{"plimsoll_check", "1 for each check of the throttle, by its outcome."}, []string{"scenario", "id", "name", "outcome"}},
	{explained{"plimsoll_run_requests", "Arrivals of the run by what became of them."}, []string{"outcome"}},
	{explained{"plimsoll_run_exit_code", "How the run ended; 0 is a promise kept."}, nil},
	{explained{"plimsoll_run_end_timestamp_seconds", "When the run ended."}, nil},
}

type metric struct {
	explained
	labels []string
}

// explainMetrics names each metric with its labels.
func explainMetrics() string {
	var t page80
	for _, m := range metrics {
		if m.labels == nil {
			t.line("  %s", m.name)
		} else {
			t.line("  %s{%s}", m.name, strings.Join(m.labels, ","))
		}
		t.wrapped("      ", m.means)
	}
	return t.String()
}

// OpenMetrics writes the numbers of the report as one scrape, for a push gateway or a textfile collector. Times are in
// seconds; what the run did not measure is absent.
func OpenMetrics(w io.Writer, r Report) error {
	reg := prometheus.NewRegistry()
	gauge := func(name string) *prometheus.GaugeVec {
		m := metrics[slices.IndexFunc(metrics, func(m metric) bool { return m.name == name })] // one that is not explained is our bug
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: m.means}, m.labels)
		reg.MustRegister(g)
		return g
	}
	r.gaugeCapacity(gauge("plimsoll_capacity_requests_per_second"))
	if l := r.Limit(); l != nil {
		gauge("plimsoll_limit_requests_per_second").WithLabelValues().Set(l.Rate)
		gauge("plimsoll_limit_burst_requests").WithLabelValues().Set(float64(l.Burst))
	}
	checks := gauge("plimsoll_check")
	for _, s := range r.Storms {
		for _, c := range s.Checks {
			checks.WithLabelValues(s.Scenario, c.ID, c.Name, string(c.Outcome)).Set(1)
		}
	}
	r.gaugeRequests(gauge("plimsoll_run_requests"))
	if r.End != nil {
		gauge("plimsoll_run_exit_code").WithLabelValues().Set(float64(r.End.Exit))
		gauge("plimsoll_run_end_timestamp_seconds").WithLabelValues().Set(float64(r.End.At.Unix()))
	}
	return encode(w, reg)
}

func (r Report) gaugeCapacity(g *prometheus.GaugeVec) {
	for _, c := range r.Capacities {
		for _, e := range []named{{"sustained", c.Sustained}, {"breaking", c.Breaking}, {"knee", c.Knee}, {"estimate", c.Estimate}} {
			if e.Estimate != nil {
				g.WithLabelValues(c.Goal, e.name).Set(e.Value)
			}
		}
		if e := c.Estimate; e != nil {
			g.WithLabelValues(c.Goal, "low").Set(e.Lo)
			g.WithLabelValues(c.Goal, "high").Set(e.Hi)
		}
	}
}

func (r Report) gaugeRequests(g *prometheus.GaugeVec) {
	var sum attack.Counts
	for _, m := range r.Trials {
		sum.Add(m.All().Counts)
	}
	for outcome, n := range map[string]int64{"ok": sum.OK, "throttled": sum.Throttled, "shed": sum.Shed, "failed": sum.Failed, "timeout": sum.Timeout, "unsent": sum.Unsent} {
		g.WithLabelValues(outcome).Set(float64(n))
	}
}

// encode writes what a registry holds, in the registry's order, which is that of names and labels.
func encode(w io.Writer, reg *prometheus.Registry) error {
	families, err := reg.Gather()
	if err != nil {
		return err
	}
	enc := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeOpenMetrics))
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	if c, ok := enc.(expfmt.Closer); ok {
		return c.Close()
	}
	return nil
}
