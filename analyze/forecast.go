package analyze

import (
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Forecast is what a search would come to for a target of a given capacity.
type Forecast struct {
	Steps    []Step // in order
	Seconds  float64
	Requests int64
	MaxLoad  float64 // per second
	Beyond   float64 // requests beyond what the target bears, in seconds of capacity
}

// Step is what all trials of one phase come to.
type Step struct {
	Phase    string
	Why      string // of the first trial
	Trials   int
	Seconds  float64
	Requests int64
	MaxLoad  float64 // per second; 0 for requests one after the other
}

// Forecast tells the search against a target that answers in service, always, up to its capacity, and lets a backlog
// grow beyond it. Real ones scatter: a search may take half as long again, within its budget.
func (p Plan) Forecast(capacity float64, service time.Duration) Forecast {
	var f Forecast
	var done []attack.Measurement
	for range attack.TrialsMax {
		t, more := p.Next(done)
		if !more {
			break
		}
		m := fluid{capacity, service}.run(t, p.Watch(t, done))
		done = append(done, m)
		f.add(m)
		f.Beyond += max(t.Load()/capacity-1, 0) * lasted(m).Seconds()
	}
	return f
}

// add books one trial, in the step of its phase.
func (f *Forecast) add(m attack.Measurement) {
	t := m.Trial
	i := slices.IndexFunc(f.Steps, func(s Step) bool { return s.Phase == t.Phase })
	if i < 0 {
		i = len(f.Steps)
		f.Steps = append(f.Steps, Step{Phase: t.Phase, Why: t.Why})
	}
	s, took, sent := &f.Steps[i], m.Took.Seconds(), counts(m).Attempts
	s.Trials, s.Seconds, s.Requests, s.MaxLoad = s.Trials+1, s.Seconds+took, s.Requests+sent, max(s.MaxLoad, t.Load())
	f.Seconds, f.Requests, f.MaxLoad = f.Seconds+took, f.Requests+sent, max(f.MaxLoad, t.Load())
}

// fluid is a target without chance: a pipe that holds what flows in for its service time, and lets out its capacity at
// most.
type fluid struct {
	capacity float64
	service  time.Duration
}

func (f fluid) run(t attack.Trial, watch func(attack.Tick) attack.Reason) attack.Measurement {
	if t.Serial != nil {
		return f.serial(t)
	}
	m := attack.Measurement{Trial: t, Took: t.Len() + f.service}
	step, load := t.Len()/attack.TicksPerTrial, t.Load()
	out := min(load, f.capacity)
	for i := range int64(attack.TicksPerTrial) {
		at := step * time.Duration(i+1)
		due, ok := count(load, at)-count(load, at-step), count(out, at-f.service)-count(out, at-step-f.service)
		tick := attack.Tick{Elapsed: at, Due: due, Sent: due, OK: ok, InFlight: count(load, at) - count(out, at-f.service),
			Response: time.Duration(ok) * f.service}
		m.Ticks = append(m.Ticks, tick)
		if watch == nil {
			continue
		}
		if why := watch(tick); why != "" {
			m.Aborted = &attack.Abort{At: at, Reason: why}
			m.Took = at + f.service
			break
		}
	}
	end := lasted(m)
	warm := min(t.Warmup, end)
	m.Took += time.Duration(max(load-f.capacity, 0) / f.capacity * float64(end))
	m.Windows = []attack.Window{f.window(0, warm, load, true), f.window(warm, end-warm, load, false)}
	return m
}

// count is how many of a flow have passed by a moment.
func count(flow float64, at time.Duration) int64 { return int64(flow * max(at, 0).Seconds()) }

func (f fluid) window(at, long time.Duration, load float64, warm bool) attack.Window {
	n := count(load, long)
	w := attack.Window{At: at, Len: long, Warmup: warm, Counts: attack.Counts{Due: n, OK: n, Attempts: n}}
	f.spread(&w.Response, n)
	return w
}

// spread books response times whose mean is the service time, with a coefficient of variation of 1, as of many a service:
// where there are enough of them: by it the search reckons how much it must see to tell an overload from chance.
func (f fluid) spread(h *attack.Histogram, n int64) {
	const slow = 5 // one in so many takes three times the mean
	if few := n / slow; n > 0 {
		h.RecordN(f.service*time.Duration(n-3*few)/time.Duration(n-few), n-few)
		h.RecordN(3*f.service, few)
	}
}

func (f fluid) serial(t attack.Trial) attack.Measurement {
	n := t.Serial.Max
	if t.Serial.Until.Fast > 0 {
		n = min(n, t.Serial.Until.Fast)
	}
	w := attack.Window{Counts: attack.Counts{Due: int64(n), OK: int64(n), Attempts: int64(n)}}
	f.spread(&w.Response, int64(n))
	return attack.Measurement{Trial: t, Windows: []attack.Window{w}, Took: time.Duration(n)*(f.service+t.Serial.Gap) - t.Serial.Gap, Settled: true}
}
