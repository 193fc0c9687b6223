package gate

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Block is one step of the walk.
type Block struct {
	Trials []int   `json:"trials"`          // one, or head and reference
	Held   bool    `json:"held"`            // no loss beyond the tolerance showed in it
	Rate   float64 `json:"rate,omitempty"`  // completed per second by head while there was always more to do; 0: it kept up
	Ratio  float64 `json:"ratio,omitempty"` // of head's rate to the reference's; 0 without a reference, and where head completed nothing
	Base   float64 `json:"base,omitempty"`  // completed per second by the reference
	Why    string  `json:"why"`
}

// tale is the state of a Plan while its story is told from the beginning: see analyze.Plan.
type tale struct {
	plan   Plan
	todo   []attack.Measurement
	n      int // number of the last trial
	want   *attack.Trial
	spent  time.Duration
	sent   int64
	rest   map[string]analyze.Rest // by actor
	missed map[string][]string     // what of the goal a side breaks at a light load already
	walk   Walk
	blocks []Block
	loads  []float64 // of the blocks of a Staircase
	played Played    // by a Staircase
	voids  int       // trials that the generator spoilt
	bad    string    // why nothing could be measured
	fix    string
}

func (t *tale) sides() []string {
	if t.plan.Reference == "" {
		return []string{head}
	}
	return []string{head, reference}
}

func (t *tale) tell() {
	for _, side := range t.sides() {
		if !t.ready(side) {
			return
		}
	}
	for len(t.blocks) < blocksMax && t.walk.Outcome() == Undecided && t.fits() {
		if !t.step() {
			return
		}
	}
}

// ready measures one side at rest and warms it up.
func (t *tale) ready(side string) bool {
	load := t.plan.Load()
	m, ok := t.sound(side, t.trial(Rest, "response times at a light load", side, max(restShare*load, min(restLeast, load/2)), restLong))
	if !ok {
		return false
	}
	all := m.All()
	if all.OK < 10 || float64(all.OK) < .9*float64(all.Due) {
		return t.stop(fmt.Sprintf("at a light load %d of %s were answered well", all.OK, attack.Plural(all.Due, "request")), "is the right build running?")
	}
	t.rest[side] = analyze.RestOf(all.Response)
	t.missed[side] = t.plan.Goal.Missed(all)
	_, ok = t.ask(t.trial(WarmUp, "until it is as fast as it gets", side, warmShare*min(load, t.plan.Sustained), warmLong*t.plan.block()))
	return ok && t.settle(side)
}

// step is one block, or one pair of blocks.
func (t *tale) step() bool {
	if t.plan.Reference != "" {
		return t.pair()
	}
	b, ok := t.alone(t.plan.Load())
	if !ok {
		return false
	}
	t.take(b)
	return b.Held || t.settle(head)
}

// alone is a block without a reference.
func (t *tale) alone(load float64) (Block, bool) {
	m, j, ok := t.block(head, load)
	if !ok {
		return Block{}, false
	}
	b := Block{Trials: []int{m.Trial.N}, Held: j.Class == analyze.Sustained, Why: "kept up"}
	if !b.Held {
		b.Why, b.Rate = j.Text, rate(j)
	} else if r := j.Busy; r.Ticks >= 10 && r.N > 100 && r.Rate < m.Trial.Load() {
		// Judge gives a load the benefit of the doubt; a step of the walk must be as likely down as up when capacity is the load.
		b.Held, b.Rate, b.Why = false, r.Rate, fmt.Sprintf("%s completed of %s while the backlog never emptied", perSecond(r.Rate), perSecond(m.Trial.Load()))
	}
	return b, true
}

// pair is a block of head and one of the reference, in turns.
func (t *tale) pair() bool {
	order := t.sides()
	if len(t.blocks)%2 == 1 {
		order[0], order[1] = order[1], order[0]
	}
	b, rates := Block{}, map[string]float64{}
	for _, side := range order {
		m, j, ok := t.block(side, t.plan.Load())
		if !ok || !t.settle(side) {
			return false
		}
		b.Trials, rates[side] = append(b.Trials, m.Trial.N), rate(j)
	}
	if rates[reference] <= 0 {
		return t.stop("the reference completed nothing", "is the baseline's build running there?")
	}
	b.Rate, b.Base, b.Ratio = rates[head], rates[reference], rates[head]/rates[reference]
	b.Held = b.Ratio >= 1-t.plan.Tolerance
	b.Why = fmt.Sprintf("%s completed, %s by the baseline", perSecond(rates[head]), perSecond(rates[reference]))
	t.take(b)
	return true
}

