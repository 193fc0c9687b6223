package lab

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
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
	Algorithm Algorithm       // of each key's limit; default TokenBucket
	Window    time.Duration   // of the algorithms that have one; default Burst / Rate of the tier
	Default   Tier            // of each key that names no tier, and of all requests without a key together
	Tiers     map[string]Tier // by name
	Stage     Limit           // a token bucket of all keys together, exempt ones apart
	Ban       time.Duration   // a refused key stays refused for so long, whatever it does; 0 for no ban
	BanRenews bool            // each request that a ban refuses begins it anew
	Keys      []Key           // when there are any, every other key, or none, is answered 401
	KeyHeader string          // default X-Api-Key
	Instances int             // processes that a balancer asks in turn; they share what they count. Default 1

	Headers    Dialect // in which the limit is told; default XRateLimit
	RetryAfter Form    // in which the wait is told; default Seconds
	Refusal    int     // status of a refusal, 400 to 599; default 429

	Fault string // one of Faults, or empty
}

const (
	keysMax      = 10_000 // consumers that are remembered at once
	instancesMax = 64
)

// Limited says whether the gateway would have anything to do.
func (c GatewayConfig) Limited() bool {
	return c.Default != (Tier{}) || len(c.Tiers) > 0 || !c.Stage.IsZero() || len(c.Keys) > 0
}

func (c GatewayConfig) withDefaults() GatewayConfig {
	c.Algorithm = cmp.Or(c.Algorithm, TokenBucket)
	c.KeyHeader = http.CanonicalHeaderKey(cmp.Or(c.KeyHeader, "X-Api-Key"))
	c.Instances = cmp.Or(c.Instances, 1)
	c.Headers = cmp.Or(c.Headers, XRateLimit)
	c.RetryAfter = cmp.Or(c.RetryAfter, Seconds)
	c.Refusal = cmp.Or(c.Refusal, http.StatusTooManyRequests)
	c.Tiers, c.Keys = maps.Clone(c.Tiers), slices.Clone(c.Keys) // a fault may change them
	return c
}

// tier is what a key may do.
func (c GatewayConfig) tier(k Key) Tier {
	if k.Tier == "" {
		return c.Default
	}
	return c.Tiers[k.Tier]
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
	if err := c.validateManner(); err != nil {
		return err
	}
	if err := c.Stage.Validate(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	if err := c.Default.Validate(); err != nil {
		return fmt.Errorf("default tier: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Tiers)) {
		if err := c.Tiers[name].Validate(); err != nil {
			return fmt.Errorf("tier %s: %w", name, err)
		}
	}
	return c.validateKeys()
}

// validateManner refuses what the gateway cannot do or say.
func (c GatewayConfig) validateManner() error {
	c = c.withDefaults()
	switch {
	case c.Window < 0 || c.Ban < 0:
		return fmt.Errorf("window %v, ban %v: use durations above 0", c.Window, c.Ban)
	case c.Instances < 1 || c.Instances > instancesMax:
		return fmt.Errorf("%d instances: use 1 to %d", c.Instances, instancesMax)
	case c.Refusal < 400 || c.Refusal > 599:
		return fmt.Errorf("refusals of status %d: use 400 to 599", c.Refusal)
	}
	return cmp.Or(oneOf("algorithm", c.Algorithm, Algorithms), oneOf("headers", c.Headers, Dialects), oneOf("retry-after", c.RetryAfter, Forms))
}

// oneOf refuses a word that is not in a list.
func oneOf[T ~string](what string, got T, all []T) error {
	if slices.Contains(all, got) {
		return nil
	}
	return fmt.Errorf("%s %q is not known: use one of %s", what, got, join(all))
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
