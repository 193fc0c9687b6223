package lab

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Tier is what consumers of one kind may do.
type Tier struct {
	Limit
	Quota  int64         // requests admitted in a period; 0 for no quota
	Period time.Duration // of the quota, counted from the moment the gateway was made; default 24 h
}

// Key is a consumer that the gateway knows.
type Key struct {
	Secret string // the value of the key header
	Tier   string // the name of its tier; empty for the default one
	Exempt bool   // no limit and no quota at all, the stage's included
}

// GatewayConfig describes a throttle.
type GatewayConfig struct {
	Default   Tier            // of each key that names no tier, and of all requests without a key together
	Tiers     map[string]Tier // by name
	Stage     Limit           // of all keys together, exempt ones apart
	Keys      []Key           // when there are any, every other key, or none, is answered 401
	KeyHeader string          // default X-Api-Key
	Fault     string          // one of Faults, or empty
}

const keysMax = 10_000 // consumers that are remembered at once

// Limited says whether the gateway would have anything to do.
func (c GatewayConfig) Limited() bool {
	return c.Default != (Tier{}) || len(c.Tiers) > 0 || !c.Stage.IsZero() || len(c.Keys) > 0
}

// Validate names the first field that makes no sense.
func (c GatewayConfig) Validate() error {
	fault, err := ParseFault(c.Fault)
	if err != nil {
		return err
	}
	if fault.Name != "" && !c.Limited() {
		return fmt.Errorf("fault %s needs a limit to break: set a rate and a burst", fault.Name)
	}
	if err := c.Stage.Validate(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	if err := c.Default.Validate(); err != nil {
		return fmt.Errorf("default tier: %w", err)
	}
	for name, t := range c.Tiers {
		if err := t.Validate(); err != nil {
			return fmt.Errorf("tier %s: %w", name, err)
		}
	}
	return c.validateKeys()
}

// Validate refuses a tier that cannot be enforced.
func (t Tier) Validate() error {
	if t.Quota < 0 || t.Period < 0 {
		return fmt.Errorf("quota %d in %v: use numbers above 0", t.Quota, t.Period)
	}
	return t.Limit.Validate()
}

// validateKeys names keys by number: secrets stay out of messages.
func (c GatewayConfig) validateKeys() error {
	if len(c.Keys) > keysMax {
		return fmt.Errorf("%d keys: use at most %d", len(c.Keys), keysMax)
	}
	seen := map[string]bool{}
	for i, k := range c.Keys {
		_, known := c.Tiers[k.Tier]
		switch {
		case k.Secret == "":
			return fmt.Errorf("key %d has no secret", i+1)
		case seen[k.Secret]:
			return fmt.Errorf("key %d has the secret of an earlier one", i+1)
		case k.Tier != "" && !known:
			return fmt.Errorf("key %d: tier %q is not among the tiers", i+1, k.Tier)
		}
		seen[k.Secret] = true
	}
	return nil
}

// Gateway is a throttle in front of a handler: a token bucket of x/time/rate for each key, one for all together, and
// quotas. What it refuses never reaches the handler.
//
// A request is admitted when every bucket that concerns it has a token, and then takes one from each; a refused request
// takes none. A refusal says the truth about the wait.
type Gateway struct {
	next    http.Handler
	header  string // canonical name of the key header
	closed  bool   // only known keys come in
	regular Tier
	fault   defect
	began   time.Time

	mu        sync.Mutex
	stage     *bucket
	consumers map[string]*consumer
	swept     time.Time
	refusals  int64
}

// consumer is what the gateway remembers of a key.
type consumer struct {
	tier    Tier
	bucket  *bucket
	exempt  bool
	period  int64 // number of the quota's period that used counts in
	used    int64
	last    time.Time // latest request
	refused bool      // what that came to
}

// NewGateway makes a gateway with full buckets and unused quotas.
func NewGateway(c GatewayConfig, next http.Handler) (*Gateway, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	fault, _ := ParseFault(c.Fault)
	g := &Gateway{
		next:      next,
		header:    http.CanonicalHeaderKey(cmp.Or(c.KeyHeader, "X-Api-Key")),
		closed:    len(c.Keys) > 0,
		regular:   c.Default,
		began:     time.Now(),
		consumers: map[string]*consumer{},
	}
	if fault.plant != nil {
		fault.plant(&g.fault)
	}
	g.stage = newBucket(g.fault.limit(c.Stage))
	for _, k := range c.Keys {
		tier := c.Default
		if k.Tier != "" {
			tier = c.Tiers[k.Tier]
		}
		g.consumers[k.Secret] = g.consumer(tier, k.Exempt)
	}
	return g, nil
}

func (g *Gateway) consumer(t Tier, exempt bool) *consumer {
	t.Period = cmp.Or(t.Period, 24*time.Hour)
	return &consumer{tier: t, bucket: newBucket(g.fault.limit(t.Limit)), exempt: exempt}
}

// ruling is what becomes of a request.
type ruling uint8

const (
	admitted ruling = iota
	throttled
	exhausted // the quota is
	unknown   // the key is
)

// decision is a ruling with what the answer says about it.
type decision struct {
	ruling    ruling
	wait      time.Duration // true time until a request would be admitted, if no other comes; 0 when admitted
	headers   bool          // whether the next three are to be told
	limit     int64         // most at once from rest, or the quota that is exhausted
	remaining int64         // requests that would be admitted at once now
	reset     time.Duration // until remaining is limit again
	refusal   int64         // number of the refusal, from 1
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d := g.decide(r.Header.Get(g.header))
	if d.headers {
		h := w.Header() // the names are in canonical form, which spares net/http the work
		h.Set("X-Ratelimit-Limit", strconv.FormatInt(d.limit, 10))
		h.Set("X-Ratelimit-Remaining", strconv.FormatInt(d.remaining, 10))
		h.Set("X-Ratelimit-Reset", strconv.FormatInt(wholeSeconds(d.reset), 10))
	}
	switch d.ruling {
	case admitted:
		g.next.ServeHTTP(w, r)
	case unknown:
		w.Header().Set("WWW-Authenticate", "ApiKey")
		answer(w, http.StatusUnauthorized, `{"message":"unknown key"}`)
	default:
		g.refuse(w, r, d)
	}
}

// refuse answers a request that the handler never sees.
func (g *Gateway) refuse(w http.ResponseWriter, r *http.Request, d decision) {
	body := `{"message":"too many requests"}`
	if d.ruling == exhausted {
		body = `{"message":"limit exceeded"}`
	}
	if !g.fault.delayRefusal(r, g.next) {
		return
	}
	if told := g.fault.told(seconds(d.wait)); told != "" {
		w.Header().Set("Retry-After", told)
	}
	answer(w, g.fault.statusOf(d.refusal), body)
}

// decide rules on one request and spends its tokens. It reads the clock under the lock, since x/time/rate would refill
// twice for time that runs backwards.
func (g *Gateway) decide(key string) decision {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	c := g.find(key, now)
	if c == nil {
		return decision{ruling: unknown}
	}
	if c.exempt {
		return decision{}
	}
	g.fault.tamper(c, now)
	d, shown := g.judge(c, now)
	if d.ruling == admitted {
		c.used++
		c.bucket.take(now)
		g.stage.take(now)
	} else {
		g.refusals++
		d.refusal = g.refusals
		g.fault.punish(now, c.bucket, g.stage)
	}
	c.last, c.refused = now, d.ruling != admitted
	g.describe(&d, shown, now)
	return d
}

// judge rules without spending. It returns, too, the bucket that the headers speak of: the key's own, or the stage's when
// that is what refuses.
func (g *Gateway) judge(c *consumer, now time.Time) (decision, *bucket) {
	d, shown := decision{wait: c.bucket.wait(now)}, c.bucket
	if whole := g.stage.wait(now); whole > d.wait {
		d.wait, shown = whole, g.stage
	}
	d.wait = max(d.wait, g.fault.grudgeLeft(c, now))
	if d.wait > 0 {
		d.ruling = throttled
	}
	if left := c.quotaWait(now.Sub(g.began)); left > 0 {
		d.ruling, d.wait = exhausted, max(d.wait, left)
		d.headers, d.limit, d.reset = true, c.tier.Quota, left
		shown = nil
	}
	if g.fault.open {
		d.ruling = admitted
	}
	return d, shown
}

// quotaWait is how long until the quota's next period begins; 0 while there is quota left. Age is the gateway's.
func (c *consumer) quotaWait(age time.Duration) time.Duration {
	if c.tier.Quota == 0 {
		return 0
	}
	period := int64(age / c.tier.Period)
	if period != c.period {
		c.period, c.used = period, 0
	}
	if c.used < c.tier.Quota {
		return 0
	}
	return time.Duration(period+1)*c.tier.Period - age
}

// describe puts into words what is left of a bucket after the decision.
func (g *Gateway) describe(d *decision, b *bucket, now time.Time) {
	if b != nil {
		d.headers, d.limit, d.reset = true, int64(b.Burst()), b.full(now)
		if d.ruling == admitted {
			d.remaining = int64(b.remaining(now))
		}
	}
	if g.fault.stuck {
		d.remaining = d.limit
	}
}

// find is the consumer of a key, a new one when the gateway is open to new ones, or nil.
func (g *Gateway) find(key string, now time.Time) *consumer {
	c := g.consumers[key]
	if c != nil || g.closed {
		return c
	}
	if len(g.consumers) >= keysMax && !g.sweep(now) {
		key = "" // too many to tell apart: they share the bucket of those without a key
		if c = g.consumers[key]; c != nil {
			return c
		}
	}
	c = g.consumer(g.regular, false)
	g.consumers[key] = c
	return c
}

// sweep forgets consumers that a new one could not be told from, at most once a second, and says whether it made room.
func (g *Gateway) sweep(now time.Time) bool {
	if now.Sub(g.swept) < time.Second {
		return false
	}
	g.swept = now
	for key, c := range g.consumers {
		rested := c.bucket == nil || c.bucket.full(now) == 0
		if c.quotaWait(now.Sub(g.began)); rested && (c.tier.Quota == 0 || c.used == 0) {
			delete(g.consumers, key)
		}
	}
	return len(g.consumers) < keysMax
}
