package lab

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refusingFaults refuse in a wrong way.
var refusingFaults = []Fault{
	{"status-503", "refusals are 503 instead of 429", "V05", func(h *hooks) { h.tell = status(http.StatusServiceUnavailable, 1) }},
	{"status-403", "refusals are 403 instead of 429", "V05", func(h *hooks) { h.tell = status(http.StatusForbidden, 1) }},
	{"status-200", "refusals are 200 with an error in the body", "V05", func(h *hooks) { h.tell = status(http.StatusOK, 1) }},
	{"errors", "every 20th refusal is a 500", "V05", func(h *hooks) { h.tell = status(http.StatusInternalServerError, 20) }},
	{"drops", "every 20th refusal breaks off in the middle of its answer", "V05", func(h *hooks) {
		h.refuse = func(w http.ResponseWriter, _ *http.Request, d decision, _ http.Handler) bool {
			if d.refusal%20 == 0 {
				breakOff(w, d)
			}
			return true
		}
	}},
	{"slow-refusals", "a refusal takes 250 ms", "V13", func(h *hooks) {
		h.refuse = func(_ http.ResponseWriter, r *http.Request, _ decision, _ http.Handler) bool {
			return sleep(r.Context(), 250*time.Millisecond)
		}
	}},
	{"refusals-reach-backend", "refused requests are worked on by the backend all the same", "V14", func(h *hooks) { h.refuse = spill }},
	{"refusal-body", "a refusal has a body of 100 KB", "V30", func(h *hooks) {
		body := `{"message":"` + strings.Repeat("too many requests ", 100_000/18) + `"}`
		h.tell = func(_ http.Header, d *decision, _ time.Time) { d.body = body }
	}},
	{"refusal-cacheable", "refusals may be kept by caches for a minute", "V31", func(h *hooks) {
		h.tell = func(h http.Header, _ *decision, _ time.Time) { h.Set("Cache-Control", "public, max-age=60") }
	}},
	{"refusal-closes", "a refusal ends its connection", "V32", func(h *hooks) {
		h.tell = func(h http.Header, _ *decision, _ time.Time) { h.Set("Connection", "close") }
	}},
}

// breakOff begins an answer and ends its connection. Had nothing been answered, net/http's clients would ask again unseen.
func breakOff(w http.ResponseWriter, d decision) {
	w.Header().Set("Content-Length", strconv.Itoa(len(d.body)))
	w.WriteHeader(d.status)
	_, _ = io.WriteString(w, d.body[:1])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// status gives every n-th refusal another status.
func status(code int, n int64) func(http.Header, *decision, time.Time) {
	return func(_ http.Header, d *decision, _ time.Time) {
		if d.refusal%n == 0 {
			d.status = code
		}
	}
}

// spill hands a refused request to the backend. Nobody waits for the answer, but the work is done.
func spill(_ http.ResponseWriter, r *http.Request, _ decision, next http.Handler) bool {
	gone, cancel := context.WithCancel(r.Context())
	cancel()
	next.ServeHTTP(discard{}, r.WithContext(gone))
	return true
}

// discard is an answer that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// headerFaults tell a wrong limit.
var headerFaults = []Fault{
	{"limit-wrong", "the limit told is ten times what is enforced", "V11", misread(func(d *decision) { d.limit *= 10 })},
	{"remaining-wrong", "what remains is told as the limit, and never falls", "V11", misread(func(d *decision) { d.remaining = d.limit })},
	{"remaining-negative", "what remains is told below 0 to the refused", "V11", misread(func(d *decision) {
		if d.ruling != admitted {
			d.remaining = -d.row
		}
	})},
	{"remaining-rising", "what is told to remain rises with every admission", "V11", misread(func(d *decision) {
		if d.ruling == admitted {
			d.remaining = d.limit - d.remaining
		}
	})},
	{"reset-wrong", "the reset is told as an hour from now", "V12", misread(func(d *decision) { d.reset = time.Hour })},
	{"reset-epoch", "RateLimit-Reset is told in seconds of the epoch, where the draft wants seconds from now", "V12", func(h *hooks) {
		h.config = func(c *GatewayConfig) { c.Headers = RateLimitTriple }
		h.say = func(h http.Header, now time.Time) { h.Set("Ratelimit-Reset", strconv.FormatInt(now.Unix()+1, 10)) }
	}},
}

// misread changes what is told of a limit, in whatever dialect.
func misread(change func(*decision)) func(*hooks) {
	return func(h *hooks) {
		h.describe = func(d *decision, _ *account) {
			if d.headers {
				change(d)
			}
		}
	}
}
