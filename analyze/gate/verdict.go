package gate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Verdict is what a gate came to, with its evidence.
type Verdict struct {
	Outcome   Outcome           `json:"outcome"`
	Text      string            `json:"text"` // in a sentence
	Fix       string            `json:"fix,omitempty"`
	Tolerance float64           `json:"tolerance"`          // the loss that is borne, 0..1
	Ratio     *analyze.Estimate `json:"ratio,omitempty"`    // head's capacity over the baseline's, where it was measured
	Baseline  float64           `json:"baseline,omitempty"` // the baseline's sustained load, per second
	Load      float64           `json:"load,omitempty"`     // of a block, per second
	Blocks    []Block           `json:"blocks,omitempty"`   // of a gate that measured
	Void      int               `json:"void,omitempty"`     // blocks that the generator spoilt
	Requests  int64             `json:"requests,omitempty"`
	Seconds   float64           `json:"seconds,omitempty"`
	Compared  []Compared        `json:"compared,omitempty"` // of a gate that compared runs
	Notes     []attack.Note     `json:"notes,omitempty"`
}

func (t *tale) verdict() Verdict {
	p := t.plan
	v := Verdict{Outcome: t.walk.Outcome(), Tolerance: p.Tolerance, Baseline: p.Sustained, Load: p.Load(), Blocks: t.blocks, Void: t.voids,
		Requests: t.sent, Seconds: t.spent.Seconds(), Ratio: t.ratio()}
	held := fmt.Sprintf("%d of %s held %s", t.walk.Up, attack.Plural(len(t.blocks), "block"), perSecond(p.Load()))
	if p.Reference != "" {
		held = fmt.Sprintf("in %d of %s it completed at least %.4g%% of what the baseline did", t.walk.Up, attack.Plural(len(t.blocks), "pair"), 100*(1-p.Tolerance))
	}
	lost := t.plan.Reference != "" && len(t.missed[head]) > 0 && len(t.missed[reference]) == 0
	switch {
	case lost && t.bad == "":
		v.Outcome, v.Text = Regression, "at a light load already "+strings.Join(t.missed[head], "; ")+", which the baseline keeps beside it"
	case t.bad != "":
		v.Outcome, v.Text, v.Fix = Invalid, t.bad, t.fix
	case v.Outcome == Pass:
		v.Text = fmt.Sprintf("no loss beyond %.4g%%: %s", 100*p.Tolerance, held)
	case v.Outcome == Regression:
		v.Text = fmt.Sprintf("a loss beyond %.4g%%: %s", 100*p.Tolerance, held)
	default:
		v.Text = fmt.Sprintf("undecided within %v: %s", p.budget(), held)
		v.Fix = "--resume goes on with this one for as long again"
	}
	t.note(&v)
	return v
}

// note adds what must be known beside the verdict.
func (t *tale) note(v *Verdict) {
	r, ok := t.rest[head]
	if !ok {
		return
	}
	if base := t.plan.BaseP99; base > 0 && float64(r.P99) > slower*float64(base) {
		v.Notes = append(v.Notes, attack.Note{Code: "slower-at-rest", Text: fmt.Sprintf("at a light load p99 is %v, the baseline's was %v", r.P99, base)})
	}
	if se := t.scatter(r); se > t.plan.Tolerance {
		v.Notes = append(v.Notes, attack.Note{Code: "short-blocks", Text: fmt.Sprintf("a block of %.0f requests tells its capacity to %.0f%%, which is more than the tolerance: a longer --budget makes blocks longer",
			t.plan.Load()*t.plan.block().Seconds(), 100*se)})
	}
}

// scatter is the standard error of one block's capacity, as a share: √((1 + cs²)/n).
func (t *tale) scatter(r analyze.Rest) float64 {
	return math.Sqrt((1 + r.CS2) / max(1, t.plan.Load()*t.plan.block().Seconds()))
}

// ratio is head's capacity over the baseline's, from pairs; blocks alone only tell on which side of the tolerance it lies.
func (t *tale) ratio() *analyze.Estimate {
	if t.plan.Reference == "" || len(t.blocks) == 0 {
		return nil
	}
	var base, heads []Sample
	for _, b := range t.blocks {
		if !(b.Ratio > 0) {
			return nil // one that completed nothing has no logarithm
		}
		base, heads = append(base, Sample{Value: b.Base}), append(heads, Sample{Value: b.Rate})
	}
	if len(base) < fewest {
		var logs []float64
		for _, b := range t.blocks {
			logs = append(logs, b.Ratio)
		}
		slices.Sort(logs)
		return &analyze.Estimate{Value: median(logs), Lo: logs[0], Hi: logs[len(logs)-1],
			Notes: []attack.Note{{Code: "few-pairs", Text: "the ends are those of the pairs: too few for an interval of known confidence"}}}
	}
	r := RatioOf(base, heads, true, 1-t.plan.Tolerance)
	return &r.Estimate
}
