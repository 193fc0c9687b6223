package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
)

// Schema names the format of a journal. A reader refuses any other.
const Schema = "plimsoll.journal/v1"

// What a journal may hold at most. A trial's line is far below MaxLine even with MaxLog attempts kept; a run is far below
// MaxLines even when every trial brings a note.
const (
	MaxLine  = 64 << 20 // bytes of one line
	MaxLines = 100_000
)

// castagnoli is CRC-32C: it finds every burst of damage up to 32 bits (RFC 3720, 12.1), and processors compute it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head is what a line says before its entry. The sum is that of the entry's bytes as they stand in the line.
type head struct {
	Seq int    `json:"seq"` // from 1, without gaps
	Sum string `json:"crc32c"`
}

// What stands between the head and the entry, and behind the entry: a line is cut there, so that the entry, which may be long,
// is parsed but once.
var (
	middle = []byte(`,"entry":`)
	ending = []byte("}\n")
)

func sum(payload []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(payload, castagnoli)) }

// encode is the entry as the seq-th line of a journal, newline included.
func encode(seq int, e Entry) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	payload, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	out := fmt.Appendf(nil, `{"seq":%d,"crc32c":"%s","entry":%s}`+"\n", seq, sum(payload), payload)
	if len(out) > MaxLine {
		return nil, fmt.Errorf("entry of %d bytes, more than the %d that a line may have", len(out), MaxLine)
	}
	return out, nil
}

// errDamaged is a line that does not say what was written: only the last one may be so.
var errDamaged = errors.New("damaged")

// decode reads the seq-th line, newline included. Damage is errDamaged; every other error is about what was meant.
func decode(seq int, text []byte) (Entry, error) {
	before, payload, begun := bytes.Cut(text, middle)
	payload, ended := bytes.CutSuffix(payload, ending)
	if !begun || !ended {
		return Entry{}, fmt.Errorf("%w: it has no entry, or no end", errDamaged)
	}
	var h head
	if err := json.Unmarshal(append(bytes.Clone(before), '}'), &h); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if got := sum(payload); got != h.Sum {
		return Entry{}, fmt.Errorf("%w: checksum %s, want %s", errDamaged, got, h.Sum)
	}
	if h.Seq != seq {
		return Entry{}, fmt.Errorf("it says that it is entry %d, want %d: lines are missing or out of order", h.Seq, seq)
	}
	var e Entry
	if err := json.Unmarshal(payload, &e); err != nil {
		return Entry{}, err
	}
	if e.kinds() == 0 {
		e.Note = unknown(seq)
	}
	return e, e.check()
}

// check reports an entry that no journal may hold, whether it is about to be written or was just read.
func (e Entry) check() error {
	if n := e.kinds(); n != 1 {
		return fmt.Errorf("an entry is one fact, this one holds %d", n)
	}
	if e.Run != nil && e.Run.Schema != Schema {
		return fmt.Errorf("journal of schema %q, want %q", e.Run.Schema, Schema)
	}
	if e.Trial != nil {
		return e.Trial.Check()
	}
	return nil
}

// Live tells whether the entry is for live views only, never written.
func (e Entry) Live() bool { return e.Start != nil || e.Tick != nil || e.Ahead != nil }

// kinds is the number of facts that the entry holds and a journal keeps.
func (e Entry) kinds() int {
	n := 0
	v := reflect.ValueOf(e)
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("json") != "-" && !v.Field(i).IsNil() {
			n++
		}
	}
	return n
}
