package export

import "strings"

var openSLO = Format{
	Name: "openslo", File: "plimsoll-openslo.yml", Title: "OpenSLO objectives", Group: Monitoring, Template: "openslo.yml.tmpl",
}

// NotRefused is the share of requests that an objective wants not to be refused.
func (Page) NotRefused() float64 { return 1 - refusedHigh }

// Slug is the service's name as DNS allows one (RFC 1123).
func (g Page) Slug() string { return strings.ReplaceAll(Ident(g.Service), "_", "-") }

// RequestCount is the counter of all answered requests.
func (s Series) RequestCount() string { return "sum(" + s.AllRequests() + ")" }

// RefusedCount is the counter of refusals, 0 where no series tells of any.
func (s Series) RefusedCount() string {
	return "sum(" + s.selector(s.Refused, "", "") + ") or vector(0)"
}
