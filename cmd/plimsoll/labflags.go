package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios/lab"
)

// labSpec is what the lab command serves.
type labSpec struct {
	addr       string
	capacity   attack.Rate
	rate       attack.Rate
	burst      int
	algorithm  string
	window     time.Duration
	tiers      []string
	keys       []string
	keyFile    string
	keyHeader  string
	stage      string
	ban        time.Duration
	banRenews  bool
	instances  int
	headers    string
	retryAfter string
	refusal    int
	fault      string
	seed       uint64
	leash      bool // end when standard input does: the demo holds the other end
}

func (l *labSpec) flags(fs *pflag.FlagSet) {
	fs.StringVar(&l.addr, "addr", l.addr, "address to listen on; port 0 takes a free one")
	fs.Var(&l.capacity, "capacity", "what the backend bears, 20/s to 20k/s")
	fs.Var(&l.rate, "rate", "limit of the gateway; without it nothing is throttled")
	fs.Var((*burst)(&l.burst), "burst", "burst of the gateway: the most admitted at once, or in one window")
	fs.StringVar(&l.algorithm, "algorithm", l.algorithm, "how it limits: "+choices(lab.Algorithms))
	fs.DurationVar(&l.window, "window", l.window, "window of the algorithms that have one; default --burst / --rate")
	fs.StringArrayVar(&l.tiers, "tier", nil, "`name=rate,burst[,quota/period]` of a tier (repeatable)")
	fs.StringArrayVar(&l.keys, "key", nil, "`name=secret[,tier][,exempt]` of a consumer; all others are refused (repeatable)")
	fs.StringVar(&l.keyFile, "keys", "", "YAML or CSV `file` of keys, as verify takes it: name, secret, tier, exempt")
	fs.StringVar(&l.keyHeader, "key-header", "", "header that carries the key (default X-Api-Key)")
	fs.StringVar(&l.stage, "stage", "", "`rate,burst` of all keys together")
	fs.DurationVar(&l.ban, "ban", 0, "a refused key stays refused for so long")
	fs.BoolVar(&l.banRenews, "ban-renews", false, "each request that a ban refuses begins it anew")
	fs.IntVar(&l.instances, "instances", 1, "processes that a balancer asks in turn, each at an address of its own too")
	fs.StringVar(&l.headers, "headers", "", "how the limit is told: "+choices(lab.Dialects)+" (default x-ratelimit)")
	fs.StringVar(&l.retryAfter, "retry-after", "", "how the wait is told: "+choices(lab.Forms)+" (default seconds)")
	fs.IntVar(&l.refusal, "refusal-status", 0, "status of a refusal (default 429)")
	fs.StringVar(&l.fault, "fault", l.fault, "fault to plant; list names them")
	fs.Uint64Var(&l.seed, "seed", l.seed, "seed of the service times")
	fs.BoolVar(&l.leash, "leash", false, "end when standard input ends")
	_ = fs.MarkHidden("leash")
}

// choices lists what a flag takes.
func choices[T ~string](all []T) string {
	var out []string
	for _, w := range all {
		out = append(out, string(w))
	}
	return strings.Join(out, ", ")
}

// config is the lab that the flags ask for.
func (l labSpec) config() (lab.Config, error) {
	if l.capacity < 20 || l.capacity > 20_000 {
		return lab.Config{}, misuse("--capacity %v, want 20/s to 20k/s", l.capacity)
	}
	if (l.rate == 0) != (l.burst == 0) {
		return lab.Config{}, misuse("--rate and --burst go together")
	}
	g := lab.GatewayConfig{Default: lab.Tier{Limit: lab.Limit{Rate: float64(l.rate), Burst: l.burst}},
		Algorithm: lab.Algorithm(l.algorithm), Window: l.window, KeyHeader: l.keyHeader, Ban: l.ban, BanRenews: l.banRenews, Instances: l.instances,
		Headers: lab.Dialect(l.headers), RetryAfter: lab.Form(l.retryAfter), Refusal: l.refusal, Fault: l.fault}
	var err error
	if g.Tiers, err = labTiers(l.tiers); err != nil {
		return lab.Config{}, misuse("--tier: %w", err)
	}
	if l.stage != "" {
		if g.Stage, err = labLimit(strings.Split(l.stage, ",")); err != nil {
			return lab.Config{}, misuse("--stage: %w", err)
		}
	}
	if g.Keys, err = l.allKeys(); err != nil {
		return lab.Config{}, err
	}
	return lab.Config{Backend: lab.Sized(float64(l.capacity), l.seed), Gateway: g}, nil
}

// labTiers reads name=rate,burst[,quota/period].
func labTiers(texts []string) (map[string]lab.Tier, error) {
	tiers := map[string]lab.Tier{}
	for i, text := range texts {
		name, rest, has := strings.Cut(text, "=")
		parts := strings.Split(rest, ",")
		if !has || name == "" || len(parts) > 3 {
			return nil, fmt.Errorf("number %d, want name=rate,burst or name=rate,burst,quota/period (gold=200/s,80,10000/d)", i+1)
		}
		limit, err := labLimit(parts[:min(len(parts), 2)])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t := lab.Tier{Limit: limit}
		if len(parts) == 3 {
			n, per, err := attack.ParseQuota(parts[2])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			t.Quota, t.Period = int64(n), per
		}
		if _, twice := tiers[name]; twice {
			return nil, fmt.Errorf("%s is named twice", name)
		}
		tiers[name] = t
	}
	return tiers, nil
}

// labLimit reads a rate and a burst.
func labLimit(parts []string) (lab.Limit, error) {
	if len(parts) != 2 {
		return lab.Limit{}, errors.New("want a rate and a burst, as in 200/s,80")
	}
	rate, err := attack.ParseRate(parts[0])
	if err != nil {
		return lab.Limit{}, err
	}
	burst, err := strconv.Atoi(strings.TrimSpace(parts[1]))
	if err != nil {
		return lab.Limit{}, fmt.Errorf("burst %q is no whole number", parts[1])
	}
	return lab.Limit{Rate: float64(rate), Burst: burst}, nil
}

// allKeys are the keys of --key and --keys. Messages name them by number or name, never by secret.
func (l labSpec) allKeys() (keys []lab.Key, err error) {
	for i, text := range l.keys {
		_, rest, has := strings.Cut(text, "=")
		parts := strings.Split(rest, ",")
		if !has || parts[0] == "" {
			return nil, misuse("--key: number %d, want name=secret, name=secret,tier or name=secret,exempt", i+1)
		}
		k := lab.Key{Secret: parts[0]}
		for _, p := range parts[1:] {
			if p == "exempt" {
				k.Exempt = true
				continue
			}
			k.Tier = p
		}
		keys = append(keys, k)
	}
	if l.keyFile == "" {
		return keys, nil
	}
	specs, err := readKeys(l.keyFile)
	if err != nil {
		return nil, err
	}
	for _, k := range specs {
		keys = append(keys, lab.Key{Secret: k.Secret, Tier: k.Tier, Exempt: k.Exempt})
	}
	return keys, nil
}

// checkFault says which fault was perhaps meant by one that is not known.
func checkFault(name string) error {
	_, err := lab.ParseFault(name)
	if err == nil {
		return nil
	}
	var names []string
	for _, f := range lab.Faults() {
		names = append(names, f.Name)
	}
	if near := nearest(name, names); near != "" {
		return misuse("--fault: %w, did you mean %s?", err, near)
	}
	return misuseHint("plimsoll lab --fault list names them", "--fault: %w", err)
}
