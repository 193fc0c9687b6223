// Limiters serves a real limiter of the Go proxy in front of nothing: limiters NAME LIMIT WINDOW BURST. It prints its URL,
// then serves until standard input ends. All requests share one key. BURST is the most admitted at once from rest, for those
// that have one beside their rate.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-chi/httprate"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/middleware/stdlib"
	"github.com/ulule/limiter/v3/drivers/store/memory"
	"golang.org/x/time/rate"
)

// policy is n requests in each window; burst at once.
type policy struct {
	n      int
	window time.Duration
	burst  int
}

func (p policy) rate() float64 { return float64(p.n) / p.window.Seconds() }

func one(*http.Request) string { return "all" }

var limiters = map[string]func(policy, http.Handler) (http.Handler, error){
	// Sliding window counter on the clock.
	"httprate": func(p policy, next http.Handler) (http.Handler, error) {
		key := func(r *http.Request) (string, error) { return one(r), nil }
		return httprate.Limit(p.n, p.window, httprate.WithKeyFuncs(key))(next), nil
	},
	// GCRA; its MaxBurst leaves out the first.
	"throttled": func(p policy, next http.Handler) (http.Handler, error) {
		store, err := memstore.NewCtx(1)
		if err != nil {
			return nil, err
		}
		gcra, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerDuration(p.n, p.window), MaxBurst: p.burst - 1})
		if err != nil {
			return nil, err
		}
		l := throttled.HTTPRateLimiterCtx{RateLimiter: gcra, VaryBy: &throttled.VaryBy{Custom: one}}
		return l.RateLimit(next), nil
	},
	// Fixed window from the first hit; no Retry-After.
	"ulule": func(p policy, next http.Handler) (http.Handler, error) {
		l := limiter.New(memory.NewStore(), limiter.Rate{Period: p.window, Limit: int64(p.n)})
		return stdlib.NewMiddleware(l, stdlib.WithKeyGetter(one)).Handler(next), nil
	},
	// Token bucket, used as its documentation shows; no Retry-After.
	"x-time-rate": func(p policy, next http.Handler) (http.Handler, error) {
		l := rate.NewLimiter(rate.Limit(p.rate()), p.burst)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !l.Allow() {
				http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
				return
			}
			next.ServeHTTP(w, r)
		}), nil
	},
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "limiters:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 4 || limiters[args[0]] == nil {
		return fmt.Errorf("want NAME LIMIT WINDOW BURST, got %q", args)
	}
	var p policy
	var err error
	if p.n, err = strconv.Atoi(args[1]); err != nil {
		return err
	}
	if p.window, err = time.ParseDuration(args[2]); err != nil {
		return err
	}
	if p.burst, err = strconv.Atoi(args[3]); err != nil {
		return err
	}
	h, err := limiters[args[0]](p, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", l.Addr())
	go func() { // ends with the process: a read of standard input cannot be called off
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(l, h)
}
