package limits

import (
	"slices"

	"github.com/plimsoll-load/plimsoll/analyze"
)

// sketch is what closed forms say before any machine is fitted.
type sketch struct {
	first   int     // admissions before the first refusal
	lead    float64 // s, from the first request to the first refusal
	rate    float64 // admissions per second under pressure
	n       int     // of them
	long    float64 // s that they were counted in
	clumps  []clump
	clumped bool // they come in rows
	paused  bool // it let nobody in for long after the first refusal, and then came one by one
}

// sketch counts.
func (e *evidence) sketch() sketch {
	var s sketch
	if i := firstRefusal(e.ds); i >= 0 {
		s.first, s.lead = i, e.ds[i].at-e.ds[0].at
	}
	for i, m := range e.trials { // the last saturation that let anybody in, else what was before it
		ds := e.in(i)
		if rate, long, n := slope(ds); n > 0 && (stageOf(m.Trial) == stageSaturate || stageOf(m.Trial) == stageSettle || s.n == 0) {
			s.rate, s.long, s.n = rate, long, n
		}
	}
	s.clumps = e.clumps(slices.Concat(e.of(stageKnock), e.of(stageSettle), e.of(stageSaturate)))
	sizes := []float64{}
	for _, c := range s.clumps {
		sizes = append(sizes, float64(c.n))
	}
	s.clumped = len(sizes) > 0 && rank(sizes, .5) >= 1.5
	s.paused = e.pausedFirst()
	return s
}

// pausedFirst compares the time from the first refusal to the next admission with those between the later ones.
func (e *evidence) pausedFirst() bool {
	i := firstRefusal(e.ds)
	if i < 0 {
		return false
	}
	last, first := e.ds[i].at, 0.0
	var gaps []float64
	for _, d := range e.ds[i:] {
		if stage := stageOf(e.trials[d.trial].Trial); !d.in || stage != stageKnock && stage != stageSettle && stage != stageSaturate {
			continue
		}
		if first == 0 {
			first = d.at - last
		} else {
			gaps = append(gaps, d.at-last)
		}
		last = d.at
	}
	return len(gaps) > 0 && first > 4*max(rank(gaps, .5), 4*e.slack)
}

func (s sketch) slopeEstimate() (*analyze.Estimate, bool) {
	if s.n < 2 || s.long <= 0 {
		return nil, false
	}
	off := 1 / s.long
	if len(s.clumps) > 1 && s.clumped { // a whole window more or less
		off = float64(s.n) / float64(len(s.clumps)) / s.long
	}
	return &analyze.Estimate{Value: s.rate, Lo: max(0, s.rate-off), Hi: s.rate + off, Confidence: fits}, true
}

// around is how far from a sketched rate the true one may lie.
func (s sketch) around() float64 { return 1 + max(.12, 3/float64(max(s.n, 1))) }
