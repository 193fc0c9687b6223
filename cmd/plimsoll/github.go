package main

import (
	"bytes"
	"cmp"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// tellGitHub dresses a run for GitHub Actions: an annotation for the run and each check that did not pass, the summary on
// the job's page, and the numbers as outputs of the step. Elsewhere it does nothing.
//
// The forms are those of "Workflow commands for GitHub Actions" in GitHub's documentation.
func tellGitHub(w io.Writer, dir string, r report.Report, code int) error {
	if !onGitHub() {
		return nil
	}
	annotate(w, r, code)
	var summary bytes.Buffer
	if err := report.Markdown(&summary, r); err != nil {
		return err
	}
	return errors.Join(appendTo("GITHUB_STEP_SUMMARY", summary.String()), appendTo("GITHUB_OUTPUT", outputs(dir, r, code)))
}

func onGitHub() bool { return os.Getenv("GITHUB_ACTIONS") == "true" }

// tellGitHubError annotates what was wrong before there was a run to tell of, and sets the outputs that every step has.
func tellGitHubError(w io.Writer, err error) error {
	if !onGitHub() {
		return nil
	}
	fmt.Fprintf(w, "::error title=plimsoll::%s\n", escapeText(err.Error()))
	o := newOutputs()
	o.ending(exitCode(err), ending(exitCode(err)), err.Error())
	return appendTo("GITHUB_OUTPUT", o.String())
}

// inert passes on what is written, but for what GitHub's runner would take for a command: a colon where a line begins, and the bracket of
// ##[ anywhere. They are told in the escapes of JSON, because a target may have said them, and GitHub reads both streams of a step.
//
// Note: ::stop-commands:: would silence a stream until commands of our own are due, but of two streams the runner mixes the lines.
type inert struct {
	mu     sync.Mutex
	w      io.Writer
	begun  bool // the line holds more than blanks, for which all is taken that is not ASCII
	hashes int  // that stand last
}

// readByRunner makes a stream inert, unless it goes to a file, which the runner does not read.
func readByRunner(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return w
		}
	}
	return &inert{w: w}
}

func (i *inert) Write(p []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := make([]byte, 0, len(p))
	for _, c := range p {
		if c == ':' && !i.begun || c == '[' && i.hashes > 1 {
			out = fmt.Appendf(out, `\u%04x`, c)
		} else {
			out = append(out, c)
		}
		i.begun = c != '\n' && c != '\r' && (i.begun || c > ' ' && c < utf8.RuneSelf)
		if i.hashes++; c != '#' {
			i.hashes = 0
		}
	}
	if _, err := i.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// folded is the part of GitHub's log that folds the lines of a run's progress away, which an annotation and the result are
// to stand out from.
type folded struct{ end func() }

func (a *app) fold() folded {
	if !onGitHub() || a.quiet {
		return folded{func() {}}
	}
	fmt.Fprintln(a.orders, "::group::plimsoll, trial by trial")
	return folded{sync.OnceFunc(func() { fmt.Fprintln(a.orders, "::endgroup::") })}
}

func (folded) Feed(journal.Entry) {}
func (f folded) Close()           { f.end() }

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

// stepOutputs are the lines of a step's outputs, each value between marks that nobody can foresee.
type stepOutputs struct {
	strings.Builder
	mark string
}

func newOutputs() *stepOutputs { return &stepOutputs{mark: "plimsoll-" + crand.Text()} }

func (o *stepOutputs) add(name, value string) {
	fmt.Fprintf(o, "%s<<%s\n%s\n%s\n", name, o.mark, value, o.mark)
}

func (o *stepOutputs) number(name string, v float64) {
	o.add(name, strconv.FormatFloat(v, 'f', -1, 64))
}

func (o *stepOutputs) estimate(name string, e *analyze.Estimate) {
	if e != nil {
		o.number(name, e.Value)
	}
}

// ending tells how a step ended: by code, in a word, and in a sentence.
func (o *stepOutputs) ending(code int, word, headline string) {
	o.add("exit", strconv.Itoa(code))
	o.add("outcome", word)
	o.add("headline", headline)
}

// ending is an exit code in a word.
func ending(code int) string {
	return cmp.Or(map[int]string{exitKept: "kept", exitBroken: "broken", exitMisuse: "misuse", exitUndecided: "undecided",
		exitHarm: "harm", exitInterrupted: "interrupted"}[code], "unmeasured")
}

// outputs are those of a run. The outcome of a gate is its own word, which --fail-on does not change.
func outputs(dir string, r report.Report, code int) string {
	o := newOutputs()
	if g := r.Gate; g != nil {
		o.ending(code, string(g.Outcome), r.Headline())
		o.estimate("ratio", g.Ratio)
	} else {
		o.ending(code, ending(code), r.Headline())
	}
	o.add("run", dir)
	for name, file := range map[string]string{"report": "report.html", "result": "result.json", "junit": "junit.xml"} {
		o.add(name, filepath.Join(dir, file))
	}
	if c := r.Capacity(); c != nil {
		o.estimate("capacity", c.Estimate)
		o.estimate("knee", c.Knee)
	}
	if l := r.Limit(); l != nil {
		o.number("rate", l.Rate)
		o.number("burst", float64(l.Burst))
	}
	return o.String()
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
