package attack

import (
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The geometry of every histogram: whole microseconds up to MaxLatency, three significant digits, that is, a value read
// back is within 0.1 % of the value recorded.
const (
	MaxLatency = 10 * time.Minute
	digits     = 3
)

// Histogram counts durations in the buckets of an HDR histogram. The zero value is empty and ready for use; copies share
// their counts, so a Histogram that was handed on is read only. Its text is the V2 base64 form that all HDR libraries
// read (hdrhistogram.org), "" for an empty one.
type Histogram struct{ packed *hdrhistogram.PackedHistogram }

// NewRecorder is a dense histogram of this geometry, for hot paths; Pack turns it into a Histogram.
func NewRecorder() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, MaxLatency.Microseconds(), digits)
}

// Pack copies what a recorder holds.
func Pack(h *hdrhistogram.Histogram) Histogram {
	var out Histogram
	if h == nil || h.TotalCount() == 0 {
		return out
	}
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			out.RecordN(time.Duration(bar.From)*time.Microsecond, bar.Count)
		}
	}
	return out
}

// Micros is d in the unit of the histograms, held within their range: below a microsecond counts as one, above
// MaxLatency as MaxLatency.
func Micros(d time.Duration) int64 {
	return min(max(d.Microseconds(), 1), MaxLatency.Microseconds())
}

// Record counts one duration.
func (h *Histogram) Record(d time.Duration) { h.RecordN(d, 1) }

// RecordN counts n equal durations.
func (h *Histogram) RecordN(d time.Duration, n int64) {
	h.begin()
	if err := h.packed.RecordValues(Micros(d), n); err != nil {
		panic("attack: " + err.Error()) // Micros keeps every value in range
	}
}

func (h *Histogram) begin() {
	if h.packed == nil {
		h.packed = hdrhistogram.NewPacked(1, MaxLatency.Microseconds(), digits)
	}
}

// Add counts all that o holds. The order in which histograms are added does not matter.
func (h *Histogram) Add(o Histogram) {
	if o.packed == nil {
		return
	}
	h.begin()
	if beyond := h.packed.Merge(o.packed); beyond > 0 { // a text may hold longer durations than MaxLatency
		h.RecordN(MaxLatency, beyond)
	}
}

// Buckets yields the lowest duration of every populated bucket, upwards, and its count.
func (h Histogram) Buckets(yield func(time.Duration, int64) bool) {
	if h.packed == nil {
		return
	}
	h.packed.ForEachBucket(func(v, n int64) bool { return yield(time.Duration(v)*time.Microsecond, n) })
}

// N is the number of durations counted.
func (h Histogram) N() int64 {
	if h.packed == nil {
		return 0
	}
	return h.packed.TotalCount()
}

// Quantile is the duration that the share q (0..1) does not exceed; 0 when empty.
func (h Histogram) Quantile(q float64) time.Duration {
	if h.packed == nil {
		return 0
	}
	return time.Duration(h.packed.ValueAtPercentile(q*100)) * time.Microsecond
}

// Max is the longest duration; 0 when empty.
func (h Histogram) Max() time.Duration { return h.Quantile(1) }

// Mean is the average duration; 0 when empty.
func (h Histogram) Mean() time.Duration {
	sum, n := 0.0, 0.0
	for v, c := range h.Buckets {
		sum += float64(v) * float64(c)
		n += float64(c)
	}
	if n == 0 {
		return 0
	}
	return time.Duration(sum / n)
}

// CV2 is the squared coefficient of variation, variance over squared mean; 0 when empty.
func (h Histogram) CV2() float64 {
	mean, n, sum := h.Mean().Seconds(), 0.0, 0.0
	for v, c := range h.Buckets {
		d := v.Seconds() - mean
		sum += d * d * float64(c)
		n += float64(c)
	}
	if n == 0 || mean == 0 {
		return 0
	}
	return sum / n / (mean * mean)
}

// Over is the number of durations above the bound.
func (h Histogram) Over(bound time.Duration) int64 {
	var n int64
	for v, c := range h.Buckets {
		if v > bound {
			n += c
		}
	}
	return n
}

// MarshalText is the histogram's V2 base64 form.
func (h Histogram) MarshalText() ([]byte, error) {
	if h.N() == 0 {
		return []byte{}, nil
	}
	return h.packed.EncodeV2()
}

// UnmarshalText reads a V2 base64 form of the same geometry.
func (h *Histogram) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		h.packed = nil
		return nil
	}
	p, err := hdrhistogram.DecodePacked(b)
	if err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	if p.SignificantFigures() != digits || p.HighestTrackableValue() < MaxLatency.Microseconds() {
		return fmt.Errorf("histogram of %d digits up to %d µs, want %d up to %d", p.SignificantFigures(), p.HighestTrackableValue(), digits, MaxLatency.Microseconds())
	}
	h.packed = p
	return nil
}

// Quantiles are the percentiles that reports print, in milliseconds, with the count they rest on.
type Quantiles struct {
	P50  float64 `json:"p50_ms"`
	P90  float64 `json:"p90_ms"`
	P95  float64 `json:"p95_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	Max  float64 `json:"max_ms"`
	Mean float64 `json:"mean_ms"`
	N    int64   `json:"n"`
}

// Quantiles reads all of them at once; nil when empty, because absent is not zero.
func (h Histogram) Quantiles() *Quantiles {
	if h.N() == 0 {
		return nil
	}
	ms := func(d time.Duration) float64 { return MS(d) }
	return &Quantiles{P50: ms(h.Quantile(.5)), P90: ms(h.Quantile(.9)), P95: ms(h.Quantile(.95)), P99: ms(h.Quantile(.99)),
		P999: ms(h.Quantile(.999)), Max: ms(h.Max()), Mean: ms(h.Mean()), N: h.N()}
}

// MS is d in milliseconds, to the microsecond.
func MS(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
