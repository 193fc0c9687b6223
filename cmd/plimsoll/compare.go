package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
)

// someRuns wants one run, or as many as a comparison can tell apart.
func someRuns(c *cobra.Command, args []string) error {
	if len(args) > report.SidesMax {
		return misuse("%s compares at most %s, got %d", c.Name(), attack.Plural(report.SidesMax, "run"), len(args))
	}
	if len(args) == 0 {
		return oneArg("run")(c, args)
	}
	return nil
}

// comparisonPrinted are the formats of a comparison that go to standard output; the others write files.
var comparisonPrinted = map[string]func(io.Writer, report.Comparison) error{"text": report.ComparisonText, "json": report.ComparisonJSON, "md": report.ComparisonMarkdown}

// compare holds runs against the first of them. Files go to the folder of the last run unless --out names another.
func (a *app) compare(paths, formats []string) error {
	if len(formats) == 0 {
		formats = []string{"text", "html", "png"}
	}
	var files []string
	for _, f := range formats {
		switch {
		case comparisonPrinted[f] != nil:
		case slices.Contains([]string{"html", "png"}, f):
			files = append(files, f)
		default:
			return misuse("--format %q, want text, json, md, html or png of several runs", f)
		}
	}
	if len(files) == 0 && a.spec.Out != "" {
		return misuse("--out is for html and png; %s went to standard output", strings.Join(formats, " and "))
	}
	sides, dir, err := readSides(paths)
	if err != nil {
		return err
	}
	c := report.Compare(sides, unlike(sides)...)
	for _, f := range formats {
		if show := comparisonPrinted[f]; show != nil {
			if err := show(a.out, c); err != nil {
				return err
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	if err := report.WriteComparison(cmp.Or(a.spec.Out, dir), c, files...); err != nil {
		return misuse("--out: %w", err)
	}
	_, err = fmt.Fprintf(a.err, "wrote comparison.%s to %s\n", strings.Join(files, " and comparison."), cmp.Or(a.spec.Out, dir))
	return err
}

// readSides reads runs, each called by the last part of its path, and finds the folder of the last.
func readSides(paths []string) (sides []report.Side, dir string, err error) {
	called := map[string]int{}
	for _, path := range paths {
		d, entries, err := readRun(path)
		if err != nil {
			return nil, "", err
		}
		dir = d
		name := filepath.Base(d)
		if abs, err := filepath.Abs(d); err == nil {
			name = filepath.Base(abs)
		}
		if called[name]++; called[name] > 1 {
			name = fmt.Sprintf("%s (%d)", name, called[name])
		}
		sides = append(sides, report.Side{Name: name, Report: report.Fold(entries)})
	}
	return sides, dir, nil
}

// unlike are the caveats of a comparison: what a run was asked otherwise than the first, and what its machine was otherwise.
func unlike(sides []report.Side) (out []attack.Note) {
	base := sides[0].Run
	for _, s := range sides[1:] {
		was, is := question(base.Spec), question(s.Run.Spec)
		var keys []string
		for key := range union(was, is) {
			if was[key] != is[key] {
				keys = append(keys, strings.TrimPrefix(key, "target."))
			}
		}
		if len(keys) > 0 {
			slices.Sort(keys)
			out = append(out, attack.Note{Code: "other-question", Text: fmt.Sprintf("%s was asked otherwise than %s: %s", s.Name, sides[0].Name, strings.Join(keys, ", "))})
		}
		for _, n := range differences(base.Environment, s.Run.Environment) {
			_, what, _ := strings.Cut(n.Text, ": ")
			out = append(out, attack.Note{Code: n.Code, Text: fmt.Sprintf("%s was made on another machine than %s: %s", s.Name, sides[0].Name, what)})
		}
	}
	return out
}
