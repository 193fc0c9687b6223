package live

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/browser"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// tab is the live page in a browser, and all that it asked for.
type tab struct {
	*browser.Tab
	asked []string
}

func newTab(t *testing.T) *tab { return &tab{Tab: browser.Open(t)} }

// wrong is what went wrong since it was last asked for.
func (b *tab) wrong() string {
	errors, requests := b.Heard()
	b.asked = append(b.asked, requests...)
	return strings.Join(errors, "; ")
}

// until waits for the page to become so; half a minute is long on any machine.
func (b *tab) until(t *testing.T, what, js string) {
	t.Helper()
	for range 600 {
		if browser.Eval[bool](b.Tab, js) {
			return
		}
		b.Do(chromedp.Sleep(50 * time.Millisecond))
	}
	t.Fatalf("it never came: %s. The page says: %.300s", what, browser.Eval[string](b.Tab, `document.body.innerText`))
}

// shot writes what the tab shows into the folder PLIMSOLL_SHOTS, for somebody to look at.
func (b *tab) shot(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("PLIMSOLL_SHOTS")
	if dir == "" {
		return
	}
	whole := true
	for _, wide := range []int64{browser.Wide, browser.Phone} {
		b.Do(chromedp.EmulateViewport(wide, 900), chromedp.Sleep(300*time.Millisecond))
		shot := browser.Call(b.Tab, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("live-%s-%d.png", name, wide)), shot.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.Do(chromedp.EmulateViewport(browser.Wide, 900))
}

// brittle is a listener whose connections can all be broken at once.
type brittle struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (b *brittle) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.conns = append(b.conns, c)
	}
	return c, err
}

func (b *brittle) snap() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		_ = c.Close()
	}
	b.conns = nil
}

// tried feeds trials n to m, each offered and measured.
func tried(w *Web, n, m int) {
	for i := n; i <= m; i++ {
		trial := order(i, "ramp", float64(100*i))
		w.Feed(journal.Entry{Start: &trial})
		done := measured(trial, 10*float64(1+i*i/3), 0)
		done.Windows = nil
		for s := range 10 {
			one := measured(trial, 10*float64(1+i*i/3), 0).Windows[0]
			one.At, one.Len, one.Counts = time.Duration(s)*time.Second, time.Second, attack.Counts{Due: int64(100 * i), OK: int64(100 * i), Attempts: int64(100 * i)}
			done.Windows = append(done.Windows, one)
		}
		w.Feed(journal.Entry{Trial: done})
	}
}

func ticked(w *Web, n int) {
	trial := order(n, "confirm", 600)
	w.Feed(journal.Entry{Start: &trial})
	for i := range 4 {
		time.Sleep(100 * time.Millisecond)
		w.Feed(journal.Entry{Tick: &attack.Tick{Elapsed: time.Duration(i+1) * 100 * time.Millisecond, Due: 60, OK: 45, Throttled: 10, Failed: 5, InFlight: 7, Response: 45 * 9 * time.Millisecond}})
	}
}

// inked counts the canvases that hold a picture: some pixels that are not as the others.
const inked = `[...document.querySelectorAll("canvas")].filter(c => {
	const d = new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer), seen = new Set();
	for (const p of d) { if (seen.add(p).size > 8) return true; }
	return false;
}).length`

// newestInked tells whether there is colour at the right end of the chart of the moment, where the newest is: labels and grid
// are grey.
const newestInked = `(c => {
	if (!c) return false;
	const d = c.getContext("2d").getImageData(Math.floor(c.width * .93), 0, Math.ceil(c.width * .07), c.height).data;
	for (let i = 0; i < d.length; i += 4) { if (d[i + 3] > 0 && Math.max(d[i], d[i + 1], d[i + 2]) - Math.min(d[i], d[i + 1], d[i + 2]) > 30) return true; }
	return false;
})(document.querySelector("#now canvas"))`

func TestPageOfARunInABrowser(t *testing.T) {
	b := newTab(t)
	l, err := Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	var stopped atomic.Int64
	wire := &brittle{Listener: l}
	w := OpenWeb(WebOptions{Listener: wire, Address: ":0", Stop: func() { stopped.Add(1) }})
	defer w.Close()
	w.Feed(journal.Entry{Run: &journal.Run{Command: "find", Title: `<img src=x onerror="boom()">`, Goal: "p99<250ms", Seed: 42}})
	w.Feed(journal.Entry{Ahead: &journal.Ahead{What: "search", Phases: []string{"ramp", "confirm", "knee"}, Left: time.Minute, AtMost: true}})
	tried(w, 1, 4)
	ticked(w, 5)

	b.Do(chromedp.Navigate(w.URL()))
	b.until(t, "the state is live", `document.getElementById("state").textContent === "live"`)
	b.until(t, "all charts are drawn", `document.querySelectorAll("canvas").length >= 5 && `+inked+` === document.querySelectorAll("canvas").length`)
	for _, id := range []string{"now", "latency", "served", "timeline"} {
		if !browser.Eval[bool](b.Tab, `!!document.querySelector("#`+id+` canvas")`) {
			t.Errorf("the chart %s is missing", id)
		}
	}
	if says := browser.Eval[string](b.Tab, `document.getElementById("live").innerText`); !strings.Contains(says, "confirm") || !strings.Contains(says, "then knee") || !strings.Contains(says, "450") {
		t.Errorf("the strip says %q, want the phase, what comes then, and 450/s achieved", says)
	}
	if h1 := browser.Eval[string](b.Tab, `document.querySelector("h1").textContent`); !strings.Contains(h1, "the run goes on after 4 trials") || browser.Eval[bool](b.Tab, `document.querySelector("main").textContent.includes("cut off")`) {
		t.Errorf("the headline is %q, want that the run goes on, and nothing of a run that was cut off", h1)
	}
	if browser.Eval[int](b.Tab, `document.querySelectorAll("img[src=x]").length`) != 0 {
		t.Error("the target's name became an element")
	}
	if bad := b.wrong(); bad != "" {
		t.Errorf("while it was opened: %s", bad)
	}
	b.shot(t, "running")

	b.until(t, "a table can be opened", `!!document.querySelector("main details")`)
	browser.Eval[bool](b.Tab, `document.querySelector("main details").open = true`)
	browser.Eval[bool](b.Tab, `window.kept = document.querySelector("#theme"), true`)
	tried(w, 5, 6)
	b.until(t, "the sixth trial", `document.querySelector("main").textContent.includes("hold 600 a second")`)
	if !browser.Eval[bool](b.Tab, `document.querySelector("main details").open && window.kept.isConnected`) {
		t.Error("what was opened is closed again, or the page was built anew")
	}
	if bad := b.wrong(); bad != "" {
		t.Errorf("while it grew: %s", bad)
	}

	ticked(w, 7)
	b.until(t, "the chart of the moment goes on to the newest", newestInked)
	b.wrong() // Chromium advises on how to read a canvas twice

	b.reconnects(t, w, wire)
	b.ends(t, w, &stopped)
	b.wrong()
	for _, u := range b.asked {
		if !strings.HasPrefix(u, w.URL()) && !strings.HasPrefix(u, "data:") {
			t.Errorf("the page asks for %s", u)
		}
	}
}

