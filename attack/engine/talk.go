package engine

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/valyala/fasthttp"
)

// The buffer that the head of an answer must fit into: it begins small, because each request in flight has one, and grows to
// what the target's answers need. What a head beyond keptHead needed is let go with it: one such answer would else be paid
// for by all that are in flight from then on, 20,000 of them perhaps.
const (
	minHead  = 4 << 10
	keptHead = 16 << 10
	maxHead  = 1 << 20
)

var errMalformed = errors.New("malformed answer: no HTTP/1 can be read from it")

// talk is what reading one answer needs. It is used again for others.
type talk struct {
	tap  tap
	in   *bufio.Reader
	resp fasthttp.Response
}

// tap is a connection that remembers why it could not be read: fasthttp takes every such error for an end.
type tap struct {
	net.Conn
	err error
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	if n > 0 {
		return n, nil // TLS may tell the end together with the last bytes; it tells it again
	}
	if err != nil {
		t.err = err
	}
	return n, err
}

// listen is a talk over this connection.
func (f *fast) listen(l *lane) *talk {
	t, _ := f.talks.Get().(*talk)
	if t == nil {
		t = &talk{in: bufio.NewReaderSize(nil, minHead)}
		t.resp.StreamBody = true
		t.resp.Header.SetNoDefaultContentType(true)
	}
	t.tap.Conn, t.tap.err = l.Conn, nil
	if size := int(f.head.Load()); t.in.Size() < size {
		t.in = bufio.NewReaderSize(nil, size)
	}
	t.in.Reset(&t.tap)
	return t
}

// release keeps a talk for another answer, unless it grew beyond what is kept: fasthttp keeps the largest head that it has
// parsed, beside the buffer.
func (f *fast) release(t *talk) {
	if t.in.Size() <= keptHead {
		f.talks.Put(t)
	}
}

// first waits for the first byte of an answer.
func (t *talk) first() error {
	_, err := t.in.Peek(1)
	if t.tap.err != nil {
		return t.tap.err
	}
	return err
}

// read reads an answer to its end. Its body is counted and not kept.
func (t *talk) read(f *fast, o *order, a *answer) error {
	t.resp.SkipBody = o.noBody
	if err := t.head(f); err != nil {
		return t.fault(err)
	}
	a.ended = t.resp.Header.ConnectionClose()
	body := t.resp.BodyStream()
	if body == nil {
		a.ended = a.ended || t.in.Buffered() > 0 || t.resp.StatusCode() == http.StatusSwitchingProtocols
		return nil
	}
	read, err := swallow(body, f.maxBody)
	t.resp.CloseBodyStream()
	a.bytes = read
	if chunked := t.resp.Header.ContentLength() == -1; err == nil && chunked && t.tap.err != nil {
		err = io.ErrUnexpectedEOF
	}
	a.ended = a.ended || t.in.Buffered() > 0 // more than the answer: whose it is, nobody can tell
	if err == nil || err == errBody {
		return err
	}
	return t.fault(err)
}

// head reads the head of an answer, into a larger buffer if it must.
func (t *talk) head(f *fast) error {
	for {
		err := t.resp.ReadLimitBody(t.in, 0)
		if small := new(fasthttp.ErrSmallBuffer); !errors.As(err, &small) || t.in.Size() >= maxHead {
			return err
		}
		size := 4 * t.in.Size()
		t.in = bufio.NewReaderSize(t.in, size)
		need := int64(min(size, keptHead))
		for known := f.head.Load(); known < need && !f.head.CompareAndSwap(known, need); known = f.head.Load() {
		}
	}
}

// fault is why an answer could not be read: the connection's error, or the answer's own.
func (t *talk) fault(err error) error {
	switch {
	case t.tap.err == io.EOF:
		return io.ErrUnexpectedEOF
	case t.tap.err != nil:
		return t.tap.err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return errMalformed
}

// judge takes from a whole answer what counts.
func (t *talk) judge(a *answer, rule attack.Rule, whole, keep bool) {
	if !whole {
		return
	}
	h := &t.resp.Header
	after := h.Peek("Retry-After")
	a.status = h.StatusCode()
	a.outcome = rule.Of(a.status, len(after) > 0)
	if len(after) > 0 {
		a.tell(string(after), string(h.Peek("Date")))
	}
	if !keep {
		return
	}
	for name, value := range h.All() {
		if name := string(name); a.keeps(name) {
			a.note(name, string(value))
		}
	}
}
