package scenarios

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// A stage is one trial that scenarios rest on; two scenarios may share one. Loads are in multiples of the limit, so that a
// stage fits any service. A stage that needs a full bucket begins with the silence that fills it, whatever was before; the
// others drain it, so that the order of stages does not matter.
type stage struct {
	name  string // also the end of its trial's phase
	tries int    // how often it is run until its evidence is good enough
	// build is the stage's trial, or why there is none.
	build  func(c Config, e *evidence) (t attack.Trial, skip string)
	floods bool    // it is ended when next to nothing of it is refused
	manner *manner // of a retry storm's clients
	// thin says why a measurement is too weak to judge, or "".
	thin func(c Config, m attack.Measurement) string
}

// after is how long clients of a stage come back after its end, if refusals tell them to wait for so long.
func (s stage) after(c Config, told time.Duration) time.Duration {
	switch {
	case s.manner == nil || s.manner.policy == attack.Never || s.manner.policy == attack.AtOnce:
		return 0
	case s.manner.told():
		return told
	}
	return c.patience()
}

// floods tells whether a stage is one to be ended when nothing refuses it.
func (c Config) floods(name string) bool {
	return slices.ContainsFunc(c.stages(), func(s stage) bool { return s.name == name && s.floods })
}

// PhasePrefix begins the phase of every trial of a Script.
const PhasePrefix = "verify/"

// long is a length: brief or full, and never so short that fewer than n requests come in at the rate.
func (c Config) long(brief, full time.Duration, n float64) time.Duration {
	d := full
	switch {
	case c.Brief:
		d = brief
	case c.Thorough:
		d = 2 * full
	}
	d = max(d, min(time.Duration(n/c.Limit.Rate*1e9), longest))
	return (d + time.Second - 1).Truncate(time.Second)
}

// longest is the most that a low rate may stretch one part of a trial.
const longest = 40 * time.Second

// actor is a sender with the script's identity.
func (c Config) actor(name string, p attack.Process, m attack.Manners, segments ...attack.Segment) attack.Actor {
	return attack.Actor{Name: name, Identity: c.Identity, Manners: m, Schedule: attack.Schedule{Segments: segments, Process: p}}
}

// at is a stretch of a multiple of the limit.
func (c Config) at(multiple float64, long time.Duration) attack.Segment {
	r := multiple * c.Limit.Rate
	return attack.Segment{From: r, To: r, Len: long}
}

// restRequests is how many requests measure the latency at rest.
const restRequests = 15

func restTrial(c Config, _ *evidence) (attack.Trial, string) {
	gap := max(20*time.Millisecond, min(time.Duration(2/c.Limit.Rate*1e9), 500*time.Millisecond))
	return attack.Trial{Why: "the latency at rest", Serial: &attack.Serial{Max: restRequests, Gap: gap, Identity: c.Identity},
		LogMax: restRequests}, ""
}

// steadyActor is the only one of the steady stage.
const steadyActor = 0

// steadyShare of the limit is asked for at an even pace: near it, and still more refill than demand. A bucket of one or two
// has nothing to spare for two requests that come closer together than they were sent, so it is asked for less.
func (c Config) steadyShare() float64 {
	if c.Limit.Burst < 3 {
		return 0.8
	}
	return 0.95
}

func steadyTrial(c Config, _ *evidence) (attack.Trial, string) {
	long := c.long(2*time.Second, 5*time.Second, 20)
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(0), Why: fmt.Sprintf("%v of the limit at an even pace: is anybody refused?", percent(c.steadyShare())),
		Actors: []attack.Actor{c.actor("steady", attack.Even, attack.Manners{}, c.at(c.steadyShare(), long))}}, ""
}

// crowd is the number of requests at once that a bucket of n tokens must refuse some of, however slowly they are sent.
func (c Config) crowd(n float64) int { return int(math.Ceil(1.5*n+.02*c.Limit.Rate)) + 10 }

// warm is the number of connections to open for so many at once, beside those that the rate needs.
func (c Config) warm(burst int) int { return burst + min(int(c.Limit.Rate/10)+10, 500) }

func flashTrial(c Config, _ *evidence) (attack.Trial, string) {
	n := c.crowd(float64(c.Limit.Burst))
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: n, Why: fmt.Sprintf("%d at once at a full bucket of %d", n, c.Limit.Burst),
		Actors: []attack.Actor{c.actor("crowd", attack.Even, attack.Manners{}, attack.Segment{Len: 300 * time.Millisecond, Burst: n})}}, ""
}

// Actors of the overload, by index, and its stretches.
const (
	crowdActor = iota
	afterActor
)

// overload is the plan of the storm: a second to empty the bucket and the peak, then twice the limit, then half of it. The
// peak comes first because it shows soonest that there is no throttle at all, before a backlog has grown.
// A declared ban must be over before anybody can come after the storm.
type overload struct{ lead, peak, twice, pause, after time.Duration }

