package export_test

import (
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/export"
)

// Deployed files are read as people write them, and what looks like a limit but is none is named.
func TestReadsWhatPeopleDeploy(t *testing.T) {
	const (
		envoyOn  = "filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}"
		tables   = "backend st\n stick-table type string size 1 store http_req_rate(1s)\nfrontend f\n"
		stage    = "Resources:\n  Api:\n    {Type: 'AWS::ApiGateway::Stage', Properties: {MethodSettings: ["
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
		{"cloudformation", stage + "{HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: 10, ThrottlingBurstLimit: 5}]}}", "Api 10/s, 5 at once"},
		{"cloudformation", stage + "{HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: !Ref Rate, ThrottlingBurstLimit: {Ref: Burst}}]}}\nParameters: {Rate: {Default: 20}, Burst: {Default: '7'}}", "Api 20/s, 7 at once"},
		{"cloudformation", stage + "{HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: !Ref Rate, ThrottlingBurstLimit: 1}]}}", `line 3: "Rate" is no number that a limit can have`},
		{"cloudformation", stage + "{HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: 10}]}}", "Api 10/s, 0 at once, but one of rate and burst is 0 or absent"},
		{"cloudformation", stage + "{HttpMethod: POST, ResourcePath: /a, ThrottlingRateLimit: 10, ThrottlingBurstLimit: 5}]}}", "Api POST /a 10/s, 5 at once"},
		{"cloudformation", `{"Resources": {"P": {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"Throttle": {"RateLimit": 3, "BurstLimit": 4}}}}}`, "P 3/s, 4 at once"},
		{"cloudformation-http", "Resources: {S: {Type: 'AWS::ApiGatewayV2::Stage', Properties: {DefaultRouteSettings: {ThrottlingRateLimit: 3, ThrottlingBurstLimit: 4}}}}", "S 3/s, 4 at once"},
		{"cloudformation", "Resources: [1, 2]", ""},
		{"cloudformation", "Resources: {S: 1, P: {Type: {a: b}, Properties: [x]}}", ""},
		{"nginx", "limit_req_zone $a zone=\x1b[31mz:1m rate=2r/s; limit_req zone=\x1b[31mz;", "[31mz 2/s, 1 at once"},
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

// A file that people wrote themselves has names of its own: a limit of the wanted numbers stands for the wanted one, unless
// it limits nothing.
func TestDriftOfForeignFiles(t *testing.T) {
	nginx, _ := export.Lookup("nginx")
	p := sample()
	p.Tiers = nil
	for _, c := range []struct{ file, want string }{
		{"limit_req_zone $all zone=z:1m rate=1400r/s; limit_req zone=z burst=699 nodelay;", ""},
		{"limit_req_zone $all zone=z:1m rate=1400r/s; limit_req zone=z burst=700 nodelay;", "total: no limit of 1400/s with a burst of 700 in the file"},
		{"limit_req_zone $server_name zone=z:1m rate=1400r/s; limit_req zone=z burst=699 nodelay;", "line 1: total has the numbers, but its key $server_name is empty, as no server_name is set: nothing is limited"},
	} {
		found, err := nginx.Read(strings.NewReader(c.file))
		if err != nil {
			t.Fatal(err)
		}
		drifts, err := nginx.Drift(found, p)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(drifts, "; "); got != c.want {
			t.Errorf("%s\ndrifts %q\n  want %q", c.file, got, c.want)
		}
	}
}

// HAProxy counts only what it denies: a refusal of another kind is in none of the series that the alarms look at.
func TestHAProxyDeniesWhatItRefuses(t *testing.T) {
	f, _ := export.Lookup("haproxy")
	text := write(t, f, sample())
	if n, want := strings.Count(text, "http-request deny deny_status 429 hdr Retry-After "), 1+len(sample().Tiers); n != want || strings.Contains(text, "http-request return") {
		t.Errorf("%d of %d limits deny, or one returns:\n%s", n, want, text)
	}
}

// What a platform cannot do is said, with the numbers that matter.
func TestDeltasName(t *testing.T) {
	region := func(p *export.Policy) { p.Rate, p.Burst = 12_000, 6000 }
	small := func(p *export.Policy) { p.Burst = 5 }
	for _, c := range []struct {
		format string
		change func(p *export.Policy)
		want   string
	}{
		{"cloudformation", region, "MORE THAN THE REGION ALLOWS: the account may use 10000/s with a burst of 5000"},
		{"terraform", region, "MORE THAN THE REGION ALLOWS"},
		{"aws-cli", func(p *export.Policy) { p.Region = limits.Limit{Rate: 1000, Burst: 600} }, "MORE THAN THE REGION ALLOWS: the account may use 1000/s with a burst of 600"},
		{"cloudformation", func(p *export.Policy) { region(p); p.Region = limits.Limit{Rate: 20_000, Burst: 10_000} }, "share 20000/s with a burst of 10000"},
		{"cloudformation", func(p *export.Policy) { p.KeyHeader = "X-Consumer" }, "never from X-Consumer"},
		{"cloudformation-http", nil, "the tiers are left out"},
		{"kong", nil, "around the turn of one up to 2800 are admitted together"},
		{"envoy-gateway", nil, "1400 at once are admitted instead of 700"},
		{"envoy-gateway", nil, "the tiers are left out: a request that matches a rule of its own no longer counts for the rule over all"},
		{"cloudformation", nil, "in force only with the next deployment"},
		{"terraform", nil, "in force only with the next deployment"},
		{"haproxy", nil, "700 requests in 500ms are the burst and the rate in one"},
		{"haproxy", small, "so the burst is 28 instead of 5"},
		{"envoy", small, "holds 100/s, less than asked"},
		{"traefik", func(p *export.Policy) { p.Rate = 100 }, "though it takes 7.0 s to fill"},
		{"nginx", func(p *export.Policy) { p.Replicas = 4 }, "each of the 4 gateway processes counts for itself"},
		{"nginx", nil, "N of them admit N times as much"},
		{"go", nil, "Retry-After is the true time"},
	} {
		f, ok := export.Lookup(c.format)
		if !ok {
			t.Fatalf("no format %s", c.format)
		}
		p := sample()
		if c.change != nil {
			c.change(&p)
		}
		deltas, err := f.Departures(p)
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for _, d := range deltas {
			all += d.Text + "\n"
		}
		if !strings.Contains(all, c.want) {
			t.Errorf("%s: no %q in\n%s", c.format, c.want, all)
		}
	}
}
