package attack

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// latencies are like those of a healthy target: around 300 µs, with a tail.
func latencies(n int) []time.Duration {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = time.Duration(300e3 * math.Exp(rng.NormFloat64()))
	}
	return out
}

// BenchmarkHistogramRecord is the cost of one value in a window of 5,000, the emptying of the histogram included.
func BenchmarkHistogramRecord(b *testing.B) {
	values := latencies(5000)
	b.ReportAllocs()
	var h Histogram
	for i := range b.N {
		if i%len(values) == 0 {
			h = Histogram{}
		}
		h.Record(values[i%len(values)])
	}
}

// BenchmarkHistogramFold is the cost of folding one second of 5,000 arrivals into another.
func BenchmarkHistogramFold(b *testing.B) {
	var second, sum Histogram
	for _, v := range latencies(5000) {
		second.Record(v)
	}
	b.ReportAllocs()
	for b.Loop() {
		sum.Add(second)
	}
}
