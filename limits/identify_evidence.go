package limits

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// decision is one ruling of a limiter, with all times in seconds on one axis that goes through all trials, silences
// between them included.
type decision struct {
	at    float64 // when it was taken, as far as can be known: half the way of a refusal after it was sent
	sent  float64
	done  float64 // when the answer was there
	in    bool
	trial int // index of its trial
	sure  int // requests that were let in and were surely in flight then: see flights
	maybe int // and possibly
	next  int // admissions that stand after it, so soon that they may in truth have come before it
}

// evidence is what a probe's trials tell, put on one axis.
type evidence struct {
	trials  []attack.Measurement // by number
	began   []float64            // of each, on the axis
	ends    []float64
	ds      []decision // of the probing identity, in order of time
	others  []decision // of the second identity
	slack   float64    // a decision may have been taken so much before or after its at
	rest    float64    // time of an answer at rest: the fastest admitted ones
	refusal int        // status that refuses
	lost    int        // requests without an answer
	sent    int
	peak    float64 // highest rate held

	guessed  *Limiter
	daring   bool // a probe's next step may rest on less than a verdict
	hopeless int  // a machine that leaves more than so many unexplained is not looked at any further
}

// refusalOf is the status that refuses: 429, or the commonest error.
func refusalOf(ms []attack.Measurement) int {
	seen := map[int]int{}
	for _, m := range ms {
		for _, a := range m.Log {
			if a.Outcome != attack.OK && a.Status >= 400 {
				seen[a.Status]++
				if a.Outcome == attack.Throttled {
					seen[a.Status] += len(m.Log) // declared as such: no error outvotes it
				}
			}
		}
	}
	best := 0
	for status, n := range seen {
		if n > seen[best] || n == seen[best] && status < best {
			best = status
		}
	}
	return best
}

// gather puts the logs of a probe's trials on one axis: by the wall clock where there is one, else one after the other.
func gather(done []attack.Measurement) *evidence {
	e := &evidence{trials: probed(done)}
	e.refusal = refusalOf(e.trials)
	end := 0.0
	var ways, works []float64
	for _, m := range e.trials {
		began := end + m.Trial.Idle.Seconds()
		if first := e.trials[0].Began; !m.Began.IsZero() && !first.IsZero() {
			began = m.Began.Sub(first).Seconds()
		}
		e.began = append(e.began, began)
		for _, a := range m.Log {
			took := (a.Received - a.Sent).Seconds()
			switch {
			case a.Outcome == attack.OK:
				works = append(works, took)
			case a.Status == e.refusal && a.Status != 0:
				ways = append(ways, took)
			}
		}
		if end = began + m.Took.Seconds(); m.Trial.Serial == nil && m.Aborted == nil {
			end = began + max(m.Took, m.Trial.Len()).Seconds()
		}
		e.ends = append(e.ends, end)
		e.sent += int(m.All().Attempts)
	}
	e.rest = rank(works, .05)
	way := rank(ways, .5)
	if len(ways) == 0 {
		way = min(e.rest, maxWay)
	}
	e.slack = min(max(rank(ways, .9), way)/2, maxWay) + clockSlack
	e.fill(min(way, 2*maxWay))
	return e
}

// What the times of a decision are known to.
const (
	clockSlack = .0005 // s: two clocks read in different threads
	maxWay     = .05   // s: a limiter that refuses more slowly does something else meanwhile
)

// fill makes decisions of all logs. A request without an answer is one that was let in: limiters answer.
func (e *evidence) fill(way float64) {
	for i, m := range e.trials {
		for _, a := range m.Log {
			sent, done := e.began[i]+a.Sent.Seconds(), e.began[i]+a.Received.Seconds()
			d := decision{at: min(sent+way/2, done), sent: sent, done: done, trial: i}
			switch {
			case a.Outcome == attack.OK, a.Outcome == attack.Timeout:
				d.in = true
			case a.Status == e.refusal && a.Status != 0, a.Outcome == attack.Throttled:
			default:
				e.lost++
				continue
			}
			if stageOf(m.Trial) == stageKeys && a.Actor != ownActor {
				e.others = append(e.others, d)
				continue
			}
			e.ds = append(e.ds, d)
		}
	}
	slices.SortStableFunc(e.ds, func(a, b decision) int { return cmp.Compare(a.at, b.at) })
	slices.SortStableFunc(e.others, func(a, b decision) int { return cmp.Compare(a.at, b.at) })
	e.overtaking()
	e.hopeless = len(e.ds)/5 + 20
	for i := range e.trials {
		e.peak = max(e.peak, e.heldRate(i))
	}
}

