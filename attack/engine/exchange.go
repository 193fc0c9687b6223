package engine

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// answer is what came of one attempt. Moments count from the trial's beginning.
type answer struct {
	try            int
	sent, received time.Duration
	status         int // 0 when there was no whole answer
	fault          fault
	outcome        attack.Outcome
	header         http.Header
	after          time.Duration // what Retry-After says, if told
	told           bool
	bytes          int64 // of the body that was read
	ended          bool  // the answer ends its connection, by its own words or by ours
	refused        error // by Options.Authorize
	err            error // why there is no whole answer
}

// rejected tells an answer after which a client may come back.
func (a answer) rejected() bool { return a.outcome == attack.Throttled || a.outcome == attack.Shed }

// clock reads the time since a trial began.
type clock func() time.Duration

// exchange sends one request and reads the whole answer, or gives up when patience is at its end.
func (e *Engine) exchange(o *order, patience time.Duration, now clock) answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a := answer{sent: now()}
	send := e.send
	if o.fresh {
		send = e.fresh
	}
	resp, err := send(o.attach(o.http.WithContext(ctx)))
	if err == nil {
		a.ended = resp.Close
		a.bytes, err = e.swallow(resp.Body)
	}
	a.received = now()
	if err != nil {
		return a.failed(err)
	}
	a.status, a.header = resp.StatusCode, resp.Header
	value := resp.Header.Get("Retry-After")
	a.outcome = e.opt.Rule.Of(a.status, value != "")
	if value != "" {
		a.after, _, a.told = attack.ParseRetryAfter(value, dateOf(resp.Header))
	}
	return a
}

// failed is the answer that an error stands for.
func (a answer) failed(err error) answer {
	a.fault, a.err = classify(err), err
	a.outcome = a.fault.outcome
	a.ended = a.ended || errors.Is(err, errBody)
	if errors.As(err, new(*addressError)) {
		a.refused = err
	}
	return a
}

// buffers are what bodies are read into.
var buffers = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// words are the reason for a broken exchange, without the URL, which may hold secrets.
func (a answer) words() string {
	var u *url.Error
	if errors.As(a.err, &u) {
		return inWords(u.Err)
	}
	return inWords(a.err)
}

// swallow reads a body to its end, or to the most that is read, counts it and keeps nothing of it.
func (e *Engine) swallow(body io.ReadCloser) (read int64, err error) {
	defer body.Close()
	buf := buffers.Get().(*[16 << 10]byte)
	defer buffers.Put(buf)
	for read <= e.opt.MaxBody {
		n, err := body.Read(buf[:])
		if read += int64(n); read > e.opt.MaxBody {
			break
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
	return read, errBody
}

// dateOf is when an answer was made, by its own words or else by our clock.
func dateOf(h http.Header) time.Time {
	if at, ok := attack.ParseDate(h.Get("Date")); ok {
		return at
	}
	return time.Now()
}

// errorHeaders say, beside what a limiter tells, how a refusal is to be taken. A throttle may refuse with any error.
var errorHeaders = []string{"Date", "Cache-Control", "Expires", "Connection", "Content-Type"}

// limiterHeaders are those that a check of a limiter looks at.
func (a answer) limiterHeaders() map[string]string {
	var out map[string]string
	for name, values := range a.header {
		keep := name == "Retry-After" || (a.status >= 400 || a.rejected()) && slices.Contains(errorHeaders, name) ||
			strings.HasPrefix(name, "Ratelimit") || strings.HasPrefix(name, "X-Ratelimit")
		if !keep {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = strings.Join(values, ", ")
	}
	return out
}
