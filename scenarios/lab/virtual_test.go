package lab_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/plimsoll-load/plimsoll/scenarios/lab"
)

// wire carries requests to a handler as net/http would, without sockets, so that all of it can run in a bubble of virtual
// time: a request takes a connection that is idle, the one used last, or opens another. The host lab is the balancer, the
// host k.lab its k-th instance.
type wire struct {
	lab   *lab.Lab
	mu    sync.Mutex
	rng   *rand.Rand
	idle  []int
	conns int
}

func newWire(l *lab.Lab, seed uint64) *wire {
	return &wire{lab: l, rng: rand.New(rand.NewPCG(seed, 0x77697265))}
}

// open is a connection to send on, and how long the way takes, there and back.
func (w *wire) open(fresh bool) (conn int, there, back time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.idle); n > 0 && !fresh {
		conn, w.idle = w.idle[n-1], w.idle[:n-1]
	} else {
		w.conns++
		conn = w.conns
	}
	way := func() time.Duration { return 100*time.Microsecond + time.Duration(w.rng.Int64N(200_000)) }
	return conn, way(), way()
}

func (w *wire) keep(conn int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = append(w.idle, conn)
}

// CloseIdleConnections makes the next request open a connection of its own.
func (w *wire) CloseIdleConnections() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = nil
}

// RoundTrip sends one request.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	conn, there, back := w.open(r.Close)
	time.Sleep(there)
	in := r.Clone(r.Context())
	in.RemoteAddr = "192.0.2.1:" + strconv.Itoa(10_000+conn)
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	rec := httptest.NewRecorder()
	err := serve(w.to(r.URL.Host), rec, in)
	if gone := r.Context().Err(); gone != nil {
		return nil, gone
	}
	time.Sleep(back)
	if err != nil {
		return nil, err
	}
	out := rec.Result()
	out.Request = r
	if out.Header.Get("Date") == "" {
		out.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if r.Method == http.MethodHead {
		out.Body = io.NopCloser(http.NoBody)
	}
	out.Close = r.Close || slices.Contains(out.Header["Connection"], "close")
	if !out.Close {
		w.keep(conn)
	}
	return out, nil
}

// to is the handler of a host.
func (w *wire) to(host string) http.Handler {
	if k, err := strconv.Atoi(strings.TrimSuffix(host, ".lab")); err == nil {
		return w.lab.Instance(k)
	}
	return w.lab.Throttled()
}

// serve calls the handler; one that aborts drops the connection.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch cause := recover(); {
		case cause == nil:
		case errors.Is(asError(cause), http.ErrAbortHandler):
			err = syscall.ECONNRESET
		default:
			panic(cause)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

func asError(v any) error {
	err, _ := v.(error)
	return err
}
