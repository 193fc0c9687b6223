package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// arrival is one request owed, from its due moment to its outcome. Times count from the trial's beginning.
type arrival struct {
	actor    int
	seq      int64
	due      time.Duration
	sent     time.Duration // of the last attempt
	try      int
	waited   time.Duration // before the last attempt, by its manners
	answer   Answer        // to the last attempt
	admitted bool          // by a limiter that must be told of the end
	times    int           // that a gateway has sent this attempt again
}

// trial is the run of one attack.Trial with actors.
type trial struct {
	r      *Runner
	t      attack.Trial
	watch  func(attack.Tick) attack.Reason
	began  time.Duration // on the Runner's clock
	long   time.Duration // of the trial
	stream *attack.Stream
	next   attack.Arrival
	owed   bool // next is an arrival
	seq    int64
	keys   []string // of the actors

	events  events
	waiting []*arrival // at the in-flight cap, in order of due
	flying  int        // first attempts in flight
	ledger  *ledger
	edges   int           // ticks closed
	last    time.Duration // latest answer
	stopped bool          // aborted: nothing more is owed, refused clients do not come back

	freeAt time.Duration // when a generator with a ceiling can send again
	late   int64         // sent more than lateVoid after due for the generator's sake
	bursts map[attack.Arrival]*span
	pool   []*arrival
}

// span is the first and last moment at which the arrivals of one burst were sent.
type span struct {
	first, last time.Duration
	some        bool
}

// mark takes in one send; an arrival that belongs to no burst has a nil span.
func (s *span) mark(at time.Duration) {
	if s == nil {
		return
	}
	if !s.some {
		s.first, s.some = at, true
	}
	s.last = at
}

func newTrial(r *Runner, t attack.Trial, watch func(attack.Tick) attack.Reason) *trial {
	x := &trial{r: r, t: t, watch: watch, began: r.clock, long: t.Len(), stream: t.Stream(), ledger: newLedger(t), bursts: map[attack.Arrival]*span{}}
	for i, a := range t.Actors {
		x.keys = append(x.keys, a.Identity.Value.Reveal())
		for _, c := range a.Schedule.Crowds() {
			x.bursts[attack.Arrival{Actor: i, Due: c.At}] = &span{}
		}
	}
	x.next, x.owed = x.stream.Next()
	return x
}

// interruptEvery is how many events pass between two looks at the context.
const interruptEvery = 256

// run lets events happen in order of time until nothing is owed and nothing is under way.
func (x *trial) run(ctx context.Context) attack.Measurement {
	for n := 0; ; n++ {
		at, some := x.soonest()
		if !some {
			break
		}
		if n%interruptEvery == 0 && !x.stopped && ctx.Err() != nil {
			x.stop(at, attack.Interrupted)
			continue
		}
		if x.closeTicks(at) {
			continue // a tick ended the trial: what is soonest may have changed
		}
		x.expire(at)
		if x.owed && (len(x.events.heap) == 0 || x.next.Due < x.events.heap[0].at) {
			x.arrive()
		} else {
			x.happen(x.events.pop())
		}
	}
	x.closeTicks(x.long + 1)
	return x.measurement()
}

func (x *trial) soonest() (time.Duration, bool) {
	switch n := len(x.events.heap); {
	case x.owed && n > 0:
		return min(x.next.Due, x.events.heap[0].at), true
	case x.owed:
		return x.next.Due, true
	case n > 0:
		return x.events.heap[0].at, true
	}
	return 0, false
}

// closeTicks closes the ticks whose edge lies before the moment and shows them to watch; true when one ended the trial.
func (x *trial) closeTicks(at time.Duration) bool {
	for !x.stopped && x.long > 0 && x.edges < attack.TicksPerTrial {
		edge := x.long * time.Duration(x.edges+1) / attack.TicksPerTrial
		if edge >= at {
			return false
		}
		x.expire(edge)
		x.edges++
		tick := x.ledger.edge(edge)
		if x.watch == nil {
			continue
		}
		if why := x.watch(tick); why != "" {
			x.stop(edge, why)
			return true
		}
	}
	return false
}

