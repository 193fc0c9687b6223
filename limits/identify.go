package limits

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Algorithm is the kind of a limiter, as far as its decisions can tell it from others.
type Algorithm string

const (
	TokenBucket    Algorithm = "token-bucket"    // GCRA and nginx's nodelay are the same machine
	LeakyQueue     Algorithm = "leaky-queue"     // delays what comes too fast, refuses what finds the queue full
	FixedWindow    Algorithm = "fixed-window"    // Limiter.Anchor tells where its windows begin
	SlidingLog     Algorithm = "sliding-log"     // at most the limit in any stretch of the window's length
	SlidingCounter Algorithm = "sliding-counter" // two fixed windows, weighted
	Concurrency    Algorithm = "concurrency"     // Burst is the most in flight
	NoLimiter      Algorithm = "none"            // none up to what was sent
	Unidentified   Algorithm = "cannot-tell"
)

// Where fixed windows begin.
const (
	AnchorClock = "clock"     // on a grid, whoever asks
	AnchorFirst = "first-hit" // with the first request after the window before
)

// Limiter is what a probe found: the limiter that is really there. It is the "limiter" of a result.
type Limiter struct {
	Algorithm  Algorithm         `json:"algorithm"`
	Anchor     string            `json:"anchor,omitempty"`    // of a fixed window
	Rate       *analyze.Estimate `json:"rate"`                // admissions per second under pressure; null where there is none
	Burst      *analyze.Estimate `json:"burst"`               // most at once from rest; of a window its limit, of concurrency the places
	Slope      *analyze.Estimate `json:"slope,omitempty"`     // admissions per second counted under pressure, without any model
	WindowS    float64           `json:"window_s,omitempty"`  // of a window, in seconds
	Free       int               `json:"free,omitempty"`      // of a leaky queue: how many at once are not held
	TickS      float64           `json:"tick_s,omitempty"`    // of a bucket that is filled in steps: the time between two
	MemoryS    float64           `json:"memory_s,omitempty"`  // silence after which it forgets a client; 0: not seen to
	Ban        *analyze.Estimate `json:"ban,omitempty"`       // for so long a client is shut out after a refusal, in seconds
	Penalty    string            `json:"penalty,omitempty"`   // what refusals cost beside the refusal, in words
	KeyedBy    string            `json:"keyed_by,omitempty"`  // what tells its consumers apart, where two identities were given
	Refusal    Refusal           `json:"refusal"`             // how it refuses
	Headers    []string          `json:"headers"`             // dialects of limit headers, in words
	Confidence float64           `json:"confidence"`          // 0..1, in the algorithm
	Explained  float64           `json:"explained"`           // share of the decisions that it would have taken the same way
	RunnerUp   string            `json:"runner_up,omitempty"` // the next best explanation, and how much it explains
	Requests   int               `json:"requests"`            // that the probe sent
	Seconds    float64           `json:"seconds"`             // that it took
	PeakRate   float64           `json:"peak_rate"`           // the highest rate that it held, per second; bursts have none
	Notes      []attack.Note     `json:"notes"`               // caveats, equivalent machines, and what would tell more
}

// Refusal is how a limiter says no.
type Refusal struct {
	Status     int    `json:"status"`                // 0 when nothing was refused
	RetryAfter string `json:"retry_after,omitempty"` // absent, malformed, present, honest, too short, too long
}

// Told tells whether the algorithm is known.
func (l Limiter) Told() bool { return l.Algorithm != Unidentified && l.Algorithm != "" }

// OnlyDelays tells whether it refused nothing and delayed all that came faster than Slope: a queue cannot be told from a
// target at its capacity then.
func (l Limiter) OnlyDelays() bool { return !l.Told() && l.Slope != nil && l.Refusal.Status == 0 }

// Limit is the limiter as a rate and a burst; false where it has none.
func (l Limiter) Limit() (Limit, bool) {
	if !l.Told() || l.Rate == nil || l.Burst == nil || l.Rate.Value <= 0 {
		return Limit{}, false
	}
	return Limit{Rate: l.Rate.Value, Burst: int(math.Round(l.Burst.Value))}, true
}

func (l *Limiter) note(code, format string, args ...any) {
	l.Notes = append(l.Notes, attack.Note{Code: code, Text: fmt.Sprintf(format, args...)})
}

// The rules of Identify.
const (
	explainedMin = .95 // of the decisions: below it, no machine is known that decides so
	strainMost   = .3  // of the decisions that could tell in any one experiment: see strain
	refusalsMin  = 5   // fewer refusals tell nothing
	fits         = .95 // stated confidence of intervals
)

