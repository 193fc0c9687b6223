package export

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Case is one situation in the unit tests of the rules, and the alarms that must fire in it, and no others.
type Case struct {
	Says   string
	Fires  []string
	Inputs []Input
}

// Input is one series of a Case, in promtool's notation.
type Input struct{ Series, Values string }

// Cases are the situations that the rules must tell apart.
func (g Page) Cases() []Case {
	limit := g.Asked.Rate
	over := max(1.2*limit, 1.1*g.SilentAbove()) // a burst that is large for the alarm's wait takes more to exhaust
	inputs := func(served, refused float64, slow, counted bool) []Input {
		return g.inputs(served, refused, slow, counted)
	}
	all := []Case{
		{"a quiet day: half the limit, nobody refused", nil, inputs(limit/2, 0, false, true)},
		{"all of the limit, nobody refused: the burst takes up what is uneven", nil, inputs(limit, 0, false, true)},
		{"half as much again as the limit: a third is refused", []string{"ThrottlingHigh"}, inputs(limit, limit/2, false, true)},
		{"more than the limit is asked for, and the limiter's counter stands still", []string{"LimiterSilent"}, inputs(over, 0, false, true)},
		{"more than the limit is asked for, and the limiter's counter is gone", []string{"LimiterSilent"}, inputs(over, 0, false, false)},
		{"nothing is scraped", []string{"RequestMetricMissing"}, []Input{{"up", "1x" + fmt.Sprint(g.steps())}}},
	}
	if g.Series().HasLatency() && g.GoalMS > 0 {
		all = append(all, Case{"slow though it refuses: the limit is too high", []string{"LatencyNearGoal", "LimitTooHigh", "ThrottlingHigh"}, inputs(limit, limit/2, true, true)},
			Case{"slow with room to spare: no matter of the limit", []string{"LatencyNearGoal"}, inputs(limit/2, 0, true, true)})
	}
	return all
}

// EvalTime is when a Case is judged: all windows are full and every wait is over.
func (g Page) EvalTime() time.Duration {
	s := g.Series()
	return 2*s.Window + s.For + 4*s.Interval()
}

// steps is how many scrapes there are until a Case is judged, and a few more.
func (g Page) steps() int {
	return int(math.Ceil(float64(g.EvalTime())/float64(g.Series().Interval()))) + 4
}

// inputs are the series of a service that serves and refuses so many requests a second, within a tenth of its goal or
// beyond it. Where refusals are not counted, their series is missing.
func (g Page) inputs(served, refused float64, slow, counted bool) []Input {
	s := g.Series()
	requests, own := split(s.Requests)
	refusals, told := split(s.Refused)
	var out []Input
	counts := func(name string, perSecond float64, matchers ...string) {
		step := perSecond * s.Interval().Seconds()
		out = append(out, Input{name + "{" + strings.Join(labels(matchers...), ",") + "}", fmt.Sprintf("0+%sx%d", Number(digits(step, 9)), g.steps())})
	}
	if requests == refusals {
		counts(requests, served, s.Select, own, otherwise(told))
	} else {
		counts(requests, served+refused, s.Select, own)
	}
	if counted {
		counts(refusals, refused, s.Select, told)
	}
	if !s.HasLatency() {
		return out
	}
	name, own := split(s.Duration)
	for _, le := range []float64{.1, 1, 2, math.Inf(1)} {
		n := served
		if slow && le < 2 {
			n *= 1 - slowShare
		}
		bound := `le="` + g.bound(le) + `"`
		counts(name+"_bucket", n, s.Select, own, otherwise(s.Served), bound)
		if s.Served != "" && refused > 0 { // at once, each of them
			counts(name+"_bucket", refused, s.Select, own, strings.ReplaceAll(s.Served, "!=", "="), bound)
		}
	}
	return out
}

// slowShare of the served requests is slow in a slow Case: enough for their p99, and too little for that of the refused
// together with them.
const slowShare = 0.012

// bound is a bucket's upper edge in multiples of the goal, in the histogram's unit.
func (g Page) bound(times float64) string {
	unit := g.GoalSeconds()
	if g.Series().Millis {
		unit *= 1000
	}
	if math.IsInf(times, 1) {
		return "+Inf"
	}
	return Number(digits(times*unit, 6))
}

var matcherRule = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)(=~|!~|!=|=)"([^"]*)"`)

// labels are what equality matchers ask for.
func labels(matchers ...string) (out []string) {
	for _, m := range matcherRule.FindAllStringSubmatch(strings.Join(matchers, ","), -1) {
		out = append(out, m[1]+`="`+m[3]+`"`)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// otherwise is a series beside those that matchers select or leave out: the same labels with another value, as a 200
// beside the 429.
func otherwise(matchers string) string {
	return matcherRule.ReplaceAllString(matchers, `$1="200"`)
}

// testable refuses rules whose series cannot be made up.
func testable(p Policy) (Policy, error) {
	s := p.Series()
	for _, text := range []string{s.Select, s.Requests, s.Refused, s.Duration} {
		if _, own := split(text); strings.Contains(text+own, "~") || strings.Contains(text, "!=") {
			return p, errors.New("the unit tests make up series, and can only do so for matchers with =")
		}
	}
	return p, nil
}
