package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/engine"
	"github.com/plimsoll-load/plimsoll/attack/engine/host"
	"github.com/plimsoll-load/plimsoll/report"
)

// The calibration doubles its load from firstLoad until the generator is not healthy twice, then halves the gap, by ratio,
// until it is under narrow. Its flight is that of a target that answers at once.
const (
	firstLoad, leastLoad, topLoad = 1000., 50., 512_000.
	narrow                        = 1.25
	calibrationFlight             = 64
	usualTrials                   = 12 // what --for is shared by
	keptUp                        = 0.99
)

// calibration plans trials against a server that does nothing: it brackets the rate up to which the generator is healthy.
type calibration struct{ each time.Duration }

var _ attack.Planner = calibration{}

// Watch ends no trial early: each is short.
func (calibration) Watch(attack.Trial, []attack.Measurement) func(attack.Tick) attack.Reason {
	return nil
}

// Next is the next load to try. One hiccup of a shared machine is not believed: an unhealthy load is tried twice.
func (c calibration) Next(done []attack.Measurement) (attack.Trial, bool) {
	low, high, again := bracket(done)
	load := again
	switch {
	case again > 0:
	case high == 0 && low == 0:
		load = firstLoad
	case high == 0:
		load = 2 * low
	case low == 0:
		load = high / 4
	case high/low > narrow:
		load = math.Round(math.Sqrt(low * high))
	}
	if load == 0 || load < leastLoad || load > topLoad {
		return attack.Trial{}, false
	}
	return attack.Trial{N: len(done) + 1, Phase: "calibrate", Why: "is the generator healthy at this rate", Flight: calibrationFlight, Warm: calibrationFlight, Seed: 1,
		Actors: []attack.Actor{{Name: "null", Schedule: attack.Constant(load, c.each, attack.Even)}}}, true
}

// bracket is the highest load that was healthy and the lowest above it that was not, twice; 0 where there is none. again is
// a load between them that was unhealthy once.
func bracket(done []attack.Measurement) (low, high, again float64) {
	tries := map[float64]int{}
	for _, m := range done {
		if unwell(m) == "" {
			low = max(low, m.Trial.Load())
		}
		tries[m.Trial.Load()]++
	}
	for load, n := range tries {
		switch {
		case load <= low:
		case n == 1:
			again = load
		case high == 0 || load < high:
			high = load
		}
	}
	return low, high, again
}

// unwell names what was wrong with the generator in a trial against a server that does nothing, or "".
func unwell(m attack.Measurement) string {
	for _, c := range m.Checks {
		if c.Outcome == attack.Void || c.Outcome == attack.Warn {
			return c.Name + ": " + c.Got
		}
	}
	total := m.Total()
	if share := float64(total.OK) / float64(max(total.Due, 1)); share < keptUp {
		return fmt.Sprintf("answered: %s of what was due", report.Percent(share))
	}
	if lag := total.Lag; lag.N() > 0 && lag.Quantile(.99) > lateWarn { // waiting for a server that does nothing is this machine's doing too
		return fmt.Sprintf("lag: p99 %v", lag.Quantile(.99).Round(time.Millisecond))
	}
	if got := achieved(m); got < keptUp*keptUp*m.Trial.Load() {
		return fmt.Sprintf("achieved: %s/s", report.Number(got))
	}
	return ""
}

// achieved is how many requests a second were answered, up to the last answer.
func achieved(m attack.Measurement) float64 {
	return float64(m.Total().OK) / max(m.Took, m.Trial.Len()).Seconds()
}

// driven is what the calibration came to.
type driven struct {
	Max       float64    `json:"max_rate"`     // most requests a second that were answered
	Healthy   *float64   `json:"healthy_rate"` // highest rate at which every self-check was healthy
	Trust     *float64   `json:"trust_rate"`   // knees up to here can be trusted
	CPU       *float64   `json:"cpu_us"`       // of the generator, a request, in microseconds
	Undecided bool       `json:"undecided"`    // no bracket: interrupted, or the generator is healthy at every rate tried
	Trials    []driveTry `json:"trials"`
}

type driveTry struct {
	Rate     float64  `json:"rate"`
	Achieved float64  `json:"achieved"`
	LagP99   *float64 `json:"lag_p99_ms"`
	Unwell   string   `json:"unwell"`
}

