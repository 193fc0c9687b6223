package engine

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/plimsoll-load/plimsoll/attack"
)

// std carries requests over net/http, or over what a test puts in its place.
type std struct {
	send    func(*http.Request) (*http.Response, error)
	fresh   func(*http.Request) (*http.Response, error) // the same, over a connection of its own
	http2   func(*http.Request) (*http.Response, error) // the same, over HTTP/2
	rule    attack.Rule
	maxBody int64
}

func newStd(o Options, n *network) *std {
	t := o.Transport
	if n != nil {
		t = n.transport
	}
	s := &std{rule: o.Rule, maxBody: o.MaxBody, send: sender(t, o.FollowRedirects)}
	s.fresh, s.http2 = s.send, s.send
	if n != nil {
		s.fresh, s.http2 = sender(n.single(), o.FollowRedirects), sender(n.http2, o.FollowRedirects)
	}
	return s
}

// sender is how a request goes out: straight through the transport, or through a client that follows redirects.
func sender(t http.RoundTripper, redirects int) func(*http.Request) (*http.Response, error) {
	if redirects == 0 {
		return t.RoundTrip
	}
	client := &http.Client{Transport: t, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if len(via) > redirects {
			return errRedirects
		}
		return nil
	}}
	return client.Do
}

// carry sends one request and reads the whole answer, or gives up when patience is at its end.
func (s *std) carry(o *order, e errand) answer {
	ctx, cancel := context.WithTimeout(context.Background(), e.patience)
	defer cancel()
	a := answer{sent: e.elapsed()}
	send := s.send
	switch {
	case o.http2:
		send = s.http2
	case o.fresh:
		send = s.fresh
	}
	resp, err := send(o.attach(o.http.WithContext(ctx)))
	if err == nil {
		a.ended = resp.Close
		a.bytes, err = s.swallow(resp.Body)
	}
	a.received = e.elapsed()
	if err != nil {
		return a.failed(err)
	}
	return s.read(a, resp, e.keep)
}

// read takes from an answer what counts.
func (s *std) read(a answer, resp *http.Response, keep bool) answer {
	after := resp.Header.Get("Retry-After")
	a.status = resp.StatusCode
	a.outcome = s.rule.Of(a.status, after != "")
	if after != "" {
		a.tell(after, resp.Header.Get("Date"))
	}
	if keep {
		for name, values := range resp.Header {
			if a.keeps(name) {
				a.note(name, strings.Join(values, ", "))
			}
		}
	}
	return a
}

// buffers are what bodies are read into.
var buffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// swallow reads a body to its end and closes it.
func (s *std) swallow(body io.ReadCloser) (read int64, err error) {
	defer body.Close()
	return swallow(body, s.maxBody)
}

// swallow reads a body to its end, or to the most that is read, counts it and keeps nothing of it.
func swallow(body io.Reader, most int64) (read int64, err error) {
	buf := buffers.Get().(*[16 << 10]byte)
	defer buffers.Put(buf)
	for read <= most {
		n, err := body.Read(buf[:])
		if read += int64(n); read > most {
			break
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
	return read, errBody
}
