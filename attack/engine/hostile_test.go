package engine

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/plimsoll-load/plimsoll/attack"
)

// says answers each request of a connection with the same bytes, and then does what after does.
func says(text string, after func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			if io.WriteString(c, text); after != nil {
				after(c)
				return
			}
		}
	}
}

func hang(c net.Conn) { io.Copy(io.Discard, c) }

func reset(c net.Conn) { c.(interface{ SetLinger(int) error }).SetLinger(0) }

// trickle writes a byte each few milliseconds, for as long as the other side listens.
func trickle(head, part string) func(net.Conn) {
	return func(c net.Conn) {
		readHead(c)
		io.WriteString(c, head)
		for {
			if _, err := io.WriteString(c, part); err != nil {
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
}

const okHead = "HTTP/1.1 200 OK\r\n"

// hostileAnswer is what a server does with a connection, and what two requests make of it.
type hostileAnswer struct {
	do   func(net.Conn)
	want string // status or class, bytes read, connections for two requests
}

var hostileAnswers = map[string]hostileAnswer{
	"an answer":                     {says(okHead+"Content-Length: 4\r\n\r\nbody", nil), "200, 4 bytes, 1 connection"},
	"an answer without a body":      {says("HTTP/1.1 204 No Content\r\n\r\n", nil), "204, 0 bytes, 1 connection"},
	"a 304 with a length":           {says("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", nil), "304, 0 bytes, 1 connection"},
	"no words beside the status":    {says("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", nil), "200, 0 bytes, 1 connection"},
	"chunks":                        {says(okHead+"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", nil), "200, 5 bytes, 1 connection"},
	"chunks and a trailer":          {says(okHead+"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n", nil), "200, 1 bytes, 1 connection"},
	"chunks that end early":         {says(okHead+"Transfer-Encoding: chunked\r\n\r\n5\r\nabc", func(net.Conn) {}), "eof, 0 bytes, 2 connections"},
	"chunks without a last":         {says(okHead+"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", func(net.Conn) {}), "eof, 0 bytes, 2 connections"},
	"a chunk of no size":            {says(okHead+"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", nil), "malformed answer, 0 bytes, 2 connections"},
	"a continue first":              {says("HTTP/1.1 100 Continue\r\n\r\n"+okHead+"Content-Length: 2\r\n\r\nok", nil), "200, 2 bytes, 1 connection"},
	"early hints first":             {says("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+okHead+"Content-Length: 2\r\n\r\nok", nil), "200, 2 bytes, 1 connection"},
	"HTTP/1.0 until the end":        {says("HTTP/1.0 200 OK\r\n\r\nall there is", func(net.Conn) {}), "200, 12 bytes, 2 connections"},
	"HTTP/1.0 that is kept":         {says("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", nil), "200, 2 bytes, 1 connection"},
	"HTTP/1.0 that is not":          {says("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", nil), "200, 2 bytes, 2 connections"},
	"no length until the end":       {says(okHead+"\r\nall there is", func(net.Conn) {}), "200, 12 bytes, 2 connections"},
	"a length too long":             {says(okHead+"Content-Length: 10\r\n\r\nbody", func(net.Conn) {}), "eof, 0 bytes, 2 connections"},
	"a length too short":            {says(okHead+"Content-Length: 2\r\n\r\nbody", nil), "200, 2 bytes, 2 connections"},
	"a length that is none":         {says(okHead+"Content-Length: two\r\n\r\nbody", nil), "malformed answer, 0 bytes, 2 connections"},
	"a length below none":           {says(okHead+"Content-Length: -2\r\n\r\nbody", nil), "malformed answer, 0 bytes, 2 connections"},
	"another protocol":              {says("+OK redis\r\n\r\n", nil), "malformed answer, 0 bytes, 2 connections"},
	"an end mid-head":               {says(okHead, func(net.Conn) {}), "eof, 0 bytes, 2 connections"},
	"a reset mid-head":              {says(okHead, reset), "connection reset, 0 bytes, 2 connections"},
	"a reset mid-body":              {says(okHead+"Content-Length: 10\r\n\r\nbody", reset), "connection reset, 0 bytes, 2 connections"},
	"a large head":                  {says(okHead+"X-Large: "+strings.Repeat("x", 300_000)+"\r\nContent-Length: 2\r\n\r\nok", nil), "200, 2 bytes, 1 connection"},
	"a head without end":            {trickle(okHead, "X-More: "+strings.Repeat("x", 60_000)+"\r\n"), "malformed answer, 0 bytes, 2 connections"},
	"a head that trickles":          {trickle(okHead, "X-More: y\r\n"), "timeout, 0 bytes, 2 connections"},
	"a body without end":            {trickle(okHead+"\r\n", strings.Repeat("x", 40_000)), "body too large, 0 bytes, 2 connections"},
	"chunks without end":            {trickle(okHead+"Transfer-Encoding: chunked\r\n\r\n", "8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n"), "body too large, 0 bytes, 2 connections"},
	"a body that trickles":          {trickle(okHead+"\r\n", "x"), "timeout, 0 bytes, 2 connections"},
	"a body that stops":             {says(okHead+"Content-Length: 10\r\n\r\nbody", hang), "timeout, 0 bytes, 2 connections"},
	"a large body":                  {says(okHead+"Content-Length: 900000\r\n\r\n"+strings.Repeat("x", 900_000), nil), "200, 900000 bytes, 1 connection"},
	"gzip that was not asked for":   {says(okHead+"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone", nil), "200, 4 bytes, 1 connection"},
	"the connection's end, by name": {says(okHead+"Connection: close\r\nContent-Length: 2\r\n\r\nok", nil), "200, 2 bytes, 2 connections"},
}

// Whatever a target says has one clear class, ends within the timeout, and leaves nothing open.
func TestWhatHostileTargetsSayHasOneClass(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		for name, row := range hostileAnswers {
			if std := path.Base(t.Name()) == "std"; std && (name == "a reset mid-head" || name == "a length too short") {
				// net/http takes every break within a head for an unexpected end; and it sees what is left over once it is idle: the
				// next request may be there before, and takes it for its answer
				continue
			}
			for _, secured := range []bool{false, true} {
				if secured && (strings.HasPrefix(name, "a reset") || strings.Contains(row.want, "2 connections") && strings.Contains(name, "that")) {
					continue // a reset is below TLS; and the slow ones are slow enough once
				}
				row.wantTwice(t, name, secured)
			}
		}
	})
}

// wantTwice sends two requests to a server that answers so.
func (row hostileAnswer) wantTwice(t *testing.T, name string, secured bool) {
	t.Helper()
	var conns atomic.Int64
	files, before := openFiles(t), runtime.NumGoroutine()
	url, config := hostile(t, secured, func(c net.Conn) { conns.Add(1); row.do(c) })
	patience := 5 * time.Second // with what is no matter of time
	if strings.HasPrefix(row.want, "timeout") {
		patience = 250 * time.Millisecond
	}
	e := open(t, Options{Target: to(url), TLS: config, Timeout: patience, MaxBody: 1 << 20})
	began := time.Now()
	log := once(t, e, 2).Log
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("%s, TLS %v: two requests took %v", name, secured, took)
	}
	for _, a := range log {
		got := fmt.Sprintf("%s, %d bytes, %d connection%s", statusOr(a), sizeOf(a), conns.Load(), map[bool]string{true: "s"}[conns.Load() != 1])
		if got != row.want {
			t.Errorf("%s, TLS %v: %s; want %s", name, secured, got, row.want)
		}
	}
	e.Close()
	settle(t, name, before, files)
}

// sizeOf is the body's size of a whole answer: what was read of one that broke differs with the moment.
func sizeOf(a attack.Attempt) int64 {
	if a.Status == 0 {
		return 0
	}
	return a.Bytes
}

func statusOr(a attack.Attempt) string {
	if a.Status == 0 {
		return a.Error
	}
	return fmt.Sprint(a.Status)
}

// hostile is a rough server that may speak TLS.
func hostile(t *testing.T, secured bool, do func(net.Conn)) (url string, trust *tls.Config) {
	if !secured {
		return rough(t, do), nil
	}
	known := serve(t, hello, withTLS) // its certificate is for 127.0.0.1
	config := known.TLS.Clone()
	config.NextProtos = []string{"http/1.1"}
	url = rough(t, func(c net.Conn) {
		s := tls.Server(c, config)
		defer s.Close()
		do(s)
	})
	return strings.Replace(url, "http:", "https:", 1), known.trust()
}

// openFiles is the number of this process' open files, or -1 where they cannot be counted.
func openFiles(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(names)
}

// settle waits until the goroutines and files of the other side, which lives in this process too, have ended.
func settle(t *testing.T, name string, goroutines, files int) {
	t.Helper()
	// The listener, a server of a certificate, and what they wait with stay until the test ends.
	const stay = 12
	end := time.Now().Add(5 * time.Second)
	for time.Now().Before(end) {
		if runtime.NumGoroutine() <= goroutines+stay && (files < 0 || openFiles(t) <= files+stay) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%s: %d goroutines and %d files, %d and %d before it", name, runtime.NumGoroutine(), openFiles(t), goroutines, files)
}

// A server ends the connections that it kept. The next requests find out only when they use them, and none may fail for it.
func TestAnIdleConnectionThatTheTargetEndedIsNoFailure(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		for _, method := range []string{"GET", "POST"} {
			if method == "POST" && path.Base(t.Name()) == "std" {
				continue // net/http's reader may not have seen the end yet, and then it must not send again
			}
			var kept atomic.Pointer[[]net.Conn]
			var requests atomic.Int64
			watched := func(s *httptest.Server) {
				base := s.Config.ConnState
				s.Config.ConnState = func(c net.Conn, state http.ConnState) {
					base(c, state)
					if state == http.StateIdle {
						kept.Store(&[]net.Conn{c})
					}
				}
			}
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { requests.Add(1); hello(w, r) }, watched)
			e := open(t, Options{Target: attack.Target{Requests: []attack.Request{{Method: method, URL: s.URL}}}})
			for range 5 {
				m := once(t, e, 1)
				if all := m.All(); all.OK != 1 || all.Attempts != 1 {
					t.Fatalf("%s after the target ended what was kept: %+v, errors %v", method, all.Counts, all.Errors)
				}
				for range 1000 { // its idleness may be told after the answer
					if c := kept.Swap(nil); c != nil {
						(*c)[0].Close()
						break
					}
					time.Sleep(time.Millisecond)
				}
			}
			if n := requests.Load(); n != 5 {
				t.Errorf("%s: the target saw %d requests, want 5", method, n)
			}
		}
	})
}

