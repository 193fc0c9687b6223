package scenarios

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

// tenants is what consumers may do to one another.
var tenants = []scenario{
	{name: "tenant-greed", title: "One consumer at six times its limit beside one at less than half of it", checks: []check{
		{id: "V16", name: "isolation", asks: "one consumer's storm costs another nothing",
			stages: []string{"greed"}, extra: []string{"strangers"}, insist: true, lacks: roomForTwo, look: showing(isolation, refusedOf(politeActor))},
		{id: "V17", name: "fairness", asks: "equal consumers share a common limit equally",
			stages: []string{"share"}, extra: []string{"strangers"}, sure: true, lacks: func(c Config) string {
				if c.Stage.IsZero() {
					return "a limit of all consumers together (--stage)"
				}
				return nobodyBanned(c)
			}, look: fairness},
	}, lacks: func(c Config) string {
		if len(c.peers()) < 2 && !c.Carrier.Declared() {
			return needKeys
		}
		return ""
	}},
	{name: "exempt-key", title: "The exempt key past its limit, and a made-up one like it", checks: []check{
		{id: "V18", name: "exempt-key", asks: "the exempt key is never refused, and a made-up one is no exempt key",
			stages: []string{"exempt"}, sure: true, look: exempted},
	}, lacks: func(c Config) string {
		if _, ok := c.exempt(); !ok {
			return "a key that is declared exempt (--keys)"
		}
		return ""
	}},
	{name: "wrong-key", title: "Wrong keys and none at all beside a right one", checks: []check{
		{id: "V19", name: "wrong-key", asks: "wrong keys get 401 or 403 and cost the right one nothing",
			stages: []string{"wrong"}, sure: true, look: wrongKeys},
	}, lacks: func(c Config) string {
		switch {
		case len(c.peers()) == 0 || !c.Carrier.Declared():
			return "keys that the throttle knows (--keys)"
		case c.OpenKeys:
			return "keys that are told apart: open-keys was declared"
		}
		return ""
	}},
}

// strangerStages come before all others: whether invented keys are let in, and whether keys have limits of their own,
// decides how the storms are sent.
var strangerStages = []stage{
	{name: "strangers", tries: 2, build: strangersTrial},
	{name: "greed", tries: 2, build: greedTrial},
}

var tenantStages = []stage{
	{name: "share", tries: 2, build: shareTrial},
	{name: "exempt", tries: 2, build: exemptTrial},
	{name: "wrong", tries: 2, build: wrongTrial},
}

// roomForTwo says that one consumer at its limit leaves too little of a common limit for another.
func roomForTwo(c Config) string {
	if !c.Stage.IsZero() && (c.Stage.Rate < 1.6*c.Limit.Rate || c.Stage.Burst < c.Limit.Burst+int(.5*c.Limit.Rate)/10+2) {
		return fmt.Sprintf("a common limit in which one key's %s leave room for half as much of another's", rate(c.Limit.Rate))
	}
	return ""
}

// apart tells stages whose errors say nothing of how the limit refuses: those of wrong keys, other ways of asking, quotas.
func apart(stage string) bool {
	switch stage {
	case "strangers", "wrong", "exempt", "quota", "bypass":
		return true
	}
	return false
}

// strangersMax is how many requests an invented key is tried with.
const strangersMax = 3

func strangersTrial(c Config, _ *evidence) (attack.Trial, string) {
	if !c.Carrier.Declared() || c.Identity.Tier != "" {
		return attack.Trial{}, "no invented key has the limit that is to be proven"
	}
	return attack.Trial{Why: "is an invented key let in?", LogMax: strangersMax,
		Serial: &attack.Serial{Max: strangersMax, Gap: 50 * time.Millisecond, Identity: c.invented(0), Until: attack.Until{Admitted: 1}}}, ""
}

// as is a sender with an identity of its own.
func as(a attack.Actor, who attack.Identity) attack.Actor {
	a.Identity = who
	return a
}

// Actors of the greed stage.
const (
	greedyActor = iota
	politeActor
)

// politeShare of its limit is what a consumer asks for that is to be left alone. It is no simple fraction: at half the rate,
// an even pace may fall in step with the tokens of a bucket that others empty, and find one each time.
const politeShare = 0.47

// The greedy consumer asks for so many times its limit, or what the storms may come to.
const greedTimes = 6

