package scenarios

import (
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// A throttle may be declared to shut a client out for a while once it refused it (mod_evasive; Cloudflare's mitigation
// timeout), and perhaps to begin that time anew with every request that it refuses. Then nobody can be let in at the rate
// under an overload; what was promised is the length.

// The bans that can be verified: long enough to be told from the time a request takes, short enough to be waited out a few
// times; and of so many tokens, to be told from the wait for the next one.
const (
	banLeast  = 500 * time.Millisecond
	banMost   = 30 * time.Second
	banTokens = 5
)

// validateBan reports a ban that cannot be seen for what it is.
func (c Config) validateBan() error {
	switch {
	case c.Ban == 0:
	case c.Ban < banLeast || c.Ban > banMost:
		return fmt.Errorf("ban of %v, want %v to %v: it must be seen to begin and to end", c.Ban, banLeast, banMost)
	case c.algorithm() != TokenBucket:
		return fmt.Errorf("a ban is verified with a token bucket, not with a %s: leave out the algorithm and the window", c.algorithm())
	case c.Ban.Seconds()*c.Limit.Rate < banTokens:
		return fmt.Errorf("a ban of %v cannot be told from the wait for a token at %s: want at least %v", c.Ban, rate(c.Limit.Rate), time.Duration(banTokens/c.Limit.Rate*1e9))
	}
	return nil
}

// banSlack is the share by which a ban may be shorter or longer than declared.
const banSlack = 0.15

// banned is the silence after which a ban as declared is surely over; 0 for no ban.
func (c Config) banned() time.Duration {
	if c.Ban == 0 {
		return 0
	}
	return time.Duration((1+banSlack)*float64(c.Ban)) + min(50*time.Millisecond, c.Ban/20)
}

// Moments of the ban stage, in bans, each from the refusal before it. After the first crowd a probe that must be refused and
// one that must be let in bound a ban that every request renews. After the second, probes in short steps show to a step
// when one that is not renewed ends. The last probe comes too soon for a renewed ban, and too late for any other that the
// first crowd left possible.
const (
	banEarly = 0.95 - banSlack // so that it is answered while any ban as declared lasts
	banFor   = 1.3
	banAgain = 0.8
	banSteps = 26 // of banFor
)

// Actors of the ban stage.
const (
	banCrowd = iota
	banProbe // must be refused, and then let in
	banSteady
	banLast
)

func banTrial(c Config, _ *evidence) (attack.Trial, string) {
	if c.Ban == 0 {
		return attack.Trial{}, "no ban was declared"
	}
	n, d := c.crowd(float64(c.Limit.Burst)), float64(c.Ban)
	early := time.Duration(banEarly * d)
	second := early + c.banned() + 100*time.Millisecond // when the second crowd comes: the first probe's ban is over
	step := time.Duration(banFor / banSteps * d)
	steady := attack.Segment{From: float64(time.Second) / float64(step), To: float64(time.Second) / float64(step), Len: banSteps * step}
	end := second + steady.Len + time.Duration(banAgain*d)
	one := func(at time.Duration) attack.Segment { return attack.Segment{Len: at, Burst: 1} }
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(n), Why: fmt.Sprintf("past the limit twice: how long does a ban of %v last?", c.Ban), Actors: []attack.Actor{
		banCrowd:  c.actor("crowd", attack.Even, attack.Manners{}, attack.Segment{Len: second, Burst: n}, attack.Segment{Len: end - second, Burst: n}),
		banProbe:  c.actor("probe", attack.Even, attack.Manners{}, attack.Segment{Len: early}, one(c.banned()), one(50*time.Millisecond)),
		banSteady: c.actor("steps", attack.Even, attack.Manners{}, attack.Segment{Len: second + step/2}, steady),
		banLast:   c.actor("last", attack.Even, attack.Manners{}, attack.Segment{Len: end}, one(200*time.Millisecond)),
	}}, ""
}

// bans is what the ban stage saw.
type bans struct {
	attack.Measurement
	out    []attack.Attempt // refused, in order of sending
	first  []attack.Attempt // let in of the first crowd
	probes []attack.Attempt // the one that must be refused, and the one that must be let in
	steps  []attack.Attempt // after the second crowd
	last   attack.Attempt
}

// bans is what the stage of the ban saw, or why it tells nothing.
func (e *evidence) bans() (b bans, thin string) {
	m, why := e.get("ban", true)
	if why != "" {
		return b, "stage ban cannot be judged: " + why
	}
	log := bySent(m.Log)
	b = bans{Measurement: m, probes: only(log, banProbe), steps: only(log, banSteady)}
	last := only(log, banLast)
	if m.Aborted != nil || m.LogDropped > 0 || len(b.probes) != 2 || len(b.steps) == 0 || len(last) != 1 {
		return b, "the log is not complete: " + aborted(m)
	}
	var maybe []attack.Attempt
	if _, b.out, maybe = e.split(log); len(maybe) > 0 {
		return b, fmt.Sprintf("%s ended in errors: statuses %s", attack.Plural(len(maybe), "request"), statuses(m.All()))
	}
	if b.last = last[0]; len(b.out) == 0 {
		return b, "nobody was refused, so nobody was shut out"
	}
	before := slices.DeleteFunc(only(log, banCrowd), func(a attack.Attempt) bool { return a.Sent >= b.probes[0].Sent })
	b.first, _, _ = e.split(before)
	return b, ""
}

