package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// interleaved runs do once a round and tool, interleaved.
func (b *bench) interleaved(ctx context.Context, n int, what string, can func(tool) bool, do func(t tool, round int) error) error {
	for round := range n {
		progress("%s, round %d of %d", what, round+1, n)
		for _, t := range b.tools {
			if !can(t) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := do(t, round); err != nil {
				return err
			}
		}
	}
	return nil
}

func holds(t tool) bool { return t.held != nil }

// cpu is the processor time of one request at a held rate: what the whole tree of processes used, by the requests that
// nginx answered meanwhile.
func (b *bench) cpu(ctx context.Context) error {
	tb := newTable("CPU per request, µs, user and system of the whole process tree, against nginx", "asked", b.tools)
	for _, rate := range []int{2000, 5000} {
		d := b.long(5 * time.Second)
		err := b.interleaved(ctx, b.rounds, fmt.Sprintf("cpu at %d/s", rate), holds, func(t tool, _ int) error {
			before, err := b.nginx.requests()
			if err != nil {
				return err
			}
			r := b.exec(ctx, t.held(t, b.nginx.url, rate, d), d, nil)
			after, err := b.nginx.requests()
			if err != nil {
				return err
			}
			tb.add(fmt.Sprintf("%d/s", rate), t.name, float64(r.cpu.Microseconds())/float64(max(after-before, 1)))
			return nil
		})
		if err != nil {
			return err
		}
	}
	tb.format = "%.0f"
	tb.bars = []bar{{"≤ 0.35 × vegeta", func(v, vegeta, _ float64) bool { return v <= .35*vegeta }}, {"≤ 1.0 × fortio", func(v, _, fortio float64) bool { return v <= fortio }}}
	tb.print()
	return nil
}

// most is the throughput of 50 connections, counted by nginx over the middle of the run.
func (b *bench) most(ctx context.Context) error {
	tb := newTable("Maximum throughput with 50 connections, requests/s as nginx counts them", "target", b.tools)
	d := b.long(4 * time.Second)
	err := b.interleaved(ctx, b.rounds, "max", func(t tool) bool { return t.most != nil }, func(t tool, _ int) error {
		var rate atomic.Uint64
		b.exec(ctx, t.most(t, b.nginx.url, d), d, func(int) {
			time.Sleep(d / 4)
			began := time.Now()
			before, err := b.nginx.requests()
			time.Sleep(d / 2)
			after, err2 := b.nginx.requests()
			if err == nil && err2 == nil {
				rate.Store(math.Float64bits(float64(after-before) / time.Since(began).Seconds()))
			}
		})
		tb.add("nginx", t.name, math.Float64frombits(rate.Load()))
		return nil
	})
	tb.format = "%.0f"
	tb.bars = []bar{{"≥ 2 × vegeta", func(v, vegeta, _ float64) bool { return v >= 2*vegeta }}, {"≥ 1.0 × fortio", func(v, _, fortio float64) bool { return v >= fortio }}}
	tb.print()
	return err
}

