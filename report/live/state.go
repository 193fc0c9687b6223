package live

import (
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// state is what is known of the run by now. It keeps the newest of everything and little of the past.
type state struct {
	run      journal.Run
	began    time.Time
	trial    *attack.Trial // the one that is running, nil between trials
	since    time.Time     // when it began
	ticks    []attack.Tick // of it, at most ticksMax
	done     []done        // trials with actors, at most doneMax
	trials   int
	bracket  bracket          // none once the capacity is known
	health   attack.SelfCheck // of the last trial, at its worst
	capacity *analyze.Capacity
	verdicts []scenarios.Verdict // at most verdictsMax
	ahead    journal.Ahead
	told     time.Time // when ahead was
	note     string
	end      *journal.End
	cut      bool // off: end is none of the journal's
}

const (
	ticksMax    = 2 * attack.TicksPerTrial
	doneMax     = 200
	verdictsMax = 100
)

// done is a trial that has ended, in short.
type done struct {
	phase     string
	load      float64 // asked at the end of its schedule, for the bracket
	offered   float64 // due per second sent
	achieved  float64 // answered well while it was sent, per second, whenever due: what was answered later is a backlog
	flight    float64 // not answered yet when its sending ended; NaN where nobody looked
	p50, p99  float64 // response, ms; NaN where none was answered
	throttled float64 // share of due
	failed    float64 // share of due, timeouts and shed ones among them
	stopped   string  // why it was ended early
	void      string
}

// bracket is what the trials say by themselves, before any judgement: the highest load that went through to its end with
// hardly a failure, and the lowest that did not. Where trials contradict each other, the newest is believed: early ones are
// short, and the target may have been cold.
type bracket struct{ through, stopped float64 }

func bracketOf(all []done) (b bracket) {
	for _, d := range slices.Backward(all) {
		b.see(d)
	}
	return b
}

func (s *state) add(e journal.Entry, now time.Time) {
	if s.began.IsZero() {
		s.began = now
	}
	switch {
	case e.Run != nil:
		s.run = *e.Run
	case e.Start != nil:
		s.trial, s.since, s.ticks = e.Start, now, nil
	case e.Tick != nil:
		s.ticks = last(append(s.ticks, *e.Tick), ticksMax)
	case e.Trial != nil:
		s.finish(*e.Trial)
	case e.Capacity != nil:
		s.capacity, s.bracket = e.Capacity, bracket{}
	case e.Verdict != nil:
		s.judge(*e.Verdict)
	case e.Ahead != nil:
		s.ahead, s.told = *e.Ahead, now
	case e.Note != nil:
		s.note = e.Note.Text
	case e.End != nil:
		s.end, s.trial = e.End, nil
	}
}

// judge takes note of a verdict; a later one on the same scenario replaces it.
func (s *state) judge(v scenarios.Verdict) {
	i := slices.IndexFunc(s.verdicts, func(o scenarios.Verdict) bool { return o.Scenario == v.Scenario })
	if i < 0 {
		s.verdicts = last(append(s.verdicts, v), verdictsMax)
		return
	}
	s.verdicts[i] = v
}

// left is the time that is still to come, and whether it is known.
func (s *state) left(now time.Time) (time.Duration, bool) {
	return max(0, s.ahead.Left-now.Sub(s.told)), s.ahead.Left > 0 && s.end == nil
}

// then are the phases that follow the one that runs, or all when none of them does.
func (s *state) then() []string {
	phase := ""
	if n := len(s.done); n > 0 {
		phase = s.done[n-1].phase
	}
	if s.trial != nil {
		phase = s.trial.Phase
	}
	return s.ahead.Phases[slices.Index(s.ahead.Phases, phase)+1:]
}

// last keeps the newest n of all.
func last[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }

func (s *state) finish(m attack.Measurement) {
	s.trial, s.ticks = nil, nil
	s.trials++
	if h := worst(m.Checks); h.Outcome != "" {
		s.health = h
	}
	if m.Trial.Serial != nil {
		return
	}
	d := doneOf(m)
	s.done = last(append(s.done, d), doneMax)
	if s.capacity == nil && s.run.Limit == nil { // storms at a throttle say nothing about the target's bracket
		s.bracket = bracketOf(s.done)
	}
}

// doneOf is the trial in short: of what came after its warm-up, or of all when it never got so far.
func doneOf(m attack.Measurement) done {
	w := m.Total()
	if w.Due == 0 {
		w = m.All()
	}
	d := done{phase: m.Trial.Phase, flight: math.NaN(), load: m.Trial.Load(), p50: math.NaN(), p99: math.NaN()}
	if w.Response.N() > 0 {
		d.p50, d.p99 = attack.MS(w.Response.Quantile(.5)), attack.MS(w.Response.Quantile(.99))
	}
	d.void, _ = m.Void()
	if long := sent(w, m.Aborted); long > 0 {
		d.offered, d.achieved = float64(w.Due)/long.Seconds(), float64(w.OK)/long.Seconds()
		if ok, flight, known := meanwhile(m, w.At, w.At+long); known {
			d.achieved, d.flight = ok, float64(flight)
		}
	}
	if w.Due > 0 {
		d.throttled = float64(w.Throttled) / float64(w.Due)
		d.failed = float64(w.Failed+w.Timeout+w.Shed) / float64(w.Due)
	}
	if m.Aborted != nil {
		d.stopped = string(m.Aborted.Reason)
	}
	return d
}

// meanwhile is what was answered well between two moments of a trial, per second, and what was in flight at the latter. It
// is known of trials that have ticks there.
func meanwhile(m attack.Measurement, from, to time.Duration) (ok float64, flight int64, known bool) {
	late := m.Trial.Len() / (2 * attack.TicksPerTrial) // a tick closes a little after its edge
	var n int64
	var first, last time.Duration
	for _, t := range m.Ticks {
		switch {
		case t.Elapsed <= from+late:
			first = t.Elapsed
		case t.Elapsed <= to+late:
			n, flight, last = n+t.OK, t.InFlight, t.Elapsed
		}
	}
	if last <= first {
		return 0, 0, false
	}
	return float64(n) / (last - first).Seconds(), flight, true
}

// sent is the stretch of w that arrivals were sent in: a trial that was ended early stops within its last window.
func sent(w attack.Window, ended *attack.Abort) time.Duration {
	if ended != nil && ended.At > w.At {
		return min(w.Len, ended.At-w.At)
	}
	return w.Len
}

// see takes note of an older trial than those seen before.
func (b *bracket) see(d done) {
	went := d.stopped == "" && d.failed <= analyze.DefaultFailed
	switch {
	case d.void != "" || d.load == 0 || d.throttled > analyze.DefaultFailed || d.stopped == string(attack.Interrupted):
	case went && d.load > b.through && (b.stopped == 0 || d.load < b.stopped):
		b.through = d.load
	case !went && d.load > b.through && (b.stopped == 0 || d.load < b.stopped):
		b.stopped = d.load
	}
}

// worst is the self-check that matters most.
func worst(checks []attack.SelfCheck) (out attack.SelfCheck) {
	rank := map[attack.CheckOutcome]int{attack.Healthy: 1, attack.Unavailable: 1, attack.Warn: 2, attack.Void: 3}
	for _, c := range checks {
		if rank[c.Outcome] > rank[out.Outcome] {
			out = c
		}
	}
	return out
}

// pace is what the last second or so of ticks says.
type pace struct {
	offered, ok float64 // per second
	inFlight    int64
	mean        float64 // response of ok, ms
	counts      attack.Tick
	elapsed     time.Duration
}

// paceOver is the stretch that a pace is taken over: shorter ones flicker.
const paceOver = time.Second

func (s *state) pace() (p pace, known bool) {
	if len(s.ticks) == 0 {
		return pace{}, false
	}
	newest := s.ticks[len(s.ticks)-1]
	p.elapsed, p.inFlight = newest.Elapsed, newest.InFlight
	var from time.Duration
	for i := len(s.ticks) - 1; i >= 0; i-- {
		t := s.ticks[i]
		if newest.Elapsed-t.Elapsed >= paceOver {
			from = t.Elapsed
			break
		}
		p.add(t)
	}
	seconds := (newest.Elapsed - from).Seconds()
	if seconds <= 0 {
		return p, false
	}
	p.offered, p.ok = float64(p.counts.Due)/seconds, float64(p.counts.OK)/seconds
	if p.counts.OK > 0 {
		p.mean = attack.MS(p.counts.Response / time.Duration(p.counts.OK))
	}
	return p, true
}

func (p *pace) add(t attack.Tick) {
	c := &p.counts
	c.Due += t.Due
	c.OK += t.OK
	c.Throttled += t.Throttled
	c.Shed += t.Shed
	c.Failed += t.Failed
	c.Timeout += t.Timeout
	c.Unsent += t.Unsent
	c.Response += t.Response
}
