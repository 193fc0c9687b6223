package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Reason says, in a few words, why something stopped. Empty means that it did not.
type Reason string

// Note is a caveat that is printed wherever the number it belongs to is printed.
type Note struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Trial is one order to a generator. Exactly one of Actors and Serial is set.
type Trial struct {
	N     int    `json:"n"`     // its number in the plan, from 1, so that a planner can sort what was done
	Phase string `json:"phase"` // the step of the plan it belongs to: "ramp", "confirm", "overload" …
	Why   string `json:"why"`   // one line for people
	Seed  uint64 `json:"seed"`

	Idle   time.Duration `json:"idle_ns,omitempty"`    // silence before the first arrival
	Warmup time.Duration `json:"warmup_ns,omitempty"`  // arrivals due before it are sent but stand in a window of their own
	Actors []Actor       `json:"actors,omitempty"`     // who sends, side by side
	Serial *Serial       `json:"serial,omitempty"`     // or: one request after the other
	LogMax int           `json:"log_max,omitempty"`    // attempts kept one by one, at most MaxLog; 0 keeps none
	Flight int           `json:"max_flight,omitempty"` // most requests in flight; 0 leaves it to the generator
	Warm   int           `json:"warm,omitempty"`       // connections opened before the first arrival
}

// MaxLog is the most attempts that a trial keeps one by one.
const MaxLog = 20_000

// Actor is one sender of a trial: an identity, a schedule and manners.
type Actor struct {
	Name     string   `json:"name"`
	Identity Identity `json:"identity"`
	Twist    Twist    `json:"twist,omitzero"`
	Schedule Schedule `json:"schedule"`
	Manners  Manners  `json:"manners"`

	// TurnedAway are the statuses that are the right answer to one who has no right, 401 and 403. They are bins' Failed all the
	// same; reports count them apart.
	TurnedAway []int `json:"turned_away,omitempty"`
}

// Serial orders requests one after the other, each sent only after the answer to the one before: preflight, canaries,
// probes back to back, and waits exactly as long as the target told.
type Serial struct {
	Max      int           `json:"max"`              // most requests
	For      time.Duration `json:"for_ns,omitempty"` // most time, 0 for no such bound
	Gap      time.Duration `json:"gap_ns,omitempty"` // silence between an answer and the next request
	Honour   bool          `json:"honour,omitempty"` // after a refusal, wait exactly as long as Retry-After says instead of Gap
	Fresh    bool          `json:"fresh,omitempty"`  // a new connection for each, while all others are closed
	Identity Identity      `json:"identity"`         // who asks
	Twist    Twist         `json:"twist,omitzero"`   // and in which way
	Until    Until         `json:"until"`            // what ends it early
}

// Until ends a Serial early: each field that is not zero is a rule, the first that holds wins.
type Until struct {
	Fast     int           `json:"fast,omitempty"`      // so many answers in a row within Within
	Within   time.Duration `json:"within_ns,omitempty"` // the bound of Fast
	Refused  int           `json:"refused,omitempty"`   // so many refusals in all
	Admitted int           `json:"admitted,omitempty"`  // so many admissions in all
}

// Len is the time from the trial's first due moment to its last possible one; 0 for a Serial without a bound.
func (t Trial) Len() time.Duration {
	var long time.Duration
	for _, a := range t.Actors {
		long = max(long, a.Schedule.Len())
	}
	if t.Serial != nil {
		return t.Serial.For
	}
	return long
}

// Count is the number of arrivals that the trial owes; for a Serial it is the most there can be.
func (t Trial) Count() int64 {
	if t.Serial != nil {
		return int64(t.Serial.Max)
	}
	var n int64
	for _, a := range t.Actors {
		n += a.Schedule.Count()
	}
	return n
}

// Load is the arrival rate that the trial holds at its end, per second: the sum of what the actors' last segments end at.
// Of a trial of one steady rate it is the rate; bursts do not count. 0 for a Serial.
func (t Trial) Load() float64 {
	load := 0.0
	for _, a := range t.Actors {
		if n := len(a.Schedule.Segments); n > 0 {
			load += a.Schedule.Segments[n-1].To
		}
	}
	return load
}

// Validate reports the first thing that no generator could carry out.
func (t Trial) Validate() error {
	switch {
	case (t.Serial == nil) == (len(t.Actors) == 0):
		return errors.New("a trial has either actors or a serial order")
	case t.LogMax < 0 || t.LogMax > MaxLog:
		return fmt.Errorf("log of %s, want 0 to %d", Plural(t.LogMax, "attempt"), MaxLog)
	case t.Serial != nil && t.Serial.Max < 1:
		return fmt.Errorf("serial of %s, want at least 1", Plural(t.Serial.Max, "request"))
	}
	for _, a := range t.Actors {
		if err := a.Schedule.Validate(); err != nil {
			return fmt.Errorf("actor %s: %w", a.Name, err)
		}
		if err := a.Manners.Validate(); err != nil {
			return fmt.Errorf("actor %s: %w", a.Name, err)
		}
		if err := a.Twist.Validate(); err != nil {
			return fmt.Errorf("actor %s: %w", a.Name, err)
		}
	}
	if t.Serial != nil {
		return t.Serial.Twist.Validate()
	}
	return nil
}

// Arrival is one request owed: who owes it and when it is due, from the trial's beginning.
type Arrival struct {
	Actor int
	Due   time.Duration
}

// Stream merges the schedules of several actors into one row of arrivals, in order of their due moments.
type Stream struct {
	dues []*Dues
	head []Arrival
	has  []bool
}

// Stream begins the trial's arrivals anew. Each actor has a seed of its own.
func (t Trial) Stream() *Stream {
	s := &Stream{head: make([]Arrival, len(t.Actors)), has: make([]bool, len(t.Actors))}
	for i, a := range t.Actors {
		s.dues = append(s.dues, a.Schedule.Dues(t.Seed+uint64(i)*0x9e3779b9))
		s.pull(i)
	}
	return s
}

func (s *Stream) pull(i int) {
	due, ok := s.dues[i].Next()
	s.head[i], s.has[i] = Arrival{Actor: i, Due: due}, ok
}

// Next is the next arrival, or false after the last. Ties go to the actor named first.
func (s *Stream) Next() (Arrival, bool) {
	best := -1
	for i, ok := range s.has {
		if ok && (best < 0 || s.head[i].Due < s.head[best].Due) {
			best = i
		}
	}
	if best < 0 {
		return Arrival{}, false
	}
	a := s.head[best]
	s.pull(best)
	return a, true
}

// Secret is text that no output may show: it prints and marshals as dots.
type Secret string

// Reveal is the text itself, for the request and for nothing else.
func (s Secret) Reveal() string { return string(s) }

// String hides the text.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "•••"
}

// GoString hides the text from %#v too.
func (s Secret) GoString() string { return s.String() }

// MarshalJSON hides the text.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// Identity is what tells one consumer from another: a header or a query parameter with a secret value. The zero value
// adds nothing to a request; one with a Header or Query and no Value takes what the target says of that name away.
type Identity struct {
	Name   string `json:"name,omitempty"`   // how reports call it
	Tier   string `json:"tier,omitempty"`   // the limit it belongs to
	Header string `json:"header,omitempty"` // header that carries Value
	Query  string `json:"query,omitempty"`  // or query parameter that carries it
	Value  Secret `json:"value,omitempty"`
}
