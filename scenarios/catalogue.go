package scenarios

import (
	"fmt"
	"slices"

	"github.com/plimsoll-load/plimsoll/attack"
)

// A scenario is a named storm and what is expected of the throttle in it. It is data: stages say what is sent, checks
// what is looked at.
type scenario struct {
	name   string
	title  string
	checks []check
	lacks  func(c Config) string // what must be declared for it and was not, or ""; nil means nothing must
	when   depth                 // the least thorough run that it is part of
	// inFlight is one of a limit on how many are in flight; all others are of limits on the rate.
	inFlight bool
}

// depth is how thorough a run is.
type depth int

const (
	quick depth = iota
	normal
	thorough
)

func (d depth) String() string {
	return [...]string{"with --quick too", "by default", "with --thorough"}[d]
}

// depth is how thorough the run is to be.
func (c Config) depth() depth {
	switch {
	case c.Brief:
		return quick
	case c.Thorough:
		return thorough
	}
	return normal
}

// A check is one expectation. Its judge is asked only when all its stages were measured.
type check struct {
	id, name string
	asks     string                // the expectation as a question, for lists
	stages   []string              // what it rests on
	extra    []string              // further stages that it looks at where there are any
	form     bool                  // it is of how refusals are worded and sent: a client may mind, the rate does not
	sure     bool                  // it holds even where the generator sent late: it rests on what surely happened
	lacks    func(c Config) string // as a scenario's
	insist   bool                  // where a stage has nothing to send, it says so instead of being left out
	look     judge
}

// A judge looks at the measurements of a check's stages.
type judge func(e *evidence, ms []attack.Measurement) finding

// finding is what a check came to.
type finding struct {
	outcome        Outcome
	want, got, why string
	proof          []Exhibit // a few requests that show it
	table          *Table    // what was measured, where it is more than a figure
	unlisted       bool      // the check does not apply; why says why not
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

// moot is of a check that does not apply to what was measured.
func moot(why string) finding { return finding{unlisted: true, why: why} }

// unless turns a failure that rests on latency into doubt when there is a reason for doubt.
func (f finding) unless(doubt string) finding {
	if f.outcome == Fail && doubt != "" {
		f.outcome, f.why = Inconclusive, f.why+"; but "+doubt+", so this may not be the throttle's doing"
	}
	return f
}

// NotMeasured is what a check got whose stage was never run to its end.
const NotMeasured = "not measured"

// judge looks at a check's measurements, or says which is missing. It is not listed where it does not apply.
func (k check) judge(e *evidence) (Check, bool) {
	var ms []attack.Measurement
	for _, name := range k.stages {
		m, why := e.get(name, k.sure)
		if why != "" {
			if skip := e.skipped(name); skip != "" && len(e.stages[name]) == 0 {
				return k.of(unsure(k.asks, NotMeasured, "%s", skip)), k.insist
			}
			return k.of(unsure(k.asks, NotMeasured, "stage %s cannot be judged: %s", name, why)), true
		}
		ms = append(ms, m)
	}
	f := k.look(e, ms)
	if f.outcome == Pass && !e.letIn() {
		f = unsure(f.want, f.got, "nobody was let in, in any storm: what refuses here need not be the throttle")
	}
	return k.of(f), !f.unlisted
}

func (k check) of(f finding) Check {
	return Check{ID: k.id, Name: k.name, Outcome: f.outcome, Want: f.want, Got: f.got, Why: f.why, Evidence: f.proof, Table: f.table}
}

// skipped says why a stage has nothing to send, seen from what was measured, or "".
func (e *evidence) skipped(name string) string {
	if len(e.stages) == 0 {
		return ""
	}
	for _, s := range e.c.stages() {
		if s.name == name {
			_, skip := s.build(e.c, e)
			return skip
		}
	}
	return ""
}

// catalogue is every scenario, in the order in which they are told, and stages what they rest on, in the order in which they
// are run. Each kind stands in a file of its own, beside its stages.
var (
	catalogue = slices.Concat(core, etiquette, edge, comeback, retryStorms, storms, bypass, tenants, tiers, instances, inFlight, alarms)
	stages    = slices.Concat(alarmStages, coreStages[:1], strangerStages, coreStages[1:], repeatStages(), edgeStages, comebackStages, retryStages, stormStages, bypassStages, tenantStages, tierStages, instanceStages, inFlightStages)
)

// OfForm tells whether a check is of how refusals are worded and sent. A throttle that fails nothing else holds all the same.
func OfForm(id string) bool {
	return slices.ContainsFunc(catalogue, func(s scenario) bool {
		return slices.ContainsFunc(s.checks, func(k check) bool { return k.id == id && k.form })
	})
}

// Listed is one scenario as a list shows it.
type Listed struct {
	Name   string
	Title  string
	When   string // in which runs it plays, for people
	Checks []ListedCheck
}

// ListedCheck is one check as a list shows it.
type ListedCheck struct{ ID, Name, Asks string }

// Catalogue lists every scenario with its checks.
func Catalogue() []Listed {
	var out []Listed
	for _, s := range catalogue {
		l := Listed{Name: s.name, Title: s.title, When: s.when.String()}
		for _, k := range s.checks {
			l.Checks = append(l.Checks, ListedCheck{ID: k.id, Name: k.name, Asks: k.asks})
		}
		out = append(out, l)
	}
	return out
}