// rate is what was completed while there was always more to do, or else what was completed well.
func rate(j analyze.Judgement) float64 {
	if j.Busy.N > 50 {
		return j.Busy.Rate
	}
	return j.Good
}

func (t *tale) take(b Block) {
	t.blocks = append(t.blocks, b)
	t.walk.Step(b.Held)
}

// block is one trial of a load, judged.
func (t *tale) block(side string, load float64) (attack.Measurement, analyze.Judgement, bool) {
	m, ok := t.sound(side, t.trial(Blocks, "does it hold", side, load, t.plan.block()))
	if !ok {
		return m, analyze.Judgement{}, false
	}
	j := analyze.Judge(m, t.rest[side], t.plan.Goal, analyze.Medium)
	switch j.Class {
	case analyze.Sustained, analyze.Overloaded:
		return m, j, true
	case analyze.Limited:
		return m, j, t.stop("a limiter answered, not the target: "+j.Text, "measure past the limiter")
	}
	return m, j, t.stop("stopped: "+j.Text, "")
}

// sound is a measurement that the generator has not spoilt. A void one is taken again.
func (t *tale) sound(side string, want attack.Trial) (m attack.Measurement, ok bool) {
	why := ""
	for range voidsMax {
		if m, ok = t.ask(want); !ok {
			return m, false
		}
		if why, t.fix = m.Void(); why == "" {
			return m, true
		}
		t.voids++
		if !t.settle(side) {
			return m, false
		}
	}
	return m, t.stop("the generator could not keep up: "+why, t.fix)
}

// settle waits until a side is as fast as at rest.
func (t *tale) settle(side string) bool {
	r := t.rest[side]
	gap := min(max(r.P50, 5*time.Millisecond), 50*time.Millisecond)
	_, ok := t.ask(attack.Trial{Phase: Settle, Why: "wait until it has recovered", Serial: &attack.Serial{Max: 1000, For: min(settleMost, 2*t.plan.block()), Gap: gap,
		Identity: t.plan.Identity, Twist: t.twist(side), Until: attack.Until{Fast: canaries, Within: max(2*r.P99, 3*r.P50)}}})
	return ok
}

func (t *tale) twist(side string) attack.Twist {
	if side == reference {
		return attack.Twist{Base: t.plan.Reference}
	}
	return attack.Twist{}
}

func (t *tale) trial(phase, why, side string, load float64, long time.Duration) attack.Trial {
	return attack.Trial{Phase: phase, Why: why, Warmup: long / 5, Actors: []attack.Actor{{Name: side, Identity: t.plan.Identity, Twist: t.twist(side),
		Schedule: attack.Constant(load, long, attack.Poisson)}}}
}

// ask is the measurement of a trial, false when it is yet to come or the gate has stopped. An interrupted one says nothing.
func (t *tale) ask(want attack.Trial) (attack.Measurement, bool) {
	for len(t.todo) > 0 {
		m := t.todo[0]
		t.todo = t.todo[1:]
		t.spent += m.Took
		for _, w := range m.Windows { // not All, which adds up histograms for one count
			t.sent += w.Attempts
		}
		if same(m.Trial, want) && (m.Aborted == nil || m.Aborted.Reason != attack.Interrupted) {
			return m, true
		}
	}
	want.N = t.n + 1
	want.Seed = t.plan.Seed + uint64(want.N)*0x9e3779b97f4a7c15
	t.want = &want
	return attack.Measurement{}, false
}

// same tells whether a measured trial is the one asked for: the same phase, side and load.
func same(got, want attack.Trial) bool {
	if got.Phase != want.Phase || len(got.Actors) != len(want.Actors) {
		return false
	}
	if len(want.Actors) == 0 {
		return got.Serial != nil && got.Serial.Twist.Base == want.Serial.Twist.Base
	}
	return got.Actors[0].Name == want.Actors[0].Name && math.Abs(got.Load()-want.Load()) <= 1e-6*want.Load()
}

// fits tells whether one more step ends within the budget.
func (t *tale) fits() bool {
	need := t.plan.block()
	if t.plan.Reference != "" {
		need *= 2
	}
	return t.spent+need <= t.plan.Before+t.plan.budget()
}

func (t *tale) stop(why, fix string) bool {
	t.bad, t.fix = why, fix
	return false
}

func perSecond(load float64) attack.Rate { return attack.Rate(load).Round() }
