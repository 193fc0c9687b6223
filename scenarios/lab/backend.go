package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// BackendConfig describes a service with a known capacity.
type BackendConfig struct {
	Servers  int           // requests worked on at the same time, 1 … 10,000
	Mean     time.Duration // mean service time
	Service  Distribution  // law of the service times; default lognormal
	CV       float64       // coefficient of variation of lognormal service times; default 0.5
	WaitMax  time.Duration // a request that would wait longer for a server is shed with 503; default 30 s
	QueueMax int           // so is one that finds so many waiting; default 50,000
	Tips     float64       // once as many wait as it has servers, a request takes so many times as long, until nobody waits; 0 for no such thing
	Seed     uint64        // of the service times
}

const (
	serversMax = 10_000
	cvMax      = 10
	tipsMax    = 1000
	bodyMax    = 1 << 20 // bytes of a request's body that are read
)

// Capacity is the rate, in requests per second, that the service bears and not one more: servers / mean.
func (c BackendConfig) Capacity() float64 { return float64(c.Servers) / c.Mean.Seconds() }

// Sized is a service of the given capacity, 20 … 20,000 requests per second, as services are: 8 to 16 servers and a mean
// of 8 to 20 ms where both are possible, drawn by the seed; fewer and slower servers below 400/s, more above 2,000/s.
func Sized(capacity float64, seed uint64) BackendConfig {
	const quick, slow, few, many = 0.008, 0.020, 8, 16
	lo := max(int(math.Ceil(capacity*quick)), few)
	hi := max(min(int(capacity*slow), many), lo)
	if capacity*slow < few {
		lo = max(int(math.Ceil(capacity*slow)), 2)
		hi = lo
	}
	servers := lo + rand.New(rand.NewPCG(seed, 0x73697a65)).IntN(hi-lo+1)
	mean := time.Duration(math.Round(float64(servers) / capacity * 1e9))
	return BackendConfig{Servers: servers, Mean: mean, Service: Lognormal, CV: 0.5, Seed: seed}
}

func (c BackendConfig) withDefaults() BackendConfig {
	if c.Service == "" {
		c.Service = Lognormal
	}
	if c.CV == 0 {
		c.CV = 0.5
	}
	if c.WaitMax == 0 {
		c.WaitMax = 30 * time.Second
	}
	if c.QueueMax == 0 {
		c.QueueMax = 50_000
	}
	return c
}

// Validate names the first field that makes no sense.
func (c BackendConfig) Validate() error {
	c = c.withDefaults()
	switch {
	case c.Servers < 1 || c.Servers > serversMax:
		return fmt.Errorf("servers %d: use 1 to %d", c.Servers, serversMax)
	case c.Mean <= 0:
		return fmt.Errorf("mean %v: a service time is longer than 0", c.Mean)
	case !(c.CV > 0 && c.CV <= cvMax):
		return fmt.Errorf("cv %v: use more than 0, up to %d (service deterministic is the one without variation)", c.CV, cvMax)
	case c.WaitMax < 0:
		return fmt.Errorf("longest wait %v: use a duration above 0", c.WaitMax)
	case c.Tips != 0 && !(c.Tips >= 1 && c.Tips <= tipsMax):
		return fmt.Errorf("tips %v: a request takes 1 to %d times as long, or 0 for no such thing", c.Tips, tipsMax)
	case c.QueueMax < 0:
		return fmt.Errorf("longest queue %d: use a number above 0", c.QueueMax)
	}
	return c.Service.validate()
}

// Backend is a service with a number of servers and one queue, first come, first served. The servers are arithmetic: the
// moment a request is done is computed when it arrives, and its handler waits for that moment. A timer that fires late
// delays one answer and takes nothing from the capacity.
//
// It answers /healthz and /stats without a server; every other path is work.
type Backend struct {
	config BackendConfig
	epoch  time.Time

	mu      sync.Mutex
	servers servers
	line    line
	draws   *draws
	slow    bool // it has tipped
	count   Stats
}

