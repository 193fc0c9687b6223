package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// said is a stream that tells when a URL was written to it.
type said struct {
	*io.PipeWriter
	url chan string
}

func listening(t *testing.T) said {
	t.Helper()
	r, w := io.Pipe()
	s := said{w, make(chan string, 1)}
	go func() {
		var all []byte
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			all = append(all, buf[:n]...)
			if u := regexp.MustCompile(`http://127\.0\.0\.1:\d+/\S*\n`).Find(all); u != nil {
				select {
				case s.url <- strings.TrimSpace(string(u)):
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

func body(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The button of the live page ends a run as Ctrl-C does: the report is written, exit 130, and nothing is left behind.
func TestLivePageEndsTheRun(t *testing.T) {
	var served atomic.Int64
	loaded := make(chan struct{})
	url := server(t, func(http.ResponseWriter, *http.Request) {
		if served.Add(1) == 10 {
			close(loaded)
		}
	})
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	defer http.DefaultClient.CloseIdleConnections()
	out, errs := filepath.Join(t.TempDir(), "run"), listening(t)
	defer errs.Close()
	code := make(chan int, 1)
	go func() {
		code <- run(t.Context(), []string{"load", url, "-H", "X-Secret: hunter2", "--rate", "50", "--for", "10m", "--live", ":0", "--out", out}, strings.NewReader(""), io.Discard, errs)
	}()
	page := <-errs.url
	<-loaded
	token := regexp.MustCompile(`plimsoll-token" content="([A-Z2-7]+)"`).FindStringSubmatch(body(t, page))
	if token == nil {
		t.Fatal("the page has no token")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, page+"stop", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Plimsoll-Token", token[1])
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatalf("stop: %v, %v", resp, err)
	}
	resp.Body.Close()
	select {
	case c := <-code:
		if c != exitInterrupted {
			t.Errorf("exit %d, want %d", c, exitInterrupted)
		}
	case <-time.After(time.Minute):
		t.Fatal("the run goes on")
	}
	journal, err := os.ReadFile(filepath.Join(out, journalName))
	if err != nil || !strings.Contains(string(journal), "interrupted: after ") || !strings.Contains(string(journal), "requests due") {
		t.Errorf("%v: the journal does not say how far the load came", err)
	}
	if _, err := os.Stat(filepath.Join(out, "report.html")); err != nil {
		t.Error(err)
	}
	if c, err := http.Get(page); err == nil {
		c.Body.Close()
		t.Error("the page is still served after the run")
	}
}

// A finished run is shown until somebody ends the showing, and its folder is left as it was.
func TestReportServesAFinishedRun(t *testing.T) {
	url, out := server(t, fine), filepath.Join(t.TempDir(), "run")
	if code, _, stderr := call(t.Context(), "load", url, "--rate", "20", "--for", "1s", "--out", out); code != 0 {
		t.Fatal(stderr)
	}
	if err := os.Remove(filepath.Join(out, "report.html")); err != nil {
		t.Fatal(err)
	}
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	defer http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	stdout := listening(t)
	defer stdout.Close()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"report", out, "--serve"}, strings.NewReader(""), stdout, io.Discard)
	}()
	page := <-stdout.url
	if text := body(t, page); strings.Contains(text, `id="stop"`) {
		t.Error("a run that ended can be ended")
	}
	if text := body(t, page+"events"); !strings.Contains(text, "20 requests, 20 ok") {
		t.Errorf("the events do not tell how the run ended: %.300s", text)
	}
	cancel()
	if c := <-code; c != 0 {
		t.Errorf("exit %d, want 0", c)
	}
	if _, err := os.Stat(filepath.Join(out, "report.html")); err == nil {
		t.Error("showing a run wrote its report")
	}
}

func TestAddressesThatCannotBeOpened(t *testing.T) {
	url, out := server(t, fine), filepath.Join(t.TempDir(), "run")
	taken := strings.TrimPrefix(url, "http://")
	for _, args := range [][]string{{"--live", "8080"}, {"--live", taken}, {"--metrics", "9100"}, {"--metrics", taken}, {"--metrics", taken, "--live", ":0"}} {
		code, _, stderr := call(t.Context(), append([]string{"load", url, "--rate", "20", "--for", "1s", "--out", out}, args...)...)
		if code != exitMisuse || !strings.Contains(stderr, args[0]+":") || !strings.Contains(stderr, args[0]+"=:0 takes a free port") {
			t.Errorf("%v: exit %d, %q; want 2, the flag named and the way out", args, code, stderr)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a run was begun that cannot be shown as asked")
	}
}
