// Plimsoll finds how much load an HTTP service can bear, recommends limits, and proves that the throttle in front of it
// holds them.
//
// This command only wires: it reads flags and specs, starts the packages that do the work, and turns what they find into
// files, lines and an exit code. Results go to standard output, everything else to standard error.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/term"

	"github.com/plimsoll-load/plimsoll/report/live"
)

func main() { os.Exit(mainWith(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// gcPercent collects garbage half as often as Go's default: a generator's live heap is small, and every collection delays
// whatever is due meanwhile. More saves next to nothing, because a request leaves little behind, and costs memory.
const gcPercent = 200

// mainWith runs the program in this process. The first interrupt ends the running trial and lets the report be written,
// the second returns at once: the journal is valid at every moment.
func mainWith(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	done := make(chan int, 1)
	go func() { done <- run(ctx, args, stdin, stdout, stderr) }()
	for interrupts := 0; ; {
		select {
		case code := <-done:
			return code
		case <-signals:
			if interrupts++; interrupts > 1 {
				if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
					_, _ = io.WriteString(stderr, live.Restore)
				}
				return exitInterrupted
			}
			cancel()
		}
	}
}
