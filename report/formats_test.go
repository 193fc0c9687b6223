package report

import (
	"bytes"
	"encoding/csv"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/joshdk/go-junit"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// TestMachineFormats: whole outputs of every kind of run, as they are.
func TestMachineFormats(t *testing.T) {
	for name, entries := range fixtures() {
		for ext, write := range map[string]func(io.Writer, Report) error{"junit.xml": JUnit, "om": OpenMetrics} {
			var b bytes.Buffer
			if err := write(&b, Fold(entries)); err != nil {
				t.Fatal(name, err)
			}
			golden(t, name+"."+ext, b.Bytes())
		}
	}
	var b bytes.Buffer
	if err := CSV(&b, Fold(fixtures()["verify"])); err != nil {
		t.Fatal(err)
	}
	golden(t, "verify.csv", b.Bytes())
}

// hostile is text that each of these formats could trip over.
const hostile = "=cmd|'/c calc'!A1\n\"<b>&]]>\x00\x1b[31m\xff,;"

// TestJUnitIsReadByOthers: a reader that is not ours finds the same cases, whatever the texts hold.
func TestJUnitIsReadByOthers(t *testing.T) {
	for name, entries := range makeFixtures() {
		r := Fold(entries)
		for i := range r.Storms {
			for j := range r.Storms[i].Checks {
				r.Storms[i].Checks[j].Why = hostile
			}
		}
		var b bytes.Buffer
		if err := JUnit(&b, r); err != nil {
			t.Fatal(name, err)
		}
		suites, err := junit.Ingest(b.Bytes())
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, b.String())
		}
		pass, fail, unclear := r.tally()
		got := suites[0].Totals
		want := 1 + len(r.Capacities) + pass + fail + unclear
		if r.Gate != nil {
			want += 1 + len(r.Gate.Compared)
		}
		if got.Tests != want {
			t.Errorf("%s: %d cases, want %d: the run, each capacity, the gate and each comparison, each check", name, got.Tests, want)
		}
		if got.Failed < fail || got.Skipped < unclear {
			t.Errorf("%s: %d failed and %d skipped, want at least %d and %d", name, got.Failed, got.Skipped, fail, unclear)
		}
	}
}

