package main

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// scrape runs the program with --metrics, scrapes it once it has told of what it should, ends it, and gives back the page.
func scrape(t *testing.T, tells string, args ...string) (page string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	errs, ended := listening(t), make(chan int, 1)
	defer errs.Close()
	go func() {
		ended <- run(ctx, append(args, "--metrics", ":0", "--out", filepath.Join(t.TempDir(), "run")), strings.NewReader(""), io.Discard, errs)
	}()
	url := ""
	select {
	case url = <-errs.url:
	case code := <-ended:
		t.Fatalf("exit %d before anything was served", code)
	}
	for give := time.After(time.Minute); ; {
		if page = body(t, url); strings.Contains(page, tells) {
			break
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case code := <-ended:
			t.Fatalf("exit %d before it told of %s", code, tells)
		case <-give:
			t.Fatalf("not told of %s:\n%s", tells, page)
		}
	}
	cancel()
	if code := <-ended; code != exitInterrupted {
		t.Errorf("exit %d, want %d", code, exitInterrupted)
	}
	if resp, err := http.Get(url); err == nil {
		resp.Body.Close()
		t.Error("metrics are still served after the run")
	}
	return page
}

func TestMetricsWhileARunLasts(t *testing.T) {
	url := server(t, fine)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	defer http.DefaultClient.CloseIdleConnections()
	page := scrape(t, "plimsoll_trial_number 1", "load", url+"?key=hunter2", "-H", "X-Secret: hunter2", "--rate", "50", "--for", "10m")
	if !strings.Contains(page, `plimsoll_run_info{command="load"`) || !strings.Contains(page, "process_cpu_seconds_total") || strings.Contains(page, "hunter2") {
		t.Errorf("want the run and this process, and no secret:\n%s", page)
	}
}

// TestRealPromtoolAcceptsTheMetrics: Prometheus' own tool finds nothing to blame in what a search tells after its first trials.
func TestRealPromtoolAcceptsTheMetrics(t *testing.T) {
	endToEnd(t, "promtool")
	page := scrape(t, "plimsoll_bracket_through_requests_per_second", "find", server(t, fine), "--quick", "--goal", "p99<250ms", "--max-rate", "400/s")
	check := exec.Command("promtool", "check", "metrics")
	check.Stdin = strings.NewReader(page)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
