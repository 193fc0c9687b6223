package engine

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
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
	heldVoid             = 0.01           // share of arrivals that waited at the cap
	ownBusy, idleBusy    = 0.90, idleWarn // of the cores this process may use; of all cores
	schedBusy            = schedVoid / 5  // 4ms: above all healthy runs, and a fifth of what voids by itself
	enough               = 100            // fewer values than this have no 99th percentile
	enoughTicks          = 20             // of all cores: a fifth of a second on one
)

const heldName = "held while busy"

const slowHost = "use a faster or less busy machine, or lower the load"

// checks are all looks of the generator at itself over one trial, the gravest causes first: the first that is void names
// the reason.
func (l *ledger) checks(before, after look, churns bool) []attack.SelfCheck {
	l.mu.Lock()
	defer l.mu.Unlock()
	p99, n := waited(before.sched, after.sched)
	closed := after.dials - before.dials - (after.open - before.open)
	out := append(checkFaults(l.faults), l.crowd.checks()...)
	return append(out,
		checkUnsent(l.dropped, l.duen),
		checkLag(lags{n: l.lag.N(), p99: l.lag.Quantile(.99), early: l.early.Quantile(.5), late: l.late.Quantile(.5), quarter: min(l.early.N(), l.late.N())}),
		checkSched(p99, n),
		checkHeld(l.held, l.duen, strained(before, after)),
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
		c.Outcome, c.Got, c.Fix = attack.Unavailable, fmt.Sprintf("no p99 of %s, it needs %d", attack.Plural(l.n, "arrival"), enough), ""
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

// checkHeld tells a generator that gets no cores from a target that is slow. Both fill the flight, so that arrivals wait at
// the cap; answers that this machine is too busy to read keep their places. A machine with time to spare would have read
// them: then the target was slow, or the cap small, which voids nothing.
func checkHeld(held, due int64, s strain) attack.SelfCheck {
	share := float64(held) / float64(max(due, 1))
	c := attack.SelfCheck{Name: heldName, Outcome: attack.Healthy, Got: percent(share) + " of arrivals waited at the in-flight cap",
		Want: "at most 1%, unless own CPU is at most 90%, host idle at least 10% and scheduler latency p99 at most 4ms"}
	if held == 0 {
		return c
	}
	if math.IsNaN(s.own) && math.IsNaN(s.idle) && s.few {
		c.Outcome = attack.Unavailable
		c.Got += "; no reading of how busy this machine was"
		return c
	}
	busy := s.busy()
	if len(busy) == 0 {
		return c
	}
	c.Outcome, c.Fix = graded(share, 0, heldVoid), slowHost
	c.Got = fmt.Sprintf("arrivals waited at the in-flight cap while this machine was busy: %s of them, %s", percent(share), strings.Join(busy, ", "))
	return c
}

// heldByUs tells that arrivals waited at the cap and that the target need not be to blame.
func heldByUs(checks []attack.SelfCheck) bool {
	return slices.ContainsFunc(checks, func(c attack.SelfCheck) bool { return c.Name == heldName && c.Outcome == attack.Void })
}

// busy names the signs that no time was left on this machine.
func (s strain) busy() []string {
	var out []string
	if s.own > ownBusy {
		out = append(out, fmt.Sprintf("own CPU %.0f%% of %.3g cores", 100*s.own, s.cores))
	}
	if s.idle < idleBusy {
		out = append(out, "host idle "+percent(s.idle))
	}
	if !s.few && s.sched > schedBusy {
		out = append(out, fmt.Sprintf("scheduler latency p99 %v", s.sched.Round(10*time.Microsecond)))
	}
	return out
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