func greedTrial(c Config, e *evidence) (attack.Trial, string) {
	if why := roomForTwo(c); why != "" {
		return attack.Trial{}, why
	}
	other, theirs, why := e.neighbour()
	if why != "" {
		return attack.Trial{}, why
	}
	greedy := c.at(min(greedTimes, c.peakMultiple(e.voids("greed"))*greedTimes/peakMost), c.long(2*time.Second, 3*time.Second, 10))
	greedy.Burst = c.Limit.Burst
	pace := politeShare * theirs.Rate
	if !c.Stage.IsZero() {
		pace = min(pace, politeShare*c.Limit.Rate) // what they share has room for as much
	}
	polite := attack.Segment{From: pace, To: pace, Len: greedy.Len}
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(greedy.Burst), Why: "a greedy consumer beside a polite one",
		Actors: []attack.Actor{
			greedyActor: as(c.actor("greedy", attack.Poisson, attack.Manners{}, greedy), c.Identity),
			politeActor: as(c.actor("polite", attack.Even, attack.Manners{}, attack.Segment{Len: 200 * time.Millisecond}, polite), other),
		}}, ""
}

// neighbour is the consumer beside the one of the storms, and its limit: one of the same tier, or else of another one, that
// has no quota which other checks count. Or it says what is missing.
func (e *evidence) neighbour() (attack.Identity, limits.Limit, string) {
	if who, ok := e.consumers(2); ok {
		return who[1], e.c.Limit, ""
	}
	for _, k := range e.c.Keys {
		if t := e.c.tier(k); !k.Exempt && k.Identity != e.c.Identity && t.Quota == 0 {
			return k.Identity, t.Limit, ""
		}
	}
	switch {
	case len(e.c.Keys) > 1 && e.c.Identity.Tier != "":
		return attack.Identity{}, limits.Limit{}, fmt.Sprintf("there is one key of tier %s, and the others are exempt or have quotas that other checks count: name a second key of the tier, or one of a tier without a quota", e.c.Identity.Tier)
	case len(e.c.Keys) > 1:
		return attack.Identity{}, limits.Limit{}, "the keys beside the first are exempt, or have quotas that other checks count: name a second key without a tier, or one of a tier without a quota"
	}
	return attack.Identity{}, limits.Limit{}, "two consumers are needed, and invented keys are not let in: name keys (--keys)"
}

// limited is the evidence as it is to be judged of a consumer with a limit of its own.
func (e *evidence) limited(who attack.Identity) *evidence {
	own := *e
	own.c.Limit = e.c.tier(Key{Identity: who}).Limit
	return &own
}

// politeLeast is how many answers a statement on their p95 needs.
const politeLeast = 20

// refusedOf are an actor's requests that were refused.
func refusedOf(actor int) func(*evidence, attack.Measurement) []attack.Attempt {
	return func(e *evidence, m attack.Measurement) []attack.Attempt {
		_, out, _ := e.split(only(bySent(m.Log), actor))
		return out
	}
}

// only is an actor's part of a log.
func only(log []attack.Attempt, actor int) (out []attack.Attempt) {
	for _, a := range log {
		if a.Actor == actor {
			out = append(out, a)
		}
	}
	return out
}

