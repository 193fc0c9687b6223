// Package journal is the append-only record of a run: one line of JSON per fact, each with a checksum, so that a run that
// was killed at any moment leaves a journal that can be read and gone on with.
//
// It is also the program's event bus: the file, the live views and every report consume the same Entry. It draws no
// conclusions.
package journal

import (
	"encoding/json"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// Entry is one fact of a run. Exactly one of the pointers is set.
type Entry struct {
	Run      *Run                   `json:"run,omitempty"`      // first: what was asked
	Trial    *attack.Measurement    `json:"trial,omitempty"`    // a trial is done
	Capacity *analyze.Capacity      `json:"capacity,omitempty"` // a search has ended
	Limits   *limits.Recommendation `json:"limits,omitempty"`
	Verdict  *scenarios.Verdict     `json:"verdict,omitempty"`
	Gate     *gate.Verdict          `json:"gate,omitempty"`
	Limiter  *limits.Limiter        `json:"limiter,omitempty"` // a probe has ended
	Note     *attack.Note           `json:"note,omitempty"`
	Lab      *Lab                   `json:"lab,omitempty"` // demo only: the truth, to compare with
	End      *End                   `json:"end,omitempty"` // last: how it ended

	Start *attack.Trial `json:"-"` // a trial begins: for live views, not written
	Tick  *attack.Tick  `json:"-"` // a tick of the running trial: for live views, not written
	Ahead *Ahead        `json:"-"` // what is still to come: for live views, not written
}

// Ahead is what a run still has to do, as far as it is known.
type Ahead struct {
	What   string        // "search", "bursts", "storms" …
	Phases []string      // those of the trials to come, in order; the ones before the running trial's are over
	Left   time.Duration // what it takes from now on
	AtMost bool          // Left is a bound, and no guess
}

// Run is what the user asked for, secrets taken out, and where it ran.
type Run struct {
	Schema      string            `json:"schema"` // "plimsoll.journal/v1"
	ID          string            `json:"id"`
	Command     string            `json:"command"`
	Title       string            `json:"title"`       // how the report calls the target
	Target      string            `json:"target"`      // URL with userinfo and query values taken out
	Fingerprint string            `json:"fingerprint"` // keyed hash of the target with its secrets, for resume
	Began       time.Time         `json:"began"`
	Version     string            `json:"version"`
	Spec        json.RawMessage   `json:"spec"`            // the effective spec, secrets taken out
	Environment map[string]string `json:"environment"`     // os, arch, cpus, go, kernel …
	Limit       *limits.Limit     `json:"limit,omitempty"` // what verify was told
	Tiers       []Tier            `json:"tiers,omitempty"` // and of kinds of consumers
	Goal        string            `json:"goal,omitempty"`
	Seed        uint64            `json:"seed"`
	Commit      string            `json:"commit,omitempty"` // of what was measured, where it is known
}

// Tier is what verify was told of one kind of consumer.
type Tier struct {
	Name string `json:"name"`
	limits.Limit
	Main  bool `json:"main,omitempty"`  // the storms are sent as one of it: its limit is Run.Limit
	Tried bool `json:"tried,omitempty"` // its own limit is to be tried beside the storms (V23)
}

// Lab is the truth about the embedded lab.
type Lab struct {
	Capacity float64 `json:"capacity"` // requests per second
	Fault    string  `json:"fault,omitempty"`
}

// End is how a run ended.
type End struct {
	At      time.Time `json:"at"`
	Exit    int       `json:"exit"`
	Outcome string    `json:"outcome"` // one sentence
	// Unasked are the checks that have no outcome.
	Unasked []scenarios.Skipped `json:"unasked,omitempty"`
}
