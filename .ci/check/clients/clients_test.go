// Runs the exported clients, against servers that refuse in every way and against plimsoll lab. A module of its own keeps
// esbuild, which takes the types out of TypeScript, out of the program's dependencies.
package clients

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evanw/esbuild/pkg/api"
)

const golden = "../../../limits/export/testdata/golden/"

// client is a program that asks for each URL it is given, all at once, and prints the status of each.
type client struct {
	name string
	run  func(t *testing.T, urls ...string) []string
}

func clients() []client {
	return []client{{"go", runGo}, {"python", runPython}, {"typescript", runTypeScript}}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(golden + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, dir, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// statuses runs a program and gives back its words.
func statuses(t *testing.T, dir, program string, args ...string) []string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("PLIMSOLL_REQUIRE") == "all" {
			t.Fatalf("%s is not installed, and PLIMSOLL_REQUIRE=all", program)
		}
		t.Skipf("%s is not installed", program)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, said.String())
	}
	return strings.Fields(string(out))
}

var goProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "client")
	if err != nil {
		return "", err
	}
	for file, text := range map[string]string{"go.mod": "module client\n\ngo 1.26.0\n", "main.go": goMain} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	text, err := os.ReadFile(golden + "client-go/plimsoll_retry.go")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(dir, "retry"), 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "retry", "retry.go"), text, 0o644); err != nil {
		return "", err
	}
	for _, args := range [][]string{{"vet", "./..."}, {"build", "-o", "asker", "."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go %s: %w\n%s", args[0], err, out)
		}
	}
	return filepath.Join(dir, "asker"), nil
})

const goMain = `package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"

	"client/retry"
)

func main() {
	var all sync.WaitGroup
	for _, url := range os.Args[1:] {
		all.Go(func() {
			resp, err := retry.Do(context.Background(), http.DefaultClient, func(ctx context.Context) (*http.Request, error) {
				return http.NewRequestWithContext(ctx, "GET", url, nil)
			})
			if err != nil {
				fmt.Println(err)
				return
			}
			resp.Body.Close()
			fmt.Println(resp.StatusCode)
		})
	}
	all.Wait()
}
`

func runGo(t *testing.T, urls ...string) []string {
	t.Helper()
	path, err := goProgram()
	if err != nil {
		t.Fatal(err)
	}
	return statuses(t, "", path, urls...)
}

func runPython(t *testing.T, urls ...string) []string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "plimsoll_retry.py", read(t, "client-python/plimsoll_retry.py"))
	write(t, dir, "main.py", `import concurrent.futures, sys, urllib.error
from plimsoll_retry import fetch

def status(url):
    try:
        with fetch(url) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code

with concurrent.futures.ThreadPoolExecutor(32) as pool:
    for code in pool.map(status, sys.argv[1:]):
        print(code)
`)
	return statuses(t, dir, "python3", append([]string{"main.py"}, urls...)...)
}

func runTypeScript(t *testing.T, urls ...string) []string {
	t.Helper()
	r := api.Transform(read(t, "client-typescript/plimsoll-retry.ts"), api.TransformOptions{Loader: api.LoaderTS, Format: api.FormatESModule})
	if len(r.Errors) > 0 {
		t.Fatalf("esbuild: %v", r.Errors)
	}
	dir := t.TempDir()
	write(t, dir, "retry.mjs", string(r.Code))
	write(t, dir, "main.mjs", `import { fetchPatiently } from "./retry.mjs";
await Promise.all(process.argv.slice(2).map(async (url) => console.log((await fetchPatiently(url)).status)));
`)
	return statuses(t, dir, "node", append([]string{"main.mjs"}, urls...)...)
}

// refusing is a server that refuses the first n requests of each path, and keeps when each came.
type refusing struct {
	*httptest.Server
	mu   sync.Mutex
	came map[string][]time.Time
}

