package analyze

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The phases of a search, in order.
const (
	Preflight = "preflight" // does it answer, and how fast
	Baseline  = "baseline"  // response times at a light load
	Ramp      = "ramp"      // where does it give way, roughly
	WarmUp    = "warm-up"   // until it is as fast as it gets
	Saturate  = "saturate"  // how much does it complete when there is always more to do
	Confirm   = "confirm"   // bounds, by trials of full length
	Knee      = "knee"      // response times by load
	Bookend   = "bookend"   // is it still the same target
	Settle    = "settle"    // has it recovered
	Limiter   = "limiter"   // what does the limiter in front admit
)

// search is the state of a Plan while its story is told from the beginning. The story asks for trials in order, and goes
// on as long as the answers lie in todo; the first trial that was not yet measured is the next one.
//
// Note: this is a replay and no list of states with transitions between them. A search has loops within loops (votes
// within confirmations, rounds within the ramp), which a story tells in the order in which they happen.
type search struct {
	plan   Plan
	effort effort
	todo   []attack.Measurement // not yet asked for, by number
	n      int                  // number of the last trial

	want *attack.Trial                   // the trial that is next; nil when the search is over
	rule func(attack.Tick) attack.Reason // that ends want early

	cause Cause // why the search stopped before its end; empty when it did not
	why   string
	notes []attack.Note

	spent    time.Duration
	requests int64
	trials   int
	failed   int64                // failures of loaded trials
	sent     float64              // the highest load that the generator sent as it should
	rows     []row                // the loaded trials, judged
	voided   []attack.Measurement // the void ones, which say nothing, but which the target had to bear

	rest    Rest
	finding // of the loosest goal
	limit   *Estimate
	kneeAt  []int // rows of the knee phase
	bookend *Judgement
}

// finding is what is known of one goal.
type finding struct {
	goal      Goal
	lo, hi    float64 // highest load that passed, lowest that did not, by brief or medium trials
	good      float64 // ok per second at hi
	estimate  float64 // of capacity, Ĉ
	se        float64 // its relative standard error
	pool      Busy    // what was completed while the backlog never emptied, in all trials since the target is warm
	cs2       float64 // of its service times, see Rest
	outdone   Busy    // what overloads completed before the target bore more than that
	anew      int     // of the rows, the first after that was seen
	mode      Mode
	believed  belief  // of the breaking load, where failures tell
	sustained float64 // L and …
	breaking  float64 // … H, by trials of full length; 0 and +Inf until there are some
	fullest   int64   // arrivals judged in the longest confirmation
	resolved  float64 // width w that the bracket was asked to have
	topped    bool    // the highest load allowed was sustained
}

// row is a loaded trial and what it says under the loosest goal.
type row struct {
	m  attack.Measurement
	j  Judgement
	at float64 // seconds of the search when it began
}

// book keeps a loaded trial and what it says. It is the last that was accounted for.
func (s *search) book(m attack.Measurement, j Judgement) {
	r := row{m, j, (s.spent - m.Took).Seconds()}
	s.rows = append(s.rows, r)
	s.gather(r)
}

// story is the search from beginning to end. Each step is false when there is nothing more to tell: the next trial is
// known, or the search has stopped.
func (s *search) story() {
	_ = s.preflight() && s.baseline(s.light()) && s.ramp() && s.saturate() && s.restAgain() && s.confirm() && s.restAgain() && s.knee() && s.promises() && s.closing()
}

// stop ends the search.
func (s *search) stop(c Cause, format string, args ...any) bool {
	s.cause, s.why = c, fmt.Sprintf(format, args...)
	return false
}

// perSecond is a load as sentences show it.
func perSecond(load float64) attack.Rate { return attack.Rate(load).Round() }

func (s *search) note(code, format string, args ...any) {
	s.notes = append(s.notes, attack.Note{Code: code, Text: fmt.Sprintf(format, args...)})
}

// voidsMax is how many times in a row one trial may be void before the generator is held to be the limit: on a busy
// machine a pause of 50 ms voids a short trial, and says nothing about the next. A load that it sent as it should before,
// or a higher one, may be void twice as often while there is time: what keeps it from sending now is not the load.
const voidsMax = 3

