package limits

import (
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Most is the most requests that the limit admits in any interval of length t: burst + rate·t, the arrival curve of a
// token bucket.
func (l Limit) Most(t time.Duration) float64 { return float64(l.Burst) + l.Rate*t.Seconds() }

// Interval is one row of a forecast.
type Interval struct {
	Len     time.Duration // of the interval
	Most    float64       // most requests admitted in it
	Load    float64       // the same as a load, per second
	Done    float64       // what the target completes in it when saturated
	Backlog float64       // requests left waiting at its end, at worst
}

// Forecast is what a limit admits at worst into a target that completes sat requests a second.
func Forecast(l Limit, sat float64, intervals ...time.Duration) []Interval {
	var rows []Interval
	for _, t := range intervals {
		most, done := l.Most(t), sat*t.Seconds()
		rows = append(rows, Interval{Len: t, Most: most, Load: most / max(t.Seconds(), 1e-9), Done: done, Backlog: max(0, most-done)})
	}
	return rows
}

// forecast adds the worst that the limits admit, held against the capacity.
func (r *Recommendation) forecast(c analyze.Capacity) {
	sat := saturated(c)
	p99 := p99At(c, r.Rate)
	r.WorstMS = attack.MS(time.Duration((p99 + float64(r.Burst)/sat) * 1e9))
	r.because("worst delay %s: the p99 of %s at the rate, and a full burst before it at %s", seconds(r.WorstMS/1e3), seconds(p99), attack.Rate(sat))
	if sat <= r.Rate {
		r.note("no-drain", "the target completes %s when saturated, not more than the rate: a backlog would never drain", attack.Rate(sat))
		return
	}
	r.DrainS = float64(r.Burst) / (sat - r.Rate)
	r.because("drain %s: a full burst, worked off by what %s leave above the rate", seconds(r.DrainS), attack.Rate(sat))
	row := Forecast(r.Limit, sat, time.Second)[0]
	r.because("at worst %.0f requests are admitted in a second (burst + rate × 1 s), %s of the capacity; %.0f of them still wait at its end", row.Most, percent(row.Most/sat), row.Backlog)
}
