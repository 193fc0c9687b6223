package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// timings are how fine this machine's clock is, and how late it wakes a sleeper.
type timings struct {
	step time.Duration   // smallest step seen between two readings
	read time.Duration   // that one reading takes, on average
	late []time.Duration // of sleeps of a millisecond
}

const (
	readings = 20_000
	sleeps   = 200
)

// timed reads the clock often and sleeps often: some 0.3 s.
func timed() (t timings) {
	began := time.Now()
	t.step = time.Hour
	for last, i := began, 0; i < readings; i++ {
		now := time.Now()
		if d := now.Sub(last); d > 0 {
			t.step = min(t.step, d)
		}
		last = now
	}
	t.read = time.Since(began) / readings
	for range sleeps {
		began := time.Now()
		time.Sleep(time.Millisecond)
		t.late = append(t.late, time.Since(began)-time.Millisecond)
	}
	return t
}

func checkClock(t timings) attack.SelfCheck {
	c := attack.SelfCheck{Name: "clock", Want: "steps of at most 10µs, 1µs a reading", Fix: "choose a faster clock source, or a machine that has one"}
	if t.step == time.Hour {
		return unknown(c.Name, c.Want) // it never moved while it was read
	}
	c.Outcome = graded(t.step > stepBad || t.read > readBad, t.step > stepWarn || t.read > readWarn)
	c.Got = fmt.Sprintf("steps of %v, %v a reading", t.step, t.read)
	return told(c)
}

func checkSleep(t timings) attack.SelfCheck {
	c := attack.SelfCheck{Name: "late wake-ups", Want: "p99 at most 10ms, bad above 50ms", Fix: "use a machine with fewer neighbours"}
	late := slices.Sorted(slices.Values(t.late))
	if len(late) < 100 {
		return unknown(c.Name, c.Want)
	}
	p50, p99 := late[len(late)/2], late[len(late)*99/100]
	c.Outcome, c.Got = most(p99, lateWarn, lateBad), fmt.Sprintf("p50 %v, p99 %v", p50.Round(time.Microsecond), p99.Round(time.Microsecond))
	return told(c)
}
