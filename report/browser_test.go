package report

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
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

// faults are the errors, and the requests for anything but the page itself, since the last forget.
func (s *seen) faults(url string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out = append(out, s.errors...)
	for _, u := range s.requests {
		if u != url && !strings.HasPrefix(u, "data:") {
			out = append(out, "asks for "+u)
		}
	}
	return out
}

func (s *seen) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors, s.requests = nil, nil
}

// tab is a page in a browser, and the report that it should show.
type tab struct {
	*testing.T
	seen
	ctx context.Context
	r   Report
	url string
}

// browser opens one browser for the test; the page's errors and requests are listened to from the beginning.
func browser(t *testing.T) *tab {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true))
	alloc, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(alloc)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(wide, 900)); err != nil { // the first call starts the browser: no timeout
		t.Fatal(err)
	}
	p := &tab{T: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatal(err)
	}
	call(p, network.Enable, network.EnableParams{})
	call(p, log.Enable, cdp.Empty{})
	return p
}

// within is the same tab, whose faults are those of another test.
func (p *tab) within(t *testing.T) *tab {
	p.T = t
	return p
}

// patience bounds whatever is asked of the browser, so that a hung page is a failure and not a silence.
const patience = 30 * time.Second

func call[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	out, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.Fatal(err)
	}
	return out
}

func run[R any](p *tab, action chromedp.Action[R]) R {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, action)
	if err != nil {
		p.Fatal(err)
	}
	return out
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	for _, step := range steps {
		run(p, step)
	}
}

// eval is the value of an expression, awaited if it is a promise.
func eval[R any](p *tab, js string) R {
	p.Helper()
	return run(p, chromedp.Evaluate[R](js, chromedp.EvalAwaitPromise))
}

// frame waits until the page has drawn what it was told.
func (p *tab) frame() {
	p.Helper()
	eval[bool](p, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
}

// open writes the page of a report and shows it.
func (p *tab) open(r Report) {
	p.Helper()
	p.show(pageOf(p.T, r))
	p.r = r
}

// show writes a page and shows it.
func (p *tab) show(page string) {
	p.Helper()
	path := filepath.Join(p.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		p.Fatal(err)
	}
	p.url = "file://" + path
	p.forget()
	p.do(chromedp.Navigate(p.url), chromedp.WaitReady("footer"))
}

// media asks for a medium ("print", or "" for a screen) and a colour scheme ("dark", "light").
func (p *tab) media(medium, scheme string) {
	p.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	p.frame()
}

// The widths at which a page must be whole: a desk, a tablet, a phone.
const (
	wide  = 1280
	pad   = 768
	phone = 390
)

func (p *tab) width(px int64) {
	p.Helper()
	p.do(chromedp.EmulateViewport(px, 900))
	p.frame()
}

// TestPageInABrowser holds every proof against the pages of every kind of run, and each against a page that breaks it. In
// short, one page must do.
func TestPageInABrowser(t *testing.T) {
	p := browser(t)
	runs := fixtures()
	if testing.Short() {
		p.open(Fold(runs["whole"]))
		for _, proof := range proofs {
			for _, fault := range proof.faults(p) {
				t.Errorf("%s: %s", proof.name, fault)
			}
		}
		return
	}
	for _, name := range sortedKeys(runs) {
		t.Run(name, func(t *testing.T) {
			p.within(t).open(Fold(runs[name]))
			for _, proof := range proofs {
				if proof.on != nil && !slices.Contains(proof.on, name) {
					continue
				}
				for _, fault := range proof.faults(p) {
					t.Errorf("%s: %s", proof.name, fault)
				}
			}
		})
	}
	for _, proof := range proofs {
		t.Run("planted/"+proof.name, func(t *testing.T) {
			p.within(t).open(Fold(runs["verify-fail"]))
			eval[bool](p, `{ `+proof.plant+` } true`)
			if len(proof.faults(p)) == 0 {
				t.Errorf("does not object to %s", proof.plant)
			}
		})
	}
	t.Run("planted/noises", func(t *testing.T) { listensToEverything(p.within(t)) })
	t.Run("cursor", func(t *testing.T) { sharesItsCursor(p.within(t)) })
}

// listensToEverything plants what the proof of silence must not miss: an exception, what the policy refuses, and on a page
// without a policy a request.
func listensToEverything(p *tab) {
	page := pageOf(p.T, Fold(nil))
	for _, noisy := range []string{
		page + `<script>throw new Error("planted")</script>`,
		page + `<img src="http://127.0.0.1:9/x.png">`,
		strings.Replace(page, "Content-Security-Policy", "", 1) + `<img src="http://127.0.0.1:9/x.png">`,
	} {
		p.show(noisy)
		p.frame()
		if len(p.seen.faults(p.url)) == 0 {
			p.Errorf("nothing was heard of %s", noisy[len(page)-10:])
		}
	}
}

// sharesItsCursor: the curve tells what was measured at the load under the mouse, and so does the chart beneath.
func sharesItsCursor(p *tab) {
	p.open(Fold(fixtures()["whole"]))
	c := *p.r.latencyChart()
	want := p.r.drawn()[nearestX(c, 0.5, 0)]
	got := p.point("latency", 0.5)
	if got[""] != Number(want.Load)+"/s" || got["p50"] != Latency(want.Response.P50) || got["p99"] != Latency(want.Response.P99) {
		p.Errorf("under the mouse stands %v, want what was measured at %v/s: %+v", got, want.Load, *want.Response)
	}
	if below := eval[string](p, `document.querySelector("#served .u-legend").textContent`); !strings.Contains(below, Number(want.Achieved)+"/s") {
		p.Errorf("the chart beneath says %q, want it to follow the mouse to %s/s", below, Number(want.Achieved))
	}
}
