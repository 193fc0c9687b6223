package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

// Key is a consumer that the throttle is said to know.
type Key struct {
	Identity attack.Identity // its Name is shown, its Value never; Tier names its limit, none means Config.Limit
	Exempt   bool            // no limit is said to hold for it
}

// Tier is the limit of one kind of consumer.
type Tier struct {
	Name string
	limits.Limit
	Quota  int64         // requests in a period; 0 for none
	Period time.Duration // of the quota
}

// Carrier is where a consumer's key stands in a request: in a header or in a query parameter, behind a prefix.
type Carrier struct {
	Header, Query string
	Prefix        string // before each key: "Bearer "
}

// Declared tells whether a place was named.
func (c Carrier) Declared() bool { return c.Header != "" || c.Query != "" }

// Identity is a consumer of this name and key.
func (c Carrier) Identity(name string, key attack.Secret) attack.Identity {
	return attack.Identity{Name: name, Header: c.Header, Query: c.Query, Value: attack.Secret(c.Prefix) + key}
}

// invented is the identity of a consumer that nobody knows. The n-th is the same for the same seed.
func (c Config) invented(n int) attack.Identity {
	return c.Carrier.Identity(fmt.Sprintf("invented %d", n), attack.Secret(fmt.Sprintf("plimsoll-%08x-%d", uint32(c.Seed*0x9e3779b1), n)))
}

// tier is the limit that a key is said to have.
func (c Config) tier(k Key) Tier {
	for _, t := range c.Tiers {
		if t.Name == k.Identity.Tier && t.Name != "" {
			return t
		}
	}
	return Tier{Limit: c.Limit}
}

// Main is the consumer that the storms are sent as when no other is named: the first that is not exempt. Its tier's limit
// is the one to be proven.
func Main(keys []Key, tiers []Tier) (who attack.Identity, limit limits.Limit, ok bool) {
	for _, k := range keys {
		if !k.Exempt {
			return k.Identity, Config{Tiers: tiers}.tier(k).Limit, true
		}
	}
	return attack.Identity{}, limits.Limit{}, false
}

