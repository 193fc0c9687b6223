package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/report/live"
)

// audience are those who look on while a run lasts. Each is fed every fact, and never slows whoever feeds it.
type audience []interface {
	Feed(e journal.Entry)
	Close()
}

// leave shows the last and ends the showing. It may be called more than once.
func (all audience) leave() {
	for _, w := range all {
		w.Close()
	}
}

// invite opens the views that the flags ask for. What cannot be opened is told before anything is made.
func (a *app) invite() (audience, error) {
	return audience{a.openView()}, nil
}

// openView is the terminal's view on a terminal, and plain lines elsewhere.
func (a *app) openView() *live.View {
	o := live.Options{Out: a.err}
	if a.quiet {
		o.Out = io.Discard
	}
	if f, ok := a.err.(*os.File); ok && !a.quiet && term.IsTerminal(int(f.Fd())) && os.Getenv("CI") == "" && os.Getenv("TERM") != "dumb" {
		o.TTY = true
		o.Colour = os.Getenv("NO_COLOR") == ""
		size := func() (width, height int) {
			width, height, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80, 24
			}
			return width, height
		}
		o.Width = func() int { width, _ := size(); return width }
		o.Height = func() int { _, height := size(); return height }
	}
	return live.New(o)
}
