package lab

import (
	"cmp"
	"net/http"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// Gateway is a throttle in front of a handler: a limiter for each key, a token bucket for all together, and quotas. What it
// refuses never reaches the handler.
//
// A request is admitted when all that concerns it admits it, and is then counted in each; a refused request costs nothing.
// A refusal says the truth about the wait.
type Gateway struct {
	next   http.Handler
	config GatewayConfig
	hooks  hooks
	began  time.Time
	keys   map[string]Key

	mu        sync.Mutex
	instances []*instance
	turn      int // of the instances
	refusals  int64
}

// instance is what one process of the gateway counts.
type instance struct {
	stage    model.Limiter
	accounts map[string]*account
	swept    time.Duration
}

// account is what an instance remembers of a key.
type account struct {
	tier    Tier
	limiter model.Limiter
	period  int64 // number of the quota's period that used counts in
	used    int64
	number  int   // in order of appearance
	refused int64 // the latest requests in a row that were
}

// NewGateway makes a gateway with full buckets and unused quotas.
func NewGateway(c GatewayConfig, next http.Handler) (*Gateway, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	g := &Gateway{next: next, began: time.Now(), keys: map[string]Key{}}
	g.hooks = plant(c.Fault)
	counters := 1
	if g.hooks.apart {
		counters = max(c.Instances, 4)
	}
	if g.hooks.config != nil {
		g.hooks.config(&c)
	}
	g.config = c
	for _, k := range c.Keys {
		g.keys[k.Secret] = k
	}
	for range counters {
		g.instances = append(g.instances, &instance{stage: TokenBucket.limiter(c.Stage, 0), accounts: map[string]*account{}})
	}
	return g, nil
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
	wait      time.Duration // true time until a request would be admitted, if no other comes; model.Unknown where nobody knows. Of an admitted one: how long it is held
	headers   bool          // whether the next four are to be told
	limit     int64         // most at once from rest, or the quota that is exhausted
	remaining int64         // requests that would be admitted at once now
	reset     time.Duration // until remaining is limit again; model.Unknown where nobody knows
	window    time.Duration // in which limit requests are admitted
	refusal   int64         // number of the refusal, from 1
	row       int64         // refusals of this account in a row
	status    int           // of a refusal
	body      string        // of a refusal
	spent     []model.Limiter
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.serve(w, r, -1) }

// Instance is the k-th process of the gateway, past the balancer.
func (g *Gateway) Instance(k int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, k) })
}

// serve answers a request that came to an instance, or to the balancer.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, instance int) {
	d := g.decide(r, instance)
	g.tell(w.Header(), &d)
	switch d.ruling {
	case admitted:
		g.forward(w, r, d)
	case unknown:
		w.Header().Set("WWW-Authenticate", "ApiKey")
		answer(w, http.StatusUnauthorized, `{"message":"unknown key"}`)
	default:
		if g.hooks.refuse == nil || g.hooks.refuse(w, r, d, g.next) {
			answer(w, d.status, d.body)
		}
	}
}

// forward hands a request on, after the time that it is held.
func (g *Gateway) forward(w http.ResponseWriter, r *http.Request, d decision) {
	defer g.release(d.spent)
	if d.wait > 0 && !sleep(r.Context(), d.wait) {
		return
	}
	g.next.ServeHTTP(w, r)
}

func (g *Gateway) release(spent []model.Limiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range spent {
		release(l, time.Since(g.began))
	}
}

// tell puts into words what was decided.
func (g *Gateway) tell(h http.Header, d *decision) {
	now := time.Now()
	if d.headers {
		g.config.Headers.say(h, *d, now)
		if g.hooks.say != nil {
			g.hooks.say(h, now)
		}
	}
	if d.ruling != throttled && d.ruling != exhausted {
		return
	}
	d.status, d.body = g.config.Refusal, throttledBody
	if d.ruling == exhausted {
		d.body = `{"message":"limit exceeded"}`
	}
	if d.wait == model.Unknown {
		d.wait = guess
	}
	g.config.RetryAfter.say(h, d.wait, now)
	if g.hooks.tell != nil {
		g.hooks.tell(h, d, now)
	}
}

// throttledBody is what a refusal for the rate says.
const throttledBody = `{"message":"too many requests"}`

// guess is the wait that is told where nobody can know it.
const guess = time.Second

// decide rules on one request and counts it. It reads the clock under the lock, so that time never goes back.
func (g *Gateway) decide(r *http.Request, instance int) decision {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := time.Since(g.began)
	in := g.pick(instance)
	secret := r.Header.Get(g.config.KeyHeader)
	key, known := g.keys[secret]
	if !known && len(g.keys) > 0 {
		if g.hooks.stranger != nil && g.hooks.stranger(g, in, secret, at) {
			return decision{}
		}
		return decision{ruling: unknown}
	}
	if key.Exempt || g.hooks.pass != nil && g.hooks.pass(r) {
		return decision{}
	}
	name := secret
	if g.hooks.charge != nil {
		name = g.hooks.charge(name, r)
	}
	a := g.account(in, name, g.config.tier(key), at)
	d := g.judge(in, a, at)
	if g.hooks.describe != nil {
		g.hooks.describe(&d, a)
	}
	return d
}

