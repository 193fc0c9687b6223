package report

import (
	"io"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/plimsoll-load/plimsoll/attack"
)

// OpenMetrics writes the numbers of the report as one scrape, for a push gateway or a textfile collector. Times are in
// seconds; what the run did not measure is absent.
func OpenMetrics(w io.Writer, r Report) error {
	reg := prometheus.NewRegistry()
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "plimsoll_" + name, Help: help}, labels)
		reg.MustRegister(g)
		return g
	}
	r.gaugeCapacity(gauge("capacity_requests_per_second", "What the target bears, by the bound.", "goal", "bound"))
	if l := r.Limit(); l != nil {
		gauge("limit_requests_per_second", "The rate of the limit.").WithLabelValues().Set(l.Rate)
		gauge("limit_burst_requests", "The most requests that the limit admits at once from rest.").WithLabelValues().Set(float64(l.Burst))
	}
	checks := gauge("check", "1 for each check of the throttle, by its outcome.", "scenario", "id", "name", "outcome")
	for _, s := range r.Storms {
		for _, c := range s.Checks {
			checks.WithLabelValues(s.Scenario, c.ID, c.Name, string(c.Outcome)).Set(1)
		}
	}
	r.gaugeRequests(gauge("run_requests", "Arrivals of the run by what became of them.", "outcome"))
	if r.End != nil {
		gauge("run_exit_code", "How the run ended; 0 is a promise kept.").WithLabelValues().Set(float64(r.End.Exit))
		gauge("run_end_timestamp_seconds", "When the run ended.").WithLabelValues().Set(float64(r.End.At.Unix()))
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
