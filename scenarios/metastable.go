package scenarios

import (
	"fmt"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// A metastable failure outlives what set it off: a pulse fills queues, clients retry, and the retries keep the queues full
// when the pulse is long over (N. Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021).

// pulse is the plan of the storm: a while before it, the pulse, and the watch.
type pulse struct{ before, pulse, settle, watch time.Duration }

func (c Config) pulse() pulse {
	return pulse{before: c.long(2*time.Second, 2*time.Second, 8), pulse: c.long(2*time.Second, 2*time.Second, 8),
		settle: 3 * time.Second, watch: c.long(3*time.Second, 4*time.Second, 8)}
}

const (
	pulseShare = 0.6 // of the limit, before and after
	pulseTimes = 3.0 // the limit, in the pulse
	pulseTries = 4
)

func pulseTrial(c Config, _ *evidence) (attack.Trial, string) {
	p := c.pulse()
	retry := attack.Manners{Policy: attack.FullJitter, Base: 200 * time.Millisecond, Cap: time.Second, Tries: pulseTries}
	storm := c.at(pulseTimes, p.pulse)
	storm.Burst = c.Limit.Burst // so that it refuses from the beginning
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(storm.Burst), Why: fmt.Sprintf("%.3g times the limit for %s, from clients that retry: is it over when it is over?", pulseTimes, brief(p.pulse)),
		Actors: []attack.Actor{c.actor("crowd", attack.Even, retry, c.at(pulseShare, p.before), storm, c.at(pulseShare, p.settle+p.watch))}}, ""
}

// stableShare of what is asked for must be served before the pulse, for it to tell anything, and after it.
const stableShare = 0.95

// metastable (V51): three seconds after a pulse, what is asked for is served again as before: 95 % of it, with a p95 of at
// most max(3 × the p95 before, 50 ms).
func metastable(e *evidence, ms []attack.Measurement) finding {
	m, p := ms[0], e.c.pulse()
	over := p.before + p.pulse
	var before, after attack.Window
	harm := over // until when the pulse is felt
	for _, w := range m.Windows {
		switch {
		case w.At+w.Len <= p.before:
			before.Add(w)
		case w.At >= over+p.settle:
			after.Add(w)
		}
		if w.At >= over && float64(w.OK) < stableShare*float64(w.Due) {
			harm = w.At + w.Len
		}
	}
	bound := max(3*before.Response.Quantile(.95), 50*time.Millisecond)
	want := fmt.Sprintf("%s served, p95 at most %s, %s after the pulse", percent(stableShare), brief(bound), brief(p.settle))
	if m.Aborted != nil || before.Due == 0 || after.Due == 0 {
		return unsure(want, "not seen", "%s", aborted(m))
	}
	share, p95 := float64(after.OK)/float64(after.Due), after.Response.Quantile(.95)
	got := fmt.Sprintf("%s served, p95 %s; %.2f attempts each in the pulse", percent(float64(int(share*1000))/1000), brief(p95), e.amplified(m, p.before, over))
	switch {
	case float64(before.OK) < stableShare*float64(before.Due):
		return unsure(want, got, "the target was not well before the pulse: %d of %d served", before.OK, before.Due)
	case e.refusals(m.All()) == 0:
		return unsure(want, got, "nothing of the pulse was refused, so nobody retried")
	case share < stableShare:
		return failed(want, got, "the pulse is over and its harm is not: retries, or what they left behind, keep the target down at %s of its limit", percent(pulseShare))
	case p95 > bound:
		return failed(want, got, "the pulse is over and the target is still slow").unless(delayed(m, after, latencyBound{.95, bound}))
	}
	return passed(want, got, "all was well again within %s of the end of the pulse, and stayed so for %s", brief(harm-over), brief(m.Trial.Len()-harm))
}

// amplified is the attempts of each client that was due in a stretch.
func (e *evidence) amplified(m attack.Measurement, from, to time.Duration) float64 {
	var all attack.Window
	for _, w := range m.Windows {
		if w.At >= from && w.At+w.Len <= to {
			all.Add(w)
		}
	}
	return float64(all.Attempts) / max(float64(all.Due), 1)
}

// What the backend may do while storms run.
const (
	looksMin   = 3    // fewer tell nothing
	missedMax  = 0.05 // of all looks, at least one
	looksTimes = 5    // times as slow as outside of storms, and looksSlow at least
	looksSlow  = 250 * time.Millisecond
)

// backendHealth (V52): the health probe beside the gateway goes on answering while storms run, and in time.
func backendHealth(e *evidence, _ []attack.Measurement) finding {
	var calm, stormy []time.Duration
	looks, missed, example := 0, 0, ""
	for _, s := range e.c.stages() {
		for _, m := range e.stages[s.name] {
			for _, look := range m.Seen(attack.SightHealth) {
				switch {
				case !s.floods && look.OK:
					calm = append(calm, look.Took)
				case s.floods && look.OK:
					stormy = append(stormy, look.Took)
				}
				if looks++; !look.OK {
					missed, example = missed+1, fmt.Sprintf("%s at %s: %s", s.name, brief(look.At), look.Error)
				}
			}
		}
	}
	bound := max(looksTimes*quantile(calm, .95), looksSlow)
	want := fmt.Sprintf("well at every look, within %s", brief(bound))
	got := fmt.Sprintf("%d of %s missed; in storms within %s", missed, attack.Plural(looks, "look"), brief(quantile(stormy, .95)))
	switch {
	case looks == 0:
		return moot("nobody looked how the backend is (--health)")
	case float64(missed) > count(missedMax, float64(looks)):
		return failed(want, got, "the backend did not answer its health probe (%s): the throttle lets through what it cannot bear", example)
	case len(stormy) < looksMin:
		return unsure(want, got, "too few looks fell into a storm")
	case quantile(stormy, .95) > bound:
		return failed(want, got, "the backend answers its own health probe slowly while storms run: it is reached by them")
	}
	return passed(want, got, "%s, %d of them in storms", attack.Plural(looks, "look"), len(stormy))
}
