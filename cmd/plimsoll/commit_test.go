package main

import (
	"strings"
	"testing"
)

func TestCommitIsTheFlagsThenTheEnvironments(t *testing.T) {
	for _, name := range commitVariables {
		t.Setenv(name, "")
	}
	a := &app{}
	if got := a.measured(); got != "" {
		t.Errorf("where nobody says, it is %q", got)
	}
	t.Setenv("GIT_COMMIT", "jenkins1")
	t.Setenv("CI_COMMIT_SHA", "not a <commit>")
	if got := a.measured(); got != "jenkins1" {
		t.Errorf("got %q, want the first that makes sense", got)
	}
	t.Setenv("GITHUB_SHA", "4f0c")
	if got := a.measured(); got != "4f0c" {
		t.Errorf("got %q, want GitHub's", got)
	}
	if err := a.commit.Set("v1.2.0-rc+1"); err != nil || a.measured() != "v1.2.0-rc+1" {
		t.Errorf("%v: got %q, want the flag's", err, a.measured())
	}
	for _, bad := range []string{"", "-x", "a b", "<b>", "a\nb", "=1+1", strings.Repeat("a", 101)} {
		if err := new(commit).Set(bad); err == nil {
			t.Errorf("%q is taken for a commit", bad)
		}
	}
}
