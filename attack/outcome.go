package attack

import "slices"

// Outcome is the bin that an arrival ends in. The bins are counted apart and sum to what was due.
type Outcome uint8

const (
	Unsent    Outcome = iota // due but never sent: the generator's doing
	OK                       // answered as the target should
	Throttled                // refused by a limiter: 429, or the status that the spec names
	Shed                     // turned away by the target itself: 503 with Retry-After
	Failed                   // any other status, or a broken exchange
	Timeout                  // no whole answer in time
	outcomes
)

var outcomeNames = [outcomes]string{"unsent", "ok", "throttled", "shed", "failed", "timeout"}

func (o Outcome) String() string { return outcomeNames[o] }

// MarshalText writes the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the outcome's name.
func (o *Outcome) UnmarshalText(b []byte) error {
	i := slices.Index(outcomeNames[:], string(b))
	if i < 0 {
		return &UnknownError{Kind: "outcome", Got: string(b)}
	}
	*o = Outcome(i)
	return nil
}

// UnknownError is a word that is not in the vocabulary.
type UnknownError struct{ Kind, Got string }

func (e *UnknownError) Error() string { return "unknown " + e.Kind + " " + e.Got }

// Rule says which bin a status belongs to. The zero value is the common one: 2xx and 3xx are ok, 429 is throttled, 503
// with Retry-After is shed, the rest failed.
type Rule struct {
	OK        []int `json:"ok,omitempty"`        // statuses that count as ok beside 2xx and 3xx
	Throttled []int `json:"throttled,omitempty"` // statuses that count as throttled, instead of 429
}

// Of is the bin of a whole answer.
func (r Rule) Of(status int, retryAfter bool) Outcome {
	switch {
	case slices.Contains(r.OK, status):
		return OK
	case slices.Contains(r.Throttled, status), len(r.Throttled) == 0 && status == 429:
		return Throttled
	case status >= 200 && status < 400:
		return OK
	case status == 503 && retryAfter:
		return Shed
	}
	return Failed
}
