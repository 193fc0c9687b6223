package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// The tests of this file send real load to real servers for minutes, and want the machine to themselves: they run only
// with PLIMSOLL_E2E=1, as .ci/run does in a step of its own.
func endToEnd(t *testing.T, programs ...string) {
	t.Helper()
	if os.Getenv("PLIMSOLL_E2E") == "" {
		t.Skip("sends load for minutes: PLIMSOLL_E2E=1 runs it")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("PLIMSOLL_REQUIRE") == "all" {
				t.Fatalf("%s is not installed, and PLIMSOLL_REQUIRE=all", p)
			}
			t.Skipf("%s is not installed", p)
		}
	}
}

// built is the program, built once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "plimsoll")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "plimsoll")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// patience is how often a run that could not tell is asked for in all: one pause of the machine makes it say so, which is right.
const patience = 3

// plimsoll runs the program as a user does and gives back its exit code, its output and the result it wrote.
func plimsoll(t *testing.T, args ...string) (code int, output string, result report.Result) {
	t.Helper()
	_, code, output, result = plimsollKept(t, args...)
	return code, output, result
}

// plimsollKept tells where the run is, too. A run that cannot tell for a reason of this machine's is asked for again; where
// none can, the test is over, and nothing was held.
func plimsollKept(t *testing.T, args ...string) (dir string, code int, output string, result report.Result) {
	t.Helper()
	for range patience {
		dir = t.TempDir()
		code, output, result = plimsollIn(t, dir, args...)
		if !ownFault(code, output) {
			return dir, code, output, result
		}
	}
	unheld(t, args[0], code)
	t.SkipNow()
	return
}

// pauses is what a run says of a machine that kept it from telling.
var pauses = regexp.MustCompile(`\bvoid: |the generator (was the limit|could not keep up|sent late)|[Tt]he machine (is|was)|machine (is|was) too busy`)

// ownFault tells whether a run could not tell for a reason of this machine's, which it names.
func ownFault(code int, output string) bool {
	return (code == exitUnmeasured || code == exitUndecided) && pauses.MatchString(unwrapped(output))
}

// unheld tells on the way that a test holds nothing, which a test that passes or is skipped does not tell.
func unheld(t *testing.T, what string, code int) {
	t.Helper()
	fmt.Fprintf(os.Stderr, "NOT HELD: %s: this machine is too busy for %s: exit %d, %d times\n", t.Name(), what, code, patience)
}

// plimsollIn runs it once, and leaves what it wrote there.
func plimsollIn(t *testing.T, out string, args ...string) (code int, output string, result report.Result) {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append(slices.Clone(args), "--out", out)...)
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	err = cmd.Run()
	t.Logf("plimsoll %s: %v\n%s", strings.Join(args, " "), err, both.String())
	if data, err := os.ReadFile(filepath.Join(out, "result.json")); err == nil {
		if err := json.Unmarshal(data, &result); err != nil {
			t.Fatal(err)
		}
	}
	return cmd.ProcessState.ExitCode(), both.String(), result
}

// advise turns the capacity of a run into limits.
func advise(t *testing.T, dir string) (r report.Result) {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(path, "advise", dir, "--json").Output()
	if err != nil {
		t.Fatalf("advise: %v", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// startLabFor starts a lab and gives back its URL.
func startLabFor(t *testing.T, args ...string) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"lab", "--addr", "127.0.0.1:0", "--leash"}, args...)...)
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
		t.Fatal(err)
	}
	return strings.Fields(line)[0]
}

// freePort is a port that nobody listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startNginx puts a real nginx in front of a backend, with these directives in its http and its location block.
func startNginx(t *testing.T, backend, inHTTP, inLocation string) string {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	config := fmt.Sprintf(`
pid %[1]s/nginx.pid; error_log %[1]s/error.log warn; daemon off; worker_processes 1;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  upstream backend { server %[2]s; keepalive 64; }
  %[3]s
  server {
    listen 127.0.0.1:%[4]d backlog=4096; keepalive_requests 1000000;
    location / { %[5]s proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}`, dir, strings.TrimSuffix(strings.TrimPrefix(backend, "http://"), "/"), inHTTP, port, inLocation)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	url := fmt.Sprintf("http://127.0.0.1:%d/", port)
	awaitServer(t, url)
	return url
}

