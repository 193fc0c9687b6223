package report

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium finds a browser, or skips the test; where everything must run, its absence is a failure.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("PLIMSOLL_REQUIRE") == "all" {
		t.Fatal("no chromium on the PATH, and PLIMSOLL_REQUIRE=all asks for it")
	}
	t.Skip("no chromium on the PATH: the page is not tried in a browser")
	return ""
}

// seen is what a page did that a test may not see otherwise.
type seen struct {
	mu       sync.Mutex
	errors   []string
	requests []string
}

func (s *seen) listen(ev any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		s.errors = append(s.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			s.errors = append(s.errors, "console "+string(e.Type))
		}
	case *log.EventEntryAdded:
		s.errors = append(s.errors, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		s.requests = append(s.requests, e.Request.URL)
	}
}

// browser opens one browser for the test; the page's errors and requests are listened to from the beginning.
func browser(t *testing.T) (context.Context, *seen) {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true))
	alloc, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(alloc)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1180, 900)); err != nil { // the first call starts the browser: no timeout
		t.Fatal(err)
	}
	s := &seen{}
	if err := chromedp.Listen(ctx, s.listen); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return ctx, s
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	bounded, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(bounded, steps...); err != nil {
		t.Fatal(err)
	}
}

func eval[T any](t *testing.T, ctx context.Context, js string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	if err != nil {
		t.Fatalf("%s: %v", js, err)
	}
	return v
}

// open writes the page of a fixture and shows it.
func open(t *testing.T, ctx context.Context, name string) (r Report, url string) {
	t.Helper()
	r = Fold(fixtures()[name])
	path := filepath.Join(t.TempDir(), name+".html")
	if err := os.WriteFile(path, []byte(pageOf(t, r)), 0o600); err != nil {
		t.Fatal(err)
	}
	url = "file://" + path
	do(t, ctx, chromedp.Navigate(url), chromedp.WaitReady("footer"))
	return r, url
}

func TestPageInABrowser(t *testing.T) {
	ctx, s := browser(t)
	for _, name := range []string{"whole", "verify-fail", "limited", "void", "begun", "empty"} {
		r, url := open(t, ctx, name)
		if got, want := eval[int](t, ctx, `document.querySelectorAll("canvas").length`), len(r.Charts()); got != want {
			t.Errorf("%s shows %d charts, want %d", name, got, want)
		}
		if got := eval[string](t, ctx, `document.querySelector("h1").textContent`); got != r.Headline() {
			t.Errorf("%s has the headline %q, want %q", name, got, r.Headline())
		}
		s.mu.Lock()
		if len(s.errors) > 0 {
			t.Errorf("%s: %s", name, strings.Join(s.errors, "; "))
		}
		for _, u := range s.requests {
			if u != url && !strings.HasPrefix(u, "data:") {
				t.Errorf("%s asks for %s", name, u)
			}
		}
		s.errors, s.requests = nil, nil
		s.mu.Unlock()
	}
}

// TestListenerSeesErrors plants what TestPageInABrowser must not miss: an exception, a console error, and a request that
// the policy refuses.
func TestListenerSeesErrors(t *testing.T) {
	ctx, s := browser(t)
	open(t, ctx, "empty")
	eval[bool](t, ctx, `setTimeout(() => { throw new Error("planted") }), console.error("planted"), (new Image().src = "http://127.0.0.1:9/x.png"), true`)
	eventually(t, ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.errors) >= 3
	})
}

// eventually waits for the browser to have done what it does in its own time; a test fails after ten seconds of it.
func eventually(t *testing.T, ctx context.Context, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		do(t, ctx, chromedp.Sleep(20*time.Millisecond))
	}
	t.Fatal("it did not happen within ten seconds")
}

func TestHoverThemeAndPhone(t *testing.T) {
	ctx, s := browser(t)
	r, _ := open(t, ctx, "whole")
	box := eval[[]float64](t, ctx, `(b => [b.left + b.width / 2, b.top + b.height / 2])(document.querySelector("#latency .u-over").getBoundingClientRect())`)
	do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, box[0], box[1]))
	text := func(id string) string {
		return strings.Join(strings.Fields(eval[string](t, ctx, `document.querySelector("#`+id+` .u-legend").innerText`)), " ")
	}
	eventually(t, ctx, func() bool { return strings.Contains(text("latency"), "/s") })
	p := nearest(r.drawn(), r.latencyChart().X.Max/2)
	want := r.drawn()[p]
	for _, word := range []string{Number(want.Load) + "/s", Latency(want.Response.P50), Latency(want.Response.P99)} {
		if !strings.Contains(text("latency"), word) {
			t.Errorf("the legend under the cursor says %q, want %q in it", text("latency"), word)
		}
	}
	if below := text("served"); !strings.Contains(below, Number(want.Achieved)+"/s") {
		t.Errorf("the chart beneath says %q, want it to follow the cursor to %s/s", below, Number(want.Achieved))
	}
	ground := `getComputedStyle(document.body).backgroundColor`
	light := eval[string](t, ctx, ground)
	do(t, ctx, chromedp.Click("#theme"))
	if theme, dark := eval[string](t, ctx, `document.documentElement.dataset.theme`), eval[string](t, ctx, ground); theme != "dark" || dark == light {
		t.Errorf("after the button the theme is %q on %s, was on %s", theme, dark, light)
	}
	for _, wide := range []int64{400, 320, 1400} {
		do(t, ctx, chromedp.EmulateViewport(wide, 800))
		eventually(t, ctx, func() bool { return eval[int64](t, ctx, `document.documentElement.scrollWidth`) <= wide })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errors) > 0 {
		t.Errorf("errors: %v", s.errors)
	}
}
