package analyze_test

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/attack/sim/population"
)

// The rivals are the searches that people use, written anew after their published rules, put against the same services
// through the same Runner. They are helped: they know the true response times at rest, from which they take their goal of
// 10 times the p99, and where they need a highest rate it is a guess within 1.5 to 10 times the true breaking load. A rival
// judges all arrivals of a trial by its errors, its goal and what was answered within it.

// bracket is what a rival says: an estimate between two bounds.
type bracket struct{ value, lo, hi float64 }

// rival is one search.
type rival struct {
	name  string
	find  func(*bout) bracket
	study studied
}

var rivals = []rival{
	{"k6 ramp, 10 min, cumulative thresholds", k6, studied{12.4, 37.4, 40}},
	{"staircase, 20 steps of 30 s", staircase, studied{5.6, 16.7, 13}},
	{"exponential, then bisection, 10 s", doubling, studied{2.9, 17.3, 12}},
	{"MLRsearch-like, 21 of 1 s", func(b *bout) bracket { return (&multi{b: b, sum: 21, long: 1}).find() }, studied{13.4, 21.3, 47}},
	{"binary search, 60 s trials", func(b *bout) bracket { return b.binary(false) }, studied{49.8, 93.8, 64}},
}

// patient are two of them that also wait until the service has settled; they take as much time as all others together.
var patient = []rival{
	{"MLRsearch-like, 5 of 10 s, growth, settled", func(b *bout) bracket { return (&multi{b: b, sum: 5, long: 10, patient: true}).find() }, studied{2.2, 9.2, 4}},
	{"binary search, 60 s trials, settled", func(b *bout) bracket { return b.binary(true) }, studied{1.6, 9.0, 5}},
}

// bout is one search of one service: the rival's way to it, and what has been done to it so far.
type bout struct {
	s    population.Service
	r    *sim.Runner
	harm harm
}

func newBout(s population.Service, run uint64) *bout { return &bout{s: s, r: s.Runner(run)} }

// reading is what a rival reads off one trial.
type reading struct {
	attack.Measurement
	attack.Counts
	response attack.Histogram
}

func read(m attack.Measurement) reading {
	r := reading{Measurement: m}
	for _, w := range m.Windows {
		r.Counts.Add(w.Counts)
		r.response.Add(w.Response)
	}
	return r
}

// ask has the Runner carry out a trial.
func (b *bout) ask(t attack.Trial) reading {
	t.N, t.Seed = b.harm.trials+1, uint64(b.s.N*1000+b.harm.trials)
	m, err := b.r.Run(context.Background(), t, nil)
	if err != nil {
		panic(err)
	}
	r := read(m)
	b.harm.add(r, b.s.Truth.Break)
	b.harm.seconds = b.r.Clock().Seconds()
	return r
}

// hold is a trial of one load after a silence, evenly spaced as the tools of this kind do it, in one window.
func (b *bout) hold(load, long, idle float64) reading {
	return b.ask(attack.Trial{Phase: "hold", Idle: seconds(idle), Warmup: seconds(long),
		Actors: []attack.Actor{{Schedule: attack.Constant(load, seconds(long), attack.Even)}}})
}

// settle sends one request after the other until three in a row are fast.
func (b *bout) settle(most float64) {
	tr := b.s.Truth
	b.ask(attack.Trial{Phase: "settle", Serial: &attack.Serial{Max: 4000, For: seconds(most), Gap: seconds(max(.05, tr.P50)),
		Until: attack.Until{Fast: 3, Within: seconds(max(2*tr.P99, 3*tr.P50))}}})
}

func (b *bout) goal() float64 { return 10 * b.s.Truth.P99 }

// guess is the highest rate that somebody would write down: log-uniform within 1.5 to 10 times the breaking load.
func (b *bout) guess() float64 {
	u := float64(uint64(b.s.N)*40503*2654435761%10007) / 10007
	return b.s.Truth.Break * 1.5 * math.Pow(10/1.5, u)
}

// first is a load at which half a server is busy.
func (b *bout) first() float64 { return max(1, .5/b.s.Truth.Mean) }

// passes is the verdict on one trial: at most 1 % errors, 98 % answered within it but for what is under way, p99 within
// the goal.
func (b *bout) passes(m reading) bool {
	sent := float64(m.Due)
	if float64(m.bad()) > .01*sent {
		return false
	}
	if m.Took > m.Trial.Len() && float64(m.within()) < .98*sent-2-2*m.Trial.Load()*b.s.Truth.Mean {
		return false
	}
	return m.response.Quantile(.99).Seconds() <= b.goal()
}

// bad is what failed, refusals included: these tools count every status of 400 and more.
func (r reading) bad() int64 { return r.Failed + r.Shed + r.Throttled + r.Timeout }

// within is how many were answered before the trial's end.
func (r reading) within() (ok int64) {
	for _, k := range r.Ticks {
		ok += k.OK
	}
	return ok
}

