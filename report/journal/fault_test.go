package journal

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

var errDisk = errors.New("no space left on device")

// disk fails its n-th write half way, or its n-th sync.
type disk struct {
	bytes.Buffer
	writes, syncs       int
	failWrite, failSync int
	closed              bool
}

func (d *disk) Write(p []byte) (int, error) {
	if d.writes++; d.writes == d.failWrite {
		n, _ := d.Buffer.Write(p[:len(p)/2])
		return n, errDisk
	}
	return d.Buffer.Write(p)
}

func (d *disk) Sync() error {
	if d.syncs++; d.syncs == d.failSync {
		return errDisk
	}
	return nil
}

func (d *disk) Close() error { d.closed = true; return nil }

// TestWriterThatFailsAtTheNthWrite: whatever fails and when, the error is told at once and again at the end, nothing is
// written behind the torn line, and what is on the disk reads as the entries before it.
func TestWriterThatFailsAtTheNthWrite(t *testing.T) {
	for n := 1; n <= len(story()); n++ {
		for name, d := range map[string]*disk{"write": {failWrite: n}, "sync": {failSync: n}} {
			w := &Writer{file: d}
			for i, e := range story() {
				if err := w.Write(e); (err != nil) != (i+1 >= n) {
					t.Fatalf("%s %d fails: Write of entry %d = %v", name, n, i+1, err)
				}
			}
			if err := w.Close(); !errors.Is(err, errDisk) || !d.closed {
				t.Errorf("%s %d fails: Close = %v (closed %v), want the failure told again", name, n, err, d.closed)
			}
			got, err := Read(bytes.NewReader(d.Bytes()))
			if err != nil || len(got) != n {
				t.Errorf("%s %d fails: Read = %d entries, %v; want %d", name, n, len(got), err, n)
			}
		}
	}
}

// FuzzRead gives Read payloads with right numbers and checksums, so that damage is not what it finds. The law: what is
// read can be written, and reads the same again.
func FuzzRead(f *testing.F) {
	whole := content(f, write(f, story()))
	f.Add(whole, false)
	f.Add([]byte(`{"trial":{"trial":{"n":1},"windows":[{"due":1,"ok":1,"response":"HISTFAAAABh42pNpmSzMwMDAwgABzFCaEUoz2X+AsIQBVXkDdw=="}]}}`), true)
	for _, p := range []string{`{"note":{"code":"a","text":"b"}}`, `{"end":{"exit":1}}`, `{}`, `null`, `{"run":{"schema":"plimsoll.journal/v1","spec":{"a":1}}}`} {
		f.Add([]byte(p+"\n"+p), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, stamped bool) {
		if stamped {
			var all strings.Builder
			for i, p := range bytes.Split(data, []byte("\n")) {
				all.WriteString(stamp(i+1, p))
			}
			data = []byte(all.String())
		}
		entries, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		d := &disk{}
		w := &Writer{file: d}
		for _, e := range entries {
			if err := w.Write(e); err != nil {
				t.Fatalf("read but cannot be written: %v", err)
			}
		}
		again, err := Read(bytes.NewReader(d.Bytes()))
		if err != nil {
			t.Fatalf("written but cannot be read: %v", err)
		}
		same(t, again, entries)
	})
}
