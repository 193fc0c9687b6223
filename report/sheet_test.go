package report

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/report/journal"
)

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

// sheets are the names of all pages that are proved: of every kind of run, of every comparison and of histories.
func sheets() []string {
	out := append(sortedKeys(fixtures()), "history", "history-few")
	for _, name := range sortedKeys(comparisons()) {
		out = append(out, "comparison-"+name)
	}
	return out
}

var sheetsMade = map[string]sheet{} // made by one test after the other

// sheetNamed makes a page once for all tests.
func sheetNamed(t testing.TB, name string) sheet {
	t.Helper()
	s, made := sheetsMade[name]
	if made {
		return s
	}
	compared, comparison := strings.CutPrefix(name, "comparison-")
	nights, history := map[string]int{"history": 40, "history-few": 7}[name]
	switch {
	case comparison:
		c := comparisons()[compared]
		tiles := c.Tiles()
		s = sheet{name, comparisonOf(t, c), c.Headline(), tiles[:], c.Charts()}
	case history:
		p := past(nights)
		s = sheet{name, string(written(t, HistoryHTML, p)), p.Headline, nil, p.Services[0].Charts("past-0")}
	default:
		s = sheetOf(t, name, Fold(fixtures()[name]))
	}
	sheetsMade[name] = s
	return s
}

// runsInShort are the runs whose pages stand for all where races are looked for.
func runsInShort() map[string][]journal.Entry {
	runs := fixtures()
	if testing.Short() {
		maps.DeleteFunc(runs, func(name string, _ []journal.Entry) bool {
			return !slices.Contains([]string{"whole", "verify-fail", "empty"}, name)
		})
	}
	return runs
}
