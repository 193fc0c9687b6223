package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// defaultKeyHeader carries keys where nobody named another place.
const defaultKeyHeader = "X-Api-Key"

// consumers tells a script who the consumers of the throttle are, and how it counts.
func (a *app) consumers(c *scenarios.Config) (err error) {
	v := a.spec.Verify
	c.Algorithm, c.Window = scenarios.Algorithm(v.Algorithm), v.Window
	if c.Window == 0 && v.Limit != "" && !strings.Contains(v.Limit, ":") && v.Burst == 0 && v.Algorithm != string(scenarios.LeakyQueue) && v.Algorithm != string(scenarios.TokenBucket) {
		if _, per, err := attack.ParseQuota(v.Limit); err == nil && per != time.Second {
			if c.Window = per; per > scenarios.WindowMax {
				return misuseHint("--burst N declares a token bucket of this rate", "--limit %s is a window of %v, and one of more than %v cannot be watched to turn", v.Limit, per, scenarios.WindowMax)
			}
		}
	}
	c.Backend, c.Instances = v.Watch.Backend != "", v.Instances
	if err := a.bypass(c); err != nil {
		return err
	}
	if c.Carrier, err = v.carrier(); err != nil {
		return err
	}
	if c.Tiers, err = v.tiers(); err != nil {
		return err
	}
	if v.Stage != "" {
		if c.Stage, err = parseLimit(v.Stage); err != nil {
			return misuse("--stage: %w", err)
		}
	}
	if c.Keys, err = v.keys(c.Carrier); err != nil {
		return err
	}
	if who, l, ok := scenarios.Main(c.Keys, c.Tiers); ok {
		c.Identity = who
		switch {
		case !l.IsZero() && l != c.Limit && v.Limit+v.Limits != "":
			return misuse("--limit is not that of tier %s, which the first key has: leave --limit out, or name a key without a tier first", who.Tier)
		case !l.IsZero():
			c.Limit = l
		}
	}
	if v.Key != "" {
		c.Identity = c.Carrier.Identity("the given key", attack.Secret(v.Key))
	}
	return nil
}

// toldTiers is what a script was told of kinds of consumers.
func toldTiers(c scenarios.Config) (out []journal.Tier) {
	ladder := c.Ladder()
	for _, t := range c.Tiers {
		out = append(out, journal.Tier{Name: t.Name, Limit: t.Limit, Main: t.Name == c.Identity.Tier, Tried: slices.Contains(ladder, t.Name)})
	}
	return out
}

// tiersOf is what verify is told of kinds of consumers beside a limit that was found to make sense, nothing without one.
func (a *app) tiersOf(limit *limits.Limit) []journal.Tier {
	if limit == nil {
		return nil
	}
	config, _ := a.scenarioConfig(*limit)
	return toldTiers(config)
}

// bypass says which other ways of asking may be tried.
func (a *app) bypass(c *scenarios.Config) error {
	switch v := a.spec.Verify; v.Bypass {
	case "", "safe":
	case "unsafe":
		c.Unsafe = true
	case "off":
		c.Skip = append(append([]string(nil), c.Skip...), "no-bypass")
	default:
		return misuse("--bypass %q, want safe, unsafe or off", v.Bypass)
	}
	if target, _, err := a.target(); err == nil {
		c.Changes = len(target.Unsafe()) > 0
	}
	return nil
}

// carrier is where keys stand; nowhere, unless a place, a key or a file of keys was named.
func (v VerifySpec) carrier() (c scenarios.Carrier, err error) {
	name, prefix, _ := strings.Cut(v.KeyHeader, ":")
	c = scenarios.Carrier{Header: strings.TrimSpace(name), Query: v.KeyQuery, Prefix: strings.TrimLeft(prefix, " ")}
	switch {
	case c.Header != "" && c.Query != "":
		return c, misuse("--key-header and --key-query exclude one another")
	case !c.Declared() && (v.Key != "" || v.Keys != ""):
		c.Header = defaultKeyHeader
	}
	if c.Header != "" {
		probe := attack.Twist{Header: map[string]attack.Secret{c.Header: "x"}}
		if err := probe.Validate(); err != nil {
			return c, misuse("--key-header %q is no header name", c.Header)
		}
	}
	return c, nil
}

// parseLimit reads rate,burst; a rate in a window of its own, as 100/2s, is its own burst.
func parseLimit(text string) (l limits.Limit, err error) {
	first, second, has := strings.Cut(text, ",")
	n, per, err := attack.ParseQuota(first)
	if err != nil {
		return l, err
	}
	l = limits.Limit{Rate: n / per.Seconds(), Burst: int(n)}
	if has {
		if l.Burst, err = strconv.Atoi(strings.TrimSpace(second)); err != nil {
			return l, fmt.Errorf("%q: %q is no burst, want rate,burst (500/s,100)", text, second)
		}
	}
	if l.Rate <= 0 || l.Burst < 1 {
		return l, fmt.Errorf("%q, want a rate and a burst of at least 1 (500/s,100)", text)
	}
	return l, nil
}

