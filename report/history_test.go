package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/history"
)

// nights are the runs of so many nights of a service that bears 7 % less from night 24 on. Night 10 was undecided, night 30 has no
// knee, and a check flipped in night 12.
func nights(n int) (runs []history.Run) {
	rng := rand.New(rand.NewPCG(5, 5))
	e := func(v, half float64) *analyze.Estimate {
		return &analyze.Estimate{Value: v, Lo: v * (1 - half), Hi: v * (1 + half), Confidence: .9}
	}
	for i := range n {
		load := 600 * math.Exp(.015*rng.NormFloat64())
		if i >= 24 {
			load *= .93
		}
		rest := 5.2 * math.Exp(.03*rng.NormFloat64())
		c := analyze.Capacity{Goal: "p99<250ms failed<1%", Cause: analyze.CauseTarget, BaseMS: rest, BaseP99MS: 2.1 * rest,
			Estimate: e(load, .02), Sustained: e(.97*load, .01), Breaking: e(1.03*load, .01), Knee: e(.8*load, .05)}
		switch i {
		case 10:
			c.Cause = analyze.CauseBudget
		case 30:
			c.Knee = nil
		}
		outcome := "pass"
		if i >= 12 {
			outcome = "fail"
		}
		runs = append(runs, history.Run{Place: history.Place{ID: fmt.Sprintf("2026%04d", i), Commit: fmt.Sprintf("%08x%032x", 0xc0ffee00+i, 7), Began: time.Date(2026, 1, 1+i, 3, 0, 0, 0, time.UTC)},
			Capacities: []analyze.Capacity{c}, Checks: map[string]string{"flash-crowd V05": outcome}, Environment: map[string]string{"cpus": map[bool]string{true: "4", false: "2"}[i >= 24]}})
	}
	return runs
}

func past(n int) Past {
	s := Service{Name: "shop", Target: "http://shop.example/<checkout>", History: history.Of(nights(n), history.Options{Seed: 1})}
	return NewPast([]Service{s}, nil, "test")
}

func written(t testing.TB, f func(io.Writer, Past) error, p Past) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHistoryText(t *testing.T) {
	for name, p := range map[string]Past{"history": past(40), "history-few": past(7), "history-none": NewPast(nil, nil, "test")} {
		text := written(t, HistoryText, p)
		golden(t, name+".txt", text)
		for i, line := range strings.Split(string(text), "\n") {
			if n := utf8.RuneCountInString(line); n > columns {
				t.Errorf("%s line %d has %d columns, want at most %d: %s", name, i+1, n, columns, line)
			}
		}
	}
}

// TestHistoryCSVIsReadBack by a reader that knows nothing of it: every field is there and is a number, a time or a name.
func TestHistoryCSVIsReadBack(t *testing.T) {
	s := past(40).Services[0]
	whole, partial := s.Complete()
	if len(whole) != 3 || len(partial) != 1 || partial[0].Name != "knee" {
		t.Fatalf("%d metrics share a file and %d do not, want the knee alone for itself", len(whole), len(partial))
	}
	for name, metrics := range map[string][]history.Metric{"history.csv": whole, "history-knee.csv": partial} {
		var b bytes.Buffer
		if err := HistoryCSV(&b, s, metrics); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 1+len(metrics[0].Points) || len(rows[0]) != 3+len(metrics) {
			t.Fatalf("%s has %d rows of %d fields", name, len(rows), len(rows[0]))
		}
		before := time.Time{}
		values := make([]map[string]float64, len(metrics)) // by run
		for k, m := range metrics {
			values[k] = map[string]float64{}
			for _, p := range m.Points {
				values[k][s.Runs[p.Run].ID] = p.Value
			}
		}
		for i, row := range rows[1:] {
			at, err := time.Parse(time.RFC3339, row[0])
			if err != nil || !at.After(before) {
				t.Errorf("%s row %d: %q does not follow %v: %v", name, i, row[0], before, err)
			}
			before = at
			for k := range metrics {
				want, known := values[k][row[2]]
				if v, err := strconv.ParseFloat(row[3+k], 64); err != nil || !known || math.Abs(v/want-1) > 1e-5 {
					t.Errorf("%s row %d: %s is %q, want %v", name, i, rows[0][3+k], row[3+k], want)
				}
			}
		}
		for _, c := range rows[0] {
			if !regexp.MustCompile(`^[a-z0-9_]+$`).MatchString(c) {
				t.Errorf("%s: a column is called %q", name, c)
			}
		}
	}
	two := Service{History: history.History{Metrics: []history.Metric{{Name: "capacity", Goal: "p99<250ms", Unit: history.Rate}, {Name: "capacity", Goal: "p99<1s", Unit: history.Rate}}}}
	if a, b := column(two, two.Metrics[0]), column(two, two.Metrics[1]); a != "capacity_p99_250ms_per_s" || b != "capacity_p99_1s_per_s" {
		t.Errorf("the columns of two goals are %s and %s", a, b)
	}
}

func TestHistoryJSONKeepsItsContract(t *testing.T) {
	schema := closed(t, HistorySchema)
	for _, p := range []Past{past(40), past(3), NewPast([]Service{}, nil, "test")} {
		if err := keeps(t, schema, string(written(t, HistoryJSON, p))); err != nil {
			t.Error(err)
		}
	}
	refuses(t, schema, string(written(t, HistoryJSON, past(40))), map[string][2]string{"another version": {"plimsoll.history/v1", "plimsoll.history/v2"}, "a unit of no kind": {`"unit": "rate"`, `"unit": "miles"`}, "a p as text": {`"p": `, `"p": "x", "was": `}})
}

