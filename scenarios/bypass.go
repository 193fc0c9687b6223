package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// bypass is other ways of asking for the same thing, by which a careless limiter is passed.
var bypass = []scenario{
	{name: "bypass", title: "The same request in other ways while the limit is used up", checks: []check{
		{id: "V20", name: "connection-independent", asks: "a new connection for each request gets no more in",
			stages: []string{"connections"}, extra: []string{"single"}, sure: true, look: connections},
		{id: "V21", name: "no-bypass", asks: "no other method, path, query or header gets past the limit",
			stages: []string{"bypass"}, look: noBypass},
	}},
}

var bypassStages = []stage{
	{name: "single", tries: 1, build: singleTrial},
	{name: "connections", tries: 3, build: connectionsTrial, thin: turned},
	{name: "bypass", tries: 3, build: bypassTrial, thin: unruly},
}

// singleTrial asks over one connection until it is refused: what is refused there and not elsewhere is counted for each.
func singleTrial(c Config, _ *evidence) (attack.Trial, string) {
	if c.Brief {
		return attack.Trial{}, "a brief script has no time for it"
	}
	n := min(2*c.Limit.Burst+50, singleMax)
	return attack.Trial{Idle: c.idle(), LogMax: n, Why: "one request after the other over one connection until some are refused",
		Serial: &attack.Serial{Max: n, For: singleFor, Identity: c.Identity, Until: attack.Until{Refused: 3}}}, ""
}

const (
	singleMax = 3_000
	singleFor = 2 * time.Second
)

// Actors of the connections stage.
const (
	keptActor = iota
	freshActor
)

// freshMost bounds the connections that are opened for one request each.
const freshMost = 1000

// lull is the silence between the crowd that empties the bucket and what must find it empty.
const lull = 100 * time.Millisecond

func connectionsTrial(c Config, _ *evidence) (attack.Trial, string) {
	back := c.Limit.Rate * 2 * lull.Seconds()
	n := int(min(32+2*back, freshMost))
	if float64(n) < 1.5*back {
		return attack.Trial{}, fmt.Sprintf("%s come back faster than connections are opened", rate(c.Limit.Rate))
	}
	crowd := c.crowd(float64(c.Limit.Burst))
	fresh := c.actor("a new connection each", attack.Even, attack.Manners{}, attack.Segment{Len: lull}, attack.Segment{Len: 300 * time.Millisecond, Burst: n})
	fresh.Twist = attack.Twist{Fresh: true}
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: crowd, Why: fmt.Sprintf("a crowd, then %s over a new connection each", attack.Plural(n, "request")),
		Actors: []attack.Actor{
			keptActor:  c.actor("crowd", attack.Even, attack.Manners{}, attack.Segment{Len: lull, Burst: crowd}),
			freshActor: fresh,
		}}, ""
}

// turned says that nothing over a new connection was refused where a window may have turned before it came.
func turned(c Config, m attack.Measurement) string {
	if of := m.Of(freshActor); c.windowed() && of.OK == of.Due {
		return "a window may have turned before the new connections came"
	}
	return ""
}

// connections (V20): after a crowd that empties the bucket, requests over new connections find it as empty as any: no
// interval of both together admits more than burst + rate × its length.
func connections(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	log := bySent(m.Log)
	in, out, _ := e.split(log)
	freshIn, freshOut, freshMaybe := e.split(only(log, freshActor))
	over, allowed := e.beyond(in)
	want := fmt.Sprintf("at most %.0f let in, over whatever connections", allowed)
	got := fmt.Sprintf("%d let in, %d of %d over new connections", len(in), len(freshIn), len(freshIn)+len(freshOut)+len(freshMaybe))
	switch {
	case m.LogDropped > 0 || m.Aborted != nil || len(in) == 0:
		return unsure(want, got, "the log is not complete: %s", aborted(m))
	case over > connectionShare*float64(len(freshIn)+len(freshOut)) && e.limitedElsewhere(m):
		return failed(want, got, "%.0f more than the limit got in: the limit is kept for each connection, so whoever opens many has none", over).showing(m, freshIn...)
	case over > connectionShare*float64(len(freshIn)+len(freshOut)):
		return unsure(want, got, "what came over connections that were kept is more than the limit too, so this is not the connections' doing alone")
	case len(out) == len(freshOut):
		return unsure(want, got, "nobody of the crowd was refused, so the limit was not used up when the new connections came")
	case len(freshOut) == 0:
		return unsure(want, got, "no request over a new connection was refused: statuses %s", statuses(m.Of(freshActor)))
	}
	return passed(want, got, "%s over a new connection each were refused like any other", attack.Plural(len(freshOut), "request")).showing(m, freshOut...)
}

// connectionShare of what came over new connections must get in beyond the limit before they are to blame: a limit that is a
// little too large is other checks' business.
const connectionShare = 0.25

