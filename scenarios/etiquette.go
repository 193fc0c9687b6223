package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// The checks of this file look at what a refusal costs and promises beside its status: its body, its life in caches, its
// connection, and whether what it tells holds when it is told again.

// bodyMax is the largest body of a refusal: what fits into the first flight of a connection, ten segments of 1460 bytes (RFC
// 6928). A larger one costs the throttle further round trips, when it has least to spare.
const bodyMax = 14_600

// refusalBody (V30): no refusal is larger than that.
func refusalBody(e *evidence, ms []attack.Measurement) finding {
	_, out, _ := e.split(ms[0].Log)
	largest := int64(0)
	for _, a := range out {
		largest = max(largest, a.Bytes)
	}
	want, got := fmt.Sprintf("at most %d bytes", bodyMax), fmt.Sprintf("at most %d bytes", largest)
	switch {
	case len(out) == 0:
		return unsure(want, "0 refused", "no request was refused, so there is nothing to look at")
	case largest > bodyMax:
		return failed(want, got, "a refusal is larger than what one round trip carries: an overload of refusals is an overload all the same")
	}
	return passed(want, got, "%s read to their end", attack.Were(len(out), "refusal"))
}

// theLargest are refusals by the size of their bodies, the largest first.
func theLargest(e *evidence, m attack.Measurement) []attack.Attempt {
	out := theRefused(e, m)
	slices.SortStableFunc(out, func(a, b attack.Attempt) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return out
}

// storable says what lets a cache store an answer that it does not understand (RFC 9111 §3), or "".
func storable(a attack.Attempt) string {
	control, _ := header(a, "Cache-Control")
	if strings.Contains(strings.ToLower(control), "no-store") || strings.Contains(strings.ToLower(control), "private") {
		return ""
	}
	for _, d := range strings.Split(strings.ToLower(control), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), "=")
		fresh, err := strconv.Atoi(strings.Trim(value, `"`))
		if name == "public" || (name == "max-age" || name == "s-maxage") && err == nil && fresh > 0 {
			return "Cache-Control: " + control
		}
	}
	text, _ := header(a, "Expires")
	expires, dated := attack.ParseDate(text)
	date, _ := header(a, "Date")
	if now, ok := attack.ParseDate(date); dated && ok && expires.After(now) && control == "" {
		return "Expires: " + text
	}
	return ""
}

// theStorable are refusals that a cache may keep, or else the first.
func theStorable(e *evidence, m attack.Measurement) []attack.Attempt {
	return first(theRefused(e, m), func(a attack.Attempt) bool { return storable(a) != "" })
}

// first puts those that match before all others.
func first(log []attack.Attempt, match func(attack.Attempt) bool) []attack.Attempt {
	log = slices.Clone(log)
	slices.SortStableFunc(log, func(a, b attack.Attempt) int {
		switch {
		case match(a) == match(b):
			return 0
		case match(a):
			return -1
		}
		return 1
	})
	return log
}

// notCacheable (V31): no refusal tells caches to keep it. A 429 must not be stored (RFC 6585 §4), but a cache that does not
// know the status goes by the headers, and would turn away clients that the throttle lets in.
func notCacheable(e *evidence, ms []attack.Measurement) finding {
	_, out, _ := e.split(ms[0].Log)
	n, example := 0, ""
	for _, a := range out {
		if why := storable(a); why != "" {
			n, example = n+1, why
		}
	}
	want, got := "nothing that lets a cache keep a refusal", fmt.Sprintf("%d of %d may be kept", n, len(out))
	switch {
	case len(out) == 0:
		return unsure(want, "0 refused", "no request was refused, so there is nothing to look at")
	case n > 0:
		return failed(want, got, "%s on a refusal: a cache on the way may refuse those whom the throttle lets in", example)
	}
	return passed(want, got, "no refusal carries a lifetime")
}

// closedMax is the share of refusals that may end their connection: servers bound the requests of each.
const closedMax = 0.05

// keepsConnection (V32): a refusal leaves its connection open. One that closes it makes every client that comes back pay, and
// the throttle with it, for a new one.
func keepsConnection(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	in, out, _ := e.split(m.Log)
	ends := func(log []attack.Attempt) (n int) {
		for _, a := range log {
			if a.Closed {
				n++
			}
		}
		return n
	}
	want, got := "refusals leave their connections open", fmt.Sprintf("%d of %d ended theirs", ends(out), len(out))
	switch {
	case len(out) < refusalsMin:
		return unsure(want, attack.Plural(len(out), "refusal"), "too few refusals to tell whether they end their connections")
	case len(in) > 0 && ends(in) == len(in):
		return passed(want, got, "this server ends every connection, whether it refuses or not")
	case float64(ends(out)) > count(closedMax, float64(len(out))):
		return failed(want, got, "a refusal ends its connection: whoever comes back costs a handshake too, in the worst moment")
	}
	return passed(want, got, "%s of the storm were looked at", attack.Plural(len(m.Log), "answer"))
}

