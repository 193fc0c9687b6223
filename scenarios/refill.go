package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// refill (V03): after a silence T an empty bucket holds min(C, rate·T). The bucket is known to be empty where the crowd
// before the silence was refused; how much came back since is bounded by the moments at which the last refusal before and
// the last decision after can have fallen.
func refill(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	crowds := byDue(m)
	if all := len(e.c.refillParts()) + 1; m.LogDropped > 0 || len(crowds) != all {
		return unsure("a bucket that fills in silence", "no complete log", "%s of %d were logged, %s not", attack.Plural(len(crowds), "crowd"), all, attack.Were(m.LogDropped, "attempt"))
	}
	var got []string
	var doubt finding
	for i := 1; i < len(crowds); i++ {
		f := e.refilled(crowds[i-1], crowds[i])
		got = append(got, f.got)
		f.got = strings.Join(got, "; ")
		switch f.outcome {
		case Fail:
			return f
		case Inconclusive:
			doubt = f
		}
	}
	if doubt.outcome != "" {
		doubt.got = strings.Join(got, "; ")
		return doubt
	}
	return passed(fmt.Sprintf("min(%d, %s × silence) after each silence", e.c.Limit.Burst, rate(e.c.Limit.Rate)), strings.Join(got, "; "), "the bucket filled at the rate, up to the burst")
}

// refilled judges one silence: the crowd that drained the bucket before it and the crowd that asked after it.
func (e *evidence) refilled(before, after []attack.Attempt) finding {
	c, tol := e.c.Limit, e.c.tolerance()
	_, drained, _ := e.split(before)
	in, out, maybe := e.split(after)
	silence := after[0].Sent - before[len(before)-1].Sent
	if len(drained) == 0 {
		return unsure("an empty bucket before the silence", fmt.Sprintf("%d let in", len(in)), "the crowd before the silence was not refused, so the bucket was not known to be empty")
	}
	empty := drained[len(drained)-1] // by sending
	end := decided(after, out)
	least := e.back(after[0].Sent - empty.Received)
	most := min(1+c.Rate*(end-empty.Sent).Seconds(), c.Most(end-after[0].Sent))
	lo, hi := math.Floor(least-count(tol.burst, least)), math.Ceil(most+count(tol.burst, most))
	want := fmt.Sprintf("%.0f to %.0f after %s of silence", max(lo, 0), hi, brief(silence))
	got := fmt.Sprintf("%d after %s", len(in), brief(silence))
	switch n := float64(len(in)); {
	case n > hi && (n >= float64(c.Burst) || len(out) == 0):
		return failed(want, got, "the bucket is full again too soon: it fills faster than %s, or forgets a client that keeps silent", rate(c.Rate))
	case n > hi:
		return failed(want, got, "the bucket fills faster than %s", rate(c.Rate))
	case n+float64(len(maybe)) < lo:
		return failed(want, got, "the bucket fills more slowly than %s, or not up to %d", rate(c.Rate), c.Burst)
	case n < lo:
		return unsure(want, got, "%s ended in errors that may have been let in", attack.Plural(len(maybe), "request"))
	case len(out) == 0:
		return unsure(want, got, "no request after the silence was refused, so what the bucket held was not reached")
	case hi-lo > max(6, most):
		return unsure(want, got, "the crowds were sent too slowly to tell how much came back")
	}
	return passed(want, got, "")
}

// straddled says that a window may have turned while a crowd was decided on, which had two windows' worth then. A throttle
// that lets in too much does so the second time as well.
func straddled(c Config, m attack.Measurement) string {
	for _, crowd := range byDue(m) {
		in := 0
		for _, a := range crowd {
			if a.Outcome == attack.OK {
				in++
			}
		}
		if c.windowed() && in > c.Limit.Burst {
			return "a window may have turned while a crowd was decided on"
		}
	}
	return ""
}

// back is the least that a silence gives back. A counter that slides weighs the window before by the share of it that it
// still covers: of an interval longer than a window, what is beyond it counts.
func (e *evidence) back(silence time.Duration) float64 {
	c := e.c.Limit
	if e.c.profile() == Window {
		silence -= e.c.window()
	}
	return min(float64(c.Burst), c.Rate*max(silence, 0).Seconds())
}

// byDue parts the log of one actor by the moments at which its crowds were due, each in order of sending.
func byDue(m attack.Measurement) [][]attack.Attempt {
	log := bySent(m.Log)
	slices.SortStableFunc(log, func(a, b attack.Attempt) int { return cmp.Compare(a.Due, b.Due) })
	var crowds [][]attack.Attempt
	for i, a := range log {
		if i == 0 || a.Due != log[i-1].Due {
			crowds = append(crowds, nil)
		}
		crowds[len(crowds)-1] = append(crowds[len(crowds)-1], a)
	}
	return crowds
}
