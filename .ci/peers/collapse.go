package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// The runs of collapse, and the share of what was asked for below which one has collapsed.
const (
	collapseRuns = 20
	collapseRate = 10_000
	collapsed    = .999
)

// collapse counts the runs at 10,000/s that fall behind: of which nginx answered less than was asked for in the time that
// it was asked for in, by nginx's own log.
func (b *bench) collapse(ctx context.Context) error {
	some := slices.DeleteFunc(slices.Clone(b.tools), func(t tool) bool { return t.name != "plimsoll" && t.name != "vegeta" })
	tb := newTable(fmt.Sprintf("%d runs at %d/s against nginx", collapseRuns, collapseRate), "", some)
	d := b.long(5 * time.Second)
	for round := range collapseRuns {
		progress("collapse, run %d of %d", round+1, collapseRuns)
		for _, t := range some {
			if err := ctx.Err(); err != nil {
				return err
			}
			from, err := b.nginx.logged()
			if err != nil {
				return err
			}
			b.exec(ctx, t.held(t, b.nginx.logging, collapseRate, d), d, nil)
			at, err := b.nginx.log(from, t.before)
			if err != nil {
				return err
			}
			f := faithful(at, collapseRate, d)
			fell := 0.
			if f.achieved < collapsed {
				fell = 1
			}
			tb.add("achieved of asked, %, worst", t.name, 100*f.achieved)
			tb.add("collapsed (below 99.9 %)", t.name, fell)
		}
	}
	printCollapse(tb)
	return nil
}

// printCollapse shows the worst run and the number of those that collapsed.
func printCollapse(tb *table) {
	worst, fell := tb.rows[0], tb.rows[1]
	for key, v := range tb.values {
		if key[0] == worst {
			tb.values[key] = []float64{slices.Min(v)}
			continue
		}
		sum := 0.
		for _, one := range v {
			sum += one
		}
		tb.values[key] = []float64{sum}
	}
	tb.format, tb.noRatios = "%.2f", true
	tb.barsOf(worst, bar{"≥ 99.9", func(v, _, _ float64) bool { return v >= 100*collapsed }})
	tb.barsOf(fell, bar{"none", func(v, _, _ float64) bool { return v == 0 }})
	tb.print()
}

// logged is how long nginx's log is by now.
func (n *nginx) logged() (int64, error) {
	info, err := os.Stat(n.file)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// flush is how long nginx keeps lines to itself.
const flush = time.Second

// log is the moments, in seconds, of the requests that nginx answered since its log was so long, without the first few.
func (n *nginx) log(from int64, before int) (at []float64, err error) {
	time.Sleep(flush + flush/2)
	text, err := os.ReadFile(n.file)
	if err != nil {
		return nil, err
	}
	for _, line := range bytes.Fields(text[from:]) {
		t, err := strconv.ParseFloat(string(line), 64)
		if err != nil {
			return nil, fmt.Errorf("nginx's log: %w", err)
		}
		at = append(at, t)
	}
	slices.Sort(at)
	return at[min(before, len(at)):], nil
}
