package engine

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

// An answer to HEAD tells no length on servers that stream; the connection is kept all the same.
func TestHeadKeepsItsConnection(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "streamed")
		})
		e := open(t, Options{Target: attack.Target{Requests: []attack.Request{{Method: http.MethodHead, URL: s.URL}}}})
		m := run(t, e, attack.Trial{Serial: &attack.Serial{Max: 20}}, nil)
		if all := m.All(); all.OK != 20 || s.conns.Load() != 1 {
			t.Errorf("%d of 20 ok over %d connections, want all over one", all.OK, s.conns.Load())
		}
	})
}

// A value with a line break is refused, never written otherwise than it was given.
func TestALineBreakInAValueIsRefusedByBoth(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, func(http.ResponseWriter, *http.Request) {})
		e := open(t, Options{Target: attack.Target{Requests: []attack.Request{{URL: s.URL, Header: map[string][]string{"X-Key": {"{{csv.key}}"}}}}},
			CSV: attack.Rows{{"key": "good"}}})
		e.draw = func(int64) (*attack.Request, bool, error) {
			return &attack.Request{Method: "GET", URL: s.URL, Header: map[string][]string{"X-Key": {"a\r\nX-Admin: 1"}}}, false, nil
		}
		m := run(t, e, attack.Trial{Serial: &attack.Serial{Max: 3}}, nil)
		if all := m.All(); all.OK != 0 || s.requests.Load() != 0 {
			t.Errorf("%d were answered, %d arrived, want none sent", all.OK, s.requests.Load())
		}
	})
}

// lastWords is a connection that tells its end together with its last bytes, as TLS may.
type lastWords struct {
	net.Conn
	r *strings.Reader
}

func (l lastWords) Read(b []byte) (int, error) {
	n, err := l.r.Read(b)
	if l.r.Len() == 0 {
		err = io.EOF
	}
	return n, err
}

func TestAnEndThatComesWithTheLastBytesCostsNoAnswer(t *testing.T) {
	tap := &tap{Conn: lastWords{r: strings.NewReader("answer")}}
	got, err := io.ReadAll(tap)
	if string(got) != "answer" || err != nil || tap.err != io.EOF {
		t.Errorf("read %q, %v, remembered %v", got, err, tap.err)
	}
	tap.Conn, tap.err = lastWords{r: strings.NewReader("answer")}, nil
	if n, err := tap.Read(make([]byte, 16)); n != 6 || err != nil || tap.err != nil {
		t.Errorf("the last bytes came with %v, remembered %v, want the end told by the next read alone", err, tap.err)
	}
}
