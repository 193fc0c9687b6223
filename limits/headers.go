package limits

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

// Family is one of the ways in which answers tell of a limit. There is no standard yet; all of these are on the wire, and
// some servers send several at once.
type Family string

const (
	Structured Family = "structured" // RateLimit and RateLimit-Policy as structured fields: drafts 08 and later
	Draft07    Family = "draft-07"   // RateLimit: limit=100, remaining=50, reset=5
	Triple     Family = "triple"     // RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset: drafts up to 06
	Legacy     Family = "x"          // X-RateLimit-Limit, -Remaining, -Reset: no draft says what they mean
	Kong       Family = "kong"       // X-RateLimit-Limit-Minute and so on, one pair for each window
	Spring     Family = "spring"     // X-RateLimit-Burst-Capacity, -Replenish-Rate, -Remaining
)

// Quota is what the limit headers of one answer say of one policy, in one family. A nil field was not there.
type Quota struct {
	Family    Family
	Name      string        // of the policy, where it has one
	Limit     *float64      // the most in a window or at once
	Remaining *float64      // of it
	Reset     *Reset        // when more is to be had
	Window    time.Duration // that Limit is for; 0 where nobody says
	Rate      *float64      // refilled per second, where it is told apart (Spring)
	Unit      string        // what is counted; empty means requests
	Faults    []string      // what no client could read, one sentence each; such a field is nil
}

// Dialect names the family and the form of its reset, for people.
func (q Quota) Dialect() string {
	name := map[Family]string{Structured: "structured RateLimit and RateLimit-Policy (drafts 08 and later)", Draft07: "RateLimit: limit, remaining, reset (draft 07)",
		Triple: "RateLimit-Limit, -Remaining, -Reset (drafts up to 06)", Legacy: "X-RateLimit-*", Kong: "X-RateLimit-*-Second and so on (Kong)",
		Spring: "X-RateLimit-Burst-Capacity, -Replenish-Rate (Spring)"}[q.Family]
	if q.Reset != nil {
		name += ", reset as " + string(q.Reset.Form)
	}
	return name
}

// ParseHeaders reads the limit headers of one answer, by name in any case; families in the order of their constants. now is
// the moment of the answer by the server's clock, zero where it is not known: a reset that is a moment then has no In.
//
// The structured and numbered forms are those of draft-ietf-httpapi-ratelimit-headers -00 to -11.
func ParseHeaders(headers map[string]string, now time.Time) []Quota {
	h := lower(headers)
	var all []Quota
	all = append(all, h.structured()...)
	all = append(all, h.row(Triple, "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", now)...)
	if spring := h.spring(); len(spring) > 0 { // its remaining has the old name
		return append(all, spring...)
	}
	all = append(all, h.row(Legacy, "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", now)...)
	return append(all, h.kong()...)
}

// fields are headers by lower-case name.
type fields map[string]string

func lower(headers map[string]string) fields {
	h := fields{}
	for name, value := range headers {
		h[strings.ToLower(name)] = value
	}
	return h
}

// number is a field's first item: drafts up to 06, and Envoy after them, let the policies follow the number, as in
// 5, 5;w=1;name="per-ip". false when the field is not there.
func (h fields) number(q *Quota, name string) (first *float64, list httpsfv.List) {
	text, ok := h[name]
	if !ok {
		return nil, nil
	}
	list, err := httpsfv.UnmarshalList([]string{text})
	if err == nil && len(list) > 0 {
		if item, plain := list[0].(httpsfv.Item); plain {
			if first = float(item.Value); first != nil {
				return first, list
			}
		}
	}
	q.fault("%s is %q, want a number", name, text)
	return nil, nil
}

func (q *Quota) fault(format string, args ...any) {
	q.Faults = append(q.Faults, fmt.Sprintf(format, args...))
}

// float is a bare item as a number; nil when it is none.
func float(v any) *float64 {
	switch v := v.(type) {
	case int64:
		f := float64(v)
		return &f
	case float64:
		return &v
	}
	return nil
}

// row reads a family of three headers.
func (h fields) row(f Family, limit, remaining, reset string, now time.Time) []Quota {
	q := Quota{Family: f}
	var list httpsfv.List
	q.Limit, list = h.number(&q, limit)
	q.window(list)
	q.Remaining, _ = h.number(&q, remaining)
	if text, ok := h[reset]; ok {
		if q.Reset = ParseReset(text, now); q.Reset == nil {
			q.fault("%s is %q, want a number or a date", reset, text)
		}
	}
	if f == Triple && q.Window == 0 {
		if text, ok := h["ratelimit-policy"]; ok {
			list, _ := httpsfv.UnmarshalList([]string{text})
			q.window(list)
		}
	}
	return q.told()
}

