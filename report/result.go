package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// ResultVersion is the contract of result.json and --json. Within it, changes only add.
const ResultVersion = "plimsoll.result/v1"

// ResultSchema is the JSON Schema of a result.
//
//go:embed schema/result.v1.json
var ResultSchema []byte

// Result is a report for machines. What is absent is null; durations are in ms where the name ends in _ms; rates are per
// second.
type Result struct {
	Schema     string                           `json:"schema"`
	Run        RunResult                        `json:"run"`
	Headline   string                           `json:"headline"`
	Generator  Health                           `json:"generator"`
	Load       *Load                            `json:"load"`
	Capacity   *analyze.Capacity                `json:"capacity"`            // the tightest
	Capacities []analyze.Capacity               `json:"capacities"`          // one for each goal
	Endpoints  map[string]analyze.EndpointCurve `json:"endpoints,omitempty"` // of a target that has several, by name
	Limits     *limits.Recommendation           `json:"limits"`
	Verdicts   []scenarios.Verdict              `json:"verdicts"`
	Skipped    []scenarios.Skipped              `json:"skipped,omitempty"` // checks that have no outcome
	Gate       *gate.Verdict                    `json:"gate,omitempty"`
	Limiter    *limits.Limiter                  `json:"limiter"` // what identify found
	Lab        *journal.Lab                     `json:"lab"`
	Calibrated *Calibrated                      `json:"calibration,omitempty"` // of a baseline: what its machine does to a gate
	Trials     []TrialResult                    `json:"trials"`
	Notes      []attack.Note                    `json:"notes"`
}

// Calibrated is a calibration of a gate, and where it was made.
type Calibrated struct {
	gate.Calibration
	Foreseen    *gate.Foreseen    `json:"foreseen,omitempty"`
	Environment map[string]string `json:"environment"`
}

// RunResult says what run this was.
type RunResult struct {
	ID          string            `json:"id"`
	Began       *time.Time        `json:"began"`
	Ended       *time.Time        `json:"ended"`
	Command     string            `json:"command"`
	Exit        *int              `json:"exit"`    // null when the run was cut off
	Outcome     *string           `json:"outcome"` // one sentence
	Title       string            `json:"title"`
	Target      string            `json:"target"`
	Version     string            `json:"version"`
	Goal        string            `json:"goal"`
	Seed        uint64            `json:"seed"`
	Limit       *limits.Limit     `json:"limit"`           // what verify was told
	Tiers       []journal.Tier    `json:"tiers,omitempty"` // and of kinds of consumers
	Spec        json.RawMessage   `json:"spec"`
	Environment map[string]string `json:"environment"`
	Commit      string            `json:"commit,omitempty"` // of what was measured, where it is known
}

// Load is what became of the arrivals of a plain load, warm-up left out.
type Load struct {
	Rate    float64 `json:"rate"` // due per second
	Seconds float64 `json:"seconds"`
	attack.Counts
	Achieved float64           `json:"achieved"`            // ok per second
	Errors   map[string]int64  `json:"errors"`              // attempts by class of error
	Statuses map[string]int64  `json:"statuses"`            // attempts by status
	Response *attack.Quantiles `json:"response"`            // due to last byte, of ok and timeout (at least the timeout)
	Service  *attack.Quantiles `json:"service"`             // sent to last byte, of the same
	Refusal  *attack.Quantiles `json:"refusal"`             // sent to last byte, of refused attempts
	Lag      *attack.Quantiles `json:"lag"`                 // due to sent
	SpreadMS float64           `json:"spread_ms,omitempty"` // first to last send of its bursts, the worst
}

// TrialResult is one trial in short; the journal has all of it.
type TrialResult struct {
	N       int           `json:"n"`
	Phase   string        `json:"phase"`
	Why     string        `json:"why"`
	Asked   float64       `json:"asked"` // the load ordered, arrivals per second; 0 for requests one after the other
	TookMS  float64       `json:"took_ms"`
	Void    string        `json:"void,omitempty"`
	Aborted *attack.Abort `json:"aborted,omitempty"`
	Load
	TurnedAway      int64            `json:"turned_away,omitempty"`      // of the failed: without a right, and told so, as it should be
	Evidence        []attack.Attempt `json:"evidence,omitempty"`         // requests one by one, the first EvidenceMax
	EvidenceDropped int64            `json:"evidence_dropped,omitempty"` // how many more the trial sent
}

// EvidenceMax is how many requests of a trial a result shows one by one. The journal has them all.
const EvidenceMax = 200

