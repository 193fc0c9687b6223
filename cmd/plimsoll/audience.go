package main

import (
	"fmt"
	"io"
	"net"
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
func (a *app) invite() (all audience, err error) {
	defer func() {
		if err != nil {
			all.leave()
		}
	}()
	if a.live != "" {
		web, err := openWeb("live", a.live, a.stop)
		if err != nil {
			return all, err
		}
		all = append(all, web)
		fmt.Fprintf(a.err, "live at %s\n", web.URL())
	}
	if a.metrics != "" {
		meter, err := openMeter(a.metrics)
		if err != nil {
			return all, err
		}
		all = append(all, meter)
		fmt.Fprintf(a.err, "metrics at %s\n", meter.URL())
	}
	return append(all, a.openView()), nil
}

// openWeb shows a run at the address that a flag gave.
func openWeb(flag, address string, stop func()) (*live.Web, error) {
	l, err := listen(flag, address)
	if err != nil {
		return nil, err
	}
	return live.OpenWeb(live.WebOptions{Listener: l, Address: address, Stop: stop}), nil
}

// openMeter counts a run for a Prometheus.
func openMeter(address string) (*live.Meter, error) {
	l, err := listen("metrics", address)
	if err != nil {
		return nil, err
	}
	return live.OpenMeter(l, address), nil
}

// listen opens the address that a flag gave.
func listen(flag, address string) (net.Listener, error) {
	l, err := live.Listen(address)
	if err != nil {
		return nil, misuseHint("--"+flag+"=:0 takes a free port of this machine", "--%s: %w", flag, err)
	}
	return l, nil
}

// recall tells of what was measured before to those who want to know.
func (all audience) recall(entries []journal.Entry) {
	for _, w := range all {
		if r, wants := w.(interface{ Recall([]journal.Entry) }); wants {
			r.Recall(entries)
		}
	}
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
