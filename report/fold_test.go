package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// TestPartialJournalsGivePartialReports renders every prefix of a whole journal: each is a run that was killed there.
func TestPartialJournalsGivePartialReports(t *testing.T) {
	entries := whole()
	for n := range len(entries) + 1 {
		r := Fold(entries[:n])
		for _, render := range []func(io.Writer, Report) error{Text, Markdown, JSON} {
			if err := render(io.Discard, r); err != nil {
				t.Fatalf("after %d entries: %v", n, err)
			}
		}
		known := r.Capacity() != nil
		tiles := r.Tiles()
		for _, tile := range tiles[:2] {
			if (tile.Value != "–") != known {
				t.Errorf("after %d entries: %s is %q, a capacity is known: %v", n, tile.Label, tile.Value, known)
			}
		}
		if unfinished := slices.ContainsFunc(r.Warnings(), func(w attack.Note) bool { return w.Code == "unfinished" }); unfinished != (n < len(entries)) {
			t.Errorf("after %d of %d entries the report says that it is unfinished: %v", n, len(entries), unfinished)
		}
	}
}

func TestLaterFactsReplaceEarlierOnes(t *testing.T) {
	a, b := analyze.Capacity{Goal: "g", Estimate: &analyze.Estimate{Value: 1}}, analyze.Capacity{Goal: "g", Estimate: &analyze.Estimate{Value: 2}}
	other := analyze.Capacity{Goal: "h", Estimate: &analyze.Estimate{Value: 1.5}}
	unknown := analyze.Capacity{Goal: "i"}
	r := Fold([]journal.Entry{{Capacity: &unknown}, {Capacity: &a}, {Capacity: &other}, {Capacity: &b},
		{Verdict: &scenarios.Verdict{Scenario: "s", Outcome: scenarios.Fail}}, {Verdict: &scenarios.Verdict{Scenario: "s", Outcome: scenarios.Pass}}})
	var got []string
	for _, c := range r.Capacities {
		got = append(got, c.Goal)
	}
	if !slices.Equal(got, []string{"h", "g", "i"}) || r.Capacity().Estimate.Value != 1.5 {
		t.Errorf("capacities in the order %v, want the tightest first and the unknown last", got)
	}
	if len(r.Storms) != 1 || r.Outcome() != scenarios.Pass {
		t.Errorf("%d verdicts, together %s; want the later one alone", len(r.Storms), r.Outcome())
	}
}

// TestVerdictMeansTheLatestTrialOfItsNumber: find and verify both number their trials from 1.
func TestVerdictMeansTheLatestTrialOfItsNumber(t *testing.T) {
	s := newService()
	r := Fold([]journal.Entry{{Trial: s.trial(1, "ramp", 3, steady(100), unlimited)}, {Trial: storm(s, 1)}, {Verdict: &verdicts(1, 1)[0]}})
	if got := r.Storms[0].Measured[0].Trial.Phase; got != "storm" {
		t.Errorf("the verdict rests on the trial of phase %q, want storm", got)
	}
}

