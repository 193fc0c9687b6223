package report

import "testing"

// sheet is a page, and what it must show.
type sheet struct {
	name, page, headline string
	tiles                []Tile
	charts               []Chart
}

func sheetOf(t testing.TB, name string, r Report) sheet {
	t.Helper()
	tiles := r.Tiles()
	return sheet{name, pageOf(t, r), r.Headline(), tiles[:], r.Charts()}
}

// sheets are the pages of every kind of run, of every comparison and of histories, by name.
func sheets(t *testing.T) (out []sheet) {
	t.Helper()
	runs, compared := fixtures(), comparisons()
	for _, name := range sortedKeys(runs) {
		out = append(out, sheetOf(t, name, Fold(runs[name])))
	}
	for _, name := range sortedKeys(compared) {
		c := compared[name]
		tiles := c.Tiles()
		out = append(out, sheet{"comparison-" + name, comparisonOf(t, c), c.Headline(), tiles[:], c.Charts()})
	}
	for name, nights := range map[string]int{"history": 40, "history-few": 7} {
		p := past(nights)
		out = append(out, sheet{name, string(written(t, HistoryHTML, p)), p.Headline, nil, p.Services[0].Charts("past-0")})
	}
	return out
}