// limitedElsewhere tells whether the limit was kept where connections were: over a single one, or by the crowd.
func (e *evidence) limitedElsewhere(m attack.Measurement) bool {
	kept := func(log []attack.Attempt) bool {
		in, out, _ := e.split(bySent(log))
		over, allowed := e.beyond(in)
		return len(out) > 0 && over <= count(e.c.tolerance().over, allowed)
	}
	if slices.ContainsFunc(e.stages["single"], func(s attack.Measurement) bool { return kept(s.Log) }) {
		return true
	}
	return kept(only(m.Log, keptActor))
}

// A way is one other way of asking.
type way struct {
	name   string
	twist  attack.Twist
	unsafe bool // it may change something where it arrives
	path   bool // it asks for another path, so that it may be another resource
}

func address(header string) attack.Twist {
	return attack.Twist{Header: map[string]attack.Secret{header: "203.0.113.77"}} // TEST-NET-3, RFC 5737
}

// ways are what limiters in the wild were passed by.
var ways = []way{
	{name: "HEAD", twist: attack.Twist{Method: "HEAD"}},
	{name: "OPTIONS", twist: attack.Twist{Method: "OPTIONS"}},
	{name: "POST", twist: attack.Twist{Method: "POST"}, unsafe: true},
	{name: "PUT", twist: attack.Twist{Method: "PUT"}, unsafe: true},
	{name: "HTTP/2", twist: attack.Twist{HTTP2: true}},
	{name: "another query", twist: attack.Twist{Query: "plimsoll=1"}},
	{name: "//path", twist: attack.Twist{Prefix: "/"}, path: true},
	{name: "/./path", twist: attack.Twist{Prefix: "/."}, path: true},
	{name: "path/", twist: attack.Twist{Suffix: "/"}, path: true},
	{name: "PATH", twist: attack.Twist{Case: true}, path: true},
	{name: "X-Forwarded-For", twist: address("X-Forwarded-For")},
	{name: "X-Real-IP", twist: address("X-Real-IP")},
	{name: "Forwarded", twist: attack.Twist{Header: map[string]attack.Secret{"Forwarded": "for=203.0.113.77"}}},
	{name: "True-Client-IP", twist: address("True-Client-IP")},
	{name: "header case"},
}

// ways are those that this target may be asked in. Paths that nobody named are left alone where requests change something.
func (c Config) ways() (out []way) {
	for _, w := range ways {
		if w.name == "header case" && c.Identity.Header == "" || (w.unsafe || w.path && c.Changes) && !c.Unsafe {
			continue
		}
		out = append(out, w)
	}
	return out
}

const (
	wayEvery = 100 * time.Millisecond // between two ways
	waySpan  = 4 * time.Millisecond   // in which requests at once are decided on
)

// wayCrowd is how many ask in a way at once: so many more than tokens come back meanwhile that a limit is told from none.
func (c Config) wayCrowd() int { return 8 + int(c.Limit.Rate*waySpan.Seconds()*2) }

// rounds is how often each way is tried. Where a window turns, or a ban ends, a whole limit is let in at once, to whoever comes
// first: what comes in then tells nothing, and one moment may be such a turn.
func (c Config) rounds() int {
	if c.windowed() || c.Ban > 0 {
		return 3
	}
	return 1
}

// round is how long it takes to ask in n ways. Rounds begin at moments that lie apart in a window.
func (c Config) round(n int) time.Duration {
	d, w := time.Duration(n)*wayEvery, c.window()
	if c.rounds() == 1 || w > 2*time.Second {
		return d
	}
	return (d + w - 1).Truncate(w) + time.Duration(.382*float64(w)) // 1 − the golden ratio
}

// bypassTrial keeps the bucket empty; meanwhile, for each way, as many ask in that way as ask plainly at the same moment.
func bypassTrial(c Config, e *evidence) (attack.Trial, string) {
	all, n, times := c.ways(), c.wayCrowd(), c.peakMultiple(e.voids("bypass"))
	if !c.windowed() {
		times = min(3, times) // where windows turn, more: the sooner the next one is used up, the more moments tell something
	}
	round := c.round(len(all))
	drain := c.at(times, lull+time.Duration(c.rounds())*round+wayEvery)
	drain.Burst = c.crowd(float64(c.Limit.Burst))
	t := attack.Trial{LogMax: attack.MaxLog, Warm: c.warm(drain.Burst), Why: fmt.Sprintf("%d other ways of asking while the limit is used up", len(all)),
		Actors: []attack.Actor{c.actor("drain", attack.Poisson, attack.Manners{}, drain)}}
	plain := []attack.Segment{{Len: lull + wayEvery}}
	for range c.rounds() {
		for range all {
			plain = append(plain, attack.Segment{Len: wayEvery, Burst: n})
		}
		plain[len(plain)-1].Len += round - time.Duration(len(all))*wayEvery
	}
	for i, w := range all {
		segments := []attack.Segment{{Len: lull + time.Duration(i+1)*wayEvery}}
		for range c.rounds() {
			segments = append(segments, attack.Segment{Len: round, Burst: n})
		}
		segments[len(segments)-1].Len = wayEvery
		a := c.actor(w.name, attack.Even, attack.Manners{}, segments...)
		if a.Twist = w.twist; w.name == "header case" {
			a.Identity.Header = otherCase(a.Identity.Header)
		}
		t.Actors = append(t.Actors, a)
	}
	t.Actors = slices.Insert(t.Actors, plainActor, c.actor("plain", attack.Even, attack.Manners{}, plain...))
	return t, ""
}

