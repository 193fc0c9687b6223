package live

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
)

// strip is what happens now, in words and a few numbers, for a page. What it says is what the terminal says.
type strip struct {
	Command string  `json:"command"`
	Name    string  `json:"name"`
	Phase   string  `json:"phase"` // of the trial that runs, "" between trials
	Trial   string  `json:"trial"` // which it is, and why
	Share   float64 `json:"share"` // of it that is over, 0 to 1
	Spent   string  `json:"spent"`
	Used    string  `json:"used"`
	Left    string  `json:"left"`
	Then    string  `json:"then"`
	Tiles   []tile  `json:"tiles"`
	Lines   []tile  `json:"lines"`
	Outcome string  `json:"outcome"` // of the run, "" until it ended
}

// tile is one number with its name; tone is how good it is.
type tile struct {
	Label  string      `json:"label"`
	Value  string      `json:"value"`
	Unit   string      `json:"unit,omitempty"`
	Detail string      `json:"detail,omitempty"`
	Tone   report.Tone `json:"tone,omitempty"`
}

func (s *state) strip(now time.Time) strip {
	out := strip{Command: s.run.Command, Name: report.Report{Run: s.run}.Name(), Used: clock(now.Sub(s.began)), Then: strings.Join(s.then(), ", ")}
	if left, known := s.left(now); known {
		out.Left = s.ahead.What + " " + map[bool]string{true: "at most ", false: "about "}[s.ahead.AtMost] + clock(left) + " more"
	}
	if t := s.trial; t != nil {
		out.Phase, out.Trial = t.Phase, fmt.Sprintf("trial %d: %s", t.N, t.Why)
		if long := t.Idle + t.Len(); long > 0 {
			spent := min(now.Sub(s.since), long)
			out.Share, out.Spent = float64(spent)/float64(long), seconds(spent)+" of "+seconds(long)
		}
	}
	if s.end != nil {
		out.Outcome, out.Then, out.Used = fmt.Sprintf("%s · %s", s.end.Outcome, clock(s.end.At.Sub(s.run.Began))), "", ""
		if s.cut {
			out.Outcome = s.end.Outcome
		}
	}
	out.Tiles, out.Lines = s.tiles(), s.lines()
	return out
}

// tiles are the numbers of the last second, and the p99 of the last trial.
func (s *state) tiles() []tile {
	out := []tile{{Label: "offered", Value: "–"}, {Label: "achieved", Value: "–"}, {Label: "in flight", Value: "–"}, {Label: "p99", Value: "–", Detail: "no trial is done"}}
	if pc, known := s.pace(); known {
		c := pc.counts
		out[0].Value, out[0].Unit = report.Number(pc.offered), "/s"
		out[1].Value, out[1].Unit, out[1].Detail = report.Number(pc.ok), "/s", amiss(c)
		if c.Failed+c.Timeout+c.Unsent > 0 {
			out[1].Tone = report.Bad
		}
		out[2].Value = report.Number(float64(pc.inFlight))
		if pc.mean > 0 {
			out[2].Detail = "mean " + report.Latency(pc.mean)
		}
	}
	if n := len(s.done); n > 0 {
		d := s.done[n-1]
		out[3].Detail = "at " + report.Number(d.offered) + "/s, the last trial"
		if !math.IsNaN(d.p99) {
			value, unit, _ := strings.Cut(report.Latency(d.p99), " ")
			out[3].Value, out[3].Unit = value, unit
		}
	}
	return out
}

// amiss are the shares of those that were not answered well.
func amiss(c attack.Tick) string {
	var parts []string
	for _, p := range []struct {
		name string
		n    int64
	}{{"throttled", c.Throttled}, {"shed", c.Shed}, {"failed", c.Failed + c.Timeout}, {"unsent", c.Unsent}} {
		if p.n > 0 {
			parts = append(parts, p.name+" "+report.Percent(float64(p.n)/float64(c.Ended())))
		}
	}
	return strings.Join(parts, ", ")
}

// lines are what else is known: the bracket, the generator, the last note.
func (s *state) lines() (out []tile) {
	if s.bracket != (bracket{}) {
		out = append(out, tile{Label: "bracket", Value: s.bracketWords()})
	}
	tone, words := s.generatorWords()
	out = append(out, tile{Label: "generator", Value: words, Tone: tone})
	if s.note != "" {
		out = append(out, tile{Label: "note", Value: s.note, Tone: report.Dubious})
	}
	return out
}
