package analyze_test

import (
	"strings"
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
	}, analyze.Capacity{})
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
	if analyze.Endpoints([]attack.Measurement{at(1, 100)}, analyze.Capacity{}) != nil {
		t.Error("curves of a target of one endpoint, want none")
	}
}

// Which endpoint gave way first is told by the goal, or by the median where there is none for latency; a load that passed
// above one that did not proves that it was not for good.
func TestWhichEndpointGaveWayFirst(t *testing.T) {
	part := func(name string, n int64, took time.Duration, failed int64) attack.Endpoint {
		e := attack.Endpoint{Name: name}
		for range n {
			e.End(attack.OK)
			e.Response.Record(took)
		}
		for range failed {
			e.End(attack.Failed)
		}
		return e
	}
	ms := time.Millisecond
	var done []attack.Measurement
	for i, row := range []struct {
		load   float64
		slow   time.Duration
		failed int64
		steady time.Duration
	}{{100, 10 * ms, 0, 5 * ms}, {200, 40 * ms, 0, 6 * ms}, {300, 12 * ms, 0, 6 * ms}, {400, 50 * ms, 0, 7 * ms}, {500, 90 * ms, 9, 30 * ms}} {
		done = append(done, attack.Measurement{Trial: attack.Trial{N: i + 1, Actors: []attack.Actor{{Schedule: attack.Constant(row.load, time.Second, attack.Poisson)}}},
			Endpoints: []attack.Endpoint{part("slow", 50, row.slow, row.failed), part("steady", 50, row.steady, 0), part("rare", 3, time.Second, 0)}})
	}
	for _, row := range []struct {
		goal         string
		slow, steady float64
		first        string
	}{{"failed<1%", 400, 500, "slow"}, {"p99<80ms failed<1%", 500, 0, "slow"}, {"p99<20ms failed<1%", 400, 500, "slow"}, {"p50<1ms failed<1%", 100, 100, "slow steady"}, {"p99<1s failed<50%", 0, 0, ""}} {
		curves := analyze.Endpoints(done, analyze.Capacity{Goal: row.goal, Knee: &analyze.Estimate{Value: 200}})
		if a, b := curves["slow"].GaveWay, curves["steady"].GaveWay; a != row.slow || b != row.steady || curves["rare"].GaveWay != 0 {
			t.Errorf("%s: gave way at %v and %v, want %v and %v", row.goal, a, b, row.slow, row.steady)
		}
		if got := strings.Join(analyze.Weakest(curves), " "); got != row.first {
			t.Errorf("%s: %q gave way first, want %q", row.goal, got, row.first)
		}
		if p := curves["slow"].P99AtKnee; p < 39 || p > 41 || curves["rare"].P99AtKnee != 0 {
			t.Errorf("p99 at the knee %v, want 40 ms, and none of an endpoint of few requests", p)
		}
	}
	curves := analyze.Endpoints(done, analyze.Capacity{Knee: &analyze.Estimate{Value: 141.42}})
	if p := curves["slow"].P99AtKnee; p < 19 || p > 21 || !strings.Contains(curves["slow"].Why, "5 times") {
		t.Errorf("p99 halfway between 10 ms and 40 ms is %v, want 20 ms; it gave way because %q", p, curves["slow"].Why)
	}
}
