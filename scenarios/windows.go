package scenarios

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Algorithm is how a throttle is declared to count.
type Algorithm string

const (
	TokenBucket   Algorithm = "token-bucket"   // fills at the rate, up to the burst
	FixedWindow   Algorithm = "fixed-window"   // so many in each window, then none until the next
	SlidingWindow Algorithm = "sliding-window" // so many in any interval of a window's length
	LeakyQueue    Algorithm = "leaky-queue"    // lets in at the rate, holds up to the burst, refuses the rest
	Concurrency   Algorithm = "concurrency"    // so many in flight
)

// Algorithms are all there are.
var Algorithms = []Algorithm{TokenBucket, FixedWindow, SlidingWindow, LeakyQueue, Concurrency}

// algorithm is the declared one; a declared window makes it a sliding window, which is what a window is taken to promise.
func (c Config) algorithm() Algorithm {
	switch {
	case c.Algorithm != "":
		return c.Algorithm
	case c.Window > 0:
		return SlidingWindow
	}
	return TokenBucket
}

// windowed tells whether the throttle counts in windows.
func (c Config) windowed() bool {
	return c.algorithm() == FixedWindow || c.algorithm() == SlidingWindow
}

// window is the declared window's length: that in which the burst comes at the rate, where none was declared.
func (c Config) window() time.Duration {
	if c.Window > 0 {
		return c.Window
	}
	return c.fill()
}

// WindowMax is the longest window that can be watched to turn a few times.
const WindowMax = 15 * time.Second

// validateAlgorithm reports an algorithm that is not known, or a window that does not go with the limit.
func (c Config) validateAlgorithm() error {
	if !slices.Contains(Algorithms, c.algorithm()) {
		return fmt.Errorf("algorithm %q, want token-bucket, fixed-window, sliding-window, leaky-queue or concurrency", c.Algorithm)
	}
	if c.Window == 0 && !c.windowed() {
		return nil
	}
	inWindow := c.Limit.Rate * c.window().Seconds()
	switch {
	case !c.windowed():
		return fmt.Errorf("a window of %v goes with fixed-window or sliding-window, not with %s", c.Window, c.algorithm())
	case c.Window < 0 || c.window() > WindowMax:
		return fmt.Errorf("window of %v, want at most %v: it must be seen to turn a few times", c.window(), WindowMax)
	case math.Abs(inWindow-float64(c.Limit.Burst)) > max(.5, .01*inWindow):
		return fmt.Errorf("%s in windows of %v are %.4g at once, not %d", rate(c.Limit.Rate), c.window(), inWindow, c.Limit.Burst)
	}
	return nil
}

// most is the most that the declared limit admits in an interval t: burst + rate·t of a bucket; of L in a window W
// L (⌊t/W⌋ + 1) where any interval counts, and L (⌊t/W⌋ + 2) where an interval may lie over an edge.
func (c Config) most(t time.Duration) float64 {
	if !c.windowed() {
		return c.Limit.Most(t)
	}
	return float64(c.Limit.Burst) * (math.Floor(t.Seconds()/c.window().Seconds()+1e-9) + 1 + float64(c.edges()))
}

// edges is how many further whole limits may pass at edges.
func (c Config) edges() int {
	if c.windowed() {
		if c.algorithm() == FixedWindow || c.profile() == Window {
			return 1
		}
		return 0
	}
	return c.tolerance().edges
}

// worstWindows finds, of all intervals, the one that was surely let in most beyond what windows of w admit, as worstInterval
// does for a bucket. Its log is in order of sending.
//
// All admissions i ≤ … ≤ j were decided on within t = D(j) − s(i). For t < k·w the bound is L (k + edges): so for each k
// the earliest i that keeps t below it is the worst, and as D and s only grow, one pass with two ends finds it for all j.
func worstWindows(in []attack.Attempt, limit, edges int, w time.Duration) excess {
	worst := excess{over: math.Inf(-1)}
	var last time.Duration
	for _, a := range in {
		last = max(last, a.Received-in[0].Sent)
	}
	for k := 1; k <= int(last/w)+2 && k <= windowsMax; k++ {
		i, end := 0, time.Duration(0)
		for j, a := range in {
			for end = max(end, a.Received); end-in[i].Sent >= time.Duration(k)*w && i < j; {
				i++
			}
			long := end - in[i].Sent
			if over := float64(j-i+1) - float64(limit*(k+edges)); over > worst.over && long < time.Duration(k)*w {
				worst = excess{over: over, admitted: j - i + 1, first: i, long: long}
			}
		}
	}
	return worst
}

