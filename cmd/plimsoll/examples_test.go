package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// example reads one of the examples for CI systems.
func example(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../.ci/examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// lines gives back the command lines of plimsoll in an example, as a shell would get them.
func exampleLines(t *testing.T, name string) (lines []string) {
	t.Helper()
	if name == "Jenkinsfile" {
		for _, m := range regexp.MustCompile(`'(plimsoll [^']*)'`).FindAllSubmatch(example(t, name), -1) {
			lines = append(lines, string(m[1]))
		}
		return lines
	}
	var jobs map[string]struct{ Script []string }
	if err := yaml.Load(example(t, name), &jobs); err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs {
		for _, line := range job.Script {
			if strings.HasPrefix(line, "plimsoll ") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// planned runs a line in a shell with --plan, in a folder with a baseline: it says what would be sent, or what is wrong.
func planned(t *testing.T, line string) error {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	in := exampleFolder(t)
	cmd := exec.Command("bash", "-c", line+" --plan")
	cmd.Dir = in
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"), "HOME="+in, "CI_COMMIT_SHA=5ca1ab1e", "GIT_COMMIT=5ca1ab1e")
	text, err := cmd.CombinedOutput()
	t.Logf("%s\n%s", line, text)
	return err
}

// exampleFolder is a folder with the baseline that the examples speak of.
func exampleFolder(t *testing.T) string {
	t.Helper()
	in := t.TempDir()
	text, err := os.ReadFile(baselineOf(t, 600))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(in, "baseline.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	return in
}

// The lines of the examples are ones that plimsoll takes, with a baseline that stands where they look for it.
func TestExamplesForCIAreTaken(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not installed")
	}
	for _, name := range []string{"gitlab-ci.yml", "Jenkinsfile"} {
		lines := exampleLines(t, name)
		if len(lines) != 2 {
			t.Errorf("%s: %d lines of plimsoll, want a search and a gate", name, len(lines))
		}
		for _, line := range lines {
			if err := planned(t, line); err != nil {
				t.Errorf("%s: %s: %v", name, line, err)
			}
			if err := planned(t, strings.Replace(line, "--out", "--outt", 1)); err == nil {
				t.Errorf("%s: a planted fault in %s is taken", name, line)
			}
		}
		if bytes.Count(example(t, name), []byte("run/junit.xml")) == 0 || !bytes.Contains(example(t, name), []byte("3")) {
			t.Errorf("%s shows no JUnit, or does not tell undecided from a regression", name)
		}
	}
}

// The steps of the example for GitHub are ones that action.yml takes.
func TestExampleForGitHubIsTaken(t *testing.T) {
	var workflow struct {
		Jobs map[string]struct{ Steps []actionStep }
	}
	if err := yaml.Load(example(t, "github.yml"), &workflow); err != nil {
		t.Fatal(err)
	}
	url, taken := releases(t, asIs), 0
	for _, s := range workflow.Jobs["gate"].Steps {
		if !strings.HasPrefix(s.Uses, "plimsoll-load/plimsoll@") {
			continue
		}
		taken++
		with := map[string]string{"version": "v1.2.3", "release-url": url}
		for name, value := range s.With {
			with[name] = value
		}
		with["args"] += "\n--plan"
		if code, _ := newJob(t, with).run(t, exampleFolder(t)); code != exitKept {
			t.Errorf("step with %v: exit %d", s.With, code)
		}
	}
	if taken != 2 {
		t.Errorf("%d steps use the action, want a search and a gate", taken)
	}
}