// The end of a connection that comes with the request itself: who may act twice on it decides whether it is sent again.
func TestOnlyWhatMayBeSentTwiceIs(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		for _, row := range []struct {
			method string
			header map[string][]string
			want   string
		}{
			{"GET", nil, "200"}, {"HEAD", nil, "200"}, {"POST", nil, "eof"}, {"DELETE", nil, "eof"},
			{"POST", map[string][]string{"Idempotency-Key": {"1"}}, "200"},
		} {
			url := rough(t, func(c net.Conn) {
				in := bufio.NewReader(c)
				http.ReadRequest(in)
				io.WriteString(c, okHead+"Content-Length: 0\r\n\r\n")
				http.ReadRequest(in) // and ends
			})
			e := open(t, Options{Target: attack.Target{Requests: []attack.Request{{Method: row.method, URL: url, Header: row.header}}}})
			if log := once(t, e, 2).Log; statusOr(log[0]) != "200" || statusOr(log[1]) != row.want {
				t.Errorf("%s %v over a connection that ends when it comes: %s, want %s", row.method, row.header, statusOr(log[1]), row.want)
			}
		}
	})
}

// A target that never answers twice over one connection, nor the first time over a new one: tried once more, not for ever.
func TestATargetThatAlwaysHangsUpIsAFailure(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		var seen atomic.Int64
		url := rough(t, func(c net.Conn) { readHead(c); seen.Add(1) })
		if log := once(t, open(t, Options{Target: to(url)}), 1).Log; statusOr(log[0]) != "eof" || seen.Load() != 1 {
			t.Errorf("%s after %d requests, want eof after the one", statusOr(log[0]), seen.Load())
		}
	})
}

