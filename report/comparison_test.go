package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// slower is the whole run of a service that bears less, and whose throttle lets more through than before.
func slower() Report { return slowerMade() }

var slowerMade = sync.OnceValue(func() Report {
	s := newService()
	s.capacity = 1990
	trials, c := found(s)
	for _, e := range []**analyze.Estimate{&c.Estimate, &c.Sustained, &c.Breaking, &c.Knee} {
		scaled := **e
		scaled.Value, scaled.Lo, scaled.Hi = scaled.Value*.91, scaled.Lo*.91, scaled.Hi*.91
		*e = &scaled
	}
	entries := append([]journal.Entry{opening("run")}, trials...)
	entries[0].Run.ID, entries[0].Run.Commit = "20260315-090000-checkout-api", "9e1b77a"
	entries = append(entries, journal.Entry{Capacity: &c}, journal.Entry{Limits: advised()}, journal.Entry{Trial: storm(s, 18)}, journal.Entry{Trial: storm(s, 19)})
	said := verdicts(18, 19)
	said[0].Outcome, said[0].Checks[1].Outcome, said[0].Checks[1].Got = scenarios.Fail, scenarios.Fail, "1,702/s <b>"
	for _, v := range said {
		entries = append(entries, journal.Entry{Verdict: &v})
	}
	return Fold(append(entries, ending(1, "a check failed")))
})

// comparisons are of every kind, by name.
func comparisons() map[string]Comparison {
	runs := fixtures()
	side := func(name string) Side { return Side{name, Fold(runs[name])} }
	was, is := Side{"before", Fold(whole())}, Side{"after", slower()}
	return map[string]Comparison{
		"slower":  Compare([]Side{was, is}, attack.Note{Code: "other-machine", Text: "after was made on another machine than before: cpus 4, not 8"}),
		"same":    Compare([]Side{{"monday", was.Report}, {"tuesday", was.Report}}),
		"three":   Compare([]Side{was, is, side("find")}),
		"limited": Compare([]Side{side("find"), side("limited")}),
		"checks":  Compare([]Side{side("verify"), side("verify-fail")}),
		"nothing": Compare([]Side{side("load"), side("void")}),
	}
}

