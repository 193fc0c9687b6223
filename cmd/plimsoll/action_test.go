package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v4"
)

// action is what the tests know of action.yml.
type action struct {
	Inputs  map[string]struct{ Description, Default string }
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []actionStep
	}
}

type actionStep struct {
	ID, If, Uses, Shell, Run string
	Env, With                map[string]string
}

func readAction(t *testing.T) (a action) {
	t.Helper()
	text, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Load(text, &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Inputs) == 0 || len(a.Runs.Steps) == 0 {
		t.Fatal("action.yml has no inputs or no steps")
	}
	return a
}

// job is a runner of this one action: it evaluates conditions and values, runs the scripts as GitHub's runner does, and
// leaves out the steps that use other actions.
type job struct {
	action   action
	dir      string // RUNNER_TEMP
	inputs   map[string]string
	restored string // what the cache gave back
	said     string
	steps    map[string]map[string]string // outputs by id
}

func newJob(t *testing.T, inputs map[string]string) *job {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not installed")
	}
	j := &job{action: readAction(t), dir: t.TempDir(), inputs: map[string]string{}, steps: map[string]map[string]string{}}
	for name, in := range j.action.Inputs {
		j.inputs[name] = in.Default
	}
	for name, value := range inputs {
		if _, known := j.inputs[name]; !known {
			t.Fatalf("action.yml has no input %s", name)
		}
		j.inputs[name] = value
	}
	return j
}

