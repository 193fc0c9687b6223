package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

func (a *app) reportCmd() *cobra.Command {
	var formats []string
	show := ""
	c := &cobra.Command{Use: "report RUN [RUN]...", GroupID: "measure", Short: "Render a run again from its journal, or compare several",
		Long:    "Render a run again from its journal, or compare several. The schema of json is told by `plimsoll schema result`, and that of several runs by `plimsoll schema comparison`.\n\n" + strings.TrimSpace(report.FormatsHelp()),
		Example: "  plimsoll report plimsoll-runs/20260102-150405-checkout\n  plimsoll report RUN --format text\n  plimsoll report RUN --format csv > windows.csv\n  plimsoll report RUN --format html,png,png-dark --out public\n  plimsoll report RUN --serve\n  plimsoll report BEFORE AFTER --out public\n  plimsoll report BEFORE AFTER --format md > comment.md", Args: someRuns,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) > 1 && show != "":
				return misuseHint("an address goes behind an equals sign: --serve=:8080", "--serve shows one run, got %d", len(args))
			case len(args) > 1:
				return a.compare(args, formats)
			case show != "":
				return a.serveRun(c.Context(), args[0], show)
			}
			return a.report(args[0], formats)
		}}
	c.Flags().StringSliceVar(&formats, "format", nil, strings.Join(formatsKnown, ", ")+"; html, png and png-dark (for a dark ground) write files (default: all files but the dark ones, and text)")
	c.Flags().StringVar(&a.spec.Out, "out", "", "folder for the files (default the run's)")
	c.Flags().StringVar(&show, "serve", "", "show the run as a page at this `address` until interrupted, and write nothing; a free port of this machine without one")
	c.Flags().Lookup("serve").NoOptDefVal = ":0"
	return c
}

// latestRun is the newest run under plimsoll-runs that holds a capacity.
func latestRun() (string, error) {
	found, err := filepath.Glob(filepath.Join(runsDir, "*", journalName))
	if err != nil {
		return "", err
	}
	slices.Sort(found)
	for _, path := range slices.Backward(found) {
		_, entries, err := readRun(path)
		if err == nil && slices.ContainsFunc(entries, func(e journal.Entry) bool { return e.Capacity != nil }) {
			return filepath.Dir(path), nil
		}
	}
	return "", misuseHint("plimsoll find URL makes one", "no run named, and none with a capacity in %s", runsDir)
}

// printed are the formats that go to standard output; the others write files.
var printed = map[string]func(io.Writer, report.Report) error{"text": report.Text, "json": report.JSON, "md": report.Markdown,
	"junit": report.JUnit, "csv": report.CSV, "openmetrics": report.OpenMetrics}

var formatsKnown = []string{"text", "json", "md", "junit", "csv", "openmetrics", "html", "png", "png-dark"}

func (a *app) report(path string, formats []string) error {
	for _, f := range formats {
		if !slices.Contains(formatsKnown, f) {
			return misuse("--format %q, want one of %s", f, strings.Join(formatsKnown, ", "))
		}
	}
	dir, entries, err := readRun(path)
	if err != nil {
		return err
	}
	if a.spec.Out != "" {
		dir = a.spec.Out
	}
	r := report.Fold(entries)
	if len(formats) == 0 {
		if err := editedLimits(dir, r.Limits); err != nil && a.spec.Out == "" {
			fmt.Fprintf(a.err, "%s was edited by hand, and is left as it is\n", filepath.Join(dir, limitsName))
			return a.publish(dir, entries, limitsName)
		}
		return a.publish(dir, entries)
	}
	files := slices.DeleteFunc(slices.Clone(formats), func(f string) bool { return printed[f] != nil })
	if len(files) == 0 && a.spec.Out != "" {
		return misuseHint("> FILE keeps it; without --format every file is written there", "--out is for html, png and png-dark; standard output is for %s", strings.Join(formats, " and "))
	}
	for _, f := range formats {
		if show := printed[f]; show != nil {
			if err := show(a.out, r); err != nil {
				return err
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	if err := report.WriteFiles(dir, r, files...); err != nil {
		return misuse("--out: %w", err)
	}
	_, err = fmt.Fprintf(a.err, "wrote %s to %s\n", strings.Join(files, " and "), dir)
	return err
}

// serveRun shows a run as its journal tells it, until ctx ends.
func (a *app) serveRun(ctx context.Context, path, address string) error {
	_, entries, err := readRun(path)
	if err != nil {
		return err
	}
	web, err := openWeb("serve", address, nil)
	if err != nil {
		return err
	}
	defer web.Close()
	for _, e := range entries {
		web.Feed(e)
	}
	web.Over()
	fmt.Fprintln(a.out, web.URL())
	<-ctx.Done()
	return nil
}
