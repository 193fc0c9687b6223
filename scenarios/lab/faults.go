package lab

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is one thing that a gateway can do wrong.
type Fault struct {
	Name  string // as --fault takes it
	Title string // what is wrong, in a sentence
	Check string // the check that names it: V01 … V29
	plant func(*defect)
}

// defect is how a gateway departs from the reference; the zero value does not.
type defect struct {
	retryAfter   *string       // said instead of the true wait; empty says nothing
	grudge       time.Duration // a refused key that was silent is refused until its silence is so long
	status       int           // of refusals, instead of 429
	errorEvery   int64         // each so many-th refusal is a 500
	rate, burst  float64       // of every limit, as a multiple of what is set; 0 for 1
	open         bool          // nothing is refused
	countRefused bool          // a refused request takes a token too
	forget       time.Duration // a key silent for so long, or a quarter of the time to refill, has a full bucket
	slow         time.Duration // a refusal takes so long
	spill        bool          // refused requests are handed to the backend too
	stuck        bool          // Remaining always equals Limit
}

var faults = []Fault{
	{"retry-after-short", "Retry-After says 1, but the first return is refused until the key was silent for 2.5 s", "V08",
		func(d *defect) { d.grudge, d.retryAfter = 2500*time.Millisecond, new("1") }},
	{"retry-after-long", "Retry-After says 60 whatever the true wait is", "V09",
		func(d *defect) { d.retryAfter = new("60") }},
	{"no-retry-after", "refusals have no Retry-After", "V06",
		func(d *defect) { d.retryAfter = new("") }},
	{"retry-after-zero", "Retry-After says 0", "V07",
		func(d *defect) { d.retryAfter = new("0") }},
	{"retry-after-decimal", "Retry-After says 0.5, which is not a whole number of seconds", "V07",
		func(d *defect) { d.retryAfter = new("0.5") }},
	{"status-503", "refusals are 503 instead of 429", "V05",
		func(d *defect) { d.status = http.StatusServiceUnavailable }},
	{"status-200", "refusals are 200 with an error in the body", "V05",
		func(d *defect) { d.status = http.StatusOK }},
	{"errors", "every 20th refusal is a 500", "V05",
		func(d *defect) { d.errorEvery = 20 }},
	{"rate-double", "the rate is twice what is set", "V01",
		func(d *defect) { d.rate = 2 }},
	{"rate-low", "the rate is 20 % below what is set", "V01",
		func(d *defect) { d.rate = 0.8 }},
	{"burst-double", "the burst is twice what is set", "V02",
		func(d *defect) { d.burst = 2 }},
	{"burst-half", "the burst is half of what is set", "V02",
		func(d *defect) { d.burst = 0.5 }},
	{"no-limit", "nothing is ever refused", "V01",
		func(d *defect) { d.open = true }},
	{"counts-refusals", "refused requests take tokens too, so that an overload starves", "V22",
		func(d *defect) { d.countRefused = true }},
	{"forgets", "a key that was silent for 200 ms, or a quarter of the time to refill, has a full bucket", "V03",
		func(d *defect) { d.forget = 200 * time.Millisecond }},
	{"slow-refusals", "a refusal takes 250 ms", "V13",
		func(d *defect) { d.slow = 250 * time.Millisecond }},
	{"refusals-reach-backend", "refused requests are worked on by the backend all the same", "V29",
		func(d *defect) { d.spill = true }},
	{"remaining-wrong", "X-RateLimit-Remaining never falls", "V11",
		func(d *defect) { d.stuck = true }},
}

// Faults lists what can be planted.
func Faults() []Fault { return slices.Clone(faults) }

// ParseFault finds a fault by name; the empty name is the fault of doing nothing wrong.
func ParseFault(name string) (Fault, error) {
	if name == "" {
		return Fault{}, nil
	}
	names := make([]string, len(faults))
	for i, f := range faults {
		if f.Name == name {
			return f, nil
		}
		names[i] = f.Name
	}
	near := slices.MinFunc(names, func(a, b string) int { return cmp.Compare(distance(name, a), distance(name, b)) })
	if distance(name, near) <= len(near)/2 {
		return Fault{}, fmt.Errorf("fault %q is not known: did you mean %s", name, near)
	}
	return Fault{}, fmt.Errorf("fault %q is not known: use one of %s", name, strings.Join(names, ", "))
}

// distance is Levenshtein's: the fewest letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// limit is the limit that is really enforced.
func (f defect) limit(l Limit) Limit {
	if l.IsZero() {
		return l
	}
	burst := max(int(float64(l.Burst)*cmp.Or(f.burst, 1)), 1)
	return Limit{Rate: l.Rate * cmp.Or(f.rate, 1), Burst: burst}
}

// tamper changes what the gateway remembers of a key before it decides.
func (f defect) tamper(c *consumer, now time.Time) {
	if f.forget > 0 && now.Sub(c.last) >= min(f.forget, c.bucket.refill()/4) {
		c.bucket.fill()
	}
}

// punish changes the buckets of a key after a refusal.
func (f defect) punish(now time.Time, buckets ...*bucket) {
	if !f.countRefused {
		return
	}
	for _, b := range buckets {
		b.owe(now)
	}
}

// grudgeLeft is how long a key that comes back after a refusal is still refused. It counts as coming back after a fifth of
// the time in silence: who never stopped is limited by the bucket alone, so that nothing else shows the fault.
func (f defect) grudgeLeft(c *consumer, now time.Time) time.Duration {
	silence := now.Sub(c.last)
	if !c.refused || silence < f.grudge/5 {
		return 0
	}
	return max(f.grudge-silence, 0)
}

// told is the Retry-After that a refusal carries, or nothing.
func (f defect) told(truth string) string {
	if f.retryAfter != nil {
		return *f.retryAfter
	}
	return truth
}

// statusOf is the status of the n-th refusal.
func (f defect) statusOf(n int64) int {
	if f.errorEvery > 0 && n%f.errorEvery == 0 {
		return http.StatusInternalServerError
	}
	return cmp.Or(f.status, http.StatusTooManyRequests)
}

// delayRefusal does what makes a refusal dear, and says whether the client is still there.
func (f defect) delayRefusal(r *http.Request, backend http.Handler) bool {
	if f.spill {
		gone, cancel := context.WithCancel(r.Context())
		cancel() // nobody waits for the answer, but the work is done
		backend.ServeHTTP(discard{}, r.WithContext(gone))
	}
	return f.slow == 0 || sleep(r.Context(), f.slow)
}

// discard is an answer that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