// Identify says which limiter took the decisions that a Probe recorded. It reads nothing but their times, outcomes and
// headers, in whatever order the trials are given.
//
// Every known machine is fitted by replay with teacher forcing (see machine), from settings that closed forms give: the
// burst is what was admitted before the first refusal, the rate is the slope under pressure, a window is the time between
// two runs of admissions. The one that leaves fewest decisions unexplained wins.
func Identify(done []attack.Measurement) Limiter { return gather(done).identify() }

func (e *evidence) identify() Limiter {
	l := Limiter{Algorithm: Unidentified, Headers: []string{}, Notes: []attack.Note{}, Requests: e.sent, PeakRate: math.Round(e.peak)}
	if n := len(e.ends); n > 0 {
		l.Seconds = math.Round(10*(e.ends[n-1]-e.began[0])) / 10
	}
	t := e.headers()
	if t.dialects != nil {
		l.Headers = t.dialects
	}
	in, out := count(e.ds)
	switch {
	case in == 0:
		l.note("nothing-let-in", "not one of %s was answered well: there is no limiter to see", attack.Plural(e.sent, "request"))
		return l
	case out < refusalsMin:
		e.unrefused(&l, in, out)
		return l
	}
	l.Refusal.Status = e.refusal
	if e.unreturned(&l) {
		return l
	}
	e.choose(&l)
	e.finish(&l, t)
	return l
}

// unrefused is what there is to say when next to nothing was refused.
func (e *evidence) unrefused(l *Limiter, in, out int) {
	if out > 0 {
		l.Refusal.Status = e.refusal
		l.note("few-refusals", "%d of %s were refused: too few to tell by what; a higher --max-rate would tell", out, attack.Plural(in+out, "request"))
		return
	}
	if rate, ok := e.paced(); ok {
		l.Slope = &analyze.Estimate{Value: rate, Lo: rate * .98, Hi: rate * 1.02, Confidence: fits}
		l.Rate = l.Slope
		l.note("no-refusal", "nothing was refused; it delays beyond %s/s, as a leaky queue does, or a target at its capacity", significant(rate))
		return
	}
	l.Algorithm, l.Confidence, l.Explained = NoLimiter, fits, 1
	l.note("none-up-to", "nothing was refused up to %s, in %s: a limit above that, or a burst deeper than that, is not seen; --max-rate goes higher", attack.Rate(e.peak).Round(), attack.Plural(in, "request"))
}

// unreturned says what there is to say when nobody was let in any more after the first refusals.
func (e *evidence) unreturned(l *Limiter) bool {
	i := firstRefusal(e.ds)
	in, _ := count(e.ds[:i])
	last, end := e.ds[i].at, e.ds[len(e.ds)-1].at
	for _, d := range e.ds[i:] {
		if d.in {
			last = d.at
		}
	}
	if last > e.ds[i].at+max(.1, 4*e.slack) || end < last+unreturnedLeast {
		return false
	}
	l.Burst = &analyze.Estimate{Value: float64(in), Lo: float64(in), Hi: float64(in), Confidence: fits}
	l.note("not-back", "it let in %d, and then nobody for %.0f s: a window or a ban longer than that, or a rate below one in that time; a longer --budget would tell", in, end-last)
	return true
}

// unreturnedLeast is the shortest wait in vain that is worth a word, s.
const unreturnedLeast = 3

// paced tells whether answers leave one by one at an even rate while they wait ever longer.
func (e *evidence) paced() (rate float64, ok bool) {
	var ends, gaps []float64
	for _, d := range e.ds {
		if d.done-d.sent > max(3*e.rest, .05) {
			ends = append(ends, d.done)
		}
	}
	if len(ends) < 20 {
		return 0, false
	}
	for i := 1; i < len(ends); i++ {
		gaps = append(gaps, ends[i]-ends[i-1])
	}
	mid := rank(gaps, .5)
	spread := rank(gaps, .8) - rank(gaps, .2)
	return float64(len(ends)-1) / (ends[len(ends)-1] - ends[0]), mid > 0 && spread < max(.3*mid, 2*e.slack)
}

