// Package live shows a run while it goes on: a few lines of a terminal redrawn four times a second, or one plain line for
// each trial where there is no terminal.
//
// It is fed the entries that the journal and the reports get, and never slows whoever feeds it: what comes faster than it
// can be shown is passed over. It decides nothing and writes no result.
package live

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/report/journal"
)

// Every is the time between two frames: fast enough to look alive, slow enough for a terminal over a thin line.
const Every = 250 * time.Millisecond

// Options say where and how to show a run.
type Options struct {
	Out    io.Writer  // the terminal, or where plain lines go; people read it, so that it is stderr
	TTY    bool       // redraw; without it, one plain line for each trial (no terminal, CI, TERM=dumb, --quiet)
	Colour bool       // false honours NO_COLOR
	Width  func() int // of the terminal, asked at every frame; nil means 80
	Height func() int // of the terminal; nil means tall enough
}

// View shows one run. Feed it from any goroutine, and Close it.
type View struct {
	o Options

	mu      sync.Mutex
	state   state
	told    map[string]string // the plain line of each verdict: one that was told need not be told again
	pending []string          // plain lines not yet written
	dropped int               // plain lines passed over, since nobody read the others
	running bool
	closed  bool

	wake     chan struct{}
	stop     chan struct{}
	finished chan struct{}
}

// New makes a view that shows nothing until it is fed.
func New(o Options) *View {
	return &View{o: o, told: map[string]string{}, wake: make(chan struct{}, 1), stop: make(chan struct{}), finished: make(chan struct{})}
}

// pendingMax bounds the plain lines that wait for a slow reader.
const pendingMax = 500

// Feed takes note of an entry and returns at once, however slow the terminal is. The first one begins the showing; after
// Close it does nothing.
func (v *View) Feed(e journal.Entry) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	v.state.add(e, now)
	if !v.o.TTY {
		v.queue(v.fresh(e, plain(e, v.state.run)))
	}
	if !v.running {
		v.running = true
		go v.show()
	}
}

// fresh is the line of an entry, "" when it was told before: a verdict is first told when it is decided, and again when all are.
func (v *View) fresh(e journal.Entry, line string) string {
	if e.Verdict == nil {
		return line
	}
	if v.told[e.Verdict.Scenario] == line {
		return ""
	}
	v.told[e.Verdict.Scenario] = line
	return line
}

func (v *View) queue(line string) {
	switch {
	case line == "":
		return
	case len(v.pending) >= pendingMax:
		v.dropped++
		return
	}
	v.pending = append(v.pending, line)
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Close shows the last state, gives the cursor back and waits until all is written. It may be called more than once.
func (v *View) Close() {
	v.mu.Lock()
	running, again := v.running, v.closed
	v.closed = true
	v.mu.Unlock()
	if !running {
		return
	}
	if !again {
		close(v.stop)
	}
	<-v.finished
}

func (v *View) show() {
	defer close(v.finished)
	if v.o.TTY {
		v.redraw()
		return
	}
	for going := true; going; {
		select {
		case <-v.wake:
		case <-v.stop:
			going = false
		}
		v.print()
	}
}

// print writes the plain lines that wait.
func (v *View) print() {
	v.mu.Lock()
	lines, dropped := v.pending, v.dropped
	v.pending, v.dropped = nil, 0
	v.mu.Unlock()
	var b bytes.Buffer
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	if dropped > 0 {
		fmt.Fprintf(&b, "(%d lines passed over: nobody read them in time)\n", dropped)
	}
	if b.Len() > 0 {
		_, _ = v.o.Out.Write(b.Bytes()) // nobody is left to be told
	}
}

// What a terminal is told (ECMA-48, and the synchronized output that most terminals of today know; others pass it over).
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	beginFrame = "\x1b[?2026h"
	endFrame   = "\x1b[?2026l"
	clearLine  = "\x1b[K"
	clearBelow = "\x1b[J"
	clearAll   = "\x1b[2J\x1b[H"
)

// Restore gives a terminal back as it was found, whatever part of a frame it got last: it ends the synchronized output and
// shows the cursor. Close writes it; whoever ends the process without Close writes it to Options.Out when that is a terminal.
const Restore = endFrame + showCursor

// redraw draws a frame each quarter of a second, always of the latest state, until the view is closed.
func (v *View) redraw() {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	var drawn screen
	v.write(hideCursor)
	defer v.write(Restore)
	for {
		select {
		case <-tick.C:
			drawn = v.frame(drawn)
		case <-v.stop:
			v.frame(drawn)
			v.write("\n") // what is printed next is no part of it
			return
		}
	}
}

// screen is what a frame was drawn on, and how many lines it took.
type screen struct{ wide, high, tall int }

// frame draws over the one before. Where the terminal got another size, nobody knows how it broke the lines of the one
// before: it begins anew.
func (v *View) frame(before screen) screen {
	drawn := screen{wide: 80}
	if v.o.Width != nil {
		drawn.wide = v.o.Width()
	}
	if v.o.Height != nil {
		drawn.high = v.o.Height()
	}
	v.mu.Lock()
	lines := v.state.frame(time.Now(), drawn.wide, drawn.high, style(v.o.Colour))
	v.mu.Unlock()
	if drawn.high > 1 && len(lines) > drawn.high-1 {
		lines = lines[:drawn.high-1]
	}
	drawn.tall = len(lines)
	var b bytes.Buffer
	b.WriteString(beginFrame)
	switch {
	case before.tall > 0 && (before.wide != drawn.wide || before.high != drawn.high):
		b.WriteString(clearAll)
	case before.tall > 0:
		fmt.Fprintf(&b, "\x1b[%dA", before.tall)
	}
	for _, l := range lines {
		b.WriteString("\r" + cut(l, drawn.wide) + clearLine + "\n")
	}
	b.WriteString(clearBelow + endFrame)
	v.write(b.String())
	return drawn
}

func (v *View) write(s string) { _, _ = io.WriteString(v.o.Out, s) } // a terminal that is gone needs no frame
