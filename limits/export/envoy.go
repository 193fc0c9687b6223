package export

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/limits"
)

var envoy = Format{
	Name: "envoy", File: "envoy-local-ratelimit.yaml", Title: "Envoy local rate limit (an HTTP filter)", Group: Gateway, Checker: "go-control-plane's validation",
	Template: "envoy.yaml.tmpl", PerProcess: true, Correct: envoyCorrect, Deltas: envoyDeltas,
	Read: func(r io.Reader) ([]Found, error) { return envoyRead(r, false) },
}

var istio = Format{
	Name: "istio", File: "istio-local-ratelimit.yaml", Title: "Istio local rate limit (an EnvoyFilter)", Group: Gateway, Checker: "istio.io/api and go-control-plane's validation",
	Template: "istio.yaml.tmpl", PerProcess: true, Correct: envoyCorrect, Deltas: envoyDeltas,
	Read: func(r io.Reader) ([]Found, error) { return envoyRead(r, true) },
}

// fillMin is the shortest fill_interval that Envoy accepts.
const fillMin = 50 * time.Millisecond

// TierHeader is the request header in which authentication names the tier, for platforms that cannot look a key up.
const TierHeader = "x-tier"

// fill is a token bucket in Envoy's words: so many tokens each interval.
type fill struct {
	Tokens   int
	Interval time.Duration
}

func (f fill) rate() float64 { return float64(f.Tokens) / f.Interval.Seconds() }

// String is the interval as a duration of protobuf.
func (f fill) String() string { return Number(f.Interval.Seconds()) + "s" }

// envoyFill finds tokens per fill and interval for a limit. What is filled must fit the bucket, or tokens are lost; the
// interval is about a tenth of a second, so that the bucket does not fill in gulps, and is rounded up to whole microseconds,
// so that the rate is never more than asked.
func envoyFill(l limits.Limit) fill {
	n := max(1, min(math.Ceil(l.Rate/10), float64(l.Burst)))
	interval := time.Duration(math.Ceil(n/l.Rate*1e6-1e-3)) * time.Microsecond
	return fill{int(n), max(fillMin, interval)}
}

// envoyTierFill does the same for a descriptor, whose interval must be a multiple of the whole limit's.
func envoyTierFill(l limits.Limit, base fill) (best fill) {
	for k := 1; k <= 100 || best.Tokens == 0; k = more(k) {
		f := fill{Interval: base.Interval * time.Duration(k)}
		f.Tokens = int(min(floorTo(l.Rate*f.Interval.Seconds(), 1), float64(l.Burst)))
		if f.Tokens > 0 && (best.Tokens == 0 || f.rate() > best.rate()*(1+1e-9)) {
			best = f
		}
	}
	return best
}

// more counts by ones to 100, then in steps of a tenth: a slow tier needs a long interval.
func more(k int) int { return k + max(1, k/100*10) }

func envoyCorrect(p Policy) (Policy, error) {
	whole := p.Limit
	base := envoyFill(whole)
	p.eachLimit(func(l *limits.Limit) { l.Rate = envoyTierFill(*l, base).rate() })
	p.Limit = limits.Limit{Rate: base.rate(), Burst: whole.Burst}
	return p, nil
}

// envoyBucket is the token_bucket of a limit that envoyCorrect has passed: the smallest fill of that rate.
func envoyBucket(p Policy, l limits.Limit) string {
	base := envoyFill(p.Limit)
	f := base
	if l != p.Limit {
		f = envoyTierFill(l, base)
	}
	return fmt.Sprintf("{max_tokens: %d, tokens_per_fill: %d, fill_interval: %s}", l.Burst, f.Tokens, f)
}

