package live

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// How many finished trials a frame lists: as many as fit, rowsUsual where the height is not known.
const (
	rowsUsual = 5
	rowsMax   = 20
)

// frame is the whole view as lines of a screen so wide and high, 0 for a height that is not known.
func (s *state) frame(now time.Time, wide, high int, p paint) []string {
	lines := []string{s.top(now, wide, p), s.now(now, wide, p)}
	if then := s.then(); len(then) > 0 && s.end == nil {
		lines = append(lines, "  "+label("then")+p.dim(clean(strings.Join(then, ", "))))
	}
	if s.end == nil {
		lines = append(lines, s.rates(wide, p)...)
	}
	if s.bracket != (bracket{}) {
		lines = append(lines, s.closing(wide, p))
	}
	lines = append(lines, s.course(wide, p)...)
	lines = append(lines, "  "+label("generator")+s.generator(p))
	lines = append(lines, s.outcomes(p)...)
	rows := rowsUsual
	if high > 0 {
		rows = min(high-len(lines)-4, rowsMax) // an empty line, the head, the last line, and the cursor's
	}
	lines = append(lines, s.table(rows, p)...)
	if s.end == nil {
		return append(lines, p.dim("  ctrl-c ends the trial and reports, twice stops now"))
	}
	return append(lines, p.strong("  "+clean(s.end.Outcome)))
}

func label(text string) string { return pad(text, 11) }

