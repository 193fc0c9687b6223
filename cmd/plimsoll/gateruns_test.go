package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
)

// Sides are lists, patterns and folders; the runs of an endpoint are compared with one another.
func TestGateOfSeveralRuns(t *testing.T) {
	calm, worse, cart := nightly(t, "shop", "/checkout", 10, 10), nightly(t, "shop", "/checkout", 10, 0), nightly(t, "cart", "/cart", 10, 10)
	lone := filepath.Join(calm, "shop-00.json")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitKept, "by ranks of 10 and 10 runs", []string{calm, calm}},
		{exitBroken, "capacity 0.90x of the baseline's (90% CI", []string{calm, worse}},
		{exitBroken, "by sign flips of 10 pairs", []string{calm, worse, "--paired"}},
		{exitKept, "by ranks of 8 and 10 runs", []string{filepath.Join(calm, "runs", "shop-*"), calm}},
		{exitKept, "by what each run says of its own error", []string{lone + "," + lone, lone}},
		{exitBroken, "/checkout, failed<1%", []string{calm + "," + cart, worse + "," + cart}},
		{exitUndecided, "for /cart, failed<1% the head has no decided capacity", []string{calm + "," + cart, calm}},
		{exitMisuse, "the baseline was measured with another question", []string{calm, cart}},
		{exitMisuse, "nothing-* matches nothing", []string{calm, "nothing-*"}},
		{exitMisuse, "holds no run with a capacity or a check", []string{calm, t.TempDir()}},
		{exitMisuse, "10 runs of base and 1 of head are no pairs", []string{calm, lone, "--paired"}},
		{exitMisuse, "no baseline", []string{calm, filepath.Join(calm, "absent")}},
	} {
		out := filepath.Join(t.TempDir(), "out")
		code, stdout, stderr := outcomeOf(append([]string{"gate", "--out", out, "--quiet"}, c.args...)...)
		if all := strings.Join(strings.Fields(stdout+stderr), " "); code != c.code || !strings.Contains(all, c.says) {
			t.Errorf("gate %v: exit %d, want %d and %q:\n%s", c.args, code, c.code, c.says, stdout+stderr)
		}
	}
	if err := os.WriteFile(filepath.Join(worse, "broken.json"), []byte(report.ResultVersion), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := outcomeOf("gate", calm, worse); code != exitMisuse || !strings.Contains(stderr, "broken.json") {
		t.Errorf("a folder with a broken result: exit %d, %s", code, stderr)
	}
}

// The endpoints of a target are compared apart, from what each run tells of them: the one that lost something is named.
func TestGateNamesTheEndpoint(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, cart float64) string {
		r, err := readBaseline(baselineOf(t, 600))
		if err != nil {
			t.Fatal(err)
		}
		curve := func(gaveWay float64) (c analyze.EndpointCurve) {
			c.GaveWay = gaveWay
			for _, load := range []float64{.9 * gaveWay, .97 * gaveWay, gaveWay} {
				c.Points = append(c.Points, analyze.EndpointPoint{Load: load, Counts: attack.Counts{Due: 500}})
			}
			return c
		}
		r.Endpoints = map[string]analyze.EndpointCurve{"cart": curve(cart), "pay": curve(610)}
		path := filepath.Join(dir, name)
		if err := saveResult(path, r); err != nil {
			t.Fatal(err)
		}
		return path
	}
	base, head := write("base.json", 610), write("head.json", 450)
	code, stdout, _ := outcomeOf("gate", base, head, "--quiet", "--out", filepath.Join(dir, "out"))
	if all := strings.Join(strings.Fields(stdout), " "); code != exitBroken || !strings.Contains(all, "for / cart, failed<1%, at least 0.95x is asked: regression") || strings.Contains(all, "pay, failed<1%, at least 0.95x is asked: regression") {
		t.Errorf("exit %d, want a regression of cart alone:\n%s", code, stdout)
	}
	if code, stdout, _ := outcomeOf("gate", base, base, "--quiet", "--out", filepath.Join(dir, "same")); code != exitKept {
		t.Errorf("the same: exit %d\n%s", code, stdout)
	}
}
