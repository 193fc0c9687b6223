package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
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
	dialer    net.Dialer
	tls       *tls.Config
	warm      pool
	gate      gate
	judged    sync.Map // host:port behind a proxy → error or nil

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
	n.dialer = net.Dialer{Timeout: time.Duration(dialShare * float64(o.Timeout)), KeepAlive: 30 * time.Second, ControlContext: n.authorize}
	n.transport = &http.Transport{
		Proxy:                  n.proxy,
		DialContext:            n.dialPlain,
		DialTLSContext:         n.dialTLS,
		TLSClientConfig:        n.tls,
		DisableKeepAlives:      o.NoKeepAlive,
		DisableCompression:     true, // ask for what the request says, and count what came
		MaxIdleConnsPerHost:    keptIdle,
		MaxConnsPerHost:        o.Connections,
		MaxResponseHeaderBytes: 1 << 20,
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(o.HTTP2)
	n.transport.Protocols = protocols
	return n
}

// begin lets connections be opened until the function it returns is called; that one waits until none is being opened.
func (n *network) begin() (end func()) {
	n.gate.open()
	return func() {
		n.gate.close()
		n.warm.drain()
	}
}

func (n *network) close() {
	n.warm.drain()
	n.transport.CloseIdleConnections()
}

// errRefusedAddress marks an address that Options.Authorize turned down.
type errRefusedAddress struct{ cause error }

func (e *errRefusedAddress) Error() string { return e.cause.Error() }
func (e *errRefusedAddress) Unwrap() error { return e.cause }

// authorize is asked by the dialer about every address that a name resolved to, before it connects.
func (n *network) authorize(_ context.Context, network, address string, _ syscall.RawConn) error {
	if n.opt.Authorize == nil || network == "unix" {
		return nil
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &errRefusedAddress{fmt.Errorf("judge the address %s: %w", address, err)}
	}
	return n.judge(at.Addr())
}

func (n *network) judge(a netip.Addr) error {
	if err := n.opt.Authorize(a.Unmap().WithZone("")); err != nil {
		return &errRefusedAddress{err}
	}
	return nil
}

// proxy is the proxy for a request. The host behind it is dialed by the proxy, out of our sight: so it is judged here.
func (n *network) proxy(r *http.Request) (*url.URL, error) {
	if n.opt.Proxy == nil {
		return nil, nil
	}
	if n.opt.Authorize == nil {
		return n.opt.Proxy, nil
	}
	verdict, known := n.judged.Load(r.URL.Hostname())
	if !known {
		verdict = judgement{n.judgeHost(r.Context(), r.URL.Hostname())}
		n.judged.Store(r.URL.Hostname(), verdict)
	}
	return n.opt.Proxy, verdict.(judgement).err
}

type judgement struct{ err error }

func (n *network) judgeHost(ctx context.Context, host string) error {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return &errRefusedAddress{fmt.Errorf("cannot tell whose the host %s behind the proxy is: %w", host, err)}
	}
	for _, a := range addrs {
		if err := n.judge(a); err != nil {
			return err
		}
	}
	return nil
}

// place is where a connection goes to.
type place struct {
	address string // host:port, as the URL has it
	secure  bool
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

// errHandshake marks what went wrong between two ends that had a connection already.
type errHandshake struct{ cause error }

func (e *errHandshake) Error() string { return "tls: " + e.cause.Error() }
func (e *errHandshake) Unwrap() error { return e.cause }

// errClosed is told to whoever wants a connection when no trial runs.
var errClosed = errors.New("no trial runs")

func (n *network) dial(ctx context.Context, p place) (net.Conn, error) {
	ctx, leave, ok := n.gate.enter(ctx)
	if !ok {
		return nil, errClosed
	}
	defer leave()
	c, err := n.connect(ctx, p.address)
	if err != nil {
		return nil, err
	}
	n.dials.Add(1)
	n.open.Add(1)
	counted := &conn{Conn: c, net: n}
	if !p.secure {
		return counted, nil
	}
	return n.shake(ctx, counted, p.address)
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

func (n *network) shake(ctx context.Context, c net.Conn, address string) (net.Conn, error) {
	config := n.tls
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			host = address
		}
		config = config.Clone()
		config.ServerName = host
	}
	ctx, cancel := context.WithTimeout(ctx, n.dialer.Timeout)
	defer cancel()
	secured := tls.Client(c, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, &errHandshake{err}
	}
	return secured, nil
}

// conn counts its own end.
type conn struct {
	net.Conn
	net          *network
	lost, closed atomic.Bool
}

func (c *conn) Read(b []byte) (int, error) {
	k, err := c.Conn.Read(b)
	c.note(err)
	return k, err
}

func (c *conn) Write(b []byte) (int, error) {
	k, err := c.Conn.Write(b)
	c.note(err)
	return k, err
}

// note counts a connection that the other side ended: any error but our own deadline and our own closing.
func (c *conn) note(err error) {
	if err == nil || errors.Is(err, net.ErrClosed) || isTimeout(err) {
		return
	}
	if c.lost.CompareAndSwap(false, true) {
		c.net.lost.Add(1)
	}
}

func (c *conn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.net.open.Add(-1)
	}
	return c.Conn.Close()
}

// gate lets dials begin while a trial runs, and only then. net/http dials on goroutines of its own, which may outlive the
// request that they were started for; they must not outlive the trial.
type gate struct {
	mu     sync.Mutex
	inside sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ctx, g.cancel = context.WithCancel(context.Background())
}

func (g *gate) enter(ctx context.Context) (context.Context, func(), bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ctx == nil || g.ctx.Err() != nil {
		return nil, nil, false
	}
	g.inside.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.ctx, cancel)
	return ctx, func() { stop(); cancel(); g.inside.Done() }, true
}

func (g *gate) close() {
	g.mu.Lock()
	g.cancel()
	g.mu.Unlock()
	g.inside.Wait()
}