// tiers reads --tier.
func (v VerifySpec) tiers() (out []scenarios.Tier, err error) {
	for _, text := range v.Tiers {
		name, rest, ok := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, misuse("--tier %q, want name=rate,burst[,quota/period]", text)
		}
		parts := strings.SplitN(rest, ",", 3)
		t := scenarios.Tier{Name: name}
		if t.Limit, err = parseLimit(strings.Join(parts[:min(2, len(parts))], ",")); err != nil {
			return nil, misuse("--tier %s: %w", name, err)
		}
		if len(parts) == 3 {
			if t.Quota, t.Period, err = parseQuota(parts[2]); err != nil {
				return nil, misuse("--tier %s: %w", name, err)
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// parseQuota reads a number of requests in a period: 1M/day, 500/h, 1000/90s.
func parseQuota(text string) (int64, time.Duration, error) {
	count, period, _ := strings.Cut(text, "/")
	long := map[string]string{"day": "24h", "week": "168h", "month": "720h"}
	if known, ok := long[period]; ok {
		text = count + "/" + known
	}
	n, per, err := attack.ParseQuota(text)
	if err != nil || n < 1 || n != float64(int64(n)) || period == "" {
		return 0, 0, fmt.Errorf("quota %q, want a number and a period (1M/day, 500/h)", text)
	}
	return int64(n), per, nil
}

// tierLimit is the limit to be proven where only tiers were given: that of the first key's.
func (a *app) tierLimit() (limits.Limit, error) {
	v := a.spec.Verify
	tiers, err := v.tiers()
	if err != nil {
		return limits.Limit{}, err
	}
	carrier, err := v.carrier()
	if err != nil {
		return limits.Limit{}, err
	}
	keys, err := v.keys(carrier)
	if err != nil {
		return limits.Limit{}, err
	}
	if _, l, ok := scenarios.Main(keys, tiers); ok && !l.IsZero() {
		return l, nil
	}
	return limits.Limit{}, misuseHint("--keys FILE names the consumers and their tiers", "--tier needs --limit, or a key of a tier")
}

// keysMax bounds a file of keys.
const keysMax = 10_000

// keySpec is one consumer of a --keys file.
type keySpec struct {
	Name   string `yaml:"name"`
	Secret string `yaml:"secret"`
	Tier   string `yaml:"tier"`
	Exempt bool   `yaml:"exempt"`
	Header string `yaml:"header"`
}

// keys reads --keys. Its errors name the line or the key's number, never what stands there: it may be a secret.
func (v VerifySpec) keys(c scenarios.Carrier) (out []scenarios.Key, err error) {
	if v.Keys == "" {
		return nil, nil
	}
	specs, err := readKeys(v.Keys)
	if err != nil {
		return nil, err
	}
	for _, s := range specs {
		own := c
		if s.Header != "" {
			own = scenarios.Carrier{Header: s.Header}
		}
		id := own.Identity(s.Name, attack.Secret(s.Secret))
		if s.Secret == "" {
			id.Value = ""
		}
		id.Tier = s.Tier
		out = append(out, scenarios.Key{Identity: id, Exempt: s.Exempt})
	}
	return out, nil
}

// readKeys reads a --keys file: each key with a name, and its secret as the environment has it.
func readKeys(path string) (specs []keySpec, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, misuse("--keys: %w", err)
	}
	if strings.HasSuffix(strings.ToLower(path), ".csv") {
		specs, err = csvKeys(string(data))
	} else if yaml.Load(data, &specs, yaml.WithKnownFields()) != nil {
		err = errors.New("want a list of keys, each with name, secret, and perhaps tier, exempt and header")
	}
	if err != nil {
		return nil, misuse("--keys %s: %w", path, err)
	}
	if len(specs) == 0 || len(specs) > keysMax {
		return nil, misuse("--keys %s: %s, want 1 to %d", path, attack.Plural(len(specs), "key"), keysMax)
	}
	for i := range specs {
		k := &specs[i]
		if k.Name == "" {
			k.Name = fmt.Sprintf("key %d", i+1)
		}
		missing := ""
		if k.Secret, missing = expandEnv(k.Secret); missing != "" {
			return nil, misuse("--keys %s: %s: %s is not set in the environment", path, k.Name, missing)
		}
	}
	return specs, nil
}

// csvKeys reads keys from a CSV with a row of names.
func csvKeys(text string) (out []keySpec, err error) {
	in := csv.NewReader(strings.NewReader(text))
	names, err := in.Read()
	if err != nil {
		return nil, errors.New("no header row: name,secret,tier,exempt")
	}
	for line := 2; ; line++ {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("line %d cannot be read as CSV", line)
		}
		var k keySpec
		for i, name := range names {
			switch strings.TrimSpace(name) {
			case "name":
				k.Name = row[i]
			case "secret":
				k.Secret = row[i]
			case "tier":
				k.Tier = row[i]
			case "header":
				k.Header = row[i]
			case "exempt":
				if row[i] != "" {
					if k.Exempt, err = strconv.ParseBool(row[i]); err != nil {
						return nil, fmt.Errorf("line %d: exempt is true or false", line)
					}
				}
			default:
				return nil, fmt.Errorf("column %d is not known, want name, secret, tier, exempt or header", i+1)
			}
		}
		out = append(out, k)
	}
}

// expandEnv replaces ${ENV}; missing is a reference to a variable that is not set.
func expandEnv(text string) (out, missing string) {
	out = envRef.ReplaceAllStringFunc(text, func(ref string) string {
		v, ok := os.LookupEnv(ref[2 : len(ref)-1])
		if !ok {
			missing = ref
		}
		return v
	})
	return out, missing
}
