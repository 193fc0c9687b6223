package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Options are what an Engine is made of. Only Target is required.
type Options struct {
	Target attack.Target
	CSV    attack.Rows // what {{csv.column}} sees
	Seed   uint64      // of weights and {{.Rand}}
	Rule   attack.Rule // which statuses are ok, which throttled

	Timeout         time.Duration     // patience of one attempt; 0 means DefaultTimeout
	TLS             *tls.Config       // certificates and trust; nil means the system's. It is cloned
	HTTP2           bool              // offer HTTP/2 over TLS
	ConnectTo       map[string]string // dial the value instead of the key, both host:port
	UnixSocket      string            // dial this socket, whatever the URL says
	Proxy           *url.URL          // nil means none; the environment is never asked
	FollowRedirects int               // most redirects followed; 0 takes a redirect as the answer
	Connections     int               // most connections to one host; 0 means no bound but the flight. Without HTTP/2 it bounds the flight too
	NoKeepAlive     bool              // a connection for each request
	MaxBody         int64             // most bytes read of one answer; 0 means DefaultMaxBody
	Via             Via               // what carries the requests; Auto chooses by what they need
	Lean            bool              // this process does little beside: it may use one processor while that is enough

	// Authorize is asked about the resolved address of every connection before it is opened: the target's, a redirect's, a
	// proxy's and that of the host behind the proxy. Its error ends the run. nil allows all; unix sockets are not asked about.
	Authorize func(netip.Addr) error

	// Transport takes the place of the network, for tests in virtual time; pacing then uses timers alone. The options from
	// TLS to Connections, and Authorize, say nothing to it.
	Transport http.RoundTripper
}

// What Options use where a field is zero.
const (
	DefaultTimeout = 10 * time.Second
	DefaultMaxBody = 64 << 20 // an answer larger than this is a download, not a request under load
)

// Engine sends trials, one at a time, and keeps its connections from one to the next. Close it.
type Engine struct {
	opt  Options
	draw attack.Draw
	net  *network // nil where Options.Transport took its place
	fast *fast    // nil where std carries the requests
	busy bool     // a trial needed more than one processor
	carrier
	vitals *vitals
	hosts  int        // that the target names
	turn   sync.Mutex // held by the one trial that runs
	base   int64      // arrivals of the trials so far
}

var _ attack.Runner = (*Engine)(nil)

// New makes an Engine. It opens nothing on the network.
func New(o Options) (*Engine, error) {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	draw, err := o.Target.Compile(o.Seed, o.CSV)
	if err != nil {
		return nil, err
	}
	e := &Engine{opt: o, draw: draw, hosts: countHosts(o.Target), vitals: openVitals()}
	if o.Transport == nil {
		e.net = newNetwork(o)
	}
	carried := newStd(o, e.net)
	e.carrier = carried
	if _, ok := o.via(); ok {
		e.fast = newFast(o, e.net)
		e.fast.std = carried
		e.carrier = e.fast
	}
	return e, nil
}

func (o Options) validate() error {
	switch {
	case o.Timeout < 0:
		return fmt.Errorf("timeout %v, want more than 0", o.Timeout)
	case o.FollowRedirects < 0:
		return fmt.Errorf("follow %d redirects, want at least 0", o.FollowRedirects)
	case o.Connections < 0:
		return fmt.Errorf("%s, want at least 1, or 0 for no bound", attack.Plural(o.Connections, "connection"))
	case o.MaxBody < 0:
		return fmt.Errorf("most bytes of a body %d, want more than 0", o.MaxBody)
	case o.Proxy != nil && o.UnixSocket != "":
		return errors.New("a proxy and a unix socket exclude one another: give one of them")
	}
	return o.Via.validate(o)
}

// countHosts is the number of hosts that a target names; one that a template makes counts as one.
func countHosts(t attack.Target) int {
	seen := map[string]bool{}
	for _, r := range t.Requests {
		_, rest, _ := strings.Cut(r.URL, "://")
		host, _, _ := strings.Cut(rest, "/")
		seen[host] = true
	}
	return len(seen)
}

// Close closes the connections that are kept between trials.
func (e *Engine) Close() error {
	e.turn.Lock()
	defer e.turn.Unlock()
	if e.fast != nil {
		e.fast.close()
	}
	if e.net != nil {
		e.net.close()
	}
	return e.vitals.close()
}

// Run carries out one trial; see attack.Runner. A second call waits for the first to end.
func (e *Engine) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	if err := t.Validate(); err != nil {
		return attack.Measurement{}, err
	}
	e.turn.Lock()
	defer e.turn.Unlock()
	if e.net != nil {
		defer e.net.begin()()
	}
	if e.fast != nil {
		e.fast.tidy()
	}
	if t.Serial != nil {
		return e.serial(ctx, t)
	}
	return e.storm(ctx, t, watch)
}
