package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// keptIdle bounds the connections kept open to one host: as many as a trial may have in flight.
const keptIdle = maxFlight

// dialShare is the part of the timeout that opening a connection may take: less than all of it, so that a dial that hangs
// is seen to hang, and not as an answer that did not come.
const dialShare = 0.9

// network opens connections and counts what becomes of them.
type network struct {
	opt       Options
	transport *http.Transport
	http2     *http.Transport // for what must go over HTTP/2
	dialer    net.Dialer
	patience  time.Duration // with a connection and its handshake
	tls       *tls.Config
	warm      pool
	gate      gate
	judged    sync.Map // host:port behind a proxy → error or nil; of at most placesMax
	judgings  atomic.Int64

	open, dials, lost atomic.Int64 // connections open now, opened so far, ended by the other side so far
}

func newNetwork(o Options) *network {
	n := &network{opt: o}
	n.tls = &tls.Config{}
	if o.TLS != nil {
		n.tls = o.TLS.Clone()
	}
	n.tls.NextProtos = []string{"http/1.1"}
	if o.HTTP2 {
		n.tls.NextProtos = []string{"h2", "http/1.1"}
	}
	if n.tls.ClientSessionCache == nil {
		n.tls.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	n.patience = time.Duration(dialShare * float64(o.Timeout))
	n.dialer = net.Dialer{KeepAlive: 30 * time.Second, ControlContext: n.authorize}
	n.transport = &http.Transport{
		Proxy:                  n.proxy,
		DialContext:            n.dialPlain,
		DialTLSContext:         n.dialTLS,
		TLSClientConfig:        n.tls,
		DisableKeepAlives:      o.NoKeepAlive,
		DisableCompression:     true, // ask for what the request says, and count what came
		MaxIdleConns:           keptIdle,
		MaxIdleConnsPerHost:    keptIdle,
		MaxConnsPerHost:        o.Connections,
		MaxResponseHeaderBytes: 1 << 20,
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(o.HTTP2)
	n.transport.Protocols = protocols
	n.http2 = n.overHTTP2()
	return n
}

// overHTTP2 is a transport that speaks HTTP/2 and nothing else; in cleartext it does so unasked.
func (n *network) overHTTP2() *http.Transport {
	t := n.transport.Clone()
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP2(true)
	t.Protocols.SetUnencryptedHTTP2(true)
	t.DialTLSContext = func(ctx context.Context, _, address string) (net.Conn, error) {
		return n.take(ctx, place{address: address, secure: true, http2: true})
	}
	return t
}

// single is a transport that sends each request over a connection of its own.
func (n *network) single() *http.Transport {
	t := n.transport.Clone()
	t.DisableKeepAlives = true
	return t
}

// begin lets connections be opened until the function it returns is called; that one waits until none is being opened.
func (n *network) begin() (end func()) {
	n.gate.open()
	return func() {
		n.gate.close()
		n.chill()
	}
}

func (n *network) close() {
	n.chill()
	n.transport.CloseIdleConnections()
	n.http2.CloseIdleConnections()
}

// place is where a connection goes to.
type place struct {
	address string // host:port, as the URL has it
	secure  bool
	http2   bool // and nothing else may be spoken there
}

func (n *network) dialPlain(ctx context.Context, _, address string) (net.Conn, error) {
	return n.take(ctx, place{address: address})
}

func (n *network) dialTLS(ctx context.Context, _, address string) (net.Conn, error) {
	return n.take(ctx, place{address: address, secure: true})
}

// take is a connection that was opened before, or a new one.
func (n *network) take(ctx context.Context, p place) (net.Conn, error) {
	if c := n.warm.take(p); c != nil {
		return c, nil
	}
	return n.dial(ctx, p)
}

// handshakeError marks what went wrong between two ends that had a connection already.
type handshakeError struct{ cause error }

func (e *handshakeError) Error() string { return "tls: " + e.cause.Error() }
func (e *handshakeError) Unwrap() error { return e.cause }

// errClosed is told to whoever wants a connection when no trial runs.
var errClosed = errors.New("no trial runs")

func (n *network) dial(ctx context.Context, p place) (net.Conn, error) {
	ctx, leave, ok := n.gate.enter(ctx)
	if !ok {
		return nil, errClosed
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, n.patience)
	defer cancel()
	c, err := n.connect(ctx, p.address)
	if err != nil {
		return nil, err
	}
	n.dials.Add(1)
	n.open.Add(1)
	counted := &conn{Conn: straighten(c), net: n}
	if !p.secure {
		return counted, nil
	}
	return n.shake(ctx, counted, p)
}

func (n *network) connect(ctx context.Context, address string) (net.Conn, error) {
	if n.opt.UnixSocket != "" {
		return n.dialer.DialContext(ctx, "unix", n.opt.UnixSocket)
	}
	if other, ok := n.opt.ConnectTo[address]; ok {
		address = other
	}
	return n.dialer.DialContext(ctx, "tcp", address)
}

// errNoHTTP2 is what the other end says by not agreeing on it.
var errNoHTTP2 = errors.New("the other end does not speak HTTP/2")

func (n *network) shake(ctx context.Context, c net.Conn, p place) (net.Conn, error) {
	config := n.tls.Clone()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(p.address)
		if err != nil {
			host = p.address
		}
		config.ServerName = host
	}
	if p.http2 {
		config.NextProtos = []string{"h2"}
	}
	secured := tls.Client(c, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, &handshakeError{err}
	}
	if p.http2 && secured.ConnectionState().NegotiatedProtocol != "h2" {
		c.Close()
		return nil, &handshakeError{errNoHTTP2}
	}
	return secured, nil
}
