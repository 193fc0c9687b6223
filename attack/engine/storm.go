package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// The flight of a trial that leaves it to the generator: four seconds' worth of arrivals, or the largest burst, within
// these bounds: more would only add connections, and fewer than the least hurt a slow start.
const (
	flightSeconds = 4
	minFlight     = 64
	maxFlight     = 20_000
)

// arrival is one request owed.
type arrival struct {
	seq   int64
	actor int
	due   time.Duration
	held  time.Duration // the part of its lag that the in-flight cap made

	waited time.Duration // before its last attempt, by its manners
}

// storm is one trial with actors, while it runs.
type storm struct {
	e        *Engine
	trial    attack.Trial
	makers   []*maker
	flight   int
	permits  chan struct{} // one taken for each first attempt in flight
	queue    chan arrival  // handed to a worker and not yet taken up by it
	ledger   *ledger
	back     *comebacks
	flying   sync.WaitGroup // first attempts that no worker carries
	carrying atomic.Int64   // workers that wait for an answer
	before   look           // set before begun is closed
	began    time.Time      // set before begun is closed
	begun    chan struct{}  // closed when the first arrival is waited for
	stop     context.Context
	halt     context.CancelFunc
	once     sync.Once
	cold     bool          // connections could not be opened beforehand, and a note says so
	aborted  *attack.Abort // set before stop is done
	refused  atomic.Pointer[error]
}

func newStorm(e *Engine, t attack.Trial) *storm {
	s := &storm{e: e, trial: t, flight: e.flight(t), begun: make(chan struct{})}
	s.stop, s.halt = context.WithCancel(context.Background())
	s.permits = make(chan struct{}, s.flight)
	s.queue = make(chan arrival, s.flight)
	s.ledger = newLedger(t, e.opt.Timeout)
	s.ledger.kinds = e.opt.Target.Endpoints()
	s.back = newComebacks(s)
	for _, a := range t.Actors {
		s.makers = append(s.makers, e.maker(a.Identity, a.Twist))
	}
	return s
}

// flight is the most first attempts of a trial in flight at once, here. More than there are connections would wait for one
// unseen, inside net/http.
func (e *Engine) flight(t attack.Trial) int {
	n := flightOf(t)
	if c := e.opt.Connections; c > 0 && !e.opt.HTTP2 {
		n = min(n, c*e.hosts)
	}
	return n
}

// flightOf is the most first attempts in flight at once.
func flightOf(t attack.Trial) int {
	if t.Flight > 0 {
		return min(t.Flight, maxFlight)
	}
	peak, crowd := 0.0, int64(0)
	for _, a := range t.Actors {
		peak += a.Schedule.Peak()
		for _, c := range a.Schedule.Crowds() {
			crowd = max(crowd, c.Size)
		}
	}
	return min(max(minFlight, int(crowd), int(min(flightSeconds*peak, maxFlight))), maxFlight)
}

// elapsed is the time since the trial began; it may be asked once begun is closed.
func (s *storm) elapsed() time.Duration { return time.Since(s.began) }

// abort ends the trial: nothing more is sent. The first reason stays.
func (s *storm) abort(why attack.Reason) {
	s.once.Do(func() {
		s.aborted = &attack.Abort{Reason: why}
		select {
		case <-s.begun:
			s.aborted.At = s.elapsed()
		default:
		}
		s.halt()
	})
}

// storm sends a trial with actors.
func (e *Engine) storm(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	s := newStorm(e, t)
	defer s.halt()
	defer context.AfterFunc(ctx, func() { s.abort(attack.Interrupted) })()
	s.rest(t.Idle)
	s.warm(s.stop)
	during, over := context.WithCancel(s.stop)
	defer over()
	var aside sync.WaitGroup
	aside.Go(func() { s.lean(during) })
	aside.Go(func() { s.keepWarm(during) })
	aside.Go(func() { s.keepTicks(watch) })
	aside.Go(s.back.serve)
	p := newPacer(s)
	for range s.attacker().Attack(s.hit, p, 0, "") {
		// counted already, by the one who sent it
	}
	s.flying.Wait()
	p.end()
	e.base += p.seq
	s.back.finish()
	over()
	aside.Wait()
	if err := s.refused.Load(); err != nil {
		return attack.Measurement{}, *err
	}
	return s.measurement(), nil
}

const (
	// hands are vegeta's workers. Each carries the request of its tick itself, which costs least.
	hands = 64
	// spare is how many of them are kept from waiting for answers: when only they are left, they start a goroutine for each
	// request and are free again at once. So a slow target cannot keep a tick waiting.
	spare = 8
)

