package report

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got), -update accepts it:\n%s", path, d)
	}
}

func TestText(t *testing.T) {
	for name, entries := range fixtures() {
		var b bytes.Buffer
		if err := Text(&b, Fold(entries)); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", b.Bytes())
		for i, line := range strings.Split(b.String(), "\n") {
			if n := utf8.RuneCountInString(line); n > columns {
				t.Errorf("%s line %d has %d columns, want at most %d: %s", name, i+1, n, columns, line)
			}
		}
	}
}

// TestSeedIsTold: without its seed no run can be made again. A run of no seed has none to tell.
func TestSeedIsTold(t *testing.T) {
	r := Fold(fixtures()["whole"])
	for name, write := range map[string]func(io.Writer, Report) error{"Text": Text, "Brief": Brief, "Markdown": Markdown} {
		for seed, want := range map[uint64]bool{42: true, 1<<64 - 1: true, 0: false} {
			r.Run.Seed = seed
			var b bytes.Buffer
			if err := write(&b, r); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(b.String(), fmt.Sprintf("· seed %d", seed)); got != want {
				t.Errorf("%s of a run with seed %d tells it: %v, want %v:\n%s", name, seed, got, want, b.String())
			}
		}
	}
}

// TestBriefBeginsAsTextDoes up to the first heading, whatever the run.
func TestBriefBeginsAsTextDoes(t *testing.T) {
	for name, entries := range fixtures() {
		var text, brief bytes.Buffer
		if err := errors.Join(Text(&text, Fold(entries)), Brief(&brief, Fold(entries))); err != nil {
			t.Fatal(err)
		}
		want, _, _ := strings.Cut(text.String(), "\n\n")
		if got, _, _ := strings.Cut(brief.String(), "\n\n"); got != want {
			t.Errorf("%s: Brief begins %q, Text %q", name, got, want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	runs := fixtures()
	for _, name := range []string{"whole", "endpoints", "verify-fail", "limited", "cut-off", "gate", "gate-runs"} {
		var b bytes.Buffer
		if err := Markdown(&b, Fold(runs[name])); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".md", b.Bytes())
		if strings.Contains(strings.ReplaceAll(b.String(), `\<script`, ""), "<script") {
			t.Errorf("%s: markup of a check reached the page", name)
		}
	}
}
