package live

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got), -update accepts it:\n%s", path, d)
	}
}

func order(n int, phase string, load float64) attack.Trial {
	return attack.Trial{N: n, Phase: phase, Why: fmt.Sprintf("hold %v a second", load), Actors: []attack.Actor{{Schedule: attack.Constant(load, 10*time.Second, attack.Poisson)}}}
}

// measured is the trial with p99 as given and the share of failures.
func measured(t attack.Trial, ms float64, failed int64) *attack.Measurement {
	due := int64(t.Load()) * 10
	w := attack.Window{Len: 10 * time.Second, Counts: attack.Counts{Due: due, OK: due - failed, Failed: failed, Attempts: due}}
	w.Response.RecordN(time.Duration(ms*0.4*1e6), w.OK*95/100)
	w.Response.RecordN(time.Duration(ms*1e6), w.OK-w.OK*95/100)
	return &attack.Measurement{Trial: t, Windows: []attack.Window{w}, Took: 10 * time.Second,
		Checks: []attack.SelfCheck{{Name: "late ticks", Outcome: attack.Healthy, Got: "p99 0.2 ms", Want: "p99 below 10 ms"}}}
}

// tell feeds a run up to the middle of its fourth trial, in virtual time; more goes on from there.
func tell(v interface{ Feed(journal.Entry) }) {
	v.Feed(journal.Entry{Run: &journal.Run{Command: "find", Title: "checkout-api", Goal: "p99<250ms", Seed: 42}})
	v.Feed(journal.Entry{Ahead: &journal.Ahead{What: "search", Phases: []string{"baseline", "ramp", "confirm", "knee", "bookend", "burst"}, Left: 3 * time.Minute, AtMost: true}})
	for i, load := range []float64{200, 400, 800} {
		trial := order(i+1, "ramp", load)
		v.Feed(journal.Entry{Start: &trial})
		time.Sleep(10 * time.Second)
		v.Feed(journal.Entry{Trial: measured(trial, 20*float64(1+i*i), int64(i/2)*400)})
	}
	trial := order(4, "confirm", 600)
	v.Feed(journal.Entry{Start: &trial})
	for i := range 20 {
		time.Sleep(250 * time.Millisecond)
		v.Feed(journal.Entry{Tick: &attack.Tick{Elapsed: time.Duration(i+1) * 250 * time.Millisecond, Due: 150, Sent: 150, InFlight: 7, OK: 147, Failed: 3, Response: 147 * 9 * time.Millisecond}})
	}
}

func finish(v interface{ Feed(journal.Entry) }) {
	done := measured(order(4, "confirm", 600), 41, 0)
	done.Windows[0].Len, done.Windows[0].Counts = 6*time.Second, attack.Counts{Due: 3600, OK: 3600, Attempts: 3600}
	done.Aborted = &attack.Abort{At: 6 * time.Second, Reason: "backlog"}
	done.Checks[0] = attack.SelfCheck{Name: "late ticks", Outcome: attack.Warn, Got: "p99 14 ms", Want: "p99 below 10 ms"}
	for i := range 24 { // answers come at 400/s, whatever is offered
		done.Ticks = append(done.Ticks, attack.Tick{Elapsed: time.Duration(i+1) * 250 * time.Millisecond, Due: 150, OK: 100, InFlight: int64(i+1) * 50})
	}
	v.Feed(journal.Entry{Trial: done})
	v.Feed(journal.Entry{Trial: &attack.Measurement{Trial: attack.Trial{N: 5, Phase: "canary", Serial: &attack.Serial{Max: 5}}}})
	v.Feed(journal.Entry{Capacity: &analyze.Capacity{Cause: analyze.CauseTarget, Estimate: &analyze.Estimate{Value: 490}, Knee: &analyze.Estimate{Value: 380}, Sustained: &analyze.Estimate{Value: 400}, Breaking: &analyze.Estimate{Value: 600}}})
	v.Feed(journal.Entry{Limits: &limits.Recommendation{Limit: limits.Limit{Rate: 300, Burst: 60}}})
	v.Feed(journal.Entry{Verdict: &scenarios.Verdict{Scenario: "rectangle", Outcome: scenarios.Pass}})
	v.Feed(journal.Entry{Verdict: &scenarios.Verdict{Scenario: "recovery", Outcome: scenarios.Fail, Checks: []scenarios.Check{{ID: "V20", Name: "backend latency", Outcome: scenarios.Fail, Want: "p99 below 250 ms", Got: "900 ms"}}}})
	v.Feed(journal.Entry{Note: &attack.Note{Text: "the target sent \x1b[2J\x07 to the screen"}})
	v.Feed(journal.Entry{End: &journal.End{Exit: 1, Outcome: "a check failed"}})
}

