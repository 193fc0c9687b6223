package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/report"
)

func TestQuestionIsWhatIsAsked(t *testing.T) {
	was := question([]byte(`{"target":{"url":"http://a:1/x?k=•••","headers":["X-Key: •••"],"insecure":true,"timeout_ns":5}}`))
	if is := question([]byte(`{"target":{"url":"https://b:2/x?k=•••","headers":["X-Key: •••"],"timeout_ns":5}}`)); len(union(was, is)) != 3 || was["target.url"] != is["target.url"] {
		t.Errorf("the same question of another host: %v and %v", was, is)
	}
	for _, other := range []string{`{"target":{"url":"http://a:1/y"}}`, `{"target":{"url":"http://a:1/x?k=•••","headers":["X-Other: •••"]}}`} {
		if is := question([]byte(other)); is["target.url"] == was["target.url"] && is["target.headers.0"] == was["target.headers.0"] {
			t.Errorf("%s is not told from %v", other, was)
		}
	}
}

func TestDifferencesNameAnotherMachine(t *testing.T) {
	if n := differences(map[string]string{"cpus": "2", "kernel": "6.1"}, map[string]string{"cpus": "2", "go": "go1.26"}); n != nil {
		t.Errorf("what is not known of both is no difference: %v", n)
	}
	n := differences(map[string]string{"cpus": "2", "kernel": "6.1"}, map[string]string{"cpus": "8", "kernel": "6.1"})
	if len(n) != 1 || !strings.Contains(n[0].Text, "cpus 8, not 2") {
		t.Errorf("%v, want the number of cores named", n)
	}
}

// baselineOf is a baseline as a search of a service of this capacity would have written it.
func baselineOf(t *testing.T, capacity float64) string {
	t.Helper()
	e := func(v float64) *analyze.Estimate {
		return &analyze.Estimate{Value: v, Lo: v * .98, Hi: v * 1.02, Confidence: .9}
	}
	c := analyze.Capacity{Goal: analyze.Goal{}.String(), Estimate: e(capacity), Sustained: e(.98 * capacity), Breaking: e(1.02 * capacity), Cause: analyze.CauseTarget, Mode: analyze.ModeCapacity}
	spec, err := json.Marshal(newSpec().redacted())
	if err != nil {
		t.Fatal(err)
	}
	r := report.Result{Schema: report.ResultVersion, Run: report.RunResult{Goal: c.Goal, Spec: []byte(strings.Replace(string(spec), `"target":{`, `"target":{"url":"http://127.0.0.1:1/",`, 1)),
		Environment: map[string]string{"os": runtime.GOOS}}, Capacity: &c, Capacities: []analyze.Capacity{c}}
	path := filepath.Join(t.TempDir(), "baseline.json")
	if err := saveResult(path, r); err != nil {
		t.Fatal(err)
	}
	return path
}

// served is a lab of this capacity, for the length of the test.
func served(t *testing.T, capacity string) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	lab, err := startProgram(path, "lab", "--addr", "127.0.0.1:0", "--leash", "--capacity", capacity, "--seed", "3")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lab.stop)
	return lab.url
}

// Over real sockets: the same service passes, and one that lost an eighth is a regression.
func TestRealGate(t *testing.T) {
	endToEnd(t)
	baseline := baselineOf(t, 600)
	same, slower := served(t, "600"), served(t, "520")
	args := []string{"gate", "--baseline", baseline, "--budget", "60s", "--quiet"}
	if code, out, r := plimsoll(t, append(args, same)...); code != exitKept || r.Gate == nil || r.Gate.Outcome != gate.Pass {
		t.Errorf("the same service: exit %d\n%s", code, out)
	}
	dir, code, out, r := plimsollKept(t, append(args, slower)...)
	if code != exitBroken || r.Gate == nil || r.Gate.Outcome != gate.Regression {
		t.Errorf("a loss of 13%%: exit %d\n%s", code, out)
	}
	before, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	code, out, r = plimsollIn(t, dir, append([]string{"gate", "--baseline", baseline, "--budget", "60s", "--resume", dir}, slower)...)
	after, _ := os.ReadFile(filepath.Join(dir, journalName))
	if code != exitBroken || r.Gate.Outcome != gate.Regression || strings.Count(string(after), `"phase":"gate/block"`) != strings.Count(string(before), `"phase":"gate/block"`) {
		t.Errorf("a decided gate that is gone on with sends again, or changes its mind: exit %d\n%s", code, out)
	}
	if code, out, r := plimsoll(t, "gate", "--baseline", baseline, "--budget", "90s", "--quiet", "--base-url", slower, slower); code != exitKept || r.Gate.Ratio == nil {
		t.Errorf("beside an equal build a slow one is no regression: exit %d\n%s", code, out)
	}
}

// On a machine that is kept busy, a slow backend is never called a regression.
func TestRealGateOnABusyMachine(t *testing.T) {
	endToEnd(t)
	slower := served(t, "520")
	hog(t, runtime.NumCPU(), 0)
	code, out, _ := plimsollIn(t, t.TempDir(), "gate", "--baseline", baselineOf(t, 600), "--budget", "60s", "--quiet", slower)
	if code != exitUnmeasured && code != exitUndecided {
		t.Errorf("on a busy machine: exit %d, want invalid or undecided\n%s", code, out)
	}
}

// What a calibration says names the drift, what was asked for in vain, and what gates of one build came to.
func TestACalibrationSaysWhatItSaw(t *testing.T) {
	p := gate.Plan{Sustained: 600, Capacity: 612, Tolerance: .025, Budget: 90 * time.Second}
	steady := gate.Calibration{Median: 600, Scatter: .02, Blocks: 80, BlockMS: 2000}
	drifting := steady
	drifting.Drift = .01
	if text := sayCalibration(steady, p); strings.Contains(text, "drifts") || strings.Contains(text, "asked for") || !strings.Contains(text, "half of 2s blocks hold 600/s here") {
		t.Errorf("a steady machine: %s", text)
	}
	if text := sayCalibration(drifting, p); !strings.Contains(text, "it drifts by 1% from block to block, which --base-url cancels") || !strings.Contains(text, "the tolerance of 2.5% that was asked for") {
		t.Errorf("a machine that drifts: %s", text)
	}
	if text := sayPlayed(nil); text != "" {
		t.Errorf("no gates: %q", text)
	}
	want := "; of 12 gates of this build against itself at 2.5% it called 1 a regression (0.4% foreseen) and left 2 undecided"
	if text := sayPlayed(&gate.Played{Gates: 12, Regressions: 1, Undecided: 2, Tolerance: .025, Foreseen: .004}); text != want {
		t.Errorf("%q, want %q", text, want)
	}
}
