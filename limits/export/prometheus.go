package export

import (
	"fmt"
	"math"
	"time"
)

var prometheus = Format{
	Name: "prometheus", File: "plimsoll-rules.yml", Title: "Prometheus recording and alert rules", Group: Monitoring, Checker: "promtool check rules",
	Template: "prometheus.yml.tmpl", Deltas: prometheusDeltas,
}

var prometheusTest = Format{
	Name: "prometheus-test", File: "plimsoll-rules-test.yml", Title: "Unit tests of the Prometheus rules", Group: Monitoring, Checker: "promtool test rules",
	Template: "prometheus-test.yml.tmpl", Correct: testable,
}

var alertmanager = Format{
	Name: "alertmanager", File: "plimsoll-alertmanager.yml", Title: "Alertmanager route and receiver", Group: Monitoring, Checker: "amtool check-config",
	Template: "alertmanager.yml.tmpl",
}

func prometheusDeltas(_, _ Policy) []Delta {
	return []Delta{
		{Text: "a rate over a minute cannot see a burst of a second: what a burst did is for plimsoll verify to tell"},
		{Text: "the rules watch the whole limit; that a tier refuses its own keys shows in the same counter"},
	}
}

// Thresholds of the rules.
const (
	refusedHigh = 0.02 // share of requests refused: more than now and then
	refusedSome = 0.01 // share that shows the throttle at work
	nearGoal    = 0.8  // share of the latency goal
	overLimit   = 1.05 // share of the limit that no token bucket admits for long: the rest of it is for clocks and scrapes
)

// RefusedHigh is the share of refusals above which an alarm fires.
func (Page) RefusedHigh() float64 { return refusedHigh }

// RefusedSome is the share of refusals that shows a throttle at work.
func (Page) RefusedSome() float64 { return refusedSome }

// NearGoal is the p99 above which there is little room, in seconds.
func (g Page) NearGoal() float64 { return digits(nearGoal*g.GoalMS/1000, 6) }

// GoalSeconds is the latency goal in seconds.
func (g Page) GoalSeconds() float64 { return digits(g.GoalMS/1000, 6) }

// SilentAbove is the rate at which somebody must have been refused once it was kept up for the alarm's wait: in that time
// a token bucket admits its burst beside its rate, and no more.
//
// Note: a share of the limit below 1 would be no sign of a fault: a bucket of a few hundred takes up all unevenness of
// arrivals at 97 % of its rate.
func (g Page) SilentAbove() float64 {
	return digits(overLimit*g.Asked.Rate+float64(g.Asked.Burst)/g.Series().For.Seconds(), 6)
}

// AlarmTime is when an alarm that holds from now on has surely fired: its window half full of it, its wait, and a few evaluations
// and scrapes, and the notification's.
func (g Page) AlarmTime() string {
	s := g.Series()
	return (s.Window/2 + s.For + 4*s.Interval() + g.GroupWait()).Round(time.Second).String()
}

// GroupWait is how long notifications wait for company: less than an alarm's own wait, and 30 s at most.
func (g Page) GroupWait() time.Duration {
	return min(max(g.Series().For/10, 0).Truncate(time.Second), 30*time.Second)
}

// Proving are the target and the limit of a verify command.
func (g Page) Proving() string {
	return fmt.Sprintf("%s --limit %s/s --burst %d", g.url(), Number(g.Asked.Rate), g.Asked.Burst)
}

// digits rounds to so many significant decimals, so that 0.8 × 0.25 reads 0.2.
func digits(v float64, n int) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, float64(n)-math.Ceil(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}
