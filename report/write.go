package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// output is one file of a run's folder. draw tells whether there is anything to write.
type output struct {
	name string
	draw func(io.Writer) (drawn bool, err error)
}

// outputs are the files that a report is written as. junit.xml is not among them.
func (r Report) outputs() []output {
	always := func(f func(io.Writer, Report) error) func(io.Writer) (bool, error) {
		return func(w io.Writer) (bool, error) { return true, f(w, r) }
	}
	out := []output{
		{"result.json", always(JSON)},
		{"report.html", always(HTML)},
		{"summary.md", always(Markdown)},
		{"capacity.png", func(w io.Writer) (bool, error) { return CapacityPNG(w, r) }},
		{"limits.json", func(w io.Writer) (bool, error) { return limitsJSON(w, r) }},
	}
	for _, s := range r.Storms {
		out = append(out, output{"storm-" + fileName(s.Scenario) + ".png", func(w io.Writer) (bool, error) { return StormPNG(w, r, s) }})
	}
	return out
}

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

// WriteAll writes every file of the report into dir, which must exist: result.json, report.html, summary.md, and where
// there is something to show capacity.png, storm-<scenario>.png and limits.json. Each file is written beside its place and
// then moved there, so that none is ever seen half written; those that can be written are, whatever becomes of the rest.
func WriteAll(dir string, r Report) error {
	var failed []error
	for _, o := range r.outputs() {
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
