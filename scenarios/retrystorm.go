package scenarios

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// manner is one way in which a crowd comes back. Those that are judged must not make a second storm; the others are there to
// compare with.
type manner struct {
	policy attack.Policy
	says   string // of a crowd whose clients …
	judged bool
	when   depth
	tries  int
}

var mannersSeen = []manner{
	{attack.Never, "never come back", false, thorough, 1},
	{attack.AtOnce, "try again at once", false, quick, 5},
	{attack.Fixed, "wait the same time each time", false, thorough, 6},
	{attack.Exponential, "double their wait each time", false, thorough, 6},
	{attack.InStep, "wait 2ⁿ and up to one more, and so stay in step", false, normal, 6},
	{attack.FullJitter, "back off with full jitter", true, quick, 6},
	{attack.EqualJitter, "back off with equal jitter", true, normal, 6},
	{attack.Decorrelated, "back off with decorrelated jitter", true, normal, 6},
	{attack.RetryAfter, "wait exactly as they are told", false, normal, 6},
	{attack.RetryAfterJitter, "wait as they are told, and a little jitter", true, normal, 6},
}

// told tells whether the clients wait as refusals tell them.
func (m manner) told() bool {
	return m.policy == attack.RetryAfter || m.policy == attack.RetryAfterJitter
}

func stormOf(p attack.Policy) string { return "storm-" + string(p) }

var retryStorms = []scenario{
	{name: "retry-storm", title: "The same crowd with naive and with well-behaved clients, manner by manner", checks: []check{
		{id: "V26", name: "retry-storm", asks: "clients that back off are served without a second storm",
			stages: []string{stormOf(attack.AtOnce), stormOf(attack.FullJitter)}, extra: append(otherStorms(), "ban"), look: retryStorm},
	}},
	{name: "herd-at-reset", title: "A crowd that comes back at the very moment it is told, all at once", when: normal, checks: []check{
		{id: "V36", name: "herd-at-reset", asks: "a crowd that comes back when it is told is served, though it comes as one",
			stages: []string{"flash", stormOf(attack.RetryAfter)}, extra: []string{"ban"}, look: herd},
	}},
}

func otherStorms() (names []string) {
	for _, m := range mannersSeen {
		if m.policy != attack.AtOnce && m.policy != attack.FullJitter {
			names = append(names, stormOf(m.policy))
		}
	}
	return names
}

var retryStages = func() (all []stage) {
	for _, m := range mannersSeen {
		all = append(all, stage{name: stormOf(m.policy), tries: 2, manner: &m, build: m.trial, thin: strayed})
	}
	return all
}()

// excess is how many of a storm's clients find no token at first: few enough to be served within a second.
func (c Config) excess() int {
	return int(math.Ceil(max(2, min(.5*float64(c.Limit.Burst), .5*c.Limit.Rate))))
}

// backoff is the first wait of a storm's clients. Backing off, they spread over twice the time in which the limit serves
// them: so half the limit is asked for. A ban must be over by then.
func (c Config) backoff() time.Duration {
	return max(attack.DefaultBase, time.Duration(2*float64(c.excess())/c.Limit.Rate*1e9), 2*c.Ban)
}

// patience is about how long clients that back off keep coming back.
func (c Config) patience() time.Duration { return 3 * c.backoff() / 2 }

// trial is one crowd, larger than the bucket by excess, whose clients have the manner.
func (m manner) trial(c Config, e *evidence) (attack.Trial, string) {
	told, ok := e.told()
	switch {
	case m.when > c.depth() && !(m.policy == attack.RetryAfter && c.named("herd-at-reset", "V36")):
		return attack.Trial{}, "a shorter run leaves out clients that " + m.says
	case m.told() && (!ok || told > c.toldMax()):
		return attack.Trial{}, "no refusal told a time worth waiting for"
	}
	n := c.Limit.Burst + c.excess()
	manners := attack.Manners{Policy: m.policy, Base: c.backoff(), Cap: 4 * c.backoff(), Tries: m.tries}
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: n, Why: fmt.Sprintf("%d at once, whose clients %s", n, m.says),
		Actors: []attack.Actor{c.actor("crowd", attack.Even, manners, attack.Segment{Len: 200 * time.Millisecond, Burst: n})}}, ""
}

// strayed says that the crowd of a retry storm was not sent at once, as scattered says it of a crowd that does not come back.
func strayed(c Config, m attack.Measurement) string {
	return c.notAtOnce(firstTries(bySent(m.Log)))
}

// firstTries are the attempts of a log that are no retries.
func firstTries(log []attack.Attempt) []attack.Attempt {
	return slices.DeleteFunc(slices.Clone(log), func(a attack.Attempt) bool { return a.Try > 1 })
}

// named tells whether one of the words was asked for by name.
func (c Config) named(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(c.Only, w) })
}

// What a storm of well-behaved clients may be.
const (
	amplifyMax = 2.0                    // attempts per client, and three standard deviations of so few clients
	peakShare  = 1.5                    // of the limit, after the first second
	gaveUpMax  = 0.02                   // of the clients, in the end
	peakBin    = 100 * time.Millisecond // over which the peak is counted
)

// storm is what one crowd came to.
type storm struct {
	manner
	clients, attempts, refused, gaveUp int64
	amplification                      float64
	peak                               float64       // attempts per second, worst bin after the first second
	drained                            time.Duration // until the last client was served
	thin                               string        // why it is too weak to judge
}

