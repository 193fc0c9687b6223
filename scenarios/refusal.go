package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The checks of this file look at how a throttle says no.

// statuses lists what a window was answered, in order: "200 × 12, 503 × 4, timeout × 1".
func statuses(w attack.Window) string {
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(w.Statuses)) {
		parts = append(parts, fmt.Sprintf("%d × %d", s, w.Statuses[s]))
	}
	for _, s := range slices.Sorted(maps.Keys(w.Errors)) {
		parts = append(parts, fmt.Sprintf("%s × %d", s, w.Errors[s]))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// wrong is what a storm was answered that is neither a success nor the declared refusal.
func (e *evidence) wrong(m attack.Measurement) (w attack.Window, n int64) {
	fine := map[int]bool{e.c.refusal(): true}
	for _, a := range m.Log {
		if a.Outcome == attack.OK {
			fine[a.Status] = true
		}
	}
	all := m.All()
	w.Statuses, w.Errors = map[int]int64{}, all.Errors
	if void, _ := m.Void(); void != "" {
		w.Errors = nil // they may be the generator's
	}
	for s, count := range all.Statuses {
		if s >= 400 && !fine[s] {
			w.Statuses[s] = count
			n += count
		}
	}
	for _, count := range w.Errors {
		n += count
	}
	return w, n
}

// properRefusals (V05): excess gets the declared status and nothing else.
func properRefusals(e *evidence, ms []attack.Measurement) finding {
	m, code := ms[0], e.c.refusal()
	all := m.All()
	right := all.Statuses[code]
	wrong, n := e.wrong(m)
	want := fmt.Sprintf("%d for all that is too much", code)
	got := fmt.Sprintf("%d × %d", code, right)
	if n > 0 {
		got = fmt.Sprintf("%d × %d, %s", code, right, statuses(wrong))
	}
	switch {
	case right == 0 && e.open(m) && disguised(m) > 0:
		return failed(want, "0 refused", "%s answered as served, with Retry-After: refusals in disguise, which clients take for success", attack.Were(disguised(m), "request"))
	case right+n == 0 && e.open(m):
		return failed(want, "0 refused", "no request was refused: %d were sent, the limit allows %.0f in %s", all.Due, e.c.Limit.Most(m.Took), brief(m.Took))
	case ended(m):
		return failed(want, got, "next to nothing was refused and errors came instead: what was too much was the target's to bear")
	case right+n == 0:
		return unsure(want, "0 refused", "no request was refused, but the limit was not surely passed either")
	case right == 0 && wrong.Statuses[e.refusal] == n:
		return failed(want, got, "the throttle refuses with %d instead of %d: %s", e.refusal, code, meaning(e.refusal))
	case n > 0:
		return failed(want, got, "%d of %s that were not served got something else than %d: clients cannot tell a limit from a fault", n, attack.Plural(right+n, "request"), code)
	}
	return passed(want, got, "every request that was too much was refused as declared")
}

// disguised is how many answers of a storm are refusals in disguise.
func disguised(m attack.Measurement) (n int) {
	for _, a := range m.Log {
		if disguises(a) {
			n++
		}
	}
	return n
}

// disguises tells whether an answer that counts as served tells to come back later.
func disguises(a attack.Attempt) bool {
	_, waits := header(a, "Retry-After")
	return waits && a.Outcome == attack.OK
}

// meaning is what clients make of a status that is not 429.
func meaning(status int) string {
	switch {
	case status == 503:
		return "503 says outage, not limit: clients fail over, alarms go off, and few retry as they should (nginx: limit_req_status 429)"
	case status == 403, status == 401:
		return "clients take it for missing rights and do not come back"
	case status >= 500:
		return "clients and alarms take it for a fault of the service"
	}
	return "clients cannot know that they should slow down"
}

// retryAfterPresent (V06): every refusal carries Retry-After, unless the throttle is declared to send none.
func retryAfterPresent(e *evidence, ms []attack.Measurement) finding {
	_, out, _ := e.split(ms[0].Log)
	n := 0
	for _, a := range out {
		if _, ok := header(a, "Retry-After"); ok {
			n++
		}
	}
	want, got := "Retry-After on every refusal", fmt.Sprintf("on %d of %d", n, len(out))
	switch {
	case e.c.NoRetryAfter && n == 0:
		return passed("no Retry-After, as declared", got, "declared as a departure; clients must back off on their own")
	case e.c.NoRetryAfter:
		return passed("no Retry-After, as declared", got, "some refusals carry it all the same: the departure need not be declared")
	case len(out) == 0:
		return unsure(want, "0 refused", "no request was refused, so there is nothing to look at")
	case n == 0:
		return failed(want, got, "none of %s carried Retry-After: clients cannot know when to come back", attack.Plural(len(out), "refusal"))
	case n < len(out):
		return failed(want, got, "%d of %s carried no Retry-After", len(out)-n, attack.Plural(len(out), "refusal"))
	}
	return passed(want, got, "every refusal that was logged told when to come back")
}

// retryAfterWellFormed (V07): whole seconds of at least 1, or an IMF-fixdate, and nothing else (RFC 9110 §10.2.3).
func retryAfterWellFormed(e *evidence, ms []attack.Measurement) finding {
	_, out, _ := e.split(ms[0].Log)
	n, bad, example := 0, 0, ""
	for _, a := range out {
		v, ok := header(a, "Retry-After")
		if !ok {
			continue
		}
		n++
		if why := malformed(v); why != "" {
			bad, example = bad+1, why
		}
	}
	want, got := "whole seconds from 1, or an HTTP date", fmt.Sprintf("%d of %d well-formed", n-bad, n)
	switch {
	case n == 0:
		return moot(untold) // V06 is the one to complain
	case bad > 0:
		return failed(want, got, "%s", example)
	}
	return passed(want, got, "every value can be read by every client")
}

// refusalsMin is how many refusals a statement on their speed needs.
const refusalsMin = 20

// cheapRefusals (V13): saying no takes little time, p95 ≤ max(3 × p95 at rest, 25 ms), in the median second of the storm.
func cheapRefusals(e *evidence, ms []attack.Measurement) finding {
	rest, m := e.rest(ms[0]), ms[1]
	_, out, _ := e.split(m.Log)
	bound := max(3*rest, 25*time.Millisecond)
	want := fmt.Sprintf("p95 of refusals at most %s", brief(bound))
	if len(out) < refusalsMin {
		return unsure(want, attack.Plural(len(out), "refusal"), "too few refusals to tell how long they take")
	}
	bySecond := map[time.Duration][]time.Duration{}
	for _, a := range out {
		k := a.Due.Truncate(time.Second)
		bySecond[k] = append(bySecond[k], a.Received-a.Sent)
	}
	var p95s []time.Duration
	for _, took := range bySecond {
		p95s = append(p95s, quantile(took, .95))
	}
	p95 := median(p95s)
	if p95 > bound {
		return failed(want, brief(p95), "a refusal takes as long as work does: an overload ties up the throttle itself").unless(explained(m, p95-bound))
	}
	return passed(want, brief(p95), "median over %s of the storm, %s", attack.Plural(len(p95s), "second"), attack.Plural(len(out), "refusal"))
}