func TestRequestsAreWrittenAsPeopleExpect(t *testing.T) {
	wire := map[string]string{}
	overBoth(t, func(t *testing.T) {
		var got bytes.Buffer
		url := rough(t, func(c net.Conn) {
			r, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &got)))
			if err == nil {
				io.Copy(io.Discard, r.Body)
			}
			io.WriteString(c, okHead+"Content-Length: 0\r\n\r\n")
		})
		e := open(t, Options{Target: attack.Target{Requests: []attack.Request{{Method: "PUT", URL: url + "/a%2Fb?c=d&e=%20#part",
			Header: map[string][]string{"X-api-KEY": {"k"}, "Accept": {"*/*", "text/html"}, "Host": {"h.example:99"}, "Expect": {"100-continue"}}, Body: []byte("data")}}}})
		if m := once(t, e, 1); m.All().OK != 1 {
			t.Errorf("%+v, errors %v; want ok, without waiting to be told to go on", m.All().Counts, m.All().Errors)
		}
		wire[t.Name()] = got.String()
	})
	want := "PUT /a%2Fb?c=d&e=%20 HTTP/1.1\r\nHost: h.example:99\r\nUser-Agent: plimsoll\r\nContent-Length: 4\r\nAccept: */*\r\nAccept: text/html\r\nExpect: 100-continue\r\nX-api-KEY: k\r\n\r\ndata"
	for name, got := range wire {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestIPv6(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		l, err := net.Listen("tcp6", "[::1]:0")
		if err != nil {
			t.Skip("no IPv6 here: ", err)
		}
		defer l.Close()
		go http.Serve(l, http.HandlerFunc(hello))
		e := open(t, Options{Target: to("http://" + l.Addr().String() + "/")})
		if m := once(t, e, 2); m.All().OK != 2 {
			t.Errorf("over IPv6: %+v, errors %v", m.All().Counts, m.All().Errors)
		}
	})
}

// Connections to one host are bounded for retries and second hosts too.
func TestNoMoreConnectionsAreOpenThanAskedFor(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		var here, most atomic.Int64
		h := func(w http.ResponseWriter, r *http.Request) {
			n := here.Add(1)
			for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
			}
			time.Sleep(10 * time.Millisecond)
			here.Add(-1)
		}
		s, other := serve(t, h), serve(t, hello)
		e := open(t, Options{Connections: 3, Target: attack.Target{Requests: []attack.Request{{URL: s.URL, Weight: 9}, {URL: other.URL}}}})
		answered(t, run(t, e, steady(500, 300*time.Millisecond), nil))
		if s.conns.Load() > 3 || most.Load() > 3 {
			t.Errorf("%d connections, %d requests at once; want at most 3", s.conns.Load(), most.Load())
		}
	})
}
