package export_test

import (
	"bytes"
	"flag"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/export"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is the policy of all golden files.
func sample() export.Policy {
	return export.Policy{
		Service: "checkout", Limit: limits.Limit{Rate: 1400, Burst: 700}, Replicas: 1, GoalMS: 250, P99MS: 12, KeyHeader: "X-Api-Key",
		Tiers: []export.Tier{
			{Name: "basic", Tier: limits.Tier{Limit: limits.Limit{Rate: 350, Burst: 175}, Share: 0.25, Quota: 1_000_000, Period: "day"}},
			{Name: "gold", Tier: limits.Tier{Limit: limits.Limit{Rate: 700, Burst: 350}, Share: 0.5}},
		},
		Because: []string{"rate 1400/s: 20 % below the breaking load's lower bound of 1760/s", "burst 700: 70 % of the 1000 at once that the target bore"},
		Notes:   []string{"no knee was measured, so the rate rests on the margin alone"},
	}
}

func write(t *testing.T, f export.Format, p export.Policy) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, p); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, f := range export.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			got := write(t, f, sample())
			file := filepath.Join("testdata", "golden", f.Name, f.File)
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("%s (-want +got, -update writes it anew):\n%s", file, d)
			}
			for _, bad := range []string{" \n", "\t", "<no value>", "%!", "\r"} {
				if strings.Contains(got, bad) && !(bad == "\t" && strings.HasSuffix(f.File, ".go")) {
					t.Errorf("the file holds %q", bad)
				}
			}
		})
	}
}

func TestNamesOfFormatsAreTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range export.Formats() {
		if keys := path.Base(f.Keys.Path); f.Keys.Path != "" {
			if seen[keys] {
				t.Errorf("%s takes its tiers from %s, which another writes in its own way", f.Name, keys)
			}
			seen[keys] = true
		}
		if seen[f.Name] || f.Name == "" || f.File == "" || f.Title == "" || f.Group == "" {
			t.Errorf("%+v: a format needs a name of its own, a file, a title and a group", f)
		}
		seen[f.Name] = true
	}
	if _, ok := export.Lookup("no-such"); ok {
		t.Error("found a format that does not exist")
	}
}

// The command that proves a file names its rate, however slow: rounded to nothing it would prove nothing.
func TestProofNamesTheRate(t *testing.T) {
	f, _ := export.Lookup("go")
	for rate, want := range map[float64]string{1.0 / 3600: "--limit 0.0002777778/s ", 1400: "--limit 1400/s ", 1234.5: "--limit 1234.5/s "} {
		p := sample()
		p.Limit = limits.Limit{Rate: rate, Burst: 1}
		if got, err := f.Verify(p); err != nil || !strings.Contains(got, want) {
			t.Errorf("%v/s: %q, %v, want %q in it", rate, got, err, want)
		}
	}
	if f, _ = export.Lookup("envoy-gateway"); !strings.Contains(f.Proof, "no-retry-after") {
		t.Error("the proof of envoy-gateway asks for a Retry-After, which it never sends")
	}
}
