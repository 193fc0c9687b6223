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
	Out    io.Writer     // the terminal, or where plain lines go; people read it, so that it is stderr
	TTY    bool          // redraw; without it, one plain line for each trial (no terminal, CI, TERM=dumb, --quiet)
	Colour bool          // false honours NO_COLOR
	Width  func() int    // of the terminal, asked at every frame; nil means 80
	Height func() int    // of the terminal; nil means tall enough
	Budget time.Duration // that the run may take, 0 for no such bound
}

// View shows one run. Feed it from any goroutine, and Close it.
type View struct {
	o Options

	mu      sync.Mutex
	state   state
	pending []string // plain lines not yet written
	dropped int      // plain lines passed over, since nobody read the others
	running bool
	closed  bool

	wake     chan struct{}
	stop     chan struct{}
	finished chan struct{}
}

// New makes a view that shows nothing until it is fed.
func New(o Options) *View {
	return &View{o: o, wake: make(chan struct{}, 1), stop: make(chan struct{}), finished: make(chan struct{})}
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
		v.queue(plain(e, v.state.run))
	}
	if !v.running {
		v.running = true
		go v.show()
	}
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
)

// Restore gives a terminal back as it was found, whatever part of a frame it got last: it ends the synchronized output and
// shows the cursor. Close writes it; whoever ends the process without Close writes it to Options.Out when that is a terminal.
const Restore = endFrame + showCursor

// redraw draws a frame each quarter of a second, always of the latest state, until the view is closed.
func (v *View) redraw() {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	tall := 0
	v.write(hideCursor)
	defer v.write(Restore)
	for {
		select {
		case <-tick.C:
			tall = v.frame(tall)
		case <-v.stop:
			v.frame(tall)
			return
		}
	}
}

// frame draws over the one before, which was so many lines tall.
func (v *View) frame(before int) (tall int) {
	wide, high := 80, 0
	if v.o.Width != nil {
		wide = v.o.Width()
	}
	if v.o.Height != nil {
		high = v.o.Height()
	}
	v.mu.Lock()
	lines := v.state.frame(time.Now(), wide, v.o.Budget, style(v.o.Colour))
	v.mu.Unlock()
	if high > 1 && len(lines) > high-1 {
		lines = lines[:high-1]
	}
	var b bytes.Buffer
	b.WriteString(beginFrame)
	if before > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", before)
	}
	for _, l := range lines {
		b.WriteString("\r" + cut(l, wide) + clearLine + "\n")
	}
	b.WriteString(clearBelow + endFrame)
	v.write(b.String())
	return len(lines)
}

func (v *View) write(s string) { _, _ = io.WriteString(v.o.Out, s) } // a terminal that is gone needs no frame
