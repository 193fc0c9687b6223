package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios/lab"
)

func (a *app) labCmd() *cobra.Command {
	l := labSpec{addr: "127.0.0.1:8080", capacity: 1000, seed: 1}
	c := &cobra.Command{Use: "lab", GroupID: "rest", Short: "Serve a backend of known capacity behind a reference gateway", Args: noArgs,
		Long: "Serve a backend of exactly known capacity, to try plimsoll on. With --rate and --burst a reference gateway (Retry-After,\n" +
			"limit headers, keys, tiers, quotas) stands in front; /direct reaches the backend past it, /metrics is\n" +
			"for Prometheus, /stats says what the backend served. --fault plants a fault; --fault list names them all.",
		Example: "  plimsoll lab --capacity 800/s\n  plimsoll lab --capacity 800/s --rate 500/s --burst 50 --fault no-retry-after\n" +
			"  plimsoll lab --rate 200/s --burst 100 --window 500ms --algorithm sliding-log --headers structured\n" +
			"  plimsoll lab --rate 50/s --burst 20 --tier gold=200/s,80 --key ann=s3cret --key bob=t0psecret,gold --key ops=1nside,exempt --stage 300/s,150",
		RunE: func(c *cobra.Command, _ []string) error { return a.lab(c.Context(), l) }}
	l.flags(c.Flags())
	return c
}

// lab serves until ctx is cancelled.
func (a *app) lab(ctx context.Context, l labSpec) error {
	if l.fault == "list" {
		return a.listFaults()
	}
	if err := checkFault(l.fault); err != nil {
		return err
	}
	config, err := l.config()
	if err != nil {
		return err
	}
	built, err := lab.New(config)
	if err != nil {
		return misuse("%w", err)
	}
	doors, err := openDoors(l.addr, config.Gateway.Instances)
	if err != nil {
		return err
	}
	front, metrics := metered(built.Throttled())
	servers := []*http.Server{serving(front, metrics, built)}
	for k := range len(doors) - 1 {
		servers = append(servers, serving(built.Instance(k), metrics, built))
	}
	fmt.Fprintln(a.out, l.describe(doors[0], config))
	for k, door := range doors[1:] {
		fmt.Fprintf(a.out, "http://%s/ is instance %d\n", door.Addr(), k+1)
	}
	return serveAll(a.leashed(ctx, l.leash), servers, doors)
}

func (a *app) listFaults() error {
	for _, f := range lab.Faults() {
		fmt.Fprintf(a.out, "%-26s %s %s\n", f.Name, f.Check, f.Title)
	}
	return nil
}

// describe says what is served, the URL first.
func (l labSpec) describe(door net.Listener, c lab.Config) string {
	s := fmt.Sprintf("http://%s/ bears %s", door.Addr(), attack.Rate(c.Backend.Capacity()))
	if l.rate > 0 {
		s += fmt.Sprintf(", throttled to %s with a burst of %d", l.rate, l.burst)
	}
	if l.algorithm != "" {
		s += " by " + l.algorithm
	}
	if l.fault != "" {
		s += ", with the fault " + l.fault
	}
	return s
}

// openDoors listens for the balancer and, where there are several, for each instance: on the ports after the balancer's, or
// on free ones.
func openDoors(addr string, instances int) (doors []net.Listener, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, misuseHint("--addr 127.0.0.1:0 takes a free port", "--addr: %w", err)
	}
	first, _ := strconv.Atoi(port)
	n := 1
	if instances > 1 {
		n += instances
	}
	for k := range n {
		at := addr
		if k > 0 && first > 0 {
			at = net.JoinHostPort(host, strconv.Itoa(first+k))
		}
		door, err := net.Listen("tcp", at)
		if err != nil {
			for _, open := range doors {
				_ = open.Close()
			}
			return nil, misuseHint("--addr 127.0.0.1:0 takes a free port", "--addr: %w", err)
		}
		doors = append(doors, door)
	}
	return doors, nil
}

// serving is a server of the throttled way in and of what stands beside it. It takes HTTP/2 without TLS too.
//
// Note: http.ServeMux would send whoever asks for //path elsewhere, and a throttle is asked for such paths on purpose.
func serving(front, metrics http.Handler, built *lab.Lab) *http.Server {
	direct := http.StripPrefix("/direct", built.Direct())
	s := &http.Server{ReadHeaderTimeout: 10 * time.Second, Protocols: new(http.Protocols),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/metrics":
				metrics.ServeHTTP(w, r)
			case r.URL.Path == "/healthz" || r.URL.Path == "/stats":
				built.Direct().ServeHTTP(w, r)
			case strings.HasPrefix(r.URL.Path, "/direct/"):
				direct.ServeHTTP(w, r)
			default:
				front.ServeHTTP(w, r)
			}
		})}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}

// leashed is a context that ends when standard input does, or when ctx does. Ctrl-C reaches a child too, whose holder still
// has requests in flight: on a leash only its end counts.
func (a *app) leashed(ctx context.Context, leash bool) context.Context {
	if !leash {
		return ctx
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() { // ends with the process: a read of standard input cannot be called off
		_, _ = io.Copy(io.Discard, a.in)
		cancel()
	}()
	return ctx
}

// serveAll serves at each door until ctx is cancelled or a server fails.
func serveAll(ctx context.Context, servers []*http.Server, doors []net.Listener) error {
	ended := make(chan error, len(servers))
	for i, s := range servers {
		go func() { ended <- s.Serve(doors[i]) }()
	}
	var first error
	left := len(servers)
	select {
	case first = <-ended:
		left--
	case <-ctx.Done():
	}
	for _, s := range servers {
		_ = s.Close()
	}
	for range left {
		<-ended
	}
	if errors.Is(first, http.ErrServerClosed) {
		return nil
	}
	return first
}
