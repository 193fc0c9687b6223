package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Writer appends entries to a journal. It may be used by several goroutines.
//
// Each entry is one write(2) of one line, followed by an fsync: entries come once a trial or more rarely, between trials,
// so that the disk is never waited for while load is sent, and a run loses at most the line it was killed in. After a
// write that failed the Writer refuses all others, so that the torn line stays the last one. Until Close or the end of the
// process no other Writer gets hold of the same journal, in this process or another.
type Writer struct {
	mu   sync.Mutex
	file file
	seq  int
	err  error // the first failure, for good
}

// file is what a Writer needs of an os.File; tests fail it at will.
type file interface {
	io.WriteCloser
	Sync() error
}

// Create begins a journal. One that exists is never overwritten.
func Create(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s exists and a journal is never overwritten; choose another --out, or go on with it by --resume", path)
	}
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	if err := hold(f, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("create journal: %w", errors.Join(err, f.Close()))
	}
	return &Writer{file: f}, nil
}

// Append goes on with a journal: it reads and verifies what is there, cuts off a torn last line, and returns the entries
// with a writer that stands behind them. A journal that is being written is refused before it is read. The note about the torn line is written, because the report must carry it.
func Append(path string) (*Writer, []Entry, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("resume journal: %w", err)
	}
	if err := hold(f, path); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	w, entries, err := resume(f)
	if err != nil {
		return nil, nil, fmt.Errorf("resume %s: %w", path, errors.Join(err, f.Close()))
	}
	return w, entries, nil
}

// errBusy is a file that another writer holds.
var errBusy = errors.New("another writer holds it")

// hold keeps other writers away from the journal until f is closed: two would write over one another's lines. A file system
// that knows no locks is let be.
func hold(f *os.File, path string) error {
	switch err := lock(f); {
	case errors.Is(err, errBusy):
		return fmt.Errorf("%s is being written by another plimsoll; wait for it to end", path)
	case err != nil && !errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("lock journal %s: %w", path, err)
	}
	return nil
}

func resume(f *os.File) (*Writer, []Entry, error) {
	p, err := read(f)
	if err != nil {
		return nil, nil, err
	}
	if err := f.Truncate(p.size); err != nil {
		return nil, nil, err
	}
	if _, err := f.Seek(p.size, io.SeekStart); err != nil {
		return nil, nil, err
	}
	w := &Writer{file: f, seq: len(p.entries)}
	if p.damage == nil {
		return w, p.entries, nil
	}
	note := Entry{Note: torn(len(p.entries) + 1)}
	return w, append(p.entries, note), w.Write(note)
}

// Write appends one entry and returns once it is on the disk. Entries for live views only are passed over. An entry that
// no journal may hold (sums that do not hold, no fact or several) is an error, and nothing is written.
func (w *Writer) Write(e Entry) error {
	if e.Live() {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return fmt.Errorf("write journal: an earlier line failed: %w", w.err)
	}
	if e.Run != nil && e.Run.Schema == "" {
		stamped := *e.Run
		stamped.Schema = Schema
		e.Run = &stamped
	}
	text, err := encode(w.seq+1, e)
	if err != nil {
		return fmt.Errorf("write journal line %d: %w", w.seq+1, err)
	}
	if err := w.put(text); err != nil {
		w.err = err
		return fmt.Errorf("write journal line %d: %w", w.seq+1, err)
	}
	w.seq++
	return nil
}

func (w *Writer) put(text []byte) error {
	if w.seq >= MaxLines {
		return fmt.Errorf("journal has %d lines already", MaxLines)
	}
	if _, err := w.file.Write(text); err != nil {
		return err
	}
	return w.file.Sync()
}

// Close closes the file. It tells again if a line failed.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.err, w.file.Close())
}

// syncDir makes the name of a new file as durable as its content. Systems that cannot sync a folder are let be.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