// isolation (V16): while one consumer asks for six times its limit, another at half of its own is refused nothing, and is
// served with a p95 of at most max(3 × p95 at rest, 50 ms).
func isolation(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	greedy, polite := m.Of(greedyActor), m.Of(politeActor)
	bound := 50 * time.Millisecond
	if rest := e.stages["rest"]; len(rest) > 0 {
		bound = max(bound, 3*e.rest(rest[0]))
	}
	out, p95 := e.refusals(polite), polite.Response.Quantile(.95)
	want := fmt.Sprintf("0 refused and p95 at most %s beside a consumer at %s", brief(bound), rate(float64(greedy.Due)/trialSeconds(m)))
	if tier := m.Trial.Actors[politeActor].Identity.Tier; tier != e.c.Identity.Tier {
		want = fmt.Sprintf("of a key of tier %s below its own limit: ", tier) + want
	}
	got := fmt.Sprintf("%d of %d refused, p95 %s", out, polite.Due, brief(p95))
	switch {
	case m.Aborted != nil || polite.Due == 0:
		return unsure(want, got, "the storm was too short: %s", aborted(m))
	case e.refusals(greedy) == 0:
		return unsure(want, got, "the greedy consumer was not refused, so its storm met no limit: statuses %s", statuses(greedy))
	case polite.OK+out == 0:
		return unsure(want, got, "the polite consumer was answered %s", statuses(polite))
	case out > 0 && e.c.Ban > 0 && polite.OK == 0:
		return failed(want, got, "one consumer's storm has another shut out: the ban holds for more than the key that was refused")
	case out > 0 && !e.limited(m.Trial.Actors[politeActor].Identity).excused(only(m.Log, politeActor), politeActor):
		return failed(want, got, "one consumer's storm takes from another's limit: %s of a consumer at half its limit were refused; the limit is not kept for each key", percent(float64(out)/float64(polite.Due)))
	case out > 0:
		return unsure(want, got, "a burst of %d refuses two requests that come close together", e.c.Limit.Burst)
	case polite.OK < polite.Due*9/10:
		return failed(want, got, "%d of the polite consumer's %s failed while another stormed: statuses %s", polite.Due-polite.OK, attack.Plural(polite.Due, "request"), statuses(polite)).unless(late(m))
	case p95 > bound && polite.OK >= politeLeast:
		return failed(want, got, "one consumer's storm slows another down").unless(delayed(m, polite, latencyBound{.95, bound}))
	}
	return passed(want, got, "the greedy consumer was refused %s, the polite one never", attack.Plural(e.refusals(greedy), "time"))
}

// keysApart tells whether keys were seen to have limits of their own, so that a key not used yet is a full bucket.
func (e *evidence) keysApart() bool {
	for _, m := range e.stages["greed"] {
		if void, _ := m.Void(); void == "" && isolation(e, []attack.Measurement{m}).outcome == Pass {
			return true
		}
	}
	return false
}

// shareKeys is how many equal consumers share a common limit.
const shareKeys = 4

// shareLead is the time in which the common bucket is emptied before shares are counted.
const shareLead = time.Second

// What the consumers of a common limit ask for together, in times of it, at least and at most.
const (
	shareLeast = 1.2
	shareMost  = 1.5
)

func shareTrial(c Config, e *evidence) (attack.Trial, string) {
	if c.Stage.IsZero() {
		return attack.Trial{}, "no limit of all consumers together was declared"
	}
	who, ok := e.consumers(shareKeys)
	if !ok && len(who) < 2 {
		return attack.Trial{}, "several consumers are needed"
	}
	n := float64(len(who))
	each := min(.95*c.Limit.Rate, shareMost*c.Stage.Rate/n)
	if n*each < shareLeast*c.Stage.Rate {
		return attack.Trial{}, fmt.Sprintf("%s of %s each cannot pass a common limit of %s", attack.Plural(len(who), "consumer"), rate(c.Limit.Rate), rate(c.Stage.Rate))
	}
	t := attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(c.Stage.Burst), Why: fmt.Sprintf("%d equal consumers past a common limit of %s", len(who), rate(c.Stage.Rate))}
	// What they ask for beyond the common limit empties its bucket; what that leaves of it goes at once.
	left := float64(c.Stage.Burst) - (n*each-c.Stage.Rate)*shareLead.Seconds()/2
	seg := attack.Segment{From: each, To: each, Len: shareLead + c.long(time.Second, 4*time.Second, 20), Burst: max(0, min(int(math.Ceil(left/n)), c.Limit.Burst))}
	for i, id := range who {
		t.Actors = append(t.Actors, as(c.actor(fmt.Sprintf("consumer %d", i+1), attack.Poisson, attack.Manners{}, seg), id))
	}
	return t, ""
}

// How unequal shares may be: Jain's index (Jain, Chiu, Hawe: DEC-TR-301, 1984) is 1 where all are equal and 1/n where one
// has all.
const (
	jainLeast  = 0.95
	shareFloor = 0.5 // of an equal share
)

