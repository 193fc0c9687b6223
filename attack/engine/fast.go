package engine

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/plimsoll-load/plimsoll/attack"
)

// fast carries requests over HTTP/1.1 with as little work as there can be: one write, one read, no goroutine and no object
// of net/http for a request. Answers are parsed by fasthttp.
//
// Note: fasthttp.HostClient would do the writing and pooling too, but it retries as it sees fit, counts a reused
// connection's end as an error of the request, reads whole bodies into memory, and opens connections that nobody can
// authorize, count or warm. Here they are network's, and retries are net/http's.
type fast struct {
	net     *network
	lanes   lanes
	rule    attack.Rule
	maxBody int64
	keep    bool         // connections alive
	head    atomic.Int64 // bytes of buffer that a talk begins with: what the largest head so far needed, within bounds
	talks   sync.Pool    // *talk
	std     *std         // carries what is not written in one go
}

func newFast(o Options, n *network) *fast {
	f := &fast{net: n, rule: o.Rule, maxBody: o.MaxBody, keep: !o.NoKeepAlive}
	f.lanes.net, f.lanes.limit, f.lanes.kept = n, o.Connections, keptIdle
	f.head.Store(minHead)
	return f
}

// close closes the connections that are idle.
func (f *fast) close() { f.lanes.sweep(func(*lane) bool { return true }) }

// tidy closes those of them that the target has ended.
func (f *fast) tidy() { f.lanes.sweep(func(l *lane) bool { return !l.alive() }) }

// packed is a request as it goes over the wire.
type packed struct {
	wire   []byte
	at     place // where it goes
	again  bool  // it may be sent again when nobody can tell whether it arrived
	last   bool  // on its connection
	noBody bool  // in its answer
	std    bool  // net/http is to carry it
}

// unfit tells a request that is better carried by net/http, one by one, whatever the target's templates said: answers to
// HEAD, whose end fasthttp cannot tell from that of the connection; large bodies; names and values that net/http would
// refuse or write otherwise.
func unfit(o *order) bool {
	r := &o.http
	if o.http2 || r.Method == http.MethodHead || r.Method == http.MethodConnect || len(o.body) > maxWire {
		return true
	}
	if strings.ContainsFunc(r.URL.Host+r.Host, func(c rune) bool { return c > unicode.MaxASCII }) {
		return true
	}
	for _, values := range r.Header {
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n\x00") {
				return true
			}
		}
	}
	return false
}

// pack writes a request down once, by net/http's own hand, so that sending it is one write.
func (f *fast) pack(o *order) error {
	if unfit(o) {
		o.packed.std = true
		return nil
	}
	r := o.http
	r.Close = !f.keep || o.fresh
	if len(o.body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(o.body))
	}
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		return err
	}
	o.packed = packed{wire: wire.Bytes(), at: placeOf(r.URL), again: replayable(&r), last: r.Close || slices.ContainsFunc(r.Header["Connection"], func(v string) bool { return strings.EqualFold(v, "close") }), noBody: r.Method == http.MethodHead}
	return nil
}

// replayable tells a request that net/http too sends again when a connection that was kept turns out to have ended
// (http.Transport: idempotent methods, or those that are marked so).
func replayable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return has(r.Header, "Idempotency-Key") || has(r.Header, "X-Idempotency-Key")
}

// carry sends one request and reads the whole answer. A connection that was kept and has ended unseen is no failure: the
// request goes over a new one, once, unless the target may have begun to act on it.
func (f *fast) carry(o *order, e errand) answer {
	if o.packed.std {
		return f.std.carry(o, e)
	}
	now := time.Now()
	a := answer{sent: now.Sub(e.began)}
	deadline := now.Add(e.patience)
	r := f.lanes.take(o.at)
	defer f.lanes.give(r)
	for retry := false; ; retry = true {
		l, err := f.lane(o, r, retry, deadline)
		if err != nil {
			a.received = e.elapsed()
			return a.failed(err)
		}
		kept := l.kept
		got, err := f.talk(l, o, r, &a, e, deadline)
		if err == nil {
			return a
		}
		if kept && !retry && (got == nothingSent || got == nothingHeard && o.again) && !isTimeout(err) {
			continue
		}
		a.received = e.elapsed()
		return a.failed(err)
	}
}

// lane is a connection for a request: one that was kept, one that was opened beforehand, or a new one.
func (f *fast) lane(o *order, r *row, retry bool, deadline time.Time) (*lane, error) {
	if err := r.enter(deadline); err != nil {
		return nil, err
	}
	for !retry {
		l := r.pop(o.fresh)
		if l == nil {
			c := f.net.warm.take(r.place)
			if c == nil {
				break
			}
			l = newLane(c)
			l.kept = true
		}
		if o.again && time.Since(l.since) < doubt || l.alive() {
			return l, nil
		}
		l.Close()
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	c, err := f.net.dial(ctx, r.place)
	if err != nil {
		r.leave()
		return nil, err
	}
	return newLane(c), nil
}

// progress is how far an exchange came.
type progress int

const (
	nothingSent progress = iota
	nothingHeard
	heard
)

// talk has one exchange over a lane, and keeps the lane for another if it can.
func (f *fast) talk(l *lane, o *order, r *row, a *answer, e errand, deadline time.Time) (progress, error) {
	defer r.leave()
	if err := l.SetDeadline(deadline); err != nil {
		l.Close()
		return nothingSent, err
	}
	if n, err := l.Write(o.wire); err != nil {
		l.Close()
		return min(progress(n), nothingHeard), err
	}
	t := f.listen(l)
	defer f.release(t)
	if err := t.first(); err != nil {
		l.Close()
		return nothingHeard, err
	}
	err := t.read(f, o, a)
	a.received = e.elapsed()
	t.judge(a, f.rule, err == nil, e.keep)
	if err != nil || a.ended || o.last || !f.keep {
		l.Close()
		return heard, err
	}
	l.kept, l.since = true, e.began.Add(a.received)
	r.push(l, f.lanes.kept)
	return heard, nil
}
