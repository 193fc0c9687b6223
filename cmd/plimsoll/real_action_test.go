package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The action from its source to its verdict: it builds the program, keeps a baseline of a backend, passes the same backend,
// and fails one that lost a third. A second attempt goes on with what the first had found, and sends nothing.
func TestRealAction(t *testing.T) {
	endToEnd(t, "bash")
	in := t.TempDir()
	same, worse := served(t, "300/s"), served(t, "200/s")
	find, code, out := patientJob(t, in, map[string]string{"command": "find", "target": same, "budget": "30s", "args": "--quick\n--save-baseline baseline.json\n--seed 11"})
	if code != exitKept || out["outcome"] != "kept" || out["capacity"] == "" {
		t.Fatalf("find: exit %d, %v", code, out)
	}
	if !strings.Contains(find.said, "v9.8.7") && !hasVersion(t, find, "v9.8.7") {
		t.Error("the program that was built does not know its version")
	}
	gate := map[string]string{"baseline": "baseline.json", "target": same, "budget": "60s"}
	if _, code, out := patientJob(t, in, gate); code != exitKept || out["outcome"] != "pass" {
		t.Errorf("the same backend: exit %d, %v", code, out)
	}
	gate["target"] = worse
	first, code, out := patientJob(t, in, gate)
	if code != exitBroken || out["outcome"] != "regression" {
		t.Fatalf("a third less: exit %d, %v", code, out)
	}
	journal := func(j *job) string {
		text, err := os.ReadFile(filepath.Join(j.dir, "plimsoll-runs", "plimsoll", journalName))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := journal(first)
	second := newJob(t, gate)
	second.restored = "plimsoll-1-1"
	place := filepath.Join(second.dir, "plimsoll-runs", "plimsoll")
	if err := os.MkdirAll(place, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(place, journalName), []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out = second.run(t, in)
	if code != exitBroken || out["outcome"] != "regression" || strings.Count(journal(second), `"phase":"gate/`) != strings.Count(before, `"phase":"gate/`) {
		t.Errorf("a second attempt sends again, or forgets: exit %d, %v", code, out)
	}
}

// hasVersion looks for a version in the journal of a job's run.
func hasVersion(t *testing.T, j *job, version string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(j.dir, "plimsoll-runs", "plimsoll", journalName))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), `"`+version+`"`)
}

// patientJob runs a job, and another where this machine kept it from telling.
func patientJob(t *testing.T, in string, inputs map[string]string) (j *job, code int, out map[string]string) {
	t.Helper()
	for range patience {
		j = newJob(t, inputs)
		if code, out = j.run(t, in); !ownFault(code, j.said) {
			return j, code, out
		}
	}
	unheld(t, "the action", code)
	t.SkipNow()
	return
}