func refuse(t *testing.T, n int, status int, told func() string) *refusing {
	t.Helper()
	s := &refusing{came: map[string][]time.Time{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.came[r.URL.Path] = append(s.came[r.URL.Path], time.Now())
		count := len(s.came[r.URL.Path])
		s.mu.Unlock()
		if count > n {
			return
		}
		if text := told(); text != "" {
			w.Header().Set("Retry-After", text)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

// gaps are the waits between the requests of a path.
func (s *refusing) gaps(path string) (out []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i < len(s.came[path]); i++ {
		out = append(out, s.came[path][i].Sub(s.came[path][i-1]))
	}
	return out
}

func said(text string) func() string { return func() string { return text } }

// Nobody comes back before the time that was told, in either form of it.
func TestClientsWaitAsLongAsTheyAreTold(t *testing.T) {
	date := func() string { return time.Now().Add(2500 * time.Millisecond).UTC().Format(http.TimeFormat) } // whole seconds: 1.5 s to 2.5 s ahead
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			for form, told := range map[string]func() string{"seconds": said("1"), "date": date} {
				s := refuse(t, 1, http.StatusTooManyRequests, told)
				if got := c.run(t, s.URL+"/a"); !slices.Equal(got, []string{"200"}) {
					t.Errorf("%s: answered %v", form, got)
				}
				if gaps := s.gaps("/a"); len(gaps) != 1 || gaps[0] < time.Second {
					t.Errorf("%s: came back after %v, want once and after a second or more", form, gaps)
				}
			}
		})
	}
}

// Told nothing, clients wait at random, from 0 on.
func TestClientsThatAreToldNothingAreNotInStep(t *testing.T) {
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			s := refuse(t, 1, http.StatusTooManyRequests, said(""))
			var urls []string
			for i := range 24 {
				urls = append(urls, fmt.Sprintf("%s/%d", s.URL, i))
			}
			if got := c.run(t, urls...); len(got) != 24 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 1 || got[0] != "200" {
				t.Fatalf("answered %v", got)
			}
			var gaps []time.Duration
			for i := range 24 {
				gaps = append(gaps, s.gaps(fmt.Sprintf("/%d", i))[0])
			}
			// 24 waits of 0 to 200 ms span less than 110 ms once in 80,000 runs; waits of 100 to 200 ms always do, and those of
			// a fixed time too. A slow machine only adds to the span.
			if span := slices.Max(gaps) - slices.Min(gaps); span < 110*time.Millisecond {
				t.Errorf("waits from %v to %v: full jitter has more between them", slices.Min(gaps), slices.Max(gaps))
			}
		})
	}
}

// A 503 that says when to come back is a refusal; one that does not is a fault, and is not asked again. Neither is a 404.
func TestClientsAskAgainOnlyWhoRefused(t *testing.T) {
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			for _, row := range []struct {
				status, n, want int
				told, code      string
			}{
				{503, 1, 2, "0", "200"},
				{503, 9, 1, "", "503"},
				{404, 9, 1, "", "404"},
				{429, 99, 6, "0", "429"},
			} {
				s := refuse(t, row.n, row.status, said(row.told))
				got := c.run(t, s.URL+"/a")
				if len(got) != 1 || got[0] != row.code || len(s.gaps("/a"))+1 != row.want {
					t.Errorf("%d told %q: answered %v after %d requests, want %s after %d", row.status, row.told, got, len(s.gaps("/a"))+1, row.code, row.want)
				}
			}
		})
	}
}

// lab starts plimsoll lab and gives back its URL.
func lab(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plimsoll")
	build := exec.Command("go", "build", "-o", path, "./cmd/plimsoll")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(path, "lab", "--addr", "127.0.0.1:0", "--rate", "4/s", "--burst", "3", "--leash")
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

// Eight requests at once against 3 at once and 4 a second: some are refused, all are served in the end.
func TestClientsAreAllServedByTheLab(t *testing.T) {
	url := lab(t)
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			time.Sleep(time.Second) // the bucket is full again
			before := refusals(t, url)
			got := c.run(t, slices.Repeat([]string{url}, 8)...)
			if len(got) != 8 || slices.ContainsFunc(got, func(s string) bool { return s != "200" }) {
				t.Errorf("answered %v, want everyone served", got)
			}
			if n := refusals(t, url) - before; n < 3 {
				t.Errorf("%d refusals: nothing was to be learnt", n)
			}
		})
	}
}

// refusals is how many the lab counts.
func refusals(t *testing.T, url string) (n int) {
	t.Helper()
	resp, err := http.Get(url + "metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), `http_requests_total{code="429"} %d`, &n); err == nil {
			return n
		}
	}
	return 0
}
