package export

import (
	"fmt"
	"io"
	"math"

	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/limits"
)

// The formats of platforms that know a number of requests a second or a minute, and no burst beside it.

var envoyGateway = Format{
	Name: "envoy-gateway", File: "backend-traffic-policy.yaml", Title: "Envoy Gateway (a BackendTrafficPolicy)", Group: Gateway, Checker: "the schema of the custom resource",
	Template: "envoygateway.yaml.tmpl", PerProcess: true, LooserBurst: true, NoTiers: true, Proof: "--expect no-retry-after", Correct: perUnit, Deltas: envoyGatewayDeltas, Read: envoyGatewayRead,
}

var kong = Format{
	Name: "kong", File: "kong-rate-limiting.yaml", Title: "Kong rate limiting (declarative configuration)", Group: Gateway,
	Template: "kong.yaml.tmpl", PerProcess: true, LooserBurst: true, NoTiers: true, Proof: "--profile window", Correct: perUnit, Deltas: kongDeltas, Read: kongRead,
}

// unit is a number of requests in a second or a minute.
type unit struct {
	Requests int
	Minute   bool
}

// perUnitOf cuts a limit's rate to whole requests a second; to whole requests a minute where that keeps more of the rate
// and no more is admitted at once than asked, or where less than one a second is asked.
func perUnitOf(l limits.Limit) unit {
	second, minute := floorTo(l.Rate, 1), floorTo(l.Rate*60, 1)
	if second >= 1 && (l.Rate-second <= 0.001*l.Rate || minute > float64(l.Burst)) {
		return unit{int(math.Round(second)), false}
	}
	return unit{int(math.Round(minute)), true}
}

// unitOf is the unit of a limit that perUnit has passed: all that it admits in a unit it admits at once.
func unitOf(l limits.Limit) unit {
	return unit{l.Burst, math.Abs(l.Rate-float64(l.Burst)) > 1e-9}
}

// limit is what so many in a unit come to: all of them at once.
func (u unit) limit() limits.Limit {
	if u.Minute {
		return limits.Limit{Rate: float64(u.Requests) / 60, Burst: u.Requests}
	}
	return limits.Limit{Rate: float64(u.Requests), Burst: u.Requests}
}

// perUnit brings every limit to one of requests in a unit.
func perUnit(p Policy) (Policy, error) {
	var err error
	p.eachLimit(func(l *limits.Limit) {
		u := perUnitOf(*l)
		if u.Requests < 1 {
			err = fmt.Errorf("a rate of %s a minute: it knows whole requests a minute", Number(l.Rate*60))
		}
		*l = u.limit()
	})
	return p, err
}

// requests is a limit as Envoy Gateway reads it.
func requests(l limits.Limit) string {
	u := unitOf(l)
	if u.Minute {
		return fmt.Sprintf("{requests: %d, unit: Minute}", u.Requests)
	}
	return fmt.Sprintf("{requests: %d, unit: Second}", u.Requests)
}

// noBurst says what becomes of the burst on such a platform.
func noBurst(asked, held Policy) Delta {
	n := max(1, asked.Replicas)
	want := max(1, asked.Burst/n)
	if short := asked.Rate/float64(n) - held.Rate; short > 0.001*held.Rate {
		return Delta{Text: fmt.Sprintf("there is no burst beside the rate, and the rate is in whole requests: %s/s with %d at once come nearest to %s/s with %d",
			Number(roundTo(held.Rate, 1e3)), held.Burst, Number(roundTo(asked.Rate/float64(n), 1e3)), want)}
	}
	if held.Burst < want {
		return Delta{Text: fmt.Sprintf("there is no burst beside the rate: %d at once are admitted, less than the %d that could be", held.Burst, want)}
	}
	if held.Burst > want {
		return Delta{Text: fmt.Sprintf("there is no burst beside the rate: %d at once are admitted instead of %d; if the service cannot bear that, lower --limit or use a platform with a bucket", held.Burst, want)}
	}
	return Delta{Text: "there is no burst beside the rate: they happen to be the same here"}
}

func envoyGatewayDeltas(asked, held Policy) []Delta {
	all := []Delta{noBurst(asked, held),
		{Text: "it sends no Retry-After"},
		{Text: "each route that the policy reaches has counters of its own"}}
	if len(asked.Tiers) > 0 {
		all = append(all, Delta{Text: "the tiers are left out: a request that matches a rule of its own no longer counts for the rule over all, so tiers would admit beyond it"})
	}
	return all
}

func kongDeltas(asked, held Policy) []Delta {
	all := []Delta{noBurst(asked, held),
		{Text: fmt.Sprintf("the windows are fixed to the clock: around the turn of one up to %d are admitted together", 2*held.Burst)},
		{Text: "fault_tolerant is on, so that the gateway serves on when its counters fail: then nothing is limited"}}
	if len(asked.Tiers) > 0 {
		all = append(all, Delta{Text: "the tiers are left out: of a plugin only the most specific configuration runs for a request, so a consumer's limit would replace the one over all"})
	}
	return all
}

func envoyGatewayRead(r io.Reader) (found []Found, err error) {
	docs, err := documents(r)
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		rules := at(doc, "spec", "rateLimit", "local", "rules")
		if text(at(doc, "kind")) != "BackendTrafficPolicy" || rules == nil {
			continue
		}
		mine := ours(oneLine(text(at(doc, "metadata", "labels", "app.kubernetes.io/managed-by"))) + "_")
		for _, rule := range rules.Content {
			l, err := unitRead(text(at(rule, "limit", "unit")), at(rule, "limit", "requests"))
			if err != nil {
				return nil, err
			}
			l.Ours, l.Name = mine, ruleName(rule)
			found = append(found, l)
		}
	}
	return found, nil
}

// ruleName is the tier that a rule selects.
func ruleName(rule *yaml.Node) string {
	name := Total
	_ = visit(rule, func(m *yaml.Node) error {
		if v := text(at(m, "value")); text(at(m, "name")) == TierHeader && v != "" {
			name = oneLine(v)
		}
		return nil
	})
	return name
}

func unitRead(name string, n *yaml.Node) (l Found, err error) {
	seconds := map[string]float64{"Second": 1, "Minute": 60, "Hour": 3600, "Day": 86400}[name]
	if n == nil || seconds == 0 {
		return l, fmt.Errorf("a limit of unit %q without a number of requests in it", oneLine(name))
	}
	requests, err := whole(n, 0)
	return Found{Limit: limits.Limit{Rate: float64(requests) / seconds, Burst: requests}, Line: n.Line}, err
}

func kongRead(r io.Reader) (found []Found, err error) {
	docs, err := documents(r)
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		if at(doc, "_format_version") == nil {
			continue
		}
		err := visit(doc, func(m *yaml.Node) error {
			if text(at(m, "name")) != "rate-limiting" {
				return nil
			}
			for key, name := range map[string]string{"second": "Second", "minute": "Minute"} {
				if n := at(m, "config", key); n != nil {
					l, err := unitRead(name, n)
					if err != nil {
						return err
					}
					if l.Name, l.Ours = text(at(m, "instance_name")), text(at(m, "instance_name")) == "plimsoll_total"; l.Ours {
						l.Name = Total
					}
					if l.Name = oneLine(l.Name); text(at(m, "enabled")) == "false" {
						l.Flaw = "the plugin is not enabled"
					}
					found = append(found, l)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
