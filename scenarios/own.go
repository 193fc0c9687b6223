package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Own is a scenario of the user's: actors who send through phases, and what is expected of the throttle meanwhile. It begins
// at a full bucket.
type Own struct {
	Name, Title string
	Phases      []Phase
	Actors      []OwnActor // none means one, who sends all
	Expect      []Expectation
}

// Phase is a stretch of an own scenario, in whole seconds: what became of its arrivals is counted by the second.
type Phase struct {
	Name     string
	From, To Amount // arrivals per second
	Burst    Amount // at once when it begins
	Len      time.Duration
	Expect   []Expectation
}

// Amount is so many, or so many times the limit: the rate of rates, the burst of bursts.
type Amount struct{ Times, Plain float64 }

func (a Amount) of(limit float64) float64 { return a.Times*limit + a.Plain }

// OwnActor is one who sends a share of every phase.
type OwnActor struct {
	Name    string
	Key     string  // of a declared consumer, by its name; empty means the one that the storms are sent as
	Share   float64 // of each phase's rate and burst; 0 means an equal part of what the others leave
	Manners attack.Manners
	Expect  []Expectation
}

// The most that an own scenario may be.
const (
	ownMax      = 50 // scenarios
	phasesMax   = 50
	actorsMax   = 50
	ownLenMax   = 30 * time.Minute
	ownCountMax = 5_000_000 // arrivals
)

// Validate reports the first part of the scenario that makes no sense.
func (o Own) Validate() error {
	in := func(format string, args ...any) error {
		return fmt.Errorf("scenario %s: %w", o.Name, fmt.Errorf(format, args...))
	}
	switch {
	case o.Name == "":
		return errors.New("a scenario needs a name")
	case len(o.Phases) == 0 || len(o.Phases) > phasesMax:
		return in("%d phases, want 1 to %d", len(o.Phases), phasesMax)
	case len(o.Actors) > actorsMax:
		return in("%d actors, want at most %d", len(o.Actors), actorsMax)
	case len(o.expectations()) == 0:
		return in("it expects nothing, so it can prove nothing: say expect: [refused=0] of it, of a phase or of an actor")
	}
	seen, long := map[string]bool{}, time.Duration(0)
	for _, p := range o.Phases {
		long += p.Len
		switch {
		case p.Name == "" || seen["phase "+p.Name]:
			return in("phase %q: every phase needs a name of its own", p.Name)
		case p.Len < time.Second || p.Len%time.Second != 0:
			return in("phase %s lasts %v, want whole seconds: arrivals are counted by the second", p.Name, p.Len)
		case p.From.of(1) < 0 || p.To.of(1) < 0 || p.Burst.of(1) < 0:
			return in("phase %s: rates and bursts cannot be below 0", p.Name)
		}
		seen["phase "+p.Name] = true
	}
	if long > ownLenMax {
		return in("it lasts %v, want at most %v", long, ownLenMax)
	}
	shares := 0.0
	for _, a := range o.Actors {
		if shares += a.Share; a.Name == "" || seen["actor "+a.Name] {
			return in("actor %q: every actor needs a name of its own", a.Name)
		}
		if err := a.Manners.Validate(); err != nil {
			return in("actor %s: %w", a.Name, err)
		}
		seen["actor "+a.Name] = true
	}
	if shares > 1+1e-9 {
		return in("the actors' shares are %s together, want at most 100 %%", percent(shares))
	}
	return nil
}

// part is one of an own scenario's expectations, and what it is of.
type part struct {
	expectation  Expectation
	phase, actor int // index, -1 for all
}

// expectations are all that a scenario expects, of itself, of its phases, of its actors.
func (o Own) expectations() (all []part) {
	add := func(es []Expectation, phase, actor int) {
		for _, x := range es {
			all = append(all, part{x, phase, actor})
		}
	}
	add(o.Expect, -1, -1)
	for i, p := range o.Phases {
		add(p.Expect, i, -1)
	}
	for i, a := range o.Actors {
		add(a.Expect, -1, i)
	}
	return all
}

// where names what an expectation is of.
func (o Own) where(p part) string {
	switch {
	case p.phase >= 0:
		return "phase " + o.Phases[p.phase].Name + ": "
	case p.actor >= 0:
		return "actor " + o.Actors[p.actor].Name + ": "
	}
	return ""
}

// cast is the actors with their shares filled in.
func (o Own) cast() []OwnActor {
	if len(o.Actors) == 0 {
		return []OwnActor{{Name: "crowd", Share: 1}}
	}
	left, without := 1.0, 0
	for _, a := range o.Actors {
		left -= a.Share
		if a.Share == 0 {
			without++
		}
	}
	cast := slices.Clone(o.Actors)
	for i := range cast {
		if cast[i].Share == 0 {
			cast[i].Share = max(left, 0) / float64(without)
		}
	}
	return cast
}

// stageOf is the stage of an own scenario.
func (o Own) stageOf() string { return "own-" + o.Name }