// Stats is what a Backend has done so far. Requests = Served + Shed + Abandoned + InFlight at every moment.
type Stats struct {
	Capacity  float64 `json:"capacity"`  // requests per second
	Requests  int64   `json:"requests"`  // arrived
	Served    int64   `json:"served"`    // answered with 200
	Shed      int64   `json:"shed"`      // turned away with 503
	Abandoned int64   `json:"abandoned"` // the client went away; a server worked for it all the same
	InFlight  int64   `json:"in_flight"` // not answered yet
	Queue     int     `json:"queue"`     // waiting for a server, abandoned ones too
}

// NewBackend makes a service at rest.
func NewBackend(c BackendConfig) (*Backend, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	return &Backend{
		config:  c,
		epoch:   time.Now(),
		servers: make(servers, c.Servers),
		draws:   newDraws(c.Service, c.CV, c.Seed),
		count:   Stats{Capacity: c.Capacity()},
	}, nil
}

// Stats counts up to now.
func (b *Backend) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.line.advance(time.Since(b.epoch))
	b.count.Queue = b.line.len()
	return b.count
}

func (b *Backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		answer(w, http.StatusOK, `{"status":"ok"}`)
	case "/stats":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(b.Stats()) // the client is gone, and nobody is left to tell
	default:
		b.work(w, r)
	}
}

// work serves one request, or sheds it.
func (b *Backend) work(w http.ResponseWriter, r *http.Request) {
	if r.Body != http.NoBody { // net/http notices that a client has gone only once the body has been read
		_, _ = io.CopyN(io.Discard, r.Body, bodyMax)
	}
	takes, retry := b.arrive()
	if retry > 0 {
		w.Header().Set("Retry-After", seconds(retry))
		answer(w, http.StatusServiceUnavailable, `{"message":"overloaded"}`)
		return
	}
	if !sleep(r.Context(), takes) {
		b.leave(&b.count.Abandoned)
		return
	}
	b.leave(&b.count.Served)
	answer(w, http.StatusOK, `{"message":"served"}`)
}

// arrive books a server. It returns how long the request takes, waiting included, or else, when it is shed, how long to
// stay away.
func (b *Backend) arrive() (takes, retry time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.epoch) // read under the lock: arrivals are in order of time
	b.line.advance(now)
	b.count.Requests++
	if retry = b.excess(now); retry > 0 {
		b.count.Shed++
		return 0, retry
	}
	b.count.InFlight++
	work := time.Duration(math.Round(b.draws.next() * float64(b.config.Mean) * b.tipped()))
	start, end := b.servers.book(now, work)
	if start > now {
		b.line.push(start)
	}
	return end - now, 0
}

// tipped is how many times as long a request takes. A cache that a crowd has emptied is slow for as long as people wait for
// it, and people wait for as long as it is slow: a failure that outlives what set it off.
func (b *Backend) tipped() float64 {
	switch n := b.line.len(); {
	case b.config.Tips == 0:
		return 1
	case n >= b.config.Servers:
		b.slow = true
	case n == 0:
		b.slow = false
	}
	if b.slow {
		return b.config.Tips
	}
	return 1
}

// excess is how long it takes until there is room again for one more in the queue; 0 when there is.
func (b *Backend) excess(now time.Duration) time.Duration {
	late := b.servers[0] - now - b.config.WaitMax
	if b.line.len() >= b.config.QueueMax {
		late = max(late, b.line.starts[b.line.head]-now)
	}
	return max(late, 0)
}

// leave counts an end of a request in the counter that is its own.
func (b *Backend) leave(end *int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count.InFlight--
	*end++
}

// sleep waits and reports true, or false when the client was gone before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// answer writes a small JSON body.
func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body+"\n") // the client is gone, and nobody is left to tell
}

// seconds is a wait as Retry-After has it (RFC 9110 §10.2.3): whole seconds, rounded up so that it suffices, at least 1.
func seconds(wait time.Duration) string {
	return strconv.FormatInt(max(wholeSeconds(wait), 1), 10)
}

func wholeSeconds(d time.Duration) int64 {
	whole := int64(d / time.Second)
	if d%time.Second > 0 {
		whole++
	}
	return whole
}
