package scenarios

import (
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// A throttle may bound not how many come in a second but how many are in flight: so many places, each taken until its
// request is answered (nginx limit_conn, maxconn, chi's Throttle). Its burst is the number of places; it has no rate, and
// none of the storms that ask for multiples of one can be held against it.

var inFlight = []scenario{
	{name: "in-flight", title: "More at once than there are places, twice, and then as many as there are", inFlight: true, checks: []check{
		{id: "V54", name: "places", asks: "so many are in flight at once, and no more",
			stages: []string{"rest", "places"}, sure: true, insist: true, look: showing(placesTaken, theEdge)},
		{id: "V55", name: "places-freed", asks: "a place is free again as soon as its request is answered",
			stages: []string{"rest", "places"}, sure: true, insist: true, look: showing(placesFreed, theRefused)},
		{id: "V56", name: "places-refused", asks: "whoever finds no place is refused, with the one status that says so",
			stages: []string{"rest", "places"}, sure: true, insist: true, look: showing(placesRefused, theWrong)},
	}},
}

var inFlightStages = []stage{{name: "places", tries: 3, build: placesTrial, thin: placesBlurred}}

// without says that a scenario is of another kind of limit than the declared one, or "".
func (s scenario) without(c Config) string {
	switch told := c.algorithm() == Concurrency; {
	case told && !s.inFlight:
		return "a limit on the rate: one on how many are in flight was declared"
	case !told && s.inFlight:
		return "a limit on how many are in flight (--algorithm concurrency)"
	}
	return ""
}

// Actors of the places stage.
const (
	manyActor = iota // two crowds, larger than there are places
	fitActor         // a crowd as large as there are places
)

// crowdOver is a crowd that finds too few places.
func (c Config) crowdOver() int { return 2*c.Limit.Burst + 10 }

// placesTrial sends two crowds that are too large and one that fits, far enough apart for each to be over before the next.
func placesTrial(c Config, e *evidence) (attack.Trial, string) {
	slowest := time.Second
	for _, m := range e.stages["rest"] {
		slowest = max(slowest, 10*m.All().Response.Quantile(.99))
	}
	gap := (slowest + time.Second - 1).Truncate(time.Second)
	n := c.crowdOver()
	crowd, fit := attack.Segment{Len: gap, Burst: n}, attack.Segment{Len: gap, Burst: c.Limit.Burst}
	return attack.Trial{Idle: gap, LogMax: attack.MaxLog, Warm: n, Why: fmt.Sprintf("%d at once, twice, and then %d: there are %s", n, c.Limit.Burst, attack.Plural(c.Limit.Burst, "place")),
		Actors: []attack.Actor{
			manyActor: c.actor("crowd", attack.Even, attack.Manners{}, crowd, crowd),
			fitActor:  c.actor("as many as places", attack.Even, attack.Manners{}, attack.Segment{Len: 2 * gap}, fit),
		}}, ""
}

// placesBlurred says that the first of a crowd may have been answered before the last had been decided on: then places were
// free again, and how many there are cannot be counted. A request is decided on before it was answered, if refused, and no
// later than the slowest refusal took, if not; its place is free again no sooner than as long before its answer came.
func placesBlurred(c Config, m attack.Measurement) string {
	e := gather(c, []attack.Measurement{m})
	for _, crowd := range byDue(attack.Measurement{Log: only(m.Log, manyActor)}) {
		in, out, _ := e.split(crowd)
		if len(in) == 0 || len(out) == 0 {
			continue
		}
		slowest, last, free := time.Duration(0), time.Duration(0), in[0].Received
		for _, a := range out {
			slowest = max(slowest, a.Received-a.Sent)
		}
		for _, a := range crowd {
			last = max(last, a.Sent)
		}
		for _, a := range in {
			free = min(free, a.Received)
		}
		if last+2*slowest > free {
			return fmt.Sprintf("the first of a crowd was answered after %s, and to send and decide on all %d took %s: verify with a request that takes longer", brief(free-crowd[0].Sent), len(crowd), brief(last-crowd[0].Sent+2*slowest))
		}
	}
	return ""
}

// placesSeen are the crowds of the places stage, each in order of sending, or why they cannot be judged.
func placesSeen(m attack.Measurement) (many [][]attack.Attempt, fit []attack.Attempt, thin string) {
	many, fit = byDue(attack.Measurement{Log: only(m.Log, manyActor)}), bySent(only(m.Log, fitActor))
	if m.Aborted != nil || m.LogDropped > 0 || len(many) != 2 || len(fit) == 0 {
		return nil, nil, "the log is not complete: " + aborted(m)
	}
	return many, fit, ""
}

// placesSlack is by how many places a count may be off: none where the throttle claims to be exact.
func (c Config) placesSlack() float64 {
	if c.profile() == Strict {
		return 0
	}
	return count(c.tolerance().burst, float64(c.Limit.Burst))
}

// placesTaken (V54): of a crowd that is too large as many are let in as there are places: N, and not one more.
func placesTaken(e *evidence, ms []attack.Measurement) finding {
	m, n := ms[1], e.c.Limit.Burst
	want := fmt.Sprintf("%d of %d at once", n, e.c.crowdOver())
	many, _, thin := placesSeen(m)
	if thin != "" {
		return unsure(want, "not seen", "%s", thin)
	}
	in, out, maybe := e.split(many[0])
	got, slack := fmt.Sprintf("%d of %d", len(in), len(many[0])), e.c.placesSlack()
	switch {
	case len(in) == 0:
		return unsure(want, got, "nobody was let in: statuses %s", statuses(m.Of(manyActor)))
	case len(out) == 0 && len(maybe) == 0:
		return failed(want, got, "nobody was refused: there are more than %s, or no limit on how many are in flight", attack.Plural(n, "place"))
	case placesBlurred(e.c, m) != "":
		return unsure(want, got, "%s", placesBlurred(e.c, m))
	case float64(len(in)) > float64(n)+slack:
		return failed(want, got, "%d more than the %s were in flight at once", len(in)-n, attack.Plural(n, "place"))
	case float64(len(in)+len(maybe)) < float64(n)-slack:
		return failed(want, got, "only %d are let in at once, although nobody else was in flight", len(in))
	case float64(len(in)) < float64(n)-slack:
		return unsure(want, got, "%s ended in errors that may have had a place: statuses %s", attack.Plural(len(maybe), "request"), statuses(m.Of(manyActor)))
	}
	return passed(want, got, "all were decided on before the first of them was answered")
}

// placesFreed (V55): when a crowd was answered its places are free: the next crowd finds as many as the first did, and one
// that fits is let in whole.
func placesFreed(e *evidence, ms []attack.Measurement) finding {
	m := ms[1]
	many, fit, thin := placesSeen(m)
	want := fmt.Sprintf("as many of the second crowd as of the first, and all of %d that fit", e.c.Limit.Burst)
	if thin != "" {
		return unsure(want, "not seen", "%s", thin)
	}
	first, _, _ := e.split(many[0])
	second, _, maybe := e.split(many[1])
	in, out, lost := e.split(fit)
	got := fmt.Sprintf("%d, then %d; %d of %d that fit", len(first), len(second), len(in), len(fit))
	switch {
	case len(first) == 0:
		return unsure(want, got, "nobody was let in: statuses %s", statuses(m.Of(manyActor)))
	case stillUnderWay(many, fit):
		return unsure(want, got, "the next crowd came before all of the one before it were answered")
	case float64(len(out)) > e.c.placesSlack():
		return failed(want, got, "%d are refused although nobody else is in flight: places are not given back, or there are fewer than %d", len(out), e.c.Limit.Burst)
	case placesBlurred(e.c, m) != "":
		return unsure(want, got, "%s", placesBlurred(e.c, m))
	case float64(len(second)+len(maybe)) < float64(len(first))-e.c.placesSlack():
		return failed(want, got, "%s are not given back when their requests are answered", attack.Plural(len(first)-len(second)-len(maybe), "place"))
	case len(lost)+len(maybe) > 0:
		return unsure(want, got, "%s ended in errors: statuses %s", attack.Plural(len(lost)+len(maybe), "request"), statuses(m.All()))
	}
	return passed(want, got, "every place was free again when its request had been answered")
}

// stillUnderWay tells whether a crowd came while one before it was not answered yet.
func stillUnderWay(many [][]attack.Attempt, fit []attack.Attempt) bool {
	busy := time.Duration(0)
	for _, crowd := range slices.Concat(many, [][]attack.Attempt{fit}) {
		if crowd[0].Sent < busy {
			return true
		}
		for _, a := range crowd {
			busy = max(busy, a.Received)
		}
	}
	return false
}

// placesRefused (V56): whoever finds no place is refused with the declared status, and nothing else.
func placesRefused(e *evidence, ms []attack.Measurement) finding {
	m, code := ms[1], e.c.refusal()
	all := m.Of(manyActor)
	want, got := fmt.Sprintf("%d for all that find no place", code), statuses(all)
	switch {
	case m.Aborted != nil || all.Due == 0:
		return unsure(want, got, "the crowds were not sent whole: %s", aborted(m))
	case all.OK == all.Due:
		return unsure(want, got, "nobody was refused")
	case all.Due-all.OK-all.Statuses[code] > 0 && all.Statuses[code] == 0:
		return failed(want, got, "the throttle refuses with %d instead of %d: %s", e.refusal, code, meaning(e.refusal))
	case all.Due-all.OK-all.Statuses[code] > 0:
		return failed(want, got, "%d of %s that were not served got something else than %d: clients cannot tell a limit from a fault", all.Due-all.OK-all.Statuses[code], attack.Plural(all.Due-all.OK, "request"), code)
	}
	return passed(want, got, "everybody who found no place was refused as declared")
}