// pick is the instance that a request comes to.
func (g *Gateway) pick(instance int) *instance {
	if instance < 0 {
		instance = g.turn
		g.turn = (g.turn + 1) % len(g.instances)
	}
	return g.instances[instance%len(g.instances)]
}

// judge rules on a request of an account and counts it.
func (g *Gateway) judge(in *instance, a *account, at time.Duration) decision {
	d := decision{}
	ok, wait := a.limiter.Peek(at)
	stageOK, stageWait := in.stage.Peek(at)
	if g.hooks.stage != nil && stageOK {
		stageOK, stageWait = g.hooks.stage(a, in.stage, at)
	}
	left := a.quotaWait(at)
	if left > 0 {
		d.ruling = exhausted
	} else if !ok || !stageOK {
		d.ruling = throttled
	}
	if d.ruling != admitted && g.hooks.open != nil && g.hooks.open(at, a) {
		return decision{}
	}
	if d.ruling == admitted {
		d.wait, d.spent = g.spend(in, a, at), []model.Limiter{a.limiter}
		g.describe(&d, a, at)
		return d
	}
	if !ok && left == 0 { // a limiter may count what it refuses
		_, wait = a.limiter.Take(at)
	}
	if !stageOK {
		in.stage.Take(at)
	}
	g.refusals++
	a.refused++
	d.refusal, d.row = g.refusals, a.refused
	d.wait = longest(left, refusedWait(ok, wait), refusedWait(stageOK, stageWait))
	g.describe(&d, a, at)
	if left == 0 && !stageOK && (ok || stageWait > wait) {
		d.limit, d.window = int64(g.config.Stage.Burst), g.config.Stage.span(float64(g.config.Stage.Burst))
		d.reset = in.stage.FullIn(at)
	}
	return d
}

// spend counts an admission, and is how long the request is held.
func (g *Gateway) spend(in *instance, a *account, at time.Duration) (held time.Duration) {
	_, held = a.limiter.Take(at)
	in.stage.Take(at)
	a.used++
	a.refused = 0
	return held
}

// refusedWait is the wait of what refuses, 0 of what does not: its wait is that of an admission.
func refusedWait(ok bool, wait time.Duration) time.Duration {
	if ok {
		return 0
	}
	return wait
}

// longest is the longest wait; model.Unknown when one of them is.
func longest(waits ...time.Duration) (d time.Duration) {
	for _, w := range waits {
		if w == model.Unknown {
			return w
		}
		d = max(d, w)
	}
	return d
}

// describe says what an account has after the decision.
func (g *Gateway) describe(d *decision, a *account, at time.Duration) {
	if d.ruling == exhausted {
		d.headers, d.limit, d.reset, d.window = true, a.tier.Quota, d.wait, a.tier.Period
		return
	}
	if _, free := a.limiter.(unlimited); free {
		return
	}
	d.headers, d.limit, d.reset = true, int64(a.tier.Burst), a.limiter.FullIn(at)
	d.window = cmp.Or(g.config.Window, a.tier.span(float64(a.tier.Burst)))
	if d.ruling == admitted {
		d.remaining = int64(a.limiter.Left(at))
	}
}

// quotaWait is how long until the quota's next period begins; 0 while there is quota left.
func (a *account) quotaWait(at time.Duration) time.Duration {
	if a.tier.Quota == 0 {
		return 0
	}
	period := int64(at / a.tier.Period)
	if period != a.period {
		a.period, a.used = period, 0
	}
	if a.used < a.tier.Quota {
		return 0
	}
	return time.Duration(period+1)*a.tier.Period - at
}

// account is that of a name, a new one when it is not known yet.
func (g *Gateway) account(in *instance, name string, t Tier, at time.Duration) *account {
	if a := in.accounts[name]; a != nil {
		return a
	}
	if len(in.accounts) >= keysMax && !in.sweep(at) {
		name = "" // too many to tell apart: they share the account of those without a key
		if a := in.accounts[name]; a != nil {
			return a
		}
	}
	a := g.open(t)
	a.number = len(in.accounts)
	in.accounts[name] = a
	return a
}

// open makes an account at rest.
func (g *Gateway) open(t Tier) *account {
	t.Period = cmp.Or(t.Period, 24*time.Hour)
	l := g.config.Algorithm.limiter(t.Limit, g.config.Window)
	if g.hooks.limiter != nil && !t.IsZero() {
		l = g.hooks.limiter(t.Limit, l)
	}
	if g.config.Ban > 0 {
		l = model.NewBan(l, g.config.Ban, g.config.BanRenews)
	}
	return &account{tier: t, limiter: l}
}

// sweep forgets accounts that a new one could not be told from, at most once a second, and says whether it made room.
func (in *instance) sweep(at time.Duration) bool {
	if at-in.swept < time.Second {
		return false
	}
	in.swept = at
	for name, a := range in.accounts {
		if a.quotaWait(at); a.limiter.FullIn(at) == 0 && (a.tier.Quota == 0 || a.used == 0) {
			delete(in.accounts, name)
		}
	}
	return len(in.accounts) < keysMax
}
