package scenarios

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Exhibit is one request that a check rests on, found again in the journal by its trial and number.
type Exhibit struct {
	Trial   int               `json:"trial"`
	Seq     int64             `json:"seq"`             // of its arrival
	Try     int               `json:"try"`             // 1 for the first attempt
	Actor   string            `json:"actor,omitempty"` // who sent it
	SentMS  float64           `json:"sent_ms"`         // from the trial's beginning
	TookMS  float64           `json:"took_ms"`         // from sent to the last byte
	Status  int               `json:"status"`          // 0 when there was no whole answer
	Error   string            `json:"error,omitempty"` // class of the error
	Headers map[string]string `json:"headers,omitempty"`
}

// exhibitsMax is how many requests a check shows: enough to look up what happened, and no second log.
const exhibitsMax = 5

// showing adds requests of a trial to what a finding rests on.
func (f finding) showing(m attack.Measurement, log ...attack.Attempt) finding {
	f.proof = slices.Clone(f.proof)
	for _, a := range log[:min(len(log), max(0, exhibitsMax-len(f.proof)))] {
		x := Exhibit{Trial: m.Trial.N, Seq: a.Seq, Try: a.Try, SentMS: attack.MS(a.Sent), TookMS: attack.MS(a.Received - a.Sent),
			Status: a.Status, Error: a.Error, Headers: a.Headers}
		if a.Actor < len(m.Trial.Actors) {
			x.Actor = m.Trial.Actors[a.Actor].Name
		}
		f.proof = append(f.proof, x)
	}
	return f
}

// String is the exhibit in a line.
func (x Exhibit) String() string {
	came := x.Error
	if x.Status != 0 {
		came = fmt.Sprint(x.Status)
	}
	text := fmt.Sprintf("trial %d, request %d", x.Trial, x.Seq)
	if x.Try > 1 {
		text += fmt.Sprintf(", try %d", x.Try)
	}
	if x.Actor != "" {
		text += " of " + x.Actor
	}
	text += fmt.Sprintf(": sent at %.3f s, %s after %.1f ms", x.SentMS/1e3, came, x.TookMS)
	for _, name := range slices.Sorted(maps.Keys(x.Headers)) {
		text += "; " + name + ": " + strings.TrimSpace(x.Headers[name])
	}
	return text
}

// showing has a check show requests of its last trial beside what it found.
func showing(look judge, pick func(e *evidence, m attack.Measurement) []attack.Attempt) judge {
	return func(e *evidence, ms []attack.Measurement) finding {
		f, m := look(e, ms), ms[len(ms)-1]
		if f.unlisted || len(f.proof) > 0 {
			return f
		}
		return f.showing(m, pick(e, m)...)
	}
}

// theRefused are the requests that were refused, in order of sending.
func theRefused(e *evidence, m attack.Measurement) []attack.Attempt {
	_, out, _ := e.split(bySent(m.Log))
	return out
}

// theEdge is the last request let in before the first refusal, that refusal, and those let in thereafter.
func theEdge(e *evidence, m attack.Measurement) []attack.Attempt {
	log := bySent(m.Log)
	at := slices.IndexFunc(log, func(a attack.Attempt) bool { return e.fate(a) == refused })
	if at < 0 {
		return log[max(0, len(log)-1):]
	}
	in, _, _ := e.split(log[at:])
	return slices.Concat(log[max(0, at-1):at+1], in)
}

// theWrong are the answers that are neither a success nor the declared refusal, and those that are a refusal in disguise.
func theWrong(e *evidence, m attack.Measurement) (out []attack.Attempt) {
	for _, a := range bySent(m.Log) {
		if a.Outcome != attack.OK && a.Status != e.c.refusal() || disguises(a) {
			out = append(out, a)
		}
	}
	return out
}

// theUntold are refusals that carry no Retry-After that can be read, or else the first refusals.
func theUntold(e *evidence, m attack.Measurement) (out []attack.Attempt) {
	all := theRefused(e, m)
	for _, a := range all {
		if v, ok := header(a, "Retry-After"); !ok || malformed(v) != "" {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return all
	}
	return out
}

// theLongestTold are refusals by the wait they tell, the longest first.
func theLongestTold(e *evidence, m attack.Measurement) []attack.Attempt {
	all := theRefused(e, m)
	slices.SortStableFunc(all, func(a, b attack.Attempt) int {
		x, _ := told(a)
		y, _ := told(b)
		return cmp.Compare(y, x)
	})
	return all
}

// theComebacks are the clients that waited as told, those that were refused again first.
func theComebacks(e *evidence, m attack.Measurement) []attack.Attempt {
	in, out, maybe := e.split(comebacks(m))
	return slices.Concat(out, maybe, in)
}

// theSlowest are the requests with one fate that took longest.
func theSlowest(f fate) func(*evidence, attack.Measurement) []attack.Attempt {
	return func(e *evidence, m attack.Measurement) (all []attack.Attempt) {
		for _, a := range m.Log {
			if e.fate(a) == f {
				all = append(all, a)
			}
		}
		slices.SortStableFunc(all, func(a, b attack.Attempt) int { return cmp.Compare(b.Received-b.Sent, a.Received-a.Sent) })
		return all
	}
}

// theWorst are the first and the last admission of the interval that was let in most beyond the limit.
func theWorst(e *evidence, m attack.Measurement) []attack.Attempt {
	in, _, _ := e.split(bySent(m.Log))
	if len(in) == 0 {
		return nil
	}
	w := e.worst(in)
	return []attack.Attempt{in[w.first], in[w.first+w.admitted-1]}
}
