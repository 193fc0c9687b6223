package export

import (
	"fmt"
	"math"

	"github.com/plimsoll-load/plimsoll/limits"
)

var nginx = Format{
	Name: "nginx", File: "plimsoll-limits.conf", Title: "nginx rate limits (limit_req)", Group: Gateway, Checker: "nginx -t",
	Template: "nginx.conf.tmpl", PerProcess: true, OpenKeys: true, Correct: nginxCorrect, Deltas: nginxDeltas, Read: nginxRead,
	Keys: KeyMap{Path: "plimsoll-nginx-keys.map", Place: " beside nginx.conf, against whose folder nginx resolves it", Line: "KEY %s;"},
}

// nginxCorrect brings rates to what limit_req can say: whole requests a second, or else whole requests a minute.
func nginxCorrect(p Policy) (Policy, error) {
	var err error
	p.eachLimit(func(l *limits.Limit) {
		asked := l.Rate
		if whole := floorTo(asked, 1); whole >= 1 && asked-whole < 1e-9 {
			l.Rate = whole
		} else {
			l.Rate = floorTo(asked*60, 1) / 60
		}
		if l.Rate <= 0 {
			err = fmt.Errorf("a rate of %s a minute, and limit_req knows whole requests a minute", Number(asked*60))
		}
	})
	return p, err
}

// nginxRate is a rate as limit_req_zone reads it.
func nginxRate(rate float64) string {
	if whole := math.Round(rate); whole >= 1 && math.Abs(rate-whole) < 1e-9 {
		return fmt.Sprintf("%.0fr/s", whole)
	}
	return fmt.Sprintf("%.0fr/m", math.Round(rate*60))
}

func nginxDeltas(asked, held Policy) []Delta {
	all := []Delta{
		{Corrected: true, Text: "burst= counts what is admitted beyond the first request, so it is one less than the burst"},
		{Text: "limit_req counts in thousandths of a request on a clock of milliseconds: after a wait of w ms it has regained rate × w, cut to whole ms"},
		{Text: "nginx never sends Retry-After by itself; the map below adds a static one, which is the time to the next free place for a client that is alone"},
		{Text: "a request with an empty key is not limited at all, and neither is a location that answers by return: keep the key of the whole limit constant"},
		{Text: "the counters are one machine's, shared by its workers, and start anew when nginx is restarted"},
	}
	if len(asked.Tiers) > 0 {
		all = append(all, Delta{Text: "the quotas of the tiers are not enforced: limit_req has no counter for a day, a week or a month"},
			Delta{Text: "a request whose key is in no tier shares the whole limit with everyone"})
	}
	return all
}
