package report

import (
	"fmt"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze/gate"
)

// gateHeadline is the sentence of a gate.
func (r Report) gateHeadline() string {
	name := r.Name()
	switch r.Gate.Outcome {
	case gate.Pass:
		return fmt.Sprintf("%s bears what its baseline bore", name)
	case gate.Regression:
		return fmt.Sprintf("%s bears less than its baseline", name)
	case gate.Invalid:
		return fmt.Sprintf("Nothing is decided of %s: the gate is invalid", name)
	}
	return fmt.Sprintf("Whether %s bears what its baseline bore is undecided", name)
}

// gateTiles are the four numbers of a gate.
func (r Report) gateTiles() [4]Tile {
	g := r.Gate
	tone := map[gate.Outcome]Tone{gate.Pass: Good, gate.Regression: Bad}[g.Outcome]
	if tone == "" {
		tone = Dubious
	}
	tiles := [4]Tile{{Label: "gate", Value: string(g.Outcome), Tone: tone, Detail: fmt.Sprintf("a loss of %.4g %% is borne", 100*g.Tolerance)},
		{Label: "ratio to baseline", Value: "–", Detail: "blocks alone tell on which side of the tolerance it lies"},
		{Label: "baseline", Value: "–", Detail: "no load was sent"},
		{Label: "load of a block", Value: "–", Detail: "no load was sent"}}
	if len(g.Compared) > 0 {
		tiles[2], tiles[3] = comparedTiles(g.Compared)
	}
	if e := g.Ratio; e != nil {
		tiles[1].Value, tiles[1].Detail = fmt.Sprintf("%.3f", e.Value), fmt.Sprintf("%.3f to %.3f", e.Lo, e.Hi)
		if e.Confidence > 0 {
			tiles[1].Detail = round(e.Confidence) + " interval " + tiles[1].Detail
		}
	}
	if g.Baseline > 0 {
		tiles[2].Value, tiles[2].Unit, tiles[2].Detail = Number(g.Baseline), "/s", "sustained"
	}
	if g.Load > 0 {
		held := 0
		for _, b := range g.Blocks {
			if b.Held {
				held++
			}
		}
		tiles[3].Value, tiles[3].Unit, tiles[3].Detail = Number(g.Load), "/s", fmt.Sprintf("%d of %s held", held, plural(len(g.Blocks), "block"))
	}
	return tiles
}

// comparedTiles are what finished runs bore before and now, where the ratio is the lowest.
func comparedTiles(all []gate.Compared) (before, now Tile) {
	const none = "no capacity was compared"
	before, now = Tile{Label: "baseline", Value: "–", Detail: none}, Tile{Label: "now", Value: "–", Detail: none}
	lowest := gate.Compared{}
	for _, c := range all {
		if c.Ratio != nil && (lowest.Ratio == nil || c.Ratio.Value < lowest.Ratio.Value) {
			lowest = c
		}
	}
	if lowest.Base > 0 && lowest.Head > 0 {
		before.Value, before.Unit, before.Detail = Number(lowest.Base), "/s", "capacity before"
		now.Value, now.Unit, now.Detail = Number(lowest.Head), "/s", "capacity of what is gated"
	}
	return before, now
}

// GateRow is one block, or one comparison, of a gate in words.
type GateRow struct {
	What, Text string
	Tone       Tone
}

// GateRows are the evidence of a gate, in order.
func (r Report) GateRows() (rows []GateRow) {
	if r.Gate == nil {
		return nil
	}
	for i, b := range r.Gate.Blocks {
		row := GateRow{What: fmt.Sprintf("block %d held", i+1), Text: b.Why, Tone: Good}
		if !b.Held {
			row.What, row.Tone = fmt.Sprintf("block %d did not hold", i+1), Bad
		}
		rows = append(rows, row)
	}
	for _, c := range r.Gate.Compared {
		tone := map[gate.Outcome]Tone{gate.Pass: Good, gate.Regression: Bad}[c.Outcome]
		if tone == "" {
			tone = Dubious
		}
		rows = append(rows, GateRow{What: c.What + ": " + string(c.Outcome), Text: c.Text, Tone: tone})
	}
	return rows
}

func (t *page80) gate(r Report) {
	if r.Gate == nil {
		return
	}
	t.head("Gate")
	t.wrapped("  ", sentence(r.Gate.Text))
	if r.Gate.Fix != "" {
		t.wrapped("  ", sentence(r.Gate.Fix))
	}
	for _, row := range r.GateRows() {
		t.hanging("  "+cell(row.What, 24), strings.Repeat(" ", 26), row.Text)
	}
}

func markdownGate(b *strings.Builder, r Report) {
	if r.Gate == nil {
		return
	}
	fmt.Fprintf(b, "\n**%s**: %s\n", md(string(r.Gate.Outcome)), md(sentence(r.Gate.Text)))
	if r.Gate.Fix != "" {
		fmt.Fprintf(b, "\n%s\n", md(sentence(r.Gate.Fix)))
	}
	b.WriteString("\n<details><summary>Evidence</summary>\n\n| | |\n| --- | --- |\n")
	for _, row := range r.GateRows() {
		fmt.Fprintf(b, "| %s | %s |\n", md(row.What), md(row.Text))
	}
	b.WriteString("\n</details>\n")
}
