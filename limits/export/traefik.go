package export

import (
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/limits"
)

var traefik = Format{
	Name: "traefik", File: "traefik-ratelimit.yaml", Title: "Traefik RateLimit (dynamic configuration)", Group: Gateway, Checker: "the fields of Traefik's own types",
	Template: "traefik.yaml.tmpl", PerProcess: true, Correct: nginxCorrect, Deltas: traefikDeltas, Read: traefikRead,
}

func traefikDeltas(asked, held Policy) []Delta {
	all := []Delta{
		{Text: fmt.Sprintf("a request that is early by less than half the time between two is held until it is due, not refused: here up to %v", time.Duration(5e8/held.Rate).Round(time.Microsecond))},
		{Text: "the bucket counts for a header's value, and no header makes it count for all: the middleware below sets one that is the same for every request"},
	}
	if refill := float64(held.Burst) / held.Rate; held.Rate >= 1 && refill > 2 {
		all = append(all, Delta{Text: fmt.Sprintf("a bucket is forgotten after some 2 s without traffic and comes back full, though it takes %.1f s to fill: a client that pauses gains a burst", refill)})
	}
	if len(asked.Tiers) > 0 {
		all = append(all,
			Delta{Text: "the tier is read from the header " + TierHeader + ": let authentication set it, and take it off what comes from outside"},
			Delta{Text: "the quotas of the tiers are not enforced: there is no counter for a day, a week or a month"})
	}
	return all
}

// traefikRate is a rate as average and period.
func traefikRate(rate float64) string {
	if per := nginxRate(rate); strings.HasSuffix(per, "r/m") {
		return "average: " + strings.TrimSuffix(per, "r/m") + ", period: 1m"
	}
	return "average: " + strings.TrimSuffix(nginxRate(rate), "r/s") + ", period: 1s"
}

func traefikRead(r io.Reader) (found []Found, err error) {
	docs, err := documents(r)
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		all := at(doc, "http", "middlewares")
		if all == nil || all.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(all.Content); i += 2 {
			limit := at(all.Content[i+1], "rateLimit")
			if limit == nil {
				continue
			}
			l, err := traefikLimit(limit)
			if err != nil {
				return nil, err
			}
			name := strings.ReplaceAll(all.Content[i].Value, "-", "_")
			l.Name, l.Ours = bare(name), ours(name)
			found = append(found, l)
		}
	}
	return found, nil
}

func traefikLimit(m *yaml.Node) (l Found, err error) {
	average, err := whole(at(m, "average"), 0)
	if err != nil {
		return l, err
	}
	burst, err := whole(at(m, "burst"), 1)
	if err != nil {
		return l, err
	}
	period := time.Second
	if p := at(m, "period"); p != nil {
		if period, err = time.ParseDuration(text(p)); err != nil || period <= 0 {
			return l, fmt.Errorf("line %d: period %q, want a duration as 1s", p.Line, oneLine(text(p)))
		}
	}
	l = Found{Line: m.Line, Limit: limits.Limit{Rate: float64(average) / period.Seconds(), Burst: max(1, burst)}}
	if average == 0 {
		l.Flaw = "an average of 0 limits nothing"
	}
	return l, nil
}
