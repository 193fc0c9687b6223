package live

import (
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// rowsMax is how many finished trials a frame lists.
const rowsMax = 5

// frame is the whole view as lines.
func (s *state) frame(now time.Time, wide int, budget time.Duration, p paint) []string {
	lines := []string{s.top(now, wide, budget, p), s.now(now, p)}
	lines = append(lines, s.rates(wide, p)...)
	if s.bracket != (bracket{}) {
		lines = append(lines, s.closing(wide, p))
	}
	if len(s.done) > 0 {
		lines = append(lines, s.latencies(wide, p))
	}
	lines = append(lines, "  "+label("generator")+s.generator(p))
	lines = append(lines, s.outcomes(p)...)
	lines = append(lines, s.table(p)...)
	if s.end == nil {
		return append(lines, p.dim("  ctrl-c ends the trial and reports, twice stops now"))
	}
	return append(lines, p.strong("  "+clean(s.end.Outcome)))
}

func label(text string) string { return pad(text, 11) }

// top says what runs, and how much time is used.
func (s *state) top(now time.Time, wide int, budget time.Duration, p paint) string {
	used := clock(now.Sub(s.began))
	if budget > 0 {
		used += " of " + clock(budget)
	}
	name := clean(report.Report{Run: s.run}.Name())
	left := p.strong("plimsoll "+clean(s.run.Command)) + "  " + name
	if s.run.Goal != "" {
		left += p.dim("  goal " + clean(s.run.Goal))
	}
	left = cut(left, max(0, wide-cells(used)-2))
	return pad(left, wide-cells(used)) + used
}

// clock is minutes and seconds.
func clock(d time.Duration) string {
	d = d.Truncate(time.Second)
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// now says which trial runs, and how far it is.
func (s *state) now(now time.Time, p paint) string {
	if s.trial == nil {
		if s.end != nil {
			return p.dim(fmt.Sprintf("  %d trials done", s.trials))
		}
		return p.dim(fmt.Sprintf("  %d trials done, planning the next", s.trials))
	}
	head := fmt.Sprintf("  %s  trial %d", p.accent(clean(s.trial.Phase)), s.trial.N)
	if s.trial.Why != "" {
		head += "  " + clean(s.trial.Why)
	}
	long := s.trial.Idle + s.trial.Len()
	if long <= 0 {
		return head
	}
	spent := min(now.Sub(s.since), long)
	return fmt.Sprintf("%s  %s %s of %s", head, bar(float64(spent)/float64(long), 12), seconds(spent), seconds(long))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// rates shows the last second of the running trial.
func (s *state) rates(wide int, p paint) []string {
	pc, known := s.pace()
	if !known {
		return []string{"  " + label("offered") + "–", "  " + label("ok") + "–"}
	}
	top := max(pc.offered, pc.ok, s.highest())
	room := min(max(wide-30, 8), 44)
	line := func(name string, v float64, colour func(string) string) string {
		return "  " + label(name) + padLeft(report.Number(v), 8) + " /s  " + colour(strings.TrimRight(bar(v/top, room), " "))
	}
	out := []string{line("offered", pc.offered, p.accent), line("ok", pc.ok, p.good)}
	detail := fmt.Sprintf("in flight %s", report.Number(float64(pc.inFlight)))
	if pc.mean > 0 {
		detail += "  mean " + report.Latency(pc.mean)
	}
	detail += part("throttled", pc.counts.Throttled, pc.counts, p.warn) + part("shed", pc.counts.Shed, pc.counts, p.warn) +
		part("failed", pc.counts.Failed+pc.counts.Timeout, pc.counts, p.bad) + part("unsent", pc.counts.Unsent, pc.counts, p.bad)
	return append(out, "  "+label("")+detail)
}

// part is the share of the arrivals that ended so, left out where none did.
func part(name string, n int64, all attack.Tick, colour func(string) string) string {
	if n == 0 {
		return ""
	}
	return "  " + name + " " + colour(report.Percent(float64(n)/float64(all.Ended())))
}

// highest is the highest load that was tried or is.
func (s *state) highest() float64 {
	top := 0.0
	for _, d := range s.done {
		top = max(top, d.load)
	}
	if s.trial != nil {
		top = max(top, s.trial.Load())
	}
	return top
}

// closing shows the bracket as it closes in.
func (s *state) closing(wide int, p paint) string {
	here := 0.0
	if s.trial != nil {
		here = s.trial.Load()
	}
	words := "up to " + report.Number(s.bracket.through) + "/s went through"
	switch b := s.bracket; {
	case b.through == 0:
		words = report.Number(b.stopped) + "/s was too much"
	case b.stopped > 0 && b.stopped <= b.through:
		words = report.Number(b.through) + "/s went through, " + report.Number(b.stopped) + "/s did not: they contradict"
	case b.stopped > 0:
		words = report.Number(b.through) + " – " + report.Number(b.stopped) + "/s"
	}
	room := min(max(wide-15-cells(words), 0), 44)
	return "  " + label("bracket") + track(s.bracket.through, s.bracket.stopped, here, s.highest()*1.05, room, p) + "  " + words
}

// latencies is the p99 of the trials as they came.
func (s *state) latencies(wide int, p paint) string {
	var p99s []float64
	for _, d := range s.done {
		p99s = append(p99s, d.p99)
	}
	newest := s.done[len(s.done)-1]
	words := report.Latency(newest.p99) + " at " + report.Number(newest.offered) + "/s"
	if newest.p99 == 0 {
		words = "none was answered"
	}
	return "  " + label("p99") + p.accent(spark(p99s, min(max(wide-15-cells(words), 1), 44))) + "  " + words
}

// generator says whether this machine kept up.
func (s *state) generator(p paint) string {
	words := clean(s.health.Name + ": " + s.health.Got + ", want " + s.health.Want)
	switch s.health.Outcome {
	case "":
		return p.dim("not looked at yet")
	case attack.Void:
		return p.bad("was the limit: ") + words
	case attack.Warn:
		return p.warn("warns: ") + words
	}
	return p.good("keeps up")
}

// outcomes are what has been found.
func (s *state) outcomes(p paint) (out []string) {
	if c := s.capacity; c != nil {
		words := clean(c.Why)
		if c.Knee != nil {
			words = "knee " + report.Number(c.Knee.Value) + "/s"
		}
		if c.Sustained != nil && c.Breaking != nil {
			words += ", breaks between " + report.Number(c.Sustained.Value) + " and " + report.Number(c.Breaking.Value) + "/s"
		}
		out = append(out, "  "+label("capacity")+p.strong(strings.TrimPrefix(words, ", ")))
	}
	if len(s.verdicts) > 0 {
		pass, rest := 0, []string{}
		for _, v := range s.verdicts {
			if v.Outcome == scenarios.Pass {
				pass++
				continue
			}
			rest = append(rest, clean(v.Scenario)+" "+string(v.Outcome))
		}
		line := "  " + label("storms") + p.good(fmt.Sprintf("%d pass", pass))
		if len(rest) > 0 {
			line += "  " + p.bad(strings.Join(rest, ", "))
		}
		out = append(out, line)
	}
	if s.note != "" {
		out = append(out, "  "+label("note")+p.warn(clean(s.note)))
	}
	return out
}

// table lists the trials that ended last.
func (s *state) table(p paint) []string {
	if len(s.done) == 0 {
		return nil
	}
	out := []string{"", p.dim("   offered        ok       p50       p99  throttled    failed")}
	for _, d := range last(s.done, rowsMax) {
		tail := ""
		switch {
		case d.void != "":
			tail = "  " + p.bad("void")
		case d.stopped != "":
			tail = "  " + p.warn(clean(d.stopped))
		}
		out = append(out, fmt.Sprintf("%s %s %s %s %s %s%s", padLeft(report.Number(d.offered), 10), padLeft(report.Number(d.ok), 9), padLeft(report.Latency(d.p50), 9),
			padLeft(report.Latency(d.p99), 9), padLeft(report.Percent(d.throttled), 10), padLeft(report.Percent(d.failed), 9), tail))
	}
	return out
}