// calibrate loads a null server in a second process.
func (a *app) calibrate(ctx context.Context, long time.Duration) (driven, error) {
	server, err := startSelf("null-server")
	if err != nil {
		return driven{}, err
	}
	defer server.stop()
	e, err := engine.New(engine.Options{Target: attack.Target{Requests: []attack.Request{{Method: "GET", URL: server.url}}}, Timeout: time.Second, Lean: true, Authorize: private})
	if err != nil {
		return driven{}, err
	}
	defer e.Close()
	before, known := host.Used()
	done, err := attack.Drive(ctx, calibration{each: long / usualTrials}, e, nil, func(attack.Measurement) error { return nil })
	if err != nil {
		return driven{}, fmt.Errorf("calibrate: %w", err)
	}
	d := conclude(done)
	if after, _ := host.Used(); known {
		d.CPU = per(after-before, done)
	}
	return d, nil
}

// per is the processor time of one request of those done, in microseconds.
func per(used time.Duration, done []attack.Measurement) *float64 {
	n := int64(0)
	for _, m := range done {
		n += m.Total().Due
	}
	if n == 0 {
		return nil
	}
	us := float64(used.Microseconds()) / float64(n)
	return &us
}

// conclude folds the trials. A knee is trusted up to half of what can be driven at all, and never where the generator was
// not healthy.
func conclude(done []attack.Measurement) (d driven) {
	done = slices.SortedFunc(slices.Values(done), func(x, y attack.Measurement) int { return cmp.Compare(x.Trial.N, y.Trial.N) })
	for _, m := range done {
		try := driveTry{Rate: m.Trial.Load(), Achieved: achieved(m), Unwell: unwell(m)}
		if lag := m.Total().Lag; lag.N() >= 100 {
			ms := float64(lag.Quantile(.99).Microseconds()) / 1000
			try.LagP99 = &ms
		}
		d.Max = max(d.Max, try.Achieved)
		d.Trials = append(d.Trials, try)
	}
	low, high, _ := bracket(done)
	if low > 0 {
		trust := min(low, d.Max/2)
		d.Healthy, d.Trust = &low, &trust
	}
	d.Undecided = high == 0 && low < topLoad
	return d
}

// sentence is what this machine can drive.
func (d *driven) sentence() string {
	switch {
	case d == nil:
		return "not calibrated: without --quick a few seconds of load tell what this machine can drive"
	case len(d.Trials) == 0:
		return "the calibration came to nothing"
	case d.Trust == nil:
		return fmt.Sprintf("this machine can drive about %s requests/s, and no rate could be trusted", about(d.Max))
	}
	return fmt.Sprintf("this machine can drive about %s requests/s; trust knees up to %s/s", about(d.Max), about(*d.Trust))
}

// about is a rate with two digits, rounded down: more would be promised than was seen.
func about(rate float64) string {
	if rate <= 0 {
		return "0"
	}
	unit := math.Pow(10, math.Floor(math.Log10(rate))-1)
	return report.Number(math.Floor(rate/unit+1e-9) * unit)
}

// checks are the calibration's rows of the table; asked is 0 where no rate was asked for.
func (d driven) checks(asked attack.Rate) []attack.SelfCheck {
	c := attack.SelfCheck{Name: "calibration", Want: "healthy at " + report.Number(firstLoad) + "/s", Got: "no rate was healthy",
		Outcome: bad, Fix: "use a machine that is faster or less busy"}
	if d.Trust != nil {
		c.Outcome = least(*d.Healthy, firstLoad, firstLoad)
		c.Got = fmt.Sprintf("healthy up to %s/s, %s/s at most", report.Number(math.Floor(*d.Healthy)), report.Number(math.Floor(d.Max)))
	} else if worst := len(d.Trials) - 1; worst >= 0 {
		c.Got += ": " + d.Trials[worst].Unwell
	}
	if d.CPU != nil {
		c.Got += fmt.Sprintf(", %.0f µs of CPU a request", *d.CPU)
	}
	out := []attack.SelfCheck{told(c)}
	if asked == 0 {
		return out
	}
	r := attack.SelfCheck{Name: "asked rate", Want: asked.String(), Got: "none", Outcome: bad, Fix: "use a faster or less busy machine for " + asked.String()}
	if d.Trust != nil {
		r.Outcome, r.Got = least(*d.Trust, float64(asked), float64(asked)), strings.TrimSpace(about(*d.Trust)+"/s can be trusted")
	}
	return append(out, told(r))
}