// awaitServer waits until somebody answers.
func awaitServer(t *testing.T, url string) {
	t.Helper()
	for range 100 {
		if resp, err := http.Get(url); err == nil {
			_ = resp.Body.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("nobody answers at %s", url)
}

const (
	limitZone  = `limit_req_zone $all zone=z:1m rate=200r/s; map $host $all { default all; }`
	limited    = `limit_req zone=z burst=99 nodelay; `
	tooMany    = `limit_req_status 429; `
	retryAfter = `map $status $after { 429 1; default ""; } `
	sendAfter  = `add_header Retry-After $after always; `
)

// failing lists the ids of the checks that failed, each once.
func failing(r report.Result) (ids []string) {
	seen := map[string]bool{}
	for _, v := range r.Verdicts {
		for _, c := range v.Checks {
			if c.Outcome == scenarios.Fail && !seen[c.ID] {
				seen[c.ID] = true
				ids = append(ids, c.ID)
			}
		}
	}
	return ids
}

// A service that bears 600 requests a second is found to, and its limits lie below.
func TestRealFind(t *testing.T) {
	endToEnd(t)
	backend := startLabFor(t, "--capacity", "600/s", "--seed", "3")
	dir, code, _, r := plimsollKept(t, "find", backend, "--budget", "45s", "--seed", "11")
	if code != 0 || r.Capacity == nil || r.Capacity.Estimate == nil {
		t.Fatalf("exit %d", code)
	}
	if e := r.Capacity.Estimate.Value; math.Abs(e/600-1) > .05 {
		t.Errorf("estimate %.0f/s of a service that bears 600/s", e)
	}
	advised := advise(t, dir)
	if l := advised.Limits; l == nil || l.Rate > r.Capacity.Sustained.Value || l.Rate < 300 || l.Burst < 1 {
		t.Errorf("advises %+v for a service that bears 600/s", l)
	}
}

// nginx limits 200 requests a second with a burst of 100 in front of a service that bears 600, as people set it, right and wrong.
func TestRealNginx(t *testing.T) {
	endToEnd(t, "nginx")
	t.Parallel()
	behind := func(t *testing.T, http, location string) string { // a backend of its own each: one storm must not touch another
		return startNginx(t, startLabFor(t, "--capacity", "600/s", "--seed", "3"), http, location)
	}
	for _, c := range []struct {
		says, http, location string
		code                 int
		fails                []string
		text                 string
	}{
		{"with 429 and Retry-After it passes", limitZone + retryAfter, limited + tooMany + sendAfter, 0, nil, "the throttle holds"},
		{"without the header it fails V06 alone", limitZone, limited + tooMany, 1, []string{"V06"}, "Retry-After"},
		{"with its default status 503 it fails for that reason", limitZone + strings.Replace(retryAfter, "429", "503", 1), limited + sendAfter, 1, []string{"V05"}, "503"},
		{"without any limit it fails for that reason", "", "", 1, []string{"V01", "V02", "V04", "V05"}, "no request was refused"},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel() // light loads, most of the time waiting
			url := behind(t, c.http, c.location)
			code, output, r := plimsoll(t, "verify", url, "--limit", "200/s", "--burst", "100", "--seed", "11", "--brief")
			got := failing(r)
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			if !strings.Contains(output, c.text) {
				t.Errorf("the output does not say %q", c.text)
			}
			if slices.Sort(got); !slices.Equal(got, c.fails) {
				t.Errorf("fails %v, want %v", got, c.fails)
			}
		})
	}
	t.Run("find through the limiter says limited, about 200/s, and never calls it capacity", func(t *testing.T) {
		t.Parallel()
		url := behind(t, limitZone+retryAfter, limited+tooMany+sendAfter)
		var code int
		var output string
		var r report.Result
		for n := 0; n < patience && (n == 0 || code == exitUnmeasured); n++ {
			code, output, r = plimsollIn(t, t.TempDir(), "find", url, "--budget", "60s", "--seed", "11")
		}
		if code != 3 || r.Capacity == nil || r.Capacity.Mode != "limited" || r.Capacity.Estimate != nil || r.Capacity.Breaking != nil {
			t.Fatalf("exit %d, capacity %+v", code, r.Capacity)
		}
		if l := r.Capacity.Limiter; l == nil || math.Abs(l.Value/200-1) > .03 {
			t.Errorf("limiter %+v, want about 200/s", l)
		}
		if !strings.Contains(output, "limit") {
			t.Error("the output does not speak of a limiter")
		}
	})
}

