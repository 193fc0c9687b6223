package attack

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"time"
)

// Process is the way in which arrivals are spread over the time that their rate allows.
type Process string

const (
	// Even spaces arrivals by exactly one period: the k-th of n is due when the share k/n of the segment's arrivals is.
	Even Process = "even"
	// Poisson draws the moments of a segment's arrivals as sorted uniforms, so that the count stays exact.
	Poisson Process = "poisson"
	// Clump makes all arrivals of a second due at its beginning.
	Clump Process = "burst"
)

// Validate reports a process that is not one of the three.
func (p Process) Validate() error {
	switch p {
	case Even, Poisson, Clump, "":
		return nil
	}
	return fmt.Errorf("%q is no arrival process (even, poisson, burst)", string(p))
}

// Segment is a stretch of a schedule over which the rate goes from From to To in a straight line.
type Segment struct {
	From  float64       `json:"from"`            // arrivals per second at its beginning
	To    float64       `json:"to"`              // arrivals per second at its end
	Len   time.Duration `json:"len_ns"`          // how long it lasts
	Burst int           `json:"burst,omitempty"` // arrivals due all at once at its beginning, beside the rate
}

// area is the number of arrivals that the rate alone owes over the segment, a fraction included.
func (s Segment) area() float64 { return (s.From + s.To) / 2 * s.Len.Seconds() }

// invert returns the moment, from the segment's beginning, at which the share u (0..1) of its area is due.
//
//	a t + (b−a) t²/(2L) = uA   solved for t in the form that loses no digits when a ≈ b
func (s Segment) invert(u float64) time.Duration {
	owed := u * s.area()
	slope := (s.To - s.From) / s.Len.Seconds()
	root := math.Sqrt(max(0, s.From*s.From+2*slope*owed))
	if s.From+root == 0 {
		return 0
	}
	return min(time.Duration(2*owed/(s.From+root)*float64(time.Second)), s.Len)
}

// Schedule is an arrival rate as a piecewise-linear function of time, with the process that draws arrivals from it.
// The zero value owes nothing.
type Schedule struct {
	Segments []Segment `json:"segments"`
	Process  Process   `json:"process"` // empty means Even
}

// Constant is the schedule of one load held for a while.
func Constant(load float64, long time.Duration, p Process) Schedule {
	return Schedule{Segments: []Segment{{From: load, To: load, Len: long}}, Process: p}
}

// Len is the time from the schedule's beginning to its end.
func (s Schedule) Len() time.Duration {
	var total time.Duration
	for _, g := range s.Segments {
		total += g.Len
	}
	return total
}

// Count is the exact number of arrivals that the schedule owes. Fractions are carried from segment to segment, so that
// a long schedule of short segments loses none.
func (s Schedule) Count() int64 {
	var n int64
	for _, c := range s.counts() {
		n += c
	}
	for _, g := range s.Segments {
		n += int64(g.Burst)
	}
	return n
}

// counts holds, by segment, the arrivals that the rate owes, bursts left out.
func (s Schedule) counts() []int64 {
	out := make([]int64, len(s.Segments))
	sum, given := 0.0, int64(0)
	for i, g := range s.Segments {
		sum += g.area()
		out[i] = int64(math.Round(sum)) - given
		given += out[i]
	}
	return out
}

// Peak is the highest rate of the schedule, in arrivals per second, bursts left out.
func (s Schedule) Peak() float64 {
	peak := 0.0
	for _, g := range s.Segments {
		peak = max(peak, g.From, g.To)
	}
	return peak
}

// Crowd is a moment, from the schedule's beginning, at which several arrivals are due at once.
type Crowd struct {
	At   time.Duration
	Size int64
}

// Crowds are the bursts of the segments, and with the process Clump the arrivals of each second, by their moments: those
// of one moment are told apart.
func (s Schedule) Crowds() (out []Crowd) {
	start, counts := time.Duration(0), s.counts()
	for i, g := range s.Segments {
		if g.Burst > 0 {
			out = append(out, Crowd{start, int64(g.Burst)})
		}
		if n := counts[i]; s.Process == Clump {
			for k := int64(0); k < n; {
				at := g.clump(k, n)
				next := k + int64(sort.Search(int(n-k), func(j int) bool { return g.clump(k+int64(j), n) > at }))
				out = append(out, Crowd{start + at, next - k})
				k = next
			}
		}
		start += g.Len
	}
	return out
}

// clump is the due moment of the k-th of n arrivals with the process Clump, from the segment's beginning.
func (g Segment) clump(k, n int64) time.Duration {
	return g.invert(float64(k) / float64(n)).Truncate(time.Second)
}

// MaxArrivals bounds one schedule: a day at 100,000 a second is a mistake, not a trial.
const MaxArrivals = 2_000_000_000

// Validate reports the first thing that makes the schedule impossible to send.
func (s Schedule) Validate() error {
	if err := s.Process.Validate(); err != nil {
		return err
	}
	owed := 0.0
	for i, g := range s.Segments {
		bad := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) || v < 0 }
		if bad(g.From) || bad(g.To) {
			return fmt.Errorf("segment %d: rate from %v to %v, want numbers of at least 0", i+1, g.From, g.To)
		}
		if g.Len < 0 || g.Burst < 0 {
			return fmt.Errorf("segment %d: length %v and burst %d, want at least 0", i+1, g.Len, g.Burst)
		}
		owed += g.area() + float64(g.Burst)
	}
	if owed > MaxArrivals {
		return fmt.Errorf("schedule owes %.3g arrivals, more than the %.3g that one trial may", owed, float64(MaxArrivals))
	}
	if len(s.Segments) == 0 {
		return errors.New("schedule has no segments")
	}
	return nil
}

// Dues tells the due moments of a schedule one after the other. It keeps only the place where it stands.
type Dues struct {
	s      Schedule
	counts []int64
	rng    *rand.Rand
	seg    int
	start  time.Duration // of the segment
	burst  int           // given out of the segment's burst
	k      int64         // given out of the segment's rate
	u      float64       // share of the segment's area that the last Poisson arrival stood at
}

// Dues begins the schedule's arrivals anew; the same seed gives the same moments.
func (s Schedule) Dues(seed uint64) *Dues {
	return &Dues{s: s, counts: s.counts(), rng: rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
}

// Next is the next due moment from the schedule's beginning, or false after the last. Moments never go back.
func (d *Dues) Next() (time.Duration, bool) {
	for d.seg < len(d.s.Segments) {
		g := d.s.Segments[d.seg]
		if d.burst < g.Burst {
			d.burst++
			return d.start, true
		}
		if n := d.counts[d.seg]; d.k < n {
			at := d.start + d.within(g, n)
			d.k++
			return at, true
		}
		d.start += g.Len
		d.seg, d.burst, d.k, d.u = d.seg+1, 0, 0, 0
	}
	return 0, false
}

func (d *Dues) within(g Segment, n int64) time.Duration {
	switch d.s.Process {
	case Poisson:
		// The next of m sorted uniforms on (u,1) is u + (1−u)(1 − V^(1/m)): Devroye, Non-Uniform Random Variate
		// Generation (1986), V.3.1. So no segment is ever held or sorted.
		d.u += (1 - d.u) * (1 - math.Pow(d.rng.Float64(), 1/float64(n-d.k)))
		return g.invert(d.u)
	case Clump:
		return g.clump(d.k, n)
	}
	return g.invert(float64(d.k) / float64(n))
}