// plainActor asks as always, beside each way; firstWay is the first of those.
const (
	plainActor = 1
	firstWay   = 2
)

// otherCase is a header's name in the case that servers write less often.
func otherCase(name string) string {
	if name == strings.ToLower(name) {
		return strings.ToUpper(name)
	}
	return strings.ToLower(name)
}

// tried is what came of one way in those of its rounds in which the limit was used up: most of those who asked plainly at
// the same moment were refused.
type tried struct {
	name         string
	rounds       int // of that kind
	in, out, all int // in this way
	log          []attack.Attempt
	statuses     string
}

func (e *evidence) tried(m attack.Measurement) (all []tried) {
	plain := byDueOf(only(m.Log, plainActor))
	for i := firstWay; i < len(m.Trial.Actors); i++ {
		x := tried{name: m.Trial.Actors[i].Name, statuses: statuses(m.Of(i))}
		for due, log := range byDueOf(only(bySent(m.Log), i)) {
			plainIn, _, _ := e.split(plain[due])
			if len(plain[due]) == 0 || float64(len(plainIn)) > plainShare*float64(len(plain[due])) {
				continue
			}
			in, out, _ := e.split(log)
			x.rounds, x.in, x.out, x.all, x.log = x.rounds+1, x.in+len(in), x.out+len(out), x.all+len(log), append(x.log, log...)
		}
		x.log = bySent(x.log)
		all = append(all, x)
	}
	return all
}

// past tells whether a way goes past the limit. One round at the very turn of a window may let all of a way in and nobody
// beside it, so that where windows turn it takes two.
func (x tried) past(c Config) bool {
	return x.rounds >= min(c.rounds(), 2) && float64(x.in) >= passedShare*float64(x.all)
}

// clear tells whether a way can be judged.
func (x tried) clear(c Config) bool {
	return x.all > 0 && (x.past(c) || float64(x.in) < passedShare*float64(x.all))
}

// byDueOf is a log by the moments at which its attempts were due.
func byDueOf(log []attack.Attempt) map[time.Duration][]attack.Attempt {
	out := map[time.Duration][]attack.Attempt{}
	for _, a := range log {
		out[a.Due] = append(out[a.Due], a)
	}
	return out
}

// Of a way's crowd so many are let in where there is no limit, and of the plain crowd beside it no more where there is one.
const (
	passedShare = 0.9
	plainShare  = 0.5
)

// unruly says that those who asked plainly were let in too, so that nothing is known of the ways beside them.
func unruly(c Config, m attack.Measurement) string {
	e := gather(c, nil)
	e.refusal = c.refusal()
	for _, x := range e.tried(m) {
		if !x.clear(c) {
			return fmt.Sprintf("plain requests beside %s were let in", x.name)
		}
	}
	return ""
}

// noBypass (V21): while plain requests are refused, as many at the same moment in another way are refused too, or are not
// served at all. It compares, so it needs no arithmetic of the limiter.
func noBypass(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	all := e.tried(m)
	want := fmt.Sprintf("refused in each of %d ways, as plain requests are", len(all))
	if m.Aborted != nil || m.LogDropped > 0 || len(all) == 0 {
		return unsure(want, "not seen", "the log is not complete: %s", aborted(m))
	}
	var past, unclear, other, refused []string
	var proof []attack.Attempt
	for _, x := range all {
		switch {
		case !x.clear(e.c):
			unclear = append(unclear, x.name)
		case x.past(e.c):
			past, proof = append(past, x.name), append(proof, x.log[0])
		case x.out == 0:
			other = append(other, fmt.Sprintf("%s (%s)", x.name, x.statuses))
		default:
			refused = append(refused, x.name)
		}
	}
	got := "refused: " + orNone(refused)
	if len(other) > 0 {
		got += "; not served: " + strings.Join(other, ", ")
	}
	switch {
	case len(past) > 0:
		return failed(want, "let in: "+strings.Join(past, ", ")+"; "+got, "while plain requests were refused, %s went past the limit: whoever asks so has none", strings.Join(past, ", ")).showing(m, proof...)
	case len(unclear) > 0:
		return unsure(want, got, "plain requests beside %s were let in, so the limit was not used up", strings.Join(unclear, ", "))
	case len(refused) == 0:
		return unsure(want, got, "no other way is served at all, which tells nothing of the limit")
	}
	return passed(want, got, "as many asked in each way as asked plainly at the same moment, %d each", e.c.wayCrowd())
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
