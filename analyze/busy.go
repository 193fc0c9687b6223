package analyze

import (
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Busy is a run of ticks over which the backlog never emptied. While it lasts the servers complete as fast as they can,
// so its rate of completion is their capacity, with no search at all:
//
//	relative standard error = √(cs² / n)
type Busy struct {
	Rate    float64 // ok per second
	N       int64   // ok
	Seconds float64
	Ticks   int
}

// SE is the relative standard error of the run's rate, from the dispersion of service times.
func (b Busy) SE(cs2 float64) float64 { return math.Sqrt(cs2 / math.Max(float64(b.N), 1)) }

// surely is the load above which a run's capacity is surely exceeded: cap (1 + 1.64 se + 0.3 %).
func (b Busy) surely(cs2 float64) float64 { return b.Rate * (1 + 1.64*b.SE(cs2) + .003) }

// tells is whether the run of a trial is long enough to judge it by.
func (b Busy) tells(rest Rest) bool {
	return b.Ticks >= 10 && b.N > 100 && b.Seconds > 3*rest.P99.Seconds()
}

// join pools two runs.
func (b Busy) join(o Busy) Busy {
	b.N, b.Seconds, b.Ticks = b.N+o.N, b.Seconds+o.Seconds, b.Ticks+o.Ticks
	b.Rate = float64(b.N) / b.Seconds
	return b
}

// leastBusy is how many ticks make a run: of fewer nothing is said.
const leastBusy = 3

// LastBusy is the last run of ticks with more than above in flight at every edge. Its first tick is left out, because
// servers may have been idle in it.
func LastBusy(ticks []attack.Tick, above float64) Busy {
	from := len(ticks)
	for from > 0 && float64(ticks[from-1].InFlight) > above {
		from--
	}
	from++ // ticks[from-1] is the first of the run
	if len(ticks)-from < leastBusy {
		return Busy{}
	}
	return runOf(ticks, from, len(ticks))
}

// runOf is the run of the ticks [from, to).
func runOf(ticks []attack.Tick, from, to int) Busy {
	began := time.Duration(0)
	if from > 0 {
		began = ticks[from-1].Elapsed
	}
	if from >= to {
		return Busy{}
	}
	b := Busy{Ticks: to - from, Seconds: (ticks[to-1].Elapsed - began).Seconds()}
	for _, t := range ticks[from:to] {
		b.N += t.OK
	}
	if b.Seconds > 0 {
		b.Rate = float64(b.N) / b.Seconds
	}
	return b
}

// AllBusy pools all runs of ticks with more than above in flight at every edge. A run that ends within the trial ends
// because much was completed, so this leans to high rates: it may contradict that a load was sustained, and not that it
// was too much.
func AllBusy(ticks []attack.Tick, above float64) Busy {
	var all Busy
	for end := len(ticks); end > 0; end-- {
		if float64(ticks[end-1].InFlight) <= above {
			continue
		}
		b := LastBusy(ticks[:end], above)
		if b.N > 0 {
			all = all.join(b)
			end -= b.Ticks
		}
	}
	return all
}

// Growth is how fast the backlog grows over the ticks after the first skip, as a share x of the load, and the number n
// of arrivals that it rests on:
//
//	x = (mean N of the last 15 % of ticks − mean N of the first 15 %) / (r × time between)
func Growth(ticks []attack.Tick, skip int, load float64) (x, n float64) {
	if len(ticks)-skip < 6 {
		skip = min(1, len(ticks))
	}
	judged := ticks[skip:]
	if len(judged) < 3 || load <= 0 {
		return 0, 0
	}
	k := max(1, len(judged)*15/100)
	first, last := 0.0, 0.0
	for i := range k {
		first += float64(judged[i].InFlight) / float64(k)
		last += float64(judged[len(judged)-1-i].InFlight) / float64(k)
	}
	between := (judged[len(judged)-k].Elapsed - judged[0].Elapsed).Seconds()
	if between <= 0 {
		return 0, 0
	}
	step := between / float64(len(judged)-k)
	return (last - first) / (load * between), load * step * float64(len(judged))
}

// goodput is the rate of ok over the ticks after the share from of them, per second.
func goodput(ticks []attack.Tick, from float64) float64 {
	i := int(from * float64(len(ticks)))
	if i >= len(ticks) {
		return 0
	}
	began, ok := 0.0, int64(0)
	if i > 0 {
		began = ticks[i-1].Elapsed.Seconds()
	}
	for _, t := range ticks[i:] {
		ok += t.OK
	}
	if long := ticks[len(ticks)-1].Elapsed.Seconds() - began; long > 0 {
		return float64(ok) / long
	}
	return 0
}
