package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Expectation is a bound on what became of the arrivals of an own scenario, of one of its phases or of one of its actors:
//
//	admitted>=95%   refused=0   failed<1%   admitted<=1.1x   refused>100/s   status 503=0   p99<250ms   amplification<2
//
// A share is of all that were due; x is times the limit's rate.
type Expectation struct {
	Text   string
	metric string
	status int           // of "status 503"
	q      float64       // of "p99"
	op     string        // < <= = >= >
	bound  float64       // in the unit
	unit   string        // "", "%", "/s" or "x"
	wait   time.Duration // the bound of a latency
}

var expectation = regexp.MustCompile(`^(admitted|refused|failed|timeout|amplification|p\d{1,2}(?:\.\d+)?|status \d{3})\s*(<=|>=|<|>|=)\s*(\d+(?:\.\d+)?)\s*(%|/s|x|µs|us|ms|s|)$`)

// ParseExpectation reads an expectation; its error says what may be written.
func ParseExpectation(text string) (Expectation, error) {
	m := expectation.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Expectation{}, fmt.Errorf("expectation %q, want as admitted>=95%%, refused=0, failed<1%%, admitted<=1.1x, refused>100/s, status 503=0, p99<250ms or amplification<2", text)
	}
	x := Expectation{Text: strings.Join(strings.Fields(text), " "), metric: m[1], op: m[2], unit: m[4]}
	x.bound, _ = strconv.ParseFloat(m[3], 64)
	latency, timed := strings.HasPrefix(x.metric, "p"), strings.HasSuffix(x.unit, "s") && x.unit != "/s"
	switch {
	case latency != timed:
		return x, fmt.Errorf("expectation %q: a latency is bounded by a time (250ms), and nothing else is", text)
	case x.metric == "amplification" && x.unit != "" && x.unit != "x":
		return x, fmt.Errorf("expectation %q: amplification is a plain number, attempts per client", text)
	case latency:
		x.q, _ = strconv.ParseFloat(x.metric[1:], 64)
		x.wait, _ = time.ParseDuration(m[3] + x.unit)
		if x.q /= 100; x.op == "=" || x.q == 0 {
			return x, fmt.Errorf("expectation %q: want a quantile above 0, below or above a time", text)
		}
	case strings.HasPrefix(x.metric, "status "):
		x.status, _ = strconv.Atoi(x.metric[len("status "):])
	}
	return x, nil
}

// counted is how many arrivals, or attempts for a status, an expectation is of.
func (e *evidence) counted(x Expectation, w attack.Window) float64 {
	switch x.metric {
	case "admitted":
		return float64(w.OK)
	case "refused":
		return float64(e.refusals(w))
	case "timeout":
		return float64(w.Timeout)
	case "failed":
		return float64(w.Due - w.OK - w.Unsent - e.refusals(w))
	}
	return float64(w.Statuses[x.status])
}

// value is what was measured in the expectation's unit, and the same for people.
func (e *evidence) value(x Expectation, w attack.Window) (float64, string) {
	if x.wait > 0 {
		got := w.Response.Quantile(x.q)
		return float64(got), brief(got)
	}
	if x.metric == "amplification" {
		v := float64(w.Attempts) / float64(w.Due)
		return v, fmt.Sprintf("%.2f", v)
	}
	n := e.counted(x, w)
	switch x.unit {
	case "%":
		v := 100 * n / float64(w.Due)
		return v, fmt.Sprintf("%.4g%% (%.0f of %d)", v, n, w.Due)
	case "/s":
		return n / w.Len.Seconds(), rate(n / w.Len.Seconds())
	case "x":
		v := n / w.Len.Seconds() / e.c.Limit.Rate
		return v, fmt.Sprintf("%.3gx (%s)", v, rate(n/w.Len.Seconds()))
	}
	return n, fmt.Sprintf("%.0f of %d", n, w.Due)
}

// holds tells whether a value keeps the bound.
func (x Expectation) holds(v float64) bool {
	bound := x.bound
	if x.wait > 0 {
		bound = float64(x.wait)
	}
	switch x.op {
	case "<":
		return v < bound
	case "<=":
		return v <= bound
	case ">":
		return v > bound
	case ">=":
		return v >= bound
	}
	return v == bound
}

// look judges one expectation of an own scenario.
func (o Own) look(e *evidence, m attack.Measurement, p part) finding {
	x := p.expectation
	if ended(m) {
		return failed(x.Text, "ended after "+brief(m.Aborted.At), "%s", m.Aborted.Reason)
	}
	if m.Aborted != nil {
		return unsure(x.Text, "not seen", "%s", aborted(m))
	}
	w := o.window(m, p)
	if w.Due == 0 {
		return unsure(x.Text, "nothing", "nothing was due there, so there is nothing to hold it against")
	}
	if need := 1 / (1 - x.q); x.wait > 0 && float64(w.Response.N()) < need {
		return unsure(x.Text, fmt.Sprintf("%d served", w.Response.N()), "a p%g needs %.0f served requests at least", 100*x.q, need)
	}
	v, got := e.value(x, w)
	switch thin := o.strayed(e.c, m, p); {
	case thin != "":
		return unsure(x.Text, got, "%s", thin)
	case x.holds(v):
		return passed(x.Text, got, "%s due", attack.Were(w.Due, "request"))
	case x.wait > 0:
		return failed(x.Text, got, "%s due", attack.Were(w.Due, "request")).unless(delayed(m, w, latencyBound{x.q, x.wait}))
	case w.Unsent > 0:
		return unsure(x.Text, got, "%d of %s were not sent: the generator was late", w.Unsent, attack.Plural(w.Due, "request"))
	}
	return failed(x.Text, got, "%s due: statuses %s", attack.Were(w.Due, "request"), statuses(w))
}

// strayed says that a burst which an expectation rests on was not sent at once: one of its phase, or of one before.
func (o Own) strayed(c Config, m attack.Measurement, p part) string {
	log, at := firstTries(bySent(m.Log)), time.Duration(0)
	for i, phase := range o.Phases {
		if p.phase >= 0 && i > p.phase {
			break
		}
		n := int(phase.Burst.of(float64(c.Limit.Burst)))
		crowd := slices.DeleteFunc(slices.Clone(log), func(a attack.Attempt) bool { return a.Due != at })
		if len(crowd) > n {
			crowd = crowd[:n] // the rest are of the phase's rate, due at the same moment by chance
		}
		if why := c.notAtOnce(crowd); why != "" && n > 1 {
			return "the burst of phase " + phase.Name + " was late: " + why
		}
		at += phase.Len
	}
	return ""
}

// window is all that an expectation is of, put together.
func (o Own) window(m attack.Measurement, p part) (all attack.Window) {
	from, to := time.Duration(0), m.Trial.Len()
	if p.phase >= 0 {
		for _, before := range o.Phases[:p.phase] {
			from += before.Len
		}
		to = from + o.Phases[p.phase].Len
	}
	for _, w := range m.Windows {
		if w.At >= from && w.At < to && (p.actor < 0 || w.Actor == p.actor) {
			all.Add(w)
		}
	}
	return all
}