// banAsDeclared (V22 of a throttle that bans): after a refusal a client is shut out for as long as was declared, and no
// longer; whether its own requests renew that is told.
func (e *evidence) banAsDeclared() finding {
	want := fmt.Sprintf("shut out for %s ± %s after a refusal", brief(e.c.Ban), percent(banSlack))
	b, thin := e.bans()
	if thin != "" {
		return unsure(want, "not seen", "%s", thin)
	}
	if f := e.banProbed(b, want); f.outcome != "" {
		return f
	}
	if f := e.banStepped(b, want); f.outcome != "" {
		return f
	}
	end := b.steps[len(b.steps)-1]
	if e.fate(b.last) == admitted {
		return failed(want, "let in no sooner than "+brief(end.Sent-e.banBegun(b).Received), "the ban is longer than declared").showing(b.Measurement, b.last)
	}
	return passed(want, fmt.Sprintf("still out %s after a refusal, let in %s after one; out for %s while it asked on", brief(b.probes[0].Sent-b.out[0].Received), brief(b.probes[1].Sent-b.probes[0].Received), brief(end.Sent-e.banBegun(b).Received)),
		"a ban as declared, which every refused request renews: clients that ask on are never let in").showing(b.Measurement, b.probes...)
}

// banProbed judges the probes after the first crowd: one that comes too early for a ban as declared, and one that comes late
// enough for any. Empty where both had the fate that they must have.
func (e *evidence) banProbed(b bans, want string) finding {
	lo, hi := e.banBounds()
	early, late := b.probes[0], b.probes[1]
	switch silent := late.Sent - early.Received; {
	case len(b.first) == 0 && b.Trial.Idle > 0:
		return failed(want, "refused after "+brief(b.Trial.Idle)+" of silence", "the ban is longer than declared: the one of the storm before was not over").showing(b.Measurement, b.out[0])
	case len(b.first) == 0:
		return unsure(want, "nobody of a crowd let in", "a key that was not used before was refused at once")
	case e.fate(early) == admitted && early.Received-b.out[0].Sent < lo:
		return failed(want, "let in again within "+brief(early.Received-b.out[0].Sent), "the ban is shorter than declared, or there is none").showing(b.Measurement, b.out[0], early)
	case e.fate(early) == admitted:
		return unsure(want, "let in after "+brief(early.Sent-b.out[0].Received), "the probe of the ban was sent too late")
	case e.fate(late) == refused && silent > hi:
		return failed(want, "refused after "+brief(silent)+" of silence", "the ban is longer than declared").showing(b.Measurement, early, late)
	case e.fate(late) == refused:
		return unsure(want, "refused after "+brief(silent)+" of silence", "the probe of the ban's end was sent too soon")
	}
	return finding{}
}

// banStepped judges the steps after the second crowd, of which one was let in: a ban that is not renewed, whose length they
// bound. Empty where none was.
func (e *evidence) banStepped(b bans, want string) finding {
	lo, hi := e.banBounds()
	begun, shut := e.banBegun(b), time.Duration(0)
	if begun.Status == 0 {
		return unsure(want, "not seen", "the second crowd was not refused")
	}
	for _, a := range b.steps {
		if e.fate(a) != admitted {
			shut = max(shut, a.Sent-begun.Received)
			continue
		}
		open := a.Received - begun.Sent
		got := fmt.Sprintf("shut out for %s to %s", brief(shut), brief(open))
		switch {
		case open < lo:
			return failed(want, got, "the ban is shorter than declared").showing(b.Measurement, begun, a)
		case shut > hi:
			return failed(want, got, "the ban is longer than declared").showing(b.Measurement, begun, a)
		}
		return passed(want, got, "a ban as declared, which asking on does not renew").showing(b.Measurement, begun, a)
	}
	return finding{}
}

// banBounds are the shortest and the longest that a ban as declared may be.
func (e *evidence) banBounds() (lo, hi time.Duration) {
	return time.Duration((1 - banSlack) * float64(e.c.Ban)), time.Duration((1 + banSlack) * float64(e.c.Ban))
}

// banBegun is the refusal with which the ban of the second crowd began; the zero attempt where it was not refused.
func (e *evidence) banBegun(b bans) attack.Attempt {
	for _, a := range b.out {
		if a.Actor == banCrowd && a.Sent > b.probes[1].Sent {
			return a
		}
	}
	return attack.Attempt{}
}

// banned is why checks of those who ask on do not apply.
const banned = "every refusal renews the ban, so that nobody who asks on is let in"

// banRenewed tells whether asking on was seen to renew a ban: then a crowd behind one key shuts itself out, and what becomes
// of those who come back tells nothing.
func (e *evidence) banRenewed() bool {
	b, thin := e.bans()
	return e.c.Ban > 0 && thin == "" && !slices.ContainsFunc(b.steps, func(a attack.Attempt) bool { return e.fate(a) == admitted })
}

// bannedRate is sustainedRate of a throttle that bans: an overload is let in at the rate at most. How much less is the
// ban's doing, whose length V22 judges.
func (e *evidence) bannedRate(m attack.Measurement) finding {
	r, all, seconds := e.c.Limit.Rate, m.Of(crowdActor), e.c.overload().storm().Seconds()
	most := (r*seconds + float64(e.c.Limit.Burst)) / seconds * (1 + e.c.tolerance().rate)
	want, got := fmt.Sprintf("at most %s, less what the ban of %s keeps out", rate(most), brief(e.c.Ban)), rate(float64(all.OK)/seconds)
	if float64(all.OK)/seconds > most {
		return failed(want, got, "the throttle lets in more than its limit, although it is declared to ban")
	}
	ban := e.banAsDeclared()
	if ban.outcome != Pass {
		ban.want, ban.got = want, got
		ban.proof = nil
		return ban
	}
	return passed(want, got, "%s", ban.why)
}
