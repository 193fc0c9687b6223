package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// exported writes limits in a format and gives back the text and the words of the command that proves it.
func exported(t *testing.T, format, url string, args ...string) (text string, proof []string) {
	t.Helper()
	text, said := exportAs(t, format, url, args...)
	return text, proofIn(t, said, "prove it: plimsoll ")
}

// proofIn is the command that follows a mark, as words.
func proofIn(t *testing.T, said, mark string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(said, mark)
	if !ok {
		t.Fatalf("no %q in\n%s", mark, said)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Fields(strings.ReplaceAll(line, "'", ""))
}

// export writes limits in a format and gives back the text, and what it says beside it.
func exportAs(t *testing.T, format, url string, args ...string) (text, said string) {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"export", "--to", format, "--url", url}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("export: %v\n%s", err, errs.String())
	}
	return out.String(), errs.String()
}

// serve starts a server in a folder and waits until it answers.
func serve(t *testing.T, url, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 5*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // not an interrupt, which whatever runs in the background ignores
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s says:\n%s", program, out.String())
		}
	})
	awaitServer(t, url)
}

func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// swap replaces what must be there.
func swap(t *testing.T, text, old, with string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("no %q in\n%s", old, text)
	}
	return strings.ReplaceAll(text, old, with)
}

func address(url string) string { return strings.Trim(strings.TrimPrefix(url, "http://"), "/") }

func nginxWith(t *testing.T, backend, url, limits string) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "plimsoll-nginx-keys.map", "sesame gold;\n")
	if err := os.Mkdir(filepath.Join(dir, "conf.d"), 0o755); err != nil { // as most lay it out
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "conf.d"), "limits.conf", limits)
	main := put(t, dir, "nginx.conf", fmt.Sprintf(`pid nginx.pid; daemon off; worker_processes 2;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  include conf.d/*.conf;
  upstream backend { server %s; keepalive 64; }
  server {
    listen %s backlog=4096; keepalive_requests 1000000;
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}`, address(backend), address(url)))
	serve(t, url, dir, "nginx", "-p", dir, "-c", main, "-e", filepath.Join(dir, "error.log"))
}

func haproxyWith(t *testing.T, backend, url, limits string) {
	dir := t.TempDir()
	put(t, dir, "plimsoll-haproxy-keys.map", "sesame gold\n")
	haproxyIn(t, dir, "", backend, url, swap(t, limits, "/etc/haproxy/", dir+"/"))
}

// haproxyIn starts HAProxy with the exported limits beside more sections of one's own.
func haproxyIn(t *testing.T, dir, more, backend, url, limits string) {
	main := put(t, dir, "haproxy.cfg", "global\n    maxconn 4096\n"+more)
	limits = swap(t, limits, "bind 127.0.0.1:8080", "bind "+address(url)+" backlog 4096")
	file := put(t, dir, "limits.cfg", swap(t, limits, "127.0.0.1:9000", address(backend)))
	serve(t, url, dir, "haproxy", "-db", "-f", main, "-f", file)
}

func middlewareWith(t *testing.T, backend, url, limits string) {
	dir := t.TempDir()
	sums, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "go.sum", string(sums))
	put(t, dir, "go.mod", "module try\n\ngo 1.26.0\n\nrequire golang.org/x/time v0.16.0\n")
	put(t, dir, "main.go", fmt.Sprintf(`package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"

	"try/limit"
)

func main() {
	to, _ := url.Parse(%q)
	tier := func(key string) string { return map[string]string{"sesame": "gold"}[key] }
	panic(http.ListenAndServe(%q, limit.Handler(httputil.NewSingleHostReverseProxy(to), tier)))
}
`, backend, address(url)))
	if err := os.Mkdir(filepath.Join(dir, "limit"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "limit"), "limit.go", limits)
	for _, args := range [][]string{{"vet", "./..."}, {"build", "-o", "try", "."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, out)
		}
	}
	serve(t, url, dir, filepath.Join(dir, "try"))
}