// heldRate is the highest rate that a trial held for longer than heldFor, per second. Requests that its schedule wants at
// once have no rate, and those of a sender that catches up none but their schedule's.
func (e *evidence) heldRate(trial int) (rate float64) {
	ds, asked := e.in(trial), 0.0
	slices.SortFunc(ds, func(a, b decision) int { return cmp.Compare(a.sent, b.sent) })
	for _, a := range e.trials[trial].Trial.Actors {
		asked += a.Schedule.Peak()
	}
	j := 0
	for i := range ds {
		for j < len(ds)-1 && ds[j].sent-ds[i].sent < heldFor {
			j++
		}
		if long := ds[j].sent - ds[i].sent; long >= heldFor {
			rate = max(rate, float64(j-i)/long)
		}
	}
	return min(rate, asked)
}

const heldFor = .05 // s

// overtaking counts, for each decision, the admissions that stand after it and may have come before: those within twice
// the slack, and for a refusal that was slow those that were sent before its answer was there.
func (e *evidence) overtaking() {
	let := make([]int, len(e.ds)+1) // admissions before each index
	for i, d := range e.ds {
		let[i+1] = let[i]
		if d.in {
			let[i+1]++
		}
	}
	for i, d := range e.ds {
		until := d.at + 2*e.slack
		if !d.in {
			until = max(until, min(d.done, d.at+slowMost)+e.slack)
		}
		j, _ := slices.BinarySearchFunc(e.ds, until, func(o decision, t float64) int { return cmp.Compare(o.at, t) })
		e.ds[i].next = let[max(j, i+1)] - let[i+1]
	}
}

// slowMost is the longest that a refusal may have been under way before it was decided, s.
const slowMost = .1

// of is the decisions of one stage's trials.
func (e *evidence) of(stage string) (out []decision) {
	for _, d := range e.ds {
		if stageOf(e.trials[d.trial].Trial) == stage {
			out = append(out, d)
		}
	}
	return out
}

// in is the decisions of one trial, in order of time.
func (e *evidence) in(trial int) (out []decision) {
	for _, d := range e.ds {
		if d.trial == trial {
			out = append(out, d)
		}
	}
	return out
}

// count is how many of these were let in, and how many not.
func count(ds []decision) (in, out int) {
	for _, d := range ds {
		if d.in {
			in++
		} else {
			out++
		}
	}
	return in, out
}

// firstRefusal is the index of the first, -1 when there is none.
func firstRefusal(ds []decision) int {
	return slices.IndexFunc(ds, func(d decision) bool { return !d.in })
}

// pressed is what stands between the first and the last refusal: there the limiter, not the client, sets the pace.
func pressed(ds []decision) []decision {
	a := firstRefusal(ds)
	if a < 0 {
		return nil
	}
	b := len(ds) - 1
	for ds[b].in {
		b--
	}
	return ds[a : b+1]
}

// slope is how many a second were let in while the limiter was pressed. It needs no model. How well it is known: one
// admission more or less, at both ends (research: ±(1 + r/R)/T).
func slope(ds []decision) (rate, long float64, n int) {
	p := pressed(ds)
	if len(p) < 2 {
		return 0, 0, 0
	}
	n, _ = count(p)
	if long = p[len(p)-1].at - p[0].at; long <= 0 {
		return 0, 0, n
	}
	return float64(n) / long, long, n
}

// clump is a row of admissions without a refusal between them that matters.
type clump struct {
	at    float64 // of the first
	n     int
	blank float64 // time since the last admission before it
	edge  float64 // how well at is known: time since the last refusal before it
}

// clumps are the rows of admissions after the first refusal that a refusal precedes. Those that follow one another within
// the slack are one: requests overtake each other.
func (e *evidence) clumps(ds []decision) (out []clump) {
	var last, refused float64
	seen, between := false, false
	for _, d := range ds {
		if !d.in {
			if !seen {
				last = d.at
			}
			seen, between, refused = true, true, d.at
			continue
		}
		if seen && between && d.at-last > 4*e.slack {
			out = append(out, clump{at: d.at, blank: d.at - last, edge: d.at - refused})
		}
		if len(out) > 0 {
			out[len(out)-1].n++
		}
		last, between = d.at, false
	}
	return out
}

// rank is a quantile of numbers by nearest rank; 0 of none.
func rank(xs []float64, q float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(xs))
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

// probed are the trials of a probe, in order of their numbers.
func probed(done []attack.Measurement) []attack.Measurement {
	var out []attack.Measurement
	for _, m := range done {
		if stageOf(m.Trial) != "" {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b attack.Measurement) int { return cmp.Compare(a.Trial.N, b.Trial.N) })
	return out
}

// stageOf is the stage of a probe that a trial belongs to, "" for all others.
func stageOf(t attack.Trial) string {
	stage, ok := strings.CutPrefix(t.Phase, PhaseProbe)
	if !ok {
		return ""
	}
	return stage
}

func seconds1(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
