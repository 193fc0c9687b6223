package report

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// evils are texts that each of the formats could trip over: markup, scripts, links, formulas, cells, escape sequences, lines
// of their own, and words longer than a line.
var evils = []string{
	`</script><img src=x onerror=alert(1)>"'{{.}}` + "`${1}",
	"=HYPERLINK(\"http://evil.example\",\"x\")|a,b;c\n\n# heading\n\n<script>alert(1)</script>",
	"\x1b]0;owned\x07\x1b[2J\x1b[31mred\u202egnp.exe\u009b5m\r\b",
	"![i](http://evil.example/x.png) [l](javascript:alert(1)) <http://evil.example> @team ***b*** ~~s~~ $x$ &lt;b&gt; | c ``` --> ]]>",
	"@SUM(1+1)*cmd|' /C calc'!A0",
	strings.Repeat("unbreakable", 30),
}

// poisoned is a journal with every free text of it replaced by evil: names, reasons, errors, headers, notes, and the words of
// the specification, but not the words of a closed list (outcomes, classes), which have types of their own.
func poisoned(entries []journal.Entry, evil string) []journal.Entry {
	var out []journal.Entry
	for _, e := range entries {
		out = append(out, poison(reflect.ValueOf(e), evil).Interface().(journal.Entry))
	}
	return out
}

// poison is a deep copy of a value with its texts replaced.
func poison(v reflect.Value, evil string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch {
	case v.Type() == reflect.TypeFor[string]():
		if v.String() != "" {
			out.SetString(evil)
		}
		return out
	case v.Kind() == reflect.Pointer && !v.IsNil():
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(poison(v.Elem(), evil))
		return out
	case v.Kind() == reflect.Struct:
		out.Set(v)
		for i := range v.NumField() {
			switch field := v.Type().Field(i); {
			case !field.IsExported(), field.Name == "Schema", field.Name == "Command":
			case field.Name == "Scenario": // by which a report tells verdicts apart
				out.Field(i).SetString(evil + v.Field(i).String())
			default:
				out.Field(i).Set(poison(v.Field(i), evil))
			}
		}
		return out
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8 && !v.IsNil():
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(poison(v.Index(i), evil))
		}
		return out
	case v.Kind() == reflect.Map && !v.IsNil():
		out.Set(reflect.MakeMap(v.Type()))
		for key, value := range v.Seq2() {
			out.SetMapIndex(poison(key, evil), poison(value, evil))
		}
		return out
	}
	return v
}

// eachPoisoned calls f for every kind of run, or only for those named, and every evil. In short, two runs and two evils must
// do: it is slow under the race detector, which has nothing to find in one goroutine.
func eachPoisoned(t *testing.T, f func(t *testing.T, r Report), names ...string) {
	t.Helper()
	runs := fixtures()
	if names == nil {
		names = sortedKeys(runs)
	}
	evils := evils
	if testing.Short() {
		names, evils = []string{"verify-fail", "gate-runs"}, evils[1:3]
	}
	for _, name := range names {
		for _, evil := range evils {
			f(t, Fold(poisoned(runs[name], evil)))
			if t.Failed() {
				t.Fatalf("in a run of the kind %s, where every text is %q", name, evil)
			}
		}
	}
}

