package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The bounds of the generator's looks at itself, from healthy and sick runs on two cores: lag p99 was 3–7 ms, 8–16 with
// noise, against 122–345; scheduling latency 0.2–3 ms against 84 and more; unsent 0–0.05 % against 0.5 % and more; dials
// near none against 18–58 % of requests; idle 25–70 % against under 5 %.
const (
	lagWarn, lagVoid     = 10 * time.Millisecond, 50 * time.Millisecond
	risingFactor         = 10      // last quarter's median lag over the first's
	risingFloor          = lagWarn // below it, a rise is none to speak of
	unsentVoid           = 0.001
	schedWarn, schedVoid = 2 * time.Millisecond, 20 * time.Millisecond
	dialsVoid            = 0.05
	idleWarn             = 0.10
	enough               = 100 // fewer values than this have no 99th percentile
	enoughTicks          = 20  // of all cores: a fifth of a second on one
)

const slowHost = "use a faster or less busy machine, or lower the load"

// checks are all looks of the generator at itself over one trial, the gravest causes first: the first that is void names
// the reason.
func (l *ledger) checks(before, after look, churns bool) []attack.SelfCheck {
	l.mu.Lock()
	defer l.mu.Unlock()
	p99, n := waited(before.sched, after.sched)
	closed := after.dials - before.dials - (after.open - before.open)
	out := checkFaults(l.faults)
	return append(out,
		checkUnsent(l.dropped, l.duen),
		checkLag(lags{n: l.lag.N(), p99: l.lag.Quantile(.99), early: l.early.Quantile(.5), late: l.late.Quantile(.5), quarter: min(l.early.N(), l.late.N())}),
		checkSched(p99, n),
		checkDials(churns, closed-(after.lost-before.lost)-l.excused, l.attempts),
		checkIdle(after.idle-before.idle, after.total-before.total))
}

// graded is the outcome of a value that must stay under two bounds.
func graded[T cmp.Ordered](v, warn, void T) attack.CheckOutcome {
	switch {
	case v > void:
		return attack.Void
	case v > warn:
		return attack.Warn
	}
	return attack.Healthy
}

// finished leaves the way out to checks that need one.
func finished(c attack.SelfCheck) attack.SelfCheck {
	if c.Outcome == attack.Healthy {
		c.Fix = ""
	}
	return c
}

// checkFaults voids a trial in which the generator ran out of something of its own.
func checkFaults(faults map[fault]int64) []attack.SelfCheck {
	want := "no error of the generator's own"
	if len(faults) == 0 {
		return []attack.SelfCheck{{Name: "own errors", Outcome: attack.Healthy, Got: "0", Want: want}}
	}
	var out []attack.SelfCheck
	worst := func(a, b fault) int { return cmp.Or(cmp.Compare(faults[b], faults[a]), cmp.Compare(a.class, b.class)) }
	for _, f := range slices.SortedFunc(maps.Keys(faults), worst) {
		out = append(out, attack.SelfCheck{Name: "own errors", Outcome: attack.Void, Got: fmt.Sprintf("%d × %s", faults[f], f.class), Want: want, Fix: f.fix})
	}
	return out
}

// checkUnsent voids a trial that lacks arrivals which the generator did not get to.
func checkUnsent(dropped, due int64) attack.SelfCheck {
	share := float64(dropped) / float64(max(due, 1))
	return finished(attack.SelfCheck{Name: "unsent", Outcome: graded(share, unsentVoid, unsentVoid), Got: percent(share), Want: "at most 0.1%", Fix: slowHost})
}

// lags are the generator's own parts of the lags of a trial.
type lags struct {
	n           int64
	p99         time.Duration
	quarter     int64         // values in the smaller of the two quarters
	early, late time.Duration // medians of the first and the last quarter
}

// checkLag voids a trial whose arrivals were sent too late by the generator's own doing, or later and later.
func checkLag(l lags) attack.SelfCheck {
	c := attack.SelfCheck{Name: "late ticks", Got: fmt.Sprintf("p99 %v", l.p99.Round(10*time.Microsecond)), Want: "p99 at most 10ms, void above 50ms, and not rising", Fix: slowHost}
	if l.n < enough {
		c.Outcome, c.Got, c.Fix = attack.Unavailable, fmt.Sprintf("%d arrivals have no p99, it needs %d", l.n, enough), ""
		return c
	}
	c.Outcome = graded(l.p99, lagWarn, lagVoid)
	if l.quarter >= enough && l.late > max(risingFactor*l.early, risingFloor) {
		c.Outcome = attack.Void
		c.Got += fmt.Sprintf(", median rising from %v to %v", l.early.Round(10*time.Microsecond), l.late.Round(10*time.Microsecond))
	}
	return finished(c)
}

// checkSched looks at how long goroutines that could run had to wait for a core.
func checkSched(p99 time.Duration, n uint64) attack.SelfCheck {
	c := attack.SelfCheck{Name: "scheduler latency", Outcome: graded(p99, schedWarn, schedVoid), Got: fmt.Sprintf("p99 %v", p99.Round(10*time.Microsecond)),
		Want: "p99 at most 2ms, void above 20ms", Fix: slowHost}
	if n < enough {
		return attack.SelfCheck{Name: c.Name, Outcome: attack.Unavailable, Got: fmt.Sprintf("%d values have no p99, it needs %d", n, enough), Want: c.Want}
	}
	return finished(c)
}

// checkDials looks for connections that the generator itself closed and had to open again. Those opened because more were
// needed at once, or because the target had ended or timed out another, are not counted.
func checkDials(unknown bool, again, attempts int64) attack.SelfCheck {
	c := attack.SelfCheck{Name: "dials", Want: "at most 5% of requests", Fix: "let connections be kept alive, and more of them"}
	if unknown || attempts < enough {
		c.Outcome, c.Got, c.Fix = attack.Unavailable, "connections are not kept, or too few requests", ""
		return c
	}
	share := float64(max(again, 0)) / float64(attempts)
	c.Outcome, c.Got = graded(share, dialsVoid, dialsVoid), percent(share)
	return finished(c)
}

// checkIdle warns when the machine had nothing left to give.
func checkIdle(idle, total int64) attack.SelfCheck {
	c := attack.SelfCheck{Name: "host idle", Want: "at least 10%", Fix: slowHost}
	if total < enoughTicks {
		c.Outcome, c.Got, c.Fix = attack.Unavailable, "no reading of this machine's idle time", ""
		return c
	}
	share := float64(idle) / float64(total)
	c.Outcome, c.Got = attack.Healthy, percent(share)
	if share < idleWarn {
		c.Outcome = attack.Warn
	}
	return finished(c)
}

func percent(share float64) string { return fmt.Sprintf("%.2f%%", 100*share) }
