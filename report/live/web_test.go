package live

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// pipes is a network within the process, which virtual time can see through.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// shown is a Web over pipes in virtual time, its client, and how often it was told to stop.
type shown struct {
	*Web
	p       *pipes
	client  *http.Client
	stopped int
}

func show(t *testing.T) *shown {
	t.Helper()
	s := &shown{p: newPipes()}
	s.Web = OpenWeb(WebOptions{Listener: s.p, Address: "plimsoll.example:9", Stop: func() { s.stopped++ }})
	transport := &http.Transport{DialContext: s.p.dial}
	s.client = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	return s
}

// ask makes a request and returns its status and its body.
func (s *shown) ask(t *testing.T, method, path string, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:9"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// event is what a reader got.
type event struct{ id, kind, data string }

// listen reads events until it has some of each kind, or the stream ends.
func (s *shown) listen(t *testing.T, last string, kinds ...string) (got []event) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:9/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	want := map[string]bool{}
	for _, k := range kinds {
		want[k] = true
	}
	var e event
	for lines := bufio.NewReader(resp.Body); len(want) > 0; {
		text, err := lines.ReadString('\n')
		if err != nil {
			return got
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
			got = append(got, e)
			delete(want, e.kind)
		}
	}
	return got
}

// newest is the data of the last event of a kind.
func newest(t *testing.T, all []event, kind string) event {
	t.Helper()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].kind == kind {
			return all[i]
		}
	}
	t.Fatalf("no %s among %d events", kind, len(all))
	return event{}
}

// begun feeds a run up to the middle of its third trial.
func begun(w *Web) {
	w.Feed(journal.Entry{Run: &journal.Run{Command: "find", Title: "checkout <api>", Goal: "p99<250ms"}})
	for i, load := range []float64{200, 400} {
		trial := order(i+1, "ramp", load)
		w.Feed(journal.Entry{Start: &trial})
		w.Feed(journal.Entry{Trial: measured(trial, 20, 0)})
	}
	trial := order(3, "ramp", 800)
	w.Feed(journal.Entry{Start: &trial})
	for i := range 4 {
		time.Sleep(250 * time.Millisecond)
		w.Feed(journal.Entry{Tick: &attack.Tick{Elapsed: time.Duration(i+1) * 250 * time.Millisecond, Due: 200, OK: 150, Throttled: 50, InFlight: 7, Response: 150 * 9 * time.Millisecond}})
	}
}

func TestPageIsToldEverythingThatTheReportKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := show(t)
		begun(s.Web)
		all := s.listen(t, "", kindNow, kindChart, kindReport)
		var now strip
		if err := json.Unmarshal([]byte(newest(t, all, kindNow).data), &now); err != nil {
			t.Fatal(err)
		}
		if now.Phase != "ramp" || now.Tiles[0].Value != "800" || now.Tiles[1].Value != "600" || now.Tiles[2].Value != "7" || now.Tiles[1].Detail != "throttled 25 %" {
			t.Errorf("strip %+v, want the third trial with 800/s offered, 600/s achieved, 7 in flight and a quarter throttled", now)
		}
		var page string
		if err := json.Unmarshal([]byte(newest(t, all, kindReport).data), &page); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(page, "checkout &lt;api&gt;") || strings.Contains(page, "checkout <api>") || !strings.Contains(page, `"id":"timeline"`) {
			t.Error("the report does not name its target escaped, or has no timeline")
		}
		if chart := newest(t, all, kindChart).data; !strings.Contains(chart, `"id":"now"`) || !strings.Contains(chart, `[600,600`) || !strings.Contains(chart, `[200,200`) {
			t.Errorf("chart %s, want 600/s ok and 200/s throttled in it", chart)
		}
		s.Close()
	})
}

func TestReaderWhoComesBackGetsWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := show(t)
		begun(s.Web)
		first := s.listen(t, "", kindNow, kindChart, kindReport)
		last := first[len(first)-1].id
		s.Feed(journal.Entry{Trial: measured(order(3, "ramp", 800), 40, 0)})
		s.Feed(journal.Entry{End: &journal.End{Exit: 3, Outcome: "undecided"}})
		again := s.listen(t, last, kindEnd)
		if len(again) == 0 || again[0].id == first[0].id || !strings.Contains(newest(t, again, kindReport).data, "undecided") || !strings.Contains(newest(t, again, kindEnd).data, "undecided") {
			t.Errorf("%d events after %s, want the report with its end", len(again), last)
		}
		for _, e := range again {
			for _, f := range first {
				if e.id == f.id {
					t.Errorf("event %s (%s) was sent again to a reader who saw it", e.id, e.kind)
				}
			}
		}
		if whole := s.listen(t, "other-99", kindNow, kindReport, kindEnd); len(whole) < 3 {
			t.Errorf("a reader of another showing got %d events, want all kinds", len(whole))
		}
		s.Close()
	})
}

func TestEndReachesWhoLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := show(t)
		begun(s.Web)
		got := make(chan []event)
		go func() { got <- s.listen(t, "", "never") }()
		time.Sleep(3 * time.Second)
		s.Feed(journal.Entry{End: &journal.End{Outcome: "the throttle holds"}})
		began := time.Now()
		s.Close() // at once: the end is drawn and sent before the server goes
		all := <-got
		if !strings.Contains(newest(t, all, kindEnd).data, "the throttle holds") || !strings.Contains(newest(t, all, kindReport).data, "the throttle holds") {
			t.Error("who looked was not told the end")
		}
		if took := time.Since(began); took > closePatience {
			t.Errorf("closing took %v, want %v at most", took, closePatience)
		}
		s.Close()
		s.Feed(journal.Entry{Note: &attack.Note{Text: "too late"}})
	})
}

// TestSlowReaderIsDropped: a reader that takes nothing is let go, and holds up neither the run nor the end.
func TestSlowReaderIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := show(t)
		conn, err := s.p.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		begun(s.Web)
		if took := time.Since(began); took != time.Second {
			t.Errorf("feeding took %v, want the second that the ticks took", took)
		}
		if !s.hub.watched() {
			t.Fatal("the reader was never there")
		}
		time.Sleep(slowest)
		if s.hub.watched() {
			t.Errorf("a reader who takes nothing is still there after %v", slowest+time.Second)
		}
		s.Close()
	})
}

func TestManyReadersAreToldToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := show(t)
		for range viewersMax {
			if !s.hub.enter() {
				t.Fatal("no room")
			}
		}
		if status, _, h := s.ask(t, "GET", "/events"); status != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
			t.Errorf("status %d, want 503 with Retry-After", status)
		}
		s.hub.leave()
		begun(s.Web)
		if all := s.listen(t, "", kindNow); len(all) == 0 {
			t.Error("there is room again, and nothing was sent")
		}
		s.Close()
	})
}

// TestNobodyLooksNothingIsDrawn: a run that nobody looks at is not slowed by drawing it.
func TestNobodyLooksNothingIsDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := show(t)
		begun(s.Web)
		time.Sleep(time.Minute)
		if s.hub.id != 0 {
			t.Errorf("%d snapshots were drawn for nobody", s.hub.id)
		}
		s.Close()
	})
}

func TestOnlyThePageEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := show(t)
		token := "X-Plimsoll-Token"
		for name, row := range map[string]struct {
			method  string
			headers []string
			status  int
		}{
			"no token":            {"POST", nil, 403},
			"another token":       {"POST", []string{token, "guess"}, 403},
			"no POST":             {"GET", []string{token, s.token}, 405},
			"another site":        {"POST", []string{token, s.token, "Sec-Fetch-Site", "cross-site"}, 403},
			"a site beside":       {"POST", []string{token, s.token, "Sec-Fetch-Site", "same-site"}, 403},
			"another origin":      {"POST", []string{token, s.token, "Origin", "http://evil.example"}, 403},
			"another port's page": {"POST", []string{token, s.token, "Origin", "http://127.0.0.1:10"}, 403},
			"a name made to lead": {"POST", []string{token, s.token, "Host", "evil.example"}, 421},
		} {
			if status, body, _ := s.ask(t, row.method, "/stop", row.headers...); status != row.status {
				t.Errorf("%s: status %d (%s), want %d", name, status, strings.TrimSpace(body), row.status)
			}
		}
		if s.stopped != 0 {
			t.Errorf("the run was ended %d times by others", s.stopped)
		}
		if status, _, _ := s.ask(t, "POST", "/stop", token, s.token, "Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:9"); status != http.StatusNoContent || s.stopped != 1 {
			t.Errorf("status %d and ended %d times, want 204 and once", status, s.stopped)
		}
		s.o.Stop = nil
		if status, _, _ := s.ask(t, "POST", "/stop", token, s.token); status != http.StatusConflict {
			t.Errorf("a run that has ended: status %d, want 409", status)
		}
		s.Close()
	})
}

func TestHostsThatAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := show(t)
		for host, want := range map[string]int{"127.0.0.1:9": 200, "localhost:9": 200, "localhost": 200, "[::1]:9": 200, "[::1]": 200, "10.1.2.3:9": 200, "plimsoll.example:9": 200,
			"evil.example:9": 421, "evil.example": 421, "localhost.evil.example:9": 421, "127.0.0.1.evil.example": 421} {
			if status, body, _ := s.ask(t, "GET", "/", "Host", host); status != want {
				t.Errorf("host %s: status %d, want %d", host, status, want)
			} else if (want == 200) != strings.Contains(body, s.token) {
				t.Errorf("host %s: the page holds its token: %v", host, want != 200)
			}
		}
		s.Close()
	})
}

func TestEveryAnswerIsStrict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := show(t)
		begun(s.Web)
		for _, path := range []string{"/", "/page.css", "/live.css", "/uplot.js", "/page.js", "/live.js"} {
			status, body, h := s.ask(t, "GET", path)
			if status != 200 || body == "" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: status %d with %d bytes, policy %q", path, status, len(body), h.Get("Content-Security-Policy"))
			}
			if path == "/" && (strings.Contains(body, "checkout <api>") || strings.Contains(body, "<style") || strings.Contains(body, " style=") || strings.Contains(body, " onclick=")) {
				t.Error("the page holds what its policy forbids, or its title unescaped")
			}
		}
		if status, _, _ := s.ask(t, "GET", "/nothing"); status != 404 {
			t.Errorf("/nothing: status %d", status)
		}
		s.Close()
	})
}

func TestListenIsOfThisMachineAlone(t *testing.T) {
	l, err := Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		t.Errorf(":0 listens on %v, want a loopback address", ip)
	}
	for _, bad := range []string{"", "8080", "host", "127.0.0.1:http:1"} {
		if l, err := Listen(bad); err == nil {
			l.Close()
			t.Errorf("Listen(%q) opened something", bad)
		}
	}
}

// TestDrawingRests: what is drawn for viewers takes a fiftieth of one processor at most.
func TestDrawingRests(t *testing.T) {
	p := painter{}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := &Web{hub: newHub(), grown: true, entries: []journal.Entry{{Run: &journal.Run{}}}}
	p.rest = now.Add(time.Second)
	p.draw(w, now, false)
	if _, drawn := w.hub.latest[kindReport]; drawn {
		t.Error("it draws while it rests")
	}
	p.draw(w, now.Add(time.Second), false)
	if _, drawn := w.hub.latest[kindReport]; !drawn || !p.rest.After(now.Add(time.Second)) {
		t.Errorf("drawn %v, rests until %v; want it drawn, and a rest after that", drawn, p.rest)
	}
	w.grown = true
	p.rest = now.Add(time.Hour)
	p.draw(w, now, true)
	if w.grown {
		t.Error("the last drawing left a fact out")
	}
}

func ExampleListen() {
	l, err := Listen(":0")
	fmt.Println(err, strings.HasPrefix(l.Addr().String(), "127.0.0.1:"))
	l.Close()
	// Output: <nil> true
}

// Ticks of some milliseconds are no moments of their own: what ends in so few is no rate.
func TestShortTicksMakeOneMoment(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w := &Web{}
	w.state.began = began
	at := 0
	for n := range 3 { // trials of 500 ms, 40 ticks each
		trial := order(n+1, "ramp", 100)
		w.state.add(journal.Entry{Start: &trial}, began)
		for i := range 40 {
			at++
			w.state.add(journal.Entry{Tick: &attack.Tick{Elapsed: time.Duration(i+1) * 12500 * time.Microsecond, Due: 2, OK: 1, Failed: 1, Response: time.Millisecond}}, began)
			w.moment(began.Add(time.Duration(at) * 12500 * time.Microsecond))
		}
	}
	var due, ended int64
	for i, m := range w.moments {
		due, ended = due+m.Due, ended+m.Ended()
		if i > 0 && m.From < w.moments[i-1].To || m.To-m.From > 2*momentLeast.Seconds() {
			t.Errorf("moment %d is from %v to %v", i, m.From, m.To)
		}
	}
	if len(w.moments) != 6 || due != 240 || ended != 240 {
		t.Errorf("%d moments of %d due and %d ended, want 6 of 240 and 240", len(w.moments), due, ended)
	}
}
