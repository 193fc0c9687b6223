package engine

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/plimsoll-load/plimsoll/attack"
)

// agent names us to the target, unless the request names someone else.
const agent = "plimsoll"

var errTemplate = errors.New("template cannot be filled in")

// maker makes the requests of one identity. What is made of a fixed request is kept and shared: net/http reads it only.
type maker struct {
	pack  func(*order) error // what a carrier wants done with a request before it is sent; nil for nothing
	draw  attack.Draw
	base  int64 // arrivals of earlier trials: a number, and what a template makes of it, comes once in a run
	who   attack.Identity
	twist attack.Twist
	fixed sync.Map // *attack.Request → *order
}

// order is a request that is ready but for its context and its body's reader.
type order struct {
	http  http.Request
	body  []byte
	fresh bool // over a connection of its own
	http2 bool // over HTTP/2
	kind  int  // which of the target's endpoints it belongs to
	packed
}

func (e *Engine) maker(who attack.Identity, twist attack.Twist) *maker {
	m := &maker{draw: e.draw, base: e.base, who: who, twist: twist}
	if e.fast != nil {
		m.pack = e.fast.pack
	}
	return m
}

func (m *maker) make(seq int64) (*order, error) {
	r, fixed, err := m.draw(m.base + seq)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTemplate, err)
	}
	if !fixed {
		return m.order(r)
	}
	if known, ok := m.fixed.Load(r); ok {
		return known.(*order), nil
	}
	o, err := m.order(r)
	if err == nil {
		m.fixed.Store(r, o)
	}
	return o, err
}

func (m *maker) order(r *attack.Request) (*order, error) {
	o, err := newOrder(r, m.who, m.twist)
	if err == nil && m.pack != nil {
		err = m.pack(o)
	}
	return o, err
}

func newOrder(r *attack.Request, who attack.Identity, twist attack.Twist) (*order, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTemplate, err)
	}
	header := make(http.Header, len(r.Header)+2)
	host := u.Host
	for name, values := range r.Header {
		switch {
		case strings.EqualFold(name, "Host") && len(values) > 0:
			host = values[0]
		case strings.EqualFold(name, "User-Agent"):
			header["User-Agent"] = values // net/http knows it by this name alone
		default:
			header[name] = values
		}
	}
	if header["User-Agent"] == nil {
		header["User-Agent"] = []string{agent}
	}
	logIn(header, u)
	identify(header, u, who)
	method, body := twist.Apply(r.Method, u, header), r.Body
	if method != r.Method && (method == http.MethodGet || method == http.MethodHead) {
		body = nil
	}
	o := &order{body: body, fresh: twist.Fresh, http2: twist.HTTP2, kind: r.Endpoint, http: http.Request{Method: method, URL: u, Header: header, Host: host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body))}}
	if twist.HTTP2 {
		o.http.Proto, o.http.ProtoMajor, o.http.ProtoMinor = "HTTP/2.0", 2, 0
	}
	return o, nil
}

// logIn moves the user and password of a URL into the header that carries them.
func logIn(h http.Header, u *url.URL) {
	if u.User == nil {
		return
	}
	if !has(h, "Authorization") {
		password, _ := u.User.Password()
		h["Authorization"] = []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))}
	}
	u.User = nil
}

// identify adds what tells one consumer from another, in place of what the request itself says.
func identify(h http.Header, u *url.URL, who attack.Identity) {
	if who.Header != "" {
		for name := range h {
			if strings.EqualFold(name, who.Header) {
				delete(h, name)
			}
		}
		if who.Value != "" {
			h[who.Header] = []string{who.Value.Reveal()}
		}
	}
	if who.Query != "" {
		q := u.Query()
		q.Del(who.Query)
		if who.Value != "" {
			q.Set(who.Query, who.Value.Reveal())
		}
		u.RawQuery = q.Encode()
	}
}

func has(h http.Header, name string) bool {
	for n := range h {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// attach gives the request of an order the context of one attempt and a reader of its own.
func (o *order) attach(r *http.Request) *http.Request {
	if len(o.body) > 0 {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(o.body)), nil }
		r.Body, _ = r.GetBody()
	}
	return r
}
