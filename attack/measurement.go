package attack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// TicksPerTrial is how many ticks a trial with actors is cut into.
const TicksPerTrial = 40

// Tick is the live ledger: what happened up to its edge, one fortieth of a trial after the edge before. Counts are of
// that fortieth alone; InFlight and Elapsed are at the edge. Searches judge and abort on ticks.
type Tick struct {
	Elapsed   time.Duration `json:"elapsed_ns"` // from the trial's beginning to the edge
	Due       int64         `json:"due"`
	Sent      int64         `json:"sent"`      // first attempts
	InFlight  int64         `json:"in_flight"` // due and not yet ended, whether it waits here or there
	OK        int64         `json:"ok"`        // ended as such within the tick, whenever due
	Throttled int64         `json:"throttled"`
	Shed      int64         `json:"shed"`
	Failed    int64         `json:"failed"`
	Timeout   int64         `json:"timeout"`
	Unsent    int64         `json:"unsent"`
	Response  time.Duration `json:"response_ns"` // sum of the response times of OK
}

// Ended is the number of arrivals that ended within the tick.
func (t Tick) Ended() int64 { return t.OK + t.Throttled + t.Shed + t.Failed + t.Timeout + t.Unsent }

// Counts are the outcome bins of a set of arrivals.
type Counts struct {
	Due       int64 `json:"due"`
	OK        int64 `json:"ok"`
	Throttled int64 `json:"throttled"`
	Shed      int64 `json:"shed"`
	Failed    int64 `json:"failed"`
	Timeout   int64 `json:"timeout"`
	Unsent    int64 `json:"unsent"`
	Attempts  int64 `json:"attempts"` // requests sent, retries included
}

// Of is the bin of one outcome.
func (c *Counts) Of(o Outcome) *int64 {
	return [outcomes]*int64{&c.Unsent, &c.OK, &c.Throttled, &c.Shed, &c.Failed, &c.Timeout}[o]
}

// Add counts all that o holds.
func (c *Counts) Add(o Counts) {
	c.Due += o.Due
	c.Attempts += o.Attempts
	for b := range outcomes {
		*c.Of(b) += *o.Of(b)
	}
}

// Check reports bins that do not sum to what was due.
func (c Counts) Check() error {
	if sum := c.OK + c.Throttled + c.Shed + c.Failed + c.Timeout + c.Unsent; sum != c.Due {
		return fmt.Errorf("bins sum to %d, due %d (%+v)", sum, c.Due, c)
	}
	return nil
}

// Window is the final ledger: what became of the arrivals of one actor that were due in one stretch of a trial. The first
// window of a trial with a warm-up covers the warm-up; all others cover one second, the last perhaps less.
type Window struct {
	Actor  int           `json:"actor"` // index into Trial.Actors; 0 for a Serial
	At     time.Duration `json:"at_ns"` // from the trial's beginning
	Len    time.Duration `json:"len_ns"`
	Warmup bool          `json:"warmup,omitempty"` // not to be judged
	Counts
	Statuses map[int]int64    `json:"statuses,omitempty"` // attempts by status
	Errors   map[string]int64 `json:"errors,omitempty"`   // attempts by class of error
	Response Histogram        `json:"response"`           // due to last byte, of ok and timeout (at least the timeout)
	Service  Histogram        `json:"service"`            // sent to last byte, of the same arrivals
	Refusal  Histogram        `json:"refusal"`            // sent to last byte, of refused attempts
	Lag      Histogram        `json:"lag"`                // due to sent, of all that were sent
}

// Add pools another window of the same actor into w; At and Len become the stretch that holds both.
func (w *Window) Add(o Window) {
	if w.Len == 0 && w.Due == 0 {
		w.At, w.Len = o.At, o.Len
	}
	end := max(w.At+w.Len, o.At+o.Len)
	w.At = min(w.At, o.At)
	w.Len = end - w.At
	w.Counts.Add(o.Counts)
	for k, n := range o.Statuses {
		if w.Statuses == nil {
			w.Statuses = map[int]int64{}
		}
		w.Statuses[k] += n
	}
	for k, n := range o.Errors {
		if w.Errors == nil {
			w.Errors = map[string]int64{}
		}
		w.Errors[k] += n
	}
	w.Response.Add(o.Response)
	w.Service.Add(o.Service)
	w.Refusal.Add(o.Refusal)
	w.Lag.Add(o.Lag)
}

// Foremost is the class of error that most attempts failed by, of equals the first by name; "" where there was none.
// Timeouts are left out: they have a bin of their own.
func Foremost(errors map[string]int64) (class string) {
	for _, c := range slices.Sorted(maps.Keys(errors)) {
		if errors[c] > errors[class] && !strings.HasSuffix(c, "timeout") {
			class = c
		}
	}
	return class
}

// Attempt is one request of a trial's log, with all moments counted from the trial's beginning.
type Attempt struct {
	Seq      int64             `json:"seq"`   // of its arrival
	Actor    int               `json:"actor"` // index into Trial.Actors
	Try      int               `json:"try"`   // 1 for the first attempt
	Due      time.Duration     `json:"due_ns"`
	Sent     time.Duration     `json:"sent_ns"`
	Received time.Duration     `json:"received_ns"` // last byte, or the moment it broke
	Status   int               `json:"status"`      // 0 when there was no answer
	Outcome  Outcome           `json:"outcome"`
	Error    string            `json:"error,omitempty"`   // class of the error
	Headers  map[string]string `json:"headers,omitempty"` // canonical names: Retry-After, (X-)RateLimit-*; of an error also Date, Cache-Control, Expires, Connection, Content-Type, X-Amzn-Errortype
	Bytes    int64             `json:"bytes,omitempty"`   // of the body, as far as it was read
	Closed   bool              `json:"closed,omitempty"`  // the answer ended its connection
}