// voids is how many times in a row a trial of this load may be void.
func (s *search) voids(load float64) int {
	if load <= s.sent && s.spent < s.plan.Budget {
		return 2 * voidsMax
	}
	return voidsMax
}

// affords tells whether there is time to take a void trial again, and room for the overload that it may be.
func (s *search) affords(t attack.Trial) bool {
	load, long := t.Load(), t.Len().Seconds()
	known := load <= max(s.lo, s.sustained) || s.mode == ModeLimited
	return t.Serial != nil || s.within(long) && (known || s.room(load) >= long)
}

// ask is the measurement of a trial. It is false when that is yet to come, or will never come. A void measurement is
// taken again; an interrupted one says nothing.
func (s *search) ask(t attack.Trial, rule func(attack.Tick) attack.Reason) (attack.Measurement, bool) {
	voids := 0
	for len(s.todo) > 0 {
		m := s.todo[0]
		s.todo = s.todo[1:]
		s.account(m)
		if !answers(m.Trial, t) || m.Aborted != nil && m.Aborted.Reason == attack.Interrupted {
			continue
		}
		why, fix := m.Void()
		if why == "" {
			s.sent = max(s.sent, m.Trial.Load())
			return m, s.allowed(m)
		}
		s.voided = append(s.voided, m)
		if voids++; voids >= s.voids(m.Trial.Load()) || !s.affords(t) {
			if fix != "" {
				why += "; " + fix
			}
			return m, s.stop(CauseGenerator, "the generator could not keep up at %s (%s)", perSecond(m.Trial.Load()), why)
		}
	}
	if s.trials >= s.plan.TrialsMax {
		return attack.Measurement{}, s.stop(CauseBudget, "%s made, the most allowed", attack.Were(s.trials, "trial"))
	}
	t.N = s.n + 1
	t.Seed = mix(s.plan.Seed, uint64(t.N))
	s.want, s.rule = &t, rule
	return attack.Measurement{}, false
}

// account adds a measurement to the books of the run.
func (s *search) account(m attack.Measurement) {
	s.trials++
	s.spent += m.Took
	for _, w := range m.Windows {
		s.requests += max(w.Attempts, w.Due-w.Unsent)
	}
}

// allowed tells whether the search may go on after a trial: a reason that is none of the search's own means that
// something outside it wants it to stop.
func (s *search) allowed(m attack.Measurement) bool {
	if m.Aborted == nil {
		return true
	}
	switch m.Aborted.Reason {
	case Backlog, Errors, Slow, Refusals:
		return true
	}
	if m.Aborted.Reason == Crowded {
		s.book(m, Judge(m, s.rest, s.goal, Brief))
		return s.stop(CauseCeiling, "the flight allowed, --max-inflight %d, is too small for %s at %s a request", s.plan.MaxInFlight, perSecond(m.Trial.Load()), s.rest.Mean.Round(100*time.Microsecond))
	}
	return s.stop(CauseHarm, "trial %d at %s was stopped: %s", m.Trial.N, perSecond(m.Trial.Load()), m.Aborted.Reason)
}

// answers tells whether a measured trial is the one asked for: the same step at the same load.
func answers(got, asked attack.Trial) bool {
	a, b := got.Load(), asked.Load()
	return got.Phase == asked.Phase && math.Abs(a-b) <= 1e-6*math.Abs(b)
}

