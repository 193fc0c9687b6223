package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/plimsoll-load/plimsoll/scenarios"
)

//go:embed assets/comparison.tmpl
var comparisonAsset string

// comparisonTemplate takes the forms of charts and tables from the page of a run.
var comparisonTemplate = template.Must(template.Must(pageTemplate.Clone()).New("comparison.tmpl").Parse(comparisonAsset))

type comparisonPage struct {
	C      Comparison
	Charts map[string]*Chart
	Ratios []ratioView
	Checks string
	Rows   [][]string
	PNG    template.URL
	frame
}

// ratioView is a ratio and where its interval lies on a line that all ratios share, in per cent of its length.
type ratioView struct {
	Ratio
	Tone           Tone
	Lo, At, Hi, Is float64 // Is is where 1 lies
}

// ComparisonHTML writes a comparison as one file that works without a network, as HTML does a run.
func ComparisonHTML(w io.Writer, c Comparison) error {
	picture := inPage(func(w io.Writer) (bool, error) { return ComparisonPNG(w, c) })
	p := comparisonPage{C: c, Charts: map[string]*Chart{}, Ratios: c.ratioViews(), Checks: c.checkWords(), Rows: c.rows()}
	charts := c.Charts()
	for i := range charts {
		p.Charts[charts[i].ID] = &charts[i]
	}
	var unframed, undrawn error
	p.frame, unframed = framed(charts)
	p.PNG, undrawn = picture()
	if err := errors.Join(unframed, undrawn); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	var out bytes.Buffer
	if err := comparisonTemplate.Execute(&out, p); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// ComparisonPNG draws the curves over one another. It is false when fewer than two runs have one.
func ComparisonPNG(w io.Writer, c Comparison) (drawn bool, err error) {
	charts := c.Charts()
	if len(charts) == 0 {
		return false, nil
	}
	return (&picture{c.Headline(), charts[0].Subtitle, charts[0], &charts[1]}).png(w, false)
}

// WriteComparison writes comparison.html and comparison.png into dir, or those of the formats given, each in one step.
func WriteComparison(dir string, c Comparison, formats ...string) error {
	var chosen []output
	for _, f := range formats {
		switch f {
		case "html":
			chosen = append(chosen, output{f, "comparison.html", func(w io.Writer) (bool, error) { return true, ComparisonHTML(w, c) }})
		case "png":
			chosen = append(chosen, output{f, "comparison.png", func(w io.Writer) (bool, error) { return ComparisonPNG(w, c) }})
		default:
			return fmt.Errorf("no file of a comparison has format %q, want html or png", f)
		}
	}
	return write(dir, chosen)
}

// ratioViews lay the intervals of all ratios on one logarithmic line, on which as much more lies as far from 1 as as much less.
func (c Comparison) ratioViews() (out []ratioView) {
	reach := math.Log(1.1)
	for _, r := range c.Ratios {
		if r.By != nil && r.By.Lo > 0 {
			reach = max(reach, -math.Log(r.By.Lo), math.Log(r.By.Hi))
		}
	}
	at := func(v float64) float64 {
		return math.Round(1000*min(max(50+48*math.Log(v)/reach, 0), 100)) / 1000
	}
	for _, r := range c.Ratios {
		v := ratioView{Ratio: r, Is: 50, Tone: map[int]Tone{-1: Bad, 1: Good}[r.Told()]}
		if r.By != nil && r.By.Lo > 0 {
			v.Lo, v.At, v.Hi = at(r.By.Lo), at(r.By.Value), at(r.By.Hi)
		}
		out = append(out, v)
	}
	return out
}

// ComparisonText writes a comparison for a terminal of 80 columns.
func ComparisonText(w io.Writer, c Comparison) error {
	var t page80
	t.wrapped("", c.Headline())
	for _, tile := range c.Tiles() {
		t.hanging("  "+cell(tile.Label, 22)+cell(tile.Value+tile.Unit, 12), strings.Repeat(" ", 36), tile.Detail)
	}
	for i, r := range c.Ratios {
		if i == 0 {
			t.head("Against " + c.Sides[0].Name)
		}
		t.wrapped("  ", fmt.Sprintf("%s, %s: %s", r.Side, r.What, joined(": ", strings.TrimSuffix(r.Interval(), "–"), r.Words())))
	}
	if words := c.checkWords(); words != "" {
		t.head("Checks")
		t.wrapped("  ", words)
	}
	for _, k := range c.Changed {
		t.hanging("  ", "    ", fmt.Sprintf("%s %s, %s", k.ID, k.Name, k.Scenario))
		for i, o := range k.Outcomes {
			if o != "" {
				t.hanging("    "+cell(string(o), 13), strings.Repeat(" ", 17), c.Sides[i].Name+": "+k.Got[i])
			}
		}
	}
	for i, s := range c.Sides {
		t.head(s.Name)
		for _, row := range c.rows() {
			if row[i+1] != "–" {
				t.hanging("  "+cell(row[0], 21), strings.Repeat(" ", 23), row[i+1])
			}
		}
	}
	for i, n := range c.Notes {
		if i == 0 {
			t.head("Notes")
		}
		t.hanging("  · ", "    ", n.Text)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// Badge is the tone of the outcome at a side, for the template.
func (k ChangedCheck) Badge(i int) Tone { return toneOf(k.Outcomes[i]) }

// Asked tells whether a side asked the check.
func (k ChangedCheck) Asked(i int) bool { return k.Outcomes[i] != scenarios.Outcome("") }
