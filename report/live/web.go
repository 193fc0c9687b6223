package live

import (
	"bytes"
	crand "crypto/rand"
	"encoding/json"
	"html"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// WebOptions say where a run is shown, and what may be done to it from there.
type WebOptions struct {
	Listener net.Listener
	Address  string // as it was asked for: its host may be named by requests
	Stop     func() // ends the run as an interrupt does; nil offers no such thing
}

// Web shows one run as a page: the report as far as it goes, and what happens now. Feed it from any goroutine, and Close it.
//
// It draws for somebody who looks, and rests after it has drawn, so that viewers take next to nothing of the processor that
// the run needs.
type Web struct {
	o     WebOptions
	hub   *hub
	token string // whoever has read the page knows it
	name  string // of this showing: what was seen of another one says nothing of this

	mu      sync.Mutex
	state   state
	entries []journal.Entry
	moments []report.Moment // at most momentsMax
	fresh   bool            // something happened since the last strip
	grown   bool            // a fact came since the last report
	closed  bool

	server *server
	stop   chan struct{}
	done   chan struct{}
}

// The kinds of events that a page is sent.
const (
	kindNow    = "now"    // the strip: what runs
	kindChart  = "chart"  // the last seconds of it
	kindReport = "report" // the report so far
	kindEnd    = "end"    // nothing more will come
)

const (
	momentsMax  = 240 // a minute of them and more
	momentLeast = 250 * time.Millisecond
	stripEvery  = time.Second // where nothing happens, for the clock
	chartEvery  = time.Second
	reportEvery = time.Second
	// restFor is how long a Web rests after drawing, in times what it drew for: two per cent of one processor at most.
	restFor = 50
)

// OpenWeb begins to show. Nothing is drawn before somebody looks.
func OpenWeb(o WebOptions) *Web {
	w := &Web{o: o, hub: newHub(), token: crand.Text(), name: crand.Text()[:8], stop: make(chan struct{}), done: make(chan struct{})}
	w.server = serve(o.Listener, w.handler())
	go w.work()
	return w
}

// URL is where the page is.
func (w *Web) URL() string { return "http://" + w.o.Listener.Addr().String() + "/" }

// Feed takes note of an entry and returns at once. After Close it does nothing.
func (w *Web) Feed(e journal.Entry) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.state.add(e, now)
	w.fresh = true
	if e.Tick != nil {
		w.moment(now)
	}
	if !e.Live() {
		w.entries, w.grown = append(w.entries, e), true
	}
}

// Recall takes note of what was measured before this part of a run: it belongs to the report, and is not happening now.
func (w *Web) Recall(entries []journal.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries, w.grown = append(w.entries, entries...), true
}

// Over says that no more entries will come, though the showing goes on: what is shown is the journal of a run that ended, or
// was cut off.
func (w *Web) Over() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state.end == nil {
		w.state.end = &journal.End{At: w.state.run.Began, Outcome: "the run was cut off: its journal has no end"}
		w.state.cut = true
	}
}

// moment makes the newest tick one of the chart's moments, or a part of the newest: the ticks of a short trial are some
// milliseconds each, and what ends in so few of them is no rate.
func (w *Web) moment(now time.Time) {
	all := w.state.ticks
	tick := all[len(all)-1]
	var before time.Duration
	if len(all) > 1 {
		before = all[len(all)-2].Elapsed
	}
	to := now.Sub(w.state.began).Seconds()
	from := max(to-(tick.Elapsed-before).Seconds(), 0)
	if n := len(w.moments); n > 0 {
		newest := &w.moments[n-1]
		from = max(from, newest.To)
		if len(all) > 1 && newest.To-newest.From < momentLeast.Seconds() {
			newest.Tick, newest.To = joined(newest.Tick, tick), max(to, newest.To)
			return
		}
	}
	if to > from {
		w.moments = last(append(w.moments, report.Moment{From: from, To: to, Tick: tick}), momentsMax)
	}
}

// joined is two ticks of a trial, one after the other, as one.
func joined(a, b attack.Tick) attack.Tick {
	b.Due += a.Due
	b.Sent += a.Sent
	b.OK += a.OK
	b.Throttled += a.Throttled
	b.Shed += a.Shed
	b.Failed += a.Failed
	b.Timeout += a.Timeout
	b.Unsent += a.Unsent
	b.Response += a.Response
	return b
}

// Close shows the end to all who look, and waits until nothing runs any more. It may be called more than once.
func (w *Web) Close() {
	w.mu.Lock()
	again := w.closed
	w.closed = true
	w.mu.Unlock()
	if !again {
		close(w.stop)
	}
	<-w.done
}

// work draws what is new, until the showing ends.
func (w *Web) work() {
	defer close(w.done)
	tick := time.NewTicker(Every)
	defer tick.Stop()
	var p painter
	for {
		select {
		case now := <-tick.C:
			if w.hub.watched() {
				p.draw(w, now, false)
			}
		case <-w.stop:
			if w.hub.watched() {
				p.draw(w, time.Now(), true)
			}
			w.hub.end()
			w.server.close()
			return
		}
	}
}

// painter knows when what was drawn last.
type painter struct {
	strip, chart, report time.Time
	rest                 time.Time // nothing is drawn before, but the strip
	ended                bool
}

// draw draws what is new and due, or all that is new.
func (p *painter) draw(w *Web, now time.Time, all bool) {
	w.mu.Lock()
	fresh, grown, moments := w.fresh, w.grown, slices.Clone(w.moments)
	s := w.state.strip(now)
	entries := w.entries[:len(w.entries):len(w.entries)]
	w.fresh = false
	w.mu.Unlock()
	if fresh || all || now.Sub(p.strip) >= stripEvery && !p.ended {
		w.hub.put(kindNow, line(s))
		p.strip = now
	}
	if !all && now.Before(p.rest) {
		return
	}
	began := time.Now()
	if len(moments) > 0 && (all || now.Sub(p.chart) >= chartEvery && moments[len(moments)-1].To > 0) {
		w.hub.put(kindChart, line(report.NowChart(moments)))
		p.chart = now
	}
	if grown && (all || now.Sub(p.report) >= reportEvery) {
		w.mu.Lock()
		w.grown = len(w.entries) > len(entries)
		w.mu.Unlock()
		w.report(entries, s.Outcome == "")
		p.report = now
	}
	if s.Outcome != "" && !p.ended && !w.behind() {
		w.hub.put(kindEnd, line(s.Outcome))
		p.ended = true
	}
	p.rest = now.Add(restFor * time.Since(began))
}

// behind tells whether the report lacks a fact.
func (w *Web) behind() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.grown
}

// report draws the report of what is known.
func (w *Web) report(entries []journal.Entry, going bool) {
	var page bytes.Buffer
	r := report.Fold(entries)
	r.Going = going
	if err := report.Growing(&page, r); err != nil {
		w.hub.put(kindReport, line("<main><h1>"+html.EscapeString(err.Error())+"</h1></main>"))
		return
	}
	w.hub.put(kindReport, line(page.String()))
}

// line is a value as one line of JSON.
func line(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it stands in a stream of its own, and grows by half otherwise
	if err := enc.Encode(v); err != nil {
		return []byte(`"` + "cannot be shown" + `"`) // a value of ours that is no JSON: a test would have seen it
	}
	return bytes.TrimSpace(b.Bytes())
}
