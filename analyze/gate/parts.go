package gate

import (
	"maps"
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/analyze"
)

// partLeast is how many requests of an endpoint at a load tell whether it kept its promise there.
const partLeast = 30

// Parts are the endpoints of one target, by name, each as a run of its own: the load of the whole target that it still bore,
// and the one from which on it gave way. One that never did has no part, and neither has one that never kept its promise.
func Parts(target Run, goal string, curves map[string]analyze.EndpointCurve) (out []Run) {
	for _, name := range slices.Sorted(maps.Keys(curves)) {
		if e := bracket(curves[name]); e != nil {
			lo, hi := &analyze.Estimate{Value: e.Lo}, &analyze.Estimate{Value: e.Hi}
			c := analyze.Capacity{Goal: goal, Estimate: e, Sustained: lo, Breaking: hi, Cause: analyze.CauseTarget}
			out = append(out, Run{Endpoint: target.Endpoint + " " + name, Of: target.Endpoint, Capacities: []analyze.Capacity{c}})
		}
	}
	return out
}

// bracket is the load at which an endpoint gave way, somewhere between two that were sent. Of a value of which no more is known
// the logarithm has the standard deviation ln(H/L)/√12; taken for a 90 % interval it has ln(H/L)/3.29, which is a little more.
func bracket(c analyze.EndpointCurve) *analyze.Estimate {
	bore := 0.
	for _, p := range c.Points {
		if p.Load < c.GaveWay && p.Counts.Due >= partLeast {
			bore = max(bore, p.Load)
		}
	}
	if bore == 0 {
		return nil
	}
	return &analyze.Estimate{Value: math.Sqrt(bore * c.GaveWay), Lo: bore, Hi: c.GaveWay, Confidence: 1 - 2*Alpha}
}
