package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Runner carries out trials against a Target. Its clock and the target's queue, limiter and warmth go on from trial to
// trial, as they would in the world. It is not safe for concurrent use.
type Runner struct {
	Rule    attack.Rule // which bin a status belongs to
	Ceiling float64     // most requests per second that the generator manages; 0 means no bound
	Overlap bool        // the next trial begins when nothing more of this one is due, with its last answers still under way

	target  Target
	servers *servers
	rng     *rand.Rand // of the clients' jitter
	clock   time.Duration
	told    map[time.Duration]map[string]string // headers of refusals by the seconds they tell, made once
}

var _ attack.Runner = (*Runner)(nil)

// New is a Runner whose target has been idle since its clock stood at 0. It panics on a target that does not validate,
// because a target is written, not read.
func New(t Target, seed uint64) *Runner {
	if err := t.Validate(); err != nil {
		panic("sim: " + err.Error())
	}
	return &Runner{target: t, servers: newServers(t, seed), rng: rand.New(rand.NewPCG(seed, 0xc11e)),
		told: map[time.Duration]map[string]string{}}
}

// Clock is the virtual time that has passed.
func (r *Runner) Clock() time.Duration { return r.clock }

// Target is the target under load.
func (r *Runner) Target() Target { return r.target }

// Servers is how many servers the target has by now: more than at first once its Scale has added some.
func (r *Runner) Servers() int { return len(r.servers.free) }

// Run carries out one trial; see attack.Runner. The clock stands at the trial's last answer afterwards, or at
// its end where trials overlap.
func (r *Runner) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	if err := t.Validate(); err != nil {
		return attack.Measurement{}, fmt.Errorf("sim: %w", err)
	}
	r.clock += t.Idle
	if t.Serial != nil {
		return newSerial(r, t).run(ctx), nil
	}
	return newTrial(r, t, watch).run(ctx), nil
}

// Send is one request of a client of its own at a moment on the clock, which never goes back. What becomes of it is known
// at once, since nothing that comes later can change it: this is a trial without its books, several times as fast. A
// gateway before the servers sends nothing again, and no limiter holds anything back.
func (r *Runner) Send(at time.Duration) Answer {
	c := Call{At: at, Try: 1}
	r.clock = at
	_, a, in := r.knock(&c)
	if in {
		a, _ = r.serve(&c, at, r.target.Again.Times)
	}
	return a
}

// knock asks the limiter for one attempt at a moment on the clock, which never goes back: how long it is held before it
// goes on to the servers, or, when in is false, the refusal.
func (r *Runner) knock(c *Call) (hold time.Duration, a Answer, in bool) {
	t := &r.target
	if t.Limiter == nil {
		return 0, Answer{}, true
	}
	ok, wait := take(t.Limiter, *c)
	if ok {
		return max(wait, 0), Answer{}, true
	}
	a = Answer{At: c.At + r.servers.network(), Status: 429, Headers: r.retryAfter(wait)}
	if t.Status != 0 {
		a.Status = t.Status
	}
	return 0, r.respond(c, a), false
}

// serve has the servers work on an attempt that reaches them at a moment, which never goes back. A gateway that has sent
// it so many times already may want to do so once more: the moment is then in again, and there is no answer yet.
func (r *Runner) serve(c *Call, at time.Duration, times int) (a Answer, again time.Duration) {
	t := &r.target
	a = Answer{At: at + r.servers.network(), Status: 200}
	done, status := r.servers.work(at)
	if status != 200 {
		a.Status = status
		switch {
		case t.Drop && status == 503:
			a.Status, a.Error = 0, "reset"
		case t.Shed > 0 && status == 503:
			a.Headers = r.retryAfter(t.Shed)
		}
	}
	a.At += done - at
	if times < t.Again.Times {
		if again = t.Again.when(at, done, status); again > 0 && again < c.At+t.timeout() {
			return Answer{}, again
		}
	}
	if a = r.respond(c, a); a.At > c.At+t.timeout() {
		return r.giveUp(c), 0
	}
	return a, 0
}

// giveUp is what a client has whose patience has ended.
func (r *Runner) giveUp(c *Call) Answer {
	return Answer{At: c.At + r.target.timeout(), Error: "timeout"}
}

func (r *Runner) respond(c *Call, a Answer) Answer {
	if r.target.Respond == nil {
		return a
	}
	return r.target.Respond(*c, a)
}

// retryAfter is the header of a refusal: whole seconds, rounded up, at least 1 (RFC 9110 §10.2.3); none when unknown.
// A limiter that will never admit has no moment to tell: its gateway says the least there is.
func (r *Runner) retryAfter(after time.Duration) map[string]string {
	if after < 0 {
		return nil
	}
	if after > longestWait {
		after = 0
	}
	secs := after / time.Second
	if after%time.Second > 0 || secs == 0 {
		secs++
	}
	h, ok := r.told[secs]
	if !ok {
		h = map[string]string{"Retry-After": strconv.Itoa(int(secs))}
		r.told[secs] = h
	}
	return h
}

// outcome is the bin of an answer.
func (r *Runner) outcome(a Answer) attack.Outcome {
	switch {
	case a.Error == "timeout":
		return attack.Timeout
	case a.Error != "" || a.Status == 0:
		return attack.Failed
	}
	_, told := a.Headers["Retry-After"]
	return r.Rule.Of(a.Status, told)
}

// longestWait bounds what a refusal can make a client wait, so that no clock runs over.
const longestWait = 365 * 24 * time.Hour

// wait reads how long a refusal tells its client to wait. A date is read against the Date header beside it.
func wait(a Answer) (time.Duration, bool) {
	value, some := a.Headers["Retry-After"]
	if !some {
		return 0, false
	}
	date, _ := attack.ParseDate(a.Headers["Date"])
	w, _, ok := attack.ParseRetryAfter(value, date)
	return min(w, longestWait), ok
}
