package analyze

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

func TestPointsPoolTrialsByLoad(t *testing.T) {
	target := sim.Target{Servers: 10, Network: time.Millisecond, Service: sim.Service{Shape: sim.Lognormal, CV: .5, Mean: 10 * time.Millisecond}}
	rest := Rest{P50: 10 * time.Millisecond, P99: 30 * time.Millisecond, Mean: 11 * time.Millisecond, CS2: .25}
	var rows []row
	for seed, load := range []float64{500, 1200, 500, 900} {
		order := attack.Trial{N: seed + 1, Seed: uint64(seed), Warmup: time.Second, Actors: []attack.Actor{{Schedule: attack.Constant(load, 5*time.Second, attack.Poisson)}}}
		m, err := sim.New(target, uint64(seed)).Run(context.Background(), order, nil)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row{m: m, j: Judge(m, rest, Goal{}, Medium)})
	}
	points := points(rows)
	if len(points) != 3 || points[0].Load != 500 || len(points[0].Trials) != 2 || math.Abs(points[0].Seconds-8) > 1e-9 {
		t.Fatalf("points %+v, want 3, the first of two trials and 8 s", points)
	}
	if points[0].Class != Sustained || points[2].Class != Overloaded {
		t.Errorf("classes %s and %s, want sustained and overloaded", points[0].Class, points[2].Class)
	}
	p := points[0]
	if math.Abs(p.Achieved-500) > 10 || p.Counts.Due != 4000 && math.Abs(float64(p.Counts.Due-4000)) > 200 || p.P99Lo >= p.Response.P99 || p.P99Hi <= p.Response.P99 {
		t.Errorf("achieved %.1f/s of %d due, p99 %.2f within %.2f and %.2f; want 500/s of about 4000, and an interval around it", p.Achieved, p.Counts.Due, p.Response.P99, p.P99Lo, p.P99Hi)
	}
	if got := points[2].Achieved; math.Abs(got-1000) > 60 {
		t.Errorf("achieved %.1f/s of 1200/s offered to a target that bears 1000/s: the backlog must not count", got)
	}
	if points[2].Response.P99 < 5*points[0].Response.P99 {
		t.Errorf("p99 of %.1f ms in overload, %.1f ms at half of capacity, want it far longer", points[2].Response.P99, points[0].Response.P99)
	}
}