// What is exported is started as it is, and the command that the export names proves that it holds its limits. The recipes
// that are wrong in ways known well fail, and the reason is named.
func TestRealExportHoldsItsLimits(t *testing.T) {
	endToEnd(t, "nginx", "haproxy")
	t.Parallel() // light loads, most of the time waiting
	same := func(_ *testing.T, text string) string { return text }
	for _, c := range []struct {
		says, format string
		start        func(t *testing.T, backend, url, limits string)
		spoil        func(t *testing.T, text string) string
		code         int
		fails        []string // checks that must be among the failing ones
		text         string
	}{
		{"nginx as exported holds", "nginx", nginxWith, same, 0, nil, "the throttle holds"},
		{"haproxy as exported holds", "haproxy", haproxyWith, same, 0, nil, "the throttle holds"},
		{"the go middleware as exported holds", "go", middlewareWith, same, 0, nil, "the throttle holds"},
		{"nginx with an empty key limits nothing", "nginx", nginxWith, func(t *testing.T, text string) string {
			return swap(t, text, "limit_req_zone $plimsoll_total", "limit_req_zone $server_name")
		}, 1, []string{"V01", "V02"}, "no request was refused"},
		{"haproxy that tracks before it refuses lets nothing in under overload", "haproxy", haproxyWith, func(t *testing.T, text string) string {
			const track = "    http-request track-sc0 str(total) table plimsoll_total unless plimsoll_internal\n"
			return swap(t, swap(t, text, track, ""), "    # Look up first", track+"    # Look up first")
		}, 1, []string{"V22"}, "never let in"},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			url := fmt.Sprintf("http://127.0.0.1:%d/", freePort(t))
			text, proof := exported(t, c.format, url, "--limit", "200/s", "--burst", "100", "--tier", "gold=50%")
			c.start(t, startLabFor(t, "--capacity", "2000/s", "--seed", "5"), url, c.spoil(t, text))
			code, output, r := plimsoll(t, append(proof, "--seed", "11", "--brief")...)
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			if !strings.Contains(output, c.text) {
				t.Errorf("the output does not say %q", c.text)
			}
			got := failing(r)
			for _, id := range c.fails {
				if !slices.Contains(got, id) {
					t.Errorf("fails %v, want %s among them", got, id)
				}
			}
			t.Logf("fails %v", got)
		})
	}
}

// The command that the export names for its tiers proves them, with the keys where the export says that they belong; and it
// fails where the gateway knows none.
func TestRealExportHoldsItsTiers(t *testing.T) {
	endToEnd(t, "nginx", "haproxy")
	t.Parallel()
	for _, c := range []struct {
		says, format string
		start        func(t *testing.T, backend, url, limits string)
		secret       string
		code         int
	}{
		{"nginx", "nginx", nginxWith, "sesame", 0},
		{"haproxy", "haproxy", haproxyWith, "sesame", 0},
		{"nginx that does not know the key", "nginx", nginxWith, "sesam", 1},
	} {
		t.Run(c.says, func(t *testing.T) {
			t.Parallel()
			url := fmt.Sprintf("http://127.0.0.1:%d/", freePort(t))
			text, said := exportAs(t, c.format, url, "--limit", "200/s", "--burst", "100", "--tier", "gold=50%")
			if !strings.Contains(said, "-keys.map") {
				t.Errorf("it does not say where keys belong:\n%s", said)
			}
			c.start(t, startLabFor(t, "--capacity", "2000/s", "--seed", "5"), url, text)
			keys := put(t, t.TempDir(), "keys.yml", "- {name: ann, secret: "+c.secret+", tier: gold}\n")
			proof := proofIn(t, said, "prove the tiers: plimsoll ")
			proof[slices.Index(proof, "keys.yml")] = keys
			code, output, r := plimsoll(t, append(proof, "--seed", "11", "--only", "V02,V23")...)
			if code != c.code {
				t.Errorf("exit %d, want %d, fails %v\n%s", code, c.code, failing(r), output)
			}
		})
	}
}

// The alarms of --metrics haproxy rest on HAProxy's count of denied requests: what the exported file refuses must be in it.
func TestRealExportIsCountedByHAProxy(t *testing.T) {
	endToEnd(t, "haproxy")
	backend, dir := startLabFor(t, "--capacity", "2000/s", "--seed", "5"), t.TempDir()
	url, page := fmt.Sprintf("http://127.0.0.1:%d/", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	text, _ := exported(t, "haproxy", url, "--limit", "1/m", "--burst", "5")
	haproxyIn(t, dir, "frontend page\n    mode http\n    timeout client 5s\n    bind "+page+"\n    http-request use-service prometheus-exporter\n", backend, url, text)
	get := func(url string) (int, string) {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	refused := 0
	for range 10 {
		if code, _ := get(url); code == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Fatal("none of 10 requests was refused at a burst of 5")
	}
	if _, series := get("http://" + page + "/metrics"); !strings.Contains(series, fmt.Sprintf("haproxy_frontend_requests_denied_total{proxy=\"plimsoll\"} %d\n", refused)) {
		t.Errorf("%d were refused, and HAProxy does not count them:\n%s", refused, series)
	}
}
