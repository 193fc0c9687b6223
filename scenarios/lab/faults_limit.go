package lab

import (
	"cmp"
	"time"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// limitFaults enforce another limit than the one that is set.
var limitFaults = []Fault{
	{"rate-double", "the rate is twice what is set", "V01", scaled(2, 1)},
	{"rate-plus-10", "the rate is 10 % above what is set", "V01", scaled(1.1, 1)},
	{"rate-minus-10", "the rate is 10 % below what is set", "V01", scaled(.9, 1)},
	{"rate-low", "the rate is 20 % below what is set", "V01", scaled(.8, 1)},
	{"burst-double", "the burst is twice what is set", "V02", scaled(1, 2)},
	{"burst-half", "the burst is half of what is set", "V02", scaled(1, .5)},
	{"no-limit", "nothing is ever refused", "V01", func(h *hooks) { h.open = func(time.Duration, *account) bool { return true } }},
	{"fails-open", "a second with more than three times the rate is let in whole", "V01", func(h *hooks) { h.open = new(overrun).open }},
	{"unshared-instances", "each instance (four when it is not said how many) counts on its own", "V25", func(h *hooks) { h.apart = true }},
	{"counts-refusals", "refused requests take tokens too, so that an overload starves", "V22", func(h *hooks) {
		h.limiter = func(l Limit, _ model.Limiter) model.Limiter { return model.NewStarving(l.Rate, l.Burst) }
	}},
	{"ban-renewed", "a refused key is banned for 2 s, anew with every try", "V22", func(h *hooks) {
		h.config = func(c *GatewayConfig) { c.Ban, c.BanRenews = max(c.Ban, banDefault), true }
	}},
	{"ban-short", "a ban ends after half of the time that is set, or of 2 s", "V22", func(h *hooks) {
		h.config = func(c *GatewayConfig) { c.Ban = cmp.Or(c.Ban, banDefault) / 2 }
	}},
	{"ban-long", "a ban lasts half as long again as is set, or as 2 s", "V22", func(h *hooks) {
		h.config = func(c *GatewayConfig) { c.Ban = cmp.Or(c.Ban, banDefault) * 3 / 2 }
	}},
	{"ban-never", "nobody is banned, although a ban is set", "V22", func(h *hooks) {
		h.config = func(c *GatewayConfig) { c.Ban = 0 }
	}},
	{"ban-everyone", "the ban of one key, of the time that is set or of 2 s, shuts out all", "V16", func(h *hooks) {
		all := new(outlawry)
		h.config = func(c *GatewayConfig) { all.length, c.Ban = cmp.Or(c.Ban, banDefault), 0 }
		h.limiter = func(_ Limit, honest model.Limiter) model.Limiter { return banned{honest, all} }
	}},
	{"forgets", "a key that was silent for 200 ms, or a quarter of the time to refill, has a full bucket", "V03", func(h *hooks) {
		h.limiter = func(l Limit, _ model.Limiter) model.Limiter {
			return model.NewForgetful(l.Rate, l.Burst, min(200*time.Millisecond, l.span(float64(l.Burst))/4))
		}
	}},
	{"places-leak", "of a limit on how many are in flight, every fourth place is never given back", "V55", func(h *hooks) {
		h.limiter = func(_ Limit, honest model.Limiter) model.Limiter { return &leaking{Limiter: honest} }
	}},
	{"truncates", "a fraction of a token is thrown away with every admission", "V01", func(h *hooks) {
		h.limiter = func(l Limit, _ model.Limiter) model.Limiter { return model.NewTruncating(l.Rate, l.Burst) }
	}},
	{"ticks", "tokens come in at whole seconds only", "V03", func(h *hooks) {
		h.limiter = func(l Limit, _ model.Limiter) model.Limiter {
			return model.NewTicks(max(int(l.Rate), 1), time.Second, l.Burst)
		}
	}},
	{"window-for-bucket", "a fixed window of a second stands where a token bucket is declared", "V02", func(h *hooks) {
		h.limiter = func(l Limit, _ model.Limiter) model.Limiter {
			return model.NewWindow(max(int(l.Rate), 1), time.Second)
		}
	}},
	{"window-fixed", "a fixed window stands where a sliding one is declared: twice the limit passes at its edge", "V27", func(h *hooks) {
		h.config = func(c *GatewayConfig) { c.Algorithm = FixedWindow }
	}},
}

// banDefault is how long a fault bans where no ban is set.
const banDefault = 2 * time.Second

// outlawry is a ban that holds for all keys.
type outlawry struct{ length, until time.Duration }

// banned is a limiter under a common ban.
type banned struct {
	model.Limiter
	all *outlawry
}

func (b banned) Take(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = b.Peek(at); ok {
		return b.Limiter.Take(at)
	}
	if at >= b.all.until {
		b.all.until = at + b.all.length
	}
	return false, max(wait, b.all.until-at)
}

func (b banned) Peek(at time.Duration) (ok bool, wait time.Duration) {
	if ok, wait = b.Limiter.Peek(at); at < b.all.until {
		return false, b.all.until - at
	}
	return ok, wait
}

func (b banned) Left(at time.Duration) int {
	if at < b.all.until {
		return 0
	}
	return b.Limiter.Left(at)
}

// leaking is a limiter that is told of three of four requests that have ended.
type leaking struct {
	model.Limiter
	ended int
}

func (l *leaking) Release(at time.Duration) {
	if l.ended++; l.ended%4 != 0 {
		release(l.Limiter, at)
	}
}

// scaled multiplies every rate and every burst.
func scaled(rate, burst float64) func(*hooks) {
	scale := func(l Limit) Limit {
		if l.IsZero() {
			return l
		}
		return Limit{Rate: l.Rate * rate, Burst: max(int(float64(l.Burst)*burst), 1)}
	}
	return func(h *hooks) {
		h.config = func(c *GatewayConfig) {
			c.Stage, c.Default.Limit = scale(c.Stage), scale(c.Default.Limit)
			c.Window = time.Duration(float64(c.Window) / rate)
			for name, t := range c.Tiers {
				t.Limit = scale(t.Limit)
				c.Tiers[name] = t
			}
		}
	}
}

// overrun counts the requests of the running second that would be refused.
type overrun struct {
	second time.Duration
	n      float64
}

func (o *overrun) open(at time.Duration, a *account) bool {
	if second := at.Truncate(time.Second); second != o.second {
		o.second, o.n = second, 0
	}
	o.n++
	return o.n > 2*a.tier.Rate // beside those within the rate
}
