package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/report/journal"
)

// room is a handler that serves n at a time, each for half to one and a half times what took says.
func room(n int, took func() time.Duration) http.HandlerFunc {
	places := make(chan struct{}, n)
	return func(w http.ResponseWriter, _ *http.Request) {
		places <- struct{}{}
		time.Sleep(time.Duration(float64(took()) * (.5 + rand.Float64())))
		<-places
		w.WriteHeader(http.StatusOK)
	}
}

func always(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// TestRealRecordings searches real services and keeps the journals, which other tests replay: once, and again whenever the
// search was changed on purpose.
func TestRealRecordings(t *testing.T) {
	if os.Getenv("PLIMSOLL_RECORD") == "" {
		t.Skip("records five real searches in a minute: PLIMSOLL_RECORD=1 and -parallel 5")
	}
	var began time.Time // of the search of what changes, some seconds before its confirmations
	var first sync.Once
	doors := http.NewServeMux()
	doors.Handle("/fast", room(8, always(4*time.Millisecond)))
	doors.Handle("/slow", room(2, always(25*time.Millisecond)))
	doors.Handle("/", room(4, func() time.Duration {
		first.Do(func() { began = time.Now() })
		if time.Since(began) < 27*time.Second {
			return 10 * time.Millisecond
		}
		return 13 * time.Millisecond
	}))
	house := httptest.NewServer(doors)
	defer house.Close()
	targets := filepath.Join(t.TempDir(), "targets.http")
	get := "GET " + house.URL
	if err := os.WriteFile(targets, []byte(get+"/fast\n\n"+get+"/fast\n\n"+get+"/fast\n\n"+get+"/slow\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Run("all", func(t *testing.T) {
		record(t, "plain", "", startLabFor(t, "--capacity", "200/s")+"/", "--budget", "45s")
		record(t, "limited", "", startLabFor(t, "--capacity", "400/s", "--rate", "120/s", "--burst", "20")+"/", "--budget", "30s")
		record(t, "generator", "ulimit -n 40; ", startLabFor(t, "--capacity", "2000/s")+"/", "--budget", "20s")
		record(t, "unstable", "", house.URL+"/", "--budget", "50s")
		record(t, "endpoints", "", "--targets", targets, "--budget", "60s")
	})
}

// record runs a search beside others and keeps its journal, without what tells of this machine.
func record(t *testing.T, name, before string, args ...string) {
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		cmd := exec.CommandContext(context.Background(), "sh", append([]string{"-c", before + `exec "$0" find "$@"`, path, "--quick", "--seed", "7", "--out", "run"}, args...)...)
		cmd.Dir = dir
		said, _ := cmd.CombinedOutput()
		t.Logf("%s", said)
		entries, err := journal.ReadFile(filepath.Join(dir, "run", journalName))
		if err != nil {
			t.Fatal(err)
		}
		w, err := journal.Create(filepath.Join(dir, "kept.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Run != nil {
				e.Run.Environment = nil
			}
			if err := w.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		keep(t, filepath.Join(dir, "kept.jsonl"), filepath.Join("testdata", "journals", name+".jsonl.gz"))
	})
}

func keep(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	zip, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := zip.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
