package limits_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits"
)

// backend is 16 servers of 20 ms each: 800/s.
func backend() sim.Target {
	return sim.Target{Servers: 16, Service: sim.Service{Shape: sim.Lognormal, Mean: 20 * time.Millisecond, CV: .5}, Network: time.Millisecond}
}

// found is what a search would say of the backend.
func found() analyze.Capacity {
	return analyze.Capacity{Cause: analyze.CauseTarget, Mode: analyze.ModeCapacity, BaseMS: 21, BaseP99MS: 55,
		Estimate: estimate(780, 800, 820), Sustained: estimate(770, 785, 800), Breaking: estimate(800, 810, 820),
		Knee: estimate(580, 600, 620), Saturation: estimate(790, 800, 810),
		Points: []analyze.Point{point(80, 55), point(400, 56), point(600, 60), point(720, 75)}}
}

// drive runs the experiment to its end.
func drive(t *testing.T, b limits.Bursts, target sim.Target) []attack.Measurement {
	t.Helper()
	done, err := attack.Drive(context.Background(), b, sim.New(target, 7), nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestBurstsOnAQueueThatBearsThem(t *testing.T) {
	for _, row := range []struct {
		budget  time.Duration
		repeats int
	}{{10 * time.Second, 3}, {2 * time.Minute, 10}} {
		b := limits.Bursts{Capacity: found(), Policy: limits.Policy{Goal: goal(t, "p99<300ms")}, Budget: row.budget, First: 40, Seed: 1}
		done := drive(t, b, backend())
		got := b.Tolerated(done)
		if got == nil || got.Repeats != row.repeats || got.AtRate != 600 {
			t.Fatalf("budget %v: %+v, want %d repeats at 600/s", row.budget, got, row.repeats)
		}
		// C·(goal − p99) = 780 × 0.24 = 187: the first tried, which the queue bears.
		if got.Tolerated != 187 || len(done) != 1 {
			t.Errorf("budget %v: tolerated %d in %d rounds, want 187 in 1: %+v", row.budget, got.Tolerated, len(done), got.Notes)
		}
		if first := done[0].Trial; first.N != 40 || first.Warm != 187 || first.Len() > row.budget {
			t.Errorf("first trial %d, %d warm, %v long; want number 40, as many warm as burst, within %v", first.N, first.Warm, first.Len(), row.budget)
		}
	}
}

func TestBurstsShrinkUntilABoundedQueueBearsThem(t *testing.T) {
	target := backend()
	target.Queue = 80
	b := limits.Bursts{Capacity: found(), Policy: limits.Policy{Goal: goal(t, "p99<300ms")}, Budget: 3 * time.Minute, First: 1}
	done := drive(t, b, target)
	got := b.Tolerated(done)
	if got.Tolerated == 0 || got.Tolerated > 96 || got.Refused <= got.Tolerated || len(done) < 3 {
		t.Fatalf("a queue of 80: %+v after %d rounds, want a burst that fits in it, after larger ones were not borne", got, len(done))
	}
	if !hasNote(got.Notes, "burst-refused") || !strings.Contains(got.Notes[0].Text, "failed") {
		t.Errorf("notes %v, want the larger burst named with its failures", got.Notes)
	}
	c := found()
	c.Burst = got
	r, err := limits.Recommend(c, b.Policy)
	if err != nil || r.Burst != int(.7*float64(got.Tolerated)) {
		t.Errorf("recommended burst %d, %v, want 0.7 × %d", r.Burst, err, got.Tolerated)
	}
	backwards := slices.Clone(done)
	slices.Reverse(backwards)
	for n := range done {
		a, more := b.Next(done[:n])
		z, too := b.Next(backwards[len(done)-n:])
		if more != too || !reflect.DeepEqual(a, z) || !reflect.DeepEqual(a, done[n].Trial) {
			t.Errorf("after %d rounds Next depends on their order, or is not what was run", n)
		}
	}
}

// A queue so small that the first burst is many times too large: what it did answer is the next size to try, so that a short
// budget ends with a burst that was borne.
func TestBurstsShrinkToWhatWasAnswered(t *testing.T) {
	target := backend()
	target.Queue = 24
	b := limits.Bursts{Capacity: found(), Policy: limits.Policy{Goal: goal(t, "p99<300ms")}, Budget: 30 * time.Second, First: 1}
	done := drive(t, b, target)
	if got := b.Tolerated(done); got.Tolerated == 0 || len(done) > 4 {
		t.Errorf("a queue of 24 in 30s: %+v after %d rounds, want a burst that was borne", got, len(done))
	}
	if first, second := burstOf(done[0]), burstOf(done[1]); float64(second) > .5*float64(first) {
		t.Errorf("after %d at once, most of which failed, %d are tried, want about what was answered", first, second)
	}
}

func burstOf(m attack.Measurement) int { return m.Trial.Actors[1].Schedule.Segments[1].Burst }

func TestBurstsThatTellNothing(t *testing.T) {
	b := limits.Bursts{Capacity: found(), Policy: limits.Policy{Goal: goal(t, "p99<300ms")}, Budget: time.Minute, First: 1}
	slow := sim.New(backend(), 1)
	slow.Ceiling = 700 // a generator that needs 187/700 s for a burst
	done, err := attack.Drive(context.Background(), b, slow, nil, func(attack.Measurement) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := b.Tolerated(done); got == nil || got.Repeats != 0 || got.Tolerated != 0 || !hasNote(got.Notes, "burst-void") {
		t.Errorf("a generator that cannot send at once: %+v, want no verdict and a note", got)
	}
	if len(done) != 2 {
		t.Errorf("%d rounds by a generator that cannot send at once, want one more try and no third", len(done))
	}
	b.Capacity.Cause = analyze.CauseBudget
	if _, more := b.Next(nil); more || b.Unplanned() == nil || b.Tolerated(nil) != nil {
		t.Error("an undecided capacity is experimented on")
	}
	b.Capacity.Cause, b.Budget = analyze.CauseTarget, 2*time.Second
	if _, more := b.Next(nil); more || b.Unplanned() == nil || !strings.Contains(b.Unplanned().Error(), "2s left") {
		t.Errorf("a budget of 2 s: more %v, %v, want none, and the reason", more, b.Unplanned())
	}
}

func TestABacklogThatDoesNotDrainEndsTheRound(t *testing.T) {
	c := found()
	c.Estimate, c.Saturation, c.Knee = estimate(1500, 1500, 1500), nil, nil // a search that was wrong by a factor of two
	b := limits.Bursts{Capacity: c, Budget: time.Minute, First: 1}
	done := drive(t, b, backend())
	if len(done) == 0 || done[0].Aborted == nil {
		t.Fatalf("a rate above capacity: %d rounds, want the first ended early", len(done))
	}
	if got := b.Tolerated(done); got.Tolerated != 0 || got.Repeats == 0 {
		t.Errorf("a rate above capacity: %+v, want no burst tolerated", got)
	}
}

func TestBurstsThatWereNotSentAtOnceAreLeftOut(t *testing.T) {
	b := limits.Bursts{Capacity: found(), Policy: limits.Policy{Goal: goal(t, "p99<300ms")}, Budget: 10 * time.Second, First: 1}
	for scattered, want := range []int{3, 2, 0, 0} {
		done := drive(t, b, backend())
		left := scattered
		for i := range done[0].Windows {
			if w := &done[0].Windows[i]; w.Actor == 1 && w.Due > 0 && left > 0 {
				w.Lag.Record(200 * time.Millisecond) // 600/s × 0.2 s is far above a tenth of 187
				left--
			}
		}
		got := b.Tolerated(done)
		if got.Repeats != want || (got.Tolerated == 187) != (want > 0) || hasNote(got.Notes, "burst-void") != (want == 0) {
			t.Errorf("%d of 3 bursts scattered: %+v, want %d repeats", scattered, got, want)
		}
	}
}

// stopped is a round that was ended after half a second.
func stopped(m attack.Measurement, why attack.Reason) attack.Measurement {
	m.Aborted = &attack.Abort{At: 500 * time.Millisecond, Reason: why}
	return m
}

func TestARoundThatSomethingElseEndedSaysNothingOfTheTarget(t *testing.T) {
	b := limits.Bursts{Capacity: found(), Policy: limits.Policy{Goal: goal(t, "p99<300ms")}, Budget: 3 * time.Minute, First: 5, Seed: 3}
	whole := drive(t, b, backend())[0]

	cut := []attack.Measurement{stopped(whole, attack.Interrupted)}
	if got := b.Tolerated(cut); got != nil {
		t.Errorf("an interrupted round: %+v, want nothing tried", got)
	}
	again, more := b.Next(cut)
	if !more || again.N != 6 || again.Actors[1].Schedule.Segments[1].Burst != 187 {
		t.Errorf("after an interrupted round: %v, trial %d of %+v; want trial 6 with the same burst of 187", more, again.N, again.Actors)
	}

	harm := []attack.Measurement{stopped(whole, "three health probes failed")}
	got := b.Tolerated(harm)
	if got == nil || got.Repeats != 0 || got.Refused != 0 || !hasNote(got.Notes, "burst-void") || !strings.Contains(got.Notes[0].Text, "health probes") {
		t.Errorf("a round that the health probe ended: %+v, want no verdict and the reason", got)
	}
	if _, more := b.Next(harm); more {
		t.Error("a burst is tried after the health probe stopped the one before")
	}
	c := found()
	c.Burst = got
	if r, err := limits.Recommend(c, b.Policy); err != nil || r.Burst != 131 || !hasNote(r.Notes, "burst-not-measured") {
		t.Errorf("recommended burst %d, %v; want 131 by arithmetic, and a note", r.Burst, err)
	}
}

func TestBurstsGoOnWhereTheyWereCut(t *testing.T) {
	target := backend()
	target.Queue = 80
	b := limits.Bursts{Capacity: found(), Policy: limits.Policy{Goal: goal(t, "p99<300ms")}, Budget: 3 * time.Minute, First: 5}
	whole := drive(t, b, target)
	want := b.Tolerated(whole)
	for cut := 1; cut < len(whole); cut++ {
		done := append(slices.Clone(whole[:cut]), stopped(whole[cut], attack.Interrupted))
		done, err := attack.Drive(context.Background(), b, sim.New(target, 9), done, func(attack.Measurement) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		got := b.Tolerated(done)
		if got.Tolerated == 0 || len(done) > len(whole)+2 || got.Refused > whole[0].Trial.Warm || want.Refused == 0 {
			t.Errorf("cut after %d of %d rounds: %+v in %d, want about %+v", cut, len(whole), got, len(done), want)
		}
	}
	b.Budget = 40 * time.Second // shorter cycles would be planned now: the rounds that were made are judged by their own
	if got := b.Tolerated(whole); got.Tolerated != want.Tolerated || got.Refused != want.Refused {
		t.Errorf("judged with less budget left: %+v, want %+v", got, want)
	}
}
