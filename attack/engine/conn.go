package engine

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

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
