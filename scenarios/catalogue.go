package scenarios

import (
	"fmt"

	"github.com/plimsoll-load/plimsoll/attack"
)

// A scenario is a named storm and what is expected of the throttle in it. It is data: stages say what is sent, checks
// what is looked at.
type scenario struct {
	name   string
	title  string
	checks []check
}

// A check is one expectation. Its judge is asked only when all its stages were measured.
type check struct {
	id, name string
	asks     string   // the expectation as a question, for lists
	stages   []string // what it rests on
	extra    string   // a further stage that it looks at where there is one
	sure     bool     // it holds even where the generator sent late: it rests on what surely happened
	look     func(e *evidence, ms []attack.Measurement) finding
}

// finding is what a check came to.
type finding struct {
	outcome        Outcome
	want, got, why string
	unlisted       bool // the check does not apply
}

func passed(want, got, why string, args ...any) finding {
	return finding{outcome: Pass, want: want, got: got, why: fmt.Sprintf(why, args...)}
}

func failed(want, got, why string, args ...any) finding {
	return finding{outcome: Fail, want: want, got: got, why: fmt.Sprintf(why, args...)}
}

func unsure(want, got, why string, args ...any) finding {
	return finding{outcome: Inconclusive, want: want, got: got, why: fmt.Sprintf(why, args...)}
}

// unless turns a failure that rests on latency into doubt when there is a reason for doubt.
func (f finding) unless(doubt string) finding {
	if f.outcome == Fail && doubt != "" {
		f.outcome, f.why = Inconclusive, f.why+"; but "+doubt+", so this may not be the throttle's doing"
	}
	return f
}

// judge looks at a check's measurements, or says which is missing.
func (k check) judge(e *evidence) (Check, bool) {
	var ms []attack.Measurement
	for _, name := range k.stages {
		m, why := e.get(name, k.sure)
		if why != "" {
			if len(e.stages[name]) == 0 && e.skipped(name) {
				return Check{}, false
			}
			return k.of(unsure(k.asks, "not measured", "stage %s cannot be judged: %s", name, why)), true
		}
		ms = append(ms, m)
	}
	f := k.look(e, ms)
	return k.of(f), !f.unlisted
}

func (k check) of(f finding) Check {
	return Check{ID: k.id, Name: k.name, Outcome: f.outcome, Want: f.want, Got: f.got, Why: f.why}
}

// skipped tells whether a stage has nothing to send, seen from what was measured.
func (e *evidence) skipped(name string) bool {
	if len(e.stages) == 0 {
		return false
	}
	for _, s := range stages {
		if s.name == name {
			_, skip := s.build(e.c, e)
			return skip != ""
		}
	}
	return false
}

// catalogue is every scenario, in the order in which they are told.
var catalogue = []scenario{
	{name: "steady", title: "A client just below its limit", checks: []check{
		{id: "V28", name: "no-false-refusal", asks: "nobody below the limit is refused",
			stages: []string{"steady"}, look: falseRefusals},
	}},
	{name: "flash-crowd", title: "A crowd at once after a silence", checks: []check{
		{id: "V02", name: "burst", asks: "a full bucket admits the burst, and no more",
			stages: []string{"flash"}, sure: true, look: burstFromFull},
		{id: "V11", name: "limit-headers", asks: "limit and remaining add up",
			stages: []string{"flash"}, sure: true, look: remaining},
		{id: "V12", name: "reset-header", asks: "the reset is a time at which more is to be had",
			stages: []string{"flash"}, look: reset},
	}},
	{name: "overload", title: "Five times and twice the limit, sustained", checks: []check{
		{id: "V01", name: "sustained-rate", asks: "the rate admitted is the limit",
			stages: []string{"overload"}, sure: true, look: sustainedRate},
		{id: "V04", name: "no-over-admission", asks: "no interval admits more than burst + rate × its length",
			stages: []string{"overload"}, sure: true, look: overAdmission},
		{id: "V05", name: "refused-properly", asks: "excess is refused, with the one status that says so",
			stages: []string{"overload"}, sure: true, look: properRefusals},
		{id: "V06", name: "retry-after-present", asks: "every refusal tells when to come back",
			stages: []string{"overload"}, sure: true, look: retryAfterPresent},
		{id: "V07", name: "retry-after-well-formed", asks: "Retry-After is whole seconds from 1, or an HTTP date",
			stages: []string{"overload"}, sure: true, look: retryAfterWellFormed},
		{id: "V13", name: "refusals-cheap", asks: "a refusal costs little time",
			stages: []string{"rest", "overload"}, look: cheapRefusals},
		{id: "V22", name: "no-starvation", asks: "the limit is served however much is asked",
			stages: []string{"overload"}, look: starvation},
		{id: "V29", name: "admitted-latency", asks: "whoever is let in is served in time",
			stages: []string{"rest", "overload"}, look: admittedLatency},
	}},
	{name: "refill", title: "Drained, silent for a while, and asked again", checks: []check{
		{id: "V03", name: "refill", asks: "silence fills the bucket at the rate, up to the burst",
			stages: []string{"refill"}, sure: true, look: refill},
	}},
	{name: "retry-after", title: "Clients that wait exactly as long as they are told", checks: []check{
		{id: "V08", name: "retry-after-sufficient", asks: "who waits so long is let in",
			stages: []string{"flash", "honour"}, sure: true, look: sufficient},
		{id: "V09", name: "retry-after-not-excessive", asks: "nobody is told to wait much longer than needed",
			stages: []string{"flash"}, sure: true, look: excessive},
		{id: "V10", name: "clock", asks: "a date is told by a clock that is right",
			stages: []string{"flash"}, sure: true, look: clock},
	}},
	{name: "retry-storm", title: "The same crowd with naive and with well-behaved clients", checks: []check{
		{id: "V26", name: "retry-storm", asks: "clients that back off are served without a second storm",
			stages: []string{"naive", "jitter"}, extra: "told", look: retryStorm},
	}},
	{name: "recovery", title: "Half the limit right after the storm", checks: []check{
		{id: "V15", name: "recovery", asks: "after a storm the service is back within a second",
			stages: []string{"rest", "overload"}, look: recovery},
	}},
}

// Listed is one scenario as a list shows it.
type Listed struct {
	Name   string
	Title  string
	Checks []ListedCheck
}

// ListedCheck is one check as a list shows it.
type ListedCheck struct{ ID, Name, Asks string }

// Catalogue lists every scenario with its checks.
func Catalogue() []Listed {
	var out []Listed
	for _, s := range catalogue {
		l := Listed{Name: s.name, Title: s.title}
		for _, k := range s.checks {
			l.Checks = append(l.Checks, ListedCheck{ID: k.id, Name: k.name, Asks: k.asks})
		}
		out = append(out, l)
	}
	return out
}
