// Package browser shows pages in a real browser to the tests of report and report/live, and hears what goes wrong there. No
// program that we ship holds it.
package browser

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The widths at which a page must be whole: a desk, a tablet, a phone.
const (
	Wide  = 1280
	Pad   = 768
	Phone = 390
)

// Tab is a page in a browser of its own. It fails the test that it is used in; T may be set to another while no test runs beside.
type Tab struct {
	testing.TB
	ctx context.Context

	mu       sync.Mutex
	errors   []string
	requests []string
}

// Open starts a browser that lasts as long as the test, and listens from the beginning. It skips the test where there is no
// Chromium, and fails it where PLIMSOLL_REQUIRE=all.
func Open(t testing.TB) *Tab {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true))
	alloc, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(alloc)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(Wide, 900)); err != nil { // the first call starts the browser: no timeout
		t.Fatal(err)
	}
	b := &Tab{TB: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	Call(b, network.Enable, network.EnableParams{})
	Call(b, log.Enable, cdp.Empty{})
	return b
}

func chromium(t testing.TB) string {
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

func (b *Tab) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			b.errors = append(b.errors, "console "+string(e.Type))
		}
	case *log.EventEntryAdded:
		b.errors = append(b.errors, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

// Heard takes what was heard since it was last taken: errors, and the addresses that were asked for.
func (b *Tab) Heard() (errors, requests []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	errors, requests = b.errors, b.requests
	b.errors, b.requests = nil, nil
	return errors, requests
}

// patience bounds whatever is asked of the browser, so that a hung page is a failure and not a silence.
const patience = 30 * time.Second

// Call sends one command of the browser's protocol.
func Call[P, R any](b *Tab, command cdp.Command[P, R], params P) R {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// Run does one action.
func Run[R any](b *Tab, action chromedp.Action[R]) R {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, action)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// Do does actions that tell nothing.
func (b *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	for _, step := range steps {
		Run(b, step)
	}
}

// Eval is the value of an expression, awaited if it is a promise.
func Eval[R any](b *Tab, js string) R {
	b.Helper()
	return Run(b, chromedp.Evaluate[R](js, chromedp.EvalAwaitPromise))
}
