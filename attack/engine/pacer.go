package engine

import (
	"context"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	// catchUp is how late the generator itself may be with an arrival and still send it; later ones are unsent. A quarter
	// of a window: sent later than that it would make the load of another moment than the one it was due in.
	catchUp = 250 * time.Millisecond

	// Below fineRate each arrival is brought to its very moment. Above, no wait is shorter than coarseWait, so that one waking
	// serves several arrivals, which halves the CPU of each; the schedule is absolute all the same. Spinning always hurts.
	fineRate   = 2000.0 // arrivals per second
	coarseWait = time.Millisecond
)

// pacer hands each arrival of a trial to vegeta at the moment it is due: exactly as many as are owed, at absolute times,
// so that no delay adds up. It runs on vegeta's one ticking goroutine.
type pacer struct {
	s      *storm
	stream *attack.Stream
	seq    int64
	held   time.Duration // what is left of the lateness that the cap made
	fine   *kernelTimer  // nil to wait with timer
	coarse time.Duration // the least it waits
	timer  *time.Timer
	uncut  func() bool     // ends the watch that cuts fine short
	cut    *attack.Arrival // taken from the stream when the trial was aborted
}

var _ vegeta.Pacer = (*pacer)(nil)

func newPacer(s *storm) *pacer {
	peak := 0.0
	for _, a := range s.trial.Actors {
		peak += a.Schedule.Peak()
	}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	p := &pacer{s: s, stream: s.trial.Stream(), timer: timer}
	if s.e.opt.Transport == nil {
		p.fine = newKernelTimer()
	}
	if peak >= fineRate {
		p.coarse = coarseWait
	}
	if p.fine != nil {
		p.uncut = context.AfterFunc(s.stop, p.fine.cut)
	}
	return p
}

// Rate is unknown to vegeta; nothing asks for it.
func (p *pacer) Rate(time.Duration) float64 { return 0 }

// Pace returns when the next arrival is due and there is leave to send it, or true after the last. It waits itself,
// because vegeta's sleep cannot be interrupted.
func (p *pacer) Pace(time.Duration, uint64) (time.Duration, bool) {
	if p.s.began.IsZero() {
		p.begin()
	}
	for {
		next, more := p.stream.Next()
		if !more {
			return 0, true
		}
		switch p.usher(next) {
		case handed:
			return 0, false
		case stopped:
			p.cut = &next
			return 0, true
		}
	}
}

// begin sets the moment that all others count from.
func (p *pacer) begin() {
	p.s.before = p.s.e.look()
	p.s.began = time.Now()
	close(p.s.begun)
}

type ushered int

const (
	handed  ushered = iota // to a worker
	dropped                // booked, and never sent
	stopped                // the trial is over
)

// usher brings one arrival to its moment. Lateness has two parts: what the cap made, which stays the cap's until it is
// caught up with; and the rest, which is the generator's own.
func (p *pacer) usher(next attack.Arrival) ushered {
	if p.s.stop.Err() != nil {
		return stopped
	}
	a := arrival{seq: p.seq, actor: next.Actor, due: next.Due}
	late := max(0, p.s.elapsed()-a.due)
	p.held = min(p.held, late)
	if late-p.held > p.s.ledger.patience(a) {
		p.seq++
		p.s.ledger.drop(a)
		return dropped
	}
	if !p.wait(a.due) {
		return stopped
	}
	a.held = p.held
	done := p.admit(&a)
	p.held = a.held
	if done != stopped {
		p.seq++
	}
	return done
}

// wait returns true at the moment due, or false when the trial is aborted before.
func (p *pacer) wait(due time.Duration) bool {
	for {
		left := due - p.s.elapsed()
		if left <= 0 {
			return true
		}
		if p.fine != nil {
			if p.fine.wait(max(left, p.coarse)); p.s.stop.Err() != nil {
				return false
			}
			continue
		}
		p.timer.Reset(left)
		select {
		case <-p.timer.C:
		case <-p.s.stop.Done():
			p.timer.Stop()
			return false
		}
	}
}

// admit waits for leave to have one more request in flight. Who waits for longer than the timeout is counted as one that
// gave up, and is not sent.
func (p *pacer) admit(a *arrival) ushered {
	if patience := p.s.e.opt.Timeout - a.held; patience > 0 {
		select {
		case p.s.permits <- struct{}{}:
			return p.hand(a)
		default:
		}
		from := p.s.elapsed()
		p.timer.Reset(patience)
		defer p.timer.Stop()
		select {
		case p.s.permits <- struct{}{}:
			a.held += p.s.elapsed() - from
			return p.hand(a)
		case <-p.s.stop.Done():
			return stopped
		case <-p.timer.C:
			a.held += p.s.elapsed() - from
		}
	}
	p.s.ledger.expire(*a, p.s.elapsed())
	return dropped
}

func (p *pacer) hand(a *arrival) ushered {
	p.s.ledger.due(*a)
	p.s.queue <- *a // never waits: the queue has as many places as there are permits
	return handed
}

// end books what an abort cut off: arrivals that were due by then and had not been sent, because they waited at the cap.
// What was not yet due is not owed.
func (p *pacer) end() {
	p.timer.Stop()
	if p.fine != nil {
		p.uncut()
		p.fine.close()
	}
	if p.cut == nil {
		return
	}
	for next, more := *p.cut, true; more && next.Due < p.s.aborted.At; next, more = p.stream.Next() {
		p.s.ledger.cutOff(arrival{seq: p.seq, actor: next.Actor, due: next.Due})
		p.seq++
	}
}
