package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readme gives back the commands of the README in order, and the spec it shows.
func readme(t *testing.T) (commands []string, spec string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```(sh|yaml)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if block[1] == "yaml" {
			spec = block[2]
			continue
		}
		commands = append(commands, strings.Split(strings.TrimSpace(block[2]), "\n")...)
	}
	if len(commands) < 10 || spec == "" {
		t.Fatalf("found %d commands in the README, and a spec of %d bytes", len(commands), len(spec))
	}
	return commands, spec
}

// Every command of the README exists with the flags it is shown with, and its spec is read without a fault.
func TestReadmeCommandsParse(t *testing.T) {
	commands, spec := readme(t)
	for _, line := range commands {
		args, ok := strings.CutPrefix(strings.TrimSuffix(line, " &"), "plimsoll ")
		if !ok {
			if !strings.HasPrefix(line, "go ") {
				t.Errorf("%s: neither plimsoll nor go", line)
			}
			continue
		}
		a := &app{spec: newSpec()}
		c, rest, err := a.root().Find(words(args))
		if err != nil || !c.HasParent() {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if err := c.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	path := filepath.Join(t.TempDir(), "checkout.yaml")
	if err := os.WriteFile(path, []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readSpec(path); err != nil {
		t.Error(err)
	}
}

// words splits a line as a shell does, as far as the README goes: blanks and single quotes.
func words(line string) (out []string) {
	for _, m := range regexp.MustCompile(`(?:[^\s']|'[^']*')+`).FindAllString(line, -1) {
		out = append(out, strings.ReplaceAll(m, "'", ""))
	}
	return out
}

// Every command of the README runs, in order, and ends well.
func TestRealReadme(t *testing.T) {
	endToEnd(t)
	commands, spec := readme(t)
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "checkout.yaml"), []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	ci, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range commands {
		switch {
		case strings.HasPrefix(line, "plimsoll doctor"): // it wants the machine alone: TestRealDoctor runs it
			continue
		case strings.HasPrefix(line, "go "): // .ci/run runs these itself
			if !bytes.Contains(ci, []byte("\n"+line)) {
				t.Errorf("%s is in the README and not in .ci/run", line)
			}
			continue
		case strings.HasSuffix(line, " &"):
			startReadmeLab(t, path, words(strings.TrimSuffix(line, " &"))[1:])
			continue
		}
		if code := asShown(t, path, dir, words(line)[1:]); code != 0 {
			t.Errorf("%s: exit %d", line, code)
		}
	}
}

// asShown runs a command in a folder. What this machine kept from telling is asked for again, and at last let be.
func asShown(t *testing.T, path, dir string, args []string) (code int) {
	t.Helper()
	for n := range patience {
		if at := slices.Index(args, "--out"); n > 0 && at > 0 {
			if err := os.RemoveAll(filepath.Join(dir, args[at+1])); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(path, args...)
		cmd.Dir = dir
		text, _ := cmd.CombinedOutput()
		t.Logf("plimsoll %s\n%s", strings.Join(args, " "), text)
		if code = cmd.ProcessState.ExitCode(); !ownFault(code, string(text)) {
			return code
		}
	}
	unheld(t, args[0], code)
	return 0
}

func startReadmeLab(t *testing.T, path string, args []string) {
	t.Helper()
	cmd := exec.Command(path, append(args, "--leash")...)
	leash, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = leash.Close(); _ = cmd.Wait() })
	for i, a := range args {
		if a == "--addr" {
			awaitServer(t, "http://"+args[i+1]+"/healthz")
		}
	}
}
