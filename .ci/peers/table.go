package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
)

// bar is a promise about plimsoll's number, beside those of vegeta and fortio.
type bar struct {
	says string
	met  func(v, vegeta, fortio float64) bool
}

// table collects numbers by row and tool and prints their medians as Markdown.
type table struct {
	title, corner string
	tools         []string
	rows          []string
	mu            sync.Mutex
	values        map[[2]string][]float64
	format        string
	worst         func([]float64) float64 // shown in brackets beside the median, and judged by the first bar
	bars          []bar                   // the bar, and the stretch, of every row
	rowBars       map[string][]bar        // or of one
	noRatios      bool
}

func newTable(title, corner string, tools []tool) *table {
	t := &table{title: title, corner: corner, values: map[[2]string][]float64{}, rowBars: map[string][]bar{}, format: "%.1f"}
	for _, tool := range tools {
		t.tools = append(t.tools, tool.name)
	}
	return t
}

func (t *table) barsOf(row string, bars ...bar) { t.rowBars[row] = bars }

func (t *table) add(row, tool string, v float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.rows, row) {
		t.rows = append(t.rows, row)
	}
	t.values[[2]string{row, tool}] = append(t.values[[2]string{row, tool}], v)
}

// of is the median of a cell; a run that gave no number makes it none.
func (t *table) of(row, tool string) float64 {
	v := t.values[[2]string{row, tool}]
	if slices.ContainsFunc(v, math.IsNaN) {
		return math.NaN()
	}
	return median(v)
}

func (t *table) cell(row, tool string) string {
	v := t.of(row, tool)
	if math.IsNaN(v) {
		return "–"
	}
	s := fmt.Sprintf(t.format, v)
	if t.worst != nil {
		s += fmt.Sprintf(" ("+t.format+")", t.worst(t.values[[2]string{row, tool}]))
	}
	return s
}

// used are the tools with a number in any row.
func (t *table) used() (out []string) {
	for _, tool := range t.tools {
		if slices.ContainsFunc(t.rows, func(row string) bool { return len(t.values[[2]string{row, tool}]) > 0 }) {
			out = append(out, tool)
		}
	}
	return out
}

func (t *table) print() {
	tools := t.used()
	head := append([]string{t.corner}, tools...)
	if !t.noRatios {
		head = append(head, "plimsoll ÷ vegeta", "plimsoll ÷ fortio")
	}
	barred := len(t.bars) > 0 || len(t.rowBars) > 0
	if barred {
		head = append(head, "bar", "stretch")
	}
	fmt.Printf("\n**%s**\n\n| %s |\n|%s\n", t.title, strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
	for _, row := range t.rows {
		cells := []string{row}
		for _, tool := range tools {
			cells = append(cells, t.cell(row, tool))
		}
		if !t.noRatios {
			cells = append(cells, t.ratio(row, "vegeta"), t.ratio(row, "fortio"))
		}
		if barred {
			cells = append(cells, t.judged(row)...)
		}
		fmt.Printf("| %s |\n", strings.Join(cells, " | "))
	}
}

func (t *table) ratio(row, to string) string {
	v := t.of(row, "plimsoll") / t.of(row, to)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf("%.2f", v)
}

// judged says of each bar of a row whether it is met. Where a worst is shown, it is the worst that must meet it.
func (t *table) judged(row string) (out []string) {
	bars := t.bars
	if b, ok := t.rowBars[row]; ok {
		bars = b
	}
	v := t.of(row, "plimsoll")
	if t.worst != nil && !math.IsNaN(v) {
		v = t.worst(t.values[[2]string{row, "plimsoll"}])
	}
	for _, b := range bars {
		verdict := "**missed**"
		if b.met(v, t.of(row, "vegeta"), t.of(row, "fortio")) {
			verdict = "met"
		}
		out = append(out, b.says+": "+verdict)
	}
	for len(out) < 2 {
		out = append(out, "")
	}
	return out
}
