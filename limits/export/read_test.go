package export_test

import (
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/limits/export"
)

// Deployed files are read as people write them, and what looks like a limit but is none is named.
func TestReadsWhatPeopleDeploy(t *testing.T) {
	const (
		envoyOn  = "filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}"
		tables   = "backend st\n stick-table type string size 1 store http_req_rate(1s)\nfrontend f\n"
		shouting = "requests are tracked before they are refused: refused ones count, and a steady overload is refused whole"
	)
	for _, c := range []struct{ format, file, want string }{
		{"haproxy", tables + " http-request deny if { str(t),table_http_req_rate(st) ge 50 }\n http-request track-sc0 str(t) table st", "st 50/s, 50 at once"},
		{"haproxy", tables + " http-request deny deny_status 429 if { str(t),table_http_req_rate(st) gt 50 }", "st 51/s, 51 at once"},
		{"haproxy", tables + " http-request track-sc0 src table st\n http-request deny if { sc_http_req_rate(0) gt 50 }", "st 50/s, 50 at once, but " + shouting},
		{"haproxy", tables + " http-request track-sc0 src table st\n http-request deny if { sc0_http_req_rate(st) gt 50 }", "st 50/s, 50 at once, but " + shouting},
		{"haproxy", "frontend f\n stick-table type ip size 1 store http_req_rate(10s)\n http-request track-sc0 src\n http-request deny if { sc_http_req_rate(0) gt 100 }", "f 10/s, 100 at once, but " + shouting},
		{"haproxy", "frontend f\n http-request deny if { str(t),table_http_req_rate(no) ge 50 }", `line 2: table "no" stores no http_req_rate in this file`},
		{"haproxy", "backend st\n stick-table store http_req_rate(0)", `line 2: "0" is no window`},
		{"haproxy", "# http-request deny if { str(t),table_http_req_rate(no) ge 50 }", ""},
		{"envoy", "a: [{stat_prefix: x, token_bucket: {max_tokens: 20, tokens_per_fill: 5, fill_interval: 0.5s}, " + envoyOn + "}]", "x 10/s, 20 at once"},
		{"envoy", "{stat_prefix: x, token_bucket: {max_tokens: 5, tokens_per_fill: 50, fill_interval: 1s}, " + envoyOn + "}", "x 5/s, 5 at once"},
		{"envoy", "{stat_prefix: x, token_bucket: {max_tokens: 5, fill_interval: 1s}}", "x 1/s, 5 at once, but filter_enabled is not set, and defaults to 0 %: nothing is limited"},
		{"envoy", "{stat_prefix: x, token_bucket: {max_tokens: 5, fill_interval: 1s}, filter_enabled: {default_value: {numerator: 100}}}", "x 1/s, 5 at once, but filter_enforced is not set, and defaults to 0 %: nothing is limited"},
		{"envoy", "{stat_prefix: x, token_bucket: {max_tokens: 5, fill_interval: soon}}", `line 1: fill_interval "soon", want a duration as 0.1s`},
		{"envoy", "{stat_prefix: x, token_bucket: {max_tokens: -5, fill_interval: 1s}}", `line 1: "-5" is no number that a limit can have`},
		{"envoy", "{stat_prefix: x, token_bucket: {max_tokens: 1e300, fill_interval: 1s}}", `line 1: "1e300" is no number that a limit can have`},
		{"envoy", "a: &a [x]\nb: *a", "line 2: an alias (*a): write out what it stands for"},
		{"envoy", strings.Repeat("[", 200) + strings.Repeat("]", 200), "line 1: nested deeper than 100"},
		{"envoy", "kind: EnvoyFilter\nx: {stat_prefix: x, token_bucket: {max_tokens: 5, fill_interval: 1s}}", ""},
		{"istio", "kind: EnvoyFilter\nx: {stat_prefix: x, token_bucket: {max_tokens: 5, fill_interval: 1s}, " + envoyOn + "}", "x 1/s, 5 at once"},
		{"envoy-gateway", "kind: BackendTrafficPolicy\nspec: {rateLimit: {local: {rules: [{limit: {requests: 6, unit: Minute}}]}}}", "total 0.1/s, 6 at once"},
		{"envoy-gateway", "kind: BackendTrafficPolicy\nspec: {rateLimit: {local: {rules: [{limit: {requests: 6, unit: Age}}]}}}", `a limit of unit "Age" without a number of requests in it`},
		{"kong", "_format_version: '3.0'\nplugins: [{name: rate-limiting, enabled: false, config: {second: 5}}]", " 5/s, 5 at once, but the plugin is not enabled"},
		{"traefik", "http: {middlewares: {m: {rateLimit: {average: 5}}}}", "m 5/s, 1 at once"},
		{"traefik", "http: {middlewares: {m: {rateLimit: {burst: 5}}}}", "m 0/s, 5 at once, but an average of 0 limits nothing"},
		{"traefik", "http: {middlewares: {m: {rateLimit: {average: 5, period: x}}}}", `line 1: period "x", want a duration as 1s`},
	} {
		f, ok := export.Lookup(c.format)
		if !ok {
			t.Fatalf("no format %s", c.format)
		}
		found, err := f.Read(strings.NewReader(c.file))
		got := ""
		if err != nil {
			got = err.Error()
		} else if len(found) > 0 {
			got = found[0].String()
		}
		if got != c.want {
			t.Errorf("%s: %s\nread as %s\n   want %s", c.format, c.file, got, c.want)
		}
	}
}
