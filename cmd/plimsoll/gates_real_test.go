package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze/gate"
)

// gateKind is one row of the table: a backend that lost some of its capacity, how many hogs keep the machine busy from so
// long after the gate's beginning, and how many gates are played of it.
type gateKind struct {
	says  string
	loss  float64
	hogs  int
	after time.Duration
	gates int
}

func gateKinds() []gateKind {
	return []gateKind{{"slowed by 0%", 0, 0, 0, 10}, {"slowed by 5%", .05, 0, 0, 10}, {"slowed by 10%", .10, 0, 0, 10},
		{"hogs on half the cores", 0, (runtime.NumCPU() + 1) / 2, 0, 5}, {"hogs on all cores in the midst", 0, runtime.NumCPU(), 8 * time.Second, 5}}
}

// askedGates are the kinds of gates to play: all of them for PLIMSOLL_GATES=full, so many of each for a number, none without.
func askedGates(t *testing.T) []gateKind {
	t.Helper()
	kinds, asked := gateKinds(), os.Getenv("PLIMSOLL_GATES")
	if asked == "full" {
		return kinds
	}
	n, err := strconv.Atoi(asked)
	if asked != "" && (err != nil || n < 1) {
		t.Fatalf("PLIMSOLL_GATES=%s, want full or how many of each kind", asked)
	}
	for i := range kinds {
		kinds[i].gates = n
	}
	return kinds
}

// TestRealGates gates real backends again and again, and prints what came of it: the figures behind the gate's promise. It
// takes a quarter of an hour on a quiet machine:
//
//	PLIMSOLL_GATES=full go test ./cmd/plimsoll -run TestRealGates -v -timeout 40m
//
// PLIMSOLL_GATES=2 plays two of each kind, and -run 'TestRealGates/slowed_by_5%' or -run TestRealGates/hogs one kind. The loss that is borne is 5 %: a backend that lost none is to
// pass, one that lost a tenth is a regression, and one on the edge may be either. What a hog does is never a regression.
func TestRealGates(t *testing.T) {
	kinds := askedGates(t)
	if kinds[0].gates == 0 {
		t.Skip("gates for a quarter of an hour: PLIMSOLL_GATES=full runs it")
	}
	if _, err := built(); err != nil { // not on the first gate's time
		t.Fatal(err)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-46s %5s %10s %9s %7s %9s %9s\n", "backend", "pass", "regression", "undecided", "invalid", "wall mean", "wall max")
	for _, k := range kinds {
		t.Run(k.says, func(t *testing.T) {
			tally := map[gate.Outcome]int{}
			var walls []time.Duration
			baseline := baselineOf(t, 600)
			for n := range k.gates {
				t.Run("gate "+strconv.Itoa(n+1), func(t *testing.T) {
					began := time.Now()
					tally[k.gate(t, baseline, uint64(n)+1)]++
					walls = append(walls, time.Since(began))
				})
			}
			fmt.Fprintf(&table, "%-46s %5d %10d %9d %7d %8.1fs %8.1fs\n", k.says, tally[gate.Pass], tally[gate.Regression], tally[gate.Undecided], tally[gate.Invalid], mean(walls).Seconds(), longest(walls).Seconds())
			k.judge(t, tally, len(walls))
		})
	}
	t.Logf("\n%s", table.String())
}

// gate plays one gate and gives back what it came to.
func (k gateKind) gate(t *testing.T, baseline string, seed uint64) gate.Outcome {
	t.Helper()
	url := served(t, strconv.FormatFloat(600*(1-k.loss), 'f', -1, 64))
	hog(t, k.hogs, k.after)
	code, out, r := plimsollIn(t, t.TempDir(), "gate", "--baseline", baseline, "--budget", "60s", "--seed", strconv.FormatUint(seed, 10), "--quiet", url)
	if r.Gate == nil {
		t.Fatalf("exit %d, and no verdict:\n%s", code, out)
	}
	want := map[gate.Outcome]int{gate.Pass: exitKept, gate.Regression: exitBroken, gate.Undecided: exitUndecided, gate.Invalid: exitUnmeasured}[r.Gate.Outcome]
	if code != want {
		t.Errorf("%s: exit %d, want %d", r.Gate.Outcome, code, want)
	}
	if k.hogs > 0 && r.Gate.Outcome == gate.Regression {
		t.Errorf("a busy machine is blamed on the backend: %s", r.Gate.Text)
	}
	if k.hogs > 0 && k.after == 0 && r.Gate.Outcome == gate.Pass {
		t.Errorf("a gate that hogs stood beside from the beginning passes: %s", r.Gate.Text)
	}
	return r.Gate.Outcome
}

// judge holds the tally of n gates to the promise: at most one false alarm in twenty and at least nine losses of a tenth in
// ten seen. With so few gates only what chance allows less than once in a hundred is a fault.
func (k gateKind) judge(t *testing.T, tally map[gate.Outcome]int, n int) {
	t.Helper()
	switch {
	case k.hogs > 0:
	case 2*tally[gate.Invalid] > n:
		t.Errorf("%d of %d gates were invalid: something else keeps this machine busy, and the table says nothing", tally[gate.Invalid], n)
	case k.loss == 0 && tally[gate.Regression] > chanceMost(n, .05):
		t.Errorf("%d false alarms in %d gates, want one in twenty", tally[gate.Regression], n)
	case k.loss >= .1 && n-tally[gate.Regression] > chanceMost(n, .1):
		t.Errorf("%d of %d losses seen, want nine in ten", tally[gate.Regression], n)
	}
}

// chanceMost is the most times that something of chance p happens in n, but for once in a hundred.
func chanceMost(n int, p float64) int {
	sum, term := 0.0, math.Pow(1-p, float64(n))
	for k := 0; k < n; k++ {
		if sum += term; sum >= .99 {
			return k
		}
		term *= float64(n-k) / float64(k+1) * p / (1 - p)
	}
	return n
}

func TestChanceMost(t *testing.T) {
	// from tables of the binomial distribution: P(X ≤ 2) = .9885, P(X ≤ 3) = .9990 of 10 at .05; P(X ≤ 4) = .9984 of 10 at .1
	for _, c := range []struct {
		n    int
		p    float64
		want int
	}{{10, .05, 3}, {10, .1, 4}, {1, .05, 1}, {0, .05, 0}} {
		if got := chanceMost(c.n, c.p); got != c.want {
			t.Errorf("chanceMost(%d, %g) = %d, want %d", c.n, c.p, got, c.want)
		}
	}
}

// hog keeps so many cores busy from some time on until the test ends. They are processes of their own, as a neighbour's are.
func hog(t *testing.T, cores int, after time.Duration) {
	t.Helper()
	for range cores {
		cmd := exec.Command("sh", "-c", `sleep "$0"; while :; do :; done`, strconv.FormatFloat(after.Seconds(), 'f', -1, 64))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	if cores > 0 && after == 0 {
		time.Sleep(200 * time.Millisecond) // the hogs' own beginning
	}
}

func mean(ds []time.Duration) (sum time.Duration) {
	for _, d := range ds {
		sum += d
	}
	return sum / time.Duration(max(1, len(ds)))
}

func longest(ds []time.Duration) (most time.Duration) {
	for _, d := range ds {
		most = max(most, d)
	}
	return most
}
