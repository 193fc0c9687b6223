package sim

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// ledger keeps the books of one trial: windows by actor and second, ticks, and the log.
type ledger struct {
	m      attack.Measurement
	open   []map[int]*page // by actor, then window index
	recent []*page         // the page last used, by actor
	warmup time.Duration
	flight int64 // due and not yet ended
	tick   attack.Tick
}

// page is a window that is still being written. Durations are kept one by one, in microseconds, and counted into
// histograms only when the page is closed: this is several times as fast as counting each at once.
type page struct {
	attack.Window
	response, service, refusal, lag []int32

	status int   // of the last answer …
	times  int64 // … which was that of so many in a row, not counted yet
}

func newLedger(t attack.Trial) *ledger {
	actors := max(1, len(t.Actors))
	l := &ledger{m: attack.Measurement{Trial: t}, open: make([]map[int]*page, actors), recent: make([]*page, actors), warmup: t.Warmup}
	for i := range l.open {
		l.open[i] = map[int]*page{}
	}
	return l
}

// page is the window in which an arrival of an actor is due.
func (l *ledger) page(actor int, due time.Duration) *page {
	if p := l.recent[actor]; p != nil && due >= p.At && due-p.At < p.Len {
		return p
	}
	k, at, long, warm := attack.WindowAt(due, l.warmup)
	p := l.open[actor][k]
	if p == nil {
		p = &page{Window: attack.Window{Actor: actor, At: at, Len: long, Warmup: warm}}
		l.open[actor][k] = p
	}
	l.recent[actor] = p
	return p
}

// due books an arrival that is owed from now on.
func (l *ledger) due(a *arrival) {
	l.page(a.actor, a.due).Due++
	l.tick.Due++
	l.flight++
	l.m.PeakFlight = max(l.m.PeakFlight, l.flight)
}

// sent books an attempt that leaves.
func (l *ledger) sent(a *arrival) {
	p := l.page(a.actor, a.due)
	p.Attempts++
	if a.try == 1 {
		l.tick.Sent++
		p.lag = append(p.lag, int32(attack.Micros(a.sent-a.due)))
	}
}

// answered books the answer to an attempt.
func (l *ledger) answered(a *arrival, ans Answer, o attack.Outcome, at time.Duration) {
	p := l.page(a.actor, a.due)
	if ans.Status != p.status {
		p.count()
		p.status = ans.Status
	}
	p.times++
	if ans.Error != "" {
		if p.Errors == nil {
			p.Errors = map[string]int64{}
		}
		p.Errors[ans.Error]++
	}
	if o == attack.Throttled || o == attack.Shed {
		p.refusal = append(p.refusal, int32(attack.Micros(at-a.sent)))
	}
	if len(l.m.Log) < l.m.Trial.LogMax {
		l.m.Log = append(l.m.Log, attack.Attempt{Seq: a.seq, Actor: a.actor, Try: a.try, Due: a.due, Sent: a.sent, Received: at,
			Status: ans.Status, Outcome: o, Error: ans.Error, Headers: ans.Headers, Bytes: ans.Bytes, Closed: ans.Closed})
	} else if l.m.Trial.LogMax > 0 {
		l.m.LogDropped++
	}
}

// count counts the answers of one status in a row.
func (p *page) count() {
	if p.status != 0 && p.times > 0 {
		if p.Statuses == nil {
			p.Statuses = map[int]int64{}
		}
		p.Statuses[p.status] += p.times
	}
	p.times = 0
}

// ended books the outcome of an arrival.
func (l *ledger) ended(a *arrival, o attack.Outcome, at time.Duration) {
	p := l.page(a.actor, a.due)
	*p.Of(o)++
	l.flight--
	switch o {
	case attack.OK:
		l.tick.OK++
		l.tick.Response += at - a.due
	case attack.Throttled:
		l.tick.Throttled++
	case attack.Shed:
		l.tick.Shed++
	case attack.Failed:
		l.tick.Failed++
	case attack.Timeout:
		l.tick.Timeout++
	case attack.Unsent:
		l.tick.Unsent++
	}
	if o == attack.OK || o == attack.Timeout {
		p.response = append(p.response, int32(attack.Micros(at-a.due)))
		if a.try > 0 { // one that gave up at the cap was never sent
			p.service = append(p.service, int32(attack.Micros(at-a.sent)))
		}
	}
}

// edge closes a tick.
func (l *ledger) edge(at time.Duration) attack.Tick {
	t := l.tick
	t.Elapsed, t.InFlight = at, l.flight
	l.m.Ticks = append(l.m.Ticks, t)
	l.tick = attack.Tick{}
	return t
}

// close turns the pages into the measurement of a trial that owed arrivals up to end.
func (l *ledger) close(end, took time.Duration) attack.Measurement {
	for actor := range l.open {
		l.quiet(actor, end)
		for _, p := range l.open[actor] {
			p.Len = max(min(p.Len, end-p.At), 0)
			p.count()
			p.Response, p.Service = both(p.response, p.service)
			p.Refusal, p.Lag = histogram(p.refusal), histogram(p.lag)
			l.m.Windows = append(l.m.Windows, p.Window)
		}
	}
	slices.SortFunc(l.m.Windows, func(a, b attack.Window) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Actor, b.Actor)) })
	slices.SortStableFunc(l.m.Log, func(a, b attack.Attempt) int { return cmp.Compare(a.Sent, b.Sent) })
	l.m.Took = took
	return l.m
}

// quiet opens the windows of an actor's schedule in which nothing was due. A Serial has none: it may wait for a day.
func (l *ledger) quiet(actor int, end time.Duration) {
	if len(l.m.Trial.Actors) == 0 {
		return
	}
	for at := time.Duration(0); at < end; {
		p := l.page(actor, at)
		at = p.At + p.Len
	}
}

// both are the histograms of response and service times. Where nothing waited and no one came again they are alike.
func both(response, service []int32) (r, s attack.Histogram) {
	alike := slices.Equal(response, service)
	if r = histogram(response); alike {
		s.Add(r)
		return r, s
	}
	return r, histogram(service)
}

// histogram counts durations in microseconds. Those of one bucket are counted together, upwards, which a histogram does
// fastest.
func histogram(micros []int32) attack.Histogram {
	var h attack.Histogram
	slices.Sort(micros)
	for i := 0; i < len(micros); {
		low := bucket(micros[i])
		j := i
		for j < len(micros) && bucket(micros[j]) == low {
			j++
		}
		h.RecordN(time.Duration(low)*time.Microsecond, int64(j-i))
		i = j
	}
	return h
}

// bucket is a value of an HDR bucket of three digits: its 11 highest bits count.
func bucket(micros int32) int32 {
	shift := max(bits.Len32(uint32(micros))-11, 0)
	return micros >> shift << shift
}
