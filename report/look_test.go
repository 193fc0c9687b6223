package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestLook writes the pictures of every fixture into the folder that PLIMSOLL_LOOK names, for eyes.
func TestLook(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_LOOK")
	if dir == "" {
		t.Skip("set PLIMSOLL_LOOK to a folder to have the pictures written there")
	}
	for name, entries := range fixtures() {
		r := Fold(entries)
		var b bytes.Buffer
		if ok, err := CapacityPNG(&b, r); err != nil {
			t.Error(err)
		} else if ok {
			os.WriteFile(filepath.Join(dir, name+"-capacity.png"), b.Bytes(), 0o600)
		}
		b.Reset()
		if err := HTML(&b, r); err != nil {
			t.Error(err)
		}
		os.WriteFile(filepath.Join(dir, name+".html"), b.Bytes(), 0o600)
		for _, s := range r.Storms {
			b.Reset()
			if ok, err := StormPNG(&b, r, s); err != nil {
				t.Error(err)
			} else if ok {
				os.WriteFile(filepath.Join(dir, name+"-storm-"+s.Scenario+".png"), b.Bytes(), 0o600)
			}
		}
	}
}