// TestTrend holds what the chart must show: each run at its place, a gap where one has no number, and a marker between the last run
// before and the first behind a change.
func TestTrend(t *testing.T) {
	charts := past(40).Services[0].Charts("x")
	if len(charts) != 4 {
		t.Fatalf("%d charts, want one for each metric", len(charts))
	}
	c := charts[0]
	if len(c.Xs) != 40 || !math.IsNaN(c.Series[0].Ys[10]) || math.IsNaN(c.Series[0].Ys[11]) {
		t.Errorf("%d places, night 10 is %v, night 11 %v", len(c.Xs), c.Series[0].Ys[10], c.Series[0].Ys[11])
	}
	if len(c.Markers) != 1 || c.Markers[0].At != 24.5 || c.Markers[0].Colour != Red || !strings.HasPrefix(c.Markers[0].Label, "−") {
		t.Errorf("markers %+v, want one between night 24 and the next", c.Markers)
	}
	if c.X.Names[0] != "01-01" || c.X.Hints[24] != "2026-01-25 03:00 c0ffee1800" {
		t.Errorf("the axis says %q and %q", c.X.Names[0], c.X.Hints[24])
	}
	for _, c := range charts {
		for _, s := range c.Series {
			for i, y := range s.Ys {
				if y < c.Y.Min || y > c.Y.Max {
					t.Errorf("%s: %s of run %d, %v, is beyond the axis %v to %v", c.Title, s.Label, i, y, c.Y.Min, c.Y.Max)
				}
			}
		}
		if math.IsNaN(c.Series[0].Ys[39]) || len(c.Table.Rows) == 0 || c.X.name(1) == "" || c.X.name(1.5) != "" || c.X.name(99) != "" {
			t.Errorf("%s: an axis or a table says nothing", c.Title)
		}
	}
	if got := past(1).Services[0].Charts("x"); got != nil {
		t.Errorf("one run makes %d charts", len(got))
	}
}

func TestHistoryPage(t *testing.T) {
	page := sheetNamed(t, "history").page
	for _, want := range []string{"shop bears 7.6 % less since 2026-01-25, when the machine changed too", `id="past-0-0"`, "default-src 'none'", "between these runs the machine changed too: cpus 4, not 2", "flash-crowd V05", "shop.example/&lt;checkout&gt;", "<noscript><img"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
	ours, _, _ := strings.Cut(page, "<script>")
	ours = regexp.MustCompile(`base64,[^"]*`).ReplaceAllString(ours, "")
	for _, not := range []string{"<checkout>", "NaN", "http-", "<no value>"} {
		if strings.Contains(strings.ReplaceAll(ours, "http-equiv", ""), not) {
			t.Errorf("the page holds %q", not)
		}
	}
	if again := string(written(t, HistoryHTML, past(40))); again != page {
		t.Error("the same runs make two pages")
	}
}

func TestWriteHistory(t *testing.T) {
	dir := t.TempDir()
	p := past(40)
	if err := WriteHistory(dir, p); err != nil {
		t.Fatal(err)
	}
	names := func(dir string) (out []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			out = append(out, e.Name())
		}
		return out
	}
	if got := strings.Join(names(dir), " "); got != "history-knee_per_s.csv history.csv history.html history.json history.png history.txt" {
		t.Errorf("wrote %s", got)
	}
	f, err := os.Open(filepath.Join(dir, "history.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() != 1600 {
		t.Errorf("the picture: %v", err)
	}
	var back Past
	b, _ := os.ReadFile(filepath.Join(dir, "history.json"))
	if err := json.Unmarshal(b, &back); err != nil || back.Services[0].Metrics[0].Changes[0].At != p.Services[0].Metrics[0].Changes[0].At {
		t.Errorf("what was written is not read: %v", err)
	}
	p.Services = append(p.Services, p.Services[0])
	p.Services[1].Name = "Shop/two"
	dir = t.TempDir()
	if err := WriteHistory(dir, p); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(names(dir), " "); !strings.Contains(got, "history-1-shop.csv") || !strings.Contains(got, "history-2-shop-two.png") {
		t.Errorf("of two services it wrote %s", got)
	}
}

// TestHistoryLook writes the page and the picture into the folder that PLIMSOLL_LOOK names, for eyes.
func TestHistoryLook(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_LOOK")
	if dir == "" {
		t.Skip("set PLIMSOLL_LOOK to a folder to have the pictures written there")
	}
	if err := WriteHistory(dir, past(40)); err != nil {
		t.Fatal(err)
	}
}

// Services of which nothing can be told yet share one sentence, and each name stands in it once.
func TestTooFewRunsAreToldOnce(t *testing.T) {
	few := func(name string, n int) Service {
		return Service{Name: name, History: history.Of(nights(n), history.Options{Seed: 1})}
	}
	for want, services := range map[string][]Service{
		"Too few runs of shop to tell: 3 of 12":                                                                                  {few("shop", 3)},
		"3 services: Too few runs of shop, cart to tell: at most 5 of 12":                                                        {few("shop", 3), few("cart", 5), few("shop", 2)},
		"2 services: pay bears 7.6 % less since 2026-01-25, when the machine changed too; Too few runs of shop to tell: 3 of 12": {few("shop", 3), few("pay", 40)},
	} {
		if got := NewPast(services, nil, "test").Headline; got != want {
			t.Errorf("the headline is %q, want %q", got, want)
		}
	}
}
