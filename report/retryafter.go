package report

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// comeback is a client that was refused, waited, and asked again.
type comeback struct {
	told, waited time.Duration // told is 0 when the refusal told nothing
	in           bool          // it was let in
}

// refusals are what the storms' refusals told, and what became of those who came back.
type refusals struct {
	who   string          // the identity that was refused; all of them together are those of ""
	n     int             // refusals that the log has
	told  []time.Duration // the wait of each that told one, upwards
	backs []comeback
	each  []*refusals // by identity, in the order of their first refusal
}

// refused reads the logs of the storms, each trial once.
func (r Report) refused() (all refusals) {
	for _, m := range r.stormTrials() {
		waits := map[[2]int64]attack.Attempt{} // refusals by arrival and actor, until their client comes back
		for _, a := range m.Log {
			key := [2]int64{a.Seq, int64(a.Actor)}
			before, is := waits[key]
			comes := is && a.Try > before.Try
			if comes {
				delete(waits, key)
			}
			if a.Outcome == attack.Throttled {
				waits[key] = a
			} else if !comes {
				continue
			}
			for _, o := range []*refusals{&all, all.of(identityOf(m.Trial, a.Actor))} {
				if comes {
					o.come(before, a)
				}
				o.count(a)
			}
		}
	}
	for _, o := range append(all.each, &all) {
		slices.Sort(o.told)
	}
	return all
}

func (o *refusals) of(who string) *refusals {
	i := slices.IndexFunc(o.each, func(e *refusals) bool { return e.who == who })
	if i < 0 {
		i = len(o.each)
		o.each = append(o.each, &refusals{who: who})
	}
	return o.each[i]
}

func (o *refusals) count(a attack.Attempt) {
	if a.Outcome != attack.Throttled {
		return
	}
	o.n++
	if wait, ok := toldWait(a); ok {
		o.told = append(o.told, wait)
	}
}

func (o *refusals) come(refusal, again attack.Attempt) {
	if again.Outcome != attack.OK && again.Outcome != attack.Throttled {
		return // an error says nothing of the limiter
	}
	wait, _ := toldWait(refusal)
	o.backs = append(o.backs, comeback{told: wait, waited: max(0, again.Sent-refusal.Received), in: again.Outcome == attack.OK})
}

