package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/plimsoll-load/plimsoll/scenarios"
)

// Markdown writes the short summary for a job's page or a pull request: the sentence, the four numbers, what did not pass,
// and the curve to unfold.
func Markdown(w io.Writer, r Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", md(r.Headline()), md(r.Subline()))
	for _, n := range r.Warnings() {
		fmt.Fprintf(&b, "> **%s**: %s\n\n", md(n.Code), md(n.Text))
	}
	markdownTiles(&b, r.Tiles())
	markdownGate(&b, r)
	markdownLimiter(&b, r)
	markdownChecks(&b, r)
	markdownSkipped(&b, r)
	markdownEndpoints(&b, r)
	markdownCurve(&b, r)
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownTiles(b *strings.Builder, tiles [4]Tile) {
	b.WriteString("| | | |\n| --- | ---: | --- |\n")
	for _, t := range tiles {
		fmt.Fprintf(b, "| %s | **%s**%s | %s |\n", md(t.Label), md(t.Value), md(t.Unit), md(t.Detail))
	}
}

func markdownChecks(b *strings.Builder, r Report) {
	pass, fail, unclear := r.tally()
	if fail+unclear == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %d of %s did not pass\n\n| scenario | check | outcome | want | got | why |\n| --- | --- | --- | --- | --- | --- |\n", fail+unclear, plural(pass+fail+unclear, "check"))
	for _, s := range worstFirst(r.Storms) {
		for _, c := range s.Checks {
			if c.Outcome != scenarios.Pass {
				fmt.Fprintf(b, "| %s | %s %s | %s | %s | %s | %s |\n", md(s.Scenario), md(c.ID), md(c.Name), md(string(c.Outcome)), md(c.Want), md(c.Got), md(c.Why))
			}
		}
	}
}

func markdownCurve(b *strings.Builder, r Report) {
	c := r.Capacity()
	if c == nil || len(c.Points) == 0 {
		return
	}
	b.WriteString("\n<details><summary>Latency by offered load</summary>\n\n| offered /s | ok done /s | p50 | p95 | p99 | p99.9 | failed | class |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, p := range c.Points {
		q := quantiles(p.Response)
		row := []string{Number(p.Load), Number(p.Achieved), q[0], q[1], q[2], q[3], Percent(broken(p.Counts)), string(p.Class)}
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
	fmt.Fprintf(b, "\n%s %s\n\n</details>\n", okDone, few)
}

// mdActs are the characters that a backslash keeps from acting in Markdown wherever they stand, after CommonMark 0.31 and
// GitHub's extensions: emphasis, code, links, strikes, formulas, cells.
const mdActs = "\\`*_[]~$|"

// mdBegins are those that act at the beginning of a line.
const mdBegins = "#+-=>"

// md makes text that holds nothing for Markdown or HTML to act on, and that cannot leave its line or table cell. Whatever
// would be a tag or an entity gets a backslash, but p99<250ms, which is neither, stays as it reads. After an @ stands a
// space of no width: nobody is called by the answer of a server.
func md(s string) string {
	var b strings.Builder
	text := []rune(strings.Join(strings.Fields(printable(s)), " "))
	for i, c := range text {
		next := ' '
		if i+1 < len(text) {
			next = text[i+1]
		}
		acts := strings.ContainsRune(mdActs, c) || i == 0 && strings.ContainsRune(mdBegins, c)
		switch c {
		case '<':
			acts = unicode.IsLetter(next) || strings.ContainsRune("/!?", next)
		case '&':
			acts = unicode.IsLetter(next) || next == '#'
		case '.', ')':
			acts = unicode.IsSpace(next) && strings.Trim(string(text[:i]), "0123456789") == "" // a numbered list
		}
		if acts {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
		if c == '@' {
			b.WriteRune('\u200b')
		}
	}
	return b.String()
}
