package limits

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Bursts is the experiment that measures how many extra requests at once the target bears while it carries the rate that
// Recommend would give it: steady Poisson arrivals, and beside them bursts, each followed by time enough to work it off.
// It begins with the burst that the arithmetic allows and shrinks it until one is borne. Planner of find's last phase.
type Bursts struct {
	Capacity  analyze.Capacity // what the search found; undecided, there is nothing to plan
	Policy    Policy
	Budget    time.Duration // for the whole experiment, rounds that were made before an interruption included
	First     int           // number of the first trial: 1 + the last that the search used. Rounds from it on count as done
	Seed      uint64
	FlightMax int // most requests in flight that the run allows; 0 means DefaultFlight
}

var _ attack.Planner = Bursts{}

// BurstPhase is the phase of the experiment's trials.
const BurstPhase = "burst"

// The constants of the experiment.
const (
	shrink        = 0.7   // of the burst, after one that was not borne
	shrinkMost    = 0.125 // and no further in one step, however little was answered
	roundsMax     = 6     // bursts tried, void ones included
	repeatsFull   = 10    // of each burst
	repeatsBrief  = 3     // where the budget is short
	briefBudget   = 10 * time.Second
	lead          = time.Second // the steady load alone, before the first burst
	tail          = time.Second // and after the last cycle
	lateShare     = 0.01        // of a burst's requests that may miss the latency goal, and that may fail
	spreadShare   = 0.10        // of a burst that the target may work off before the last of it is sent
	DefaultFlight = 20_000
)

// actors of a burst trial, by index.
const (
	steadyActor = iota
	burstActor
)

// shot is one burst that was tried.
type shot struct {
	m       attack.Measurement
	burst   int
	repeats int
	void    bool
	foreign bool          // ended by something outside the experiment, which wants it to stop
	spread  time.Duration // first to last send, worst repeat that counts
	borne   float64       // requests of one burst that were answered within the latency goal
	ok      bool
	why     string
}

// plan is what the capacity tells about the experiment before any of it is run.
type plan struct {
	rate    float64
	size    sizing
	burst   int           // the first to try
	cycle   time.Duration // from one burst to the next
	repeats int
}

func (b Bursts) plan() (plan, error) {
	c := b.Capacity
	c.Burst = nil
	r, err := Recommend(c, Policy{Margin: b.Policy.Margin, Goal: b.Policy.Goal, Recover: b.Policy.Recover})
	if err != nil {
		return plan{}, err
	}
	p := plan{rate: r.Rate, size: size(c, b.Policy, r.Rate)}
	flight := cmp.Or(b.FlightMax, DefaultFlight)
	p.burst = min(max(1, int(p.size.bound())), flight/2)
	if p.size.sat <= p.rate {
		return plan{}, fmt.Errorf("no burst can be tried: a backlog at %s would never drain", attack.Rate(p.rate).Round())
	}
	p.cycle, p.repeats = p.period(true), repeatsBrief
	if b.Budget > briefBudget {
		p.repeats = min(max(int((b.Budget/2-lead-tail)/p.cycle), repeatsBrief), repeatsFull)
	}
	if p.trial(p.burst).Len() > b.Budget {
		p.cycle = p.period(false)
	}
	return p, nil
}

// sized fits the time between bursts to a burst smaller than the first, which is sooner worked off.
func (p plan) sized(burst int, left time.Duration) plan {
	if burst >= p.burst {
		return p
	}
	p.burst = burst
	if p.cycle = p.period(true); p.trial(burst).Len() > left {
		p.cycle = p.period(false)
	}
	return p
}

// smaller is the burst to try after one that was not borne: what the target did answer in time of each, for a bounded
// queue holds so many and no more, and in any case less by shrink.
func (r shot) smaller() int {
	least, most := shrinkMost*float64(r.burst), shrink*float64(r.burst)
	return max(1, int(min(max(r.borne, least), most)))
}

// period is the time from one burst to the next, in whole seconds so that each burst has a window of its own: twice the
// latency goal and the drain to watch it, half the drain more (at least the goal) to settle. Where time is short the next
// burst comes as soon as the one before is worked off, which is on the careful side.
func (p plan) period(settle bool) time.Duration {
	drain := float64(p.burst) / (p.size.sat - p.rate)
	long := p.size.goal + drain
	if settle {
		long += p.size.goal + max(drain/2, p.size.goal)
	}
	return time.Duration(math.Ceil(long)) * time.Second
}

