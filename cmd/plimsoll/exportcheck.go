package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/plimsoll-load/plimsoll/limits/export"
)

// checkMax is the largest configuration that is read.
const checkMax = 4 << 20

// checkDrift reads a deployed file and says whether its limits are those of the policy: exit 0 if they are, 1 if not.
func (a *app) checkDrift(path string, formats []export.Format, p export.Policy) error {
	data, err := readAtMost(path, checkMax)
	if err != nil {
		return misuse("--check: %w", err)
	}
	f, found, err := readAs(path, data, formats)
	if err != nil {
		return err
	}
	drifts, err := f.Drift(found, p)
	if err != nil {
		return misuse("--check %s: %w", path, err)
	}
	for _, l := range found {
		fmt.Fprintf(a.out, "%s:%d: %s\n", path, l.Line, l)
	}
	if len(drifts) == 0 {
		_, err := fmt.Fprintf(a.out, "same: the limits of %s are the given ones\n", path)
		return err
	}
	for _, d := range drifts {
		fmt.Fprintln(a.out, "drifted:", d)
	}
	a.code = exitBroken
	return nil
}

func readAtMost(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return data, err
}

// readAs reads the limits of a file in the format that was named, or in the only one in which it holds any.
func readAs(path string, data []byte, named []export.Format) (f export.Format, found []export.Found, err error) {
	if len(named) > 1 {
		return f, nil, misuse("--check reads one file, and so one format: --to names %d", len(named))
	}
	if len(named) == 1 {
		if f = named[0]; f.Read == nil {
			return f, nil, misuseHint("--to list says which it reads", "--check cannot read %s", f.Name)
		}
		if found, err = f.Read(bytes.NewReader(data)); err != nil {
			err = misuse("--check %s: %w", path, err)
		}
		return f, found, err
	}
	var fit []string
	for _, candidate := range export.Formats() {
		if candidate.Read == nil {
			continue
		}
		if some, err := candidate.Read(bytes.NewReader(data)); err == nil && len(some) > 0 {
			f, found = candidate, some
			fit = append(fit, candidate.Name)
		}
	}
	switch len(fit) {
	case 1:
		return f, found, nil
	case 0:
		return f, nil, misuseHint("--to FORMAT says what it is", "--check %s: no limit found in it in any format that can be read", path)
	}
	return f, nil, misuse("--check %s: it could be %s: say which with --to", path, strings.Join(fit, " or "))
}
