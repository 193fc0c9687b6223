package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// inActions sets the stage that GitHub sets, and reads what was left on it.
func inActions(t *testing.T) (read func(name string) string) {
	dir := t.TempDir()
	t.Setenv("GITHUB_ACTIONS", "true")
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(dir, "summary"))
	t.Setenv("GITHUB_OUTPUT", filepath.Join(dir, "output"))
	return func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(b)
	}
}

func verified(outcome scenarios.Outcome, why string) report.Report {
	v := scenarios.Verdict{Scenario: "overload", Outcome: outcome, Checks: []scenarios.Check{
		{ID: "V01", Name: "rate: kept, or not", Outcome: outcome, Want: "100/s", Got: "200/s", Why: why}, {ID: "V02", Name: "burst", Outcome: scenarios.Pass}}}
	return report.Fold([]journal.Entry{{Run: &journal.Run{Command: "verify", Title: "shop", Limit: &limits.Limit{Rate: 100, Burst: 7}}}, {Verdict: &v}})
}

func TestGitHubIsToldWhatDidNotPass(t *testing.T) {
	read := inActions(t)
	var out bytes.Buffer
	if err := tellGitHub(&out, "runs/x", verified(scenarios.Fail, "50% more\n::error::planted"), exitBroken); err != nil {
		t.Fatal(err)
	}
	want := "::error title=plimsoll::The throttle in front of shop does not hold: 1 check failed\n" +
		"::error title=V01 rate%3A kept%2C or not::overload: want 100/s, got 200/s: 50%25 more%0A::error::planted\n"
	if out.String() != want {
		t.Errorf("annotations\n%swant\n%s", out.String(), want)
	}
	if s := read("summary"); !strings.HasPrefix(s, "## The throttle in front of shop does not hold") {
		t.Errorf("summary %q", s)
	}
	outputs := read("output")
	for _, want := range []string{"exit<<plimsoll-", "\n1\n", "rate<<", "\n100\n", "burst<<", "\n7\n", filepath.Join("runs/x", "report.html")} {
		if !strings.Contains(outputs, want) {
			t.Errorf("outputs lack %q:\n%s", want, outputs)
		}
	}
}

// order is a command as GitHub's runner takes it from an output.
type order struct{ name, title, text string }

// orders reads an output as actions/runner does (ActionCommand.cs): a command begins a line, whatever blanks stand before it, or
// stands anywhere in the older form.
func orders(output string) (out []order) {
	unescape := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace
	for _, line := range regexp.MustCompile("\r\n|\r|\n").Split(output, -1) {
		if newer, is := strings.CutPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::"); is {
			if head, text, whole := strings.Cut(newer, "::"); whole {
				name, properties, _ := strings.Cut(head, " ")
				title, _, _ := strings.Cut(strings.TrimPrefix(properties, "title="), ",")
				out = append(out, order{name, unescape(title), unescape(text)})
				continue
			}
		}
		if _, older, is := strings.Cut(line, "##["); is && strings.Contains(older, "]") {
			out = append(out, order{name: older})
		}
	}
	return out
}

// injections are texts of a target that would be commands if they stood where a command may.
var injections = []string{"x\n::error::planted", "x\r\n  ::set-output name=exit::0", "a,file=/etc/passwd::planted%0A::error::b", "\u2028\u00a0::stop-commands::x", "::add-mask::e",
	"##[set-output name=exit]0", strings.Repeat("word ", 9) + "::error::wrapped to the beginning of a line " + strings.Repeat("::warning::also ", 9), "%250A::error::c", "::", "%"}

// TestAnnotationsHoldOneOrderEach, with the texts as they were.
func TestAnnotationsHoldOneOrderEach(t *testing.T) {
	for _, evil := range injections {
		r := verified(scenarios.Fail, evil)
		r.Run.Title = evil
		c := &r.Storms[0].Checks[0]
		r.Storms[0].Scenario, c.ID, c.Name, c.Want, c.Got = evil, evil, evil, evil, evil
		var out, failed bytes.Buffer
		annotate(&out, r, exitBroken)
		got, want := orders(out.String()), []order{{"error", "plimsoll", r.Headline()}, {"error", evil + " " + evil, evil + ": want " + evil + ", got " + evil + ": " + evil}}
		if !slices.Equal(got, want) {
			t.Errorf("%q is read as %q, want %q", out.String(), got, want)
		}
		t.Setenv("GITHUB_ACTIONS", "true")
		if err := tellGitHubError(&failed, errors.New(evil)); err != nil {
			t.Fatal(err)
		}
		if got := orders(failed.String()); !slices.Equal(got, []order{{"error", "plimsoll", evil}}) {
			t.Errorf("%q is read as %q", failed.String(), got)
		}
	}
}