// windowsMax bounds how many windows an interval is looked at over.
const windowsMax = 200

// worst is the interval that was surely let in most beyond the declared limit, graces of the profile included.
func (e *evidence) worst(in []attack.Attempt) excess {
	c, tol := e.c.Limit, e.c.tolerance()
	if e.c.windowed() {
		return worstWindows(in, c.Burst+int(math.Ceil(c.Rate*tol.grace.Seconds())), e.c.edges(), e.c.window())
	}
	return worstInterval(in, float64(c.Burst*(1+e.c.edges()))+c.Rate*tol.grace.Seconds(), c.Rate)
}

// beyond is how many more than the limit allows were surely let in within the worst of all intervals, and what it allows
// there.
func (e *evidence) beyond(in []attack.Attempt) (over, allowed float64) {
	if len(in) == 0 {
		return 0, float64(e.c.Limit.Burst)
	}
	w := e.worst(in)
	return w.over, max(0, float64(w.admitted)-w.over)
}

// edge is what a window's turn lets in.
var edge = []scenario{
	{name: "window-edge", title: "A full limit, and as much again while the window turns", checks: []check{
		{id: "V27", name: "window-edge", asks: "the turn of a window lets in no more than was declared",
			stages: []string{"edge"}, sure: true, look: showing(windowEdge, theWorst)},
	}, lacks: func(c Config) string {
		if !c.windowed() {
			return "a window (--window, or --algorithm fixed-window)"
		}
		return ""
	}},
}

var edgeStages = []stage{{name: "edge", tries: 2, build: edgeTrial}}

// edgeTurns are the moments, in windows, at which the rounds of the edge stage begin. Wherever the windows turn, one of their
// crowds comes late in its window: the golden ratio spreads moments evenly over a circle.
var edgeTurns = []float64{0, 2.618, 5.236, 7.854}

// edgeLate is how late a round's crowd comes after its first request, in windows. A window that begins with the first
// request it counts (express-rate-limit, ulule/limiter) is nearly over by then, and all but unused.
const edgeLate = 0.8

// turns are the rounds of the edge stage.
func (c Config) turns() []float64 {
	if c.Brief {
		return edgeTurns[:3]
	}
	return edgeTurns
}

// edgeTrial sends one request; late in the window that may have begun with it a whole limit at once; and then keeps asking
// for one window, so that the next one's limit is taken as soon as it turns. The silence after that is long enough for
// every window to end. It does so at moments that lie apart in windows that turn by the clock.
func edgeTrial(c Config, _ *evidence) (attack.Trial, string) {
	w, l := c.window(), c.Limit.Burst
	late := time.Duration(edgeLate * float64(w))
	var segments []attack.Segment
	ask := c.at(2, w)
	ask.Burst = l
	turns := c.turns()
	for i := range turns {
		segments = append(segments, attack.Segment{Len: late, Burst: 1}, ask)
		if i+1 < len(turns) {
			segments = append(segments, attack.Segment{Len: time.Duration((turns[i+1]-turns[i])*float64(w)) - late - w})
		}
	}
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(l), Why: fmt.Sprintf("one, then %d at once late in its window of %v, and %s until it turned", l, w, rate(ask.From)),
		Actors: []attack.Actor{c.actor("crowd", attack.Even, attack.Manners{}, segments...)}}, ""
}

// windowEdge (V27): where any interval counts, no window's length is let in more than the limit; where windows are fixed,
// twice the limit within one window's length is what was declared, and said.
func windowEdge(e *evidence, ms []attack.Measurement) finding {
	m, c := ms[0], e.c
	in, out, _ := e.split(bySent(m.Log))
	want := fmt.Sprintf("at most %d within %s", c.Limit.Burst*(1+c.edges()), brief(c.window()))
	if len(in) == 0 || m.LogDropped > 0 || m.Aborted != nil {
		return unsure(want, "not seen", "the log is not complete, or nobody was let in: %s", aborted(m))
	}
	within := c.window() - 1
	n := mostWithin(in, within)
	got := fmt.Sprintf("%d within %s at worst", n, brief(c.window()))
	slack := count(c.tolerance().over, float64(c.Limit.Burst))
	over := e.worst(in).over
	switch {
	case over > slack && c.edges() == 0 && float64(n) > 1.3*float64(c.Limit.Burst):
		return failed(want, got, "the turn of a window lets in %.2g times the limit: it is a fixed window, or a counter that weighs the last one, and none that holds for any interval", float64(n)/float64(c.Limit.Burst))
	case over > slack:
		return failed(want, got, "%.0f more than the limit were let in", over)
	case len(out) == 0:
		return unsure(want, got, "nobody was refused, so the limit was not reached")
	case c.edges() > 0 && float64(n) > 1.3*float64(c.Limit.Burst):
		return passed(want, got, "as declared; the target behind must bear %d within %s", n, brief(c.window()))
	}
	return passed(want, got, "asked at %d moments of the window", len(c.turns()))
}

