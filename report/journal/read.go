package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Codes of the notes that reading adds.
const (
	NoteTorn    = "torn journal"
	NoteUnknown = "unknown entry"
)

// Read reads a journal to its end. A last line that was torn by a crash is left out and reported as an Entry with a
// Note; damage anywhere before it is an error that names the line. An empty journal has no entries.
func Read(r io.Reader) ([]Entry, error) {
	p, err := read(r)
	if err == nil && p.torn {
		return append(p.entries, Entry{Note: torn(len(p.entries) + 1)}), nil
	}
	return p.entries, err
}

// ReadFile reads the journal at path.
func ReadFile(path string) ([]Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	defer f.Close()
	entries, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entries, nil
}

// prefix is the part of a journal that is whole.
type prefix struct {
	entries []Entry
	size    int64 // in bytes, where a writer may go on
	torn    bool  // something stands behind it that is no line
}

func read(r io.Reader) (prefix, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine+1)
	lines.Split(keepNewlines)
	var p prefix
	var damage error // of the line before, forgiven if that was the last
	for lines.Scan() {
		seq := len(p.entries) + 1
		if damage != nil {
			return prefix{}, fmt.Errorf("read journal line %d: %w", seq, damage)
		}
		if seq > MaxLines {
			return prefix{}, fmt.Errorf("read journal: more than %d lines", MaxLines)
		}
		e, err := decode(seq, lines.Bytes())
		if errors.Is(err, errDamaged) {
			damage = err
			continue
		}
		if err != nil {
			return prefix{}, fmt.Errorf("read journal line %d: %w", seq, err)
		}
		p.entries = append(p.entries, e)
		p.size += int64(len(lines.Bytes()))
	}
	p.torn = damage != nil
	if err := lines.Err(); err != nil {
		return prefix{}, fmt.Errorf("read journal line %d: %w", len(p.entries)+1, err)
	}
	return p, nil
}

// keepNewlines is bufio.ScanLines, except that a line keeps its newline, so that a torn one is seen to lack it.
func keepNewlines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func torn(seq int) *attack.Note {
	return &attack.Note{Code: NoteTorn, Text: fmt.Sprintf("the run was cut off while it wrote line %d of its journal; what that line said is lost", seq)}
}

func unknown(seq int) *attack.Note {
	return &attack.Note{Code: NoteUnknown, Text: fmt.Sprintf("line %d of the journal holds a fact that this version does not know", seq)}
}
