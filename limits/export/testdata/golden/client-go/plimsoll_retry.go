// A Go client that waits its turn for checkout: 1400/s, 700 at once from rest. Written by plimsoll export
// --to client-go.
// the form of this file is checked with go vet, and run against plimsoll lab
// Why these numbers:
// - rate 1400/s: 20 % below the breaking load's lower bound of 1760/s
// - burst 700: 70 % of the 1000 at once that the target bore
// Mind:
// - no knee was measured, so the rate rests on the margin alone
// Prove it: plimsoll verify URL --limit 1400/s --burst 700

// Package retry asks again when a limit refuses: as late as it is told, and never in step with others.
package retry

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// A client that is told nothing waits at random between 0 and a bound that doubles with each try, from base to most.
const (
	tries = 6
	base  = 200 * time.Millisecond
	most  = 30000 * time.Millisecond
)

// Do sends a request and, while it is refused, waits and sends it again; make makes it anew each time, so that its body is
// whole. It gives back the last answer, refused or not. What ends ctx ends the waiting.
func Do(ctx context.Context, client *http.Client, make func(context.Context) (*http.Request, error)) (*http.Response, error) {
	for try := 1; ; try++ {
		req, err := make(ctx)
		if err != nil {
			return nil, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		told, has := retryAfter(resp.Header, time.Now())
		refused := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable && has
		if !refused || try == tries {
			return resp, nil
		}
		wait := jitter(try)
		if has {
			wait = told + rand.N(base)
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return resp, nil // nobody would be there for the answer
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 1<<16) // so that the connection can be used again
		_ = resp.Body.Close()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

// jitter is a random wait before the next try.
func jitter(try int) time.Duration {
	return rand.N(min(base<<(try-1), most) + 1)
}

// retryAfter is how long an answer says to wait: seconds or a date (RFC 9110, 10.2.3).
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}