// value is an expression's, without its braces. An expression that the tests do not know is a fault.
func (j *job) value(t *testing.T, expression string) string {
	t.Helper()
	if name, is := strings.CutPrefix(expression, "inputs."); is {
		if v, known := j.inputs[name]; known {
			return v
		}
	}
	if m := regexp.MustCompile(`^steps\.(\w+)\.outputs\.([\w-]+)$`).FindStringSubmatch(expression); m != nil {
		return j.steps[m[1]][m[2]]
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{"github.action_path": root, "github.action_ref": "v9.8.7", "runner.temp": j.dir}
	if v, is := known[expression]; is {
		return v
	}
	t.Fatalf("nobody knows what ${{ %s }} is", expression)
	return ""
}

var braces = regexp.MustCompile(`\$\{\{ *(.*?) *\}\}`)

func (j *job) expand(t *testing.T, text string) string {
	return braces.ReplaceAllStringFunc(text, func(e string) string { return j.value(t, braces.FindStringSubmatch(e)[1]) })
}

// applies evaluates a condition of comparisons alone.
func (j *job) applies(t *testing.T, condition string) bool {
	t.Helper()
	if condition == "" {
		return true
	}
	for _, part := range strings.Split(condition, " && ") {
		m := regexp.MustCompile(`^(\S+) (==|!=) '(.*)'$`).FindStringSubmatch(part)
		if m == nil {
			t.Fatalf("condition %q", condition)
		}
		if (j.value(t, m[1]) == m[3]) != (m[2] == "==") {
			return false
		}
	}
	return true
}

// run runs the scripts of the action in order and gives back the exit code of the first that failed, and the action's outputs.
func (j *job) run(t *testing.T, in string) (code int, outputs map[string]string) {
	t.Helper()
	j.steps["before"] = map[string]string{"cache-matched-key": j.restored}
	for n, s := range j.action.Runs.Steps {
		if s.Run == "" || !j.applies(t, s.If) {
			continue
		}
		if code = j.script(t, in, n, s); code != 0 {
			break
		}
	}
	outputs = map[string]string{}
	for name, o := range j.action.Outputs {
		if !strings.Contains(o.Value, "steps.upload.") {
			outputs[name] = j.expand(t, o.Value)
		}
	}
	return code, outputs
}

// script runs one step as the runner does for shell: bash.
func (j *job) script(t *testing.T, in string, n int, s actionStep) int {
	t.Helper()
	file, out := filepath.Join(j.dir, fmt.Sprintf("step%d.sh", n)), filepath.Join(j.dir, fmt.Sprintf("output%d", n))
	if err := os.WriteFile(file, []byte(s.Run), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", file)
	cmd.Dir = in
	osName := map[string]string{"linux": "Linux", "darwin": "macOS", "windows": "Windows"}[runtime.GOOS]
	arch := map[string]string{"amd64": "X64", "arm64": "ARM64"}[runtime.GOARCH]
	cmd.Env = append(os.Environ(), "GITHUB_ACTIONS=true", "CI=true", "GITHUB_SHA=5ca1ab1e", "GITHUB_OUTPUT="+out, "GITHUB_STEP_SUMMARY="+filepath.Join(j.dir, "summary.md"),
		"RUNNER_TEMP="+j.dir, "RUNNER_OS="+osName, "RUNNER_ARCH="+arch)
	for name, value := range s.Env {
		cmd.Env = append(cmd.Env, name+"="+j.expand(t, value))
	}
	text, _ := cmd.CombinedOutput()
	j.said += string(text)
	t.Logf("%s: exit %d\n%s", s.ID, cmd.ProcessState.ExitCode(), text)
	j.steps[s.ID] = readOutputs(t, out)
	return cmd.ProcessState.ExitCode()
}

// readOutputs reads what a step left in GITHUB_OUTPUT, in both of its forms.
func readOutputs(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	out := map[string]string{}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		name, mark, marked := strings.Cut(lines[i], "<<")
		if !marked {
			name, value, _ := strings.Cut(lines[i], "=")
			out[name] = value
			continue
		}
		var value []string
		for i++; i < len(lines) && lines[i] != mark; i++ {
			value = append(value, lines[i])
		}
		out[name] = strings.Join(value, "\n")
	}
	return out
}

// packed is this program as goreleaser packs it, made once.
var packed = sync.OnceValues(func() ([]byte, error) {
	path, err := built()
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var to bytes.Buffer
	zip, err := gzip.NewWriterLevel(&to, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	pack := tar.NewWriter(zip)
	head := tar.Header{Name: "plimsoll", Mode: 0o755, Size: int64(len(program))}
	if err := pack.WriteHeader(&head); err != nil {
		return nil, err
	}
	_, err = pack.Write(program)
	err = errors.Join(err, pack.Close(), zip.Close())
	return to.Bytes(), err
})

// releases serves the release v1.2.3 of this program for this machine, spoilt or as it is.
func releases(t *testing.T, spoil func([]byte) []byte) string {
	t.Helper()
	archive, err := packed()
	if err != nil {
		t.Fatal(err)
	}
	name := archiveName(t)
	sum := sha256.Sum256(archive)
	mux := http.NewServeMux()
	mux.HandleFunc("/v1.2.3/"+name, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(spoil(archive)) })
	mux.HandleFunc("/v1.2.3/checksums.txt", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%x  other.tar.gz\n%x  %s\n", sum, sum, name)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// archiveName is what .goreleaser.yaml calls the archive for this machine.
func archiveName(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var release struct {
		Archives []struct {
			Template string `yaml:"name_template"`
		}
	}
	if err := yaml.Load(text, &release); err != nil || len(release.Archives) != 1 {
		t.Fatal("the archives of .goreleaser.yaml", err)
	}
	return strings.NewReplacer("{{ .Version }}", "1.2.3", "{{ .Os }}", runtime.GOOS, "{{ .Arch }}", runtime.GOARCH).Replace(release.Archives[0].Template) + ".tar.gz"
}

func asIs(b []byte) []byte { return b }

// The action gates finished runs with a released program: the outcome is the exit code, and stands in outputs, annotations,
// and the job's summary.
func TestActionGatesFinishedRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the action's scripts once for each outcome")
	}
	url := releases(t, asIs)
	base, worse := baselineOf(t, 600), baselineOf(t, 480)
	for _, c := range []struct {
		says       string
		head       string
		failOn     string
		code       int
		outcome    string
		annotation string
	}{
		{"the same passes", base, "", exitKept, "pass", "::notice title=plimsoll::"},
		{"a loss of a fifth fails", worse, "", exitBroken, "regression", "::error title=plimsoll::"},
		{"a loss that nobody fails on is still told", worse, "none", exitKept, "regression", "::notice title=plimsoll::"},
	} {
		t.Run(c.says, func(t *testing.T) {
			j := newJob(t, map[string]string{"version": "v1.2.3", "release-url": url, "target": base + "\n" + c.head + "\n", "fail-on": c.failOn, "args": "--seed 7\n\n--name a shop"})
			code, out := j.run(t, t.TempDir())
			if code != c.code || out["exit"] != strconv.Itoa(c.code) || out["outcome"] != c.outcome {
				t.Errorf("exit %d, outputs %v; want %d and %s", code, out, c.code, c.outcome)
			}
			if ratio := map[bool]string{true: "1", false: "0.8"}[c.head == base]; out["ratio"] != ratio {
				t.Errorf("ratio %q, want %s", out["ratio"], ratio)
			}
			if !strings.Contains(j.said, c.annotation) || !strings.Contains(j.said, "::group::") || strings.Count(j.said, "::group::") != strings.Count(j.said, "::endgroup::") {
				t.Errorf("it said\n%s\nwant %s, and the progress folded away", j.said, c.annotation)
			}
			for _, name := range []string{"report", "result", "junit"} {
				if info, err := os.Stat(out[name]); err != nil || info.Size() == 0 || filepath.Dir(out[name]) != out["run"] {
					t.Errorf("output %s: %q, %v", name, out[name], err)
				}
			}
			if summary, err := os.ReadFile(filepath.Join(j.dir, "summary.md")); err != nil || !bytes.Contains(summary, []byte("**"+c.outcome+"**")) {
				t.Errorf("summary %q, %v", summary, err)
			}
		})
	}
}

// Whatever stands in an input is text: nothing of it is run, and nothing leaves the runner's folder.
func TestActionRunsNothingThatItIsHanded(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the action's scripts once for each input")
	}
	url := releases(t, asIs)
	base := baselineOf(t, 600)
	const planted = "$(touch planted)`touch planted`\"; touch planted; '"
	for name := range readAction(t).Inputs {
		j := newJob(t, map[string]string{"version": "v1.2.3", "release-url": url, "target": base + "\n" + base})
		j.inputs[name] = planted
		in := t.TempDir()
		code, _ := j.run(t, in)
		if _, err := os.Stat(filepath.Join(in, "planted")); err == nil {
			t.Errorf("what input %s holds was run", name)
		}
		if used := name != "resume" && name != "upload-report" && name != "retention-days"; used && code == 0 {
			t.Errorf("input %s: %q was borne", name, planted)
		}
	}
	j := newJob(t, map[string]string{"version": "v1.2.3", "release-url": url, "target": base + "\n" + base, "name": "../out"})
	if code, _ := j.run(t, t.TempDir()); code != exitMisuse || !strings.Contains(j.said, "::error title=plimsoll::the input name") {
		t.Errorf("a name that leads out of the folder: exit %d\n%s", code, j.said)
	}
}

