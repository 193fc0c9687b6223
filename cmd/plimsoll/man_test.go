package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command that people see has a page that names all of its flags; hidden ones have none. The pages of one version and
// date are the same bytes.
func TestManualHasAPageForEachCommand(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	dir, again := filepath.Join(t.TempDir(), "man1"), t.TempDir()
	for _, d := range []string{dir, again} {
		if code := run(t.Context(), []string{"man", d}, nil, os.Stdout, os.Stderr); code != exitKept {
			t.Fatalf("exit %d", code)
		}
	}
	page := func(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1" }
	pages := 0
	for _, c := range (&app{spec: newSpec()}).root().Commands() {
		text, err := os.ReadFile(filepath.Join(dir, page(c)))
		if c.Hidden {
			if err == nil {
				t.Errorf("the hidden command %s has a page", c.Name())
			}
			continue
		}
		pages++
		if err != nil {
			t.Error(err)
			continue
		}
		other, _ := os.ReadFile(filepath.Join(again, page(c)))
		if !bytes.Equal(text, other) {
			t.Errorf("%s: two pages of one date differ", c.Name())
		}
		if !bytes.Contains(text, []byte("Nov 2023")) {
			t.Errorf("%s: the page is not of SOURCE_DATE_EPOCH", c.Name())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if want := "\\-\\-" + strings.ReplaceAll(f.Name, "-", "\\-"); !f.Hidden && !bytes.Contains(bytes.ReplaceAll(text, []byte("--"), []byte("\\-\\-")), []byte(want)) && !bytes.Contains(text, []byte("--"+f.Name)) {
				t.Errorf("%s: its page lacks --%s", c.Name(), f.Name)
			}
		})
	}
	if pages < 10 {
		t.Errorf("%d commands have pages", pages)
	}
}

// A reader of manual pages has nothing to say against them.
func TestManualIsReadByMan(t *testing.T) {
	reader, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	dir := t.TempDir()
	if code := run(t.Context(), []string{"man", dir}, nil, os.Stdout, os.Stderr); code != exitKept {
		t.Fatalf("exit %d", code)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages", err)
	}
	for _, p := range pages {
		if says, err := exec.Command(reader, "-man", "-ww", "-z", p).CombinedOutput(); err != nil || len(says) > 0 {
			t.Errorf("%s: %v\n%s", filepath.Base(p), err, says)
		}
	}
}

func TestManualRefusesWhereItCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var says bytes.Buffer
	if code := run(t.Context(), []string{"man", filepath.Join(file, "man1")}, nil, os.Stdout, &says); code != exitMisuse || !strings.Contains(says.String(), "make the folder") {
		t.Errorf("exit %d: %s", code, says.String())
	}
}