// attacker is vegeta with a fixed number of workers: left to itself it starts one more whenever none is parked at that
// instant, and never ends one.
//
// Note: there could be as many workers as requests may be in flight. But ticks go round all that are parked, so each of
// 20,000 grows a stack and runs cold: the 99th percentile of scheduling latency was 6–16 ms so. And a worker could go on with
// arrivals of ours instead of going back to vegeta for a tick: that was 1 to 2 % of the CPU at 2,000/s and 5,000/s, and 20 %
// more at the most that can be sent, for a vegeta that would tick no more.
func (s *storm) attacker() *vegeta.Attacker {
	return vegeta.NewAttacker(vegeta.Workers(hands), vegeta.MaxWorkers(hands))
}

// hit is called by a vegeta worker for each tick. It takes up the arrival that has waited longest, so the k-th to be sent is
// the k-th that was due, and sends its request.
//
// Note: it stands where vegeta asks what to send, not in a RoundTripper of vegeta's client: what that one makes for each tick,
// a request, its headers and an answer's body, is 25 allocations and 4 µs that nobody needs. So the target that it gives back
// is one that vegeta cannot make a request of, and vegeta's client never runs.
func (s *storm) hit(t *vegeta.Target) error {
	t.Method = notForVegeta
	a := <-s.queue
	if s.carrying.Add(1) > hands-spare {
		s.carrying.Add(-1)
		s.flying.Go(func() { s.first(a) })
		return nil
	}
	s.first(a)
	s.carrying.Add(-1)
	return nil
}

// notForVegeta is no method.
const notForVegeta = " "

// first sends the first attempt of an arrival.
func (s *storm) first(a arrival) {
	s.attempt(a, 1)
	<-s.permits
}

// attempt sends the request of an arrival and books what comes of it.
func (s *storm) attempt(a arrival, try int) {
	o, err := s.makers[a.actor].make(a.seq)
	var ans answer
	if err != nil {
		now := s.elapsed()
		ans = answer{sent: now, received: now}.failed(err)
		ans.kind = -1
		s.ledger.sent(a, now, try)
	} else {
		s.ledger.sent(a, s.elapsed(), try)
		// Note: patience is for each attempt and begins anew when it is sent. Were the wait at the cap taken off it, an
		// overloaded target would be asked by those alone who are about to give up, and would seem to serve nobody.
		ans = s.e.carry(o, errand{s.began, s.e.opt.Timeout, s.trial.LogMax > 0})
		ans.kind = o.kind
	}
	ans.try = try
	if ans.refused != nil {
		s.refused.CompareAndSwap(nil, &ans.refused)
		s.abort("address not authorized")
	}
	at, again := s.back.consider(a, ans)
	s.ledger.answered(a, ans, !again)
	if again {
		s.back.add(comeback{arrival: a, last: ans, at: at})
	}
}

// fresh tells whether a trial wants a new connection for each request of one of its actors.
func fresh(t attack.Trial) bool {
	return slices.ContainsFunc(t.Actors, func(a attack.Actor) bool { return a.Twist.Fresh })
}

// rest is silent for a while, or until the trial is aborted.
func (s *storm) rest(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.stop.Done():
	}
}

// warm opens connections before they are asked for, and books what the generator itself got wrong with that. The first
// failure of a trial is noted.
func (s *storm) warm(during context.Context) {
	if s.trial.Warm == 0 || during.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(during, s.e.opt.Timeout)
	defer cancel()
	err := s.e.warmUp(ctx, s.trial)
	if err == nil || during.Err() != nil {
		return
	}
	if !s.cold {
		s.ledger.note("cold-connections", fmt.Sprintf("not all of %s could be opened beforehand: %s", attack.Plural(s.trial.Warm, "connection"), classify(err).class))
	}
	s.cold = true
	s.ledger.own(classify(err))
	if errors.As(err, new(*addressError)) {
		s.refused.Store(&err)
		s.abort("address not authorized")
	}
}

// measurement is all that came of the trial.
func (s *storm) measurement() attack.Measurement {
	s.once.Do(s.halt) // too late for any other reason
	m := s.ledger.close()
	m.Trial, m.Began, m.Aborted = s.trial, s.began, s.aborted
	m.Checks = s.ledger.checks(s.before, s.e.look(), s.e.opt.NoKeepAlive || s.e.net == nil || fresh(s.trial))
	if n := s.ledger.held; n > 0 && !heldByUs(m.Checks) {
		m.Notes = append(m.Notes, attack.Note{Code: "concurrency-limited", Text: fmt.Sprintf(
			"concurrency limited: %s waited because all %s that may be in flight were; the target was slow or the cap is small", attack.Plural(n, "arrival"), attack.Plural(s.flight, "request"))})
	}
	if n := s.back.gaveUp; n > 0 {
		m.Notes = append(m.Notes, attack.Note{Code: "retries-cut", Text: fmt.Sprintf(
			"%d refused requests were not retried: they would have come back more than %v after the trial's end, or too many waited", n, tail)})
	}
	if n := s.ledger.cut; n > 0 {
		m.Notes = append(m.Notes, attack.Note{Code: "cut-off", Text: fmt.Sprintf(
			"%s unsent because the trial was ended while they waited at the in-flight cap", attack.Were(n, "arrival"))})
	}
	return m
}
