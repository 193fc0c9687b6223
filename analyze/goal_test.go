package analyze_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

func TestGoalsReadAsTheyAreWritten(t *testing.T) {
	for _, row := range []struct {
		terms []string
		want  string
	}{
		{nil, "failed<1%"},
		{[]string{"p99<250ms"}, "p99<250ms failed<1%"},
		{[]string{"p99.9 < 1s", "p50<20ms", "failed<0.5%"}, "p99.9<1s p50<20ms failed<0.5%"},
		{[]string{"failed<0%"}, "failed<0%"},
	} {
		var g analyze.Goal
		for _, term := range row.terms {
			if err := g.Parse(term); err != nil {
				t.Errorf("Parse(%q): %v", term, err)
			}
		}
		if got := g.String(); got != row.want {
			t.Errorf("%q reads %q, want %q", row.terms, got, row.want)
		}
	}
}

func TestPromisesPart(t *testing.T) {
	for _, row := range []struct {
		texts []string
		want  string
	}{
		{nil, "failed<1%"},
		{[]string{"p99<250ms", "failed<2%"}, "p99<250ms failed<2%"},
		{[]string{"p99<250ms,failed<2%"}, "p99<250ms failed<2%"},
		{[]string{"p99<100ms", "p99<250ms"}, "p99<100ms failed<1% | p99<250ms failed<1%"},
		{[]string{"p99<100ms", "failed<2%", "p99<250ms", "p50<20ms"}, "p99<100ms p50<20ms failed<2% | p99<250ms p50<20ms failed<2%"},
		{[]string{"p99<100ms,failed<2%", "p99<250ms,failed<5%"}, "p99<100ms failed<2% | p99<250ms failed<5%"},
		{[]string{"p99<100ms,p50<20ms", "p99<250ms"}, "p99<100ms p50<20ms failed<1% | p99<250ms failed<1%"},
		{[]string{"p99<100ms", "p99<100ms"}, "p99<100ms failed<1%"},
	} {
		goals, err := analyze.ParseGoals(row.texts)
		if err != nil {
			t.Errorf("ParseGoals(%q): %v", row.texts, err)
		}
		var got []string
		for _, g := range goals {
			got = append(got, g.String())
		}
		if joined := strings.Join(got, " | "); joined != row.want {
			t.Errorf("%q promise %s, want %s", row.texts, joined, row.want)
		}
	}
	if _, err := analyze.ParseGoals([]string{"p99<1s,fast"}); err == nil || !strings.Contains(err.Error(), `"fast" is no goal`) {
		t.Errorf("a term that is none: %v", err)
	}
}

func TestGoalsRefuseWhatTheyCannotRead(t *testing.T) {
	for term, want := range map[string]string{
		"p99":           "no goal",
		"p99<250":       "no duration",
		"p99<-1s":       "no duration",
		"q99<250ms":     "no quantile",
		"p100<250ms":    "no quantile",
		"p0<250ms":      "no quantile",
		"failed<0.01":   "% sign",
		"failed<101%":   "no percentage",
		"failed<many%":  "no percentage",
		"p99>250ms":     "no goal",
		"p99<=250ms":    "no duration",
		"latency<250ms": "no quantile",
	} {
		var g analyze.Goal
		if err := g.Parse(term); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want an error with %q", term, err, want)
		}
	}
}

func TestMissedNamesEachTermThatBroke(t *testing.T) {
	var g analyze.Goal
	for _, term := range []string{"p50<20ms", "p99<100ms", "failed<1%"} {
		if err := g.Parse(term); err != nil {
			t.Fatal(err)
		}
	}
	w := attack.Window{Counts: attack.Counts{Due: 100, OK: 97, Failed: 3}}
	w.Response.RecordN(10*time.Millisecond, 90)
	w.Response.RecordN(300*time.Millisecond, 7)
	if got := strings.Join(g.Missed(w), "; "); !strings.Contains(got, "p99 is") || !strings.Contains(got, "3.00% failed") || strings.Contains(got, "p50") {
		t.Errorf("missed %q, want p99 and the failures, not p50", got)
	}
	w.OK, w.Failed = 100, 0
	if got := (analyze.Goal{}).Missed(w); len(got) != 0 {
		t.Errorf("missed %q of no goal and no failure, want nothing", got)
	}
}
