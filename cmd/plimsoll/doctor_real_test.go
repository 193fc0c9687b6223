package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The calibration drives a real server in a second process, and what it says adds up; so it is asked as the README does.
func TestRealDoctor(t *testing.T) {
	endToEnd(t)
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	commands, _ := readme(t)
	for _, line := range commands {
		if args, ok := strings.CutPrefix(line, "plimsoll "); ok && strings.HasPrefix(args, "doctor") {
			if code := asShown(t, path, t.TempDir(), words(args)); code != 0 {
				t.Errorf("%s: exit %d", line, code)
			}
		}
	}
	for asked, want := range map[string]string{"50/s": "ok", "5M/s": "bad"} {
		text, _ := exec.Command(path, "doctor", "--for", "3s", "--rate", asked, "--json").Output()
		var d diagnosis
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		fits(t, doctorJSONSchema, string(text))
		c := d.Calibration
		if c != nil && c.Healthy == nil && d.Exit == exitUnmeasured {
			t.Skip("this machine is too busy for any rate")
		}
		if c == nil || c.Trust == nil || *c.Trust > c.Max/2+1 || *c.Healthy > c.Max*1.01 || c.Undecided {
			t.Fatalf("the calibration does not add up: %s", text)
		}
		if last := d.Checks[len(d.Checks)-1]; last.Name != "asked rate" || string(last.Outcome) != want {
			t.Errorf("asked for %s: %+v, want %s", asked, last, want)
		}
		if want == "bad" && d.Exit != exitUnmeasured {
			t.Errorf("asked for %s: exit %d", asked, d.Exit)
		}
	}
}

// The null server ends with the doctor, even with one that was killed.
func TestRealDoctorLeavesNoServerBehind(t *testing.T) {
	endToEnd(t)
	if runtime.GOOS != "linux" {
		t.Skip("finds the server in /proc")
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "doctor", "--for", "30s")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	server := ""
	for range 200 {
		if server = firstChild(cmd.Process.Pid); server != "" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if server == "" {
		t.Fatal("no second process was seen")
	}
	for range 200 {
		if text, err := os.ReadFile("/proc/" + server + "/stat"); err != nil || strings.Contains(string(text), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the server, process %s, outlives the doctor", server)
}

// firstChild is a process that any thread of this one started, or "" (proc_pid_task(5)).
func firstChild(pid int) string {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		if children := strings.Fields(string(text)); len(children) > 0 {
			return children[0]
		}
	}
	return ""
}
