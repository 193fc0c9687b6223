package report

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// sums are those of everything that can be written of every kind of run, by its name; of pictures, which take their time, those
// of one run.
func sums(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	runs := fixtures()
	for _, name := range sortedKeys(runs) {
		r := Fold(runs[name])
		all := r.outputs()
		for what, write := range map[string]func(io.Writer, Report) error{"text": Text, "csv": CSV, "om": OpenMetrics} {
			all = append(all, output{what, what, func(w io.Writer) (bool, error) { return true, write(w, r) }})
		}
		lines := map[string]string{}
		for _, o := range all {
			if strings.HasSuffix(o.name, ".png") && name != "whole" {
				continue
			}
			var b bytes.Buffer
			if _, err := o.draw(&b); err != nil {
				t.Fatal(err)
			}
			lines[o.name] = fmt.Sprintf("%x", sha256.Sum256(b.Bytes()))
		}
		for _, file := range sortedKeys(lines) {
			fmt.Fprintf(&out, "%s/%s %s\n", name, file, lines[file])
		}
	}
	return out.String()
}

const elsewhere = "PLIMSOLL_TEST_ELSEWHERE"

// TestSameBytesElsewhere: in a process of another time zone, another language, another home, and a later moment, each file is
// the same to the byte.
func TestSameBytesElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("writes every file of every run twice: run without -short")
	}
	here := sums(t)
	if os.Getenv(elsewhere) != "" {
		if zone, _ := time.Now().Zone(); zone == "UTC" {
			t.Fatal("the other process is in the same time zone: the test would show nothing")
		}
		fmt.Printf("sums begin\n%ssums end\n", here)
		return
	}
	c := exec.Command(os.Args[0], "-test.run", "^TestSameBytesElsewhere$", "-test.v")
	c.Env = []string{elsewhere + "=1", "TZ=Asia/Kathmandu", "ZONEINFO=" + os.Getenv("ZONEINFO"), "LANG=tr_TR.UTF-8", "LC_ALL=de_DE.UTF-8", "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "NO_COLOR=1"}
	said, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	_, there, _ := strings.Cut(string(said), "sums begin\n")
	there, _, _ = strings.Cut(there, "sums end\n")
	if strings.Count(here, "\n") < 60 {
		t.Errorf("%d files were compared, want those of every kind of run", strings.Count(here, "\n"))
	}
	wrote := strings.Split(there, "\n")
	for i, line := range strings.Split(here, "\n") {
		if i >= len(wrote) || wrote[i] != line {
			t.Errorf("elsewhere %s is another file", strings.Fields(line + " ?")[0])
		}
	}
}
