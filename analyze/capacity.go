package analyze

import (
	"math"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Estimate is a number with its doubt. Value, Lo and Hi have the unit of what is estimated (loads: arrivals per second).
type Estimate struct {
	Value      float64       `json:"value"`
	Lo         float64       `json:"lo"`
	Hi         float64       `json:"hi"`
	Confidence float64       `json:"confidence"` // share of such intervals that hold the truth, 0..1
	Notes      []attack.Note `json:"notes,omitempty"`
}

// Class is the judgement on one load.
type Class string

const (
	Sustained  Class = "sustained"
	Overloaded Class = "overloaded"
	Limited    Class = "limited"   // a limiter answered, not the target
	Undecided  Class = "undecided" // not enough evidence
	Void       Class = "void"      // the generator was the limit
)

// Mode is how the target gives way beyond its breaking load.
type Mode string

const (
	ModeCapacity  Mode = "capacity"  // backlog grows, completions stay at capacity
	ModeErrors    Mode = "errors"    // excess fails or is shed
	ModeCollapse  Mode = "collapse"  // overload completes less than capacity
	ModeLimited   Mode = "limited"   // a limiter answered
	ModeIrregular Mode = "irregular" // no breaking load was found
)

// Cause is why the search stopped.
type Cause string

const (
	CauseTarget    Cause = "target"    // overloaded: the answer looked for
	CauseLimiter   Cause = "limiter"   // something answered with refusals
	CauseGenerator Cause = "generator" // this machine could not send more
	CauseBudget    Cause = "budget"    // the time was up
	CauseCeiling   Cause = "ceiling"   // the highest rate allowed was sustained
	CauseHarm      Cause = "harm"      // the harm guard stopped the run
	CauseGone      Cause = "gone"      // the target stopped answering
)

// Point is one load of the curve: all trials of that load, pooled.
type Point struct {
	Load      float64           `json:"load"` // arrivals per second
	Class     Class             `json:"class"`
	Seconds   float64           `json:"seconds"`  // judged, warm-up left out
	Achieved  float64           `json:"achieved"` // ok per second while the load was held, whenever due: a backlog does not count
	Counts    attack.Counts     `json:"counts"`
	Response  *attack.Quantiles `json:"response,omitempty"`
	Service   *attack.Quantiles `json:"service,omitempty"`
	P99Lo     float64           `json:"p99_lo_ms,omitempty"` // 90 % interval of the response p99, by order statistics
	P99Hi     float64           `json:"p99_hi_ms,omitempty"`
	Trials    []int             `json:"trials"`    // numbers of the trials pooled
	Histogram attack.Histogram  `json:"histogram"` // response time
}

// Burst is what the burst experiment found: how many extra requests at once the target bears at a steady load.
type Burst struct {
	Tolerated int           `json:"tolerated"` // largest burst that kept the goal in every repeat
	AtRate    float64       `json:"at_rate"`   // steady load beneath, arrivals per second
	SpreadMS  float64       `json:"spread_ms"` // first to last send of the burst, worst repeat
	Repeats   int           `json:"repeats"`
	Refused   int           `json:"refused,omitempty"` // smallest burst that broke the goal, 0 when none did
	Notes     []attack.Note `json:"notes,omitempty"`
}

// Capacity is what a search found for one goal. A nil estimate was not measured; the notes say why.
type Capacity struct {
	Goal       string    `json:"goal"`
	BaseMS     float64   `json:"base_ms"`              // mean response time at a light load
	BaseP99MS  float64   `json:"base_p99_ms"`          // p99 at a light load
	Estimate   *Estimate `json:"estimate,omitempty"`   // of the breaking load: √(sustained·breaking), weighed with what overloads completed or what failed; see finding.middle
	Sustained  *Estimate `json:"sustained,omitempty"`  // highest sustained load below Breaking
	Breaking   *Estimate `json:"breaking,omitempty"`   // lowest load classed overloaded
	Knee       *Estimate `json:"knee,omitempty"`       // load where the elasticity of mean latency is 1
	Critical   *Estimate `json:"critical,omitempty"`   // geometric mean of the loads where p95 crosses 1.5, 2, 3, 5, 10 × base
	GoalLoad   *Estimate `json:"goal_load,omitempty"`  // load where the goal's latency bound is crossed
	Saturation *Estimate `json:"saturation,omitempty"` // ok per second while the backlog never emptied
	Limiter    *Estimate `json:"limiter,omitempty"`    // rate admitted by a limiter in the way, when limited

	Points          []Point       `json:"points"` // by load
	Burst           *Burst        `json:"burst,omitempty"`
	Mode            Mode          `json:"mode"`
	Cause           Cause         `json:"cause"`
	Why             string        `json:"why"`                  // the cause in a sentence
	Stationary      *bool         `json:"stationary,omitempty"` // the target stayed the same while it was searched; nil when not known
	Trials          int           `json:"trials"`
	Seconds         float64       `json:"seconds"`
	Requests        int64         `json:"requests"`
	OverloadSeconds float64       `json:"overload_seconds"` // of trials above the estimate for the loosest goal: see Plan.MaxOverloadSeconds
	Excess          float64       `json:"excess"`           // requests sent beyond the estimate, in seconds of capacity
	Notes           []attack.Note `json:"notes,omitempty"`
}

// tightness orders capacities: the least estimate first, the unknown ones last.
func (c Capacity) tightness() float64 {
	if c.Estimate == nil {
		return math.Inf(1)
	}
	return c.Estimate.Value
}

// Decided tells whether the capacity holds a bracket that limits may rest on.
func (c Capacity) Decided() bool {
	return c.Cause == CauseTarget && c.Estimate != nil && c.Sustained != nil && c.Breaking != nil
}
