package export_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/export"
)

// checker is a program that a format is checked with; where it is absent the test is skipped, or fails when all must be there.
func checker(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("PLIMSOLL_REQUIRE") == "all" {
			t.Fatalf("%s is not installed, and PLIMSOLL_REQUIRE=all", name)
		}
		t.Skipf("%s is not installed", name)
	}
}

// folder writes formats into a new folder.
func folder(t *testing.T, p export.Policy, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		f, ok := export.Lookup(name)
		if !ok {
			t.Fatalf("no format %s", name)
		}
		if err := os.WriteFile(filepath.Join(dir, f.File), []byte(write(t, f, p)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checks runs a checker in a folder.
func checks(t *testing.T, dir string, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func TestPromtoolTakesTheRulesOfEverySource(t *testing.T) {
	checker(t, "promtool")
	sources, _ := export.MetricSources()
	for _, source := range append(sources, "without a goal", "in a hurry", "a large burst") {
		p := sample()
		switch source {
		case "without a goal":
			p.GoalMS = 0
		case "in a hurry":
			p.Metrics.Window, p.Metrics.For = 10*time.Second, 4*time.Second
		case "a large burst":
			p.Burst, p.Metrics.For = 14_000, 10*time.Second
		default:
			p.Metrics.Source = source
		}
		dir := folder(t, p, "prometheus", "prometheus-test")
		if out, ok := checks(t, dir, "promtool", "check", "rules", "plimsoll-rules.yml"); !ok {
			t.Errorf("%s: %s", source, out)
		}
		if out, ok := checks(t, dir, "promtool", "test", "rules", "plimsoll-rules-test.yml"); !ok {
			t.Errorf("%s: %s", source, out)
		}
	}
}

// The unit tests that are exported must see rules that are wrong.
func TestTheRulesOwnTestsSeePlantedFaults(t *testing.T) {
	checker(t, "promtool")
	for _, fault := range []struct{ says, from, to string }{
		{"the throttling alarm never fires", "> 0.02", "> 2"},
		{"it fires always", "> 0.02", "> -1"},
		{"refusals that are not counted are no refusals", " or vector(0)", ""},
		{"silence is taken for a fault on a quiet day", "> 1472.33", "> 13"},
		{"silence is taken for a fault near the limit", "> 1472.33", "> 1330"},
		{"silence is never taken for a fault", "> 1472.33", "> 2100"},
		{"an alarm on no refusals alone", "plimsoll:requests:rate{service=\"checkout\"} > 1472.33\n            and ", ""},
		{"slow is the limit's fault even when nobody is refused", "\n            and plimsoll:refused:ratio{service=\"checkout\"} > 0.01", ""},
		{"the fast refusals hide a slow service", ",code!=\"429\"", ""},
		{"only the median is looked at", "histogram_quantile(0.99", "histogram_quantile(0.5"},
		{"nobody notices that nothing is scraped", "absent_over_time(http_requests_total", "absent_over_time(up"},
		{"an alarm waits for an hour", "for: 5m", "for: 1h"},
	} {
		dir := folder(t, sample(), "prometheus", "prometheus-test")
		path := filepath.Join(dir, "plimsoll-rules.yml")
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), fault.from) {
			t.Fatalf("%s: %v, nothing to break", fault.says, err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), fault.from, fault.to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, ok := checks(t, dir, "promtool", "test", "rules", "plimsoll-rules-test.yml"); ok {
			t.Errorf("%s, and the unit tests pass:\n%s", fault.says, out)
		}
	}
}

func TestAmtoolTakesTheRoute(t *testing.T) {
	checker(t, "amtool")
	dir := folder(t, sample(), "alertmanager")
	if out, ok := checks(t, dir, "amtool", "check-config", "plimsoll-alertmanager.yml"); !ok {
		t.Error(out)
	}
	route := []string{"amtool", "config", "routes", "test", "--config.file=plimsoll-alertmanager.yml", "--verify.receivers=plimsoll-checkout", "service=checkout", "alertname=ThrottlingHigh"}
	if out, ok := checks(t, dir, route...); !ok {
		t.Errorf("the alarm does not reach the receiver: %s", out)
	}
}

func TestMetricsAreReadWordByWord(t *testing.T) {
	var m export.Metrics
	for _, word := range []string{"envoy", `select=app="shop",zone=~"eu.*"`, "duration=my_seconds", "window=30s", "for=1m"} {
		if err := m.Set(word); err != nil {
			t.Fatal(err)
		}
	}
	p := sample()
	p.Metrics = m
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	s := p.Series()
	for got, want := range map[string]string{
		s.RequestRate(): `sum(rate(envoy_http_local_rate_limit_enabled{app="shop",zone=~"eu.*"}[30s]))`,
		s.RefusedRate(): `sum(rate(envoy_http_local_rate_limit_enforced{app="shop",zone=~"eu.*"}[30s])) or vector(0)`,
		s.P99():         `histogram_quantile(0.99, sum by (le) (rate(my_seconds_bucket{app="shop",zone=~"eu.*"}[30s])))`,
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if s.Interval() != 7*time.Second {
		t.Errorf("evaluated every %v, want four times in a window of 30s", s.Interval())
	}
}

func TestMetricsThatNoRuleCanBeMadeOfAreRefused(t *testing.T) {
	for _, word := range []string{"graphite", "colour=red", "window=soon", "for=x"} {
		if err := new(export.Metrics).Set(word); err == nil {
			t.Errorf("--metrics %s was taken", word)
		}
	}
	for says, m := range map[string]export.Metrics{
		"an unknown source":          {Source: "graphite"},
		"a name with a space":        {Requests: "http requests"},
		"matchers without braces":    {Refused: `code="429"`},
		"matchers that are none":     {Refused: `http_requests_total{code}`},
		"a selector that breaks out": {Select: `job="a"} or vector(1) #"`},
		"a line break":               {Served: "code=\"a\nb\""},
		"a window of nothing":        {Window: time.Millisecond},
		"an alarm that never comes":  {For: 24 * time.Hour},
	} {
		p := sample()
		p.Metrics = m
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), "metrics") {
			t.Errorf("%s: %v, want it refused", says, err)
		}
	}
}

func TestThePageForConsumersSaysTheLimitsAndNothingOfTheSearch(t *testing.T) {
	for _, name := range []string{"policy", "policy-html"} {
		f, _ := export.Lookup(name)
		text := write(t, f, sample())
		for _, want := range []string{"1400 requests a second", "700 requests", "350 requests a second", "1 000 000 requests a day", "X-Api-Key", "Retry-After: 1", "200\nms", "0.2 s, 0.4 s, 0.8 s, 1.6 s, 3.2 s"} {
			if !strings.Contains(text, want) && !strings.Contains(text, strings.ReplaceAll(want, "\n", " ")) {
				t.Errorf("%s: no %q", name, want)
			}
		}
		if strings.Contains(text, "knee") || strings.Contains(text, "breaking load") {
			t.Errorf("%s tells consumers of the search", name)
		}
	}
}

func TestClientsOfASlowLimitBeginSlower(t *testing.T) {
	p := sample()
	p.Tiers[0].Rate = 0.5
	f, _ := export.Lookup("client-python")
	if text := write(t, f, p); !strings.Contains(text, "BASE = 2000 / 1000") {
		t.Error("a limit of one in two seconds, and the first wait is not up to two seconds")
	}
}

// What alarms, charts and pages say is the limit that was asked for, whatever the replicas: they look at all of them.
func TestNumbersSurviveInWhatWatches(t *testing.T) {
	p := sample()
	p.Limit, p.Replicas, p.GoalMS = limits.Limit{Rate: 1234.5, Burst: 321}, 4, 125
	p.Tiers = nil
	for name, want := range map[string][]string{
		"prometheus":        {"> 1297.3\n", "> 0.125\n", "> 0.1\n", "--limit 1234.5/s --burst 321 "},
		"alertmanager":      {"--limit 1234.5/s --burst 321 "},
		"grafana":           {`{"color": "red", "value": 1234.5}`, `{"color": "red", "value": 0.125}`},
		"openslo":           {"value: 0.125\n", "target: 0.98\n"},
		"openapi":           {"example: 321\n", "1234.5 requests a second, 321 at once"},
		"policy":            {"| all consumers together | 1234.5 requests a second | 321 requests |"},
		"client-typescript": {"1234.5/s, 321 at once"},
	} {
		f, ok := export.Lookup(name)
		if !ok {
			t.Fatalf("no format %s", name)
		}
		text := write(t, f, p)
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in\n%s", name, w, text)
			}
		}
	}
}

// Sentences come from outside: none may break out of a file.
func TestWhatWatchesBearsStrangeSentences(t *testing.T) {
	p := sample()
	p.Because = []string{`a "quoted" \ one`, "two\nlines", "</script><b>*/ ''' \"\"\""}
	p.Notes = p.Because
	f, _ := export.Lookup("grafana")
	var board struct {
		Panels []struct {
			Type    string
			Options struct{ Content string }
		}
	}
	if err := json.Unmarshal([]byte(write(t, f, p)), &board); err != nil {
		t.Fatal(err)
	}
	if last := board.Panels[len(board.Panels)-1]; last.Type != "text" || !strings.Contains(last.Options.Content, `a "quoted" \ one`) || !strings.Contains(last.Options.Content, "- two lines\n") {
		t.Errorf("the dashboard says %q", last.Options.Content)
	}
	for _, name := range []string{"client-go", "client-python", "client-typescript", "prometheus", "openapi"} {
		f, _ := export.Lookup(name)
		for line := range strings.Lines(write(t, f, p)) {
			if strings.Contains(line, "</script>") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "//") {
				t.Errorf("%s: a sentence stands outside a comment: %s", name, line)
			}
		}
	}
}