// top says what runs, how much time is used, and how much is left.
func (s *state) top(now time.Time, wide int, p paint) string {
	used := clock(now.Sub(s.began))
	if left, known := s.left(now); known {
		used += ", " + s.ahead.What + " " + map[bool]string{true: "≤ ", false: "≈ "}[s.ahead.AtMost] + clock(left) + " more"
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

// now says which trial runs, and how far it is. The reason for it is cut where the width is short, and not how far it is.
func (s *state) now(now time.Time, wide int, p paint) string {
	if s.trial == nil {
		if s.end != nil {
			return p.dim("  " + s.trialsDone())
		}
		return p.dim("  " + s.trialsDone() + ", planning the next")
	}
	head := fmt.Sprintf("  %s  trial %d", p.accent(clean(s.trial.Phase)), s.trial.N)
	far := ""
	if long := s.trial.Idle + s.trial.Len(); long > 0 {
		spent := min(now.Sub(s.since), long)
		far = fmt.Sprintf("  %s %s of %s", bar(float64(spent)/float64(long), min(12, max(4, wide-60))), seconds(spent), seconds(long))
	}
	if why := clean(s.trial.Why); why != "" {
		head += cut("  "+why, max(0, wide-cells(head)-cells(far)))
	}
	return head + far
}

func (s *state) trialsDone() string {
	return attack.Plural(s.trials, "trial") + " done"
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// rates shows the last second of the running trial.
func (s *state) rates(wide int, p paint) []string {
	pc, known := s.pace()
	if !known {
		return []string{"  " + label("offered") + "–", "  " + label("achieved") + "–", ""} // as many as of a trial: what is below stays where it is
	}
	top := max(pc.offered, pc.ok, s.highest())
	room := min(max(wide-30, 8), 44)
	line := func(name string, v float64, colour func(string) string) string {
		return "  " + label(name) + padLeft(report.Number(v), 8) + " /s  " + colour(strings.TrimRight(bar(v/top, room), " "))
	}
	out := []string{line("offered", pc.offered, p.accent), line("achieved", pc.ok, p.good)}
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
	words := s.bracketWords()
	room := min(max(wide-15-cells(words), 0), 44)
	return "  " + label("bracket") + track(s.bracket.through, s.bracket.stopped, here, s.highest()*1.05, room, p) + "  " + words
}

// bracketWords say which loads the answer lies between by now.
func (s *state) bracketWords() string {
	switch b := s.bracket; {
	case b.through == 0:
		return report.Number(b.stopped) + "/s was too much"
	case b.stopped > 0:
		return report.Number(b.through) + " – " + report.Number(b.stopped) + "/s"
	}
	return "up to " + report.Number(s.bracket.through) + "/s went through"
}

// course is what the trials offered and the p99 they met, one cell each, so that the one can be seen beside the other.
func (s *state) course(wide int, p paint) []string {
	if len(s.done) == 0 {
		return nil
	}
	var rates, p99s []float64
	for _, d := range s.done {
		rates, p99s = append(rates, d.offered), append(p99s, d.p99)
	}
	newest := s.done[len(s.done)-1]
	words := report.Latency(newest.p99)
	if math.IsNaN(newest.p99) {
		words = "none was answered"
	}
	room := min(max(wide-33, 1), 44)
	return []string{"  " + label("rate") + p.accent(spark(rates, room)) + "  " + report.Number(newest.offered) + "/s",
		"  " + label("p99") + p.accent(spark(p99s, room)) + "  " + words}
}

// generator says whether this machine kept up.
func (s *state) generator(p paint) string {
	tone, words := s.generatorWords()
	return map[report.Tone]func(string) string{"": p.dim, report.Good: p.good, report.Dubious: p.warn, report.Bad: p.bad}[tone](clean(words))
}

// generatorWords say whether this machine kept up, and how good that is.
func (s *state) generatorWords() (report.Tone, string) {
	words := s.health.Name + ": " + s.health.Got + ", want " + s.health.Want
	switch s.health.Outcome {
	case "":
		return "", "not looked at yet"
	case attack.Void:
		return report.Bad, "was the limit: " + words
	case attack.Warn:
		return report.Dubious, "warns: " + words
	}
	return report.Good, "keeps up"
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
	out = append(out, s.storms(p)...)
	if s.note != "" {
		out = append(out, "  "+label("note")+p.warn(clean(s.note)))
	}
	return out
}

// amissMax bounds the checks of storms that a frame tells one by one.
const amissMax = 3

// storms are the verdicts so far, and the first checks that did not pass.
func (s *state) storms(p paint) []string {
	if len(s.verdicts) == 0 {
		return nil
	}
	pass, rest, amiss := 0, []string{}, []string{}
	for _, v := range s.verdicts {
		if v.Outcome == scenarios.Pass {
			pass++
			continue
		}
		rest = append(rest, clean(v.Scenario)+" "+string(v.Outcome))
		for _, c := range v.Checks {
			if c.Outcome == scenarios.Fail {
				amiss = append(amiss, "  "+label("")+p.bad(clean(c.ID+" "+c.Name))+clean(": want "+c.Want+", got "+c.Got))
			}
		}
	}
	line := "  " + label("storms") + p.good(fmt.Sprintf("%d pass", pass))
	if len(rest) > 0 {
		line += "  " + p.bad(strings.Join(rest, ", "))
	}
	return append([]string{line}, amiss[:min(len(amiss), amissMax)]...)
}

// table lists the trials that ended last, at most so many.
func (s *state) table(rows int, p paint) []string {
	if len(s.done) == 0 || rows < 1 {
		return nil
	}
	out := []string{"", p.dim("   offered  achieved in flight       p50       p99 throttled    failed")}
	for _, d := range last(s.done, rows) {
		tail := ""
		switch {
		case d.void != "":
			tail = " " + p.bad("void")
		case d.stopped != "":
			tail = " " + p.warn(clean(d.stopped))
		}
		out = append(out, fmt.Sprintf("%s %s %s %s %s %s %s%s", padLeft(report.Number(d.offered), 10), padLeft(report.Number(d.achieved), 9), padLeft(report.Number(d.flight), 9),
			padLeft(report.Latency(d.p50), 9), padLeft(report.Latency(d.p99), 9), padLeft(report.Percent(d.throttled), 9), padLeft(report.Percent(d.failed), 9), tail))
	}
	return out
}
