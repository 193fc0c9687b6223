package journal

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"

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
	if err == nil && p.damage != nil {
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
	damage  error // of what stands behind it and is no line, nil when nothing does
}

func read(r io.Reader) (prefix, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxLine+1)
	lines.Split(keepNewlines)
	var p prefix
	var q queue
	defer q.wait()
	for seq := 1; lines.Scan(); seq++ {
		if seq > MaxLines {
			return prefix{}, fmt.Errorf("read journal: more than %s", attack.Plural(MaxLines, "line"))
		}
		q.add(seq, bytes.Clone(lines.Bytes()))
		if len(q.ahead) >= aheadMax {
			if err := p.take(q.next()); err != nil {
				return prefix{}, err
			}
		}
	}
	for len(q.ahead) > 0 {
		if err := p.take(q.next()); err != nil {
			return prefix{}, err
		}
	}
	if err := lines.Err(); err != nil {
		return prefix{}, fmt.Errorf("read journal line %d: %w", len(p.entries)+1, err)
	}
	return p, nil
}

// take adds the next line. Damage is forgiven if no other line follows.
func (p *prefix) take(d decoded) error {
	if p.damage == nil && errors.Is(d.err, errDamaged) {
		p.damage = d.err
		return nil
	}
	if err := cmp.Or(p.damage, d.err); err != nil {
		return fmt.Errorf("read journal line %d: %w", len(p.entries)+1, err)
	}
	p.entries = append(p.entries, d.entry)
	p.size += int64(d.size)
	return nil
}

// decoded is what a line came to.
type decoded struct {
	entry Entry
	size  int // of the line, in bytes
	err   error
}

// queue decodes lines side by side, because most of the time of a long journal goes there, and gives them in their order.
type queue struct {
	ahead   []chan decoded
	working sync.WaitGroup
}

// aheadMax bounds the lines that are held at once: enough that one long line lets no processor wait, few enough that long
// ones fill no memory.
var aheadMax = min(2*runtime.GOMAXPROCS(0), 16)

func (q *queue) add(seq int, text []byte) {
	done := make(chan decoded, 1)
	q.ahead = append(q.ahead, done)
	q.working.Go(func() {
		e, err := decode(seq, text)
		done <- decoded{e, len(text), err}
	})
}

func (q *queue) next() decoded {
	first := q.ahead[0]
	q.ahead = q.ahead[1:]
	return <-first
}

// wait lets no line be decoded beyond the end of the call.
func (q *queue) wait() { q.working.Wait() }

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
