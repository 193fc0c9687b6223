package export

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/limits"
)

// Policy is what is to be enforced. Limit is over all consumers together and protects the service. A tier's limit is that
// of each key in it: one consumer never gets more than its tier's, whatever the others do.
type Policy struct {
	Service string // what is limited
	limits.Limit
	Tiers     []Tier       // by name
	KeyHeader string       // request header that names the consumer; empty means X-Api-Key
	Replicas  int          // gateway processes in front of the service; 0 means 1
	GoalMS    float64      // the latency bound that the burst was sized for, 0 if unknown
	P99MS     float64      // the service's p99 at rest, 0 if unknown
	Region    limits.Limit // what the cloud account allows over all services of the Region; 0 means API Gateway's default
	URL       string       // of the limited service, for the verify command; empty: a word to fill in
	Because   []string     // why the numbers are what they are
	Notes     []string     // caveats
	Metrics   Metrics      // the series that tell of the service, for rules and dashboards
}

// Tier is a named limit of each of its keys.
type Tier struct {
	Name string
	limits.Tier
}

// The longest names that every platform bears.
const nameMax = 40

// Names go into configuration languages, identifiers and shells: what is refused here need not be escaped in twenty
// grammars.
var (
	nameRule   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9])?$`)
	headerRule = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
	urlRule    = regexp.MustCompile(`^https?://[A-Za-z0-9][A-Za-z0-9./:_-]*$`)
)

// The largest limits that are written: beyond, numbers lose digits in one platform or another.
const (
	rateMax  = 1e7
	burstMax = 1_000_000_000
	tiersMax = 50
)

func checkName(what, name string) error {
	if len(name) > nameMax || !nameRule.MatchString(name) {
		return fmt.Errorf("%s %q: want at most %d letters, digits, spaces, dots, - or _, with a letter or digit at both ends", what, name, nameMax)
	}
	return nil
}

func checkLimit(what string, l limits.Limit) error {
	switch {
	case !(l.Rate > 0) || l.Rate > rateMax:
		return fmt.Errorf("%s: a rate of %v/s, want more than 0 and at most %v", what, l.Rate, rateMax)
	case l.Burst < 1 || l.Burst > burstMax:
		return fmt.Errorf("%s: a burst of %d, want from 1 to %d", what, l.Burst, burstMax)
	}
	return nil
}

// Validate reports every setting that cannot be written down.
func (p Policy) Validate() error {
	faults := []error{checkName("service", p.Service), checkLimit("limit", p.Limit), p.Metrics.validate()}
	add := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	add(!headerRule.MatchString(p.Header()), "key header %q: want letters, digits and -", p.KeyHeader)
	add(p.Replicas < 0 || p.Replicas > 10_000, "%d replicas, want from 1 to 10000", p.Replicas)
	add(p.URL != "" && !urlRule.MatchString(p.URL), "the URL: want http:// or https://, a host and a path, without a query or a password")
	add(len(p.Tiers) > tiersMax, "%d tiers, want at most %d", len(p.Tiers), tiersMax)
	add(p.Region.Rate < 0 || p.Region.Burst < 0, "a Region's limit of %v and %d is below 0", p.Region.Rate, p.Region.Burst)
	add(math.IsNaN(p.GoalMS) || math.IsInf(p.GoalMS, 0) || p.GoalMS < 0, "a latency goal of %v ms", p.GoalMS)
	seen := map[string]string{}
	for _, t := range p.Tiers {
		faults = append(faults, checkName("tier", t.Name), checkLimit("tier "+t.Name, t.Limit))
		twin, twice := seen[Ident(t.Name)]
		add(twice, "tiers %q and %q would bear one name in identifiers: rename one", twin, t.Name)
		add(Ident(t.Name) == "total", "tier %q: that name is the whole limit's", t.Name)
		add(t.Quota < 0, "tier %s: a quota of %d", t.Name, t.Quota)
		add(t.Quota > 0 && !slices.Contains([]string{"day", "week", "month"}, t.Period), "tier %s: quota per %q, want day, week or month", t.Name, t.Period)
		seen[Ident(t.Name)] = t.Name
	}
	return errors.Join(faults...)
}

// FromRecommendation takes the numbers and the reasons of limits.
func FromRecommendation(service string, r limits.Recommendation) Policy {
	p := Policy{Service: service, Limit: r.Limit, Replicas: 1, GoalMS: r.GoalMS, Because: r.Because}
	for _, n := range r.Notes {
		p.Notes = append(p.Notes, n.Text)
	}
	for name, t := range r.Tiers {
		p.Tiers = append(p.Tiers, Tier{name, t})
	}
	slices.SortFunc(p.Tiers, func(a, b Tier) int { return strings.Compare(a.Name, b.Name) })
	return p
}

// Header is the request header that names the consumer.
func (p Policy) Header() string {
	if p.KeyHeader == "" {
		return "X-Api-Key"
	}
	return p.KeyHeader
}

func (p Policy) url() string {
	if p.URL == "" {
		return "URL"
	}
	return p.URL
}

// clone copies what Correct may change.
func (p Policy) clone() Policy {
	p.Replicas = max(1, p.Replicas)
	p.Tiers = slices.Clone(p.Tiers)
	return p
}

// eachLimit changes the limit over all and that of every tier.
func (p *Policy) eachLimit(change func(*limits.Limit)) {
	change(&p.Limit)
	for i := range p.Tiers {
		change(&p.Tiers[i].Limit)
	}
}

// Slowest is the limit of the lowest rate: a static Retry-After that is long enough for it is long enough for all.
func (p Policy) Slowest() limits.Limit {
	l := p.Limit
	for _, t := range p.Tiers {
		if t.Rate < l.Rate {
			l = t.Limit
		}
	}
	return l
}

// RetryAfter is the smallest whole number of seconds after which a token bucket of this rate has surely one token more:
// the only static Retry-After that is never too short for a client that is alone.
func RetryAfter(l limits.Limit) int { return int(math.Ceil(1/l.Rate - 1e-9)) }
