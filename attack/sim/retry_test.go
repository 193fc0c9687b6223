package sim_test

import (
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// Of a server that fails a share f of all attempts, each by its own lot, clients of R retries ask (1 − f^(R+1))/(1 − f)
// times each, whatever their waits.
func TestRetriesAmplifyAsTheGeometricSumSays(t *testing.T) {
	for _, policy := range attack.Policies[1:] {
		for _, f := range []float64{.1, .5, .9} {
			for _, retries := range []int{1, 3, 6} {
				n, failed := uint64(0), uint64(f*1000)
				target := queue(64, sim.Deterministic, time.Millisecond)
				target.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
					// A fixed share of any thousand attempts, in an order that no client's tries are in step with.
					if n++; n*0x9e3779b97f4a7c15>>11%1000 < failed {
						a.Status, a.Headers = 429, map[string]string{"Retry-After": "1"}
					}
					return a
				}
				order := hold(500, 8*time.Second)
				order.Actors[0].Manners = attack.Manners{Policy: policy, Base: 50 * time.Millisecond, Tries: retries + 1}
				all := run(t, sim.New(target, 1), order, nil).All()
				got, want := float64(all.Attempts)/float64(all.Due), (1-math.Pow(f, float64(retries+1)))/(1-f)
				if math.Abs(got/want-1) > .05 {
					t.Errorf("%s, %v failing, %d retries: %.3f attempts each, want %.3f", policy, f, retries, got, want)
				}
			}
		}
	}
}