// k6 is a ramp from nothing to the guess in ten minutes, with thresholds on all that has been answered so far, looked at
// every two seconds: grafana/k6, executor ramping-arrival-rate with abortOnFail.
func k6(b *bout) bracket {
	const long, look = 600., 2.
	b.r.Overlap = true
	most := b.guess()
	seen := k6Seen{patience: cmp.Or(b.s.Target().Timeout, sim.DefaultTimeout).Seconds()}
	for t := 0.; t < long; t += look {
		g := attack.Segment{From: most * t / long, To: most * (t + look) / long, Len: seconds(look)}
		m := b.ask(attack.Trial{Phase: "ramp", Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{g}}}}})
		if seen.look(m, t, t+look, b.goal()) {
			return bracket{g.To, g.To, g.To}
		}
	}
	return bracket{most, most, math.Inf(1)}
}

// k6Seen are the sums over all that was answered by now.
type k6Seen struct {
	n, over, bad float64
	open         []k6Second
	patience     float64 // after which a request has failed, seconds
}

// k6Second is what was due in one second.
type k6Second struct {
	at float64 // its middle
	w  attack.Window
}

// look takes in a stretch of the ramp and tells whether a threshold is crossed now. Seconds that are long past are closed.
func (k *k6Seen) look(m reading, began, now, goal float64) bool {
	for _, w := range m.Windows {
		k.open = append(k.open, k6Second{began + (w.At + w.Len/2).Seconds(), w})
	}
	sum := *k
	k.open = slices.DeleteFunc(k.open, func(s k6Second) bool {
		past := now-s.at > 11
		if past {
			k.add(s, math.Inf(1), goal)
		}
		sum.add(s, now-s.at, goal)
		return past
	})
	return sum.n > 50 && (sum.over > .01*sum.n || sum.bad > .01*sum.n)
}

// add counts what of a second was answered within so long.
func (k *k6Seen) add(s k6Second, within, goal float64) {
	late := func(bound float64) float64 {
		if math.IsInf(bound, 1) {
			return 0
		}
		return float64(s.w.Response.Over(seconds(bound)))
	}
	n := float64(s.w.Response.N()) - late(within)
	errors := float64(s.w.Failed + s.w.Shed + s.w.Throttled)
	k.n += n + errors
	k.bad += errors
	if within >= k.patience {
		k.bad += float64(s.w.Timeout) // which are among the responses
	}
	k.over += max(0, late(goal)-late(max(within, goal)))
}

// staircase holds 5 %, 10 %, 15 % … of the guess for 30 s each, without a pause.
func staircase(b *bout) bracket {
	const steps = 20
	b.r.Overlap = true
	most, last := b.guess(), 0.
	for i := 1.; i <= steps; i++ {
		load := most * i / steps
		m := b.hold(load, 30, 0)
		if !b.passes(m) {
			b.harm.seconds += (m.Took - m.Trial.Len()).Seconds()
			return bracket{math.Sqrt(max(last, most/steps/2) * load), last, load}
		}
		last = load
	}
	return bracket{last, last, math.Inf(1)}
}

// binary halves what lies between nothing and the guess, with trials of 60 s, to 3 %: RFC 2544, section 26.1. It waits for
// all answers and 2 s more, or until the service has settled.
func (b *bout) binary(settled bool) bracket {
	lo, hi, idle := 0., b.guess(), 0.
	for i := 0; i < 14 && (lo == 0 || hi/lo > 1.03); i++ {
		load := (lo + hi) / 2
		pass := b.passes(b.hold(load, 60, idle))
		if settled {
			b.settle(120)
		} else {
			idle = 2
		}
		if pass {
			lo = load
		} else {
			hi = load
		}
	}
	if lo == 0 {
		return bracket{hi, 0, hi}
	}
	return bracket{math.Sqrt(lo * hi), lo, hi}
}

// doubling doubles a load until a trial of 10 s fails, then bisects until two loads in a row differ by less than 1 %:
// envoyproxy/nighthawk, adaptive load with its exponential search step controller.
func doubling(b *bout) bracket {
	load := b.first()
	if load > .5*b.s.Truth.Break {
		load = .25 * b.s.Truth.Break
	}
	lo, hi, idle := 0., math.Inf(1), 0.
	for range 40 {
		pass := b.passes(b.hold(load, 10, idle))
		idle = 1
		switch {
		case pass:
			lo = load
		case lo == 0:
			load /= 4
			continue
		default:
			hi = load
		}
		if math.IsInf(hi, 1) {
			load *= 2
			continue
		}
		next := (lo + hi) / 2
		if near := math.Abs(next/load-1) < .01; near {
			return bracket{next, lo, hi}
		}
		load = next
	}
	return bracket{load, lo, hi}
}

// multi is a search after RFC 9971 (MLRsearch) with a loss ratio of 1 %, an exceed ratio of a half and a width of 3 %: a
// load is a bound once further trials cannot change what more than half of them say.
type multi struct {
	b       *bout
	sum     int     // trials that a load gets at most
	long    float64 // of each, seconds
	patient bool    // judged by the growth of its backlog, too, and settled
	known   map[float64]*said
}

// said is what the trials of one load said.
type said struct{ good, bad int }

const (
	multiWidth = .03
	multiMost  = 1500 // seconds
)