// lastFrame is what stands on the screen in the end, without what moves the cursor and the empty line after it.
func lastFrame(out string) string {
	frames := strings.Split(out, beginFrame)
	s := frames[len(frames)-1]
	if i := strings.Index(s, "A\r"); i >= 0 && i < 6 {
		s = s[i+1:]
	}
	return strings.TrimSuffix(strings.NewReplacer("\r", "", clearLine, "", clearBelow, "", endFrame, "", showCursor, "").Replace(s), "\n")
}

func TestFrames(t *testing.T) {
	for _, wide := range []int{80, 44, 120} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			v := New(Options{Out: &out, TTY: true, Width: func() int { return wide }})
			tell(v)
			v.Close()
			frame := lastFrame(out.String())
			golden(t, fmt.Sprintf("running-%d.txt", wide), frame)
			for _, line := range strings.Split(frame, "\n") {
				if cells(line) > wide {
					t.Errorf("%d cells in a terminal of %d: %s", cells(line), wide, line)
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		v := New(Options{Out: &out, TTY: true, Colour: true})
		tell(v)
		finish(v)
		v.Close()
		golden(t, "ended-colour.txt", lastFrame(out.String()))
		if !strings.HasSuffix(out.String(), "\n"+clearBelow+endFrame+"\n"+Restore) {
			t.Error("no empty line keeps what is printed next apart from the view")
		}
	})
}

func TestPlainLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		v := New(Options{Out: &out})
		tell(v)
		finish(v)
		v.Close()
		golden(t, "plain.txt", out.String())
		if strings.Contains(out.String(), "\x1b") {
			t.Error("plain lines hold escapes")
		}
	})
}

// TestOfferedIsWhatWasDue: the load in which a schedule ends says nothing of what was offered on the way there.
func TestOfferedIsWhatWasDue(t *testing.T) {
	second := time.Second
	counted := func(at, long time.Duration, due, ok int64) attack.Window {
		return attack.Window{At: at, Len: long, Warmup: at == 0 && long > second, Counts: attack.Counts{Due: due, OK: ok, Failed: due - ok, Attempts: due}}
	}
	segments := func(all ...attack.Segment) attack.Trial {
		return attack.Trial{N: 1, Phase: "load", Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: all}}}}
	}
	held := segments(attack.Segment{From: 50, To: 50, Len: 10 * second})
	for name, row := range map[string]struct {
		m    attack.Measurement
		want string
	}{
		"a ramp is offered its mean": {attack.Measurement{Trial: segments(attack.Segment{From: 20, To: 100, Len: 2 * second}),
			Windows: []attack.Window{counted(0, second, 40, 40), counted(second, second, 80, 80)}}, "offered 60/s, achieved 60/s"},
		"a storm that ends in silence was one": {attack.Measurement{Trial: segments(attack.Segment{From: 90, To: 90, Len: 2 * second}, attack.Segment{Len: second}),
			Windows: []attack.Window{counted(0, second, 90, 30), counted(second, second, 90, 30)}}, "offered 90/s, achieved 30/s"},
		"a trial ended early is over the time until then": {attack.Measurement{Trial: held, Aborted: &attack.Abort{At: 1500 * time.Millisecond, Reason: "backlog"},
			Windows: []attack.Window{counted(0, second, 50, 50), counted(second, second, 25, 25)}}, "offered 50/s, achieved 50/s"},
		"a warm-up does not count": {attack.Measurement{Trial: held, Windows: []attack.Window{counted(0, 2*second, 10, 10), counted(2*second, second, 50, 40)}}, "offered 50/s, achieved 40/s"},
		"a trial ended in its warm-up has nothing else": {attack.Measurement{Trial: held, Aborted: &attack.Abort{At: second, Reason: "backlog"},
			Windows: []attack.Window{counted(0, 2*second, 50, 10)}}, "offered 50/s, achieved 10/s"},
		"actors side by side add up": {attack.Measurement{Trial: held, Windows: []attack.Window{counted(0, second, 50, 50), counted(0, second, 25, 25)}}, "offered 75/s, achieved 75/s"},
	} {
		if got := plainTrial(row.m); !strings.Contains(got, row.want+",") {
			t.Errorf("%s: %q, want %q in it", name, got, row.want)
		}
		s := state{}
		s.finish(row.m)
		offered, _, _ := strings.Cut(strings.TrimPrefix(row.want, "offered "), "/s")
		if got := s.table(1, style(false)); !strings.HasPrefix(strings.TrimSpace(got[len(got)-1]), offered+" ") {
			t.Errorf("%s: row %q, want it to begin with %s", name, got[len(got)-1], offered)
		}
	}
}