// TestJUnitTellsHowARunEnded: a run that measured nothing is an error, a broken goal a failure, and doubt a skip.
func TestJUnitTellsHowARunEnded(t *testing.T) {
	runs := fixtures()
	for name, want := range map[string]junit.Status{"whole": junit.StatusPassed, "cut-off": junit.StatusError, "void": junit.StatusError, "interrupted": junit.StatusError,
		"load": junit.StatusPassed, "gate": junit.StatusPassed, "gate-runs": junit.StatusPassed, "verify-fail": junit.StatusPassed, "limited": junit.StatusPassed, "empty": junit.StatusError} {
		var b bytes.Buffer
		if err := JUnit(&b, Fold(runs[name])); err != nil {
			t.Fatal(err)
		}
		suites, err := junit.Ingest(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if got := suites[0].Tests[0].Status; got != want {
			t.Errorf("%s: the run %s, want %s", name, got, want)
		}
	}
	broken := append(runs["load"][:2:2], ending(exitBroken, "goal missed: p99"))
	var b bytes.Buffer
	if err := JUnit(&b, Fold(broken)); err != nil || !strings.Contains(b.String(), `<failure message="goal missed: p99"`) {
		t.Errorf("a missed goal is not told as a failure: %v\n%s", err, b.String())
	}
}

// TestJUnitTellsWhatAGateCameTo: each comparison by its own outcome, and the numbers as properties, to a reader not ours.
func TestJUnitTellsWhatAGateCameTo(t *testing.T) {
	runs := makeFixtures()
	for o, want := range map[gate.Outcome]junit.Status{gate.Pass: junit.StatusPassed, gate.Regression: junit.StatusFailed, gate.Undecided: junit.StatusSkipped, gate.Invalid: junit.StatusError} {
		r := Fold(runs["gate-runs"])
		r.Gate.Outcome, r.Gate.Compared = o, []gate.Compared{{What: "first", Outcome: gate.Pass, Text: hostile}, {What: "second", Outcome: o, Text: hostile}}
		var b bytes.Buffer
		if err := JUnit(&b, r); err != nil {
			t.Fatal(err)
		}
		suites, err := junit.Ingest(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var got []junit.Status
		for _, c := range suites[0].Tests[1:] {
			got = append(got, c.Status)
		}
		if all := []junit.Status{want, junit.StatusPassed, want}; !slices.Equal(got, all) {
			t.Errorf("%s: cases %v, want %v", o, got, all)
		}
		if p := suites[0].Properties; p["gate"] != string(o) || p["gate_ratio"] != "0.96" {
			t.Errorf("%s: properties %v, want its outcome and the ratio", o, p)
		}
	}
}

// TestCSVHoldsEveryWindow, and nothing that a spreadsheet would run.
func TestCSVHoldsEveryWindow(t *testing.T) {
	r := Fold(fixtures()["whole"])
	r.Trials[0].Trial.Actors = []attack.Actor{{Name: hostile}}
	var b bytes.Buffer
	if err := CSV(&b, r); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	windows := 0
	for _, m := range r.Trials {
		windows += len(m.Windows)
	}
	if len(rows) != windows+1 {
		t.Errorf("%d lines for %d windows and a head", len(rows), windows)
	}
	if got := rows[1][2]; got != "'"+hostile {
		t.Errorf("actor %q, want it quoted against formulas", got)
	}
}

// TestFormatsAreExplained: whatever a run of any kind holds, its columns, metrics and labels stand in the help, within 80 columns.
func TestFormatsAreExplained(t *testing.T) {
	help := FormatsHelp()
	for i, line := range strings.Split(help, "\n") {
		if n := utf8.RuneCountInString(line); n > columns {
			t.Errorf("line %d has %d columns: %s", i+1, n, line)
		}
	}
	explained := func(name string) {
		if !regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(name) + `(\s|$)`).MatchString(help) {
			t.Errorf("%s is not explained", name)
		}
	}
	for _, c := range columnsCSV {
		explained(c.name)
	}
	for name, entries := range fixtures() {
		var b bytes.Buffer
		if err := OpenMetrics(&b, Fold(entries)); err != nil {
			t.Fatal(name, err)
		}
		for _, f := range families(t, b.String()) {
			for _, label := range f.Metric[0].Label {
				if m := metrics[slices.IndexFunc(metrics, func(m metric) bool { return m.name == f.GetName() })]; !slices.Contains(m.labels, label.GetName()) {
					t.Errorf("label %s of %s is not explained", label.GetName(), f.GetName())
				}
			}
			explained(f.GetName() + labelled(f.GetName()))
		}
	}
}

// families reads a scrape with a reader that is not ours.
func families(t *testing.T, scrape string) map[string]*dto.MetricFamily {
	t.Helper()
	text, ended := strings.CutSuffix(scrape, "# EOF\n")
	if !ended {
		t.Error("no # EOF at the end, which OpenMetrics asks for")
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	out, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func labelled(name string) string {
	m := metrics[slices.IndexFunc(metrics, func(m metric) bool { return m.name == name })]
	if m.labels == nil {
		return ""
	}
	return "{" + strings.Join(m.labels, ",") + "}"
}

// TestOpenMetricsIsReadByOthers, and tells each check by its outcome.
func TestOpenMetricsIsReadByOthers(t *testing.T) {
	r := Fold(makeFixtures()["verify-fail"])
	r.Storms[0].Checks[0].Name = "a \"name\"\nin two lines"
	var b bytes.Buffer
	if err := OpenMetrics(&b, r); err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]int{}
	for _, m := range families(t, b.String())["plimsoll_check"].Metric {
		for _, l := range m.Label {
			if l.GetName() == "outcome" {
				outcomes[l.GetValue()]++
			}
		}
	}
	pass, fail, unclear := r.tally()
	if outcomes[string(scenarios.Pass)] != pass || outcomes[string(scenarios.Fail)] != fail || outcomes[string(scenarios.Inconclusive)] != unclear {
		t.Errorf("checks by outcome %v, want %d passed, %d failed, %d unclear", outcomes, pass, fail, unclear)
	}
}