// TestNothingATargetSaysIsAnOrder in anything that is printed in a step, and JSON says there what it says elsewhere. Outside of
// GitHub the same texts would be commands: the test can see them.
func TestNothingATargetSaysIsAnOrder(t *testing.T) {
	seen := 0
	for _, evil := range injections {
		dir := t.TempDir()
		w, err := journal.Create(filepath.Join(dir, journalName))
		if err != nil {
			t.Fatal(err)
		}
		v := scenarios.Verdict{Scenario: evil, Title: evil, Outcome: scenarios.Fail, Checks: []scenarios.Check{{ID: evil, Name: evil, Outcome: scenarios.Fail, Want: evil, Got: evil, Why: evil}}}
		for _, e := range []journal.Entry{{Run: &journal.Run{Schema: journal.Schema, Command: "verify", Title: evil, Target: evil}}, {Verdict: &v}, {Note: &attack.Note{Code: evil, Text: evil}}, {End: &journal.End{Exit: exitBroken, Outcome: evil}}} {
			if err := w.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"text", "json", "md", "junit", "csv", "openmetrics"} {
			t.Setenv("GITHUB_ACTIONS", "")
			_, plain, _ := outcomeOf("report", dir, "--format", format)
			seen += len(orders(plain))
			t.Setenv("GITHUB_ACTIONS", "true")
			code, stdout, stderr := outcomeOf("report", dir, "--format", format)
			if got := orders(stdout + stderr); code != exitKept || got != nil {
				t.Errorf("exit %d, %s of %q holds %q", code, format, evil, got)
			}
			if format != "json" {
				continue
			}
			var a, b any
			if err := errors.Join(json.Unmarshal([]byte(plain), &a), json.Unmarshal([]byte(stdout), &b)); err != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("of %q JSON says something else in a step: %v", evil, err)
			}
		}
	}
	if seen == 0 {
		t.Error("no text was a command outside of GitHub: the test sees nothing")
	}
}

// TestInertWhereverAWriteEnds: what is held does not depend on how it is cut into writes.
func TestInertWhereverAWriteEnds(t *testing.T) {
	const said = "a::b\n \t::error::x\r##[group]y # #[z] ###[w]\n\u00a0::v é: [ok]\n"
	const want = "a::b\n \t\\u003a:error::x\r##\\u005bgroup]y # #[z] ###\\u005bw]\n\u00a0\\u003a:v é: [ok]\n"
	for n := 1; n <= len(said); n++ {
		var out bytes.Buffer
		w := &inert{w: &out}
		for part := range slices.Chunk([]byte(said), n) {
			if wrote, err := w.Write(part); wrote != len(part) || err != nil {
				t.Fatal(wrote, err)
			}
		}
		if out.String() != want {
			t.Fatalf("in writes of %d bytes %q, want %q", n, out.String(), want)
		}
	}
}

func TestGitHubHearsDoubtAsAWarningAndSuccessAsANotice(t *testing.T) {
	inActions(t)
	for outcome, c := range map[scenarios.Outcome]struct {
		code int
		want string
	}{scenarios.Inconclusive: {exitUndecided, "::warning title=plimsoll::"}, scenarios.Pass: {exitKept, "::notice title=plimsoll::"}} {
		var out bytes.Buffer
		if err := tellGitHub(&out, "x", verified(outcome, "why"), c.code); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), c.want) {
			t.Errorf("%s: %q, want it to begin %q", outcome, out.String(), c.want)
		}
	}
}

func TestOutsideOfGitHubNothingIsSaid(t *testing.T) {
	read := inActions(t)
	t.Setenv("GITHUB_ACTIONS", "")
	var out bytes.Buffer
	if err := tellGitHub(&out, "x", verified(scenarios.Fail, "why"), exitBroken); err != nil || out.Len() > 0 || read("summary")+read("output") != "" {
		t.Errorf("said %q, %v", out.String(), err)
	}
}

// What is redirected to a file is written as it is.
func TestAFileIsNotReadByTheRunner(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "comment.md"))
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = f.Close(), r.Close(), w.Close() })
	if _, ok := readByRunner(f).(*inert); ok {
		t.Error("a file's text is changed")
	}
	if _, ok := readByRunner(w).(*inert); !ok {
		t.Error("a pipe's text can be a command")
	}
}
