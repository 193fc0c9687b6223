package lab

import (
	"cmp"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// keyFaults mistake one consumer for another, or let one by.
var keyFaults = []Fault{
	{"per-connection", "each connection has a bucket of its own", "V20", func(h *hooks) {
		h.charge = func(name string, r *http.Request) string { return name + " " + r.RemoteAddr }
	}},
	{"shared-bucket", "all keys share one bucket", "V16", func(h *hooks) {
		h.charge = func(string, *http.Request) string { return "all" }
	}},
	{"unfair", "where keys share a limit, every other key gets next to nothing while it is short", "V17", func(h *hooks) {
		h.stage = func(a *account, stage model.Limiter, at time.Duration) (bool, time.Duration) {
			return a.number%2 == 0 || stage.Left(at) > 3, time.Second
		}
	}},
	{"bypass-post", "POST is not limited", "V21", passing(func(r *http.Request) bool { return r.Method == http.MethodPost })},
	{"bypass-head", "HEAD is not limited", "V21", passing(func(r *http.Request) bool { return r.Method == http.MethodHead })},
	{"bypass-path", "a path written in another way (//, a slash at its end) is not limited", "V21", passing(func(r *http.Request) bool {
		return r.URL.Path != path.Clean(r.URL.Path)
	})},
	{"bypass-query", "each query has a bucket of its own", "V21", func(h *hooks) {
		h.charge = func(name string, r *http.Request) string { return name + "?" + r.URL.RawQuery }
	}},
	{"bypass-case", "a path in capital letters is not limited", "V21", passing(func(r *http.Request) bool {
		return strings.ContainsFunc(r.URL.Path, unicode.IsUpper)
	})},
	{"bypass-forwarded", "each X-Forwarded-For has a bucket of its own", "V21", func(h *hooks) {
		h.charge = func(name string, r *http.Request) string { return name + r.Header.Get("X-Forwarded-For") }
	}},
	{"bypass-http2", "HTTP/2 is not limited", "V21", passing(func(r *http.Request) bool { return r.ProtoMajor >= 2 })},
	{"unknown-key-spends", "a request with an unknown key takes a token from everybody", "V19", func(h *hooks) {
		h.stranger = func(_ *Gateway, in *instance, _ string, at time.Duration) bool {
			for _, name := range slices.Sorted(maps.Keys(in.accounts)) {
				in.accounts[name].limiter.Take(at)
			}
			return false
		}
	}},
	{"unknown-key-enters", "a request with an unknown key is let in", "V19", func(h *hooks) {
		h.stranger = func(*Gateway, *instance, string, time.Duration) bool { return true }
	}},
	{"exempt-limited", "the exempt key is limited like any other", "V18", func(h *hooks) {
		h.config = func(c *GatewayConfig) {
			for i := range c.Keys {
				c.Keys[i].Exempt = false
			}
		}
	}},
	{"exempt-made-up", "a made-up key that begins like the exempt one is exempt too", "V18", func(h *hooks) {
		h.stranger = func(g *Gateway, _ *instance, secret string, _ time.Duration) bool {
			for _, k := range g.keys {
				if k.Exempt && len(secret) > 0 && strings.HasPrefix(secret, k.Secret[:min(3, len(k.Secret))]) {
					return true
				}
			}
			return false
		}
	}},
}

// passing lets some requests by.
func passing(some func(*http.Request) bool) func(*hooks) {
	return func(h *hooks) { h.pass = some }
}

// tierFaults break quotas, tiers and what they share.
var tierFaults = []Fault{
	{"quota-off-by-one", "the quota admits one more than is set", "V24", quota(func(t *Tier) { t.Quota++ })},
	{"quota-doubled", "the quota is reset once more in its period, as soon as it is used up", "V24", quota(func(t *Tier) { t.Quota *= 2 })},
	{"quota-retry-short", "who has used up the quota is told to come back in a second", "V24", func(h *hooks) {
		h.tell = func(h http.Header, d *decision, _ time.Time) {
			if d.ruling == exhausted {
				h.Set("Retry-After", "1")
			}
		}
	}},
	{"quota-forbidden", "who has used up the quota is refused with 403, as if the key were wrong", "V24", spent(func(d *decision) { d.status = http.StatusForbidden })},
	{"quota-unmarked", "who has used up the quota is refused in the words for a rate that is too high", "V24", spent(func(d *decision) { d.body = throttledBody })},
	{"tiers-swapped", "the tiers of the highest and of the lowest rate have each other's limit", "V23", func(h *hooks) {
		h.config = func(c *GatewayConfig) {
			if lo, hi := extremes(c.Tiers); lo != hi {
				low, high := c.Tiers[lo], c.Tiers[hi]
				low.Limit, high.Limit = high.Limit, low.Limit
				c.Tiers[lo], c.Tiers[hi] = low, high
			}
		}
	}},
	{"stage-starves", "while the stage's limit is short, the tier of the lowest rate gets nothing", "V23", func(h *hooks) {
		lowest := 0.0
		h.config = func(c *GatewayConfig) {
			lo, _ := extremes(c.Tiers)
			lowest = c.Tiers[lo].Rate
		}
		h.stage = func(a *account, stage model.Limiter, at time.Duration) (bool, time.Duration) {
			return a.tier.Rate != lowest || stage.Left(at) > 3, time.Second
		}
	}},
	{"stage-open", "the stage's limit is not enforced", "V23", func(h *hooks) {
		h.config = func(c *GatewayConfig) { c.Stage = Limit{} }
	}},
}

// extremes are the tiers of the lowest and the highest rate.
func extremes(tiers map[string]Tier) (lo, hi string) {
	names := slices.SortedFunc(maps.Keys(tiers), func(a, b string) int {
		return cmp.Or(cmp.Compare(tiers[a].Rate, tiers[b].Rate), cmp.Compare(a, b))
	})
	if len(names) == 0 {
		return "", ""
	}
	return names[0], names[len(names)-1]
}

// spent changes how a spent quota is refused.
func spent(change func(*decision)) func(*hooks) {
	return func(h *hooks) {
		h.tell = func(_ http.Header, d *decision, _ time.Time) {
			if d.ruling == exhausted {
				change(d)
			}
		}
	}
}

// quota changes the quota of every tier that has one.
func quota(change func(*Tier)) func(*hooks) {
	return func(h *hooks) {
		h.config = func(c *GatewayConfig) {
			if c.Default.Quota > 0 {
				change(&c.Default)
			}
			for name, t := range c.Tiers {
				if t.Quota > 0 {
					change(&t)
					c.Tiers[name] = t
				}
			}
		}
	}
}

// backendFaults are of the service behind the throttle.
var backendFaults = []Fault{
	{"metastable", "a queue once as long as there are servers makes every request take eight times as long, until nobody waits", "V51", func(h *hooks) {
		h.backend = func(c *BackendConfig) { c.Tips = 8 }
	}},
}
