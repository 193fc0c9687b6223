package scenarios

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

// The checks of this file hold limit headers against the limit, in every dialect that package limits reads.

// quotas are what an answer's limit headers say of requests. Where several policies are told of, those that can be the declared
// limit count; where none can be, all do, and are wrong.
func (e *evidence) quotas(m attack.Measurement, a attack.Attempt) []limits.Quota {
	all := slices.DeleteFunc(limits.ParseHeaders(a.Headers, now(m, a)), func(q limits.Quota) bool { return q.Unit != "" && q.Unit != "requests" })
	ours := slices.DeleteFunc(slices.Clone(all), func(q limits.Quota) bool { return q.Limit != nil && !e.ours(q) })
	if len(ours) == 0 {
		return all
	}
	return ours
}

// ours tells whether a quota's limit is the declared one: the burst, the rate, or so many in its window.
func (e *evidence) ours(q limits.Quota) bool {
	c := e.c.Limit
	return near(*q.Limit, float64(c.Burst)) || near(*q.Limit, c.Rate) ||
		q.Window > 0 && math.Abs(*q.Limit/q.Window.Seconds()-c.Rate) <= e.c.tolerance().rate*c.Rate
}

// near tells whether a header's whole number stands for v.
func near(got, v float64) bool { return math.Abs(got-v) < 1 }

// account is what the answers to one crowd told of what remains, by dialect and policy.
type account struct {
	n         int
	low, high map[string]float64 // of those let in
	wrong     string             // the first thing that cannot be
	kind      string             // its words without its numbers
	of        attack.Measurement // in which it was seen
	proof     []attack.Attempt   // the answers that told it, and their like
}

// complain notes what cannot be, and the answers that told it: the first such thing, and those of its kind in the same trial.
func (t *account) complain(m attack.Measurement, proof []attack.Attempt, format string, args ...any) {
	if t.wrong == "" {
		t.wrong, t.kind, t.of = fmt.Sprintf(format, args...), format, m
	}
	if t.kind == format && t.of.Trial.N == m.Trial.N && len(t.proof) < exhibitsMax {
		t.proof = append(t.proof, proof...)
	}
}

// take books one quota of an answer.
func (t *account) take(e *evidence, m attack.Measurement, a attack.Attempt, q limits.Quota, in bool) {
	c, complain := e.c.Limit, func(format string, args ...any) { t.complain(m, []attack.Attempt{a}, format, args...) }
	faults := slices.DeleteFunc(slices.Clone(q.Faults), ofReset)
	for _, f := range faults {
		complain("%s", f)
	}
	if q.Limit != nil && !e.ours(q) {
		complain("the limit told is %v, which is neither the burst nor the rate", *q.Limit)
	}
	if q.Limit != nil || q.Remaining != nil || len(faults) > 0 {
		t.n++
	}
	if q.Remaining == nil {
		return
	}
	v, key := *q.Remaining, string(q.Family)+" "+q.Name
	switch {
	case v < 0:
		complain("remaining is %v", v)
	case v > float64(c.Burst) && !(q.Limit != nil && v <= *q.Limit):
		complain("%v remain of a burst of %d", v, c.Burst)
	case !in && v >= 1:
		complain("a refused client is told that %v remain", v)
	}
	if low, some := t.low[key]; in {
		if !some {
			low, t.high[key] = v, v
		}
		t.low[key], t.high[key] = min(low, v), max(t.high[key], v)
	}
}

// ofReset tells whether what cannot be read of a quota is its reset.
func ofReset(fault string) bool {
	return strings.Contains(fault, "reset") || strings.Contains(fault, " has t=")
}