// An overload looks well when one only waits long enough: what counts is what was answered while it lasted.
func TestOverloadShowsWhatWasAnsweredInTime(t *testing.T) {
	m := measured(order(1, "ramp", 800), 900, 0)
	for i := range 40 {
		m.Ticks = append(m.Ticks, attack.Tick{Elapsed: time.Duration(i+1)*250*time.Millisecond + time.Millisecond, Due: 200, OK: 125, InFlight: int64(i+1) * 75})
	}
	if got, want := plainTrial(*m), "offered 800/s, achieved 500/s, in flight at its end 3,000,"; !strings.Contains(got, want) {
		t.Errorf("%q, want %q in it", got, want)
	}
	m.Trial.Warmup = 5 * time.Second
	m.Windows = []attack.Window{{Len: 5 * time.Second, Warmup: true, Counts: attack.Counts{Due: 4000, OK: 4000}}, {At: 5 * time.Second, Len: 5 * time.Second, Counts: attack.Counts{Due: 4000, OK: 4000}}}
	for i := range 20 {
		m.Ticks[i].OK = 0 // nothing came during the warm-up, which does not count
	}
	if d := doneOf(*m); math.Abs(d.achieved-500) > .5 || d.flight != 3000 {
		t.Errorf("after a warm-up achieved %v and in flight %v, want 500 and 3000", d.achieved, d.flight)
	}
	m.Aborted = &attack.Abort{At: 7500 * time.Millisecond, Reason: "backlog"}
	m.Windows[1].Counts, m.Ticks = attack.Counts{Due: 2000, OK: 2000}, m.Ticks[:30]
	if d := doneOf(*m); math.Abs(d.achieved-500) > .5 || d.flight != 2250 {
		t.Errorf("ended early: achieved %v and in flight %v, want 500 and 2250", d.achieved, d.flight)
	}
}

func TestVerdictsAreToldWhenDecidedAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		v := New(Options{Out: &out})
		tell := func(name string, o scenarios.Outcome) {
			v.Feed(journal.Entry{Verdict: &scenarios.Verdict{Scenario: name, Outcome: o}})
		}
		tell("steady", scenarios.Pass)
		tell("recovery", scenarios.Inconclusive)
		tell("steady", scenarios.Pass)
		tell("recovery", scenarios.Fail)
		v.Close()
		if want := "pass steady\ninconclusive recovery\nfail recovery\n"; out.String() != want {
			t.Errorf("told %q, want %q", out.String(), want)
		}
		if n := len(v.state.verdicts); n != 2 {
			t.Errorf("%d verdicts, want those of 2 scenarios", n)
		}
	})
}

func TestTimeLeftAndWhatComesThen(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var s state
	s.add(journal.Entry{Run: &journal.Run{Command: "verify"}}, began)
	if _, known := s.left(began); known {
		t.Error("time is left, and nobody said so")
	}
	s.add(journal.Entry{Ahead: &journal.Ahead{What: "storms", Phases: []string{"a", "b", "c"}, Left: time.Minute}}, began)
	trial := order(1, "b", 100)
	s.add(journal.Entry{Start: &trial}, began)
	top := s.frame(began.Add(20*time.Second), 80, 0, style(false))
	if !strings.Contains(top[0], "0:20, storms ≈ 0:40 more") || !strings.HasSuffix(top[2], "c") || strings.Contains(top[2], "a") {
		t.Errorf("frame %q, want 40 s more and then c alone", top[:3])
	}
	if left, _ := s.left(began.Add(time.Hour)); left != 0 {
		t.Errorf("an hour later %v are left, want none", left)
	}
	s.add(journal.Entry{End: &journal.End{}}, began)
	if _, known := s.left(began); known {
		t.Error("time is left after the end")
	}
}

func TestAnotherSizeBeginsTheScreenAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		began := time.Now()
		v := New(Options{Out: &out, TTY: true, Height: func() int { return 24 }, Width: func() int {
			if time.Since(began) < 4*Every {
				return 80
			}
			return 60
		}})
		v.Feed(journal.Entry{Run: &journal.Run{}})
		time.Sleep(7 * Every)
		v.Close()
		if n := strings.Count(out.String(), clearAll); n != 1 {
			t.Errorf("the screen was cleared %d times, want once after it got another size", n)
		}
	})
}

func TestTallTerminalsListMoreTrials(t *testing.T) {
	var s state
	s.add(journal.Entry{Run: &journal.Run{}}, time.Time{})
	for i := range 60 {
		s.finish(*measured(order(i+1, "ramp", 100), 20, 0))
	}
	for high, want := range map[int]int{0: rowsUsual, 24: 11, 50: rowsMax, 12: 0} {
		lines := s.frame(time.Time{}, 80, high, style(false))
		rows := 0
		for _, l := range lines {
			if strings.HasPrefix(l, "       100") {
				rows++
			}
		}
		if rows != want || high > 12 && len(lines) > high-1 {
			t.Errorf("a terminal of %d lines lists %d trials in %d lines, want %d", high, rows, len(lines), want)
		}
	}
}

func TestFourFramesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		v := New(Options{Out: &out, TTY: true})
		v.Feed(journal.Entry{Run: &journal.Run{Command: "find"}})
		for range 10_000 { // ten thousand ticks in ten seconds are no reason to draw more often
			v.Feed(journal.Entry{Tick: &attack.Tick{Due: 1, Elapsed: time.Second}})
			time.Sleep(time.Millisecond)
		}
		v.Close()
		if n := strings.Count(out.String(), beginFrame); n < 39 || n > 42 {
			t.Errorf("%d frames in 10 s, want about 40", n)
		}
	})
}

func TestCursorIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		v := New(Options{Out: &out, TTY: true})
		v.Feed(journal.Entry{Run: &journal.Run{}})
		v.Close()
		v.Close()
		v.Feed(journal.Entry{Note: &attack.Note{Text: "too late"}})
		if s := out.String(); !strings.HasPrefix(s, hideCursor) || !strings.HasSuffix(s, showCursor) || strings.Contains(s, "too late") {
			t.Errorf("output %q, want the cursor hidden first and shown last", s)
		}
	})
}

// TestRestoreAfterAnyCut ends the process at every byte of what a view writes: with Restore behind it the cursor is there and
// the terminal shows what it gets.
func TestRestoreAfterAnyCut(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		v := New(Options{Out: &out, TTY: true})
		v.Feed(journal.Entry{Run: &journal.Run{}})
		time.Sleep(2 * Every)
		v.Close()
	})
	s := out.String()
	if last := strings.LastIndex(s, endFrame); !strings.HasSuffix(s, Restore) || last < 0 {
		t.Errorf("output ends in %q, want Restore", s[max(0, last):])
	}
	lost := 0
	for at := range len(s) {
		if hidden(s[:at]) {
			lost++
		}
		if hidden(s[:at] + Restore) {
			t.Errorf("cut at %d, then restored: the terminal hides its cursor or holds its output back", at)
		}
	}
	if lost == 0 {
		t.Error("no cut left the terminal hidden: there was nothing to restore")
	}
}

// hidden tells whether a terminal that got s has no cursor, or still waits for the end of a frame.
func hidden(s string) bool {
	return strings.LastIndex(s, hideCursor) > strings.LastIndex(s, showCursor) || strings.LastIndex(s, beginFrame) > strings.LastIndex(s, endFrame)
}

func TestViewThatWasNeverFedWritesNothing(t *testing.T) {
	var out bytes.Buffer
	New(Options{Out: &out, TTY: true}).Close()
	if out.Len() > 0 {
		t.Errorf("output %q, want none", out.String())
	}
}

// stuck is a terminal that takes a minute for each write.
type stuck struct{ bytes.Buffer }

func (s *stuck) Write(p []byte) (int, error) {
	time.Sleep(time.Minute)
	return s.Buffer.Write(p)
}

