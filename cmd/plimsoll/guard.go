package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// harmed is the cause of a context that the health guard cancelled.
type harmed struct{ why string }

func (h *harmed) Error() string { return h.why }

// The health guard asks once a second and stops the run after three misses in a row, each of which may take a second.
const (
	healthEvery  = time.Second
	healthMisses = 3
)

// checkHealth says what is wrong with --health before any load can be blamed for it.
func (a *app) checkHealth(ctx context.Context) error {
	text := withScheme(a.spec.Find.Health)
	if text == "" {
		return nil
	}
	if err := attack.CheckURL(text); err != nil {
		return misuse("--health: %w", err)
	}
	client, err := a.healthClient()
	if err != nil {
		return err
	}
	if !healthy(ctx, client, text) && ctx.Err() == nil {
		return unmeasured("it must answer 2xx before anything is sent", "the health check %s fails already", attack.RedactURL(text))
	}
	return nil
}

// healthClient trusts whom the target's client trusts, follows no redirect and uses no proxy.
func (a *app) healthClient() (*http.Client, error) {
	trust, err := a.spec.Target.tls()
	return &http.Client{Timeout: healthEvery, Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, err
}

// guarded runs the body of a run under the health guard, records how it ended, and leaves no guard behind.
func (s *session) guarded(ctx context.Context, body func(context.Context) (code int, outcome string, err error)) error {
	inner, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.app.spec.Find.Health != "" {
			s.app.watchHealth(inner, cancel)
		}
	}()
	code, outcome, err := body(inner)
	harm := context.Cause(inner)
	cancel(nil)
	<-done
	if err != nil {
		return s.abandon(err)
	}
	var h *harmed
	if errors.As(harm, &h) {
		code, outcome = exitHarm, "stopped: "+h.why
	}
	return s.end(ctx, code, outcome)
}

// watchHealth polls the health URL until ctx ends, or cancels it with the cause harmed.
func (a *app) watchHealth(ctx context.Context, cancel context.CancelCauseFunc) {
	url := withScheme(a.spec.Find.Health)
	client, err := a.healthClient()
	if err != nil {
		cancel(&harmed{err.Error()}) // read once already
		return
	}
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for misses := 0; misses < healthMisses; {
		if healthy(ctx, client, url) {
			misses = 0
		} else {
			misses++
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	cancel(&harmed{fmt.Sprintf("the health check %s failed %s in a row", attack.RedactURL(url), attack.Plural(healthMisses, "time"))})
}

func healthy(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode >= 200 && resp.StatusCode < 300
}
