package sim_test

import (
	"math"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// erlang is the mean response time of M/M/c in mean service times, ρ of its capacity (A. K. Erlang, 1917):
//
//	1 + C(c, cρ)/(c(1−ρ)),   C = B/(1 − ρ(1−B)),   B(k) = aB(k−1)/(k + aB(k−1))
func erlang(c int, rho float64) float64 {
	a, b := rho*float64(c), 1.
	for k := 1; k <= c; k++ {
		b = a * b / (float64(k) + a*b)
	}
	return 1 + b/(1-rho*(1-b))/(float64(c)*(1-rho))
}

// pollaczek is the mean response time of M/G/1 in mean service times (F. Pollaczek, 1930; A. Khinchine, 1932):
//
//	1 + ρ/(1−ρ) · (1 + cs²)/2
func pollaczek(rho, cv float64) float64 { return 1 + rho/(1-rho)*(1+cv*cv)/2 }

// batches is a mean response time with its standard error, by the means of the last 36 fortieths of a trial: each is many
// times as long as the queue remembers.
func batches(ticks []attack.Tick) (mean, se float64) {
	var sum, squares float64
	n := 0.
	for _, k := range ticks[4:] {
		x := k.Response.Seconds() / float64(k.OK)
		sum, squares, n = sum+x, squares+x*x, n+1
	}
	mean = sum / n
	return mean, math.Sqrt((squares/n - mean*mean) / (n - 1))
}

func TestQueuesWaitAsLongAsTheoryTells(t *testing.T) {
	t.Parallel()
	const s = 10 * time.Millisecond
	for i, row := range []struct {
		servers int
		shape   sim.Shape
		cv, rho float64
		want    float64 // in units of s
	}{
		{1, sim.Exponential, 1, .5, 2},
		{1, sim.Exponential, 1, .8, 5},
		{2, sim.Exponential, 1, .8, erlang(2, .8)},
		{8, sim.Exponential, 1, .9, erlang(8, .9)},
		{64, sim.Exponential, 1, .95, erlang(64, .95)},
		{1, sim.Deterministic, 0, .5, 1.5},
		{1, sim.Deterministic, 0, .9, pollaczek(.9, 0)},
		{1, sim.Lognormal, .5, .8, pollaczek(.8, .5)},
		{1, sim.Lognormal, 1, .7, pollaczek(.7, 1)},
	} {
		requests := 400_000.
		if testing.Short() { // the light queues forget sooner
			if requests /= 4; row.rho >= .8 {
				continue
			}
		}
		target := queue(row.servers, row.shape, s)
		target.Service.CV = row.cv
		load := row.rho * target.Capacity()
		m := run(t, sim.New(target, uint64(i)), hold(load, time.Duration(requests/load*float64(time.Second))), nil)
		got, se := batches(m.Ticks)
		want := row.want * s.Seconds()
		if math.Abs(got-want) > 3*se {
			t.Errorf("%d servers, %s of %v at ρ = %v: mean response %.3f ms, want %.3f ms ± 3 × %.3f ms", row.servers, row.shape, row.cv, row.rho, 1e3*got, 1e3*want, 1e3*se)
		}
		if se > .025*want {
			t.Errorf("%d servers, %s at ρ = %v: known to %.1f %% only, which proves little", row.servers, row.shape, row.rho, 100*se/want)
		}
	}
}

// A request sent by itself fares as in a trial.
func TestSendIsATrialWithoutBooks(t *testing.T) {
	target := queue(4, sim.Lognormal, 10*time.Millisecond)
	target.Queue, target.Jitter, target.Network = 8, .5, time.Millisecond
	order := hold(420, 20*time.Second)
	order.LogMax = 8400
	m := run(t, sim.New(target, 7), order, nil)
	r := sim.New(target, 7)
	for _, a := range m.Log {
		if got := r.Send(a.Due); got.Status != a.Status || got.At != a.Received {
			t.Fatalf("request %d: %d at %v, in a trial %d at %v", a.Seq, got.Status, got.At, a.Status, a.Received)
		}
	}
	if c := m.Total(); c.Failed == 0 || len(m.Log) != 8400 {
		t.Errorf("%d of %d failed, want some: the comparison must see refusals", c.Failed, len(m.Log))
	}
}
