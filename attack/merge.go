package attack

import (
	"cmp"
	"time"
)

func byPlace(a, b Window) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Actor, b.Actor)) }

func cmpAttempt(a, b Attempt) int {
	return cmp.Or(cmp.Compare(a.Sent, b.Sent), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Try, b.Try),
		cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Received, b.Received), cmp.Compare(a.Status, b.Status))
}

// cmpStrings compares pairs of strings until one pair differs.
func cmpStrings(pairs ...string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		if c := cmp.Compare(pairs[i], pairs[i+1]); c != 0 {
			return c
		}
	}
	return 0
}

func mergeTicks(out *Measurement, ticks []Tick) {
	for i, t := range ticks {
		if i == len(out.Ticks) {
			out.Ticks = append(out.Ticks, Tick{})
		}
		o := &out.Ticks[i]
		o.Elapsed = max(o.Elapsed, t.Elapsed)
		o.Due += t.Due
		o.Sent += t.Sent
		o.InFlight += t.InFlight
		o.OK += t.OK
		o.Throttled += t.Throttled
		o.Shed += t.Shed
		o.Failed += t.Failed
		o.Timeout += t.Timeout
		o.Unsent += t.Unsent
		o.Response += t.Response
	}
}

func mergeRest(out *Measurement, s Measurement) {
	if s.Began.Before(out.Began) {
		out.Began = s.Began
	}
	if a := s.Aborted; a != nil && (out.Aborted == nil || a.At < out.Aborted.At || a.At == out.Aborted.At && a.Reason < out.Aborted.Reason) {
		out.Aborted = a
	}
	out.Took = max(out.Took, s.Took)
	out.Spread = max(out.Spread, s.Spread)
	out.PeakFlight += s.PeakFlight
	out.LogDropped += s.LogDropped
	out.Settled = out.Settled && s.Settled
	out.Checks = append(out.Checks, s.Checks...)
	out.Notes = append(out.Notes, s.Notes...)
	out.Log = append(out.Log, s.Log...)
	out.Sights = append(out.Sights, s.Sights...)
	mergeEndpoints(out, s.Endpoints)
}

// WindowAt says which window of a trial with the given warm-up a due moment belongs to: its index, its beginning, its
// longest length, and whether it is the warm-up's. Generators, real and simulated, cut their ledgers with it.
func WindowAt(due, warmup time.Duration) (index int, at, long time.Duration, warm bool) {
	if due < warmup {
		return 0, 0, warmup, true
	}
	k := int((due - warmup) / time.Second)
	at = warmup + time.Duration(k)*time.Second
	if warmup > 0 {
		return k + 1, at, time.Second, false
	}
	return k, at, time.Second, false
}