// trial is one round: a second of the steady load alone, the bursts, and a second after the last.
func (p plan) trial(burst int) attack.Trial {
	long := lead + time.Duration(p.repeats)*p.cycle + tail
	segments := []attack.Segment{{Len: lead}}
	for range p.repeats {
		segments = append(segments, attack.Segment{Len: p.cycle, Burst: burst})
	}
	return attack.Trial{Phase: BurstPhase, Warm: burst, Actors: []attack.Actor{
		steadyActor: {Name: "steady", Schedule: attack.Constant(p.rate, long, attack.Poisson)},
		burstActor:  {Name: "burst", Schedule: attack.Schedule{Segments: segments}},
	}}
}

// Next is the next burst to try.
func (b Bursts) Next(done []attack.Measurement) (attack.Trial, bool) {
	p, err := b.plan()
	if err != nil {
		return attack.Trial{}, false
	}
	rounds := b.rounds(p, done)
	burst, spent, voids := p.burst, time.Duration(0), 0
	for _, r := range rounds {
		if r.ok {
			return attack.Trial{}, false
		}
		spent += r.m.Trial.Len()
		if r.foreign {
			return attack.Trial{}, false
		}
		if r.void {
			voids++
			continue
		}
		burst = r.smaller()
		if r.burst == 1 {
			return attack.Trial{}, false
		}
	}
	t := p.sized(burst, b.Budget-spent).trial(burst)
	if len(rounds) >= roundsMax || voids > 1 || spent+t.Len() > b.Budget {
		return attack.Trial{}, false
	}
	t.N = b.number(done)
	t.Seed = b.Seed + uint64(t.N-b.First)
	t.Why = fmt.Sprintf("does the target bear %d more at once on top of %s?", burst, attack.Rate(p.rate).Round())
	return t, true
}

// number is the first that no trial of the experiment has, interrupted ones included.
func (b Bursts) number(done []attack.Measurement) int {
	n := b.First
	for _, m := range done {
		if m.Trial.Phase == BurstPhase {
			n = max(n, m.Trial.N+1)
		}
	}
	return n
}

// undrained ends the reason that the experiment's own Watch gives.
const undrained = "the backlog does not drain"

// own tells whether a round was ended by the experiment itself.
func own(why attack.Reason) bool { return strings.HasSuffix(string(why), undrained) }

// stuckGoals is how many latency goals' worth of work may be in flight beside two bursts before a round is ended.
const stuckGoals = 3

// Watch ends a round whose backlog cannot be what a burst left behind.
func (b Bursts) Watch(t attack.Trial, _ []attack.Measurement) func(attack.Tick) attack.Reason {
	p, err := b.plan()
	if err != nil || len(t.Actors) <= burstActor {
		return nil
	}
	burst := t.Actors[burstActor].Schedule.Segments[1].Burst
	most := 2*int64(burst) + int64(p.size.sat*max(stuckGoals*p.size.goal, 1))
	return func(k attack.Tick) attack.Reason {
		if k.InFlight > most {
			return attack.Reason(fmt.Sprintf("%d in flight: %s", k.InFlight, undrained))
		}
		return ""
	}
}

// Tolerated is what the experiment found so far; nil when nothing was tried. Repeats is 0 when no round was worth a
// verdict; the notes say why.
func (b Bursts) Tolerated(done []attack.Measurement) *analyze.Burst {
	p, err := b.plan()
	if err != nil {
		return nil
	}
	var out *analyze.Burst
	for _, r := range b.rounds(p, done) {
		if out == nil {
			out = &analyze.Burst{AtRate: p.rate}
		}
		if r.void {
			out.Notes = append(out.Notes, attack.Note{Code: "burst-void", Text: fmt.Sprintf("a burst of %d tells nothing: %s", r.burst, r.why)})
			continue
		}
		out.Repeats, out.SpreadMS = r.repeats, attack.MS(r.spread)
		if r.ok {
			out.Tolerated = r.burst
			continue
		}
		out.Refused = r.burst
		out.Notes = append(out.Notes, attack.Note{Code: "burst-refused", Text: fmt.Sprintf("a burst of %d was not borne: %s", r.burst, r.why)})
	}
	return out
}

// Unplanned says why there is no experiment at all, or nil when there is one.
func (b Bursts) Unplanned() error {
	p, err := b.plan()
	if err == nil && p.trial(p.burst).Len() > b.Budget {
		return fmt.Errorf("bursts of %d take %v, the budget has %v left", p.burst, p.trial(p.burst).Len(), b.Budget.Round(time.Second))
	}
	return err
}

