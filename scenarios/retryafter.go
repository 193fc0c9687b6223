package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// header reads a header of an attempt; names are compared without case.
func header(a attack.Attempt, name string) (string, bool) {
	for k, v := range a.Headers {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

// untold is why checks of what Retry-After tells do not apply.
const untold = "no refusal carried a Retry-After that can be read"

// malformed says what is wrong with the text of a Retry-After, or "".
func malformed(v string) string {
	switch wait, form, ok := attack.ParseRetryAfter(v, time.Time{}); {
	case form == attack.RetrySeconds && wait == 0:
		return "Retry-After: 0 tells clients to come back at once, which is what makes a storm"
	case ok:
		return ""
	}
	why := "it is neither whole seconds nor an HTTP date"
	switch _, err := strconv.ParseFloat(v, 64); {
	case err == nil && strings.HasPrefix(v, "-"):
		why = "it is negative"
	case err == nil:
		why = "only whole seconds are allowed, and many clients read no others"
	case strings.HasSuffix(v, "UTC"):
		why = "an HTTP date ends in GMT"
	}
	return fmt.Sprintf("Retry-After: %q cannot be read as it should be: %s", v, why)
}

// told is how long a refusal tells its client to wait; a date counts from the server's own Date.
func told(a attack.Attempt) (time.Duration, bool) {
	v, _ := header(a, "Retry-After")
	text, _ := header(a, "Date")
	now, dated := attack.ParseDate(text)
	wait, form, ok := attack.ParseRetryAfter(v, now)
	if form == attack.RetryDate && !dated {
		return 0, false
	}
	return wait, ok
}

// told is the longest wait that any refusal told so far; false when none told one.
func (e *evidence) told() (longest time.Duration, ok bool) {
	longest, ok = e.guess, e.guess > 0
	for name, ms := range e.stages {
		if apart(name) {
			continue
		}
		for _, m := range ms {
			_, out, _ := e.split(m.Log)
			for _, a := range out {
				if d, is := told(a); is {
					longest, ok = max(longest, d), true
				}
			}
		}
	}
	return longest, ok
}

// probesNeeded is how many clients must have waited as told before their fate means anything.
const probesNeeded = 3

// fewProbes says that too few clients came back, because the crowd left tokens over.
func fewProbes(_ Config, m attack.Measurement) string {
	if n := len(comebacks(m)); n < probesNeeded {
		return fmt.Sprintf("%s waited as they were told", attack.Plural(n, "client"))
	}
	return ""
}

// comebacks are the second attempts of the clients that were told how long to wait, and did.
func comebacks(m attack.Measurement) (out []attack.Attempt) {
	sent := map[int64]bool{}
	for _, a := range m.Log {
		if _, ok := told(a); ok && a.Actor == probeActor && a.Try == 1 {
			sent[a.Seq] = true
		}
	}
	for _, a := range m.Log {
		if a.Actor == probeActor && a.Try > 1 && sent[a.Seq] {
			out = append(out, a)
		}
	}
	return out
}

// sufficient (V08): a client that waits in silence exactly as long as it was told is let in, every time.
func sufficient(e *evidence, ms []attack.Measurement) finding {
	m := ms[1]
	back := comebacks(m)
	in, out, maybe := e.split(back)
	longest, _ := e.told()
	want := fmt.Sprintf("%d of %d let in", len(back), len(back))
	got := fmt.Sprintf("%d of %d", len(in), len(back))
	switch {
	case len(out) > 0:
		return failed(want, got, "%s waited as long as they were told (up to %s) and were refused again: Retry-After is too short", attack.Plural(len(out), "client"), brief(longest))
	case len(back) < probesNeeded:
		return unsure(fmt.Sprintf("at least %d let in", probesNeeded), got, "too few clients were refused and came back: the client does not retry after %d, or the crowd left tokens over", e.refusal)
	case len(maybe) > 0:
		return unsure(want, got, "%d of them ended in errors: statuses %s", len(maybe), statuses(m.Of(probeActor)))
	}
	return passed(want, got, "clients that waited the %s they were told, in silence, were let in", brief(longest))
}

// roundingSlack is what a wait may be longer than needed: whole seconds are rounded up, and a clock ticks.
const roundingSlack = 1200 * time.Millisecond

// excessive (V09): nobody is told to wait much longer than until there is a token, which is 1/rate for a bucket and at
// most the window, burst/rate, for a counter.
func excessive(e *evidence, ms []attack.Measurement) finding {
	_, out, _ := e.split(ms[0].Log)
	longest, n := time.Duration(0), 0
	for _, a := range out {
		if d, ok := told(a); ok {
			longest, n = max(longest, d), n+1
		}
	}
	need := e.needed()
	want, got := fmt.Sprintf("at most %s", brief(need+roundingSlack)), brief(longest)
	switch {
	case n == 0:
		return moot(untold)
	case longest > need+roundingSlack:
		return failed(want, got, "a token is there after %s, but clients are told to wait %s: capacity lies idle, and they may give up", brief(need), brief(longest))
	}
	return passed(want, got, "%s told when to come back; a token is there after %s", attack.Plural(n, "refusal"), brief(need))
}

// skewMax is how far a server's clock may be off ours.
const skewMax = 2500 * time.Millisecond

// clock (V10): where Retry-After is a date, the server's Date agrees with our clock.
func clock(_ *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	worst, n := time.Duration(0), 0
	for _, a := range m.Log {
		v, _ := header(a, "Retry-After")
		text, _ := header(a, "Date")
		now, dated := attack.ParseDate(text)
		if _, form, _ := attack.ParseRetryAfter(v, now); form != attack.RetryDate || !dated || m.Began.IsZero() {
			continue
		}
		skew := now.Sub(m.Began.Add(a.Received))
		if skew.Abs() > worst.Abs() {
			worst = skew
		}
		n++
	}
	want, got := fmt.Sprintf("within %s of this machine's", brief(skewMax)), brief(worst)
	switch {
	case n == 0:
		return moot("no refusal told a date to come back at")
	case worst.Abs() > skewMax:
		return failed(want, got, "the server's clock is off, so the date in Retry-After means another moment to every client")
	}
	return passed(want, got, "%d dates were compared", n)
}