// mix makes a seed for each trial (the finalizer of SplitMix64, Steele, Lea and Flood, OOPSLA 2014).
func mix(seed, n uint64) uint64 {
	z := seed + n*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// hold is a trial of one load.
func (s *search) hold(phase, why string, load, long, warmup float64) attack.Trial {
	load = s.clamp(load)
	return attack.Trial{Phase: phase, Why: why, Warmup: seconds(warmup), Flight: s.flight(load),
		Actors: []attack.Actor{{Name: "load", Identity: s.plan.Identity, Schedule: attack.Constant(load, seconds(long), s.plan.Arrivals)}}}
}

func (s *search) clamp(load float64) float64 { return min(max(load, s.plan.Min), s.plan.Max) }

// flight is the most requests in flight at a load: twenty times what a healthy target has, so that a slow one is seen and
// not a cap, yet never more than 4 s of load.
func (s *search) flight(load float64) int {
	most := min(4*load, 20_000)
	return min(max(int(min(20*load*s.rest.P99.Seconds(), most)), 64), s.plan.MaxInFlight)
}

// test holds a load with the given rigour, judges it, and waits until the target has recovered
// where it left anything behind.
func (s *search) test(phase, why string, load float64, rigour Rigour) (Judgement, bool) {
	return s.held(phase, why, load, s.long(load, rigour), rigour)
}

// held is a test of so many seconds, or of those that the time allowed for overload has left.
func (s *search) held(phase, why string, load, long float64, rigour Rigour) (Judgement, bool) {
	load = s.clamp(load)
	room := s.room(load)
	if room < long/shortest {
		return Judgement{}, s.stop(CauseHarm, "a trial at %s may be an overload and needs %.1fs, --max-overload-seconds %g has %.1fs left",
			perSecond(load), long/shortest, s.plan.MaxOverloadSeconds, room)
	}
	long = min(long, room)
	t := s.hold(phase, why, load, long, discard(long, s.rest.P99))
	return s.judge(t, rigour, newVigil(t, s.rest, s.goal, rigour, s.plan.MaxInFlight))
}

func (s *search) long(load float64, rigour Rigour) float64 {
	return s.effort.levels[rigour].long(s.clamp(load), s.rest.P99)
}

func (s *search) judge(t attack.Trial, rigour Rigour, v *vigil) (Judgement, bool) {
	if s.harmed() {
		return Judgement{}, false
	}
	if long := t.Len().Seconds(); !s.within(long) {
		return Judgement{}, s.stop(CauseBudget, "the budget of %v had no room for a trial of %.1fs at %s", s.plan.Budget, long, perSecond(t.Load()))
	}
	m, ok := s.ask(t, v.see)
	if !ok {
		return Judgement{}, false
	}
	j := s.weakest(m, Judge(m, s.rest, s.goal, rigour))
	s.book(m, j)
	all := counts(m)
	s.failed += failures(all)
	if j.Class == Sustained && all.Timeout == 0 {
		return j, true // all is answered, so nothing is left behind
	}
	return j, s.settle()
}

// lasted is the time over which a trial sent.
func lasted(m attack.Measurement) time.Duration {
	if m.Aborted != nil {
		return m.Aborted.At
	}
	return m.Trial.Len()
}

// harmed stops the search when more has failed than may.
func (s *search) harmed() bool {
	may := max(s.plan.MaxFailed*max(s.lo, s.sustained)*s.plan.Budget.Seconds(), 100)
	if s.lo == 0 || float64(s.failed) <= may {
		return false
	}
	s.stop(CauseHarm, "%s failed, --max-failed allows %.0f", attack.Plural(s.failed, "request"), may)
	return true
}

// fits tells whether a trial of so many seconds still fits into the budget.
func (s *search) fits(long float64) bool {
	return s.spent.Seconds()+long <= shareAll*s.plan.Budget.Seconds()
}

// within tells whether a trial of so many seconds would end within the whole budget, its reserve included.
func (s *search) within(long float64) bool {
	return s.spent.Seconds()+long <= s.plan.Budget.Seconds()
}

// leastSettle is how many seconds are left to a target to recover, even where the budget has none.
const leastSettle = 1.

// The canaries after a loaded trial: so many fast answers in a row.
const (
	canaries    = 3
	canariesMax = 2000
)

// settle waits until the target is as fast as at rest, with one request after the other. Without it an overload poisons
// the trials that follow: the server still works on requests that their clients have given up on.
func (s *search) settle() bool {
	long := min(s.effort.settle, max(s.plan.Budget.Seconds()-s.spent.Seconds(), leastSettle))
	gap := min(max(s.rest.P50, 5*time.Millisecond), 50*time.Millisecond)
	t := attack.Trial{Phase: Settle, Why: "wait until the target has recovered", Serial: &attack.Serial{Max: canariesMax,
		For: seconds(long), Gap: gap, Identity: s.plan.Identity,
		Until: attack.Until{Fast: canaries, Within: max(2*s.rest.P99, 3*s.rest.P50)}}}
	m, ok := s.ask(t, nil)
	if class := silent(m); ok && class != "" {
		return s.gone(class)
	}
	if ok && !m.Settled {
		s.note("slow-recovery", "the target had not recovered %.0fs after trial %d", m.Took.Seconds(), m.Trial.N-1)
	}
	return ok
}