func drawnBy(t *testing.T, r Report, write func(io.Writer, Report) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPoisonReachesEveryText(t *testing.T) {
	r := Fold(poisoned(fixtures()["verify-fail"], "evil"))
	x := r.Storms[0].Checks[1].Evidence[0]
	for what, text := range map[string]string{"title": r.Run.Title, "why": r.Storms[0].Checks[1].Why, "header": x.Headers["evil"], "fix": r.Trials[0].Checks[2].Fix, "environment": r.Run.Environment["evil"], "actor": r.Trials[0].Trial.Actors[0].Name} {
		if text != "evil" {
			t.Errorf("the %s is %q, want it replaced", what, text)
		}
	}
	if r.Storms[0].Outcome != "fail" {
		t.Errorf("the outcome is %q, want it as it was", r.Storms[0].Outcome)
	}
}

// TestNothingHostileActsInAPage: what would be a tag, a handler or the end of a script is text.
func TestNothingHostileActsInAPage(t *testing.T) {
	tags := regexp.MustCompile(`(?i)<img src=x|<script>alert|</script><img|href="?javascript:`)
	eachPoisoned(t, func(t *testing.T, r Report) {
		page := drawnBy(t, r, HTML)
		if at := tags.FindStringIndex(page); at != nil {
			t.Errorf("markup of the journal acts in the page: %s", page[max(0, at[0]-80):at[1]+40])
		}
	}, "verify-fail", "gate", "load", "interrupted")
}

// allowedTags are those of a summary as GitHub renders it.
var allowedTags = []string{"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "strong", "blockquote", "details", "summary"}

// TestNothingHostileActsInMarkdown: a renderer that is not ours makes of a summary, and of a comparison, no tag but those of its
// tables and headings, as many of them as for a run without malice, and shows every text as it was.
func TestNothingHostileActsInMarkdown(t *testing.T) {
	gfm := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	tag := regexp.MustCompile(`<(/?)([a-zA-Z!][a-zA-Z0-9]*)`)
	against := func(w io.Writer, r Report) error {
		return ComparisonMarkdown(w, Compare([]Side{{r.Name(), r}, {"after", slower()}}, attack.Note{Code: r.Name(), Text: r.Name()}))
	}
	eachPoisoned(t, func(t *testing.T, r Report) {
		for _, write := range []func(io.Writer, Report) error{Markdown, against} {
			var page bytes.Buffer
			if err := gfm.Convert([]byte(drawnBy(t, r, write)), &page); err != nil {
				t.Fatal(err)
			}
			for _, m := range tag.FindAllStringSubmatch(strings.ReplaceAll(page.String(), `<a href="http`, ""), -1) { // an address that GitHub links by itself shows where it goes
				if !slices.Contains(allowedTags, m[2]) && !(m[1] == "/" && m[2] == "a") {
					t.Errorf("the summary holds the tag %s: %s", m[0], page.String())
					return
				}
			}
			if strings.Contains(page.String(), "&amp;lt;") != strings.Contains(r.Name(), "&lt;") {
				t.Errorf("the summary shows an entity as it is written: %s", page.String())
			}
		}
	})
}

// TestMarkdownReadsAsItIsMeant by a renderer that is not ours.
func TestMarkdownReadsAsItIsMeant(t *testing.T) {
	for in, want := range map[string]string{
		"p99<250ms failed<1%":           "p99&lt;250ms failed&lt;1%",
		"<b>bold</b> & <!-- c --> &lt;": "&lt;b&gt;bold&lt;/b&gt; &amp; &lt;!-- c --&gt; &amp;lt;",
		"*a* _b_ `c` [d](e) ~~f~~ \\":   "*a* _b_ `c` [d](e) ~~f~~ \\",
		"# no heading":                  "# no heading",
		"1. no list":                    "1. no list",
		"- no list":                     "- no list",
		"> 99.99 % of 1,400 | ok":       "&gt; 99.99 % of 1,400 | ok",
		"two\n\nlines":                  "two lines",
		"@team":                         "@\u200bteam",
	} {
		var page bytes.Buffer
		if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(md(in)), &page); err != nil {
			t.Fatal(err)
		}
		if got := page.String(); got != "<p>"+want+"</p>\n" {
			t.Errorf("%q is written %q and reads %q, want %q", in, md(in), got, want)
		}
	}
}

// TestNothingHostileActsInATerminal, and no line is longer than 80 columns, whatever a text holds.
func TestNothingHostileActsInATerminal(t *testing.T) {
	for _, write := range []func(io.Writer, Report) error{Text, Brief} {
		eachPoisoned(t, func(t *testing.T, r Report) {
			for _, line := range strings.Split(drawnBy(t, r, write), "\n") {
				if strings.ContainsFunc(line, func(c rune) bool { return unicode.IsControl(c) || c == '\u202e' }) {
					t.Errorf("what acts on a terminal is in the line %q", line)
				}
				if n := utf8.RuneCountInString(line); n > columns {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

// TestNothingHostileActsInASpreadsheet: no cell begins with what begins a formula.
func TestNothingHostileActsInASpreadsheet(t *testing.T) {
	eachPoisoned(t, func(t *testing.T, r Report) {
		rows, err := csv.NewReader(strings.NewReader(drawnBy(t, r, CSV))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if i := slices.IndexFunc(row, func(cell string) bool { return cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) }); i >= 0 {
				t.Errorf("the cell %q begins a formula", row[i])
			}
		}
	})
}

// TestNothingHostileBreaksWhatMachinesRead: XML is XML, a scrape is a scrape, and a result keeps to its schema.
func TestNothingHostileBreaksWhatMachinesRead(t *testing.T) {
	eachPoisoned(t, func(t *testing.T, r Report) {
		var suites struct {
			XMLName xml.Name `xml:"testsuites"`
		}
		if err := xml.Unmarshal([]byte(drawnBy(t, r, JUnit)), &suites); err != nil {
			t.Errorf("JUnit: %v", err)
		}
		if got, want := sortedKeys(families(t, drawnBy(t, r, OpenMetrics))), sortedKeys(families(t, drawnBy(t, Fold(nil), OpenMetrics))); len(got) < len(want) {
			t.Errorf("OpenMetrics: families %v, want at least %v", got, want)
		}
		drawnBy(t, r, JSON)
	})
}

// TestPicturesBearAnything: words of any length and kind stay on a picture.
func TestPicturesBearAnything(t *testing.T) {
	eachPoisoned(t, func(t *testing.T, r Report) {
		pictures := []*picture{r.capacityPicture(), r.spectrumPicture()}
		for _, s := range r.Storms {
			pictures = append(pictures, r.stormPicture(s))
		}
		for _, p := range slices.DeleteFunc(pictures, func(p *picture) bool { return p == nil }) {
			for _, fault := range unreadable(p) {
				t.Error(fault)
			}
		}
	}, "whole", "limited")
}

// TestFileNamesStayInTheFolder, whatever a scenario is called.
func TestFileNamesStayInTheFolder(t *testing.T) {
	plain := regexp.MustCompile(`^[a-z0-9._-]+$`)
	for _, evil := range append(slices.Clone(evils), "../../etc/passwd", "..", "a/b\\c") {
		for _, o := range Fold(poisoned(fixtures()["verify"], evil)).outputs() {
			if !plain.MatchString(o.name) || strings.HasPrefix(o.name, ".") || len(o.name) > 120 {
				t.Errorf("a file is called %q", o.name)
			}
		}
	}
}
