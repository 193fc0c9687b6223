// Package limits turns a capacity into limits: a rate and a burst with a safety margin, tiers, and the reasons in words
// (Recommend); what they admit at worst (Forecast); and the experiment that measures the burst a target bears (Bursts).
//
// It is pure. It never sends a request and writes no gateway's configuration.
package limits

import "github.com/plimsoll-load/plimsoll/attack"

// Limit is a throttle's setting: so many requests a second, and so many at once from rest.
type Limit struct {
	Rate  float64 `json:"rate"`  // requests per second
	Burst int     `json:"burst"` // most requests admitted at once from rest, the C of a token bucket
}

// IsZero tells a limit that was not set.
func (l Limit) IsZero() bool { return l == Limit{} }

// Tier is a named limit with a quota.
type Tier struct {
	Limit
	Share  float64 `json:"share,omitempty"`  // of the whole rate, 0..1
	Quota  int64   `json:"quota,omitempty"`  // requests in a period, 0 for no quota
	Period string  `json:"period,omitempty"` // day, week or month
}

// Recommendation is the limits that a capacity bears, with the reasons. It is the "limits" of a result and the content of
// limits.json.
type Recommendation struct {
	Limit
	Margin  float64         `json:"margin"`                   // part of capacity kept back, 0..1
	WorstMS float64         `json:"worst_delay_ms,omitempty"` // of the last request of a full burst at the full rate
	DrainS  float64         `json:"drain_s,omitempty"`        // time to work off a full burst at the full rate
	GoalMS  float64         `json:"goal_ms,omitempty"`        // the latency bound that burst was sized for
	Tiers   map[string]Tier `json:"tiers,omitempty"`
	Because []string        `json:"because"` // one sentence for each number
	Notes   []attack.Note   `json:"notes,omitempty"`
}