// fairness (V17): of a common limit, equal consumers that ask for more than it get equal shares.
func fairness(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	want := fmt.Sprintf("Jain's index at least %.2f, nobody below %s of an equal share", jainLeast, percent(shareFloor))
	shares := make([]float64, len(m.Trial.Actors))
	refused, sum, squares := int64(0), 0.0, 0.0
	for _, w := range m.Windows {
		if w.At >= shareLead && w.Len >= time.Second {
			shares[w.Actor] += float64(w.OK)
			refused += e.refusals(w)
		}
	}
	least := math.Inf(1)
	for _, s := range shares {
		sum, squares, least = sum+s, squares+s*s, min(least, s)
	}
	if m.Aborted != nil || sum == 0 {
		return unsure(want, "not seen", "nobody was served in a whole second: %s", aborted(m))
	}
	n := float64(len(shares))
	jain, worst := sum*sum/(n*squares), least/(sum/n)
	got := fmt.Sprintf("Jain's index %.3f, the least share %s of an equal one", jain, percent(worst))
	switch {
	case refused == 0:
		return unsure(want, got, "nobody was refused, so the common limit was not reached")
	case sum/n < 20:
		return unsure(want, got, "%.0f requests each are too few to compare", sum/n)
	case worst < shareFloor || jain < jainLeast:
		return failed(want, got, "of a common limit, one of %d equal consumers gets %.0f requests and they get %.0f on average", len(shares), least, sum/n)
	}
	return passed(want, got, "%d equal consumers got %.0f requests each on average", len(shares), sum/n)
}

// Actors of the exempt stage.
const (
	exemptActor = iota
	madeUpActor
)

// exemptTrial sends more than a full bucket as the exempt key, at once and for a second at little more than the limit, so
// that the target behind bears it; then the same as a made-up key in its place.
func exemptTrial(c Config, _ *evidence) (attack.Trial, string) {
	who, ok := c.exempt()
	if !ok {
		return attack.Trial{}, "no key was declared exempt"
	}
	crowd := c.at(1.2, time.Second)
	if c.Brief {
		crowd.Len /= 2
	}
	crowd.Burst = c.crowd(float64(c.Limit.Burst))
	after := attack.Segment{Len: crowd.Len + 200*time.Millisecond}
	madeUp := c.invented(1000)
	exempt := as(c.actor("exempt", attack.Even, attack.Manners{}, crowd), who)
	fake := as(c.actor("made-up", attack.Even, attack.Manners{}, after, crowd), madeUp)
	if who.Header != c.Carrier.Header || who.Query != c.Carrier.Query {
		fake.Identity = c.Identity // a right key, and a made-up mark of an exempt one
		fake.Twist = marked(who, madeUp.Value)
	}
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(crowd.Burst), Why: "more than the limit as the exempt key, then as one made up",
		Actors: []attack.Actor{exemptActor: exempt, madeUpActor: turnedAway(fake)}}, ""
}

// turnedAway is a sender without a right: it is to be told so, and that is no failure.
func turnedAway(a attack.Actor) attack.Actor {
	a.TurnedAway = []int{401, 403}
	return a
}

// marked is a request that carries another value where an identity has its own.
func marked(who attack.Identity, value attack.Secret) attack.Twist {
	if who.Header != "" {
		return attack.Twist{Header: map[string]attack.Secret{who.Header: value}}
	}
	return attack.Twist{Query: attack.Secret(who.Query) + "=" + value}
}

// exempted (V18): the exempt key is refused nothing, and one made up like it is refused, or limited like any other.
func exempted(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	want := "exempt: 0 refused; made-up: limited, or 401 or 403"
	log := bySent(m.Log)
	in, out, maybe := e.split(only(log, exemptActor))
	madeUp := only(log, madeUpActor)
	fakeIn, fakeOut, _ := e.split(madeUp)
	got := fmt.Sprintf("exempt: %d let in, %d refused; made-up: %d let in, %d refused", len(in), len(out), len(fakeIn), len(madeUp)-len(fakeIn))
	over := worstInterval(fakeIn, float64(e.c.Limit.Burst), e.c.Limit.Rate).over
	allowed := float64(len(fakeIn)) - over
	switch {
	case m.LogDropped > 0 || len(madeUp) == 0 || m.Aborted != nil:
		return unsure(want, got, "the log is not complete: %s not logged", attack.Were(m.LogDropped, "attempt"))
	case len(out) > 0:
		return failed(want, got, "the key that is declared exempt is limited").showing(m, out...)
	case len(in) == 0:
		return failed(want, got, "nothing was let in as the exempt key: statuses %s", statuses(m.Of(exemptActor))).showing(m, maybe...)
	case over > count(e.c.tolerance().over, allowed) && len(fakeOut) == 0:
		return failed(want, got, "a key that was made up passes for an exempt one: whoever guesses where it stands has no limit").showing(m, fakeIn...)
	case over > count(e.c.tolerance().over, allowed):
		return failed(want, got, "a key that was made up gets in %.0f more than the limit", over).showing(m, fakeIn...)
	case len(in) < 9*(len(in)+len(maybe))/10:
		return unsure(want, got, "%s of the exempt key ended in errors: statuses %s", attack.Plural(len(maybe), "request"), statuses(m.Of(exemptActor)))
	}
	return passed(want, got, "%s, of which a bucket of %d refuses some, were let in as the exempt key", attack.Plural(len(in), "request"), e.c.Limit.Burst)
}

