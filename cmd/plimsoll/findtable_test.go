package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
)

// sitting is a group of searches that run beside one another: low loads do not disturb each other on two processors.
type sitting struct {
	capacities []int // of the lab, per second
	budget     string
	beside     bool // all seeds at once
}

// sittings are five capacities, three seeds each: nine minutes on a machine with nothing else to do.
var sittings = []sitting{{[]int{50, 140}, "2m", true}, {[]int{400}, "60s", true}, {[]int{1100}, "45s", false}, {[]int{3000}, "45s", false}}

const tableSeeds = 3

// tried is one search of a lab of known capacity.
type tried struct {
	capacity, seed int
	result         report.Result
	err            error
	took           time.Duration
}

// TestRealFindTable searches labs of known capacity over real sockets. PLIMSOLL_FIND chooses: full, or capacities and single
// searches parted by commas (50,140 or 3000/2).
func TestRealFindTable(t *testing.T) {
	chosen := os.Getenv("PLIMSOLL_FIND")
	if chosen == "" {
		t.Skip("searches 15 real labs in nine minutes: PLIMSOLL_FIND=full, or some of them: PLIMSOLL_FIND=400,3000/2")
	}
	if _, err := built(); err != nil {
		t.Fatal(err)
	}
	var all []tried
	for _, s := range sittings {
		all = append(all, s.hold(t, chosen)...)
	}
	if len(all) == 0 {
		t.Fatalf("PLIMSOLL_FIND=%s chooses nothing, want full, or some of 50, 140, 400, 1100, 3000", chosen)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n| capacity | seed | estimate | 90 %% interval | error | bar | trials | took |\n|%s\n", strings.Repeat(" --- |", 8))
	var errors []float64
	for _, f := range all {
		e := estimateOf(t, f)
		if e == nil {
			continue
		}
		off, bar := math.Abs(e.Value/float64(f.capacity)-1), max(.04, resolutionOf(e.Notes))
		errors = append(errors, off)
		fmt.Fprintf(&table, "| %d/s | %d | %.1f/s | %.1f – %.1f | %+.1f %% | %.1f %% | %d | %.0fs |\n", f.capacity, f.seed, e.Value, e.Lo, e.Hi,
			100*(e.Value/float64(f.capacity)-1), 100*bar, f.result.Capacity.Trials, f.took.Seconds())
		if off > bar {
			t.Errorf("%d/s, seed %d: found %.1f/s, off by %.1f%%, want %.1f%% at most", f.capacity, f.seed, e.Value, 100*off, 100*bar)
		}
	}
	slices.Sort(errors)
	if len(errors) > 0 {
		median := errors[len(errors)/2]
		t.Logf("%s\nmedian error %.2f %%, worst %.2f %%", table.String(), 100*median, 100*errors[len(errors)-1])
		if chosen == "full" && median > .02 {
			t.Errorf("median error %.2f %%, want 2 %% at most", 100*median)
		}
	}
}

// hold searches what was chosen of a sitting.
func (s sitting) hold(t *testing.T, chosen string) []tried {
	t.Helper()
	var out []tried
	for _, capacity := range s.capacities {
		for seed := 1; seed <= tableSeeds; seed++ {
			one := fmt.Sprintf("%d", capacity)
			if picks := strings.Split(chosen, ","); chosen == "full" || slices.Contains(picks, one) || slices.Contains(picks, fmt.Sprintf("%s/%d", one, seed)) {
				out = append(out, tried{capacity: capacity, seed: seed})
			}
		}
	}
	urls := make([]string, len(out))
	for i, f := range out {
		urls[i] = startLabFor(t, "--capacity", fmt.Sprintf("%d/s", f.capacity), "--seed", strconv.Itoa(f.seed))
	}
	dir := t.TempDir()
	var jobs sync.WaitGroup
	for i := range out {
		jobs.Go(func() { out[i].run(filepath.Join(dir, strconv.Itoa(i)), urls[i], s.budget) })
		if !s.beside {
			jobs.Wait()
		}
	}
	jobs.Wait()
	return out
}

// run is one find, as a user would do it.
func (f *tried) run(dir, url, budget string) {
	path, err := built()
	if err != nil {
		f.err = err
		return
	}
	began := time.Now()
	said, err := exec.Command(path, "find", url+"/", "--quick", "--budget", budget, "--seed", strconv.Itoa(f.seed), "--quiet", "--out", dir).CombinedOutput()
	f.took = time.Since(began)
	text, readErr := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil || readErr != nil {
		f.err = fmt.Errorf("%w: %s", err, said)
		return
	}
	f.err = json.Unmarshal(text, &f.result)
}

// estimateOf is what a search found; a search that found nothing is a failure.
func estimateOf(t *testing.T, f tried) *analyze.Estimate {
	t.Helper()
	if f.err != nil || f.result.Capacity == nil || f.result.Capacity.Estimate == nil {
		t.Errorf("%d/s, seed %d: no estimate: %v", f.capacity, f.seed, f.err)
		return nil
	}
	return f.result.Capacity.Estimate
}

var resolutionText = regexp.MustCompile(`less than ([0-9.]+)%`)

// resolutionOf is by how much loads must differ for a search to tell them apart, as it says itself; 0 where it says nothing.
func resolutionOf(notes []attack.Note) float64 {
	for _, n := range notes {
		if m := resolutionText.FindStringSubmatch(n.Text); n.Code == "resolution" && m != nil {
			percent, _ := strconv.ParseFloat(m[1], 64)
			return percent / 100
		}
	}
	return 0
}
