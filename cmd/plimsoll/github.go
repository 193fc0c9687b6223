package main

import (
	"bytes"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// tellGitHub dresses a run for GitHub Actions: an annotation for the run and each check that did not pass, the summary on
// the job's page, and the numbers as outputs of the step. Elsewhere it does nothing.
//
// The forms are those of "Workflow commands for GitHub Actions" in GitHub's documentation.
func tellGitHub(w io.Writer, dir string, r report.Report, code int) error {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	annotate(w, r, code)
	var summary bytes.Buffer
	if err := report.Markdown(&summary, r); err != nil {
		return err
	}
	return errors.Join(appendTo("GITHUB_STEP_SUMMARY", summary.String()), appendTo("GITHUB_OUTPUT", outputs(dir, r, code)))
}

// annotationsMax is how many annotations GitHub shows of one step and kind.
const annotationsMax = 10

func annotate(w io.Writer, r report.Report, code int) {
	level := map[int]string{exitKept: "notice", exitUndecided: "warning"}[code]
	if level == "" {
		level = "error"
	}
	fmt.Fprintf(w, "::%s title=plimsoll::%s\n", level, escapeText(r.Headline()))
	told := 0
	for _, s := range r.Storms {
		for _, c := range s.Checks {
			level := map[scenarios.Outcome]string{scenarios.Fail: "error", scenarios.Inconclusive: "warning"}[c.Outcome]
			if level == "" || told == annotationsMax {
				continue
			}
			told++
			fmt.Fprintf(w, "::%s title=%s::%s\n", level, escapeProperty(c.ID+" "+c.Name), escapeText(fmt.Sprintf("%s: want %s, got %s: %s", s.Scenario, c.Want, c.Got, c.Why)))
		}
	}
}

// outputs are the lines of a step's outputs, each value between marks that nobody can foresee.
func outputs(dir string, r report.Report, code int) string {
	var b strings.Builder
	mark := "plimsoll-" + crand.Text()
	add := func(name, value string) { fmt.Fprintf(&b, "%s<<%s\n%s\n%s\n", name, mark, value, mark) }
	number := func(name string, v float64) { add(name, strconv.FormatFloat(v, 'f', -1, 64)) }
	add("exit", strconv.Itoa(code))
	add("headline", r.Headline())
	add("report", filepath.Join(dir, "report.html"))
	add("result", filepath.Join(dir, "result.json"))
	if c := r.Capacity(); c != nil {
		if c.Estimate != nil {
			number("capacity", c.Estimate.Value)
		}
		if c.Knee != nil {
			number("knee", c.Knee.Value)
		}
	}
	if l := r.Limit(); l != nil {
		number("rate", l.Rate)
		number("burst", float64(l.Burst))
	}
	return b.String()
}

// appendTo adds text to the file that an environment variable names, if it names one.
func appendTo(variable, text string) error {
	path := os.Getenv(variable)
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("%s: %w", variable, err)
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

var (
	textEscaper     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscaper = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func escapeText(s string) string     { return textEscaper.Replace(s) }
func escapeProperty(s string) string { return propertyEscaper.Replace(s) }