// A find that was killed goes on where it stopped: nothing that was measured is sent again, and the answer is the same.
func TestRealResume(t *testing.T) {
	endToEnd(t)
	backend := startLabFor(t, "--capacity", "700/s", "--seed", "5")
	args := []string{"find", backend, "--budget", "30s", "--seed", "11"}
	code, _, whole := plimsoll(t, args...)
	if code != 0 {
		t.Fatalf("exit %d", code)
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	before := killedMidway(t, path, dir, args)
	goOn := func() []journal.Entry {
		if text, err := exec.Command(path, "find", backend, "--resume", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		_, entries, err := readRun(dir)
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	after := goOn()
	if trials := len(report.Fold(after).Trials); len(report.Fold(goOn()).Trials) != trials {
		t.Errorf("a search that had ended with %d trials sent more", trials)
	}
	nothingTwice(t, before, after)
	c := report.Fold(after).Capacities[0]
	if c.Estimate == nil || whole.Capacity.Estimate == nil {
		t.Fatalf("resumed: %+v, uninterrupted: %+v", c, whole.Capacity)
	}
	if a, b := givesWay(c), givesWay(*whole.Capacity); a != b {
		t.Errorf("resumed, it gives way by %s, uninterrupted by %s", a, b)
	}
	if a, b := c.Estimate, whole.Capacity.Estimate; a.Lo > b.Hi || b.Lo > a.Hi {
		t.Errorf("resumed %.0f (%.0f to %.0f), uninterrupted %.0f (%.0f to %.0f)", a.Value, a.Lo, a.Hi, b.Value, b.Lo, b.Hi)
	}

	wrong := exec.Command(path, "find", backend+"other", "--resume", dir)
	if text, err := wrong.CombinedOutput(); err == nil || !strings.Contains(string(text), "the target is not the one of") {
		t.Errorf("another target went on with the run: %v %s", err, text)
	}
}

// givesWay is a capacity's mode. A machine that others use makes of a capacity that is kept now and then one that is not quite:
// these two are one here, and no other.
func givesWay(c analyze.Capacity) analyze.Mode {
	if c.Mode == analyze.ModeCollapse {
		return analyze.ModeCapacity
	}
	return c.Mode
}

// killedMidway kills a search after some trials and gives back what its journal holds.
func killedMidway(t *testing.T, path, dir string, args []string) []journal.Entry {
	t.Helper()
	cmd := exec.Command(path, append(slices.Clone(args), "--out", dir)...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	for range 1200 {
		if data, _ := os.ReadFile(filepath.Join(dir, journalName)); bytes.Count(data, []byte("\n")) > 15 {
			killed = cmd.Process.Kill() == nil
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	_ = cmd.Wait()
	if !killed {
		t.Fatal("the run ended before it could be killed")
	}
	_, entries, err := readRun(dir)
	if err != nil {
		t.Fatalf("the journal of a killed run: %v", err)
	}
	return entries
}

// nothingTwice wants every trial once, and those done before the kill where they stood. What a kill tore off is a note at
// the end of before.
func nothingTwice(t *testing.T, before, after []journal.Entry) {
	t.Helper()
	seen := map[int]int{}
	for i, e := range after {
		if e.Trial == nil {
			continue
		}
		if first, twice := seen[e.Trial.Trial.N]; twice {
			t.Errorf("trial %d stands in entries %d and %d", e.Trial.Trial.N, first, i)
		}
		seen[e.Trial.Trial.N] = i
		if i < len(before) && before[i].Trial != nil && before[i].Trial.Trial.N != e.Trial.Trial.N {
			t.Errorf("entry %d changed", i)
		}
	}
}

// A weak generator is never a weak target.
func TestRealWeakGenerator(t *testing.T) {
	endToEnd(t)
	backend := startLabFor(t, "--capacity", "400/s")
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ says, before, want string }{
		{"with few open files", "ulimit -n 64", "open files exhausted"},
	} {
		t.Run(c.says, func(t *testing.T) {
			cmd := exec.Command("sh", "-c", c.before+`; exec "$0" load "$1" --rate 700/s --for 3s --out "$2"`, path, backend, t.TempDir())
			text, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != exitUnmeasured {
				t.Errorf("exit %d, want %d", code, exitUnmeasured)
			}
			if !strings.Contains(string(text), c.want) || !strings.Contains(string(text), "ulimit -n 20000") {
				t.Errorf("the output names neither the cause nor the way out:\n%s", text)
			}
		})
	}
}

// The demo finds the lab's secret within 5 %, in time, and a planted fault by name.
func TestRealDemo(t *testing.T) {
	endToEnd(t)
	began := time.Now()
	code, output, r := plimsoll(t, "demo", "--fault", "no-retry-after")
	if got := failing(r); code != exitBroken || !slices.Equal(got, []string{"V06"}) {
		t.Errorf("with a fault planted: exit %d, fails %v, want V06", code, got)
	}
	if took := time.Since(began); took > 90*time.Second {
		t.Errorf("it took %v, want less than 90 s", took)
	}
	if r.Lab == nil || r.Capacity == nil || r.Capacity.Estimate == nil || math.Abs(r.Capacity.Estimate.Value/r.Lab.Capacity-1) > .05 {
		t.Errorf("the lab is %+v, the capacity %+v", r.Lab, r.Capacity)
	}
	for _, line := range []string{"latency knee", "breaking load", "recommended limit", "verification", "lab's truth", "report: "} {
		if !strings.Contains(output, line) {
			t.Errorf("the output lacks the line %q", line)
		}
	}
}

// Only what names this machine is forgiven: a target that nobody can reach is not, nor a verdict.
func TestOwnFaultIsNamed(t *testing.T) {
	for _, c := range []struct {
		code   int
		output string
		own    bool
	}{
		{exitUnmeasured, "trial 9 ramp: offered 738/s, ended early: backlog, void: late ticks: p99 71.94ms, want p99 at\n most 10ms", true},
		{exitUnmeasured, "The machine is 0% idle while nothing is sent, want at least 70%.", true},
		{exitUndecided, "those let in wait; but the generator\n   sent late (p99 80ms)", true},
		{exitUndecided, "cannot tell: two limiters one behind the other. own errors: 0, want no error of the generator's own", false},
		{exitUnmeasured, "plimsoll: preflight: connection refused", false},
		{exitBroken, "void: late ticks", false},
	} {
		if ownFault(c.code, c.output) != c.own {
			t.Errorf("exit %d, %q: want %v", c.code, c.output, c.own)
		}
	}
}
