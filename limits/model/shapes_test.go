package model_test

import (
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// step is one request and the ruling on it.
type step struct {
	at   time.Duration
	ok   bool
	wait time.Duration
	says string
}

// walk is a limiter and what it rules, request by request.
type walk struct {
	name  string
	l     model.Limiter
	steps []step
}

func TestStepsOfQueuesAndWindows(t *testing.T) {
	wantSteps(t, []walk{
		{"queue of two at 10/s", model.NewQueue(10, 2, 0), []step{
			{0, true, 0, "goes on at once"},
			{0, true, 100 * ms, "held for its turn"},
			{0, true, 200 * ms, "the queue is full with it"},
			{0, false, 100*ms + 1, "refused until a place is free"},
			{150 * ms, true, 150 * ms, "its turn is at 300 ms"},
			{10 * time.Second, true, 0, "from rest"},
		}},
		{"queue of two, one of them free", model.NewQueue(10, 2, 1), []step{
			{0, true, 0, "goes on at once"},
			{0, true, 0, "the free one too"},
			{0, true, 100 * ms, "the next is held for one turn, not two"},
			{0, false, 100*ms + 1, "and no more"},
		}},
		{"two a second from the first hit", model.NewFirstHit(2, time.Second), []step{
			{300 * ms, true, 0, "begins the window"},
			{1200 * ms, true, 0, "within it"},
			{1250 * ms, false, 50 * ms, "until it ends"},
			{1500 * ms, true, 0, "begins another, not at 1.3 s"},
			{2400 * ms, true, 0, "within that"},
			{2450 * ms, false, 50 * ms, "which ends at 2.5 s"},
		}},
		{"a log of two a second", model.NewLog(2, time.Second), []step{
			{300 * ms, true, 0, ""},
			{900 * ms, true, 0, ""},
			{1200 * ms, false, 100 * ms, "until the first has left"},
			{1300 * ms, true, 0, "it has"},
			{1400 * ms, false, 500 * ms, "until the second has"},
		}},
		{"a counter of four a second", model.NewCounter(4, time.Second), []step{
			{900 * ms, true, 0, ""}, {900 * ms, true, 0, ""}, {900 * ms, true, 0, ""}, {900 * ms, true, 0, ""},
			{900 * ms, false, 350 * ms, "until a quarter of the next window has passed: 4 × 3/4 + 1 = 4"},
			{1250 * ms, true, 0, "it has"},
			{1250 * ms, false, 250 * ms, "until half of it has"},
		}},
		{"a tally of two a second", model.NewTally(2, time.Second), []step{
			{0, true, 0, ""}, {0, true, 0, ""},
			{100 * ms, false, 1900*ms - 1000*ms/3, "three count: until a third of them weighs one"},
			{1200 * ms, false, 800 * ms, "the fourth is the one of its window: until the three weigh nothing"},
		}},
	})
}

func TestStepsOfBucketsBansAndChains(t *testing.T) {
	wantSteps(t, []walk{
		{"one at a time", model.NewConcurrency(1), []step{
			{0, true, 0, ""}, {time.Hour, false, model.Unknown, "nobody said that it has ended"},
		}},
		{"two every 100 ms up to three", model.NewTicks(2, 100*ms, 3), []step{
			{50 * ms, true, 0, ""}, {50 * ms, true, 0, ""}, {50 * ms, true, 0, ""},
			{60 * ms, false, 40 * ms, "until the tick"},
			{100 * ms, true, 0, ""}, {100 * ms, true, 0, ""},
			{100 * ms, false, 100 * ms, "until the next"},
		}},
		{"whole tokens at 10/s up to two", model.NewTruncating(10, 2), []step{
			{0, true, 0, ""}, {0, true, 0, ""},
			{150 * ms, true, 0, "one and a half came in: one is taken, the half is lost"},
			{200 * ms, false, 50*ms + 1, "a token since 150 ms takes until 250 ms"},
		}},
		{"a ban of a second", model.NewBan(model.NewBucket(10, 1), time.Second, false), []step{
			{0, true, 0, ""},
			{50 * ms, false, time.Second, "the first refusal begins it"},
			{500 * ms, false, 550 * ms, "whatever the bucket holds"},
			{1050 * ms, true, 0, "until it ends"},
		}},
		{"a renewed ban", model.NewBan(model.NewBucket(10, 1), time.Second, true), []step{
			{0, true, 0, ""},
			{50 * ms, false, time.Second, ""},
			{1000 * ms, false, time.Second, "begins anew"},
			{1999 * ms, false, time.Second, "and again"},
			{2999 * ms, true, 0, ""},
		}},
		{"a bucket of two and a log of three", model.NewChain(model.NewBucket(10, 2), model.NewLog(3, time.Second)), []step{
			{0, true, 0, ""}, {0, true, 0, ""},
			{0, false, 100*ms + 1, "the bucket's refusal costs nothing in the log"},
			{200 * ms, true, 0, "the third of the log"},
			{200 * ms, false, 800 * ms, "the log's costs nothing in the bucket"},
			{1000 * ms, true, 0, ""}, {1000 * ms, true, 0, ""},
		}},
	})
}

func TestStepsOfWhatAdmitsNobody(t *testing.T) {
	wantSteps(t, []walk{
		{"nothing at all", model.NewCounter(0, time.Second), []step{{0, false, model.Forever, ""}}},
		{"a window of nothing", model.NewWindow(0, time.Second), []step{{0, false, model.Forever, ""}}},
		{"a log of nothing", model.NewLog(0, time.Second), []step{{0, false, model.Forever, ""}}},
		{"cells of nothing", model.NewGCRA(10, 0), []step{{0, false, model.Forever, ""}}},
	})
}

func wantSteps(t *testing.T, walks []walk) {
	t.Helper()
	for _, row := range walks {
		for i, s := range row.steps {
			if ok, wait := row.l.Take(s.at); ok != s.ok || wait != s.wait {
				t.Errorf("%s, step %d: Take(%v) = %v, %v; want %v, %v: %s", row.name, i+1, s.at, ok, wait, s.ok, s.wait, s.says)
				break
			}
		}
	}
}

func TestPlacesAreGivenBack(t *testing.T) {
	c := model.NewConcurrency(1)
	chain := model.NewBan(model.NewChain(c), 0, false)
	chain.Take(0)
	if chain.Left(0) != 0 || chain.FullIn(0) != model.Unknown {
		t.Error("a request is in flight, and all is as at rest")
	}
	chain.Release(1)
	if ok, _ := chain.Take(1); !ok || c.Left(1) != 0 {
		t.Error("a place was given back and cannot be taken")
	}
}

// Under twice the rate, each admits what its kind promises in ten seconds.
func TestSustained(t *testing.T) {
	for _, row := range []struct {
		name string
		l    model.Limiter
		want int
	}{
		{"bucket", model.NewBucket(100, 50), 1049}, {"gcra", model.NewGCRA(100, 50), 1049}, {"queue", model.NewQueue(100, 49, 0), 1049},
		{"window", model.NewWindow(100, time.Second), 1000}, {"first hit", model.NewFirstHit(100, time.Second), 1000},
		{"log", model.NewLog(100, time.Second), 1000}, {"counter", model.NewCounter(100, time.Second), 991},
		{"ticks", model.NewTicks(10, 100*ms, 50), 1040}, {"truncating", model.NewTruncating(70, 50), 700},
		{"tally", model.NewTally(100, time.Second), 100}, {"starving", model.NewStarving(100, 50), 99},
	} {
		n := admitted(row.l, 200, 0, 10*time.Second)
		if n < row.want-1 || n > row.want+1 {
			t.Errorf("%s admits %d, want %d", row.name, n, row.want)
		}
	}
}