// Result is the report for machines.
func (r Report) Result() Result {
	out := Result{Schema: ResultVersion, Run: r.runResult(), Headline: r.Headline(), Generator: r.Generator(), Load: r.Load(), Skipped: r.Skipped(),
		Capacity: r.Capacity(), Capacities: r.Capacities, Endpoints: r.Endpoints(), Limits: r.Limits, Gate: r.Gate, Limiter: r.Limiter, Lab: r.Lab, Trials: []TrialResult{}, Notes: r.Notes}
	for _, s := range r.Storms {
		out.Verdicts = append(out.Verdicts, s.Verdict)
	}
	for _, m := range r.Trials {
		out.Trials = append(out.Trials, trialResult(m))
	}
	return out
}

func (r Report) runResult() RunResult {
	j := r.Run
	out := RunResult{ID: j.ID, Command: j.Command, Title: j.Title, Target: j.Target, Version: j.Version, Goal: j.Goal,
		Seed: j.Seed, Limit: j.Limit, Tiers: j.Tiers, Spec: j.Spec, Environment: j.Environment, Commit: j.Commit}
	if !j.Began.IsZero() {
		out.Began = &j.Began
	}
	if r.End != nil {
		out.Exit, out.Outcome = &r.End.Exit, &r.End.Outcome
		if !r.End.At.IsZero() {
			out.Ended = &r.End.At
		}
	}
	return out
}

// Load pools the trials of plimsoll load; nil for every other command, whose trials hold different loads.
func (r Report) Load() *Load {
	if r.Command() != "load" {
		return nil
	}
	var sum attack.Window
	seconds, spread := 0.0, time.Duration(0)
	for _, m := range r.Trials {
		if m.Trial.Serial == nil {
			total := m.Total()
			spread = max(spread, m.Spread)
			sum.Add(total)
			seconds += total.Len.Seconds()
		}
	}
	if sum.Due == 0 {
		return nil
	}
	l := loadOf(sum, seconds, spread)
	return &l
}

func loadOf(w attack.Window, seconds float64, spread time.Duration) Load {
	l := Load{Seconds: seconds, Counts: w.Counts, Errors: w.Errors, Response: w.Response.Quantiles(), Service: w.Service.Quantiles(),
		Refusal: w.Refusal.Quantiles(), Lag: w.Lag.Quantiles(), SpreadMS: attack.MS(spread), Statuses: map[string]int64{}}
	if seconds > 0 {
		l.Rate, l.Achieved = float64(w.Due)/seconds, float64(w.OK)/seconds
	}
	for status, n := range w.Statuses {
		l.Statuses[fmt.Sprint(status)] = n
	}
	if l.Errors == nil {
		l.Errors = map[string]int64{}
	}
	return l
}

func trialResult(m attack.Measurement) TrialResult {
	total := m.Total()
	void, _ := m.Void()
	shown := min(len(m.Log), EvidenceMax)
	turned := int64(0)
	for _, w := range m.Windows {
		if !w.Warmup {
			turned += turnedAway(m.Trial, w)
		}
	}
	return TrialResult{N: m.Trial.N, Phase: m.Trial.Phase, Why: m.Trial.Why, Asked: m.Trial.Load(), TookMS: attack.MS(m.Took), Void: void,
		Aborted: m.Aborted, Load: loadOf(total, total.Len.Seconds(), m.Spread), TurnedAway: turned, Evidence: m.Log[:shown],
		EvidenceDropped: int64(len(m.Log)-shown) + m.LogDropped}
}

// JSON writes the report's Result, indented, for result.json and --json.
func JSON(w io.Writer, r Report) error {
	b, err := json.MarshalIndent(r.Result(), "", "  ")
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// maxResult bounds the result that ReadResult takes.
const maxResult = 256 << 20

// ReadResult reads what JSON wrote, for a baseline or an export. Keys that it does not know are passed over.
func ReadResult(rd io.Reader) (Result, error) {
	b, err := io.ReadAll(io.LimitReader(rd, maxResult))
	if err != nil {
		return Result{}, fmt.Errorf("read result: %w", err)
	}
	var out Result
	if err := json.Unmarshal(b, &out); err != nil {
		return Result{}, fmt.Errorf("read result: %w", err)
	}
	if out.Schema != ResultVersion {
		return Result{}, fmt.Errorf("read result: schema %q, want %q", out.Schema, ResultVersion)
	}
	return out, nil
}
