package engine

import (
	"context"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// serial is one trial of requests one after the other, while it runs.
type serial struct {
	e      *Engine
	order  attack.Serial
	make   *maker
	ledger *ledger
	keep   bool // headers, for the log
	began  time.Time
	fast   int // answers in a row, refusals of a limiter among them, within Until.Within
	counts attack.Counts
	broken answer // the last that was none
}

func (s *serial) elapsed() time.Duration { return time.Since(s.began) }

// serial sends requests one after the other. They bypass vegeta: each is due at the moment it is sent. The last exchange
// that broke is told in words, in a note: who probes wants to know more than its class.
func (e *Engine) serial(ctx context.Context, t attack.Trial) (attack.Measurement, error) {
	s := &serial{e: e, order: *t.Serial, ledger: newLedger(t, e.opt.Timeout), keep: t.LogMax > 0, make: e.maker(t.Serial.Identity, t.Serial.Twist)}
	s.began = time.Now()
	open := pause(ctx, t.Idle)
	s.began = time.Now()
	settled := false
	for n := int64(0); open && !settled && n < int64(s.order.Max) && s.inTime(); n++ {
		ans := s.ask(n)
		if ans.refused != nil {
			return attack.Measurement{}, ans.refused
		}
		settled = s.observe(ans)
		if !settled && n+1 < int64(s.order.Max) {
			open = s.pause(ctx, ans)
		}
	}
	e.base += s.ledger.duen
	m := s.ledger.close()
	m.Trial, m.Began, m.Settled = t, s.began, settled
	if !settled && ctx.Err() != nil {
		m.Aborted = &attack.Abort{At: s.elapsed(), Reason: attack.Interrupted}
	}
	m.Checks = checkFaults(s.ledger.faults)
	if s.broken.err != nil {
		m.Notes = append(m.Notes, attack.Note{Code: "error", Text: s.broken.fault.class + ": " + s.broken.words()})
	}
	return m, nil
}

// inTime tells whether one more request may begin.
func (s *serial) inTime() bool { return s.order.For == 0 || s.elapsed() < s.order.For }

// ask sends one request and books its answer.
func (s *serial) ask(n int64) answer {
	if s.order.Fresh && s.e.net != nil {
		s.e.net.transport.CloseIdleConnections()
		if s.e.fast != nil {
			s.e.fast.close()
		}
	}
	a := arrival{seq: n, due: s.elapsed()}
	s.ledger.due(a)
	s.ledger.sent(a, a.due, 1)
	var ans answer
	if o, err := s.make.make(n); err == nil {
		ans = s.e.carry(o, errand{s.began, s.e.opt.Timeout, s.keep})
	} else {
		ans = answer{sent: a.due, received: a.due}.failed(err)
	}
	ans.try = 1
	s.ledger.answered(a, ans, true)
	return ans
}

// observe tells whether one of the rules that end the order holds with this answer. A limiter's refusal is an answer like
// another for Until.Fast: who stands behind a limiter would else never settle. A failure is none.
func (s *serial) observe(a answer) bool {
	*s.counts.Of(a.outcome)++
	if a.err != nil {
		s.broken = a
	}
	s.fast++
	if whole := a.outcome == attack.OK || a.outcome == attack.Throttled; !whole || a.received-a.sent > s.order.Until.Within {
		s.fast = 0
	}
	u := s.order.Until
	return u.Fast > 0 && s.fast >= u.Fast ||
		u.Refused > 0 && s.counts.Throttled+s.counts.Shed >= int64(u.Refused) ||
		u.Admitted > 0 && s.counts.OK >= int64(u.Admitted)
}

// pause is the silence after an answer, counted from it: as long as a refusal told when the order honours that, else the
// gap. It does not outlast the order's time, because no request could follow. False means that ctx was cancelled.
func (s *serial) pause(ctx context.Context, a answer) bool {
	wait := s.order.Gap
	if s.order.Honour && a.rejected() && a.told {
		wait = a.after
	}
	until := a.received + min(wait, math.MaxInt64-a.received)
	if s.order.For > 0 {
		until = min(until, s.order.For)
	}
	return pause(ctx, until-s.elapsed())
}

// pause waits; false when ctx is cancelled before or meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
