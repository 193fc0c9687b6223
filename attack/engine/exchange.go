package engine

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// carrier brings one request to the target and its whole answer back. There are two: fast writes HTTP/1.1 itself, std has
// net/http do all that fast cannot.
type carrier interface {
	carry(o *order, e errand) answer
}

// errand is what a carrier is told beside the request.
type errand struct {
	began    time.Time     // of the trial: moments count from it
	patience time.Duration // with the whole exchange
	keep     bool          // the headers that a limiter sent, for the log
}

func (e errand) elapsed() time.Duration { return time.Since(e.began) }

// answer is what came of one attempt. Moments count from the trial's beginning.
type answer struct {
	try            int
	kind           int // of the request: which of the target's endpoints; -1 where none could be made
	sent, received time.Duration
	status         int // 0 when there was no whole answer
	fault          fault
	outcome        attack.Outcome
	headers        map[string]string // of a limiter, where they are kept
	after          time.Duration     // what Retry-After says, if told
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

// words are the reason for a broken exchange, without the URL, which may hold secrets.
func (a answer) words() string {
	var u *url.Error
	if errors.As(a.err, &u) {
		return inWords(u.Err)
	}
	return inWords(a.err)
}

// tell takes what Retry-After says; date is the answer's own Date, "" where it had none.
func (a *answer) tell(retryAfter, date string) {
	at, ok := attack.ParseDate(date)
	if !ok {
		at = time.Now()
	}
	a.after, _, a.told = attack.ParseRetryAfter(retryAfter, at)
}

// errorHeaders say, beside what a limiter tells, how a refusal is to be taken. A throttle may refuse with any error.
var errorHeaders = []string{"Date", "Cache-Control", "Expires", "Connection", "Content-Type", "X-Amzn-Errortype"}

// keeps tells whether a check of a limiter looks at a header, by its canonical name.
func (a *answer) keeps(name string) bool {
	return name == "Retry-After" || (a.status >= 400 || a.rejected()) && slices.Contains(errorHeaders, name) ||
		strings.HasPrefix(name, "Ratelimit") || strings.HasPrefix(name, "X-Ratelimit")
}

// What is kept of the headers of one answer, so that a target that says much does not fill the log's memory: no limiter says
// more in earnest.
const (
	keptNames = 32
	keptValue = 1 << 10 // bytes; what is longer is cut
)

// note keeps a header; one that comes again is joined to the one before.
func (a *answer) note(name, value string) {
	if a.headers == nil {
		a.headers = map[string]string{}
	}
	before, again := a.headers[name]
	if again {
		value = before + ", " + value
	} else if len(a.headers) >= keptNames && name != "Retry-After" {
		return
	}
	a.headers[name] = strings.Clone(value[:min(len(value), keptValue)])
}
