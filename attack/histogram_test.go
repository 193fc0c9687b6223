package attack

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

func durations() *rapid.Generator[[]time.Duration] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(int64(time.Microsecond), int64(MaxLatency)).Draw(t, "d"))
	}), 1, 60)
}

func record(ds []time.Duration) (h Histogram) {
	for _, d := range ds {
		h.Record(d)
	}
	return h
}

// The slow exact twin of Quantile, Mean and Over is the sorted slice.
func TestHistogramAgreesWithASortedSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ds := durations().Draw(t, "durations")
		h := record(ds)
		slices.Sort(ds)
		sum := 0.0
		for _, d := range ds {
			sum += float64(d)
		}
		near := func(what string, got, want time.Duration) {
			if math.Abs(float64(got-want)) > 0.0011*float64(want)+1001 {
				t.Fatalf("%s: got %v, want %v of %v", what, got, want, ds)
			}
		}
		near("max", h.Max(), ds[len(ds)-1])
		near("median", h.Quantile(.5), ds[(len(ds)-1)/2])
		near("mean", h.Mean(), time.Duration(sum/float64(len(ds))))
		if h.N() != int64(len(ds)) {
			t.Fatalf("N is %d, want %d", h.N(), len(ds))
		}
		if got := h.Over(MaxLatency); got != 0 {
			t.Fatalf("%d over the longest duration there is", got)
		}
		if got := h.Over(0); got != int64(len(ds)) {
			t.Fatalf("%d over nothing, want all %d", got, len(ds))
		}
	})
}

func TestHistogramTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := record(durations().Draw(t, "durations"))
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		var back Histogram
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(back)
		if string(again) != string(text) {
			t.Fatalf("wrote %s, read it, wrote %s", text, again)
		}
	})
	var empty Histogram
	if text, err := json.Marshal(empty); err != nil || string(text) != `""` {
		t.Errorf("an empty histogram is %s (%v), want \"\"", text, err)
	}
	if json.Unmarshal([]byte(`"HISTnonsense"`), &empty) == nil {
		t.Error("nonsense was read as a histogram")
	}
}

func TestPackKeepsWhatTheRecorderHeld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ds := durations().Draw(t, "durations")
		r := NewRecorder()
		for _, d := range ds {
			if err := r.RecordValue(Micros(d)); err != nil {
				t.Fatal(err)
			}
		}
		a, _ := Pack(r).MarshalText()
		b, _ := record(ds).MarshalText()
		if string(a) != string(b) {
			t.Fatalf("packed %s, recorded %s", a, b)
		}
	})
	if Pack(NewRecorder()).N() != 0 || Pack(nil).N() != 0 {
		t.Error("an empty recorder packs to something")
	}
}

func TestHistogramOfTwoValues(t *testing.T) {
	h := record([]time.Duration{10 * time.Millisecond, 30 * time.Millisecond})
	if got := h.CV2(); math.Abs(got-0.25) > 0.002 { // variance 100 ms², mean 20 ms
		t.Errorf("CV² is %v, want 0.25", got)
	}
	q := h.Quantiles()
	if q.N != 2 || math.Abs(q.P50-10) > .02 || math.Abs(q.Max-30) > .04 {
		t.Errorf("quantiles %+v", *q)
	}
	if (Histogram{}).Quantiles() != nil {
		t.Error("an empty histogram has quantiles: absent is not zero")
	}
}

// TestAddTakesWhatAWiderHistogramHolds: a text may be of a histogram that reaches further than ours; nothing that it counted is lost.
func TestAddTakesWhatAWiderHistogramHolds(t *testing.T) {
	wide := hdrhistogram.NewPacked(1, (24 * time.Hour).Microseconds(), digits)
	for v, n := range map[time.Duration]int64{time.Second: 2, time.Hour: 3} {
		if err := wide.RecordValues(v.Microseconds(), n); err != nil {
			t.Fatal(err)
		}
	}
	text, err := wide.EncodeV2()
	if err != nil {
		t.Fatal(err)
	}
	var far, sum Histogram
	if err := far.UnmarshalText(text); err != nil {
		t.Fatal(err)
	}
	sum.Record(time.Second)
	sum.Add(far)
	if sum.N() != 6 || sum.Over(MaxLatency/2) != 3 || sum.Max() > MaxLatency+time.Second {
		t.Errorf("%d in all, %d of them long, the longest %v; want 6, 3 and %v", sum.N(), sum.Over(MaxLatency/2), sum.Max(), MaxLatency)
	}
	sum.Add(sum)
	if sum.N() != 12 {
		t.Errorf("added to itself %d, want 12", sum.N())
	}
}
