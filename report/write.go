package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// output is one file of a run's folder and the format that it is asked for by. draw tells whether there is anything to write.
type output struct {
	format, name string
	draw         func(io.Writer) (drawn bool, err error)
}

// outputs are the files that a report is written as.
func (r Report) outputs() []output {
	always := func(f func(io.Writer, Report) error) func(io.Writer) (bool, error) {
		return func(w io.Writer) (bool, error) { return true, f(w, r) }
	}
	out := []output{
		{"json", "result.json", always(JSON)},
		{"html", "report.html", always(HTML)},
		{"md", "summary.md", always(Markdown)},
		{"junit", "junit.xml", always(JUnit)},
		{"json", "limits.json", func(w io.Writer) (bool, error) { return limitsJSON(w, r) }},
	}
	add := func(name string, lay func() *picture) {
		out = append(out, output{"png", name + ".png", func(w io.Writer) (bool, error) { return lay().png(w, false) }},
			output{formatDark, name + "-dark.png", func(w io.Writer) (bool, error) { return lay().png(w, true) }})
	}
	add("capacity", r.capacityPicture)
	add("spectrum", r.spectrumPicture)
	for _, s := range r.Storms {
		add("storm-"+fileName(s.Scenario), func() *picture { return r.stormPicture(s) })
	}
	return out
}

// formatDark is the format of PNGs for a dark ground. Only who asks for them gets them: few have a place to show them.
const formatDark = "png-dark"

// limitsJSON writes the recommendation, for verify --limits and export.
func limitsJSON(w io.Writer, r Report) (bool, error) {
	if r.Limits == nil {
		return false, nil
	}
	b, err := json.MarshalIndent(r.Limits, "", "  ")
	if err != nil {
		return true, err
	}
	_, err = w.Write(append(b, '\n'))
	return true, err
}

// WriteAll writes every file of the report into dir and makes dir if need be: result.json, report.html, summary.md, junit.xml, and
// where there is something to show capacity.png, spectrum.png, storm-<scenario>.png and limits.json. A plain load, which is to
// cost little, has its pictures drawn only when they are asked for. Each file is written beside its place and then moved there,
// so that none is ever seen half written; those that can be written are, whatever becomes of the rest. Files named as exceptions
// are left as they are.
func WriteAll(dir string, r Report, except ...string) error {
	return write(dir, slices.DeleteFunc(r.outputs(), func(o output) bool {
		return o.format == formatDark || o.format == "png" && r.Command() == "load" || slices.Contains(except, o.name)
	}))
}

// WriteFiles writes only the files of the formats given, as WriteAll does: "html" is report.html, "png" capacity.png,
// spectrum.png and storm-<scenario>.png, "png-dark" the same for a dark ground as capacity-dark.png and so on, "json" result.json and limits.json, "md" summary.md, "junit" junit.xml. Any other format is an error, and
// nothing is written.
func WriteFiles(dir string, r Report, formats ...string) error {
	var chosen []output
	for _, o := range r.outputs() {
		if slices.Contains(formats, o.format) {
			chosen = append(chosen, o)
		}
	}
	for _, f := range formats {
		if !slices.ContainsFunc(chosen, func(o output) bool { return o.format == f }) {
			return fmt.Errorf("no file of a report has format %q, want html, png, png-dark, json, md or junit", f)
		}
	}
	return write(dir, chosen)
}

func write(dir string, outputs []output) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the report's folder: %w", err)
	}
	var failed []error
	for _, o := range outputs {
		var b bytes.Buffer
		drawn, err := o.draw(&b)
		if err == nil && drawn {
			err = replace(filepath.Join(dir, o.name), b.Bytes())
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("write %s: %w", o.name, err))
		}
	}
	return errors.Join(failed...)
}

// replace puts a file with this content at path in one step.
func replace(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
