package engine

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// ledger keeps the account of one trial. One lock serves it all: a booking takes well under a microsecond, so that at
// 20,000 arrivals per second it is held for some hundredths of the time. Its size does not grow with the arrivals, but for the log.
type ledger struct {
	mu      sync.Mutex
	trial   attack.Trial
	long    time.Duration
	timeout time.Duration
	windows map[spot]*attack.Window
	ticks   []attack.Tick
	open    attack.Tick // what happened since the last edge
	counted int64       // arrivals in the ticks so far
	ended   int64       // arrivals that ended so far
	flight  int64       // sent and not ended
	peak    int64
	last    time.Duration // the last answer
	bursts  map[time.Duration]*span
	log     []attack.Attempt
	lost    int64 // attempts that the log had no place for
	notes   []attack.Note
	kinds   []attack.Endpoint // nil for a target of one
	health
}

// health is what the self-checks look at.
type health struct {
	lag, early, late attack.Histogram // the generator's part of the lag: of all but bursts, of the first and of the last quarter
	crowd            crowd            // the same of bursts
	ahead            *span            // the burst that was sent last
	duen             int64
	dropped          int64 // the generator came too late for them
	cut              int64 // the abort cut them off
	held             int64 // waited at the cap
	attempts         int64
	excused          int64 // attempts after which a connection had to be opened anew
	faults           map[fault]int64
}

type spot struct{ index, actor int }

func newLedger(t attack.Trial, timeout time.Duration) *ledger {
	l := &ledger{trial: t, long: t.Len(), timeout: timeout, windows: map[spot]*attack.Window{}, bursts: spansOf(t)}
	l.faults = map[fault]int64{}
	return l
}

// window is the page of an arrival.
func (l *ledger) window(a arrival) *attack.Window {
	index, at, long, warm := attack.WindowAt(a.due, l.trial.Warmup)
	w := l.windows[spot{index, a.actor}]
	if w == nil {
		if l.long > at {
			long = min(long, l.long-at)
		}
		w = &attack.Window{Actor: a.actor, At: at, Len: long, Warmup: warm}
		l.windows[spot{index, a.actor}] = w
	}
	return w
}

// due books an arrival that is owed from now on.
func (l *ledger) due(a arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owe(a)
}

func (l *ledger) owe(a arrival) *attack.Window {
	w := l.window(a)
	w.Due++
	l.duen++
	return w
}

// drop books an arrival that the generator came too late for.
func (l *ledger) drop(a arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped++
	l.end(l.owe(a), attack.Unsent)
}

// cutOff books an arrival that was due when the trial was aborted and still waited at the cap: unsent, but no fault of the
// generator's.
func (l *ledger) cutOff(a arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut++
	l.end(l.owe(a), attack.Unsent)
}

// expire books an arrival whose user gave up while it waited at the cap.
func (l *ledger) expire(a arrival, now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.owe(a)
	l.held++
	w.Response.Record(max(now-a.due, l.timeout))
	l.last = max(l.last, now)
	l.end(w, attack.Timeout)
}

// end puts an arrival into its bin.
func (l *ledger) end(w *attack.Window, o attack.Outcome) {
	*w.Of(o)++
	l.ended++
	switch o {
	case attack.OK:
		l.open.OK++
	case attack.Throttled:
		l.open.Throttled++
	case attack.Shed:
		l.open.Shed++
	case attack.Failed:
		l.open.Failed++
	case attack.Timeout:
		l.open.Timeout++
	case attack.Unsent:
		l.open.Unsent++
	}
}

// sent books that an attempt is under way.
func (l *ledger) sent(a arrival, now time.Duration, try int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts++
	w := l.window(a)
	w.Attempts++
	if try > 1 {
		return
	}
	l.open.Sent++
	l.flight++
	l.peak = max(l.peak, l.flight)
	lag := now - a.due
	w.Lag.Record(lag)
	if a.held > 0 {
		l.held++
	}
	l.gauge(a, now)
}

// gauge keeps the generator's own part of a lag. What is due while a burst is sent waits behind it, which is the burst's
// spread and no lateness of its own.
func (l *ledger) gauge(a arrival, now time.Duration) {
	own := now - a.due - a.held
	if b := l.bursts[a.due]; b != nil {
		b.book(now)
		l.crowd.book(b, own)
		l.ahead = b
		return
	}
	if b := l.ahead; b != nil && b.at <= a.due && a.due < b.last {
		own = min(own, max(0, now-b.last))
	}
	l.lag.Record(own)
	switch {
	case a.due < l.long/4:
		l.early.Record(own)
	case a.due >= l.long-l.long/4:
		l.late.Record(own)
	}
}

