package gate

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Plan is the gate of one build: short blocks of one load, each a step of a Walk, until it decides or the budget ends. It
// is a Planner: a pure function of what was measured, so that a gate that is gone on with has the errors of one.
//
// Without a reference, a block sends (1 − Tolerance) × Sustained and passes when the target completes it and keeps its
// goal: it is never overloaded unless it got worse. A calibration knows better what blocks hold than a search does, and
// takes the place of Sustained. With a reference, a block is a pair: head and reference are overloaded
// a little, one right after the other and in turns (A B B A), and it passes when head completes at least 1 − Tolerance of
// what the reference does; what the machine does to both cancels.
type Plan struct {
	Sustained float64       // the baseline's highest sustained load, per second
	Capacity  float64       // the baseline's estimate of capacity, per second
	Median    float64       // the load at which half of the baseline's blocks hold, from a Calibration; 0 if unknown
	Tolerance float64       // the loss that is borne, 0..1
	Reference string        // scheme and host of the baseline's build, running beside the head's; empty means none
	Goal      analyze.Goal  // that blocks must keep
	BaseP99   time.Duration // of the baseline at rest; 0 if unknown
	Block     time.Duration // length of a block; 0 means a share of the budget
	Budget    time.Duration // of all trials together; 0 means DefaultBudget
	Seed      uint64
	Identity  attack.Identity
	FlightMax int           // most requests in flight; 0 means the search's default
	Before    time.Duration // spent by a gate that this one goes on with, beside Budget
}

var _ attack.Planner = Plan{}

// What a Plan uses where a field is zero, and the bounds of the others.
const (
	DefaultBudget    = 3 * time.Minute
	DefaultTolerance = 0.05
	toleranceMax     = 0.5
	budgetMin        = 20 * time.Second
)

// The phases of a gate.
const (
	Rest   = "gate/rest"
	WarmUp = "gate/warm-up"
	Blocks = "gate/block"
	Settle = "gate/settle"
)

// The actor's names tell head from reference.
const (
	head      = "head"
	reference = "reference"
)

// The constants of the gate. Some 36 blocks fit into the budget, so that a walk at Sure ends within it 99 times in 100. Of
// 2 s at least, for a queue to show.
const (
	blockShare = 1. / 40
	blockLeast = 2 * time.Second
	blockMost  = 10 * time.Second
	restShare  = 0.1 // of the load, for the target at rest
	warmShare  = 0.9 // of the load, for the warm-up
	restLeast  = 10. // per second, where half of the load allows it
	restLong   = 3 * time.Second
	warmLong   = 2    // blocks
	overload   = 1.12 // of the baseline's capacity, in paired blocks: the search's overload
	voidsMax   = 3    // void blocks in a row: the generator is the limit
	blocksMax  = 400  // of all, void ones included
	slower     = 1.5  // times the baseline's p99 at rest is worth a note
	canaries   = 3    // fast answers in a row tell that a block has left nothing behind
	settleMost = 15 * time.Second
)

// Validate reports the first field that makes no sense, by the name of its flag.
func (p Plan) Validate() error {
	switch {
	case !(p.Sustained > 0) || !(p.Capacity >= p.Sustained) || math.IsInf(p.Capacity, 0):
		return fmt.Errorf("a baseline that sustains %v/s of a capacity of %v/s: want both above 0", p.Sustained, p.Capacity)
	case !(p.Tolerance > 0) || p.Tolerance > toleranceMax:
		return fmt.Errorf("--tolerance %v%%, want above 0%% and at most %v%%", 100*p.Tolerance, 100*toleranceMax)
	case p.Budget != 0 && p.Budget < budgetMin:
		return fmt.Errorf("--budget %v, want at least %v for a gate", p.Budget, budgetMin)
	case p.FlightMax < 0:
		return errors.New("--max-inflight below 0")
	}
	return nil
}

func (p Plan) budget() time.Duration { return cmp.Or(p.Budget, DefaultBudget) }

// Load is what a block sends, per second.
func (p Plan) Load() float64 {
	if p.Reference != "" {
		return overload * p.Capacity
	}
	return (1 - p.Tolerance) * cmp.Or(p.Median, p.Sustained)
}

// block is the length of one block.
func (p Plan) block() time.Duration {
	if p.Block > 0 {
		return p.Block
	}
	share := blockShare
	if p.Reference != "" {
		share /= 2.5 // two blocks a step, and each is followed by a rest
	}
	return min(max(time.Duration(share*float64(p.budget())), blockLeast), blockMost).Round(100 * time.Millisecond)
}

// BlockMS is the length of a block in ms.
func (p Plan) BlockMS() float64 { return attack.MS(p.block()) }

// BlockOf is the length of the blocks that were sent already, 0 when none was: a gate that goes on keeps it.
func (p Plan) BlockOf(done []attack.Measurement) time.Duration {
	for _, m := range done {
		if m.Trial.Phase == Blocks {
			return m.Trial.Len()
		}
	}
	return 0
}

// Next is the next trial of the gate.
func (p Plan) Next(done []attack.Measurement) (attack.Trial, bool) {
	t := p.replay(done)
	if t.want == nil {
		return attack.Trial{}, false
	}
	return *t.want, true
}

// Watch ends a block that is surely overloaded, before it has done more harm.
func (p Plan) Watch(_ attack.Trial, done []attack.Measurement) func(attack.Tick) attack.Reason {
	t := p.replay(done)
	return t.watch()
}

func (t *tale) watch() func(attack.Tick) attack.Reason {
	if t.want == nil || t.want.Phase != Blocks || t.plan.Reference != "" {
		return nil
	}
	return analyze.Watch(*t.want, t.rest[head], t.plan.Goal, analyze.Medium, cmp.Or(t.plan.FlightMax, analyze.DefaultMaxInFlight))
}

// Verdict is what the measurements tell, whether the gate is over or not.
func (p Plan) Verdict(done []attack.Measurement) Verdict { return p.replay(done).verdict() }

func (p Plan) replay(done []attack.Measurement) *tale {
	t := p.begin(done)
	t.tell()
	return t
}

func (p Plan) begin(done []attack.Measurement) *tale {
	t := &tale{plan: p, rest: map[string]analyze.Rest{}, missed: map[string][]string{}}
	t.todo = slices.SortedStableFunc(slices.Values(done), func(a, b attack.Measurement) int { return cmp.Compare(a.Trial.N, b.Trial.N) })
	for _, m := range done {
		t.n = max(t.n, m.Trial.N)
	}
	return t
}
