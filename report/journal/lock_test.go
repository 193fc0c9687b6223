package journal

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// holder is the environment variable that makes the test binary a process that writes the journal named by it.
const holder = "PLIMSOLL_TEST_HOLD_JOURNAL"

func TestMain(m *testing.M) {
	if path := os.Getenv(holder); path != "" {
		os.Exit(holdUntilKilled(path))
	}
	os.Exit(m.Run())
}

// holdUntilKilled begins a journal, says so, and keeps it until its parent is gone or kills it.
func holdUntilKilled(path string) int {
	w, err := Create(path)
	if err == nil {
		err = w.Write(story()[0])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// refused checks that nobody else gets to write the journal, and that trying leaves it as it is.
func refused(t *testing.T, path string) {
	t.Helper()
	before := content(t, path)
	w, _, err := Append(path)
	if err == nil {
		w.Close()
	}
	if want := path + " is being written by another plimsoll; wait for it to end"; err == nil || err.Error() != want {
		t.Errorf("Append(held) = %v, want %s", err, want)
	}
	if !bytes.Equal(content(t, path), before) {
		t.Error("the journal changed")
	}
}

// free checks that the journal may be gone on with.
func free(t *testing.T, path string) {
	t.Helper()
	w, entries, err := Append(path)
	if err != nil || len(entries) != 1 {
		t.Fatalf("Append(free) = %d entries, %v; want 1", len(entries), err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestOneWriterAtATime(t *testing.T) {
	for name, open := range map[string]func(string) (*Writer, error){
		"begun": func(path string) (*Writer, error) {
			w, err := Create(path)
			if err != nil {
				return nil, err
			}
			return w, w.Write(story()[0])
		},
		"gone on with": func(path string) (*Writer, error) {
			if err := os.WriteFile(path, content(t, write(t, story()[:1])), 0o600); err != nil {
				return nil, err
			}
			w, _, err := Append(path)
			return w, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.jsonl")
			w, err := open(path)
			if err != nil {
				t.Fatal(err)
			}
			refused(t, path)
			if entries, err := ReadFile(path); err != nil || len(entries) != 1 {
				t.Errorf("ReadFile(held) = %d entries, %v; want 1: readers are not kept away", len(entries), err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			free(t, path)
		})
	}
}

// TestDeadProcessLetsGo: a process that was killed cannot tidy up, and its journal must be free all the same.
func TestDeadProcessLetsGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command(self)
	other.Env = append(os.Environ(), holder+"="+path)
	if _, err := other.StdinPipe(); err != nil { // open until Wait: the other ends by itself should this one die
		t.Fatal(err)
	}
	said, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err == nil {
		refused(t, path)
	}
	killed := other.Process.Kill()
	waited := other.Wait()
	if err != nil || line != "held\n" || killed != nil || waited == nil {
		t.Fatalf("the other process said %q (%v), was killed (%v) and ended %v; want it to hold the journal until then", line, err, killed, waited)
	}
	free(t, path)
}
