package lab

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// tellingFaults tell the refused a wrong time to come back.
var tellingFaults = []Fault{
	{"retry-after-short", "Retry-After says 1, but the first return is refused until the key was silent for 2.5 s", "V08", func(h *hooks) {
		h.tell = wait("1")
		h.limiter = func(_ Limit, honest model.Limiter) model.Limiter {
			return &grudge{Limiter: honest, length: 2500 * time.Millisecond}
		}
	}},
	{"retry-after-long", "Retry-After says 60 whatever the true wait is", "V09", func(h *hooks) { h.tell = wait("60") }},
	{"retry-after-grows", "Retry-After doubles with every refusal in a row", "V09", func(h *hooks) {
		h.tell = func(h http.Header, d *decision, _ time.Time) {
			h.Set("Retry-After", strconv.FormatInt(int64(math.Exp2(float64(min(d.row-1, 52)))), 10))
		}
	}},
	{"retry-after-milliseconds", "Retry-After says the wait in milliseconds", "V09", func(h *hooks) {
		h.tell = func(h http.Header, d *decision, _ time.Time) { h.Set("Retry-After", seconds(d.wait)+"000") }
	}},
	{"no-retry-after", "refusals have no Retry-After", "V06", func(h *hooks) { h.tell = wait("") }},
	{"retry-after-sometimes", "every third refusal has no Retry-After", "V06", func(h *hooks) {
		h.tell = func(h http.Header, d *decision, _ time.Time) {
			if d.refusal%3 == 0 {
				h.Del("Retry-After")
			}
		}
	}},
	{"retry-after-zero", "Retry-After says 0", "V07", func(h *hooks) { h.tell = wait("0") }},
	{"retry-after-negative", "Retry-After says -1", "V07", func(h *hooks) { h.tell = wait("-1") }},
	{"retry-after-decimal", "Retry-After says 0.5, which is not a whole number of seconds", "V07", func(h *hooks) { h.tell = wait("0.5") }},
	{"retry-after-unit", "Retry-After says 1s, with a unit", "V07", func(h *hooks) { h.tell = wait("1s") }},
	{"retry-after-utc", "Retry-After says a date that ends in UTC instead of GMT", "V07", func(h *hooks) {
		h.tell = date(0, 0, "Mon, 02 Jan 2006 15:04:05 UTC")
	}},
	{"retry-after-past", "Retry-After says a date that was a minute ago", "V08", func(h *hooks) { h.tell = date(0, -time.Minute, http.TimeFormat) }},
	{"clock-ahead", "Date and the date in Retry-After are by a clock that is 120 s ahead", "V10", func(h *hooks) {
		h.tell = date(2*time.Minute, 0, http.TimeFormat)
	}},
}

// wait says a Retry-After whatever the truth is; an empty one is none.
func wait(text string) func(http.Header, *decision, time.Time) {
	return func(h http.Header, _ *decision, _ time.Time) {
		h.Del("Retry-After")
		if text != "" {
			h.Set("Retry-After", text)
		}
	}
}

// date says the wait as a date of some form, by a clock that is ahead, and wrong by some more.
func date(ahead, wrong time.Duration, form string) func(http.Header, *decision, time.Time) {
	return func(h http.Header, d *decision, now time.Time) {
		now = now.Add(ahead)
		h.Set("Retry-After", ceilSecond(now.Add(d.wait+wrong)).UTC().Format(form))
		if ahead != 0 {
			h.Set("Date", now.UTC().Format(http.TimeFormat))
		}
	}
}

// grudge is a limiter that refuses who comes back after a refusal, until the silence was so long. It counts as coming back
// after a fifth of the time in silence: who never stopped is limited by the limiter within alone, so that nothing else
// shows the fault.
type grudge struct {
	model.Limiter
	length  time.Duration
	last    time.Duration
	refused bool // somebody, since it was last silent
}

// Take asks the limiter within, unless there is a grudge.
func (g *grudge) Take(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = g.Peek(at); ok {
		ok, wait = g.Limiter.Take(at)
	}
	if back := at-g.last >= g.length/5; back || !ok {
		g.refused = !ok
	}
	g.last = at
	return ok, wait
}

// Peek is what Take would say.
func (g *grudge) Peek(at time.Duration) (ok bool, wait time.Duration) {
	ok, wait = g.Limiter.Peek(at)
	silence := at - g.last
	if left := g.length - silence; g.refused && silence >= g.length/5 && left > 0 {
		return false, max(left, refusedWait(ok, wait))
	}
	return ok, wait
}
