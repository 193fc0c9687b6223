package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/plimsoll-load/plimsoll/report"
)

// limitersDir holds real limiters of the registries, each with a policy given on its command line.
const limitersDir = "../../.ci/limiters"

// leashed starts a program that prints its URL first and ends when its standard input does.
func leashed(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stderr = t.Output()
	leash, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = leash.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s %v said nothing: %v", name, args, err)
	}
	return strings.TrimSpace(line)
}

// ofNPM starts a middleware of the npm registry.
func ofNPM(t *testing.T, name string, limit, windowMS int) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(limitersDir, "node_modules")); err != nil {
		missing(t, "the npm limiters are not installed: npm ci --prefix .ci/limiters")
	}
	return leashed(t, "node", filepath.Join(limitersDir, "server.js"), name, fmt.Sprint(limit), fmt.Sprint(windowMS))
}

// missing skips, unless everything is required.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("PLIMSOLL_REQUIRE") == "all" {
		t.Fatal(why + ", and PLIMSOLL_REQUIRE=all")
	}
	t.Skip(why)
}

var goLimiters = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "limiters")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "limiters")
	out, err := exec.Command("go", "-C", filepath.Join(limitersDir, "go"), "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// ofGo starts a middleware of the Go proxy.
func ofGo(t *testing.T, name string, limit int, window string, burst int) string {
	t.Helper()
	path, err := goLimiters()
	if err != nil {
		missing(t, "the Go limiters cannot be built: "+err.Error())
	}
	return leashed(t, path, name, fmt.Sprint(limit), window, fmt.Sprint(burst))
}

// startHAProxy puts a real HAProxy in front of a backend, with these lines in its frontend and further sections behind.
func startHAProxy(t *testing.T, backend, inFrontend, sections string) string {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	config := fmt.Sprintf(`
global
  maxconn 4000
  log stderr local0 err
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend front
  bind 127.0.0.1:%d
%s
  default_backend back
backend back
  server one %s
%s
`, port, inFrontend, strings.TrimSuffix(strings.TrimPrefix(backend, "http://"), "/"), sections)
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("haproxy", "-f", file, "-db")
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	url := fmt.Sprintf("http://127.0.0.1:%d/", port)
	awaitServer(t, url)
	return url
}

// judgement is what verify shall say of a limiter.
type judgement struct {
	code  int
	fails []string // the ids that fail, in order
	says  string   // in the output
}

// unwrapped is an output without its line breaks.
func unwrapped(output string) string { return strings.Join(strings.Fields(output), " ") }

// judged verifies and compares. Every failure is one that the limiter is known for, and none is missing.
func judged(t *testing.T, want judgement, args ...string) report.Result {
	t.Helper()
	code, output, r := plimsoll(t, append([]string{"verify", "--brief", "--seed", "11"}, args...)...)
	got := failing(r)
	slices.Sort(got)
	if code != want.code {
		t.Errorf("exit %d, want %d", code, want.code)
	}
	if !slices.Equal(got, want.fails) {
		t.Errorf("fails %v, want %v", got, want.fails)
	}
	if !strings.Contains(unwrapped(output), want.says) {
		t.Errorf("the output does not say %q", want.says)
	}
	return r
}

// What most of the limiters here are set to: 200 requests a second, 50 or 100 at once.
var (
	bucket50  = []string{"--limit", "200/s", "--burst", "50"}
	bucket100 = []string{"--limit", "200/s", "--burst", "100"}
)

// Limiters that keep their word pass every check, and those that do not fail the check that names what is wrong with them.
func TestRealTokenBuckets(t *testing.T) {
	endToEnd(t, "go")
	t.Parallel() // light loads, most of the time waiting
	t.Run("throttled, GCRA: passes", func(t *testing.T) {
		t.Parallel()
		judged(t, judgement{0, nil, "the throttle holds"}, append(slices.Clone(bucket50), ofGo(t, "throttled", 200, "1s", 50))...)
	})
	t.Run("x/time/rate, which tells nobody when to come back: passes where that is declared", func(t *testing.T) {
		t.Parallel()
		judged(t, judgement{0, nil, "the throttle holds"}, append(slices.Clone(bucket50), "--expect", "no-retry-after", ofGo(t, "x-time-rate", 200, "1s", 50))...)
	})
	t.Run("the same set to twice the declared rate: fails", func(t *testing.T) {
		t.Parallel()
		r := judged(t, judgement{1, []string{"V01", "V03", "V04"}, "more than its limit"}, append(slices.Clone(bucket50), "--only", "overload,refill", "--expect", "no-retry-after", ofGo(t, "x-time-rate", 400, "1s", 50))...)
		if len(r.Verdicts) != 2 {
			t.Errorf("%d scenarios, want the two asked for", len(r.Verdicts))
		}
	})
}

// Counters of a window are right where they are declared, and not where a bucket is. --only leaves out what takes long.
func TestRealWindows(t *testing.T) {
	endToEnd(t, "go", "node", "haproxy")
	t.Parallel() // light loads, most of the time waiting
	window := func(algorithm string, more ...string) []string {
		return append([]string{"--limit", "200/s", "--burst", "200", "--algorithm", algorithm, "--window", "1s", "--only", "flash-crowd,overload,retry-after,window-edge"}, more...)
	}
	for says, row := range map[string]struct {
		start func(t *testing.T) string
		args  []string
	}{
		"express-rate-limit":                            {func(t *testing.T) string { return ofNPM(t, "express-rate-limit", 200, 1000) }, window("fixed-window", "--skip", "V07")}, // a late timer of its own makes it tell 0
		"@fastify/rate-limit":                           {func(t *testing.T) string { return ofNPM(t, "fastify", 200, 1000) }, window("fixed-window")},
		"ulule, which tells nobody when to come back":   {func(t *testing.T) string { return ofGo(t, "ulule", 200, "1s", 1) }, window("fixed-window", "--expect", "no-retry-after")},
		"go-chi/httprate, which weighs the last window": {func(t *testing.T) string { return ofGo(t, "httprate", 200, "1s", 1) }, window("sliding-window", "--profile", "window")},
		"HAProxy that counts what it let in": {func(t *testing.T) string {
			return startHAProxy(t, startLabFor(t, "--capacity", "2000/s", "--seed", "3"), counting+refuse+"{ sc_gpc0_rate(0,counts) ge 200 }\n  http-request sc-inc-gpc0(0)", stickTable)
		}, window("sliding-window", "--profile", "window")},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			judged(t, judgement{0, nil, "the throttle holds"}, append(row.args, row.start(t))...)
		})
	}
}

