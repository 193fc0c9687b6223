package model_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/time/rate"
	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

const ms = time.Millisecond

// every is one of each kind.
var every = []struct {
	name string
	make func(rate float64, burst int) model.Limiter
}{
	{"bucket", func(r float64, c int) model.Limiter { return model.NewBucket(r, c) }},
	{"gcra", func(r float64, c int) model.Limiter { return model.NewGCRA(r, c) }},
	{"queue", func(r float64, c int) model.Limiter { return model.NewQueue(r, c-1, 0) }},
	{"queue, some free", func(r float64, c int) model.Limiter { return model.NewQueue(r, c-1, c/2) }},
	{"window", func(r float64, c int) model.Limiter { return model.NewWindow(c, perRate(r, c)) }},
	{"first hit", func(r float64, c int) model.Limiter { return model.NewFirstHit(c, perRate(r, c)) }},
	{"log", func(r float64, c int) model.Limiter { return model.NewLog(c, perRate(r, c)) }},
	{"counter", func(r float64, c int) model.Limiter { return model.NewCounter(c, perRate(r, c)) }},
	{"tally", func(r float64, c int) model.Limiter { return model.NewTally(c, perRate(r, c)) }},
	{"starving", func(r float64, c int) model.Limiter { return model.NewStarving(r, c) }},
	{"forgetful", func(r float64, c int) model.Limiter { return model.NewForgetful(r, c, 300*ms) }},
	{"ticks", func(r float64, c int) model.Limiter { return model.NewTicks(1+c/4, perRate(r, 1+c/4), c) }},
	{"truncating", func(r float64, c int) model.Limiter { return model.NewTruncating(r, c) }},
	{"ban", func(r float64, c int) model.Limiter { return model.NewBan(model.NewBucket(r, c), 200*ms, false) }},
	{"renewed ban", func(r float64, c int) model.Limiter {
		return model.NewBan(model.NewFirstHit(c, perRate(r, c)), 200*ms, true)
	}},
	{"chain", func(r float64, c int) model.Limiter {
		return model.NewChain(model.NewBucket(r, c), model.NewLog(3*c, 2*perRate(r, 3*c)))
	}},
	{"concurrency", func(r float64, c int) model.Limiter { return model.NewConcurrency(c) }},
}

func perRate(r float64, n int) time.Duration { return time.Duration(float64(n) / r * 1e9) }

// What every limiter promises: Peek is what Take then says and changes nothing, Left is what is admitted at once, and the
// wait of a refusal is true: an admission after it, none a moment before.
func TestLimitersKeepTheirWord(t *testing.T) {
	for _, kind := range every {
		t.Run(kind.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				r, c := rapid.Float64Range(.5, 2000).Draw(t, "rate"), rapid.IntRange(1, 20).Draw(t, "burst")
				l, at := kind.make(r, c), time.Duration(0)
				for i, gap := range rapid.SliceOfN(rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 3), rapid.Float64Range(0, 40)), 1, 60).Draw(t, "gaps") {
					at += time.Duration(gap / r * 1e9)
					left := l.Left(at)
					ok, wait := l.Peek(at)
					if again, w := l.Peek(at); again != ok || w != wait || l.Left(at) != left {
						t.Fatalf("step %d: looking at it changes it: %v %v, then %v %v", i, ok, wait, again, w)
					}
					if ok != (left > 0) {
						t.Fatalf("step %d: Peek says %v, Left %d", i, ok, left)
					}
					took, told := l.Take(at)
					if took != ok {
						t.Fatalf("step %d: Take says %v, Peek said %v", i, took, ok)
					}
					if ok && l.Left(at) != left-1 {
						t.Fatalf("step %d: %d left after one of %d was taken", i, l.Left(at), left)
					}
					if !took {
						if why := lied(l, at, told); why != "" {
							t.Fatalf("step %d at %v: told to wait %v, but %s", i, at, told, why)
						}
					}
				}
				if full := l.FullIn(at); full >= 0 {
					if n := l.Left(at + full); n != c {
						t.Fatalf("FullIn %v of %v, but %d are left then, want %d", full, at, n, c)
					}
				}
			})
		})
	}
}

// hair is how much sooner than told an admission may come, for the rounding of sums of floats.
const hair = 10

// lied holds a refusal's wait against what is said at its end.
func lied(l model.Limiter, at, wait time.Duration) string {
	if wait == model.Unknown {
		return ""
	}
	if ok, more := l.Peek(at + wait); !ok {
		return fmt.Sprintf("after it, it is told to wait %v more", more)
	}
	if ok, _ := l.Peek(at + wait - hair); ok && wait > hair {
		return "it would be let in sooner"
	}
	return ""
}

func TestGCRAAdmitsWhatABucketAdmits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, c := rapid.Float64Range(.1, 1e4).Draw(t, "rate"), rapid.IntRange(0, 100).Draw(t, "burst")
		b, g, q, at := model.NewBucket(r, c), model.NewGCRA(r, c), model.NewQueue(r, c-1, c-1), time.Duration(0)
		for i, gap := range rapid.SliceOfN(rapid.Int64Range(0, int64(3e9/r)), 1, 300).Draw(t, "gaps") {
			at += time.Duration(gap) | 1
			ok, wait := b.Take(at)
			if near := !ok && wait < 9; near {
				return // the sums of floats may part at the last nanoseconds
			}
			if got, _ := g.Take(at); got != ok {
				t.Fatalf("step %d at %v: GCRA says %v, the bucket %v", i, at, got, ok)
			}
			if got, held := q.Take(at); got != ok || ok && held != 0 {
				t.Fatalf("step %d at %v: a queue all of which is free says %v, held %v; the bucket says %v", i, at, got, held, ok)
			}
		}
	})
}

// A reservation of one from a limiter without burst is a place in a queue.
func TestQueueHoldsAsXTimeRateReserves(t *testing.T) {
	origin := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		r, depth := rapid.Float64Range(.1, 1e4).Draw(t, "rate"), rapid.IntRange(0, 50).Draw(t, "depth")
		ours, theirs, at := model.NewQueue(r, depth, 0), rate.NewLimiter(rate.Limit(r), 1), time.Duration(0)
		for i, gap := range rapid.SliceOfN(rapid.Int64Range(0, int64(2e9/r)), 1, 300).Draw(t, "gaps") {
			at += time.Duration(gap)
			now := origin.Add(at)
			most := time.Duration(float64(depth) / r * 1e9)
			waits := time.Duration((1 - theirs.TokensAt(now)) / r * 1e9)
			if d := waits - most; d > -1000 && d < 1000 && d != 0 {
				return
			}
			ok, held := ours.Take(at)
			if want := waits <= most; ok != want {
				t.Fatalf("step %d: Take says %v, a reservation waits %v of at most %v", i, ok, waits, most)
			}
			if !ok {
				continue
			}
			want := theirs.ReserveN(now, 1).DelayFrom(now)
			if d := held - want; d < -1000 || d > 1000 {
				t.Fatalf("step %d: held %v, the reservation says %v", i, held, want)
			}
		}
	})
}
