package export

import (
	"fmt"
	"math"
	"strings"
)

// consumers are the formats for those who watch the limits and those who are limited.
func consumers() []Format {
	return []Format{prometheus, prometheusTest, alertmanager, grafana, openSLO, policyPage, policyHTML, openAPI, clientGo, clientPython, clientTypeScript}
}

var policyPage = Format{Name: "policy", File: "LIMITS.md", Title: "A page for consumers: the limits, and how to live with them", Group: Consumers, Template: "policy.md.tmpl"}

var policyHTML = Format{Name: "policy-html", File: "limits.html", Title: "The page for consumers, as HTML", Group: Consumers, Template: "policy.html.tmpl"}

var openAPI = Format{Name: "openapi", File: "plimsoll-openapi.yml", Title: "OpenAPI components for a refusal", Group: Consumers, Checker: "kin-openapi", Template: "openapi.yml.tmpl"}

var clientGo = Format{Name: "client-go", File: "plimsoll_retry.go", Title: "A Go client that waits its turn", Group: Consumers, Checker: "go vet, and run against plimsoll lab", Template: "client.go.tmpl"}

var clientPython = Format{Name: "client-python", File: "plimsoll_retry.py", Title: "A Python client that waits its turn", Group: Consumers, Checker: "python3, run against plimsoll lab", Template: "client.py.tmpl"}

var clientTypeScript = Format{Name: "client-typescript", File: "plimsoll-retry.ts", Title: "A TypeScript client that waits its turn", Group: Consumers, Checker: "tsc --strict, and run against plimsoll lab", Template: "client.ts.tmpl"}

// What the clients do when nothing tells them how long to wait: full jitter, the first wait up to a fifth of a second or
// the time in which the slowest limit serves one request, doubled each time, never above half a minute.
const (
	backoffMS    = 200
	backoffCapMS = 30_000
	tries        = 6
)

// BackoffMS is the longest first wait of a client, in milliseconds.
func (g Page) BackoffMS() int {
	return min(max(backoffMS, int(math.Ceil(1000/g.Asked.Slowest().Rate))), backoffCapMS)
}

// BackoffCapMS is the longest wait of a client that is not told one, in milliseconds.
func (Page) BackoffCapMS() int { return backoffCapMS }

// BackoffCapSeconds is the same in seconds.
func (Page) BackoffCapSeconds() int { return backoffCapMS / 1000 }

// Tries is how often a client asks before it gives up.
func (Page) Tries() int { return tries }

// PromptSeconds is how soon a client that is alone is served again: what a static Retry-After says.
func (g Page) PromptSeconds() int { return RetryAfter(g.Asked.Slowest()) }

// Waits are the longest waits of a client that is told nothing, try after try, for people.
func (g Page) Waits() string {
	var out []string
	for n := range tries - 1 {
		out = append(out, fmt.Sprintf("%.3g s", math.Min(float64(g.BackoffMS())*math.Pow(2, float64(n)), backoffCapMS)/1000))
	}
	return strings.Join(out, ", ")
}

// Thousands is a whole number as people read it.
func Thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// Cubed is what three layers of retries make of one request.
func (Page) Cubed() int { return tries * tries * tries }

// FillSeconds is how long an empty bucket takes to fill, in whole seconds.
func (g Page) FillSeconds() int { return int(math.Ceil(float64(g.Asked.Burst)/g.Asked.Rate - 1e-9)) }

// Summary is the limits in a sentence or two.
func (g Page) Summary() string {
	say := []string{fmt.Sprintf("All consumers together: %s requests a second, %d at once after a pause.", Number(g.Asked.Rate), g.Asked.Burst)}
	for _, t := range g.Asked.Tiers {
		quota := ""
		if t.Quota > 0 {
			quota = fmt.Sprintf(", %s a %s", Thousands(t.Quota), t.Period)
		}
		say = append(say, fmt.Sprintf("Each key of %s: %s requests a second, %d at once%s.", t.Name, Number(t.Rate), t.Burst, quota))
	}
	return strings.Join(say, " ")
}