// CheckOutcome is what a self-check of the generator found.
type CheckOutcome string

const (
	Healthy     CheckOutcome = "ok"
	Warn        CheckOutcome = "warn"
	Void        CheckOutcome = "void"
	Unavailable CheckOutcome = "unavailable"
)

// SelfCheck is one look of the generator at itself.
type SelfCheck struct {
	Name    string       `json:"name"`
	Outcome CheckOutcome `json:"outcome"`
	Got     string       `json:"got"`
	Want    string       `json:"want"`
	Fix     string       `json:"fix,omitempty"` // the way out, when the outcome is not ok
}

// Abort says when and why a trial was ended before its schedule was.
type Abort struct {
	At     time.Duration `json:"at_ns"`
	Reason Reason        `json:"reason"`
}

// Measurement is all that came of one trial, before any judgement. It is never changed once made.
type Measurement struct {
	Trial      Trial         `json:"trial"`
	Began      time.Time     `json:"began"`   // wall clock; the zero time in a simulation
	Took       time.Duration `json:"took_ns"` // from the beginning to the last answer
	Ticks      []Tick        `json:"ticks,omitempty"`
	Windows    []Window      `json:"windows"`             // by At, then Actor
	Endpoints  []Endpoint    `json:"endpoints,omitempty"` // of a target that has several
	Aborted    *Abort        `json:"aborted,omitempty"`
	Checks     []SelfCheck   `json:"checks,omitempty"`
	Notes      []Note        `json:"notes,omitempty"`
	Log        []Attempt     `json:"log,omitempty"` // by Sent
	LogDropped int64         `json:"log_dropped,omitempty"`
	PeakFlight int64         `json:"peak_flight,omitempty"` // most arrivals in flight at once
	Spread     time.Duration `json:"spread_ns,omitempty"`   // first to last first attempt, of a trial whose schedule has bursts
	Settled    bool          `json:"settled,omitempty"`     // a Serial whose Until held
	Sights     []Sight       `json:"sights,omitempty"`      // what was seen beside the target meanwhile, by At
}

// Void names the first self-check that makes the measurement worthless, or "" when there is none.
func (m Measurement) Void() (why string, fix string) {
	for _, c := range m.Checks {
		if c.Outcome == Void {
			return fmt.Sprintf("%s: %s, want %s", c.Name, c.Got, c.Want), c.Fix
		}
	}
	return "", ""
}

// Total pools the windows that are to be judged, all actors together.
func (m Measurement) Total() Window { return m.pool(func(w Window) bool { return !w.Warmup }) }

// All pools every window, warm-up included.
func (m Measurement) All() Window { return m.pool(func(Window) bool { return true }) }

// Of pools the windows of one actor, warm-up included.
func (m Measurement) Of(actor int) Window {
	return m.pool(func(w Window) bool { return w.Actor == actor })
}

func (m Measurement) pool(take func(Window) bool) Window {
	var sum Window
	for _, w := range m.Windows {
		if take(w) {
			sum.Add(w)
		}
	}
	return sum
}

// Check reports a measurement whose sums do not hold. It is asked when one is written and again when it is read.
func (m Measurement) Check() error {
	for _, w := range m.Windows {
		if err := w.Check(); err != nil {
			return fmt.Errorf("trial %d, window at %v of actor %d: %w", m.Trial.N, w.At, w.Actor, err)
		}
		if n := w.Response.N(); n != w.OK+w.Timeout {
			return fmt.Errorf("trial %d, window at %v: %d response times for %d ok and %d timeouts", m.Trial.N, w.At, n, w.OK, w.Timeout)
		}
	}
	for _, e := range m.Endpoints {
		if err := e.check(); err != nil {
			return fmt.Errorf("trial %d, %w", m.Trial.N, err)
		}
	}
	for _, s := range m.Sights {
		if err := s.check(); err != nil {
			return fmt.Errorf("trial %d: %w", m.Trial.N, err)
		}
	}
	return nil
}

// Merge makes one measurement of several shares of the same trial. It is exact (histograms and counts add up) and does
// not depend on the order of the shares.
func Merge(shares ...Measurement) Measurement {
	if len(shares) == 0 {
		return Measurement{}
	}
	out := Measurement{Trial: shares[0].Trial, Began: shares[0].Began, Settled: true}
	windows := map[[2]int64]*Window{}
	for _, s := range shares {
		mergeTicks(&out, s.Ticks)
		for _, w := range s.Windows {
			key := [2]int64{int64(w.At), int64(w.Actor)}
			if windows[key] == nil {
				windows[key] = &Window{Actor: w.Actor, At: w.At, Len: w.Len, Warmup: w.Warmup}
			}
			windows[key].Add(w)
		}
		mergeRest(&out, s)
	}
	for _, w := range windows {
		out.Windows = append(out.Windows, *w)
	}
	slices.SortFunc(out.Windows, byPlace)
	slices.SortStableFunc(out.Log, func(a, b Attempt) int { return cmpAttempt(a, b) })
	slices.SortFunc(out.Sights, BySight)
	slices.SortFunc(out.Checks, func(a, b SelfCheck) int {
		return cmpStrings(a.Name, b.Name, string(a.Outcome), string(b.Outcome), a.Got, b.Got)
	})
	slices.SortFunc(out.Notes, func(a, b Note) int { return cmpStrings(a.Code, b.Code, a.Text, b.Text) })
	out.Notes = slices.Compact(out.Notes)
	return out
}
