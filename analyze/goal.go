package analyze

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Goal is the promise that a load must keep: latency quantiles of the response time, and the largest share of failures.
// The zero value promises nothing about latency and at most DefaultFailed failures.
type Goal struct {
	Latency []Bound  `json:"latency,omitempty"`
	Failed  *float64 `json:"failed,omitempty"` // share, 0..1; nil means DefaultFailed
}

// Bound promises that the share Quantile of the response times is below Max.
type Bound struct {
	Quantile float64       `json:"quantile"` // 0..1
	Max      time.Duration `json:"max_ns"`
}

// DefaultFailed is the share of failures, timeouts and shed requests that a load may have where the goal names none:
// research on 240 simulated services chose 1 %.
const DefaultFailed = 0.01

// FailedMax is the largest share of failures that the goal allows.
func (g Goal) FailedMax() float64 {
	if g.Failed != nil {
		return *g.Failed
	}
	return DefaultFailed
}

// ParseGoal adds one term to a goal: p99<250ms, p99.9<1s, or failed<1%.
func (g *Goal) Parse(s string) error {
	name, bound, ok := strings.Cut(strings.ReplaceAll(s, " ", ""), "<")
	if !ok {
		return fmt.Errorf("%q is no goal, want p99<250ms or failed<1%%", s)
	}
	if name == "failed" {
		share, err := ParsePercent(bound)
		if err != nil {
			return fmt.Errorf("goal %q: %w", s, err)
		}
		g.Failed = &share
		return nil
	}
	q, err := strconv.ParseFloat(strings.TrimPrefix(name, "p"), 64)
	if err != nil || !strings.HasPrefix(name, "p") || q <= 0 || q >= 100 {
		return fmt.Errorf("goal %q: %q is no quantile, want p50, p95, p99, p99.9 … or failed", s, name)
	}
	d, err := time.ParseDuration(bound)
	if err != nil || d <= 0 {
		return fmt.Errorf("goal %q: %q is no duration, want 250ms, 1s …", s, bound)
	}
	g.Latency = append(g.Latency, Bound{Quantile: q / 100, Max: d})
	return nil
}

// ParsePercent reads a share that must carry its per cent sign, so that 1 and 0.01 cannot be taken for one another.
func ParsePercent(s string) (float64, error) {
	num, ok := strings.CutSuffix(strings.TrimSpace(s), "%")
	if !ok {
		return 0, fmt.Errorf("%q needs a %% sign (20%%)", s)
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(num), 64)
	if err != nil || v < 0 || v > 100 {
		return 0, fmt.Errorf("%q is no percentage from 0%% to 100%%", s)
	}
	return v / 100, nil
}

// String is the goal as its terms are written.
func (g Goal) String() string {
	var terms []string
	for _, b := range g.Latency {
		terms = append(terms, "p"+strconv.FormatFloat(b.Quantile*100, 'g', 6, 64)+"<"+b.Max.String())
	}
	return strings.Join(append(terms, "failed<"+strconv.FormatFloat(g.FailedMax()*100, 'g', 4, 64)+"%"), " ")
}

// Missed names every term of the goal that the arrivals of w broke, as measured, without an interval: the question of a
// plain load is what happened, not what the target could do.
func (g Goal) Missed(w attack.Window) (missed []string) {
	for _, b := range g.Latency {
		if got := w.Response.Quantile(b.Quantile); got >= b.Max {
			missed = append(missed, fmt.Sprintf("p%g is %v, want below %v", b.Quantile*100, got.Round(10*time.Microsecond), b.Max))
		}
	}
	bad := w.Failed + w.Timeout + w.Shed
	if share := float64(bad) / float64(max(w.Due, 1)); share >= g.FailedMax() && bad > 0 {
		missed = append(missed, fmt.Sprintf("%.2f%% failed, want below %g%%", share*100, g.FailedMax()*100))
	}
	return missed
}