// table holds what was told against who came back, identity by identity; without rows where there is but one, or nobody was told
// anything.
func (o refusals) table() (t Table) {
	if len(o.each) < 2 || len(o.told) == 0 {
		return t
	}
	t.Head = []string{"identity", "refusals", "told a wait", "shortest", "longest", "waited as told", "of these let in", "came sooner", "of these let in"}
	for i, e := range o.each {
		if i == clientsMax {
			t.Rows = append(t.Rows, []string{"…", fmt.Sprintf("%d more in the journal", len(o.each)-i)})
			break
		}
		kept, keptIn, early, earlyIn := e.tallies()
		row := []string{e.who, count(int64(e.n)), count(int64(len(e.told))), "–", "–", count(int64(kept)), "–", count(int64(early)), "–"}
		if n := len(e.told); n > 0 {
			row[3], row[4] = Latency(attack.MS(e.told[0])), Latency(attack.MS(e.told[n-1]))
		}
		if kept > 0 {
			row[6] = Percent(share(int64(keptIn), int64(kept)))
		}
		if early > 0 {
			row[8] = Percent(share(int64(earlyIn), int64(early)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// stormTrials are the trials that the storms rest on, each once, in order.
func (r Report) stormTrials() (out []attack.Measurement) {
	for _, s := range r.Storms {
		for _, m := range s.Measured {
			if !slices.ContainsFunc(out, func(o attack.Measurement) bool { return o.Trial.N == m.Trial.N }) {
				out = append(out, m)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b attack.Measurement) int { return a.Trial.N - b.Trial.N })
	return out
}

// toldWait is how long a refusal tells its client to wait; a date counts from the answer's own Date.
func toldWait(a attack.Attempt) (time.Duration, bool) {
	date, dated := attack.ParseDate(a.Headers["Date"])
	wait, form, ok := attack.ParseRetryAfter(a.Headers["Retry-After"], date)
	return wait, ok && (dated || form != attack.RetryDate)
}

// punctual is how much earlier than told a client may come back and still count as one that waited: clocks have ticks.
const punctual = 2 * time.Millisecond

// tallies counts those that came back after, or before, what they were told, and how many of them were let in.
func (o refusals) tallies() (kept, keptIn, early, earlyIn int) {
	for _, b := range o.backs {
		switch {
		case b.told == 0:
		case b.waited >= b.told-punctual:
			kept++
			keptIn += one(b.in)
		default:
			early++
			earlyIn += one(b.in)
		}
	}
	return kept, keptIn, early, earlyIn
}

// words say what the refusals told and whether it was true; nil when nobody was refused.
func (o refusals) words() (out []string) {
	if o.n == 0 {
		return nil
	}
	switch {
	case len(o.told) == 0:
		out = append(out, fmt.Sprintf("None of %s told when to come back.", plural(o.n, "logged refusal")))
	default:
		least, most := o.told[0], o.told[len(o.told)-1]
		span := Latency(attack.MS(least))
		if most > least {
			span += " to " + Latency(attack.MS(most)) + ", as a rule " + Latency(attack.MS(o.told[len(o.told)/2]))
		}
		out = append(out, fmt.Sprintf("%s of %s told how long to wait: %s.", count(int64(len(o.told))), plural(o.n, "logged refusal"), span))
	}
	kept, keptIn, early, earlyIn := o.tallies()
	if kept > 0 {
		out = append(out, fmt.Sprintf("Of %s that waited at least as long as told, %d %s let in.", plural(kept, "client"), keptIn, map[bool]string{true: "was", false: "were"}[keptIn == 1]))
	}
	if early > 0 {
		out = append(out, fmt.Sprintf("Of %s that came back sooner, %d %s.", plural(early, "client"), earlyIn, map[bool]string{true: "was", false: "were"}[earlyIn == 1]))
	}
	return out
}

// Bins of the waits: four to a decade from 1 ms on, of at least so many clients each.
const (
	waitLeast = 3
	waitBins  = 4
)

// retryAfterChart shows what share of those who came back was let in, by how long they had waited, and how long they were told
// to wait. It is nil when too few came back to tell.
func (o refusals) chart() *Chart {
	type bin struct{ n, in int }
	bins := map[int]bin{}
	for _, b := range o.backs {
		i := int(math.Floor(math.Log10(max(attack.MS(b.waited), 1)) * waitBins))
		v := bins[i]
		bins[i] = bin{v.n + 1, v.in + one(b.in)}
	}
	c := &Chart{ID: "retry-after-truth", Title: "Who came back, and was let in", Small: true,
		Subtitle: "By how long they waited after a refusal, whatever they were told, in the midst of storms. Left of where the curve rises, waiting was in vain.", Table: Table{Head: []string{"waited", "came back", "let in", "share"}}}
	s := Series{Label: "let in", Colour: Green, Width: 2, Dots: true, Span: true}
	for _, i := range sortedInts(bins) {
		v, from, to := bins[i], math.Pow(10, float64(i)/waitBins), math.Pow(10, float64(i+1)/waitBins)
		c.Table.Rows = append(c.Table.Rows, []string{Latency(from) + " – " + Latency(to), fmt.Sprint(v.n), fmt.Sprint(v.in), Percent(share(int64(v.in), int64(v.n)))})
		if v.n >= waitLeast {
			c.Xs, s.Ys = append(c.Xs, math.Sqrt(from*to)), append(s.Ys, 100*float64(v.in)/float64(v.n))
		}
	}
	if len(c.Xs) < 2 {
		return nil
	}
	c.Series = []Series{s}
	lo, hi := c.Xs[0], c.Xs[len(c.Xs)-1]
	if n := len(o.told); n > 0 {
		m := Marker{At: max(attack.MS(o.told[n/2]), 1), Colour: Caution, Dashed: true}
		m.Label = "told " + Latency(m.At)
		if a, b := attack.MS(o.told[0]), attack.MS(o.told[n-1]); b > a {
			m.Lo, m.Hi = max(a, 1), b
		}
		c.Markers = []Marker{m}
		lo, hi = min(lo, m.At), max(hi, m.At, m.Hi)
	}
	c.X = Axis{Label: "waited", Unit: Millis, Log: true, Min: below125(lo * .9), Max: above125(hi * 1.1)}
	c.Y = Axis{Unit: PerCent, Max: 105}
	return c
}

func sortedInts[V any](m map[int]V) (out []int) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
