package attack

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// The names of what may be looked at while a trial runs. An alarm's sight is named by the place that told of it and the
// alarm: "alert ThrottlingHigh" by Alertmanager, "notice ThrottlingHigh" by a notification that arrived here.
const (
	SightHealth  = "health"  // a URL that answers 2xx: OK
	SightBackend = "backend" // how many requests reached the backend, counted there: Value
	SightQuery   = "query"   // a Prometheus expression: OK where it holds, Value its first result
	SightAlert   = "alert "  // before an alarm's name: Value is how many such alarms fire
	SightNotice  = "notice " // before an alarm's name: Value is 1 when it fires and 0 when it is resolved
	MaxSights    = 10_000    // of one measurement
)

// Sight is one look at something beside the target, taken while a trial ran.
type Sight struct {
	At    time.Duration `json:"at_ns"`           // when the look began, from the trial's beginning; below 0 in the silence before it
	Name  string        `json:"name"`            // what was looked at
	OK    bool          `json:"ok"`              // it was there, and as it should be
	Value float64       `json:"value"`           // what was read, where something is counted
	Took  time.Duration `json:"took_ns"`         // how long the look took
	Error string        `json:"error,omitempty"` // why there was nothing to be read; "" where something was
}

// Seen are the sights of one name, by At.
func (m Measurement) Seen(name string) (out []Sight) {
	for _, s := range m.Sights {
		if s.Name == name {
			out = append(out, s)
		}
	}
	return out
}

// check reports what no look can have brought.
func (s Sight) check() error {
	if s.Name == "" || math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		return fmt.Errorf("sight %q at %v of value %v, want a name and a number", s.Name, s.At, s.Value)
	}
	return nil
}

// BySight orders sights by when, then by all that tells them apart.
func BySight(a, b Sight) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Took, b.Took),
		cmp.Compare(a.Error, b.Error), cmpBool(a.OK, b.OK))
}

func cmpBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