// reconnects breaks the connection, and wants the page to come back and to show what happened meanwhile.
func (b *tab) reconnects(t *testing.T, w *Web, wire *brittle) {
	t.Helper()
	wire.snap()
	b.until(t, "it notices", `document.getElementById("state").textContent === "connecting again"`)
	tried(w, 7, 7)
	b.until(t, "it is back", `document.getElementById("state").textContent === "live"`)
	b.until(t, "the seventh trial", `document.querySelector("main").textContent.includes("hold 700 a second")`)
	b.wrong() // a broken connection is an error in the console, rightly
}

// ends presses the button, thinks better of it, presses it again, and sees the run end.
func (b *tab) ends(t *testing.T, w *Web, stopped *atomic.Int64) {
	t.Helper()
	b.Do(chromedp.Click("#stop"))
	b.until(t, "it asks", `document.getElementById("sure").open`)
	b.Do(chromedp.Click("#no"))
	b.until(t, "it asks no more", `!document.getElementById("sure").open`)
	if n := stopped.Load(); n != 0 {
		t.Errorf("the run was ended %d times before anybody was sure", n)
	}
	b.Do(chromedp.Click("#stop"))
	b.until(t, "it asks again", `document.getElementById("sure").open`)
	b.Do(chromedp.Click("#yes"))
	b.until(t, "the button says so", `document.getElementById("stop").textContent === "ending"`)
	for range 600 {
		if stopped.Load() == 1 {
			break
		}
		b.Do(chromedp.Sleep(50 * time.Millisecond))
	}
	if n := stopped.Load(); n != 1 {
		t.Fatalf("the run was ended %d times, want once", n)
	}
	w.Feed(journal.Entry{Verdict: &scenarios.Verdict{Scenario: "recovery", Title: "does it recover", Outcome: scenarios.Fail, Checks: []scenarios.Check{{ID: "V20", Name: "backend latency", Outcome: scenarios.Fail, Want: "p99 below 250 ms", Got: "900 ms"}}}})
	w.Feed(journal.Entry{End: &journal.End{Exit: 130, Outcome: "interrupted: as was asked"}})
	w.Close()
	b.until(t, "the end", `document.getElementById("state").textContent === "ended" && document.getElementById("clock").textContent.includes("as was asked")`)
	b.until(t, "the storm", `document.querySelector("main").textContent.includes("V20")`)
	b.Do(chromedp.EmulateViewport(browser.Phone, 800))
	b.until(t, "it fits a phone", `document.documentElement.scrollWidth <= 390`)
	b.shot(t, "ended")
	if bad := b.wrong(); bad != "" {
		t.Errorf("when it ended: %s", bad)
	}
}

// TestTabSeesWhatIsWrong plants what the test above must not miss.
func TestTabSeesWhatIsWrong(t *testing.T) {
	b := newTab(t)
	l, err := Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	w := OpenWeb(WebOptions{Listener: l, Address: ":0"})
	defer w.Close()
	w.Feed(journal.Entry{Run: &journal.Run{Command: "find"}})
	b.Do(chromedp.Navigate(w.URL()))
	b.until(t, "it is live", `document.getElementById("state").textContent === "live"`)
	if browser.Eval[bool](b.Tab, `!!document.getElementById("stop")`) {
		t.Error("a showing that cannot be ended has the button")
	}
	b.wrong()
	for _, js := range []string{`setTimeout(() => { throw new Error("planted") })`, `console.error("planted")`, `new Image().src = "http://127.0.0.1:9/x.png"`,
		`document.body.setAttribute("style", "color: red")`, `document.body.append(Object.assign(document.createElement("script"), { textContent: "1" }))`} {
		browser.Eval[bool](b.Tab, `try { `+js+` } catch (e) { console.error(e) } true`)
		seen := ""
		for range 100 {
			if seen = b.wrong(); seen != "" {
				break
			}
			b.Do(chromedp.Sleep(50 * time.Millisecond))
		}
		if seen == "" {
			t.Errorf("nobody saw %s", js)
		}
	}
}