func (x *multi) find() bracket {
	x.known = map[float64]*said{}
	load := x.b.first()
	for x.decide(load, 1) > 0 {
		load *= 2
	}
	lo, hi := 0., math.Inf(1)
	before := 0
	for i, sum := range []int{1, int(math.Round(math.Sqrt(float64(x.sum)))), x.sum} {
		if before > 0 {
			x.again(before, sum)
		}
		lo, hi = x.narrow(sum, multiWidth*[]float64{4, 2, 1}[i])
		before = sum
	}
	if lo == 0 || math.IsInf(hi, 1) {
		return bracket{max(lo, 1), lo, hi}
	}
	return bracket{math.Sqrt(lo * hi), lo, hi}
}

// again measures the bounds of a coarser step with the trials of a finer one.
func (x *multi) again(before, sum int) {
	lo, hi := x.bounds(before)
	if lo > 0 {
		x.decide(lo, sum)
	}
	if !math.IsInf(hi, 1) {
		x.decide(hi, sum)
	}
}

// narrow searches until the bounds are within a width.
func (x *multi) narrow(sum int, width float64) (lo, hi float64) {
	lo, hi = x.bounds(sum)
	for i := 0; i < 30 && x.b.harm.seconds < multiMost; i++ {
		switch {
		case lo == 0 && math.IsInf(hi, 1), lo > 0 && hi/lo <= 1+1.0001*width:
			return lo, hi
		case lo == 0:
			x.decide(hi/(1+2*width), sum)
		case math.IsInf(hi, 1):
			x.decide(lo*(1+2*width), sum)
		default:
			x.decide(math.Sqrt(lo*hi), sum)
		}
		lo, hi = x.bounds(sum)
	}
	return lo, hi
}

// bounds are the lowest upper bound and the highest lower bound below it.
func (x *multi) bounds(sum int) (lo, hi float64) {
	hi = math.Inf(1)
	for load := range x.known {
		if x.class(load, sum) < 0 {
			hi = min(hi, load)
		}
	}
	for load := range x.known {
		if x.class(load, sum) > 0 && load < hi {
			lo = max(lo, load)
		}
	}
	return lo, hi
}

// decide tries a load until it is a bound: +1 a lower one, −1 an upper one.
func (x *multi) decide(load float64, sum int) int {
	for x.class(load, sum) == 0 && x.b.harm.seconds < multiMost {
		x.try(load)
	}
	return x.class(load, sum)
}

// class is +1 or −1 where the trials still to come cannot change it, else 0.
func (x *multi) class(load float64, sum int) int {
	s := x.known[load]
	if s == nil {
		return 0
	}
	half := .5 * float64(max(sum, s.good+s.bad))
	switch {
	case float64(max(sum, s.good+s.bad)-s.good) <= half:
		return 1
	case float64(s.bad) > half:
		return -1
	}
	return 0
}

// try holds a load once. What is not answered in time is lost, but for a time of grace.
func (x *multi) try(load float64) {
	tr := x.b.s.Truth
	idle := .2
	if x.patient {
		idle = 0
	}
	m := x.b.hold(load, max(x.long, 20*tr.P99, 200/load), idle)
	lost := float64(m.bad())
	if !x.patient {
		late := float64(m.Due-m.bad()-m.within()) - load*(3*tr.P99+2/load)
		lost += max(0, late)
	}
	ok := lost <= .01*float64(m.Due)
	if x.patient {
		growth, n := analyze.Growth(m.Ticks, 0, load)
		ok = ok && !(growth > max(.01, 1.5/math.Sqrt(max(n, 1))) && growth*n > 5)
		x.b.settle(30)
	}
	if x.known[load] == nil {
		x.known[load] = &said{}
	}
	if ok {
		x.known[load].good++
	} else {
		x.known[load].bad++
	}
}

// harm is what a search cost, whoever's it is.
type harm struct {
	trials   int
	seconds  float64
	requests float64 // seconds of capacity
	above    float64 // seconds at more than 1.01 of the breaking load
	excess   float64 // what was offered beyond it, in seconds of capacity
	failed   float64 // requests
	due      float64
	worst    float64 // response time, seconds
	peak     float64 // highest load, of the breaking load
}

// add counts one trial against a breaking load.
func (h *harm) add(m reading, breaking float64) {
	h.trials++
	long := m.Trial.Len()
	if m.Aborted != nil {
		long = m.Aborted.At
	}
	h.requests += float64(max(m.Attempts, m.Due-m.Unsent)) / breaking
	h.due += float64(m.Due)
	h.failed += float64(m.Failed + m.Timeout + m.Shed)
	h.worst = max(h.worst, m.response.Max().Seconds())
	if len(m.Trial.Actors) == 0 {
		return
	}
	g := m.Trial.Actors[0].Schedule.Segments[0]
	load := (g.From + g.To) / 2
	h.peak = max(h.peak, load/breaking)
	if load > 1.01*breaking {
		h.above += long.Seconds()
	}
	h.excess += max(0, load/breaking-1) * long.Seconds()
}

func seconds(f float64) time.Duration { return time.Duration(f * float64(time.Second)) }
