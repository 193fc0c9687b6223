package model_test

import (
	"testing"
	"time"

	"golang.org/x/time/rate"
	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

func TestBucketSteps(t *testing.T) {
	b := model.NewBucket(10, 2)
	for _, step := range []struct {
		at   time.Duration
		ok   bool
		wait time.Duration
		says string
	}{
		{0, true, 0, "a new bucket is full"},
		{0, true, 0, "the second of two tokens"},
		{0, false, 100*time.Millisecond + 1, "empty: a tenth of a second to the next token, rounded up"},
		{50 * time.Millisecond, false, 50*time.Millisecond + 1, "half a token is there, and the refusal before cost nothing"},
		{100 * time.Millisecond, true, 0, "a whole one"},
		{100 * time.Millisecond, false, 100*time.Millisecond + 1, "time stands still"},
		{50 * time.Millisecond, false, 150*time.Millisecond + 1, "time went back: as if it stood still"},
		{10 * time.Second, true, 0, "never more than two"},
		{10 * time.Second, true, 0, "the second"},
		{10 * time.Second, false, 100*time.Millisecond + 1, "but no third"},
	} {
		if ok, wait := b.Take(step.at); ok != step.ok || wait != step.wait {
			t.Errorf("Take(%v) = %v, %v, want %v, %v: %s", step.at, ok, wait, step.ok, step.wait, step.says)
		}
	}
}

// The reference is the limiter that most Go gateways use. It decides on float64 too, so agreement is exact, not close.
func TestBucketAgreesWithXTimeRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.Float64Range(0.01, 1e5).Draw(t, "rate")
		burst := rapid.IntRange(0, 300).Draw(t, "burst")
		ours, theirs := model.NewBucket(r, burst), rate.NewLimiter(rate.Limit(r), burst)
		// The reference starts at the zero time, so long ago that it is full.
		origin := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		gaps := rapid.SliceOfN(rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, 2000), rapid.Int64Range(0, 5e9), rapid.Int64Range(-1e6, 0)), 1, 600).Draw(t, "gaps")
		at, last := time.Duration(1e9), time.Duration(0)
		for i, gap := range gaps {
			at += time.Duration(gap)
			got, wait := ours.Take(at)
			if want := theirs.AllowN(origin.Add(at), 1); got != want {
				t.Fatalf("step %d at %v: Take = %v, x/time/rate says %v (rate %v, burst %d)", i, at, got, want, r, burst)
			}
			if got {
				last = at
			}
			if got || burst == 0 || at < last || i < len(gaps)-1 {
				continue // a reservation, even a cancelled one, would move the reference's tokens
			}
			want := theirs.ReserveN(origin.Add(at), 1).DelayFrom(origin.Add(at))
			if d := wait - want; d < 0 || d > 1 {
				t.Fatalf("step %d: wait %v, x/time/rate says %v, want the same or 1 ns more", i, wait, want)
			}
			if ok, more := ours.Take(at + wait); !ok {
				t.Fatalf("after the wait of %v it is refused again, and told %v more", wait, more)
			}
		}
	})
}

func TestBucketFullIn(t *testing.T) {
	b := model.NewBucket(10, 5)
	if d := b.FullIn(0); d != 0 {
		t.Errorf("FullIn of a new bucket = %v, want 0", d)
	}
	b.Take(0)
	b.Take(0)
	if d := b.FullIn(0); d != 200*time.Millisecond+1 {
		t.Errorf("FullIn with two tokens missing at 10/s = %v, want 200 ms rounded up", d)
	}
	if ok, wait := model.NewBucket(10, 0).Take(0); ok || wait != model.Forever {
		t.Errorf("a bucket of 0 says %v, %v, want false for ever", ok, wait)
	}
	dry := model.NewBucket(0, 1)
	dry.Take(0)
	if ok, wait := dry.Take(time.Hour); ok || wait != model.Forever {
		t.Errorf("a bucket that never fills says %v, %v, want false for ever", ok, wait)
	}
}

type taker interface {
	Take(time.Duration) (bool, time.Duration)
}

// admitted counts what a limiter admits of requests at an even rate from one moment to another.
func admitted(l taker, perSecond float64, from, to time.Duration) (n int) {
	for k := 0; ; k++ {
		at := from + time.Duration(float64(k)/perSecond*1e9)
		if at >= to {
			return n
		}
		if ok, _ := l.Take(at); ok {
			n++
		}
	}
}

func TestShapes(t *testing.T) {
	w := model.NewWindow(10, time.Second)
	if n := admitted(w, 1000, 900*time.Millisecond, 1100*time.Millisecond); n != 20 {
		t.Errorf("a window of 10 admits %d across its edge, want 20", n)
	}
	if ok, wait := w.Take(1200 * time.Millisecond); ok || wait != 800*time.Millisecond {
		t.Errorf("a spent window says %v, %v, want false, 800 ms to the next", ok, wait)
	}
	s := model.NewStarving(10, 5)
	if n := admitted(s, 40, 0, 10*time.Second); n != 6 {
		t.Errorf("a limiter that counts refusals admits %d of four times its rate, want its burst and one refill, 6", n)
	}
	if _, wait := s.Take(10 * time.Second); wait < 500*time.Millisecond {
		t.Errorf("it says %v to the next token, want the debt paid first", wait)
	}
	f := model.NewForgetful(1, 5, 100*time.Millisecond)
	if n := admitted(f, 1000, 0, 50*time.Millisecond); n != 5 {
		t.Errorf("a forgetful bucket admits %d at first, want 5", n)
	}
	if n := admitted(f, 1000, 200*time.Millisecond, 250*time.Millisecond); n != 5 {
		t.Errorf("after a silence it admits %d, want 5 although it filled by less than one", n)
	}
}