// refills complains of what cannot have come back since a refusal: for a bucket, whoever is let in a time Δ after someone was
// refused cannot be told that more than rate × Δ remain. The refusal had been answered before the other was sent, so their order
// is certain.
//
// Note: in a crowd that is sent at once no order is. A server that takes the latest first, as Go's scheduler may, makes what
// remains rise with the moments of sending.
func (t *account) refills(e *evidence, m attack.Measurement) {
	if e.c.windowed() || !e.c.Stage.IsZero() || e.c.Ban > 0 {
		return // a window comes back whole, a limit of all together and a ban refuse whose own is not used up
	}
	in, out, _ := e.split(bySent(m.Log))
	slices.SortStableFunc(out, func(a, b attack.Attempt) int { return cmp.Compare(a.Received, b.Received) })
	k, since := 0, attack.Attempt{Sent: -1} // the refusal that was sent latest, of those that were answered
	for _, a := range in {
		for ; k < len(out) && out[k].Received <= a.Sent; k++ {
			if out[k].Sent >= since.Sent {
				since = out[k]
			}
		}
		if since.Sent < 0 {
			continue
		}
		back := e.c.Limit.Rate * (a.Received - since.Sent).Seconds()
		for _, q := range e.quotas(m, a) {
			if q.Remaining != nil && *q.Remaining > 1.25*back+2 {
				t.complain(m, []attack.Attempt{since, a}, "%v remain %s after a refusal, in which %.0f can have come back", *q.Remaining, brief(a.Received-since.Sent), back)
			}
		}
	}
}

// remaining (V11): the limit told is the burst or the rate; what remains is never negative nor more than the limit, moves
// as the crowd is let in, is 0 for whoever is refused, and comes back no faster than at the rate.
func remaining(e *evidence, ms []attack.Measurement) finding {
	in, out, _ := e.split(bySent(ms[0].Log))
	t := account{low: map[string]float64{}, high: map[string]float64{}}
	for i, a := range append(in, out...) {
		for _, q := range e.quotas(ms[0], a) {
			t.take(e, ms[0], a, q, i < len(in))
		}
	}
	if t.n == 0 {
		return moot("no answer told a limit, or what remains of it")
	}
	got := "consistent"
	for _, key := range slices.Sorted(maps.Keys(t.low)) {
		got = fmt.Sprintf("remaining from %.0f to %.0f", t.high[key], t.low[key])
		if moved := t.high[key] - t.low[key]; len(in) > 4 && moved < .5*float64(len(in)-1) {
			t.complain(ms[0], in, "remaining moved by %.0f only while %d were let in", moved, len(in))
		}
	}
	for _, m := range e.stages["overload"] {
		t.refills(e, m)
	}
	want := fmt.Sprintf("limit %d or %.4g, remaining from it down to 0", e.c.Limit.Burst, e.c.Limit.Rate)
	if t.wrong != "" {
		return failed(want, got, "%s: clients that pace themselves by it go wrong", t.wrong).showing(t.of, t.proof...)
	}
	return passed(want, got, "%d limits were told", t.n)
}

