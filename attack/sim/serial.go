package sim

import (
	"context"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// serial is the run of one attack.Trial with a Serial order: each request leaves after the answer to the one before.
type serial struct {
	r      *Runner
	order  attack.Serial
	began  time.Duration
	ledger *ledger

	fast, refused, admitted int // towards Until
}

func newSerial(r *Runner, t attack.Trial) *serial {
	return &serial{r: r, order: *t.Serial, began: r.clock, ledger: newLedger(t)}
}

func (s *serial) run(ctx context.Context) attack.Measurement {
	at, end := time.Duration(0), time.Duration(0)
	for n := range s.order.Max {
		if s.order.For > 0 && at >= s.order.For {
			break
		}
		if ctx.Err() != nil {
			s.ledger.m.Aborted = &attack.Abort{At: at, Reason: attack.Interrupted}
			break
		}
		a := &arrival{seq: int64(n), due: at, sent: at, try: 1}
		var pause time.Duration
		end, pause = s.request(a)
		if s.until() {
			s.ledger.m.Settled = true
			break
		}
		at = end + pause
	}
	s.r.clock = s.began + end
	return s.ledger.close(end, end)
}

// request sends one request: when its answer is there, and the silence that follows.
func (s *serial) request(a *arrival) (end, pause time.Duration) {
	key := s.order.Identity.Value.Reveal()
	call := Call{At: s.began + a.due + s.r.servers.uplink(), Key: key, Try: 1, Twist: s.order.Twist}
	hold, ans, admitted := s.r.knock(&call)
	switch {
	case admitted && hold >= s.r.target.timeout():
		ans = s.r.giveUp(&call)
	case admitted:
		ans = s.serve(&call, call.At+hold)
	}
	end = ans.At - s.began
	if l, ok := s.r.target.Limiter.(Releaser); ok && admitted {
		l.Release(ans.At, key)
	}
	o := s.r.outcome(ans)
	s.ledger.due(a)
	s.ledger.sent(a)
	s.ledger.answered(a, ans, o, end)
	s.ledger.ended(a, o, end)
	refused := o == attack.Throttled || o == attack.Shed
	s.count(o, refused, end-a.due)
	if after, told := wait(ans); refused && s.order.Honour && told {
		return end, after
	}
	return end, s.order.Gap
}

// serve has the servers work on a request as often as a gateway before them wants.
func (s *serial) serve(c *Call, at time.Duration) Answer {
	for times := 0; ; times++ {
		a, again := s.r.serve(c, at, times)
		if again == 0 {
			return a
		}
		at = again
	}
}

// count brings an answer to the account of Until. A refusal is an answer like another for Fast; a failure is none.
func (s *serial) count(o attack.Outcome, refused bool, long time.Duration) {
	if (o == attack.OK || o == attack.Throttled) && long <= s.order.Until.Within {
		s.fast++
	} else {
		s.fast = 0
	}
	if refused {
		s.refused++
	}
	if o == attack.OK {
		s.admitted++
	}
}

func (s *serial) until() bool {
	u := s.order.Until
	return u.Fast > 0 && s.fast >= u.Fast || u.Refused > 0 && s.refused >= u.Refused || u.Admitted > 0 && s.admitted >= u.Admitted
}
