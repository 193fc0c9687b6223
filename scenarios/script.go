package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

// Script plans the trials of the scenarios chosen and judges what they measured.
type Script struct {
	c      Config
	chosen []scenario // with the checks that are left
}

var _ attack.Planner = Script{}

// New is the script of a configuration, or what is wrong with it.
func New(c Config) (Script, error) {
	if err := c.Validate(); err != nil {
		return Script{}, err
	}
	s := Script{c: c, chosen: choose(c)}
	if why := c.asksInVain(); why != "" {
		return Script{}, errors.New(why)
	}
	if len(s.chosen) == 0 {
		return Script{}, fmt.Errorf("only %q and skip %q leave no check to make", c.Only, c.Skip)
	}
	return s, nil
}

// choose keeps the scenarios and checks that were asked for and not left out.
func choose(c Config) []scenario {
	var out []scenario
	for _, s := range c.scenarios() {
		whole := len(c.Only) == 0 && s.when <= c.depth() || slices.Contains(c.Only, s.name)
		if slices.Contains(c.Skip, s.name) || s.needs(c) != "" {
			continue
		}
		var checks []check
		for _, k := range s.checks {
			asked := whole || slices.Contains(c.Only, k.id) || slices.Contains(c.Only, k.name)
			if asked && missing(c, k.lacks) == "" && !slices.Contains(c.Skip, k.id) && !slices.Contains(c.Skip, k.name) {
				checks = append(checks, k)
			}
		}
		if len(checks) > 0 {
			s.checks = checks
			out = append(out, s)
		}
	}
	return out
}

// LeftOut are the checks that a quick run leaves out and a usual one would ask, each with its id and name; none where checks were
// asked for by name.
func LeftOut(c Config) (out []string) {
	if !c.Brief || len(c.Only) > 0 {
		return nil
	}
	usual := c
	usual.Brief = false
	asked := map[string]bool{}
	for _, s := range choose(c) {
		for _, k := range s.checks {
			asked[k.id] = true
		}
	}
	for _, s := range choose(usual) {
		for _, k := range s.checks {
			if !asked[k.id] {
				out = append(out, k.id+" "+k.name)
			}
		}
	}
	return out
}

// needs is what must be declared for a scenario and was not, or "".
func (s scenario) needs(c Config) string {
	if why := s.without(c); why != "" {
		return why
	}
	return missing(c, s.lacks)
}

// missing is what a rule says is lacking; no rule lacks nothing.
func missing(c Config, lacks func(Config) string) string {
	if lacks == nil {
		return ""
	}
	return lacks(c)
}

// asksInVain says that something was asked for by name, and what it needs was not declared.
func (c Config) asksInVain() string {
	for _, w := range c.Only {
		why := ""
		for _, s := range c.scenarios() {
			if !s.has(w) {
				continue
			}
			if why = s.lacking(c, w); why == "" {
				break
			}
		}
		if why != "" {
			return fmt.Sprintf("%s needs %s", w, why)
		}
	}
	return ""
}

// lacking is what the scenario, or the check that a word names, lacks.
func (s scenario) lacking(c Config, w string) string {
	if why := s.needs(c); why != "" {
		return why
	}
	for _, k := range s.checks {
		if k.id == w || k.name == w {
			return missing(c, k.lacks)
		}
	}
	return ""
}

// has tells whether a word names the scenario, or a check of it.
func (s scenario) has(w string) bool {
	return s.name == w || slices.ContainsFunc(s.checks, func(k check) bool { return k.id == w || k.name == w })
}

func (c Config) first() int { return max(c.First, 1) }

// needs tells whether a chosen check rests on a stage.
func (s Script) needs(name string) bool {
	for _, sc := range s.chosen {
		for _, k := range sc.checks {
			if slices.Contains(k.extra, name) || slices.Contains(k.stages, name) {
				return true
			}
		}
	}
	return false
}

// Next is the first stage that has no good measurement yet and may still be tried.
func (s Script) Next(done []attack.Measurement) (attack.Trial, bool) {
	e := gather(s.c, done)
	ran := 0
	for _, ms := range e.stages {
		ran += len(ms)
	}
	for _, st := range s.c.stages() {
		if !s.needs(st.name) || s.settled(st, e) {
			continue
		}
		t, skip := st.build(s.c, e)
		if skip != "" {
			continue
		}
		t = e.freshen(t)
		t.N, t.Phase, t.Seed = s.c.first()+ran, PhasePrefix+st.name, s.c.Seed+uint64(ran)
		return t, true
	}
	return attack.Trial{}, false
}

// settled tells whether a stage needs no further trial: it has a good one, an ended one, or was tried often enough.
func (s Script) settled(st stage, e *evidence) bool {
	ms := e.stages[st.name]
	if len(ms) >= st.tries {
		return true
	}
	for _, m := range ms {
		if ended(m) {
			return true // what a late generator could not hide need not be shown twice
		}
		if void, _ := m.Void(); void == "" && (m.Aborted != nil || st.thin == nil || st.thin(s.c, m) == "") {
			return true
		}
	}
	return false
}

// The rule that ends an overload nobody refuses: so many times what the limit allows was sent, and next to nothing of the
// excess was turned away within the time a refusal may take. Twice the limit is not enough: a throttle of twice the rate is
// to be seen as such.
const (
	openTimes  = 2.2
	openFloor  = 20
	openShare  = 1.1 // of what the limit allows was served, and nobody refused: there is no limit
	openTicks  = 3   // a refusal may take so many ticks, 150 ms each or more
	openTurned = 0.1 // of the excess was refused: less is no throttle
	openWrong  = 0.9 // of the excess ended in errors: as much is a throttle with another status than declared
)