// A queue in front of the target makes those wait whom it lets in.
func TestRealNginxThatDelays(t *testing.T) {
	endToEnd(t, "nginx")
	t.Parallel() // light loads, most of the time waiting
	for says, directive := range map[string]string{
		"limit_req that delays the whole burst":                  "limit_req zone=z burst=99; ",
		"limit_req of two stages, which delays after half of it": "limit_req zone=z burst=99 delay=49; ",
	} {
		t.Run(says+", declared as a bucket: the wait is seen", func(t *testing.T) {
			t.Parallel()
			url := startNginx(t, startLabFor(t, "--capacity", "2000/s", "--seed", "3"), limitZone+retryAfter, directive+tooMany+sendAfter)
			judged(t, judgement{1, []string{"V29"}, "slows down those who are let in"}, append(slices.Clone(bucket100), "--only", "overload,V29", url)...)
		})
		t.Run(says+", declared as a queue: passes", func(t *testing.T) {
			t.Parallel()
			url := startNginx(t, startLabFor(t, "--capacity", "2000/s", "--seed", "3"), limitZone+retryAfter, directive+tooMany+sendAfter)
			judged(t, judgement{0, nil, "the throttle holds"}, append(slices.Clone(bucket100), "--algorithm", "leaky-queue", url)...)
		})
	}
}

const (
	counting   = "  http-request track-sc0 str(all) table counts\n"
	refuse     = `  http-request return status 429 content-type text/plain string "slow down" hdr Retry-After 1 if `
	stickTable = "backend counts\n  stick-table type string len 8 size 1k expire 10s store gpc0_rate(1s),http_req_rate(1s)\n"
)

// HAProxy's manual counts requests before it decides, so that refused ones count: a client that keeps trying is never let in.
func TestRealHAProxyThatCountsWhatItRefuses(t *testing.T) {
	endToEnd(t, "haproxy")
	t.Parallel() // light loads, most of the time waiting
	backend := startLabFor(t, "--capacity", "2000/s", "--seed", "3")
	url := startHAProxy(t, backend, counting+refuse+"{ sc_http_req_rate(0,counts) gt 200 }", stickTable)
	code, output, r := plimsoll(t, "verify", url, "--brief", "--seed", "11", "--limit", "200/s", "--burst", "200", "--algorithm", "sliding-window", "--window", "1s", "--profile", "window", "--only", "overload")
	if got := failing(r); code != exitBroken || !slices.Contains(got, "V22") {
		t.Errorf("exit %d, fails %v, want V22 among them", code, got)
	}
	if want := "refusals seem to count against the client"; !strings.Contains(unwrapped(output), want) {
		t.Errorf("the output does not say %q", want)
	}
}

// Two middlewares whose Retry-After is known to be wrong, in two ways.
func TestRealRetryAfterThatIsWrong(t *testing.T) {
	endToEnd(t, "node")
	t.Parallel() // light loads, most of the time waiting
	in2s := []string{"--limit", "200/2s", "--algorithm", "fixed-window", "--window", "2s", "--only", "V06,V07,V08"}
	t.Run("koa-ratelimit truncates: too early", func(t *testing.T) {
		t.Parallel()
		judged(t, judgement{1, []string{"V07", "V08"}, "Retry-After is too short"}, append(slices.Clone(in2s), ofNPM(t, "koa-ratelimit", 200, 2000))...)
	})
	t.Run("the recipe of rate-limiter-flexible sends decimals", func(t *testing.T) {
		t.Parallel()
		judged(t, judgement{1, []string{"V07"}, "only whole seconds are allowed"}, append(slices.Clone(in2s), ofNPM(t, "rate-limiter-flexible", 200, 2000))...)
	})
}