func (e *evidence) storm(of manner, m attack.Measurement) storm {
	all := m.All()
	of.judged = of.judged && (e.c.Ban == 0 || of.told()) // who backs off on his own may come back while he is banned
	s := storm{manner: of, clients: all.Due, attempts: all.Attempts, refused: all.Statuses[e.refusal], gaveUp: all.Throttled + all.Shed, thin: strayed(e.c, m)}
	s.amplification = float64(s.attempts) / math.Max(float64(s.clients), 1)
	bins := map[time.Duration]int{}
	for _, a := range m.Log {
		if a.Sent >= time.Second {
			bins[a.Sent.Truncate(peakBin)]++
		}
		if a.Outcome == attack.OK {
			s.drained = max(s.drained, a.Received)
		}
	}
	for _, n := range bins {
		s.peak = max(s.peak, float64(n)/peakBin.Seconds())
	}
	return s
}

// attemptsMax is the most attempts of each client on average.
func (s storm) attemptsMax() float64 {
	return amplifyMax + 3/math.Sqrt(max(float64(s.clients), 1))
}

// peakMax is the highest peak after the first second: 1.5 times the limit, three standard deviations of so small a count, and
// one.
func (e *evidence) peakMax() float64 {
	expected := peakShare * e.c.Limit.Rate * peakBin.Seconds()
	return (expected + 3*math.Sqrt(expected) + 1) / peakBin.Seconds()
}

// stormsSeen are the storms that were measured, in the order of their manners.
func (e *evidence) stormsSeen() (all []storm) {
	for _, m := range mannersSeen {
		if got, why := e.get(stormOf(m.policy), false); why == "" {
			all = append(all, e.storm(m, got))
		}
	}
	return all
}

// tableOf shows storms row by row.
func tableOf(all []storm) *Table {
	t := &Table{Columns: []string{"clients", "attempts each", "peak after 1 s", "last served after", "gave up"}}
	for _, s := range all {
		t.Rows = append(t.Rows, []string{string(s.policy), fmt.Sprintf("%.2f", s.amplification), rate(s.peak), brief(s.drained), fmt.Sprint(s.gaveUp)})
	}
	return t
}

// retryStorm (V26): a crowd larger than the burst, once for each manner. Those of its clients that back off must not make a
// second storm, and must all be served: at most 2 attempts each, and after the first second at most 1.5 × the limit in any
// tenth of a second.
func retryStorm(e *evidence, _ []attack.Measurement) finding {
	if e.banRenewed() {
		return moot(banned)
	}
	all := e.stormsSeen()
	var names []string
	for _, s := range all {
		if s.judged {
			names = append(names, string(s.policy))
		}
	}
	want := fmt.Sprintf("with %s: at most %.3g attempts each, %s at peak after a second, all served", strings.Join(names, ", "), all[0].attemptsMax(), rate(e.peakMax()))
	f := e.worstStorm(all, want, fmt.Sprintf("%.2f attempts each with %s, %.2f without", most(all, true), strings.Join(names, ", "), most(all, false)))
	f.table = tableOf(all)
	return f
}

// most is the highest amplification of the storms that are judged, or of those that are not.
func most(all []storm, judged bool) (worst float64) {
	for _, s := range all {
		if s.judged == judged {
			worst = max(worst, s.amplification)
		}
	}
	return worst
}

// worstStorm is the first thing wrong with the storms that are judged.
func (e *evidence) worstStorm(all []storm, want, got string) finding {
	for _, s := range all {
		if !s.judged {
			continue
		}
		if f := e.served(s, want, got); f.outcome != Pass {
			return f
		}
		if s.peak > e.peakMax() {
			return failed(want, got, "clients with %s come back as a second storm of %s", s.policy, rate(s.peak))
		}
	}
	return passed(want, got, "%s played, one crowd each", attack.Were(len(all), "manner"))
}

// served tells whether the clients of a storm were served in the end, without being turned away again and again.
func (e *evidence) served(s storm, want, got string) finding {
	switch {
	case s.thin != "":
		return unsure(want, got, "%s", s.thin)
	case s.refused == 0:
		return unsure(want, got, "nobody was refused, so nobody came back")
	case s.attempts == s.clients:
		return unsure(want, got, "clients do not come back after %d without Retry-After", e.refusal)
	case s.amplification > s.attemptsMax():
		return failed(want, got, "clients with %s need %.1f attempts each: the throttle keeps turning them away", s.policy, s.amplification)
	case float64(s.gaveUp) > count(gaveUpMax, float64(s.clients)):
		return failed(want, got, "%d of %s with %s were never served", s.gaveUp, attack.Plural(s.clients, "client"), s.policy)
	}
	return passed(want, got, "")
}

// herd (V36): clients that wait exactly as they are told come back together. The peak is their doing, and is told; that they
// are served is the throttle's.
func herd(e *evidence, ms []attack.Measurement) finding {
	if e.banRenewed() {
		return moot(banned)
	}
	s := e.storm(mannersSeen[slices.IndexFunc(mannersSeen, func(m manner) bool { return m.policy == attack.RetryAfter })], ms[1])
	want := fmt.Sprintf("all served, with at most %.3g attempts each", s.attemptsMax())
	got := fmt.Sprintf("%.2f attempts each, %d gave up, %s at peak after a second", s.amplification, s.gaveUp, rate(s.peak))
	f := e.served(s, want, got)
	if f.outcome == Pass {
		f.why = fmt.Sprintf("the crowd was served within %s", brief(s.drained))
		if s.gaveUp > 0 {
			f.why = fmt.Sprintf("all of the crowd but %d were served within %s", s.gaveUp, brief(s.drained))
		}
		if s.peak > e.peakMax() {
			f.why += fmt.Sprintf("; it came back as a herd, %.1f times the limit: clients need jitter on what they are told", s.peak/e.c.Limit.Rate)
		}
	}
	return f
}
