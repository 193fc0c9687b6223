package export

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Metrics say which Prometheus series tell of the service. The zero value is the names that Prometheus' client libraries
// suggest, of the job that bears the service's name.
type Metrics struct {
	Source   string        // whose series they are: a name of MetricSources; empty means prometheus
	Select   string        // label matchers of this service's series, as job="checkout"; empty: what the source names it by
	Requests string        // counter of all answered requests, with matchers of its own if need be
	Refused  string        // counter of the refused ones
	Duration string        // base name of a classic histogram of the time to answer; "-" where there is none
	Served   string        // label matcher that leaves the refused out of Duration: they are fast, and would hide a slow service
	Millis   bool          // Duration counts milliseconds instead of seconds
	Window   time.Duration // over which rates are taken; 0 means a minute
	For      time.Duration // how long a condition must hold before its alarm fires; 0 means five minutes
}

// metricSources are the series of the gateways and exporters that people run. names is the label that holds the service.
var metricSources = []struct {
	Metrics
	names, title string
}{
	{Metrics{Source: "prometheus", Requests: "http_requests_total", Refused: `http_requests_total{code="429"}`, Duration: "http_request_duration_seconds", Served: `code!="429"`},
		`job="%s"`, "the names that Prometheus' client libraries suggest; plimsoll lab serves them"},
	{Metrics{Source: "nginx", Requests: "nginx_http_response_count_total", Refused: `nginx_http_response_count_total{status="429"}`, Duration: "nginx_http_response_time_seconds_hist", Served: `status!="429"`},
		`job="%s"`, "prometheus-nginxlog-exporter with the namespace nginx; nginx itself counts no statuses"},
	{Metrics{Source: "ingress-nginx", Requests: "nginx_ingress_controller_requests", Refused: `nginx_ingress_controller_requests{status="429"}`, Duration: "nginx_ingress_controller_request_duration_seconds", Served: `status!="429"`},
		`ingress="%s"`, "the controller's own metrics"},
	{Metrics{Source: "envoy", Requests: "envoy_http_local_rate_limit_enabled", Refused: "envoy_http_local_rate_limit_enforced", Duration: "envoy_http_downstream_rq_time", Millis: true},
		`job="%s"`, "Envoy's local rate limit filter; its latencies hold the refused too"},
	{Metrics{Source: "istio", Requests: "istio_requests_total", Refused: `istio_requests_total{response_code="429"}`, Duration: "istio_request_duration_milliseconds", Served: `response_code!="429"`, Millis: true},
		`destination_service_name="%s",reporter="destination"`, "Istio's standard metrics, as the service's own side reports them"},
	{Metrics{Source: "haproxy", Requests: "haproxy_frontend_http_requests_total", Refused: "haproxy_frontend_requests_denied_total", Duration: "-"},
		`proxy="%s"`, "HAProxy's own endpoint; it has no histogram, and what is denied for other reasons counts too"},
	{Metrics{Source: "traefik", Requests: "traefik_entrypoint_requests_total", Refused: `traefik_entrypoint_requests_total{code="429"}`, Duration: "traefik_entrypoint_request_duration_seconds", Served: `code!="429"`},
		`entrypoint="%s"`, "Traefik's own metrics of an entry point: refusals never reach a service's"},
	{Metrics{Source: "kong", Requests: "kong_http_requests_total", Refused: `kong_http_requests_total{code="429"}`, Duration: "kong_request_latency_ms", Millis: true},
		`service="%s"`, "Kong's Prometheus plugin with status_code_metrics and latency_metrics; its latencies hold the refused too"},
}

// MetricSources lists the known series by name, with a sentence each.
func MetricSources() (names, titles []string) {
	for _, s := range metricSources {
		names, titles = append(names, s.Source), append(titles, s.title)
	}
	return names, titles
}

// Set reads one word of a --metrics flag: a source's name, or key=value.
func (m *Metrics) Set(word string) (err error) {
	key, value, has := strings.Cut(word, "=")
	names, _ := MetricSources()
	switch {
	case !has && slices.Contains(names, word):
		m.Source = word
	case !has:
		return fmt.Errorf("%q is no source of metrics, want one of %s", word, strings.Join(names, ", "))
	case key == "select":
		m.Select = value
	case key == "requests":
		m.Requests = value
	case key == "refused":
		m.Refused = value
	case key == "duration":
		m.Duration = value
	case key == "served":
		m.Served = value
	case key == "window":
		m.Window, err = time.ParseDuration(value)
	case key == "for":
		m.For, err = time.ParseDuration(value)
	default:
		return fmt.Errorf("%q names no part of the metrics, want select=, requests=, refused=, duration=, served=, window= or for=", key)
	}
	return err
}