// answered books what came of an attempt, and the end of its arrival if it was the last.
func (l *ledger) answered(a arrival, ans answer, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.window(a)
	service := ans.received - ans.sent
	if ans.rejected() {
		w.Refusal.Record(service)
	}
	l.tally(w, ans)
	l.last = max(l.last, ans.received)
	l.keep(a, ans)
	if !last {
		return
	}
	l.finish(a, w, ans)
}

// giveUp books the end of a refused arrival that will not come back after all.
func (l *ledger) giveUp(a arrival, ans answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finish(a, l.window(a), ans)
}

// finish books the end of an arrival by its last answer.
func (l *ledger) finish(a arrival, w *attack.Window, ans answer) {
	response, service := ans.received-a.due, ans.received-ans.sent
	switch ans.outcome {
	case attack.Timeout:
		response = max(response, l.timeout)
		fallthrough
	case attack.OK:
		w.Response.Record(response)
		w.Service.Record(service)
	}
	if ans.outcome == attack.OK {
		l.open.Response += response
	}
	l.flight--
	l.end(w, ans.outcome)
	l.endKind(a, ans, response, service)
}

// endKind books the end of an arrival under its endpoint, where the target has several.
func (l *ledger) endKind(a arrival, ans answer, response, service time.Duration) {
	if len(l.kinds) == 0 || ans.kind < 0 || a.due < l.trial.Warmup {
		return
	}
	k := &l.kinds[ans.kind]
	k.End(ans.outcome)
	k.Attempts += int64(ans.try)
	if ans.outcome == attack.OK || ans.outcome == attack.Timeout {
		k.Response.Record(response)
		k.Service.Record(service)
	}
}

// tally counts an attempt by its status or its class of error.
func (l *ledger) tally(w *attack.Window, ans answer) {
	if ans.ended || ans.outcome == attack.Timeout {
		l.excused++
	}
	if ans.status > 0 {
		if w.Statuses == nil {
			w.Statuses = map[int]int64{}
		}
		w.Statuses[ans.status]++
		return
	}
	if w.Errors == nil {
		w.Errors = map[string]int64{}
	}
	w.Errors[ans.fault.class]++
	l.blame(ans.fault)
}

// blame counts a fault that is the generator's own.
func (l *ledger) blame(f fault) {
	if f.fix != "" {
		l.faults[f]++
	}
}

// own books a fault outside of any arrival, if it is the generator's.
func (l *ledger) own(f fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blame(f)
}

func (l *ledger) note(code, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, attack.Note{Code: code, Text: text})
}

// keep writes an attempt into the log.
func (l *ledger) keep(a arrival, ans answer) {
	if l.trial.LogMax == 0 {
		return
	}
	if len(l.log) == l.trial.LogMax {
		l.lost++
		return
	}
	l.log = append(l.log, attack.Attempt{Seq: a.seq, Actor: a.actor, Try: ans.try, Due: a.due, Sent: ans.sent, Received: ans.received,
		Status: ans.status, Outcome: ans.outcome, Error: ans.fault.class, Headers: ans.headers,
		Bytes: ans.bytes, Closed: ans.ended})
}

// tick closes the live ledger at this moment. What is due and what has ended are of one and the same instant.
func (l *ledger) tick(now clock, owed *counter) attack.Tick {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.open
	t.Elapsed = now()
	n := owed.upTo(t.Elapsed)
	t.Due, l.counted = n-l.counted, n
	t.InFlight = n - l.ended
	l.peak = max(l.peak, t.InFlight)
	l.open = attack.Tick{}
	l.ticks = append(l.ticks, t)
	return t
}

// close turns the pages into a measurement.
func (l *ledger) close() attack.Measurement {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := attack.Measurement{Ticks: l.ticks, Took: l.last, LogDropped: l.lost, PeakFlight: l.peak, Notes: l.notes, Log: l.log, Endpoints: l.kinds}
	for _, w := range l.windows {
		m.Windows = append(m.Windows, *w)
	}
	slices.SortFunc(m.Windows, func(a, b attack.Window) int {
		if a.At != b.At {
			return int(a.At - b.At)
		}
		return a.Actor - b.Actor
	})
	slices.SortStableFunc(m.Log, func(a, b attack.Attempt) int { return int(a.Sent - b.Sent) })
	for _, b := range slices.Collect(maps.Values(l.bursts)) {
		m.Spread = max(m.Spread, b.last-b.first)
	}
	return m
}
