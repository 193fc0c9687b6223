package report

import (
	"fmt"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// Tile is one of the four numbers of the first screen.
type Tile struct {
	Label  string
	Value  string // "–" when it is not known
	Unit   string
	Detail string // its interval, or why it is not known
	Tone   Tone   // how its value is coloured, "" for plain
	Plain  bool   // it is none of the four that have colours of their own
}

// Tone is the colour of a judgement.
type Tone string

const (
	Good    Tone = "ok"
	Bad     Tone = "bad"
	Dubious Tone = "warn"
)

// Tiles are knee, breaking load, limit and verification, in this order and always all four; a gate, a plain load, a verification
// alone, an identification and a search that did not end have numbers of their own to show.
func (r Report) Tiles() [4]Tile {
	c, load := r.Capacity(), r.Load()
	switch {
	case r.Gate != nil:
		return r.gateTiles()
	case load != nil:
		return r.loadTiles(*load)
	case r.Command() == "identify":
		return r.limiterTiles()
	case c == nil && (len(r.Storms) > 0 || r.Command() == "verify"):
		return r.stormTiles()
	case c == nil && !r.Going && r.Command() == "find" && len(pooled(r.Trials)) > 0:
		return r.partialTiles(pooled(r.Trials))
	}
	knee, breaking := estimateTile("latency knee", nil, "no search was made"), estimateTile("breaking load", nil, "no search was made")
	switch {
	case c != nil:
		knee = estimateTile("latency knee", c.Knee, missing(*c))
		breaking = estimateTile("breaking load", c.Breaking, missing(*c))
	case r.Command() == "find" || r.Command() == "run" || r.Command() == "demo":
		words := map[bool]string{true: "the search goes on", false: "the search did not end"}[r.Going]
		knee.Detail, breaking.Detail = words, words
	}
	return [4]Tile{knee, breaking, r.limitTile(), r.verdictTile()}
}

func estimateTile(label string, e *analyze.Estimate, why string) Tile {
	if e == nil {
		return Tile{Label: label, Value: "–", Detail: why}
	}
	t := Tile{Label: label, Value: Number(e.Value), Unit: "/s", Detail: interval(e)}
	if t.Detail == "" {
		t.Detail = "no interval"
	}
	return t
}

// missing says in a few words why a capacity lacks a number.
func missing(c analyze.Capacity) string {
	words := map[analyze.Cause]string{analyze.CauseLimiter: "a limiter answered first", analyze.CauseGenerator: "the generator was the limit",
		analyze.CauseBudget: "the time was up", analyze.CauseCeiling: "a bound of the search came first", analyze.CauseHarm: "the harm guard stopped",
		analyze.CauseGone: "the target stopped answering"}[c.Cause]
	if words == "" {
		return "not measured"
	}
	return words
}

func (r Report) limitTile() Tile {
	switch {
	case r.Limits != nil:
		return Tile{Label: "recommended limit", Value: Number(r.Limits.Rate), Unit: "/s", Detail: fmt.Sprintf("burst %s, margin %s", Number(float64(r.Limits.Burst)), round(r.Limits.Margin))}
	case r.Run.Limit != nil:
		return Tile{Label: "limit as told", Value: Number(r.Run.Limit.Rate), Unit: "/s", Detail: r.burstTold()}
	case r.Limiter != nil:
		return limiterTile(*r.Limiter)
	case r.Capacity() != nil && r.Capacity().Limiter != nil && !r.Capacity().Decided():
		return estimateTile("limiter in front", r.Capacity().Limiter, "")
	case r.Capacity() != nil && !r.Capacity().Decided():
		return Tile{Label: "recommended limit", Value: "–", Detail: "no limit rests on an undecided capacity"}
	}
	if r.Going && (r.Command() == "run" || r.Command() == "demo") {
		return Tile{Label: "recommended limit", Value: "–", Detail: "the search goes on"}
	}
	return Tile{Label: "recommended limit", Value: "–", Detail: "none was asked for"}
}

func (r Report) verdictTile() (t Tile) {
	pass, fail, unclear := r.tally()
	all := pass + fail + unclear
	t = Tile{Label: "verification", Value: string(r.Outcome())}
	defer func() {
		if l := r.Run.Limit; l != nil && r.Limits != nil && t.Value != "–" { // not the limit in the tile beside it
			t.Detail += fmt.Sprintf(", at %s/s and burst %s", Number(l.Rate), Number(float64(l.Burst)))
		}
	}()
	switch o := r.Outcome(); {
	case r.Going && o != scenarios.Fail && all > 0:
		t.Value, t.Detail = Number(float64(pass)), fmt.Sprintf("of %s passed, and the storms go on", plural(all, "check"))
		return t
	case r.stormsCutShort() && o != scenarios.Fail:
		t.Value, t.Tone, t.Detail = Number(float64(pass)), Dubious, fmt.Sprintf("of %s passed before the run %s", plural(all, "check"), r.ended())
		return t
	case r.Going && o == "" && r.Command() != "load" && r.Command() != "find":
		return Tile{Label: "verification", Value: "–", Detail: "no storm is decided yet"}
	}
	switch r.Outcome() {
	case "":
		t.Value, t.Detail = "–", "no storm was sent"
		if n := len(r.Skipped()); n > 0 {
			t.Detail = plural(n, "check") + " skipped, none judged"
		}
	case scenarios.Pass:
		t.Tone, t.Detail = Good, fmt.Sprintf("%d of %s in %s", pass, plural(all, "check"), plural(len(r.Storms), "storm"))
	case scenarios.Fail:
		t.Tone, t.Detail = Bad, fmt.Sprintf("%d of %s failed", fail, plural(all, "check"))
	default:
		t.Tone, t.Detail = Dubious, fmt.Sprintf("%d of %s could not tell", unclear, plural(all, "check"))
	}
	return t
}
