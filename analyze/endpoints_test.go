package analyze_test

import (
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

func TestCurvesOfEndpoints(t *testing.T) {
	part := func(name string, n int64, took time.Duration) attack.Endpoint {
		e := attack.Endpoint{Name: name}
		for range n {
			e.End(attack.OK)
			e.Response.Record(took)
		}
		return e
	}
	at := func(n int, load float64, parts ...attack.Endpoint) attack.Measurement {
		return attack.Measurement{Trial: attack.Trial{N: n, Actors: []attack.Actor{{Schedule: attack.Constant(load, time.Second, attack.Poisson)}}}, Endpoints: parts}
	}
	void := at(4, 100, part("a", 1000, time.Hour))
	void.Checks = []attack.SelfCheck{{Outcome: attack.Void}}
	curves := analyze.Endpoints([]attack.Measurement{
		at(1, 200, part("a", 30, 4*time.Millisecond), part("b", 10, time.Millisecond)),
		at(2, 100, part("a", 15, 2*time.Millisecond), part("b", 5, time.Millisecond)),
		at(3, 100, part("a", 15, 2*time.Millisecond), part("b", 5, time.Millisecond)),
		void, {Trial: attack.Trial{Serial: &attack.Serial{Max: 1}}, Endpoints: []attack.Endpoint{part("a", 9, time.Hour)}},
	})
	if len(curves) != 2 || len(curves["a"].Points) != 2 {
		t.Fatalf("curves %+v, want two of two points", curves)
	}
	low, high := curves["a"].Points[0], curves["a"].Points[1]
	if low.Load != 100 || low.Counts.OK != 30 || low.Share != .75 || len(low.Trials) != 2 || low.Response.P50 > 2.1 {
		t.Errorf("point %+v, want 30 of 40 arrivals of two trials at 100/s in 2 ms", low)
	}
	if high.Load != 200 || high.Response.P50 < 3.9 {
		t.Errorf("point %+v, want 4 ms at 200/s", high)
	}
	if analyze.Endpoints([]attack.Measurement{at(1, 100)}) != nil {
		t.Error("curves of a target of one endpoint, want none")
	}
}
