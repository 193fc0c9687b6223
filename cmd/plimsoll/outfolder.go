package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// fileEndings are those of names that nobody gives a folder.
var fileEndings = []string{".html", ".htm", ".json", ".jsonl", ".md", ".xml", ".png", ".csv", ".txt", ".pdf", ".yaml", ".yml"}

// folderNamed refuses an --out that names a file: what is written is several, and they belong together. A folder that is there
// may be called as it likes. more are other endings of files that could be meant.
func folderNamed(out string, more ...string) error {
	ending := strings.ToLower(filepath.Ext(out))
	if !slices.Contains(slices.Concat(fileEndings, more), ending) {
		return nil
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return nil
	}
	folder := strings.TrimSuffix(out, filepath.Ext(out))
	if filepath.Base(out) == filepath.Ext(out) { // the ending alone is a name
		return nil
	}
	return misuseHint("--out "+folder+" makes the folder, with all of them in it", "--out: %s is a file's name, and --out names a folder for several", out)
}
