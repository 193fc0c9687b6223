package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// checksBy are the ids of a result's checks with an outcome, and how many checks there are.
func checksBy(r report.Result, o scenarios.Outcome) (ids []string, all int) {
	for _, v := range r.Verdicts {
		for _, c := range v.Checks {
			if all++; c.Outcome == o {
				ids = append(ids, c.ID)
			}
		}
	}
	return ids, all
}

// The lab of the matrix, over sockets: a fault is caught by the check that names it, and a limiter that is right by none.
func TestRealMatrix(t *testing.T) {
	endToEnd(t)
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys.csv")
	if err := os.WriteFile(keys, []byte("name,secret,tier,exempt\nann,s-ann,,false\nbob,s-bob,,false\ncid,s-cid,,false\nops,plimsoll-ops,,true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bucket := "--rate 100/s --burst 40"
	for _, row := range []struct {
		lab, verify string
		fails       string // the check that must; empty for a limiter that is right
	}{
		{bucket + " --fault no-retry-after", "--only V06", "V06"},
		{bucket + " --fault status-503", "--only V05", "V05"},
		{bucket + " --fault drops", "--only V05", "V05"},
		{bucket + " --fault rate-double", "--only V01", "V01"},
		{bucket + " --fault burst-half", "--only V02", "V02"},
		{bucket + " --fault forgets", "--only V03", "V03"},
		{bucket + " --fault counts-refusals", "--only V22", "V22"},
		{bucket + " --fault remaining-rising", "--only V11", "V11"},
		{bucket + " --fault bypass-path", "--only V21", "V21"},
		{bucket + " --fault refusal-closes", "--only V32", "V32"},
		{bucket + " --fault shared-bucket --keys " + keys, "--only V16 --keys " + keys, "V16"},
		{bucket + " --fault exempt-limited --keys " + keys, "--only V18 --keys " + keys, "V18"},
		{bucket, "", ""},
		{bucket + " --algorithm gcra --headers structured --keys " + keys, "--keys " + keys, ""},
		{"--rate 100/s --burst 50 --window 500ms --algorithm fixed-window", "--window 500ms --algorithm fixed-window --burst 50", ""},
	} {
		t.Run(row.lab, func(t *testing.T) {
			t.Parallel() // light loads, most of the time waiting
			url := startLabFor(t, append([]string{"--capacity", "500"}, strings.Fields(row.lab)...)...)
			args := append([]string{"verify", url + "items", "--limit", "100/s", "--quick", "--seed", "1"}, strings.Fields(row.verify)...)
			if !strings.Contains(row.verify, "--burst") {
				args = append(args, "--burst", "40")
			}
			code, out, r := plimsoll(t, args...)
			failed, all := checksBy(r, scenarios.Fail)
			passed, _ := checksBy(r, scenarios.Pass)
			switch {
			case row.fails != "" && (code != exitBroken || strings.Join(failed, " ") != row.fails):
				t.Errorf("exit %d, fails %v, want exit 1 and %s\n%s", code, failed, row.fails, out)
			case row.fails == "" && (len(failed) > 0 || all < 20 || 4*len(passed) < 3*all):
				t.Errorf("exit %d, %d of %d checks pass, %v fail, want none to fail and most to pass\n%s", code, len(passed), all, failed, out)
			}
		})
	}
}