// peers are the declared consumers with the limit that is to be proven, the one of the storms first.
func (c Config) peers() (out []attack.Identity) {
	mine := c.Identity.Tier
	for _, k := range c.Keys {
		if !k.Exempt && k.Identity.Tier == mine {
			out = append(out, k.Identity)
		}
	}
	slices.SortStableFunc(out, func(a, b attack.Identity) int {
		return cmp.Compare(rank(a == c.Identity), rank(b == c.Identity))
	})
	return out
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// exempt is the consumer that no limit is said to hold for.
func (c Config) exempt() (attack.Identity, bool) {
	for _, k := range c.Keys {
		if k.Exempt {
			return k.Identity, true
		}
	}
	return attack.Identity{}, false
}

// consumers are n of them with the limit that is to be proven: declared ones, and invented ones where one was let in.
func (e *evidence) consumers(n int) ([]attack.Identity, bool) {
	out := e.c.peers()
	for i := 1; len(out) < n && e.strangersIn(); i++ {
		out = append(out, e.c.invented(i))
	}
	return out[:min(n, len(out))], len(out) >= n
}

// strangersIn tells whether an invented consumer was let in. One whose key names a tier has another limit than a stranger.
func (e *evidence) strangersIn() bool {
	if e.assume {
		return e.c.Carrier.Declared() && e.c.Identity.Tier == ""
	}
	return e.c.Identity.Tier == "" && slices.ContainsFunc(e.stages["strangers"], func(m attack.Measurement) bool { return m.All().OK > 0 })
}

// needKeys is what a check that needs several consumers lacks.
const needKeys = "several keys (--keys), or --key-header and a throttle that lets invented keys in"

// quotaTimes is how many seconds of the rate, and how many bursts, the storms may take from a quota.
const quotaTimes = 60

// validateConsumers reports the first key or tier that makes no sense.
func (c Config) validateConsumers() error {
	seen := map[string]bool{}
	for _, t := range c.Tiers {
		switch {
		case t.Name == "" || seen[t.Name]:
			return fmt.Errorf("tier %q: every tier needs a name of its own", t.Name)
		case !(t.Rate >= rateMin) || t.Burst < 1 || t.Burst > burstMax:
			return fmt.Errorf("tier %s: %v/s and %d at once, want at least %v/s, and 1 to %d at once", t.Name, t.Rate, t.Burst, rateMin, burstMax)
		case (t.Quota > 0) != (t.Period > 0) || t.Quota < 0:
			return fmt.Errorf("tier %s: a quota of %d in %v, want both above 0 or none", t.Name, t.Quota, t.Period)
		}
		seen[t.Name] = true
	}
	values := map[attack.Secret]bool{}
	for i, k := range c.Keys {
		id := k.Identity
		switch {
		case id.Header == "" && id.Query == "":
			return fmt.Errorf("key %d (%s): no header and no query parameter that carries it", i+1, id.Name)
		case id.Value == "" || values[id.Value]:
			return fmt.Errorf("key %d (%s): its secret is empty or that of an earlier key", i+1, id.Name)
		case id.Tier != "" && !seen[id.Tier]:
			return fmt.Errorf("key %d (%s): tier %q is not declared", i+1, id.Name, id.Tier)
		}
		values[id.Value] = true
	}
	t := c.tier(Key{Identity: c.Identity})
	if most := int64(quotaTimes*t.Rate) + 10*int64(t.Burst); t.Quota > 0 && t.Quota < most {
		return fmt.Errorf("the storms would use up the quota of tier %s, %d: name a key first whose tier has none, or at least %d", t.Name, t.Quota, most)
	}
	if !c.Stage.IsZero() && (!(c.Stage.Rate >= c.Limit.Rate) || c.Stage.Burst < c.Limit.Burst) {
		return fmt.Errorf("stage limit of %v/s and %d at once, want at least the %v/s and %d that one consumer may", c.Stage.Rate, c.Stage.Burst, c.Limit.Rate, c.Limit.Burst)
	}
	return c.validateInstances()
}

// validateInstances reports an instance that is no URL of a host.
func (c Config) validateInstances() error {
	for _, text := range c.Instances {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("instance %q, want http://host:port", attack.RedactURL(text))
		}
	}
	if len(c.Instances) == 1 {
		return errors.New("one instance shares with nobody: name at least two")
	}
	return nil
}

// freshen saves a trial the silence that fills a bucket: where keys were seen to have limits of their own, one that was not
// used yet is a full bucket. A limit of all keys together is full only after its own silence.
func (e *evidence) freshen(t attack.Trial) attack.Trial {
	if t.Idle == 0 || !e.c.Stage.IsZero() || !e.keysApart() {
		return t
	}
	who, ok := e.unused()
	if !ok {
		return t
	}
	swapped := false
	t.Actors = slices.Clone(t.Actors)
	for i := range t.Actors {
		if t.Actors[i].Identity == e.c.Identity {
			t.Actors[i].Identity, swapped = who, true
		}
	}
	if t.Serial != nil && t.Serial.Identity == e.c.Identity {
		order := *t.Serial
		order.Identity, swapped = who, true
		t.Serial = &order
	}
	if swapped {
		t.Idle = 0
	}
	return t
}

// unused is a consumer with the limit to be proven that no trial was sent as.
func (e *evidence) unused() (attack.Identity, bool) {
	used := map[string]bool{e.c.Identity.Name: true}
	for _, ms := range e.stages {
		for _, m := range ms {
			for _, a := range m.Trial.Actors {
				used[a.Identity.Name] = true
			}
			if m.Trial.Serial != nil {
				used[m.Trial.Serial.Identity.Name] = true
			}
		}
	}
	for _, id := range e.c.peers() {
		if !used[id.Name] {
			return id, true
		}
	}
	for i := 1; i < freshMax && e.strangersIn(); i++ {
		if id := e.c.invented(i); !used[id.Name] {
			return id, true
		}
	}
	return attack.Identity{}, false
}

// freshMax bounds the keys that are invented.
const freshMax = 100