// choose fits every machine and takes the best.
func (e *evidence) choose(l *Limiter) {
	s := e.sketch()
	if p, ok := s.slopeEstimate(); ok {
		l.Slope = p
	}
	all := e.candidates(s)
	for i := range all {
		all[i].strain, all[i].where = e.strain(all[i])
	}
	n := float64(len(e.ds))
	best := slices.MinFunc(all, func(a, b candidate) int { return cmp.Compare(a.score(n), b.score(n)) })
	next := candidate{bad: len(e.ds)}
	for _, c := range all {
		if c.words() != best.words() && c.bad < next.bad {
			next = c
		}
	}
	in, out := count(e.ds)
	few := float64(max(min(in-s.first, out), 1))
	l.Explained = round3(1 - float64(best.bad)/n)
	rivals := float64(best.bad) > .01*n && next.bad <= 2*best.bad+2 // two explain as much, and neither explains all
	if l.Explained < explainedMin || float64(best.bad) > .35*few || rivals || best.strain > strainMost {
		l.note("no-known-machine", "the nearest known machine, a %s, explains %.1f %% of the decisions%s: two limiters one behind the other, or one that is shared with others, decide so; the slope is counted without a model",
			best.words(), 100*l.Explained, best.where)
		l.Rate = l.Slope
		if e.starved() {
			l.Penalty = shutsOutWhoAsks
		}
		return
	}
	if best.renewed && (float64(best.bad) > sureRenewed*n || best.otherPenalty(all)) {
		l.Penalty, l.Rate = shutsOutWhoAsks, l.Slope
		l.note("hidden", "it lets in nobody who keeps asking: a ban that begins anew and a limiter that counts what it refuses explain as much; more time between the silences, a longer --budget, would tell")
		return
	}
	if rival, hidden := best.hidden(all); hidden {
		l.Ban, l.Penalty, l.Rate = best.banned(), best.penalty(), l.Slope
		l.note("hidden", "it %s; what decides within cannot be told while it does: a %s and a %s explain as much", best.penalty(), best.words(), rival.words())
		return
	}
	best.fill(l)
	l.Confidence = round3(min(.99, 1-float64(best.bad+1)/float64(next.bad+2)))
	if next.kind != "" {
		l.RunnerUp = fmt.Sprintf("%s explains %.1f %%", next.words(), 100*(1-float64(next.bad)/n))
	}
	if float64(next.bad) <= float64(best.bad)+2 {
		l.Confidence = .5
		l.note("as-good", "a %s explains the same decisions as well", next.words())
	}
}

// sureRenewed is the most that a ban that begins anew may leave unexplained: nearly all that it decides is the same.
const sureRenewed = .003

const shutsOutWhoAsks = "lets in nobody who keeps asking"

// finish adds what does not depend on the machine.
func (e *evidence) finish(l *Limiter, t told) {
	longest := 0.0
	if l.Rate != nil && l.Rate.Value > 0 {
		longest = max(1/l.Rate.Value, 2*l.WindowS)
	}
	word, why := e.retryAfter(t, longest)
	l.Refusal.RetryAfter = word
	if why != "" {
		l.note("retry-after", "%s", why)
	}
	if l.Algorithm == Unidentified && t.limit > 0 && t.window > 0 {
		l.note("told", "its own headers tell of %.6g in %v", t.limit, t.window)
	}
	e.keyed(l)
	e.distrust(l)
	if e.lost > 0 {
		l.note("lost", "%s ended in other errors and were left out", attack.Plural(e.lost, "request"))
	}
}

// distrust halves the confidence in what a generator saw that was late itself; where a part is unexplained, or the
// rate is not what was counted, the limiter cannot be told: its burst and rate would be those of the queue before it.
func (e *evidence) distrust(l *Limiter) {
	void, why := 0, ""
	for _, m := range e.trials {
		if w, _ := m.Void(); w != "" {
			void, why = void+1, w
		}
	}
	if void == 0 {
		return
	}
	l.Confidence = min(l.Confidence, lateMost)
	l.note("late", "this machine was too busy to send what was due in %d of %d experiments (%s): a quieter one would tell more surely", void, len(e.trials), why)
	apart := l.Slope != nil && l.Rate != nil && math.Abs(l.Rate.Value-l.Slope.Value) > max(.02*l.Slope.Value, l.Slope.Hi-l.Slope.Value)
	if l.Told() && l.Algorithm != NoLimiter && (apart || l.Explained < lateExplained) {
		l.note("late-unsure", "it was most like %s", l.Words())
		l.Algorithm, l.Anchor, l.Rate, l.Burst, l.WindowS, l.Confidence = Unidentified, "", l.Slope, nil, 0, 0
	}
}

// What a late generator's evidence is worth: no more confidence than that, and none where it leaves more unexplained.
const lateMost, lateExplained = .5, .998

// keyed says what tells consumers apart: a second identity that is let in while the first is refused has a limit of its own.
func (e *evidence) keyed(l *Limiter) {
	if len(e.others) < 4 {
		return
	}
	in, _ := count(e.others)
	own, _ := count(e.of(stageKeys))
	switch share := float64(in) / float64(len(e.others)); {
	case share >= .7:
		l.KeyedBy = "identity"
	case share <= .35 || in <= own+2:
		l.KeyedBy = "shared"
		l.note("shared", "a second identity was refused as the first was: they share one limit")
	}
}

func round3(v float64) float64 { return math.Round(v*1000) / 1000 }
