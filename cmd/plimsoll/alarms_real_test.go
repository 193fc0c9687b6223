package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// freeAddress is one that nobody listens at. Another process may take it before it is used: then what is started says so.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// started runs a server until the test ends and waits until it says that it is ready.
func started(t *testing.T, ready string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", args[0], said.String())
		}
	})
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get(ready); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return cmd
			}
		}
	}
	t.Fatalf("%s is not ready at %s", args[0], ready)
	return nil
}

// monitoring is a real Prometheus and Alertmanager that watch a lab with the exported rules.
type monitoring struct {
	lab                      string
	dir                      string
	prometheus, alertmanager string      // URLs
	webhook                  string      // address that Alertmanager notifies
	blind                    atomic.Bool // refusals are not counted any more
	process                  *exec.Cmd   // Prometheus
}

const (
	labRate  = "200/s"
	labBurst = "40"
)

func monitored(t *testing.T) *monitoring {
	t.Helper()
	m := &monitoring{lab: startLabFor(t, "--capacity", "1000/s", "--rate", labRate, "--burst", labBurst), dir: t.TempDir(), webhook: freeAddress(t)}
	page := httptest.NewServer(http.HandlerFunc(m.scraped))
	t.Cleanup(page.Close)
	for format, file := range map[string]string{"prometheus": "rules.yml", "alertmanager": "alertmanager.yml"} {
		m.export(t, format, file)
	}
	m.edit(t, "alertmanager.yml", "127.0.0.1:9095", m.webhook)
	prom, alert := freeAddress(t), freeAddress(t)
	config := fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs: [{job_name: lab, static_configs: [{targets: [%q]}]}]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
`, strings.TrimPrefix(page.URL, "http://"), alert)
	if err := os.WriteFile(filepath.Join(m.dir, "prometheus.yml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	m.prometheus, m.alertmanager = "http://"+prom, "http://"+alert
	started(t, m.alertmanager+"/-/ready", "prometheus-alertmanager", "--config.file="+filepath.Join(m.dir, "alertmanager.yml"),
		"--storage.path="+filepath.Join(m.dir, "alerts"), "--web.listen-address="+alert, "--cluster.listen-address=", "--log.level=warn")
	m.process = started(t, m.prometheus+"/-/ready", "prometheus", "--config.file="+filepath.Join(m.dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(m.dir, "series"), "--web.listen-address="+prom, "--log.level=warn")
	return m
}

// scraped is the lab's page of metrics; while the monitoring is blind to refusals they are counted as something else. Were
// they in no series at all, what is left would be what the limit admits, and that alarms nobody.
func (m *monitoring) scraped(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get(m.lab + "metrics")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	for line := range strings.Lines(string(body)) {
		if m.blind.Load() {
			line = strings.ReplaceAll(line, `code="429"`, `code="420"`)
		}
		_, _ = io.WriteString(w, line)
	}
}

// export writes a format with rules in a hurry: the same alarms in seconds.
func (m *monitoring) export(t *testing.T, format, file string) {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "export", "--to", format, "--limit", labRate, "--burst", labBurst, "--name", "lab", "--goal", "p99<500ms",
		"--metrics", "window=5s", "--metrics", "for=3s", "--out", filepath.Join(m.dir, file)).CombinedOutput()
	if err != nil {
		t.Fatalf("export --to %s: %v\n%s", format, err, out)
	}
}

func (m *monitoring) edit(t *testing.T, file, from, to string) {
	t.Helper()
	path := filepath.Join(m.dir, file)
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%s holds no %s (%v)", file, from, err)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// calm waits until no alarm fires.
func (m *monitoring) calm(t *testing.T) {
	t.Helper()
	awaited(t, m.alertmanager+"/api/v2/alerts?active=true", func(body string) bool { return strings.TrimSpace(body) == "[]" })
}

// scraping waits until Prometheus has seen the lab.
func (m *monitoring) scraping(t *testing.T) {
	t.Helper()
	awaited(t, m.prometheus+"/api/v1/query?query=http_requests_in_flight", func(body string) bool { return strings.Contains(body, `"value"`) })
}

// awaited asks until the answer is right.
func awaited(t *testing.T, url string, right func(body string) bool) {
	t.Helper()
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); time.Sleep(500 * time.Millisecond) {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if right(string(body)) {
			return
		}
	}
	t.Fatalf("%s does not come to what was waited for", url)
}

func (m *monitoring) verify(t *testing.T, args ...string) (int, map[string]scenarios.Check) {
	t.Helper()
	code, _, r := plimsoll(t, append([]string{"verify", m.lab, "--limit", labRate, "--burst", labBurst, "--brief", "--alertmanager", m.alertmanager}, args...)...)
	return code, checksOf(r)
}

func checksOf(r report.Result) map[string]scenarios.Check {
	out := map[string]scenarios.Check{}
	for _, v := range r.Verdicts {
		for _, c := range v.Checks {
			out[c.ID] = c
		}
	}
	return out
}

// A storm sets off the throttling alarm of the exported rules, a quiet load none; a limiter whose refusals are counted as
// something else sets off the silent alarm; and rules that are empty are found out.
func TestRealAlarms(t *testing.T) {
	endToEnd(t, "prometheus", "prometheus-alertmanager")
	t.Parallel() // light loads, most of the time waiting
	m := monitored(t)
	m.scraping(t)

	code, checks := m.verify(t, "--only", "alarms,backend-query", "--expect-alert", "ThrottlingHigh", "--expect-no-alert", "ThrottlingHigh,LimiterSilent,LimitTooHigh,RequestMetricMissing",
		"--within", "20s", "--webhook", m.webhook, "--prometheus", m.prometheus, "--expect-query", `max_over_time(http_requests_in_flight{job="lab"}[5s]) < 100`, "--backend-count", m.lab+"stats#served")
	for _, id := range []string{"V40", "V41", "V42"} {
		if checks[id].Outcome != scenarios.Pass {
			t.Errorf("%s: %+v, want a pass", id, checks[id])
		}
	}
	if code != exitKept {
		t.Errorf("exit code %d with rules that are right, want %d", code, exitKept)
	}

	m.calm(t)
	m.blind.Store(true)
	code, checks = m.verify(t, "--only", "V40", "--expect-alert", "LimiterSilent", "--within", "25s")
	if code != exitKept || checks["V40"].Outcome != scenarios.Pass {
		t.Errorf("exit code %d, %+v: nobody would notice that refusals are counted as something else", code, checks["V40"])
	}

	m.blind.Store(false)
	m.calm(t)
	if err := os.WriteFile(filepath.Join(m.dir, "rules.yml"), []byte("groups: []\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	code, checks = m.verify(t, "--only", "V40", "--expect-alert", "ThrottlingHigh", "--within", "12s")
	if code != exitBroken || checks["V40"].Outcome != scenarios.Fail {
		t.Errorf("exit code %d, %+v: empty rules are not found out", code, checks["V40"])
	}
}