// reset (V12): the reset lies between now and the moment at which the bucket is full, and a second. Until then no more is
// promised than the limit lets in from a full bucket: remaining ≤ burst + rate × reset.
//
// Note: the draft warns of policies by which clients go faster than the limit, remaining/reset > q/w. After a pause that is
// right of every window, so it is told and not judged.
func reset(e *evidence, ms []attack.Measurement) finding {
	m, c := ms[0], e.c.Limit
	most := max(e.c.fill(), e.c.Ban) + time.Second
	want := fmt.Sprintf("0 to %s from now", brief(most))
	n, worst, pace, form := 0, time.Duration(0), 0.0, limits.ResetForm("")
	unread, unknown := "", false
	var unreadable []attack.Attempt
	for _, a := range m.Log {
		for _, q := range e.quotas(m, a) {
			for _, f := range q.Faults {
				if ofReset(f) {
					unread, n, unreadable = f, n+1, append(unreadable, a)
				}
			}
			if q.Reset == nil {
				continue
			}
			n, form = n+1, q.Reset.Form
			in := q.Reset.In
			unknown = unknown || !q.Reset.Known
			switch {
			case q.Family != limits.Legacy && q.Family != limits.Kong && form != limits.ResetDelta:
				return failed(want, string(form), "the reset of %s is %s, where its draft has seconds from now: clients that know it wait for years", q.Dialect(), form).showing(m, a)
			case !q.Reset.Known:
			case in < -time.Second || in > most:
				return failed(want, brief(in), "the reset, read as %s, is no time at which more is to be had: the bucket is full after %s", form, brief(e.c.fill())).showing(m, a)
			case q.Remaining != nil && in > 0 && *q.Remaining > c.Most(in)*(1+e.c.tolerance().over)+1:
				return failed(want, fmt.Sprintf("%v remain for %s", *q.Remaining, brief(in)), "more is promised than the limit lets in within that time, %.0f", c.Most(in)).showing(m, a)
			default:
				worst = max(worst, in)
				if q.Remaining != nil && in > 0 {
					pace = max(pace, *q.Remaining/in.Seconds())
				}
			}
		}
	}
	switch {
	case n == 0:
		return moot("no answer told when its limit is reset")
	case unread != "":
		return failed(want, "cannot be read", "%s", unread).showing(m, unreadable...)
	case unknown:
		return unsure(want, "a moment", "the reset is a moment, and the answers carry no Date to hold it against")
	}
	f := passed(want, fmt.Sprintf("up to %s", brief(worst)), "%d resets were read as %s", n, form)
	if pace > c.Rate*(1+e.c.tolerance().rate) {
		f.why += fmt.Sprintf("; a client that spreads what remains over the time to the reset goes at %s for a moment, above the limit", rate(pace))
	}
	return f
}

// dialect (V33): the limit headers are of a dialect that clients know, in one form, and can be read. In the structured one
// Retry-After is not before the reset (draft-ietf-httpapi-ratelimit-headers-11 §5).
func dialect(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	forms := map[limits.Family]map[string]attack.Attempt{} // the first answer of each
	var names []string
	for _, a := range bySent(m.Log) {
		wait, waits := told(a)
		for _, q := range limits.ParseHeaders(a.Headers, now(m, a)) {
			if len(q.Faults) > 0 {
				return failed("limit headers that can be read", q.Dialect(), "%s", q.Faults[0]).showing(m, a)
			}
			if q.Family == limits.Structured && q.Reset != nil && e.fate(a) == refused && waits && wait < q.Reset.In-roundingSlack {
				return failed("Retry-After not before t", fmt.Sprintf("%s and t=%s", brief(wait), brief(q.Reset.In)), "clients take Retry-After, and come back too soon").showing(m, a)
			}
			if name := q.Dialect(); !slices.Contains(names, name) && (q.Reset != nil || !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, name) })) {
				names = append(names, name)
			}
			if q.Reset != nil {
				if forms[q.Family] == nil {
					forms[q.Family] = map[string]attack.Attempt{}
				}
				if _, seen := forms[q.Family][string(q.Reset.Form)]; !seen {
					forms[q.Family][string(q.Reset.Form)] = a
				}
			}
		}
	}
	if len(names) == 0 {
		return moot("no answer carried limit headers")
	}
	want, got := "a dialect that clients know, in one form", strings.Join(names, "; ")
	for _, family := range slices.Sorted(maps.Keys(forms)) {
		if all := slices.Sorted(maps.Keys(forms[family])); len(all) > 1 {
			f := failed(want, got, "the reset comes as %s: a client that reads one goes wrong with the other", strings.Join(all, " and as "))
			for _, form := range all {
				f = f.showing(m, forms[family][form])
			}
			return f
		}
	}
	return passed(want, got, "every header of %s was read", attack.Plural(len(m.Log), "answer"))
}

// now is the moment of an answer by the server's clock, or by ours; zero when neither is known.
func now(m attack.Measurement, a attack.Attempt) time.Time {
	text, _ := header(a, "Date")
	if t, ok := attack.ParseDate(text); ok {
		return t
	}
	if m.Began.IsZero() {
		return time.Time{}
	}
	return m.Began.Add(a.Received)
}
