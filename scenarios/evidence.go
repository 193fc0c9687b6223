package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// evidence is what the script's trials have measured so far, by stage. It is made anew from the measurements each time.
type evidence struct {
	c       Config
	stages  map[string][]attack.Measurement // in order of their numbers
	guess   time.Duration                   // what refusals are taken to tell before any was seen, to estimate with
	assume  bool                            // what is not known yet is taken to be as it should, to estimate with
	refusal int                             // the status that refuses in fact: the declared one where it was seen, else the commonest error
}

func gather(c Config, done []attack.Measurement) *evidence {
	e := &evidence{c: c, stages: map[string][]attack.Measurement{}}
	for _, m := range done {
		if stage, ok := strings.CutPrefix(m.Trial.Phase, PhasePrefix); ok && m.Trial.N >= c.first() {
			e.stages[stage] = append(e.stages[stage], m)
		}
	}
	for _, ms := range e.stages {
		slices.SortFunc(ms, func(a, b attack.Measurement) int { return cmp.Compare(a.Trial.N, b.Trial.N) })
	}
	e.refusal = e.dominating()
	return e
}

// dominating is the status that most of the requests which were not let in got. A throttle with a wrong status is wrong
// in that alone: all other arithmetic goes on with the status it has. An error that is declared to count as ok, as the 404 of
// a target that has nothing to show, refuses nobody.
func (e *evidence) dominating() int {
	seen, served := map[int]int64{}, map[int]bool{}
	for name, ms := range e.stages {
		if apart(name) {
			continue
		}
		for _, m := range ms {
			for status, n := range m.All().Statuses {
				seen[status] += n
			}
			for _, a := range m.Log {
				if a.Outcome == attack.OK {
					served[a.Status] = true
				}
			}
		}
	}
	best, all := 0, int64(0)
	for status, n := range seen {
		if served[status] || status < 400 && status != e.c.refusal() {
			continue
		}
		all += n
		if best == 0 || n > seen[best] || n == seen[best] && status < best {
			best = status
		}
	}
	if declared := e.c.refusal(); 2*seen[declared] >= all {
		return declared
	}
	return best
}

// voids is how many trials of a stage the generator could not send as it should.
func (e *evidence) voids(name string) (n int) {
	for _, m := range e.stages[name] {
		if why, _ := m.Void(); why != "" {
			n++
		}
	}
	return n
}

// find is the measurement of a stage to judge: the first good one, else the last that is not void, else why there is
// none. Checks that rest on what surely happened, whenever it was sent, take a void one too.
func (e *evidence) find(s stage, sure bool) (attack.Measurement, string) {
	why := "it was not run"
	var last *attack.Measurement
	for i, m := range e.stages[s.name] {
		void, _ := m.Void()
		if void != "" {
			why = "the generator was the limit: " + void
		}
		if void != "" && (!sure || last != nil) {
			continue
		}
		last = &e.stages[s.name][i]
		if void == "" && m.Aborted == nil && (s.thin == nil || s.thin(e.c, m) == "") {
			break
		}
	}
	if last == nil {
		return attack.Measurement{}, why
	}
	if last.Aborted != nil && last.Aborted.Reason == attack.Interrupted {
		return *last, "it was interrupted"
	}
	return *last, ""
}

// good is the first measurement of a stage that was sent as it should be, and to its end.
func (e *evidence) good(name string) (attack.Measurement, bool) {
	for _, m := range e.stages[name] {
		if void, _ := m.Void(); void == "" && m.Aborted == nil {
			return m, true
		}
	}
	return attack.Measurement{}, false
}

// get is find by name.
func (e *evidence) get(name string, sure bool) (attack.Measurement, string) {
	for _, s := range e.c.stages() {
		if s.name == name {
			return e.find(s, sure)
		}
	}
	return attack.Measurement{}, "there is no stage " + name
}

// letIn tells whether any request of any stage was let in. Where none was, the refusals may be a missing right's or a dead
// target's, and prove nothing of a throttle.
func (e *evidence) letIn() bool {
	for _, ms := range e.stages {
		for _, m := range ms {
			if m.All().OK > 0 {
				return true
			}
		}
	}
	return false
}

// fate is what the throttle did with an attempt.
type fate uint8

const (
	admitted fate = iota
	refused
	unclear // an error that either the throttle or the target behind it may have made
)

func (e *evidence) fate(a attack.Attempt) fate {
	switch {
	case a.Outcome == attack.OK:
		return admitted
	case a.Status == e.refusal, a.Outcome == attack.Throttled:
		return refused
	}
	return unclear
}

// split parts a log by fate; the order stays.
func (e *evidence) split(log []attack.Attempt) (in, out, maybe []attack.Attempt) {
	for _, a := range log {
		switch e.fate(a) {
		case admitted:
			in = append(in, a)
		case refused:
			out = append(out, a)
		case unclear:
			maybe = append(maybe, a)
		}
	}
	return in, out, maybe
}

// refusals is how many arrivals of a window were refused; no more than were not ok.
func (e *evidence) refusals(w attack.Window) int64 {
	return min(w.Statuses[e.refusal], w.Due-w.OK)
}

// bySent sorts attempts by the moment they left.
func bySent(log []attack.Attempt) []attack.Attempt {
	out := slices.Clone(log)
	slices.SortStableFunc(out, func(a, b attack.Attempt) int { return cmp.Compare(a.Sent, b.Sent) })
	return out
}

// lateLag is the p99 of the time from due to sent above which a trial's latencies tell of the generator too.
const lateLag = 10 * time.Millisecond

// late says that the generator sent late, or "". A failure that a late generator can explain is none.
func late(m attack.Measurement) string {
	if lag := m.All().Lag.Quantile(.99); lag > lateLag {
		return fmt.Sprintf("the generator sent late (p99 %s)", brief(lag))
	}
	return ""
}

// lateTimes is how many times its own lateness a busy generator may add to a latency: it reads answers late too.
const lateTimes = 3

// explained is late, where it is late enough to explain so much above a bound.
func explained(m attack.Measurement, over time.Duration) string {
	if over > lateTimes*m.All().Lag.Quantile(.99) {
		return ""
	}
	return late(m)
}

// delayed is explained for the requests of a window, and sees a single pause of the machine too: those that were in time
// once they were sent, and were sent so late that it explains the rest, however punctual the rest of the trial was. Time
// between the tries of a client that comes back is no lateness.
func delayed(m attack.Measurement, w attack.Window, b latencyBound) string {
	over := w.Response.Quantile(b.q) - b.max
	if once := w.Service.Quantile(b.q); once <= b.max && w.Lag.Quantile(b.q) >= over {
		return fmt.Sprintf("the generator sent late: once sent, the p%.4g was %s", 100*b.q, brief(once))
	}
	return explained(m, over)
}

// quantile of durations, by nearest rank; 0 of none.
func quantile(ds []time.Duration, q float64) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(ds))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// median of durations.
func median(ds []time.Duration) time.Duration { return quantile(ds, .5) }

// brief is a duration as people read it.
func brief(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// rate is arrivals per second as people read it.
func rate(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.3g/s", v)
	}
	return fmt.Sprintf("%.0f/s", v)
}
