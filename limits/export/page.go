package export

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"go/format"
	"io"
	"math"
	"strconv"
	"strings"
	"text/template"
	"unicode"
)

//go:embed templates
var templates embed.FS

// Page is what a template sees: the policy that the file holds (its numbers are the corrected ones), and beside it the
// one that was asked for.
type Page struct {
	Policy
	Asked  Policy
	Format Format
	Deltas []Delta
	Proof  string // the verify command
}

// Write writes the policy in this format.
func (f Format) Write(w io.Writer, p Policy) error {
	page, err := f.page(p)
	if err != nil {
		return err
	}
	text := template.New(f.Template)
	part := func(name string, data any) (string, error) {
		var b strings.Builder
		err := text.ExecuteTemplate(&b, name, data)
		return b.String(), err
	}
	text.Funcs(words).Funcs(gatewayWords).Funcs(template.FuncMap{"part": part}).Option("missingkey=error")
	if _, err := text.ParseFS(templates, "templates/part_*.tmpl", "templates/"+f.Template); err != nil {
		return err
	}
	var all bytes.Buffer // nothing half-written
	if err := text.Execute(&all, page); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	done := all.Bytes()
	if strings.HasSuffix(f.File, ".go") {
		if done, err = format.Source(done); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	_, err = w.Write(done)
	return err
}

func (f Format) page(p Policy) (Page, error) {
	held, err := f.Held(p)
	if err != nil {
		return Page{}, err
	}
	page := Page{Policy: held, Asked: p.clone(), Format: f}
	if page.Deltas, err = f.Departures(p); err != nil {
		return page, err
	}
	page.Proof, err = f.Verify(p)
	return page, err
}

// Head is the comment at the top of a file, each line behind a prefix: what it is, who checked it, why the numbers are
// what they are, how the platform departs from them, and what proves it.
func (g Page) Head(prefix string) string {
	var lines []string
	say := func(lead, text string) { lines = append(lines, wrap(lead, oneLine(text), 110-len(prefix))...) }
	say("", fmt.Sprintf("%s for %s: %s/s, %d at once from rest. Written by plimsoll export --to %s.", g.Format.Title, g.Service, Number(g.Asked.Rate), g.Asked.Burst, g.Format.Name))
	checked := "unchecked: there is no checker for this format that plimsoll could be tested against"
	if g.Format.Checker != "" {
		checked = "the form of this file is checked with " + g.Format.Checker
	}
	say("", checked)
	lists := []struct {
		title string
		lines []string
	}{{"Why these numbers:", g.Because}, {"Mind:", g.Notes}, {"How this differs from a token bucket:", g.deltaLines()}}
	for _, l := range lists {
		if len(l.lines) == 0 {
			continue
		}
		say("", l.title)
		for _, text := range l.lines {
			say("- ", text)
		}
	}
	say("", "Prove it: "+g.Proof)
	return prefix + strings.Join(lines, "\n"+prefix)
}

func (g Page) deltaLines() (lines []string) {
	for _, d := range g.Deltas {
		text := d.Text
		if d.Corrected {
			text += " (corrected in the numbers)"
		}
		lines = append(lines, text)
	}
	return lines
}

// words are the functions of templates. Names are safe by Policy.Validate; sentences are not, and go through one of them.
var words = template.FuncMap{
	"quote": Quote, "ident": Ident, "camel": Camel, "num": Number, "line": oneLine, "lower": strings.ToLower, "upper": strings.ToUpper,
	"retryAfter": RetryAfter, "indent": indent,
	"prom": promDuration, "thousands": Thousands,
	"less":  func(a, b int) int { return a - b },
	"times": func(a, b float64) float64 { return a * b },
	"int":   func(v float64) int { return int(math.Round(v)) },
}

// Quote is a string in double quotes that JSON, YAML and Go read alike.
func Quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// Ident turns a name into small letters, digits and underscores, never beginning with a digit.
func Ident(name string) string {
	id := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, strings.ToLower(name))
	if id != "" && id[0] >= '0' && id[0] <= '9' {
		return "n" + id
	}
	return id
}

// Camel turns a name into letters and digits alone, in one-to-one step with Ident, for languages without underscores.
func Camel(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(Ident(name), "_") {
		if part == "" {
			b.WriteByte('X')
			continue
		}
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// kube turns a name into one for Kubernetes: small letters, digits and dashes.
func kube(name string) string { return strings.ReplaceAll(Ident(name), "_", "-") }

// indent moves all lines to the right.
func indent(n int, s string) string {
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(s, "\n", "\n"+pad)
}

// Number is the shortest decimal form, without an exponent.
func Number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// oneLine makes a sentence safe for a comment: no line ends of any kind, nothing invisible.
func oneLine(s string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) && (r == ' ' || !unicode.IsSpace(r)) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "?"))
	return strings.Join(strings.Fields(clean), " ")
}

// wrap breaks a line between words.
func wrap(lead, text string, width int) (lines []string) {
	line, indent := lead, strings.Repeat(" ", len(lead))
	for word := range strings.FieldsSeq(text) {
		if len(line) > len(lead) && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