// What a name of a series and a list of matchers look like. A value in a matcher holds nothing that would need an escape.
var (
	seriesRule   = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})?$`)
	matchersRule = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*(=|!=|=~|!~)"[^"\\{}\n\t]*"(,[a-zA-Z_][a-zA-Z0-9_]*(=|!=|=~|!~)"[^"\\{}\n\t]*")*$`)
)

// The times that rules may take: a rate needs some scrapes, and an alarm after hours is none.
const (
	windowMin = time.Second
	paceMax   = 6 * time.Hour
)

// validate reports what no rule could be made of.
func (m Metrics) validate() error {
	var faults []error
	names, _ := MetricSources()
	add := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf("metrics: "+format, args...))
		}
	}
	add(m.Source != "" && !slices.Contains(names, m.Source), "source %q, want one of %s", m.Source, strings.Join(names, ", "))
	for what, text := range map[string]string{"requests": m.Requests, "refused": m.Refused, "duration": m.Duration} {
		name, own := split(text)
		add(text != "" && text != "-" && !seriesRule.MatchString(name), "%s=%s is no name of a series", what, text)
		add(own != "" && !matchersRule.MatchString(own), `%s=%s: want label matchers in braces, as {code="429"}`, what, text)
	}
	for what, text := range map[string]string{"select": m.Select, "served": m.Served} {
		add(text != "" && !matchersRule.MatchString(text), `%s=%s: want label matchers, as job="checkout"`, what, text)
	}
	add(m.Window != 0 && (m.Window < windowMin || m.Window > paceMax), "a window of %v, want %v to %v", m.Window, windowMin, paceMax)
	add(m.For < 0 || m.For > paceMax, "for %v, want up to %v", m.For, paceMax)
	return errors.Join(faults...)
}

// split parts a series into its name and its matchers.
func split(series string) (name, matchers string) {
	name, rest, _ := strings.Cut(series, "{")
	return name, strings.TrimSuffix(rest, "}")
}

// Series are the metrics of a policy with every default filled in: what templates make expressions of.
type Series struct {
	Metrics
	Title string // whose the series are, and what there is to know about them, in a sentence
}

// Series fills in the defaults.
func (p Policy) Series() Series {
	m, title := p.Metrics, ""
	for _, s := range metricSources {
		if s.Source != cmp.Or(m.Source, metricSources[0].Source) {
			continue
		}
		own := m.Duration == "" || m.Duration == s.Duration
		m.Source, title = s.Source, s.title
		m.Select = cmp.Or(m.Select, fmt.Sprintf(s.names, p.Service))
		m.Refused = cmp.Or(m.Refused, s.Refused)
		m.Requests = cmp.Or(m.Requests, s.Requests)
		m.Duration = cmp.Or(m.Duration, s.Duration)
		m.Served = cmp.Or(m.Served, s.Served)
		m.Millis = own && s.Millis || !own && strings.HasSuffix(m.Duration, "_ms") || strings.HasSuffix(m.Duration, "_milliseconds")
	}
	m.Window, m.For = cmp.Or(m.Window, time.Minute), cmp.Or(m.For, 5*time.Minute)
	return Series{m, title}
}

// selector is a series with its own matchers, this service's, and more.
func (s Series) selector(series, suffix string, more string) string {
	name, own := split(series)
	var all []string
	for _, m := range []string{s.Select, own, more} {
		if m != "" {
			all = append(all, m)
		}
	}
	return name + suffix + "{" + strings.Join(all, ",") + "}"
}

func (s Series) rate(selector string) string {
	return fmt.Sprintf("rate(%s[%s])", selector, promDuration(s.Window))
}

// AllRequests selects the counter of answered requests.
func (s Series) AllRequests() string { return s.selector(s.Requests, "", "") }

// RequestRate is requests per second, refused ones with them.
func (s Series) RequestRate() string { return "sum(" + s.rate(s.AllRequests()) + ")" }

// RefusedRate is refusals per second, 0 where no series tells of any.
func (s Series) RefusedRate() string {
	return "sum(" + s.rate(s.selector(s.Refused, "", "")) + ") or vector(0)"
}

// HasLatency tells whether there is a histogram of the time to answer.
func (s Series) HasLatency() bool { return s.Duration != "-" }

// P99 is the 99th percentile of the time to answer, in seconds, of requests that were not refused where that can be told.
func (s Series) P99() string {
	expr := "histogram_quantile(0.99, sum by (le) (" + s.rate(s.selector(s.Duration, "_bucket", s.Served)) + "))"
	if s.Millis {
		return expr + " / 1000"
	}
	return expr
}

// Interval is how often rules are evaluated: four times in the shorter of window and for, and every 15 s at the slowest.
func (s Series) Interval() time.Duration {
	return min(max(min(s.Window, s.For)/4, time.Second), 15*time.Second).Truncate(time.Second)
}

// promDuration is a duration as Prometheus reads it, 0s when it is none.
func promDuration(d time.Duration) string {
	if d%time.Minute == 0 && d > 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	if d%time.Second == 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}