// fidelity compares the arrivals at the server with the schedule: how many of those asked for came, how far from their
// moment, and how even the gaps are.
func (b *bench) fidelity(ctx context.Context) error {
	got := newTable("Achieved of asked, %, median (worst)", "asked", b.tools)
	p50 := newTable("Deviation from the schedule, p50, ms", "asked", b.tools)
	p99 := newTable("Deviation from the schedule, p99, ms", "asked", b.tools)
	cv := newTable("CV of the gaps (0 is even)", "asked", b.tools)
	d := b.long(5 * time.Second)
	look := func(row string, rate int, t tool) {
		b.arrivals.begin(0)
		b.exec(ctx, t.held(t, b.arrivals.url, rate, d), d, nil)
		f := faithful(b.arrivals.log(t.before), float64(rate), d)
		got.add(row, t.name, 100*f.achieved)
		p50.add(row, t.name, f.p50*1000)
		p99.add(row, t.name, f.p99*1000)
		cv.add(row, t.name, f.cv)
	}
	for _, rate := range []int{1000, 5000, 10_000} {
		row := fmt.Sprintf("%d/s", rate)
		if err := b.interleaved(ctx, b.rounds, "fidelity at "+row, holds, func(t tool, _ int) error { look(row, rate, t); return nil }); err != nil {
			return err
		}
	}
	got.format, got.worst = "%.2f", slices.Min
	got.bars = []bar{{"≥ 99.9", func(v, _, _ float64) bool { return v >= 99.9 }}, {"≥ 99.99", func(v, _, _ float64) bool { return v >= 99.99 }}}
	p50.format, p99.format, cv.format = "%.3f", "%.2f", "%.2f"
	p50.barsOf("1000/s", bar{"≤ 0.1", atMost(.1)}, bar{"≤ 0.05", atMost(.05)})
	p99.barsOf("1000/s", bar{"≤ 1.5", atMost(1.5)}, bar{"≤ 0.8", atMost(.8)})
	for _, t := range []*table{got, p50, p99, cv} {
		t.print()
	}
	return nil
}

type faith struct{ achieved, p50, p99, cv float64 }

// faithful compares arrivals, in seconds, with an even schedule of the rate over d. The schedule is laid through the median
// deviation, so that a path that is always as long counts for nothing. Arrivals after d, within which all were asked for,
// are no achievement.
func faithful(at []float64, rate float64, d time.Duration) (f faith) {
	asked := int(math.Round(rate * d.Seconds()))
	if len(at) < 2 {
		return f
	}
	inTime := 0
	for _, t := range at {
		if t-at[0] < d.Seconds()+.001 {
			inTime++
		}
	}
	f.achieved = float64(inTime) / float64(asked)
	n := min(len(at), asked)
	off, sum, squares := make([]float64, n), 0., 0.
	for i := range n {
		off[i] = at[i] - at[0] - float64(i)/rate
		if i > 0 {
			gap := at[i] - at[i-1]
			sum, squares = sum+gap, squares+gap*gap
		}
	}
	middle := median(off)
	for i := range off {
		off[i] = math.Abs(off[i] - middle)
	}
	slices.Sort(off)
	f.p50, f.p99 = off[n/2], off[min(n-1, n*99/100)]
	mean := sum / float64(n-1)
	f.cv = math.Sqrt(max(0, squares/float64(n-1)-mean*mean)) / mean
	return f
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	switch n := len(s); {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return s[n/2]
	default:
		return (s[n/2-1] + s[n/2]) / 2
	}
}

// stall is the p99 that each tool reports of 10 s at 1,000/s over 50 connections, of which the server stalls one second:
// 1,000 of 10,000 arrivals wait, up to a second each, so that the hundredth longest wait is 900 ms.
func (b *bench) stall(ctx context.Context) error {
	const d = 10 * time.Second // not shortened: the truth depends on it
	tb := newTable("Reported p99, ms, when the server stalls 1 s in 10 s at 1,000/s over 50 connections (the truth is 900)", "stall", b.tools)
	err := b.interleaved(ctx, min(b.rounds, 3), "stall", func(t tool) bool { return t.narrow != nil && t.p99 != nil }, func(t tool, _ int) error {
		b.arrivals.begin(4 * time.Second)
		r := b.exec(ctx, t.narrow(t, b.arrivals.url, 1000, d), d, nil)
		b.arrivals.begin(0)
		ms, err := t.p99(r.out)
		if err != nil {
			progress("  %s: %v", t.name, err)
			ms = math.NaN()
		}
		tb.add("1 s", t.name, ms)
		return nil
	})
	near := func(share float64) func(v, _, _ float64) bool {
		return func(v, _, _ float64) bool { return math.Abs(v/900-1) <= share }
	}
	tb.format, tb.bars = "%.0f", []bar{{"900 ± 2 %", near(.02)}, {"900 ± 1 %", near(.01)}}
	tb.noRatios = true
	tb.print()
	return err
}