// rounds judges the experiment's trials, in order of their numbers. Interrupted ones are left out: they will be made again.
func (b Bursts) rounds(p plan, done []attack.Measurement) []shot {
	var out []shot
	for _, m := range done {
		interrupted := m.Aborted != nil && m.Aborted.Reason == attack.Interrupted
		if m.Trial.Phase == BurstPhase && m.Trial.N >= b.First && len(m.Trial.Actors) > burstActor && !interrupted {
			out = append(out, p.judge(m))
		}
	}
	slices.SortFunc(out, func(a, b shot) int { return cmp.Compare(a.m.Trial.N, b.m.Trial.N) })
	return out
}

// judge decides whether a round's bursts were borne: at most lateShare of their requests over the latency goal, at most
// lateShare failed, and the steady client's p95 back below twice its p99 at the rate when the next burst comes. Bursts that
// were not sent at once are left out; when they are more than half, the round tells nothing.
func (p plan) judge(m attack.Measurement) shot {
	segments := m.Trial.Actors[burstActor].Schedule.Segments
	r := shot{m: m, burst: segments[1].Burst}
	if why, _ := m.Void(); why != "" {
		r.void, r.why = true, "the generator was the limit: "+why
		return r
	}
	if m.Aborted != nil && !own(m.Aborted.Reason) {
		r.void, r.foreign, r.why = true, true, "it was stopped: "+string(m.Aborted.Reason)
		return r
	}
	p.cycle = segments[1].Len // as it was run, which need not be as it would be planned now
	var good attack.Window
	var scattered time.Duration
	for _, w := range m.Windows {
		if w.Actor != burstActor || w.Due == 0 {
			continue
		}
		long := spread(w.Lag)
		if worked := p.rate * long.Seconds(); worked > max(1, spreadShare*float64(r.burst)) {
			scattered = max(scattered, long)
			continue
		}
		good.Add(w)
		r.repeats++
		r.spread = max(r.spread, long)
	}
	if planned := len(segments) - 1; m.Aborted == nil && 2*r.repeats < planned {
		r.void, r.why = true, fmt.Sprintf("%d of %d were sent over up to %v, in which %.0f requests of the rate come in: not at once",
			planned-r.repeats, planned, scattered.Round(100*time.Microsecond), p.rate*scattered.Seconds())
		return r
	}
	r.repeats = max(r.repeats, 1)
	r.borne = float64(good.OK-good.Response.Over(time.Duration(p.size.goal*1e9))) / float64(r.repeats)
	r.why = p.broken(m, good)
	r.ok = r.why == ""
	return r
}

// broken names the first promise that the bursts broke, or ""; burst pools those that were sent at once.
func (p plan) broken(m attack.Measurement, burst attack.Window) string {
	goal := time.Duration(p.size.goal * 1e9)
	allowed := int64(lateShare * float64(burst.Due))
	late, bad := burst.Response.Over(goal), burst.Shed+burst.Failed+burst.Timeout+burst.Throttled+burst.Unsent
	switch {
	case m.Aborted != nil:
		return "the trial was ended early, " + string(m.Aborted.Reason)
	case bad > allowed:
		return fmt.Sprintf("%d of its %s failed", bad, attack.Plural(burst.Due, "request"))
	case late > allowed:
		return fmt.Sprintf("%d of its %s took longer than %s", late, attack.Plural(burst.Due, "request"), seconds(p.size.goal))
	}
	for _, w := range m.Windows {
		rest := w.At - lead // since the first burst
		last := w.At+w.Len >= m.Trial.Len()
		if w.Actor != steadyActor || w.Len < time.Second || rest < 0 || !last && (p.cycle == time.Second || rest%p.cycle != p.cycle-time.Second) {
			continue
		}
		if p95 := w.Response.Quantile(.95).Seconds(); p95 > 2*p.size.p99 {
			return fmt.Sprintf("a second before the next, the p95 of the others was still %s, more than twice their p99 of %s", seconds(p95), seconds(p.size.p99))
		}
	}
	return ""
}

// spread is the time from the first to the last send of requests that were due at one moment.
func spread(lag attack.Histogram) time.Duration {
	for first := range lag.Buckets {
		return lag.Max() - first
	}
	return 0
}