// A release that is not what its checksums say is not run.
func TestActionRunsNoReleaseThatWasChanged(t *testing.T) {
	j := newJob(t, map[string]string{"version": "v1.2.3", "target": "http://127.0.0.1:1/",
		"release-url": releases(t, func(b []byte) []byte { return append(bytes.Clone(b), 0) })})
	if code, _ := j.run(t, t.TempDir()); code == 0 || j.steps["run"] != nil || !strings.Contains(j.said, "is not what the release's checksums.txt says") {
		t.Errorf("exit %d\n%s", code, j.said)
	}
}

// Misuse is told as an annotation too, and as an output.
func TestActionTellsMisuse(t *testing.T) {
	j := newJob(t, map[string]string{"version": "v1.2.3", "release-url": releases(t, asIs), "target": "http://127.0.0.1:1/", "command": "find", "tolerance": "5%"})
	code, out := j.run(t, t.TempDir())
	if code != exitMisuse || out["outcome"] != "misuse" || out["exit"] != "2" || !strings.Contains(j.said, "::error title=plimsoll::unknown flag: --tolerance%0A") {
		t.Errorf("exit %d, outputs %v\n%s", code, out, j.said)
	}
}

// The scripts hold no expression, which would be text of the script, and shellcheck has nothing against them.
func TestActionScriptsAreSound(t *testing.T) {
	checked := 0
	for _, s := range readAction(t).Runs.Steps {
		if s.Run == "" {
			continue
		}
		checked++
		if s.Shell != "bash" || braces.MatchString(s.Run) {
			t.Errorf("step %s: shell %q, script\n%s", s.ID, s.Shell, s.Run)
		}
		given := ""
		for name := range s.Env {
			given += "export " + name + "=$1\n"
		}
		if says := shellcheck(t, given+s.Run); says != "" {
			t.Errorf("step %s:\n%s", s.ID, says)
		}
	}
	if checked < 3 {
		t.Errorf("%d scripts", checked)
	}
	if shellcheck(t, "rm $FILE\n") == "" {
		t.Error("shellcheck has nothing against an unquoted variable")
	}
}

func shellcheck(t *testing.T, script string) string {
	t.Helper()
	path, err := exec.LookPath("shellcheck")
	if err != nil {
		if os.Getenv("PLIMSOLL_REQUIRE") == "all" {
			t.Fatal("shellcheck is not installed, and PLIMSOLL_REQUIRE=all")
		}
		t.Skip("shellcheck is not installed")
	}
	cmd := exec.Command(path, "--shell=bash", "-")
	cmd.Stdin = strings.NewReader("set -eo pipefail\n" + script)
	says, _ := cmd.Output()
	return string(says)
}

// Actions of others are pinned to a commit, because whoever owns a tag can move it; the comment says which version that was.
func TestActionsOfOthersArePinned(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range append(files, "../../action.yml", "../../.ci/examples/github.yml") {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, loose := range unpinned(string(text)) {
			t.Errorf("%s: %s", filepath.Base(f), loose)
		}
	}
	for _, planted := range []string{"- uses: actions/checkout@v4", "  uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "- uses: a/b@main # v1"} {
		if len(unpinned(planted)) != 1 {
			t.Errorf("%q passes for pinned", planted)
		}
	}
}

func unpinned(text string) (loose []string) {
	for _, m := range regexp.MustCompile(`(?m)^[ -]*uses: *(.*)$`).FindAllStringSubmatch(text, -1) {
		ours := strings.HasPrefix(m[1], "./") || strings.HasPrefix(m[1], "plimsoll-load/plimsoll@v")
		if !ours && !regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`).MatchString(m[1]) {
			loose = append(loose, m[1])
		}
	}
	return loose
}