func TestHeadlines(t *testing.T) {
	runs := fixtures()
	for name, want := range map[string]string{
		"whole": "checkout-api holds 1,400 requests a second", "find": "checkout-api sustains 2,140 requests a second and breaks at 2,200",
		"ceiling": "checkout-api sustains 1,560 requests a second, the most that was allowed", "limited": "A limiter lets 990 requests a second through to checkout-api",
		"verify": "The throttle in front of checkout-api holds its 1,400 requests a second", "verify-fail": "The throttle in front of checkout-api does not hold: 1 check failed",
		"void": "Nothing is known of checkout-api: the generator was the limit", "load": "checkout-api answered 100 % of 500 requests a second well, p99 22 ms",
		"cut-off": "Nothing is decided of checkout-api yet: the run was cut off after 5 trials", "interrupted": "Nothing is decided of checkout-api yet: the run was interrupted after 7 trials",
		"begun": "Nothing is known of checkout-api: no trial was done", "empty": "Nothing is known of the target: no trial was done",
	} {
		if got := Fold(runs[name]).Headline(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// A target that died is told as such, and not by what it bore.
func TestHeadlineOfATargetThatDied(t *testing.T) {
	c := analyze.Capacity{Cause: analyze.CauseGone, Breaking: &analyze.Estimate{Value: 400}}
	if got, want := headlineOf("shop", c), "shop stopped answering during the search"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	c.Sustained = &analyze.Estimate{Value: 158}
	if got, want := headlineOf("shop", c), "shop stopped answering, after it had sustained 158 requests a second"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A calibration ends without a verdict, and is not told as a run that was cut off.
func TestHeadlineOfACalibration(t *testing.T) {
	entries := []journal.Entry{{Run: &journal.Run{Command: "gate", Title: "shop"}}, {Trial: &attack.Measurement{Trial: attack.Trial{N: 1, Phase: "gate/block"}}},
		{Note: &attack.Note{Code: "calibrated", Text: "half of 2s blocks hold 600/s here"}}}
	if got, want := Fold(entries).Headline(), "This machine is calibrated for gates of shop"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Fold(entries[:2]).Headline(); !strings.HasPrefix(got, "Nothing is decided of shop") {
		t.Errorf("without its result: %q", got)
	}
}

func TestNumbers(t *testing.T) {
	for _, row := range []struct{ got, want string }{
		{Number(0), "0"}, {Number(7), "7"}, {Number(7.25), "7.2"}, {Number(99.96), "100"}, {Number(1234567), "1,234,567"}, {Number(-1500), "−1,500"}, {Number(math.NaN()), "–"}, {Number(999.6), "1,000"},
		{Latency(0.02), "20 µs"}, {Latency(0.5), "0.5 ms"}, {Latency(9.96), "10 ms"}, {Latency(999.6), "1.0 s"}, {Latency(12345), "12 s"}, {Latency(math.NaN()), "–"},
		{Percent(0), "0 %"}, {Percent(1), "100 %"}, {Percent(0.00001), "<0.01 %"}, {Percent(0.99999), ">99.99 %"}, {Percent(0.0021), "0.21 %"}, {Percent(0.034), "3.4 %"}, {Percent(0.5), "50 %"},
		{plural(1, "check"), "1 check"}, {plural(2, "check"), "2 checks"}, {trim(99.9), "99.9"}, {trim(50), "50"},
	} {
		if row.got != row.want {
			t.Errorf("got %q, want %q", row.got, row.want)
		}
	}
}

func TestWriteAllWritesWhatThereIs(t *testing.T) {
	always, runs := []string{"junit.xml", "report.html", "result.json", "summary.md"}, fixtures()
	for name, more := range map[string][]string{
		"whole":  {"capacity.png", "limits.json", "spectrum.png", "storm-rectangle.png", "storm-recovery.png"},
		"find":   {"capacity.png", "spectrum.png"},
		"verify": {"spectrum.png", "storm-rectangle.png", "storm-recovery.png"},
		"empty":  nil,
	} {
		if testing.Short() && slices.Contains(more, "storm-recovery.png") {
			continue // pictures take their time under the race detector
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "report.html"), []byte("an older one"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := WriteAll(dir, Fold(runs[name])); err != nil {
			t.Fatal(err)
		}
		want := append(slices.Clone(always), more...)
		slices.Sort(want)
		if got := names(t, dir); !slices.Equal(got, want) {
			t.Errorf("%s: files %v, want %v", name, got, want)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "report.html")); err != nil || strings.Contains(string(b), "an older one") {
			t.Errorf("%s: report.html was not written anew (%v)", name, err)
		}
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		out = append(out, f.Name())
	}
	return out
}

// TestNothingIsHalfWritten blocks one file by a folder in its place: the others are written, the error names it, and no
// scratch file is left.
func TestNothingIsHalfWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "report.html", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := WriteAll(dir, Fold(fixtures()["load"]))
	if err == nil || !strings.Contains(err.Error(), "write report.html") {
		t.Errorf("WriteAll = %v, want an error that names report.html", err)
	}
	if got, want := names(t, dir), []string{"junit.xml", "report.html", "result.json", "summary.md"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	inFile := filepath.Join(dir, "summary.md", "folder")
	if err := errors.Join(WriteAll(inFile, Report{}), WriteFiles(inFile, Report{}, "html")); strings.Count(fmt.Sprint(err), "make the report's folder") != 2 {
		t.Errorf("WriteAll and WriteFiles into a folder that cannot be made = %v, want both to say so", err)
	}
}

func TestWriteFilesWritesWhatIsAskedFor(t *testing.T) {
	whole, found, empty := Fold(fixtures()["whole"]), Fold(fixtures()["find"]), Fold(fixtures()["empty"])
	for _, row := range []struct {
		r       Report
		formats []string
		want    []string
	}{
		{found, []string{"html"}, []string{"report.html"}},
		{whole, []string{"png"}, []string{"capacity.png", "spectrum.png", "storm-recovery.png", "storm-rectangle.png"}},
		{Fold(fixtures()["verify"]), []string{"png-dark"}, []string{"spectrum-dark.png", "storm-recovery-dark.png", "storm-rectangle-dark.png"}},
		{found, []string{"html", "png", "html"}, []string{"capacity.png", "report.html", "spectrum.png"}},
		{whole, []string{"json", "md"}, []string{"limits.json", "result.json", "summary.md"}},
		{empty, []string{"png"}, nil}, // nothing to draw
	} {
		dir := filepath.Join(t.TempDir(), "not", "there")
		if err := WriteFiles(dir, row.r, row.formats...); err != nil {
			t.Errorf("WriteFiles(%v) = %v", row.formats, err)
		}
		if got := names(t, dir); !slices.Equal(got, row.want) {
			t.Errorf("WriteFiles(%v) wrote %v, want %v", row.formats, got, row.want)
		}
	}
	dir := filepath.Join(t.TempDir(), "never")
	err := WriteFiles(dir, whole, "html", "pdf")
	if err == nil || !strings.Contains(err.Error(), `"pdf"`) {
		t.Errorf("WriteFiles(pdf) = %v, want an error that names it", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("WriteFiles(pdf) made its folder (%v), want nothing done", err)
	}
}

func TestWriteAllMakesItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	if err := WriteAll(dir, Fold(fixtures()["load"])); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, dir), []string{"junit.xml", "report.html", "result.json", "summary.md"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
}

var errFull = errors.New("no space left on device")

// full is a writer that takes so many bytes and no more.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return f.left, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

func TestRenderersTellThatTheyCouldNotWrite(t *testing.T) {
	r := Fold(whole())
	for name, render := range map[string]func(io.Writer, Report) error{"text": Text, "markdown": Markdown, "json": JSON, "html": HTML,
		"png": func(w io.Writer, r Report) error { _, err := CapacityPNG(w, r); return err }} {
		if err := render(&full{left: 100}, r); !errors.Is(err, errFull) {
			t.Errorf("%s to a full disk = %v, want %v", name, err, errFull)
		}
	}
	if err := Text(&bytes.Buffer{}, r); err != nil {
		t.Error(err)
	}
}
