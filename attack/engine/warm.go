package engine

import (
	"context"
	"net"
	"net/url"
	"sync"

	"github.com/plimsoll-load/plimsoll/attack"
)

// warmHands is how many connections are opened at once before a trial.
const warmHands = 64

// pool holds connections that were opened before anyone asked for them.
type pool struct {
	mu   sync.Mutex
	idle map[place][]net.Conn
}

func (p *pool) put(at place, c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.idle == nil {
		p.idle = map[place][]net.Conn{}
	}
	p.idle[at] = append(p.idle[at], c)
}

// take gives the connection opened last, the least likely to have been closed since; nil when there is none.
func (p *pool) take(at place) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	have := p.idle[at]
	if len(have) == 0 {
		return nil
	}
	c := have[len(have)-1]
	p.idle[at] = have[:len(have)-1]
	return c
}

func (p *pool) drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conns := range p.idle {
		for _, c := range conns {
			c.Close()
		}
	}
	p.idle = nil
}

// warmUp opens connections until as many are open as the trial wants, to the hosts that its first arrivals go to. It sends
// no request, because a request would take a token from a limiter. A failure to connect is returned, for its class.
func (e *Engine) warmUp(ctx context.Context, t attack.Trial) error {
	if e.net == nil || e.opt.Proxy != nil || e.opt.NoKeepAlive {
		return nil
	}
	var (
		mu    sync.Mutex
		first error
		busy  sync.WaitGroup
		hands = make(chan struct{}, warmHands)
	)
	for _, at := range e.places(int64(t.Warm) - e.net.open.Load()) {
		hands <- struct{}{}
		busy.Go(func() {
			defer func() { <-hands }()
			c, err := e.net.dial(ctx, at)
			if err == nil {
				e.net.warm.put(at, c)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = err
			}
		})
	}
	busy.Wait()
	return first
}

// places are where the first n arrivals go. HTTP/2 carries all of them over one connection a host.
func (e *Engine) places(n int64) []place {
	var out []place
	seen := map[place]bool{}
	limit := n
	if e.opt.Connections > 0 {
		limit = min(limit, int64(e.opt.Connections))
	}
	for seq := range max(limit, 0) {
		r, _, err := e.draw(seq)
		if err != nil {
			continue // the arrival will say so
		}
		u, err := url.Parse(r.URL)
		if err != nil {
			continue
		}
		at := placeOf(u)
		if !e.opt.HTTP2 || !at.secure || !seen[at] {
			out = append(out, at)
		}
		seen[at] = true
	}
	return out
}

func placeOf(u *url.URL) place {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return place{address: net.JoinHostPort(u.Hostname(), port), secure: u.Scheme == "https"}
}
