package engine

import (
	"context"
	"maps"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// warmHands is how many connections are opened at once beforehand.
const warmHands = 64

const (
	// warmGrace is how long after the burst that they were opened for connections wait to be asked for. Servers close those
	// that bring no request, some within a second, and net/http takes an end before the first answer for the target's
	// failure: it sends again only over a connection that has served before.
	warmGrace = 500 * time.Millisecond
	// warmLead is how long before a later burst connections are opened for it: enough for some round trips.
	warmLead = 200 * time.Millisecond
)

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

// empty gives all connections that are left.
func (p *pool) empty() []net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := slices.Concat(slices.Collect(maps.Values(p.idle))...)
	p.idle = nil
	return out
}

// chill closes the connections that nobody asked for. They count as never opened: that they are closed is no sign of a
// generator that throws away what it needs.
func (n *network) chill() {
	for _, c := range n.warm.empty() {
		n.dials.Add(-1)
		c.Close()
	}
}

// warmings are the moments of a trial that connections are opened for: its beginning, and each burst that finds what was
// opened for the one before closed again.
func warmings(t attack.Trial) []time.Duration {
	var bursts []time.Duration
	for _, a := range t.Actors {
		for _, c := range a.Schedule.Crowds() {
			bursts = append(bursts, c.At)
		}
	}
	slices.Sort(bursts)
	out := []time.Duration{0}
	for _, at := range bursts {
		if at > out[len(out)-1]+warmGrace && len(out) < maxBursts {
			out = append(out, at)
		}
	}
	return out
}

// keepWarm closes what is left of the connections opened beforehand, and opens new ones for later bursts, until ctx is done.
func (s *storm) keepWarm(ctx context.Context) {
	if s.trial.Warm == 0 || s.e.net == nil {
		return
	}
	select {
	case <-s.begun:
	case <-ctx.Done():
		return
	}
	for i, at := range warmings(s.trial) {
		if i > 0 {
			pause(ctx, at-warmLead-s.elapsed())
			s.warm(ctx)
		}
		if !pause(ctx, at+warmGrace-s.elapsed()) {
			return
		}
		s.e.net.chill()
	}
}

// warmUp opens connections until as many are open as the trial wants, to the hosts that its first arrivals go to. It sends
// no request, because a request would take a token from a limiter. A failure to connect is returned, for its class.
func (e *Engine) warmUp(ctx context.Context, t attack.Trial) error {
	if e.net == nil || e.opt.Proxy != nil || e.opt.NoKeepAlive {
		return nil
	}
	if e.fast != nil {
		e.fast.tidy()
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