// stop ends the trial early. What is in flight or waiting is awaited.
func (x *trial) stop(at time.Duration, why attack.Reason) {
	x.stopped, x.owed = true, false
	x.ledger.m.Aborted = &attack.Abort{At: at, Reason: why}
}

// arrive takes the next arrival from the schedule and sends it, or lets it wait at the cap or for the generator.
func (x *trial) arrive() {
	a := x.fresh()
	*a = arrival{actor: x.next.Actor, seq: x.seq, due: x.next.Due}
	x.seq++
	x.next, x.owed = x.stream.Next()
	x.ledger.due(a)
	if x.r.Ceiling > 0 {
		x.generate(a)
		return
	}
	x.launch(a, a.due)
}

// The self-checks of a simulated generator that has a ceiling, as the real one's: see attack/engine.
const (
	lateVoid   = 50 * time.Millisecond  // sent later than this counts as late; more than 1 % late is void
	dropAfter  = 500 * time.Millisecond // not sent at all
	unsentVoid = 0.001                  // share of unsent that is void
)

// generate sends an arrival as soon as a generator with a ceiling can.
func (x *trial) generate(a *arrival) {
	at := max(a.due, x.freeAt)
	if at-a.due > dropAfter {
		x.end(a, attack.Unsent, a.due)
		return
	}
	if at-a.due > lateVoid {
		x.late++
	}
	x.freeAt = at + time.Duration(float64(time.Second)/x.r.Ceiling)
	x.events.push(at, leaves, a)
}

// launch sends a first attempt, or has it wait at the in-flight cap.
func (x *trial) launch(a *arrival, at time.Duration) {
	if x.t.Flight > 0 && x.flying >= x.t.Flight {
		x.waiting = append(x.waiting, a)
		return
	}
	x.flying++
	x.attempt(a, at)
}

// attempt sends one attempt and schedules its answer.
func (x *trial) attempt(a *arrival, at time.Duration) {
	a.sent, a.try, a.times = at, a.try+1, 0
	x.ledger.sent(a)
	if len(x.bursts) > 0 && a.try == 1 {
		x.bursts[attack.Arrival{Actor: a.actor, Due: a.due}].mark(at)
	}
	if up := x.r.servers.uplink(); up > 0 {
		x.events.push(at+up, knocks, a)
		return
	}
	x.knock(a, at)
}

// knock asks the limiter for an attempt, and what it lets in goes on to the servers when it has been held long enough.
func (x *trial) knock(a *arrival, at time.Duration) {
	call := x.call(a, at)
	hold, refusal, in := x.r.knock(&call)
	a.admitted = in
	switch {
	case !in:
		x.await(a, refusal)
	case hold >= x.r.target.timeout(): // its client is gone before the servers see it
		x.await(a, x.r.giveUp(&call))
	case hold > 0:
		x.events.push(at+hold, enters, a)
	default:
		x.serve(a, &call, call.At)
	}
}

// serve has the servers work on an attempt, at once and as often as a gateway before them wants.
func (x *trial) serve(a *arrival, c *Call, at time.Duration) {
	ans, again := x.r.serve(c, at, a.times)
	if again > 0 {
		a.times++
		x.events.push(again-x.began, enters, a)
		return
	}
	x.await(a, ans)
}

// call is the attempt that an arrival is at, as the target sees it at a moment.
func (x *trial) call(a *arrival, at time.Duration) Call {
	return Call{At: x.began + at, Key: x.keys[a.actor], Try: a.try, Twist: x.t.Actors[a.actor].Twist}
}

// await schedules the answer to an attempt.
func (x *trial) await(a *arrival, ans Answer) {
	a.answer = ans
	x.events.push(ans.At-x.began, answered, a)
}

