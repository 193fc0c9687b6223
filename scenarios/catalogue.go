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
	{"steady", "A client just below its limit", []check{
		{"V28", "no-false-refusal", "nobody below the limit is refused", []string{"steady"}, "", false, falseRefusals},
	}},
	{"flash-crowd", "A crowd at once after a silence", []check{
		{"V02", "burst", "a full bucket admits the burst, and no more", []string{"flash"}, "", true, burstFromFull},
		{"V11", "limit-headers", "limit and remaining add up", []string{"flash"}, "", true, remaining},
		{"V12", "reset-header", "the reset is a time at which more is to be had", []string{"flash"}, "", false, reset},
	}},
	{"overload", "Five times and twice the limit, sustained", []check{
		{"V01", "sustained-rate", "the rate admitted is the limit", []string{"overload"}, "", false, sustainedRate},
		{"V04", "no-over-admission", "no interval admits more than burst + rate × its length", []string{"overload"}, "", true, overAdmission},
		{"V05", "refused-properly", "excess is refused, with the one status that says so", []string{"overload"}, "", true, properRefusals},
		{"V06", "retry-after-present", "every refusal tells when to come back", []string{"overload"}, "", true, retryAfterPresent},
		{"V07", "retry-after-well-formed", "Retry-After is whole seconds from 1, or an HTTP date", []string{"overload"}, "", true, retryAfterWellFormed},
		{"V13", "refusals-cheap", "a refusal costs little time", []string{"rest", "overload"}, "", false, cheapRefusals},
		{"V22", "no-starvation", "the limit is served however much is asked", []string{"overload"}, "", false, starvation},
		{"V29", "admitted-latency", "whoever is let in is served in time", []string{"rest", "overload"}, "", false, admittedLatency},
	}},
	{"refill", "Drained, silent for a while, and asked again", []check{
		{"V03", "refill", "silence fills the bucket at the rate, up to the burst", []string{"refill"}, "", true, refill},
	}},
	{"retry-after", "Clients that wait exactly as long as they are told", []check{
		{"V08", "retry-after-sufficient", "who waits so long is let in", []string{"flash", "honour"}, "", true, sufficient},
		{"V09", "retry-after-not-excessive", "nobody is told to wait much longer than needed", []string{"flash"}, "", true, excessive},
		{"V10", "clock", "a date is told by a clock that is right", []string{"flash"}, "", true, clock},
	}},
	{"retry-storm", "The same crowd with naive and with well-behaved clients", []check{
		{"V26", "retry-storm", "clients that back off are served without a second storm", []string{"naive", "jitter"}, "told", false, retryStorm},
	}},
	{"recovery", "Half the limit right after the storm", []check{
		{"V15", "recovery", "after a storm the service is back within a second", []string{"rest", "overload"}, "", false, recovery},
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