// told is the quota alone, or nothing when no header spoke of it.
func (q Quota) told() []Quota {
	if q.Limit == nil && q.Remaining == nil && q.Reset == nil && len(q.Faults) == 0 {
		return nil
	}
	return []Quota{q}
}

// window takes the window of the policy that a limit is of, from the policies beside it: 100, 100;w=60.
func (q *Quota) window(list httpsfv.List) {
	for _, m := range list {
		item, plain := m.(httpsfv.Item)
		if !plain || item.Params == nil {
			continue
		}
		if n := float(item.Value); q.Limit == nil || n == nil || *n != *q.Limit {
			continue
		}
		if w, ok := item.Params.Get("w"); ok && float(w) != nil {
			q.Window = duration(*float(w))
			return
		}
	}
}

// kongs are the windows that Kong counts in; a month and a year are the calendar's, here their usual length.
var kongs = []struct {
	name string
	long time.Duration
}{{"second", time.Second}, {"minute", time.Minute}, {"hour", time.Hour}, {"day", 24 * time.Hour}, {"month", 30 * 24 * time.Hour}, {"year", 365 * 24 * time.Hour}}

func (h fields) kong() (all []Quota) {
	for _, k := range kongs {
		q := Quota{Family: Kong, Name: k.name, Window: k.long}
		q.Limit, _ = h.number(&q, "x-ratelimit-limit-"+k.name)
		q.Remaining, _ = h.number(&q, "x-ratelimit-remaining-"+k.name)
		all = append(all, q.told()...)
	}
	return all
}

// spring reads a bucket told by its size and its rate.
func (h fields) spring() []Quota {
	q := Quota{Family: Spring}
	if q.Limit, _ = h.number(&q, "x-ratelimit-burst-capacity"); q.Limit == nil && len(q.Faults) == 0 {
		return nil
	}
	q.Rate, _ = h.number(&q, "x-ratelimit-replenish-rate")
	q.Remaining, _ = h.number(&q, "x-ratelimit-remaining")
	return q.told()
}

// ResetForm is how a reset is written.
type ResetForm string

const (
	ResetDelta   ResetForm = "seconds from now"
	ResetEpoch   ResetForm = "seconds of the epoch"
	ResetEpochMS ResetForm = "milliseconds of the epoch"
	ResetDate    ResetForm = "a date"
)

// Reset is when more is to be had.
type Reset struct {
	Form  ResetForm
	In    time.Duration // from the answer; negative when it is past
	Known bool          // In is: the form counts from now, or the server's clock is known
}

// ParseReset reads a reset in any form on the wire: above 10¹² milliseconds of the epoch, above 10⁹ its seconds, else
// seconds from now; or a date. nil when it is none of them.
func ParseReset(text string, now time.Time) *Reset {
	text = strings.TrimSpace(text)
	if at, ok := date(text); ok {
		return moment(ResetDate, at, now)
	}
	item, err := httpsfv.UnmarshalItem([]string{text})
	v := float(item.Value)
	switch {
	case err != nil || v == nil:
		return nil
	case *v <= 1e9:
		return &Reset{Form: ResetDelta, In: duration(*v), Known: true}
	case *v > 1e12:
		return moment(ResetEpochMS, time.UnixMilli(int64(*v)), now)
	}
	whole, part := math.Modf(*v)
	return moment(ResetEpoch, time.Unix(int64(whole), int64(part*1e9)), now)
}

// date reads the dates that resets are seen as: an HTTP date, and the same with another zone, as sethvargo/go-limiter has it.
func date(text string) (time.Time, bool) {
	at, err := time.Parse(time.RFC1123, text)
	return at, err == nil
}

func moment(f ResetForm, at, now time.Time) *Reset {
	if now.IsZero() {
		return &Reset{Form: f}
	}
	return &Reset{Form: f, In: at.Sub(now), Known: true}
}

// duration is of so many seconds, the longest there is for what no Duration holds.
func duration(v float64) time.Duration {
	if ns := v * float64(time.Second); math.Abs(ns) < math.MaxInt64 {
		return time.Duration(ns)
	}
	return math.MaxInt64
}