// happen carries out one event.
func (x *trial) happen(e event) {
	a := e.a
	switch e.kind {
	case knocks:
		x.knock(a, e.at)
		return
	case enters:
		call := x.call(a, a.sent)
		x.serve(a, &call, x.began+e.at)
		return
	case leaves:
		switch {
		case a.try == 0:
			x.launch(a, e.at)
		case x.stopped:
			x.end(a, x.r.outcome(a.answer), a.answer.At-x.began)
		default:
			x.attempt(a, e.at)
		}
		return
	}
	x.last = max(x.last, e.at)
	if a.try == 1 {
		x.flying--
		x.admitWaiting(e.at)
	}
	if l, ok := x.r.target.Limiter.(Releaser); ok && a.admitted {
		l.Release(x.began+e.at, x.keys[a.actor])
	}
	o := x.r.outcome(a.answer)
	x.ledger.answered(a, a.answer, o, e.at)
	if o == attack.Throttled || o == attack.Shed {
		after, told := wait(a.answer)
		if w, again := x.t.Actors[a.actor].Manners.Wait(attack.Refusal{Try: a.try, After: after, Told: told, Waited: a.waited}, x.r.rng.Float64()); again && !x.stopped {
			a.waited = w
			x.events.push(e.at+w, leaves, a)
			return
		}
	}
	x.end(a, o, e.at)
}

// expire gives up on arrivals that have waited at the cap for longer than their client's patience.
func (x *trial) expire(at time.Duration) {
	patience := x.r.target.timeout()
	for len(x.waiting) > 0 && x.waiting[0].due+patience <= at {
		a := x.waiting[0]
		x.waiting = x.waiting[1:]
		x.end(a, attack.Timeout, a.due+patience)
	}
}

// admitWaiting sends the arrival that has waited longest at the cap.
func (x *trial) admitWaiting(at time.Duration) {
	x.expire(at)
	if len(x.waiting) == 0 {
		return
	}
	a := x.waiting[0]
	x.waiting = x.waiting[1:]
	x.launch(a, at)
}

// end books an arrival's outcome; the arrival is used again.
func (x *trial) end(a *arrival, o attack.Outcome, at time.Duration) {
	x.ledger.ended(a, o, at)
	x.last = max(x.last, at)
	a.answer = Answer{}
	x.pool = append(x.pool, a)
}

func (x *trial) fresh() *arrival {
	if n := len(x.pool); n > 0 {
		a := x.pool[n-1]
		x.pool = x.pool[:n-1]
		return a
	}
	return &arrival{}
}

// measurement closes the books and puts the Runner's clock at the last answer or the last due moment.
func (x *trial) measurement() attack.Measurement {
	end := x.long
	if x.ledger.m.Aborted != nil {
		end = x.ledger.m.Aborted.At
	}
	took := max(end, x.last)
	x.r.clock = x.began + took
	if x.r.Overlap {
		x.r.clock = x.began + end
	}
	for _, s := range x.bursts {
		x.ledger.m.Spread = max(x.ledger.m.Spread, s.last-s.first)
	}
	m := x.ledger.close(end, took)
	var all attack.Counts
	for _, w := range m.Windows {
		all.Add(w.Counts)
	}
	m.Checks = x.checks(all)
	return m
}

// checks is the generator's look at itself.
func (x *trial) checks(c attack.Counts) []attack.SelfCheck {
	verdict := func(void bool) attack.CheckOutcome {
		if void {
			return attack.Void
		}
		return attack.Healthy
	}
	fix := "a faster or a second machine"
	late, unsent := float64(x.late), float64(c.Unsent)
	due := max(float64(c.Due), 1)
	return []attack.SelfCheck{
		{Name: "late ticks", Outcome: verdict(late > .01*due), Got: fmt.Sprintf("%.2f%% later than %v", 100*late/due, lateVoid), Want: "1% at most", Fix: fix},
		{Name: "unsent", Outcome: verdict(unsent > unsentVoid*due), Got: fmt.Sprintf("%.2f%%", 100*unsent/due), Want: "0.1% at most", Fix: fix},
	}
}
