package scenarios

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// Storms whose demand comes and goes, judged against a bucket as declared that is asked the same.

// spikes is how many bursts a train has.
const spikes = 5

// spikeGap is the time from one spike to the next: the bucket is full again.
func (c Config) spikeGap() time.Duration { return c.fill()*6/5 + 200*time.Millisecond }

func spikesTrial(c Config, _ *evidence) (attack.Trial, string) {
	n := c.crowd(float64(c.Limit.Burst))
	var segments []attack.Segment
	for range spikes {
		segments = append(segments, attack.Segment{Len: c.spikeGap(), Burst: n})
	}
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: n, Why: fmt.Sprintf("%d at once, %s, each %s after the one before", n, attack.Plural(spikes, "time"), brief(c.spikeGap())),
		Actors: []attack.Actor{c.actor("crowd", attack.Even, attack.Manners{}, segments...)}}, ""
}

// scatteredSpikes says that one of several crowds was not sent at once, as scattered says it of one.
func scatteredSpikes(c Config, m attack.Measurement) string {
	for _, crowd := range byDue(m) {
		one := m
		one.Log = crowd
		if why := scattered(c, one); why != "" {
			return why
		}
	}
	return ""
}

// teeth is how often the sawtooth climbs.
const teeth = 3

func sawtoothTrial(c Config, _ *evidence) (attack.Trial, string) {
	var segments []attack.Segment
	for range teeth {
		segments = append(segments, attack.Segment{From: .2 * c.Limit.Rate, To: 3 * c.Limit.Rate, Len: c.long(2*time.Second, 2*time.Second, 20)})
	}
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(0), Why: fmt.Sprintf("from a fifth to three times the limit, %s", attack.Plural(teeth, "time")),
		Actors: []attack.Actor{c.actor("crowd", attack.Even, attack.Manners{}, segments...)}}, ""
}

func rampTrial(c Config, _ *evidence) (attack.Trial, string) {
	return attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Warm: c.warm(0), Why: "from a third of the limit to twice the limit, slowly",
		Actors: []attack.Actor{c.actor("crowd", attack.Even, attack.Manners{},
			attack.Segment{From: c.Limit.Rate / 3, To: 2 * c.Limit.Rate, Len: c.long(6*time.Second, 6*time.Second, 40)})}}, ""
}

// pace is what was let in, and what a bucket as declared lets in of the same arrivals, up to the end of each window.
type pace struct {
	until         time.Duration
	in, maybe     float64 // surely let in, and perhaps
	fair          float64
	refused, owed int64 // so far, by the throttle and by the bucket
}

// paces walks through a trial, window by window. An arrival asks the bucket when it is due.
func (e *evidence) paces(m attack.Measurement) (all []pace) {
	b, s := model.NewBucket(e.c.Limit.Rate, e.c.Limit.Burst), m.Trial.Stream()
	a, more := s.Next()
	var p pace
	for _, w := range m.Windows {
		for p.until = w.At + w.Len; more && a.Due < p.until; a, more = s.Next() {
			if ok, _ := b.Take(a.Due); ok {
				p.fair++
			} else {
				p.owed++
			}
		}
		out := e.refusals(w)
		p.in += float64(w.OK)
		p.maybe += float64(w.Due - w.Unsent - out - w.OK)
		p.refused += out
		all = append(all, p)
	}
	return all
}

// slack is how far what was let in may be off what a bucket lets in, after so many: the tolerances of the rate and the burst,
// once for each time that the bucket was full, and what comes in while requests are sent and decided on later than due.
func (e *evidence) trackSlack(m attack.Measurement, fair float64, full int) float64 {
	c, tol := e.c.Limit, e.c.tolerance()
	lag := m.All().Lag.Quantile(.99) + m.Spread
	return count(tol.rate, fair) + count(tol.burst, float64(c.Burst)*float64(full)) + float64(tol.edges*c.Burst) +
		c.Rate*(tol.grace.Seconds()+lag.Seconds()*float64(full)) + 1
}

// tracks (V38, V39, V50) holds what was let in against a bucket as declared that is asked the same, up to the end of every
// second: neither more nor less but for the tolerance. unit is what such a storm is counted by.
func tracks(unit string) judge {
	return func(e *evidence, ms []attack.Measurement) finding {
		m := ms[0]
		all := e.paces(m)
		if len(all) == 0 || m.Aborted != nil {
			return unsure("what the limit allows", "not seen", "%s", aborted(m))
		}
		end, full := all[len(all)-1], 1
		if unit == "spike" {
			full = spikes
		} else if unit == "second" && len(m.Trial.Actors[crowdActor].Schedule.Segments) == teeth {
			full = teeth
		}
		want := fmt.Sprintf("%.0f ± %.0f let in, and never more or less on the way", end.fair, e.trackSlack(m, end.fair, full))
		got := fmt.Sprintf("%.0f of %.0f, %d refused", end.in, end.in+end.maybe+float64(end.refused), end.refused)
		worst, at := 0.0, end
		for _, p := range all {
			slack := e.trackSlack(m, p.fair, full)
			if over := math.Abs(e.off(p)) - slack; over > 0 && over > worst {
				worst, at = over, p
			}
		}
		switch {
		case worst > 0 && e.off(at) > 0:
			return failed(want, got, "within the first %s, %.0f were let in, where the limit allows %.0f", brief(at.until), at.in, at.fair)
		case worst > 0:
			return failed(want, got, "within the first %s, only %.0f were let in, where the limit allows %.0f", brief(at.until), at.in+at.maybe, at.fair).unless(late(m))
		case end.owed > 0 && end.refused == 0 && end.owed > int64(e.trackSlack(m, end.fair, full)):
			return unsure(want, got, "nothing was refused, so the limit was not put to the test")
		}
		return passed(want, got, "held against a bucket of the limit that is asked the same, at the end of each of %s", attack.Plural(len(all), "second"))
	}
}

// off is by how much more, or less, was let in than a bucket lets in; errors count for whichever is right.
func (e *evidence) off(p pace) float64 {
	switch {
	case p.in > p.fair:
		return p.in - p.fair
	case p.in+p.maybe < p.fair:
		return p.in + p.maybe - p.fair
	}
	return 0
}
