package limits

import (
	"fmt"
	"maps"
	"slices"
)

// strain is how far a machine fails the experiment that it fails most: of the decisions that could tell, the rarer of let
// in and refused, the share that it leaves unexplained. A long saturation that every machine explains outvotes no refill
// that only one does.
func (e *evidence) strain(c candidate) (worst float64, where string) {
	type tally struct{ in, out, bad int }
	stages := map[string]*tally{}
	m := c.again()
	for i := range e.ds {
		d := &e.ds[i]
		stage := stageOf(e.trials[d.trial].Trial)
		if stages[stage] == nil {
			stages[stage] = &tally{}
		}
		t := stages[stage]
		if d.in {
			t.in++
		} else {
			t.out++
		}
		if step(m, d) {
			t.bad++
		}
	}
	for _, stage := range slices.Sorted(maps.Keys(stages)) {
		t := stages[stage]
		if v := min(float64(t.bad-2)/float64(min(t.in, t.out)+5), 1); v > worst {
			worst, where = v, fmt.Sprintf(", and %d of %d in the experiment %q not", t.bad, t.in+t.out, stage)
		}
	}
	return worst, where
}
