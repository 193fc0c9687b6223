package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// ComparisonVersion is the contract of a comparison in JSON. Within it, changes only add.
const ComparisonVersion = "plimsoll.comparison/v1"

// ComparisonSchema is the JSON Schema of what ComparisonJSON writes.
//
//go:embed schema/comparison.v1.json
var ComparisonSchema []byte

// compared is a comparison for machines. Rates are per second; what is absent is null.
type compared struct {
	Schema   string         `json:"schema"`
	Headline string         `json:"headline"`
	Runs     []comparedRun  `json:"runs"` // the first is what the others are held against
	Ratios   []toldRatio    `json:"ratios"`
	Checks   comparedChecks `json:"checks"`
	Notes    []attack.Note  `json:"notes"`
}

type comparedRun struct {
	Name string `json:"name"` // in this comparison
	RunResult
	Spec         json.RawMessage    `json:"spec,omitempty"` // left out: result.json of the run has it
	Capacities   []comparedCapacity `json:"capacities"`     // one for each goal
	Limit        *limits.Limit      `json:"limit"`
	Verification scenarios.Outcome  `json:"verification"` // "" where nothing was verified
}

type comparedCapacity struct {
	Goal      string            `json:"goal"`
	Cause     analyze.Cause     `json:"cause"`
	Estimate  *analyze.Estimate `json:"estimate"`
	Sustained *analyze.Estimate `json:"sustained"`
	Breaking  *analyze.Estimate `json:"breaking"`
	Knee      *analyze.Estimate `json:"knee"`
	BaseP99MS float64           `json:"base_p99_ms"`
}

type toldRatio struct {
	Ratio
	Told string `json:"told"`
}

type comparedChecks struct {
	Changed []ChangedCheck `json:"changed"`
	Alike   int            `json:"alike"`
	Alone   int            `json:"alone"`
}

// ComparisonJSON writes a comparison for machines.
func ComparisonJSON(w io.Writer, c Comparison) error {
	out := compared{Schema: ComparisonVersion, Headline: c.Headline(), Ratios: []toldRatio{}, Notes: append([]attack.Note{}, c.Notes...),
		Checks: comparedChecks{append([]ChangedCheck{}, c.Changed...), c.Alike, c.Alone}}
	for _, s := range c.Sides {
		run := comparedRun{Name: s.Name, RunResult: s.runResult(), Limit: s.Limit(), Verification: s.Outcome(), Capacities: []comparedCapacity{}}
		for _, k := range s.Capacities {
			run.Capacities = append(run.Capacities, comparedCapacity{k.Goal, k.Cause, k.Estimate, k.Sustained, k.Breaking, k.Knee, k.BaseP99MS})
		}
		out.Runs = append(out.Runs, run)
	}
	for _, r := range c.Ratios {
		out.Ratios = append(out.Ratios, toldRatio{r, map[int]string{-1: "less", 0: "unclear", 1: "more"}[r.Told()]})
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// changedRows and changedBytes bound the changed checks that a Markdown lists, so that it fits a pull request (65,536
// characters on GitHub) with the runs below.
const changedRows, changedBytes = 40, 50_000

// ComparisonMarkdown writes a comparison for a pull request: the sentence, the four numbers, the ratios, the checks that changed,
// and the runs to unfold.
func ComparisonMarkdown(w io.Writer, c Comparison) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n", md(c.Headline()))
	for _, n := range c.Notes {
		fmt.Fprintf(&b, "> **%s**: %s\n\n", md(n.Code), md(n.Text))
	}
	markdownTiles(&b, c.Tiles())
	if len(c.Ratios) > 0 {
		fmt.Fprintf(&b, "\n### Against %s\n\n| run | what | was | is | ratio, with its interval | so |\n| --- | --- | ---: | ---: | ---: | --- |\n", md(c.Sides[0].Name))
	}
	for _, r := range c.Ratios {
		is := "–"
		if r.Now > 0 {
			is = Number(r.Now) + "/s"
		}
		fmt.Fprintf(&b, "| %s | %s | %s/s | %s | %s | %s |\n", md(r.Side), md(r.What), Number(r.Was), is, r.Interval(), md(r.Words()))
	}
	markdownChanged(&b, c)
	markdownRuns(&b, c)
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownChanged(b *strings.Builder, c Comparison) {
	words := c.checkWords()
	if words == "" {
		return
	}
	fmt.Fprintf(b, "\n### Checks\n\n%s\n", words)
	if len(c.Changed) == 0 {
		return
	}
	markdownHead(b, "check", c.Sides)
	for i, k := range c.Changed {
		if i == changedRows || b.Len() > changedBytes {
			fmt.Fprintf(b, "| … %d more%s |\n", len(c.Changed)-i, strings.Repeat(" | ", len(c.Sides)))
			break
		}
		fmt.Fprintf(b, "| %s %s, %s", md(k.ID), md(k.Name), md(k.Scenario))
		for i, o := range k.Outcomes {
			if o == "" {
				b.WriteString(" | not asked")
				continue
			}
			fmt.Fprintf(b, " | **%s** %s", o, md(k.Got[i]))
		}
		b.WriteString(" |\n")
	}
}

func markdownRuns(b *strings.Builder, c Comparison) {
	b.WriteString("\n<details><summary>The runs</summary>\n")
	markdownHead(b, "", c.Sides)
	for _, row := range c.rows() {
		for _, text := range row {
			fmt.Fprintf(b, "| %s ", md(text))
		}
		b.WriteString("|\n")
	}
	b.WriteString("\n</details>\n")
}

// markdownHead begins a table with a column for each run.
func markdownHead(b *strings.Builder, first string, sides []Side) {
	fmt.Fprintf(b, "\n| %s ", first)
	for _, s := range sides {
		fmt.Fprintf(b, "| %s ", md(s.Name))
	}
	fmt.Fprintf(b, "|\n|%s\n", strings.Repeat(" --- |", len(sides)+1))
}