func envoyDeltas(asked, held Policy) []Delta {
	all := []Delta{
		{Text: "without filter_enabled and filter_enforced at 100 % the filter limits nothing: both default to 0 %"},
		{Text: fmt.Sprintf("older releases refill in gulps, here of %d tokens each %s, newer ones evenly", envoyFill(held.Limit).Tokens, envoyFill(held.Limit))},
		{Text: "Retry-After is static: the time to the next token for a client that is alone (releases that know enable_retry_after_header can send the true one)"},
	}
	if rate := held.Rate; rate < asked.Rate/float64(max(1, asked.Replicas))*0.999 {
		all = append(all, Delta{Corrected: true, Text: fmt.Sprintf("a bucket of %d filled at most every %v holds %s/s, less than asked: a larger burst would hold more", held.Burst, fillMin, Number(roundTo(rate, 1e3)))})
	}
	if len(asked.Tiers) > 0 {
		all = append(all,
			Delta{Text: "the tier is read from the header " + TierHeader + ": let authentication set it, and take it off what comes from outside"},
			Delta{Text: "each key's bucket lives in a cache of 10000 for a tier: with more keys at once, one that was pushed out comes back full (needs Envoy 1.34 or later)"},
			Delta{Text: "the quotas of the tiers are not enforced: the filter has no counter for a day, a week or a month"})
	}
	return all
}

// envoyRead finds the token buckets of local rate limits, in any file of YAML or JSON that holds such a filter.
func envoyRead(r io.Reader, wrapped bool) (found []Found, err error) {
	docs, err := documents(r)
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		if (text(at(doc, "kind")) == "EnvoyFilter") != wrapped {
			continue
		}
		err := visit(doc, func(m *yaml.Node) error {
			if at(m, "token_bucket") == nil || at(m, "stat_prefix") == nil {
				return nil
			}
			some, err := envoyFilter(m)
			found = append(found, some...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// envoyFilter reads one filter: its bucket, and those of its descriptors.
func envoyFilter(m *yaml.Node) ([]Found, error) {
	name := text(at(m, "stat_prefix"))
	whole, err := envoyLimit(at(m, "token_bucket"))
	if err != nil {
		return nil, err
	}
	whole.Name, whole.Ours = oneLine(name), name == "plimsoll"
	if whole.Ours {
		whole.Name = Total
	}
	for _, field := range []string{"filter_enabled", "filter_enforced"} {
		if share := at(m, field, "default_value", "numerator"); whole.Flaw == "" && (share == nil || share.Value == "0") {
			whole.Flaw = field + " is not set, and defaults to 0 %: nothing is limited"
		}
	}
	found := []Found{whole}
	list := at(m, "descriptors")
	if list == nil {
		return found, nil
	}
	for _, d := range list.Content {
		l, err := envoyLimit(at(d, "token_bucket"))
		if err != nil {
			return nil, err
		}
		var values []string
		if entries := at(d, "entries"); entries != nil {
			for _, e := range entries.Content {
				if v := text(at(e, "value")); v != "" {
					values = append(values, v)
				}
			}
		}
		l.Name, l.Ours, l.Flaw = oneLine(strings.Join(values, " ")), whole.Ours, whole.Flaw
		found = append(found, l)
	}
	return found, nil
}

func envoyLimit(bucket *yaml.Node) (l Found, err error) {
	if bucket == nil || bucket.Kind != yaml.MappingNode {
		return l, fmt.Errorf("a local rate limit without a token_bucket")
	}
	l.Line = bucket.Line
	burst, err := whole(at(bucket, "max_tokens"), 0)
	if err != nil {
		return l, err
	}
	tokens, err := whole(at(bucket, "tokens_per_fill"), 1)
	if err != nil {
		return l, err
	}
	every, err := time.ParseDuration(text(at(bucket, "fill_interval")))
	if err != nil || every <= 0 {
		return l, fmt.Errorf("line %d: fill_interval %q, want a duration as 0.1s", l.Line, oneLine(text(at(bucket, "fill_interval"))))
	}
	l.Limit = limits.Limit{Rate: float64(min(tokens, burst)) / every.Seconds(), Burst: burst}
	return l, nil
}