func comparisonOf(t testing.TB, c Comparison) string {
	t.Helper()
	var b bytes.Buffer
	if err := ComparisonHTML(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestComparisonText(t *testing.T) {
	for name, c := range comparisons() {
		var b bytes.Buffer
		if err := ComparisonText(&b, c); err != nil {
			t.Fatal(err)
		}
		golden(t, "comparison-"+name+".txt", b.Bytes())
		for i, line := range strings.Split(b.String(), "\n") {
			if n := utf8.RuneCountInString(line); n > columns {
				t.Errorf("%s line %d has %d columns, want at most %d: %s", name, i+1, n, columns, line)
			}
		}
	}
}

// TestComparisonInEveryFormat: what a pull request shows, and what a machine reads.
func TestComparisonInEveryFormat(t *testing.T) {
	schema := closed(t, ComparisonSchema)
	for name, c := range comparisons() {
		var text, summary bytes.Buffer
		if err := errors.Join(ComparisonJSON(&text, c), ComparisonMarkdown(&summary, c)); err != nil {
			t.Fatal(err)
		}
		if err := keeps(t, schema, text.String()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if summary.Len() > 20_000 {
			t.Errorf("%s: a summary of %d bytes is no comment", name, summary.Len())
		}
		golden(t, "comparison-"+name+".md", summary.Bytes())
		if name != "slower" {
			continue
		}
		golden(t, "comparison-"+name+".json", text.Bytes())
		refuses(t, schema, text.String(), map[string][2]string{"another version": {"plimsoll.comparison/v1", "plimsoll.comparison/v2"}, "a word of no kind": {`"told": "less"`, `"told": "worse"`},
			"an outcome renamed": {`"pass"`, `"passed"`}, "a ratio without its interval": {`"lo": `, `"low": `}, "a rate as text": {`"was": `, `"was": "2", "were": `}})
	}
}

// TestManyChangesFitAPullRequest: what is left out is counted.
func TestManyChangesFitAPullRequest(t *testing.T) {
	a, b := Fold(whole()), Fold(whole())
	for i := range 200 {
		said := func(o scenarios.Outcome) Storm {
			return Storm{Verdict: scenarios.Verdict{Scenario: fmt.Sprint("storm ", i), Outcome: o, Checks: []scenarios.Check{{ID: "V01", Name: "rate", Outcome: o, Got: strings.Repeat("|", 300)}}}}
		}
		a.Storms, b.Storms = append(a.Storms, said(scenarios.Pass)), append(b.Storms, said(scenarios.Fail))
	}
	sides := []Side{{"before", a}, {"after", b}}
	for more := "| … 160 more |"; ; more = " more |" {
		var out bytes.Buffer
		if err := ComparisonMarkdown(&out, Compare(sides)); err != nil {
			t.Fatal(err)
		}
		if out.Len() > 65_536 || !strings.Contains(out.String(), more) {
			t.Errorf("%d runs: %d bytes, want at most 65,536 and the rest counted", len(sides), out.Len())
		}
		if len(sides) == SidesMax {
			return
		}
		sides = append(sides, Side{fmt.Sprint("run ", len(sides)), b})
	}
}

// TestComparisonSaysWhatChanged, and no more: a difference within the intervals is none.
func TestComparisonSaysWhatChanged(t *testing.T) {
	all := comparisons()
	for name, want := range map[string]string{
		"slower":  "after bears 9.0 % less than before; 1 check changed",
		"same":    "monday and tuesday bear about the same: no difference can be told",
		"limited": "find and limited have no decided capacity for the same goal and no check in common",
		"nothing": "load and void have no decided capacity for the same goal and no check in common",
	} {
		if got := all[name].Headline(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	c := all["slower"]
	if len(c.Changed) != 1 || c.Changed[0].ID != "V02" || c.Alike != 3 || c.Alone != 0 {
		t.Errorf("changed %v, %d alike, %d alone, want V02 changed of 4", c.Changed, c.Alike, c.Alone)
	}
	if got := c.Ratios[0]; got.Told() != -1 || got.By.Value < .905 || got.By.Value > .915 {
		t.Errorf("ratio %s, want 0.91 and less", got.Interval())
	}
	if got := c.Tiles()[3]; got.Value != "1" || got.Tone != Bad {
		t.Errorf("a check that fails now is told by %+v", got)
	}
	back := Compare([]Side{c.Sides[1], c.Sides[0]})
	if got := back.Tiles(); got[2].Tone != Good || got[3].Tone != Dubious || back.Ratios[0].Told() != 1 {
		t.Errorf("the other way round %+v", got)
	}
}

// TestComparisonPageIsWhole and asks for nothing; what came from outside is text.
func TestComparisonPageIsWhole(t *testing.T) {
	for name, c := range comparisons() {
		if testing.Short() && name != "slower" && name != "nothing" {
			continue
		}
		page := sheetNamed(t, "comparison-"+name).page
		if !strings.Contains(page, policy) || len(page) > 500_000 || strings.Contains(page, "1,702/s <b>") {
			t.Errorf("%s: policy %v, %d bytes, markup of a check %v", name, strings.Contains(page, policy), len(page), strings.Contains(page, "1,702/s <b>"))
		}
		for _, m := range asks.FindAllStringSubmatch(page, -1) {
			if !strings.HasPrefix(m[1], "data:") {
				t.Errorf("%s asks for %s", name, m[1])
			}
		}
		if again := comparisonOf(t, c); again != page {
			t.Errorf("%s differs from one time to the next", name)
		}
		for _, chart := range c.Charts() {
			if !strings.Contains(page, `id="`+chart.ID+`"`) || len(chart.Table.Rows) == 0 {
				t.Errorf("%s: chart %s has no place or no table", name, chart.ID)
			}
			for _, s := range chart.Series {
				if len(s.Ys) != len(chart.Xs) {
					t.Errorf("%s: %s has %d values at %d loads", name, s.Label, len(s.Ys), len(chart.Xs))
				}
			}
		}
		var png bytes.Buffer
		if drawn, err := ComparisonPNG(&png, c); err != nil || drawn != (len(c.Charts()) > 0) || drawn != strings.Contains(page, "<noscript><img") {
			t.Errorf("%s: picture %v, %v", name, drawn, err)
		}
	}
}

// TestComparisonLook writes the pages into the folder that PLIMSOLL_LOOK names, for eyes.
func TestComparisonLook(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_LOOK")
	if dir == "" {
		t.Skip("set PLIMSOLL_LOOK to a folder to have the pages written there")
	}
	for name, c := range comparisons() {
		if err := WriteComparison(filepath.Join(dir, "comparison-"+name), c, "html", "png"); err != nil {
			t.Error(err)
		}
	}
}

// TestComparisonDoesNotContradictItself: whatever ratio below is told to differ, the headline says so, and no tile denies it.
func TestComparisonDoesNotContradictItself(t *testing.T) {
	run := func(name string, knee float64, capacities ...float64) Side {
		s := Side{Name: name}
		for i, at := range capacities {
			s.Capacities = append(s.Capacities, analyze.Capacity{Goal: fmt.Sprintf("p9%d<1s", 9-i), Cause: analyze.CauseTarget, Estimate: near(at), Sustained: near(at), Breaking: near(at), Knee: near(knee)})
		}
		return s
	}
	for _, c := range []struct {
		name     string
		was, now Side
		want     string
	}{
		{"all alike", run("a", 700, 1000), run("b", 700, 1000), "a and b bear about the same: no difference can be told"},
		{"the knee came down", run("a", 700, 1000), run("b", 350, 1000), "No difference of b to a can be told in the capacity for p99<1s; its latency knee is 50 % less"},
		{"both came down", run("a", 700, 1000), run("b", 350, 500), "b bears 50 % less than a"},
		{"the knee went up, the capacity down", run("a", 700, 1000), run("b", 1400, 500), "b bears 50 % less than a; its latency knee is 100 % more"},
		{"one of two goals is told", run("a", 700, 1000, 2000), run("b", 700, 1000, 4000), "No difference of b to a can be told in the capacity for p99<1s; its capacity for p98<1s is 100 % more"},
	} {
		if got := Compare([]Side{c.was, c.now}).Headline(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	undecided := run("b", 350, 1000)
	undecided.Capacities[0].Cause = analyze.CauseBudget
	c := Compare([]Side{run("a", 700, 1000), undecided})
	if got, want := c.Headline(), "b cannot be held against the capacity of a; its latency knee is 50 % less"; got != want {
		t.Errorf("undecided: %q, want %q", got, want)
	}
	if got, want := c.Tiles()[2].Detail, "b: no decided capacity for that goal"; got != want {
		t.Errorf("undecided: the tile of the ratio says %q, want %q", got, want)
	}
	for _, row := range c.rows() {
		if row[0] == "capacity" && (strings.Contains(row[1], "not decided") || !strings.Contains(row[2], "not decided: the time was up")) {
			t.Errorf("a number that its tile does not show stands plain in a row: %q", row)
		}
	}
}

// near is an estimate of a value within two per cent.
func near(v float64) *analyze.Estimate {
	return &analyze.Estimate{Value: v, Lo: .98 * v, Hi: 1.02 * v, Confidence: .95}
}
