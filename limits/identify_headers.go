package limits

import (
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// told is what headers say of the limiter.
type told struct {
	dialects []string
	limit    float64       // 0 when nobody says
	window   time.Duration // 0 when nobody says
	reset    time.Duration // the longest seen
	after    string        // RetryAbsent …: see Refusal
	longest  time.Duration // Retry-After
}

// Retry-After as Refusal tells it.
const (
	AfterAbsent    = "absent"
	AfterMalformed = "malformed"
	AfterHonest    = "honest"
	AfterShort     = "too short"
	AfterLong      = "too long"
	AfterPresent   = "present"
)

// serverTime is the moment of an answer by the server's clock, else by ours; zero in a simulation.
func serverTime(m attack.Measurement, a attack.Attempt) time.Time {
	if at, ok := attack.ParseDate(a.Headers["Date"]); ok {
		return at
	}
	if m.Began.IsZero() {
		return time.Time{}
	}
	return m.Began.Add(a.Received)
}

// headers reads what all answers tell.
func (e *evidence) headers() (t told) {
	refusals, with, malformed := 0, 0, 0
	read := map[string]bool{}
	for _, m := range e.trials {
		for _, a := range m.Log {
			now := serverTime(m, a)
			if refused := a.Outcome != attack.OK && a.Status == e.refusal && a.Status != 0; refused {
				refusals++
				wait, form, ok := attack.ParseRetryAfter(a.Headers["Retry-After"], now)
				switch {
				case form == attack.RetryMalformed:
					malformed++
				case ok:
					with++
					t.longest = max(t.longest, wait)
				}
			}
			if len(a.Headers) > 0 {
				t.take(ParseHeaders(a.Headers, now), read)
			}
		}
	}
	switch {
	case refusals == 0:
	case malformed > 0:
		t.after = AfterMalformed
	case with == 0:
		t.after = AfterAbsent
	default:
		t.after = AfterPresent
	}
	slices.Sort(t.dialects)
	return t
}

func (t *told) take(qs []Quota, read map[string]bool) {
	for _, q := range qs {
		if d := q.Dialect(); !read[d] {
			read[d] = true
			t.dialects = append(t.dialects, d)
		}
		if q.Limit != nil && t.limit == 0 {
			t.limit = *q.Limit
		}
		if q.Window > 0 && t.window == 0 {
			t.window = q.Window
		}
		if q.Reset != nil && q.Reset.Known {
			t.reset = max(t.reset, q.Reset.In)
		}
	}
}

// honoured looks at those who waited exactly as they were told: were they let in?
func (e *evidence) honoured() (waited, let int) {
	for _, m := range e.trials {
		if stageOf(m.Trial) != stageHonour {
			continue
		}
		for i, a := range m.Log[:max(0, len(m.Log)-1)] {
			if _, _, ok := attack.ParseRetryAfter(a.Headers["Retry-After"], serverTime(m, a)); ok && a.Status == e.refusal {
				waited++
				if m.Log[i+1].Outcome == attack.OK {
					let++
				}
			}
		}
	}
	return waited, let
}

// retryAfter is the word for Retry-After, and a sentence when there is more to say. longest is the longest time that anybody
// truly had to wait for one admission; 0 when that is not known.
func (e *evidence) retryAfter(t told, longest float64) (word, why string) {
	if t.after != AfterPresent {
		return t.after, ""
	}
	waited, let := e.honoured()
	switch {
	case waited > 0 && let < waited:
		return AfterShort, fmt.Sprintf("%d of %d that waited exactly as long as Retry-After told were refused again", waited-let, waited)
	case longest > 0 && t.longest.Seconds() > longest+1.2:
		return AfterLong, fmt.Sprintf("Retry-After tells up to %v, and nobody has to wait longer than %.2g s", t.longest, longest)
	case waited > 0:
		return AfterHonest, ""
	}
	return AfterPresent, ""
}