// mostWithin is the most admissions that were surely decided on within an interval.
func mostWithin(in []attack.Attempt, long time.Duration) (most int) {
	i, end := 0, time.Duration(0)
	for j, a := range in {
		for end = max(end, a.Received); end-in[i].Sent > long && i < j; {
			i++
		}
		if end-in[i].Sent <= long {
			most = max(most, j-i+1)
		}
	}
	return most
}

// settling is how long after a storm a throttle may still refuse what stays below its limit: until its window turns.
func (c Config) settling() time.Duration {
	if c.windowed() {
		return wholeSeconds(c.window())
	}
	return time.Second
}

// overEdge tells whether more than one limit of a fixed window was let in of a crowd.
func (c Config) overEdge(m attack.Measurement) bool {
	return c.algorithm() == FixedWindow && float64(m.All().OK) > float64(c.Limit.Burst)+count(c.tolerance().burst, float64(c.Limit.Burst))
}

// straddled is how many crowds at a full window were let in more than one limit: one may have come while it turned.
func (e *evidence) straddled() (n int) {
	for _, m := range e.stages["flash"] {
		if e.c.overEdge(m) {
			n++
		}
	}
	return n
}

// quietShare of a window without an admission shows where one begins.
const quietShare = 0.25

// windowRate is sustainedRate of a throttle that counts in windows. Under an overload admissions come at the beginning of
// each, with a pause after them; so from the end of one pause to that of another there are whole windows, and what was let
// in between is counted exactly. Where there are no pauses, as under a counter that slides, nothing is cut.
func (e *evidence) windowRate(m attack.Measurement) finding {
	o, w, r := e.c.overload(), e.c.window(), e.c.Limit.Rate
	var at []time.Duration
	in, _, _ := e.split(m.Log)
	for _, a := range bySent(in) {
		if a.Actor == crowdActor && a.Due >= o.lead && a.Due < o.lead+o.peak {
			at = append(at, a.Sent)
		}
	}
	var begins []int
	for i := 1; i < len(at); i++ {
		if at[i]-at[i-1] >= time.Duration(quietShare*float64(w)) {
			begins = append(begins, i)
		}
	}
	n, long := float64(len(at)), o.peak
	if k := len(begins); k > 1 {
		first, last := begins[0], begins[k-1]
		n, long = float64(last-first), time.Duration(math.Round(float64(at[last]-at[first])/float64(w)))*w
	}
	within := max(e.c.tolerance().rate*r, 2/max(long, 1).Seconds())
	want := fmt.Sprintf("%s ± %s", rate(r), rate(within))
	if m.LogDropped == 0 && len(at) == 0 && o.peak >= 3*w {
		return failed(want, rate(0), "nothing at all was let in over %s of overload", brief(o.peak)).unless(late(m))
	}
	if m.LogDropped > 0 || long <= 0 || len(at) == 0 {
		return unsure(want, "not seen", "%d of the storm's requests were let in, and %d were not logged", len(at), m.LogDropped)
	}
	measured := n / long.Seconds()
	got := fmt.Sprintf("%s over %s", rate(measured), brief(long))
	switch {
	case within > thinnest*r:
		return unsure(want, got, "%s are too short for so low a rate", brief(long))
	case measured > r+within:
		return failed(want, got, "the throttle lets in %s more than its limit of %d in %s", percent(measured/r-1), e.c.Limit.Burst, brief(w))
	case measured < r-within:
		return failed(want, got, "the throttle lets in %s less than its limit of %d in %s", percent(1-measured/r), e.c.Limit.Burst, brief(w)).unless(late(m))
	}
	return passed(want, got, "counted over whole windows of %s in an overload", brief(w))
}