// memory is what the whole tree has in memory after 10 s and after 60 s at 2,000/s. One run each: it is no matter of noise.
func (b *bench) memory(ctx context.Context) error {
	tb := newTable("Resident memory at 2,000/s, MB", "after", b.tools)
	early, late := 10*time.Second, 60*time.Second
	if b.quick {
		early, late = 5*time.Second, 15*time.Second
	}
	long := late + 2*time.Second
	some := func(t tool) bool { return slices.Contains([]string{"plimsoll", "vegeta", "fortio", "k6"}, t.name) }
	err := b.interleaved(ctx, 1, "rss", some, func(t tool, _ int) error {
		b.exec(ctx, t.held(t, b.nginx.url, 2000, long), long, func(pid int) {
			time.Sleep(early)
			first := float64(resident(pid)) / 1e6
			time.Sleep(late - early)
			second := float64(resident(pid)) / 1e6
			tb.add(early.String(), t.name, first)
			tb.add(late.String(), t.name, second)
			tb.add("growth", t.name, second-first)
		})
		return nil
	})
	tb.format = "%.1f"
	tb.barsOf(late.String(), bar{"≤ 40", atMost(40)}, bar{"≤ 30", atMost(30)})
	tb.barsOf("growth", bar{"≤ 3", atMost(3)}, bar{"≤ 1", atMost(1)})
	tb.print()
	return err
}

func atMost(most float64) func(v, _, _ float64) bool {
	return func(v, _, _ float64) bool { return v <= most }
}

// burst is the time from the first to the last arrival of a burst over connections that were opened before. The peers have
// no such thing.
func (b *bench) burst(ctx context.Context) error {
	ours := b.tools[:1]
	tb := newTable("Warm burst, first to last arrival at the server, ms", "burst", ours)
	for _, n := range []int{500, 5000} {
		for round := range b.rounds {
			progress("burst of %d, round %d of %d", n, round+1, b.rounds)
			if err := ctx.Err(); err != nil {
				return err
			}
			t := ours[0]
			b.arrivals.begin(0)
			b.exec(ctx, []string{t.path, "load", b.arrivals.url, "--rate", "0", "--burst", strconv.Itoa(n), "--for", "1s", "--quiet", "--out", outDir()}, 5*time.Second, nil)
			at := b.arrivals.log(t.before)
			if len(at) < n {
				progress("  %d of %d arrived", len(at), n)
				tb.add(strconv.Itoa(n), t.name, math.NaN())
				continue
			}
			at = at[len(at)-n:]
			tb.add(strconv.Itoa(n), t.name, 1000*(at[n-1]-at[0]))
		}
	}
	tb.format, tb.noRatios = "%.1f", true
	tb.barsOf("500", bar{"≤ 30", atMost(30)}, bar{"≤ 15", atMost(15)})
	tb.barsOf("5000", bar{"≤ 300", atMost(300)}, bar{"≤ 150", atMost(150)})
	tb.print()
	return nil
}

// allocs is what the engine's own benchmark of its send path allocates a request.
func (b *bench) allocs(ctx context.Context) error {
	tb := newTable("Allocations per request in the engine (go test -bench SendPath)", "benchmark", b.tools[:1])
	cmd := exec.CommandContext(ctx, "go", "test", "./attack/engine", "-run", "^$", "-bench", "SendPath", "-benchtime", "20000x", "-benchmem")
	cmd.Dir = b.repo
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	for _, m := range regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s.*?(\d+) allocs/op`).FindAllSubmatch(out, -1) {
		n, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			return err
		}
		tb.add(string(m[1]), "plimsoll", n)
	}
	tb.format, tb.noRatios = "%.0f", true
	tb.bars = []bar{{"≤ 30", atMost(30)}, {"≤ 10", atMost(10)}}
	tb.print()
	return nil
}
