package scenarios

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// excess is the interval that admits most beyond burst + rate × its length.
type excess struct {
	over     float64 // requests beyond the bound; negative when every interval keeps it
	admitted int     // in that interval
	first    int     // of them, in order of sending; 0 where windows were looked at
	long     time.Duration
}

// worstInterval finds, of all intervals, the one that was surely let in most beyond the bound C + r·t.
//
// A request that was sent at s and answered at d was decided on somewhere within [s, d]. So of the admissions i ≤ … ≤ j, in
// order of sending, all were decided on within [s(i), D(j)] with D(j) = max over k ≤ j of d(k), which is the longest that
// the interval can have been, and
//
//	over(i, j) = (j − i + 1) − C − r (D(j) − s(i)) = [j + 1 − r D(j)] − [i − r s(i)] − C
//
// is a lower bound of what was let in too much: a positive one is certain. The best i for each j is the smallest
// i − r s(i) so far, so one pass finds the worst of all n² intervals.
func worstInterval(in []attack.Attempt, c, r float64) excess {
	worst := excess{over: math.Inf(-1)}
	least, at := math.Inf(1), 0
	var last time.Duration
	for j, a := range in {
		last = max(last, a.Received)
		if v := float64(j) - r*a.Sent.Seconds(); v < least {
			least, at = v, j
		}
		if over := float64(j+1) - r*last.Seconds() - least - c; over > worst.over {
			worst = excess{over: over, admitted: j - at + 1, first: at, long: last - in[at].Sent}
		}
	}
	return worst
}

// worstSeconds holds the same bound against runs of whole windows, which know of every arrival, where a log does not. It
// returns the run that passes it most if all it let in was decided on within it, and the same if each was decided on as
// late as the slowest answer came: that one is certain.
func worstSeconds(ws []attack.Window, c, r float64) (likely, sure excess) {
	likely, sure = excess{over: math.Inf(-1)}, excess{over: math.Inf(-1)}
	for i, from := range ws {
		in, end, last := int64(0), from.At, from.At
		for _, w := range ws[i:] {
			in, end = in+w.OK, max(end, w.At+w.Len)
			last = max(last, w.At+w.Len+w.Response.Max())
			likely = likely.worse(in, end-from.At, c, r)
			sure = sure.worse(in, last-from.At, c, r)
		}
	}
	return likely, sure
}

// worse is the worse of x and so many admissions within a time.
func (x excess) worse(in int64, long time.Duration, c, r float64) excess {
	if over := float64(in) - c - r*long.Seconds(); over > x.over {
		return excess{over: over, admitted: int(in), long: long}
	}
	return x
}

// byWindows judges a storm whose log is full by its windows, after the log itself showed no interval beyond the bound: a
// log as long as an empty bucket takes to fill has shown what it lets in at once, the windows show the rest.
func (e *evidence) byWindows(m attack.Measurement, burst float64, want, got string) finding {
	tol, r := e.c.tolerance(), e.c.Limit.Rate
	likely, sure := worstSeconds(m.Windows, burst, r)
	beyond := func(x excess) bool { return x.over > count(tol.over, burst+r*x.long.Seconds()) }
	seen := m.Log[len(m.Log)-1].Sent
	switch {
	case beyond(sure):
		got = fmt.Sprintf("at worst %d in %s, of %.0f allowed", sure.admitted, brief(sure.long), burst+r*sure.long.Seconds())
		return failed(want, got, "%.0f requests more than the limit allows reached the target within %s", sure.over, brief(sure.long))
	case beyond(likely):
		return unsure(want, got, "%s not logged, and %d let in of those due within %s may be too many", attack.Were(m.LogDropped, "attempt"), likely.admitted, brief(likely.long))
	case seen < e.c.fill():
		return unsure(want, got, "the log was full after %s, in which an empty bucket does not fill: %s not logged", brief(seen), attack.Were(m.LogDropped, "attempt"))
	}
	return passed(want, got, "all intervals of the first %s were looked at, and those of whole seconds thereafter: %s not logged", brief(seen), attack.Were(m.LogDropped, "attempt"))
}

// overAdmission (V04): no interval of the storm was let in more than burst + rate·t and the tolerance.
func overAdmission(e *evidence, ms []attack.Measurement) finding {
	m, c, tol := ms[0], e.c.Limit, e.c.tolerance()
	in, out, _ := e.split(bySent(m.Log))
	burst := float64(c.Burst*(1+tol.edges)) + c.Rate*tol.grace.Seconds()
	want := fmt.Sprintf("at most %.0f + %s × t in every interval t", burst, rate(c.Rate))
	if e.c.windowed() {
		want = fmt.Sprintf("at most %d × (⌊t/%s⌋ + %d) in every interval t", c.Burst, brief(e.c.window()), 1+e.c.edges())
	}
	if len(in) == 0 {
		return unsure(want, "nothing let in", "no request of the storm was let in")
	}
	w := e.worst(in)
	bound := float64(w.admitted) - w.over
	got := fmt.Sprintf("at worst %d in %s, of %.0f allowed", w.admitted, brief(w.long), bound)
	switch {
	case w.over > count(tol.over, bound) && len(out) == 0:
		return failed(want, got, "no request was refused: there is no limit, or one far above this")
	case w.over > count(tol.over, bound):
		return failed(want, got, "%.0f requests more than the limit allows reached the target within %s", w.over, brief(w.long))
	case len(out) == 0:
		return unsure(want, got, "no request was refused, so the limit was not put to the test")
	case m.LogDropped > 0 && e.c.windowed():
		return unsure(want, got, "%s not logged", attack.Were(m.LogDropped, "attempt"))
	case m.LogDropped > 0:
		return e.byWindows(m, burst, want, got)
	}
	return passed(want, got, "all intervals between any two of %d admissions were looked at", len(in))
}
