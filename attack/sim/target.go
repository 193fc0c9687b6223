package sim

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Target is a service as arithmetic: a limiter, a queue and servers that work first come, first served. A request that
// its client has given up on is served all the same.
type Target struct {
	Servers int           // requests worked on at once
	Service Service       // how long each keeps a server busy
	Network time.Duration // round trip, added to every answer
	Jitter  float64       // the round trip is uniform within ± this share, 0..1
	Uplink  time.Duration // a request reaches the limiter up to so long after it was sent, uniformly, out of order too; 0: at once
	Queue   int           // requests that may wait; beyond them 503. 0 means no bound
	Shed    time.Duration // Retry-After sent with the 503; 0 sends none, so that it counts as failed and not as shed
	Drop    bool          // beyond Queue the connection is broken off instead of a 503
	Timeout time.Duration // the client's patience per attempt; 0 means DefaultTimeout

	// Contention α and coherence β of Gunther's Universal Scalability Law: with n servers busy each request takes
	// 1 + α(n−1) + βn(n−1) times as long.
	Contention, Coherence float64

	Cold     float64       // the first request takes 1 + Cold times as long …
	ColdFor  float64       // … and that falls by 1/e with every so many requests served
	Drift    float64       // service times swing by ± this share …
	Period   time.Duration // … once in this time …
	Ahead    time.Duration // … and have done so for this long when the clock stands at 0
	Noise    Noise         // of others on the same machine
	Pause    time.Duration // all servers stand still for so long …
	PauseGap time.Duration // … once in this time (garbage collection)
	Scale    Scale         // more servers after a while of load
	Pool     Pool          // of connections through which all requests reach the servers
	Again    Again         // a gateway before the servers that tries once more

	Limiter Limiter                   // nil admits all
	Status  int                       // of a refusal; 0 means 429
	Respond func(Call, Answer) Answer // has the last word on every answer: planted faults; nil changes nothing
}

// DefaultTimeout is the client's patience where a Target names none.
const DefaultTimeout = 10 * time.Second

// Call is one attempt as the target sees it.
type Call struct {
	At  time.Duration // on the Runner's clock
	Key string        // the identity's value
	Try int           // from 1

	Twist attack.Twist // how the request departs from the target's
}

// Answer is what an attempt gets back.
type Answer struct {
	At      time.Duration     // when the last byte arrives, on the Runner's clock
	Status  int               // 0 for a broken exchange
	Headers map[string]string // limiter headers by canonical name; never change one in place
	Error   string            // class of the error when the exchange broke
	Bytes   int64             // of the body
	Closed  bool              // it ends its connection
}

// Validate reports the first setting that makes no sense.
func (t Target) Validate() error {
	if err := t.Service.validate(); err != nil {
		return err
	}
	if t.Servers < 1 {
		return fmt.Errorf("target of %d servers, want at least 1", t.Servers)
	}
	if t.Pause > 0 && t.PauseGap <= t.Pause {
		return fmt.Errorf("target pauses %v in every %v, want less", t.Pause, t.PauseGap)
	}
	if t.Drift != 0 && t.Period <= 0 {
		return fmt.Errorf("target drifts by %v with a period of %v, want above 0", t.Drift, t.Period)
	}
	return errors.Join(t.Noise.validate(), t.Scale.validate(t.Servers), t.Pool.validate(), t.Again.validate())
}

// Capacity is the highest rate at which the warm servers that there are at first complete requests, per second, whatever
// stands before them:
//
//	max over n ≤ c of min(n / σ, pool / (σ + hop)) × share of time not paused
//	σ = s (1 + α(n−1) + βn(n−1)) × mean of the noise
//
// A bounded queue loses requests, and an impatient client gives up, somewhat below it. It is exact for a pool of at most c
// connections.
func (t Target) Capacity() float64 {
	best := 0.0
	for n := 1; n <= t.Servers; n++ {
		best = max(best, t.throughput(n))
	}
	return best
}

// Scaled is the capacity when all servers of Scale have been added.
func (t Target) Scaled() float64 {
	t.Servers = max(t.Servers, t.Scale.Max)
	return t.Capacity()
}

// Saturated is the rate of completion while all servers are busy. It is below Capacity where contention is strong.
func (t Target) Saturated() float64 { return t.throughput(t.Servers) }

func (t Target) throughput(n int) float64 {
	long := t.Service.Mean.Seconds() * t.contended(n) * t.Noise.mean()
	rate := float64(n) / long
	if t.Pool.Size > 0 {
		rate = min(rate, float64(t.Pool.Size)/(long+t.Pool.Hop.Seconds()))
	}
	if t.Pause > 0 {
		rate *= 1 - t.Pause.Seconds()/t.PauseGap.Seconds()
	}
	return rate
}

// contended is the factor by which n busy servers stretch a service time.
func (t *Target) contended(n int) float64 {
	busy := float64(n)
	return 1 + t.Contention*(busy-1) + t.Coherence*busy*(busy-1)
}

func (t *Target) timeout() time.Duration {
	if t.Timeout == 0 {
		return DefaultTimeout
	}
	return t.Timeout
}

// drift is the factor on service times at a moment.
func (t *Target) drift(at time.Duration) float64 {
	if t.Drift == 0 {
		return 1
	}
	return 1 + t.Drift*math.Sin(2*math.Pi*(at+t.Ahead).Seconds()/t.Period.Seconds())
}

// working is the time that the servers have not stood still up to a moment: the last Pause of every PauseGap is lost.
func (t *Target) working(at time.Duration) time.Duration {
	if t.Pause == 0 {
		return at
	}
	return at/t.PauseGap*(t.PauseGap-t.Pause) + min(at%t.PauseGap, t.PauseGap-t.Pause)
}

// elapsed is the first moment up to which the servers have worked so long: the inverse of working.
func (t *Target) elapsed(worked time.Duration) time.Duration {
	if t.Pause == 0 {
		return worked
	}
	return worked + worked/(t.PauseGap-t.Pause)*t.Pause
}