func TestSlowTerminalSlowsNobody(t *testing.T) {
	for _, tty := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var out stuck
			v := New(Options{Out: &out, TTY: tty})
			began := time.Now()
			for range 3 * pendingMax {
				v.Feed(journal.Entry{Note: &attack.Note{Text: "hello"}})
				time.Sleep(time.Millisecond)
			}
			if took, want := time.Since(began), 3*pendingMax*time.Millisecond; took != want {
				t.Errorf("tty %v: feeding took %v, want %v", tty, took, want)
			}
			v.Close()
			if !tty && !strings.Contains(out.String(), "lines passed over") {
				t.Error("lines were dropped and nobody was told")
			}
		})
	}
}

// gone is a terminal that was closed.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestTerminalThatIsGoneStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := New(Options{Out: gone{}, TTY: true})
		tell(v)
		v.Close()
		if v.state.trials != 3 {
			t.Errorf("%d trials taken note of, want 3", v.state.trials)
		}
	})
}

func TestShortTerminalGetsWhatFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		v := New(Options{Out: &out, TTY: true, Height: func() int { return 5 }})
		tell(v)
		v.Close()
		if n := strings.Count(lastFrame(out.String()), "\n"); n != 4 {
			t.Errorf("%d lines in a terminal of 5, want 4", n)
		}
	})
}

func TestCut(t *testing.T) {
	red := style(true).bad
	for _, row := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 10, "short"}, {"exactly", 7, "exactly"}, {"too long", 5, "too …"}, {"äöü", 2, "ä…"}, {"x", 0, ""},
		{red("red text"), 4, "\x1b[31mred…\x1b[0m"}, {red("ok"), 2, red("ok")},
	} {
		if got := cut(row.in, row.n); got != row.want || cells(got) > row.n {
			t.Errorf("cut(%q, %d) = %q, want %q", row.in, row.n, got, row.want)
		}
	}
}

// The bracket is what the newest trials say: an early one was short, and the target cold.
func TestNewestTrialsAreBelieved(t *testing.T) {
	through := func(load float64) done { return done{load: load} }
	stopped := func(load float64) done { return done{load: load, stopped: "backlog"} }
	for name, row := range map[string]struct {
		all  []done
		want bracket
	}{
		"nothing yet":                    {nil, bracket{}},
		"only through":                   {[]done{through(100), through(200)}, bracket{200, 0}},
		"closing in":                     {[]done{through(100), stopped(400), through(200), stopped(300)}, bracket{200, 300}},
		"what went through does not":     {[]done{through(100), through(400), stopped(300)}, bracket{100, 300}},
		"what did not goes through":      {[]done{stopped(200), stopped(500), through(300)}, bracket{300, 500}},
		"one load both ways":             {[]done{through(300), stopped(300)}, bracket{0, 300}},
		"void and throttled say nothing": {[]done{through(100), {load: 900, void: "late ticks"}, {load: 800, throttled: .5}, {load: 700, stopped: string(attack.Interrupted)}}, bracket{100, 0}},
		"failures are no success":        {[]done{through(100), {load: 200, failed: .05}}, bracket{100, 200}},
	} {
		if got := bracketOf(row.all); got != row.want {
			t.Errorf("%s: %+v, want %+v", name, got, row.want)
		}
	}
}

// Where it is narrow, the reason for a trial is cut, and not how far the trial is.
func TestHowFarATrialIsFits(t *testing.T) {
	trial := order(31, "saturate", 100)
	trial.Why = strings.Repeat("what is completed when there is always more to do ", 3)
	s := state{trial: &trial}
	for _, wide := range []int{60, 80, 120} {
		if got := s.now(time.Time{}, wide, style(false)); cells(got) != wide || !strings.HasSuffix(got, "0.0 s of 10.0 s") || !strings.Contains(got, "…") {
			t.Errorf("%d cells of %d: %s", cells(got), wide, got)
		}
	}
}

func TestNothingAnsweredIsNoTime(t *testing.T) {
	d := doneOf(attack.Measurement{Trial: order(1, "ramp", 100), Windows: []attack.Window{{Len: time.Second, Counts: attack.Counts{Due: 10, Failed: 10}}}})
	s := state{done: []done{d}}
	if rows := strings.Join(s.table(5, style(false)), "\n"); strings.Contains(rows, "0.0 ms") || strings.Count(rows, "–") != 3 {
		t.Errorf("a trial without an answer has a time of none:\n%s", rows)
	}
	if tiles := s.tiles(); tiles[3].Value != "–" {
		t.Errorf("its p99 is shown as %q", tiles[3].Value)
	}
}