func (c Config) overload() overload {
	o := overload{lead: time.Second, peak: c.long(2*time.Second, 5*time.Second, 40), twice: c.long(time.Second, 3*time.Second, 40),
		after: c.long(2*time.Second, 3*time.Second, 8)}
	if c.windowed() { // whole windows, the first of which empties what was there before
		o.lead, o.peak, o.twice = wholeSeconds(c.window()), max(o.peak, wholeSeconds(3*c.window())), max(o.twice, wholeSeconds(c.window()))
		o.after += wholeSeconds(c.window())
	}
	if c.Ban > 0 {
		o.pause = wholeSeconds(c.banned())
	}
	return o
}

func wholeSeconds(d time.Duration) time.Duration {
	return (max(d, time.Second) + time.Second - 1).Truncate(time.Second)
}

func (o overload) storm() time.Duration { return o.lead + o.peak + o.twice }

// calm is when those who come after the storm begin.
func (o overload) calm() time.Duration { return o.storm() + o.pause }

// The peak of a storm, in times the limit. A brief script spares a small machine that runs generator and throttle side by
// side; a generator that could not keep up is asked for less when the storm is tried again.
const (
	peakMost  = 5.0
	peakLeast = 2.0
	peakEase  = 0.6
	briefPeak = 2500.0 // per second
)

// peakMultiple is the multiple of the limit that the worst of the storm holds, after so many storms that the generator
// could not send.
func (c Config) peakMultiple(voids int) float64 {
	peak := peakMost
	if c.Brief {
		peak = min(peak, max(2.5, briefPeak/c.Limit.Rate))
	}
	if c.MaxRate > 0 {
		peak = min(peak, c.MaxRate/c.Limit.Rate)
	}
	return max(peak*math.Pow(peakEase, float64(voids)), peakLeast)
}

func overloadTrial(c Config, e *evidence) (attack.Trial, string) {
	o, peak := c.overload(), c.peakMultiple(e.voids("overload"))
	first := c.overloadPeak(peak, o.lead+o.peak)
	return attack.Trial{LogMax: attack.MaxLog, Warm: c.warm(first.Burst), Why: fmt.Sprintf("%.3g and 2 times the limit, then half of it", peak),
		Actors: []attack.Actor{
			crowdActor: c.actor("crowd", attack.Poisson, attack.Manners{}, first, c.at(2, o.twice)),
			afterActor: c.actor("after", attack.Even, attack.Manners{}, attack.Segment{Len: o.calm()}, c.at(.5, o.after)),
		}}, ""
}

// overloadPeak is a stretch of so many times the limit. The first part of it takes (peak − 1) × rate × lead from the bucket;
// what that holds beyond half of it goes at once, so that the bucket is empty by then.
func (c Config) overloadPeak(peak float64, long time.Duration) attack.Segment {
	g := c.at(peak, long)
	g.Burst = max(0, int(math.Ceil(float64(c.Limit.Burst)-.5*(peak-1)*c.Limit.Rate*c.overload().lead.Seconds())))
	return g
}

// refillParts are the silences of the refill stage, in times to fill an empty bucket. A window gives nothing back before it
// ends, and a counter that slides weighs what it counted for up to two windows, by how much of them had passed when it was
// counted: after shorter silences more or less is right of both.
func (c Config) refillParts() []float64 {
	switch {
	case c.profile() == Window:
		return []float64{2.1}
	case c.windowed():
		return []float64{1.3}
	}
	return []float64{.35, .7, 1.3}
}

// silence is one of the refill stage's: long enough to be told from the time a burst takes, and at most 4 s where a part of
// the time to fill tells as much.
func (c Config) silence(part float64) time.Duration {
	longest := 4 * time.Second
	if c.profile() == Window || c.windowed() {
		longest = WindowMax
	}
	unit := min(max(c.window(), 100*time.Millisecond), longest)
	return c.banned() + time.Duration(part*float64(unit)) // a bucket fills while its client is shut out
}

func refillTrial(c Config, _ *evidence) (attack.Trial, string) {
	all := c.crowd(float64(c.Limit.Burst))
	parts := c.refillParts()
	segments := []attack.Segment{{Len: c.silence(parts[0]), Burst: all}}
	for i, part := range parts {
		back := min(float64(c.Limit.Burst), c.Limit.Rate*c.silence(part).Seconds())
		next := attack.Segment{Len: 200 * time.Millisecond, Burst: c.crowd(back)}
		if i+1 < len(parts) {
			next.Len = c.silence(parts[i+1])
		}
		segments = append(segments, next)
	}
	return attack.Trial{LogMax: attack.MaxLog, Warm: 2 * all, Flight: 4 * all, Why: "drain, keep silent for part of the time to fill, and ask again",
		Actors: []attack.Actor{c.actor("crowd", attack.Even, attack.Manners{}, segments...)}}, ""
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", share*100) }
