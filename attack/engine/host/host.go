// Package host reads how the machine under a generator is: cores and quotas, memory, ports, files, clock.
//
// It reads files of the system by their paths in a tree, so that a test can plant any machine. It judges nothing and changes
// nothing; what cannot be read is told as unknown, never as zero.
package host

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Root is the tree of this machine's files.
func Root() fs.FS { return os.DirFS("/") }

// read is the text of a file of the system, or false where there is none.
func read(root fs.FS, path string) (string, bool) {
	text, err := fs.ReadFile(root, path)
	if err != nil {
		return "", false // not this system, or not this setting of it
	}
	return strings.TrimSpace(string(text)), true
}

// number is the whole number that a file holds.
func number(root fs.FS, path string) (int64, bool) {
	text, ok := read(root, path)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
