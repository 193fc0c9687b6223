package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios/lab"
)

// labSpec is what the lab command serves.
type labSpec struct {
	addr     string
	capacity attack.Rate
	rate     attack.Rate
	burst    int
	fault    string
	seed     uint64
	leash    bool // end when standard input does: the demo holds the other end
}

func (a *app) labCmd() *cobra.Command {
	l := labSpec{addr: "127.0.0.1:8080", capacity: 1000, seed: 1}
	var names []string
	for _, f := range lab.Faults() {
		names = append(names, f.Name)
	}
	c := &cobra.Command{Use: "lab", GroupID: "rest", Short: "Serve a backend of known capacity behind a reference gateway", Args: noArgs,
		Long: "Serve a backend of exactly known capacity, to try plimsoll on. With --rate and --burst a reference gateway (token bucket,\n" +
			"Retry-After, X-RateLimit-*) stands in front; /direct reaches the backend past it, /metrics is\n" +
			"for Prometheus, /stats says what the backend served. --fault plants a fault in the gateway.",
		Example: "  plimsoll lab --capacity 800/s\n  plimsoll lab --capacity 800/s --rate 500/s --burst 50 --fault no-retry-after",
		RunE:    func(c *cobra.Command, _ []string) error { return a.lab(c.Context(), l) }}
	fs := c.Flags()
	fs.StringVar(&l.addr, "addr", l.addr, "address to listen on; port 0 takes a free one")
	fs.Var(&l.capacity, "capacity", "what the backend bears, 20/s to 20k/s")
	fs.Var(&l.rate, "rate", "limit of the gateway; without it nothing is throttled")
	fs.IntVar(&l.burst, "burst", l.burst, "burst of the gateway")
	fs.StringVar(&l.fault, "fault", l.fault, "fault of the gateway: "+strings.Join(names, ", "))
	fs.Uint64Var(&l.seed, "seed", l.seed, "seed of the service times")
	fs.BoolVar(&l.leash, "leash", false, "end when standard input ends")
	_ = fs.MarkHidden("leash")
	return c
}

func (l labSpec) config() (lab.Config, error) {
	if l.capacity < 20 || l.capacity > 20_000 {
		return lab.Config{}, misuse("--capacity %v, want 20/s to 20k/s", l.capacity)
	}
	if (l.rate == 0) != (l.burst == 0) {
		return lab.Config{}, misuse("--rate and --burst go together")
	}
	return lab.Config{Backend: lab.Sized(float64(l.capacity), l.seed),
		Gateway: lab.GatewayConfig{Default: lab.Tier{Limit: lab.Limit{Rate: float64(l.rate), Burst: l.burst}}, Fault: l.fault}}, nil
}

// lab serves until ctx is cancelled.
func (a *app) lab(ctx context.Context, l labSpec) error {
	config, err := l.config()
	if err != nil {
		return err
	}
	built, err := lab.New(config)
	if err != nil {
		return misuse("%w", err)
	}
	listener, err := net.Listen("tcp", l.addr)
	if err != nil {
		return misuseHint("--addr 127.0.0.1:0 takes a free port", "--addr: %w", err)
	}
	mux := http.NewServeMux()
	front, metrics := metered(built.Throttled())
	mux.Handle("/", front)
	mux.Handle("/healthz", built.Throttled())
	mux.Handle("/stats", built.Throttled())
	mux.Handle("/metrics", metrics)
	mux.Handle("/direct/", http.StripPrefix("/direct", built.Direct()))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	fmt.Fprintf(a.out, "http://%s/ bears %s", listener.Addr(), attack.Rate(config.Backend.Capacity()))
	if l.rate > 0 {
		fmt.Fprintf(a.out, ", throttled to %s with a burst of %d", l.rate, l.burst)
	}
	if l.fault != "" {
		fmt.Fprintf(a.out, ", with the fault %s", l.fault)
	}
	fmt.Fprintln(a.out)

	if l.leash {
		ctx = context.WithoutCancel(ctx) // Ctrl-C reaches a child too, whose holder still has requests in flight
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if l.leash {
		go func() { // ends with the process: a read of standard input cannot be called off
			_, _ = io.Copy(io.Discard, a.in)
			cancel()
		}()
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
		return err
	case <-ctx.Done():
		_ = server.Close()
		if err = <-served; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}