// trial is the storm. A throttle that lets everything in ends it, unless its actors have limits of their own.
func (o Own) trial(c Config, _ *evidence) (attack.Trial, string) {
	t := attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Why: o.Title}
	burst := 0
	for _, a := range o.cast() {
		who := c.Identity
		if id, ok := c.consumer(a.Key); ok {
			who = id
		}
		var segments []attack.Segment
		for _, p := range o.Phases {
			g := attack.Segment{From: a.Share * p.From.of(c.Limit.Rate), To: a.Share * p.To.of(c.Limit.Rate), Len: p.Len,
				Burst: int(a.Share*p.Burst.of(float64(c.Limit.Burst)) + .5)}
			burst = max(burst, g.Burst)
			segments = append(segments, g)
		}
		t.Actors = append(t.Actors, attack.Actor{Name: a.Name, Identity: who, Manners: a.Manners,
			Schedule: attack.Schedule{Segments: segments, Process: attack.Poisson}})
	}
	t.Warm = c.warm(burst)
	return t, ""
}

// consumer is a declared consumer by its name.
func (c Config) consumer(name string) (attack.Identity, bool) {
	for _, k := range c.Keys {
		if name != "" && k.Identity.Name == name {
			return k.Identity, true
		}
	}
	return attack.Identity{}, false
}

// stage is the own scenario's.
func (o Own) stage() stage {
	keyed := slices.ContainsFunc(o.Actors, func(a OwnActor) bool { return a.Key != "" })
	return stage{name: o.stageOf(), tries: 2, floods: !keyed, build: o.trial,
		thin: func(c Config, m attack.Measurement) string { return o.strayed(c, m, part{phase: -1, actor: -1}) }}
}

// scenario makes a check of each expectation; from is how many there were before.
func (o Own) scenario(from int) scenario {
	s := scenario{name: o.Name, title: o.Title}
	for i, p := range o.expectations() {
		name := o.where(p) + p.expectation.Text
		s.checks = append(s.checks, check{id: fmt.Sprintf("U%02d", from+i+1), name: name, asks: name, stages: []string{o.stageOf()},
			look: func(e *evidence, ms []attack.Measurement) finding { return o.look(e, ms[0], p) }})
	}
	return s
}

// scenarios are all there are: the catalogue's, and the user's own.
func (c Config) scenarios() []scenario {
	all, n := slices.Clone(catalogue), 0
	for _, o := range c.Own {
		s := o.scenario(n)
		n += len(s.checks)
		all = append(all, s)
	}
	return all
}

// stages are those that all scenarios rest on.
func (c Config) stages() []stage {
	all := slices.Clone(stages)
	for _, o := range c.Own {
		all = append(all, o.stage())
	}
	return all
}

// validateOwn reports the first own scenario that makes no sense beside the others and the limit.
func (c Config) validateOwn() error {
	if len(c.Own) > ownMax {
		return fmt.Errorf("%d own scenarios, want at most %d", len(c.Own), ownMax)
	}
	for i, o := range c.Own {
		if err := o.Validate(); err != nil {
			return err
		}
		if c.algorithm() == Concurrency {
			return fmt.Errorf("scenario %s: own scenarios are held against a rate, and a limit on how many are in flight has none", o.Name)
		}
		taken := func(s scenario) bool { return s.has(o.Name) }
		if slices.ContainsFunc(catalogue, taken) || slices.ContainsFunc(c.Own[:i], func(b Own) bool { return b.Name == o.Name }) {
			return fmt.Errorf("scenario %s: the name is taken; verify --list shows those that are", o.Name)
		}
		for _, a := range o.Actors {
			if _, ok := c.consumer(a.Key); a.Key != "" && !ok {
				return fmt.Errorf("scenario %s: actor %s has the key %q, which is not declared (--keys FILE)", o.Name, a.Name, a.Key)
			}
		}
		t, _ := o.trial(c, nil)
		if err := t.Validate(); err != nil {
			return fmt.Errorf("scenario %s: %w", o.Name, err)
		}
		if n := t.Count(); n == 0 || n > ownCountMax {
			return fmt.Errorf("scenario %s: it sends %s, want 1 to %d", o.Name, attack.Plural(n, "request"), ownCountMax)
		}
		for _, g := range peaks(t) {
			if c.MaxRate > 0 && g > c.MaxRate {
				return fmt.Errorf("scenario %s: it asks for %v, above the highest rate that may be sent, %v (--max-rate)", o.Name, attack.Rate(g), attack.Rate(c.MaxRate))
			}
		}
	}
	return nil
}

// peaks are the rates at the ends of each of a trial's stretches, all actors together.
func peaks(t attack.Trial) []float64 {
	out := make([]float64, 2*len(t.Actors[0].Schedule.Segments))
	for _, a := range t.Actors {
		for i, g := range a.Schedule.Segments {
			out[2*i] += g.From
			out[2*i+1] += g.To
		}
	}
	return out
}