// NotRefused is the reason of a storm that was ended because the throttle let everything in.
const NotRefused attack.Reason = "next to nothing was refused: the target behind stands unprotected"

// Watch ends a storm that no throttle holds back, before it harms the target.
func (s Script) Watch(t attack.Trial, _ []attack.Measurement) func(attack.Tick) attack.Reason {
	if !s.c.floods(strings.TrimPrefix(t.Phase, PhasePrefix)) {
		return nil
	}
	g := guard{limit: s.c.Limit}
	return func(k attack.Tick) attack.Reason {
		if g.take(k); g.open(k.Elapsed) {
			return NotRefused
		}
		return ""
	}
}

// guard counts what a storm has come to so far.
type guard struct {
	limit  limits.Limit
	recent [openTicks]int64 // sent in the last ticks, whose refusals may be under way
	sent   int64            // before them
	turned int64            // refused with the declared status
	wrong  int64            // ended in other errors: refused with another status, or harmed
	lost   int64            // timed out: harmed, and surely not refused
	ended  int64            // of all that was sent
}

func (g *guard) take(k attack.Tick) {
	g.sent += g.recent[0]
	copy(g.recent[:], g.recent[1:])
	g.recent[openTicks-1] = k.Sent
	g.turned += k.Throttled
	g.wrong += k.Shed + k.Failed
	g.lost += k.Timeout
	g.ended += k.Ended() - k.Unsent
}

// open tells whether the storm goes through. Harm counts like requests beyond the limit, so that it ends a storm sooner; but
// errors that make up nearly all of the excess are what a throttle with the wrong status answers.
func (g *guard) open(elapsed time.Duration) bool {
	most := g.limit.Most(elapsed)
	excess := float64(g.sent) - most
	if excess <= 0 || float64(g.sent+g.wrong+g.lost) <= openTimes*most+openFloor {
		return false
	}
	refused := float64(g.turned+g.wrong) >= openWrong*max(excess, float64(g.ended)-most)
	return float64(g.turned) < openTurned*excess && !refused
}

// ended tells whether a storm was ended because it went through.
func ended(m attack.Measurement) bool { return m.Aborted != nil && m.Aborted.Reason == NotRefused }

// open tells whether a measurement shows that nothing is refused: of so many, or of enough that it was ended.
func (e *evidence) open(m attack.Measurement) bool {
	all := m.All()
	return ended(m) || e.refusals(all) == 0 && float64(all.OK) > openShare*e.c.Limit.Most(m.Took)
}

// Estimate is how long the script will take, silences included, if no stage is repeated and refusals tell to wait a second.
func (s Script) Estimate() time.Duration {
	_, long := s.Left(nil)
	return long
}

// Left are the phases of the trials that the script will still ask for after those done, and how long they will take: each
// is sent once, and refusals tell to wait a second where none was seen yet.
func (s Script) Left(done []attack.Measurement) (phases []string, long time.Duration) {
	e := gather(s.c, done)
	e.guess, e.assume = time.Second, true
	for _, st := range s.c.stages() {
		if !s.needs(st.name) || s.settled(st, e) {
			continue
		}
		if t, skip := st.build(s.c, e); skip == "" {
			phases = append(phases, PhasePrefix+st.name)
			long += t.Idle + t.Len()
			if t.Serial != nil {
				long += time.Duration(t.Serial.Max) * t.Serial.Gap
			}
			long += st.after(s.c, e.guess)
		}
	}
	return phases, long
}

// Verdicts judges what was measured so far, one verdict for each scenario. Checks that do not apply (headers that the
// throttle does not send) are not listed: Skipped has them.
func (s Script) Verdicts(done []attack.Measurement) []Verdict {
	e := gather(s.c, done)
	var out []Verdict
	for _, sc := range s.chosen {
		v := Verdict{Scenario: sc.name, Title: sc.title, Trials: []int{}}
		var names []string
		for _, k := range sc.checks {
			if c, listed := k.judge(e); listed {
				v.Checks = append(v.Checks, c)
			}
			names = append(append(names, k.stages...), k.extra...)
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			for _, m := range e.stages[name] {
				v.Trials = append(v.Trials, m.Trial.N)
			}
		}
		slices.Sort(v.Trials)
		if len(v.Checks) == 0 {
			continue
		}
		v.Outcome = v.sum()
		out = append(out, v)
	}
	return out
}

// Skipped are the checks that do not apply to what was measured, each with why. Of a script that was cut short, they are those too
// for which nothing was sent: whether they apply is not known.
func (s Script) Skipped(done []attack.Measurement, cut bool) (out []Skipped) {
	e := gather(s.c, done)
	for _, sc := range s.chosen {
		for _, k := range sc.checks {
			c, listed := k.judge(e)
			if cut && c.Got == NotMeasured {
				c.Why, listed = "", false
			}
			if !listed {
				out = append(out, Skipped{Scenario: sc.name, ID: k.id, Name: k.name, Why: c.Why})
			}
		}
	}
	return out
}

func (v Verdict) sum() Outcome {
	var all []Outcome
	for _, c := range v.Checks {
		all = append(all, c.Outcome)
	}
	return Sum(all...)
}

// Overall is the outcome of all verdicts together.
func Overall(vs []Verdict) Outcome {
	var all []Outcome
	for _, v := range vs {
		all = append(all, v.Outcome)
	}
	return Sum(all...)
}
