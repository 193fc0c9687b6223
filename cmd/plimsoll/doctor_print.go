package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-load/plimsoll/attack"
)

// print writes the table of checks and the one sentence.
func (d diagnosis) print(w io.Writer) error {
	var b strings.Builder
	names := 0
	for _, c := range d.Checks {
		names = max(names, utf8.RuneCountInString(c.Name))
	}
	for _, c := range d.Checks {
		line := fmt.Sprintf("%-12s%s  %s", c.Outcome, padded(c.Name, names), c.Got)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		if c.Outcome != attack.Healthy {
			fmt.Fprintf(&b, "%s  want %s\n", padded("", 12+names), c.Want)
		}
		if c.Fix != "" {
			fmt.Fprintf(&b, "%s  → %s\n", padded("", 12+names), c.Fix)
		}
	}
	for i, t := range d.tries() {
		if i == 0 {
			fmt.Fprintf(&b, "\n%12s  %10s  %10s\n", "rate asked", "answered/s", "lag p99")
		}
		cause, _, _ := strings.Cut(t.Unwell, ":") // --json has the rest
		b.WriteString(strings.TrimRight(fmt.Sprintf("%12.0f  %10.0f  %10s  %s", t.Rate, t.Achieved, t.lag(), cause), " ") + "\n")
	}
	fmt.Fprintf(&b, "\n%s\n", d.Outcome)
	_, err := io.WriteString(w, b.String())
	return err
}

func (d diagnosis) tries() []driveTry {
	if d.Calibration == nil {
		return nil
	}
	return d.Calibration.Trials
}

func (t driveTry) lag() string {
	if t.LagP99 == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f ms", *t.LagP99)
}

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