// Actors of the wrong-key stage.
const (
	rightActor = iota
	wrongActor
	missingActor
)

func wrongTrial(c Config, e *evidence) (attack.Trial, string) {
	long := c.long(time.Second, 2*time.Second, 8)
	missing := attack.Identity{Name: "no key", Header: c.Carrier.Header, Query: c.Carrier.Query}
	times := min(1.5, c.peakMultiple(e.voids("wrong"))/2)
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(0), Why: "wrong keys and none at three times the limit, beside a right one below it",
		Actors: []attack.Actor{
			rightActor:   c.actor("right key", attack.Even, attack.Manners{}, c.at(politeShare, long)),
			wrongActor:   turnedAway(as(c.actor("wrong key", attack.Poisson, attack.Manners{}, c.at(times, long)), c.invented(2000))),
			missingActor: turnedAway(as(c.actor("no key", attack.Poisson, attack.Manners{}, c.at(times, long)), missing)),
		}}, ""
}

// wrongKeys (V19): a wrong key and none get 401 or 403 and nothing else, and the right key beside them is refused nothing.
func wrongKeys(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	want := "wrong and missing keys: 401 or 403; the right key: 0 refused"
	right := m.Of(rightActor)
	out := e.refusals(right)
	got := fmt.Sprintf("wrong: %s; missing: %s; right: %d of %d refused", statuses(m.Of(wrongActor)), statuses(m.Of(missingActor)), out, right.Due)
	if m.Aborted != nil || m.LogDropped > 0 || right.Due == 0 {
		return unsure(want, got, "the log is not complete: %s", aborted(m))
	}
	for _, actor := range []int{wrongActor, missingActor} {
		if bad := odd(only(bySent(m.Log), actor)); len(bad) > 0 {
			return failed(want, got, "%s", misjudged(e, m.Trial.Actors[actor].Name, bad[0])).showing(m, bad...)
		}
	}
	switch void, _ := m.Void(); {
	case void != "":
		return unsure(want, got, "the generator was the limit: %s", void)
	case out > 0 && !e.excused(only(m.Log, rightActor), rightActor):
		return failed(want, got, "wrong keys cost the right one its limit: %d of its requests were refused", out).showing(m, refusedOf(rightActor)(e, m)...)
	case out > 0 || right.OK < right.Due*9/10:
		return unsure(want, got, "the right key was answered %s", statuses(right))
	}
	return passed(want, got, "%s with wrong keys and without one were turned away as such", attack.Plural(m.Of(wrongActor).Due+m.Of(missingActor).Due, "request"))
}

// odd are the attempts that were answered anything but 401 and 403.
func odd(log []attack.Attempt) (out []attack.Attempt) {
	for _, a := range log {
		if a.Status != 401 && a.Status != 403 {
			out = append(out, a)
		}
	}
	return out
}

// misjudged says what is wrong about the answer to a request without a right key.
func misjudged(e *evidence, which string, a attack.Attempt) string {
	switch {
	case a.Outcome == attack.OK:
		return fmt.Sprintf("%s is let in: whoever makes up keys is not limited by theirs (open-keys declares it)", which)
	case a.Status == e.c.refusal():
		return fmt.Sprintf("%s gets %d: strangers are counted in a bucket of their own or of others, instead of being turned away", which, a.Status)
	case a.Status == 0:
		return fmt.Sprintf("%s gets no answer: %s", which, a.Error)
	}
	return fmt.Sprintf("%s gets %d, which does not say that the key is wrong", which, a.Status)
}
