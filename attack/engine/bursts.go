package engine

import (
	"fmt"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// maxBursts bounds the bursts of a trial whose spread is watched: one for each second of a day.
const maxBursts = 86_400

// What a burst may take beyond what an arrival of its own may, for each of its arrivals: two idle cores need 25 to 30µs to
// send one over a warm connection, and 60 to 70 over net/http. A burst that is late is sent all the same for longer than it
// may be, so that its spread can be told.
const (
	sendWarn, sendVoid = 30 * time.Microsecond, 70 * time.Microsecond
	sendLate           = 100 * time.Microsecond
	lateShare          = 0.01 // of the arrivals of bursts may be later than that, and one
)

// span is a burst: what is due at one moment, and the time from the first to the last of it that was sent.
type span struct {
	at          time.Duration
	size        int
	first, last time.Duration
	any         bool
}

// spansOf are the bursts of a trial by their moments. Those of several actors at one moment are one.
func spansOf(t attack.Trial) map[time.Duration]*span {
	out := map[time.Duration]*span{}
	for _, a := range t.Actors {
		for _, c := range a.Schedule.Crowds() {
			if out[c.At] == nil && len(out) < maxBursts {
				out[c.At] = &span{at: c.At}
			}
			if b := out[c.At]; b != nil {
				b.size += int(c.Size)
			}
		}
	}
	return out
}

// within is a bound for lateness that leaves each of a burst its part.
func (b *span) within(bound, each time.Duration) time.Duration {
	return bound + time.Duration(b.size)*each
}

func (b *span) book(now time.Duration) {
	if !b.any {
		b.first, b.last, b.any = now, now, true
	}
	b.first, b.last = min(b.first, now), max(b.last, now)
}

// crowd is what the self-check of bursts looks at: arrivals of bursts, and how many came later than theirs may.
type crowd struct {
	n, warned, voided int64
	worst             time.Duration // the longest that one was late by the generator's own doing
}

// book keeps the generator's own part of the lag of an arrival of a burst.
func (c *crowd) book(b *span, own time.Duration) {
	c.n++
	c.worst = max(c.worst, own)
	if own > b.within(lagWarn, sendWarn) {
		c.warned++
	}
	if own > b.within(lagVoid, sendVoid) {
		c.voided++
	}
}

// checks judges bursts where there were any, and voids a trial whose bursts were none. All of a burst are due at one moment
// and cannot be sent at one, so the bound grows with its size.
func (c crowd) checks() []attack.SelfCheck {
	if c.n == 0 {
		return nil
	}
	out := attack.SelfCheck{Name: "burst spread", Outcome: attack.Healthy, Got: fmt.Sprintf("the last sent %v after its burst was due", c.worst.Round(10*time.Microsecond)),
		Want: fmt.Sprintf("99%% within %v and %v for each of the burst, void beyond %v and %v", lagWarn, sendWarn, lagVoid, sendVoid), Fix: slowHost}
	several := func(late int64) bool { return float64(late) > max(1, lateShare*float64(c.n)) }
	switch {
	case several(c.voided):
		out.Outcome = attack.Void
	case several(c.warned):
		out.Outcome = attack.Warn
	}
	return []attack.SelfCheck{finished(out)}
}

// patience is how late the generator itself may be with an arrival and still send it.
func (l *ledger) patience(a arrival) time.Duration {
	if b := l.bursts[a.due]; b != nil { // which bursts there are never changes: no lock
		return b.within(catchUp, sendLate)
	}
	return catchUp
}