// theClosing are refusals that end their connections, or else the first.
func theClosing(e *evidence, m attack.Measurement) []attack.Attempt {
	return first(theRefused(e, m), func(a attack.Attempt) bool { return a.Closed })
}

// countsDown (V34): as time passes, the wait that is told falls. Of two refusals between which nobody was let in, the later
// must not promise a later moment, but for rounding: told(b) + sent(b) ≤ told(a) + received(a) + slack. A Retry-After that is
// always the same, or begins anew with every request, keeps a client waiting for as long as it asks.
func countsDown(e *evidence, ms []attack.Measurement) finding {
	worst, longest, n := time.Duration(-1<<62), time.Duration(0), 0
	var proof []attack.Attempt
	for _, run := range e.refusedRuns(ms[0].Log) {
		var least *attack.Attempt
		for i, a := range run {
			wait, ok := told(a)
			if !ok {
				continue
			}
			n, longest = n+1, max(longest, wait)
			if least != nil {
				if later := a.Sent + wait - promised(*least); later > worst {
					worst, proof = later, []attack.Attempt{*least, a}
				}
			}
			if least == nil || a.Received+wait < promised(*least) {
				least = &run[i]
			}
		}
	}
	want := fmt.Sprintf("the moment told moves by at most %s while nobody is let in", brief(roundingSlack))
	switch {
	case n == 0:
		return moot(untold)
	case longest <= time.Second:
		return moot("no refusal told to wait more than a second, the least there is, which cannot fall")
	case len(proof) == 0:
		return moot("no two refusals that told a wait followed one another with nobody let in between")
	case e.c.Ban > 0:
		return moot("whoever asks in a ban may renew it, and is told so")
	case worst > roundingSlack:
		return failed(want, "it moves by "+brief(worst), "Retry-After does not fall as time passes: it is always the same, or asking begins the wait anew").showing(ms[0], proof...)
	}
	return passed(want, "it moves by "+brief(max(worst, 0)), "%s told when to come back, the longest %s", attack.Plural(n, "refusal"), brief(longest)).showing(ms[0], proof...)
}

// promised is the latest moment that a refusal can have meant.
func promised(a attack.Attempt) time.Duration {
	wait, _ := told(a)
	return a.Received + min(wait, 1<<61)
}

// refusedRuns parts a log into runs of refusals that surely had no admission between them, in order of sending. A request
// that is let in may have been decided on from when it was sent to when it was answered.
func (e *evidence) refusedRuns(log []attack.Attempt) (runs [][]attack.Attempt) {
	log = bySent(log)
	var run []attack.Attempt
	var busy time.Duration // up to when something may have been let in
	for _, a := range log {
		if e.fate(a) != refused {
			busy = max(busy, a.Received)
			run = nil
			continue
		}
		if a.Sent < busy {
			continue
		}
		if run == nil {
			runs = append(runs, nil)
		}
		run = append(run, a)
		runs[len(runs)-1] = run
	}
	return runs
}

// hammered is how many refusals must have come before a wait that grows is to be seen.
const hammered = 100

// doesNotGrow (V35): whoever goes on asking is told no longer wait after a hundred refusals than at first. A wait that doubles
// with each refusal soon tells of years.
func doesNotGrow(e *evidence, ms []attack.Measurement) finding {
	_, out, _ := e.split(bySent(ms[0].Log))
	var early, lateOnes []attack.Attempt
	longest := func(log []attack.Attempt) (d time.Duration) {
		for _, a := range log {
			wait, _ := told(a)
			d = max(d, wait)
		}
		return d
	}
	for _, a := range out {
		if _, ok := told(a); !ok {
			continue
		}
		if len(early) < hammered/10 {
			early = append(early, a)
		}
		lateOnes = append(lateOnes, a)
	}
	if len(early) == 0 {
		return moot(untold)
	}
	most := max(longest(early), e.needed()) + roundingSlack
	want := fmt.Sprintf("at most %s after %s", brief(most), attack.Plural(hammered, "refusal"))
	if len(lateOnes) <= hammered {
		return unsure(want, attack.Plural(len(lateOnes), "refusal"), "too few refusals to see whether the wait grows")
	}
	lateOnes = lateOnes[hammered:]
	if got := longest(lateOnes); got > most {
		return failed(want, brief(got), "the first refusals told %s at most: the wait grows with every refusal", brief(longest(early))).
			showing(ms[0], early[0], lateOnes[len(lateOnes)-1])
	}
	return passed(want, brief(longest(lateOnes)), "%s in one storm told no more than the first", attack.Plural(len(lateOnes)+hammered, "refusal"))
}

// needed is the longest that a throttle as declared makes a client wait for its next token.
func (e *evidence) needed() time.Duration {
	if e.c.profile() == Window || e.c.windowed() {
		return max(e.c.fill(), e.c.Ban)
	}
	return max(time.Duration(float64(time.Second)/e.c.Limit.Rate), e.c.Ban)
}
