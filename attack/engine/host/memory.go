package host

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// noMemoryLimit is what version 1 of cgroups shows for no limit, whole pages under 2^63; nothing near it is one.
const noMemoryLimit = 1 << 60

// Memory is how many bytes this process may use at most: what the machine has to give now, or the least limit of its
// cgroups. from says which of the two; ok is false where neither can be read.
func Memory(root fs.FS) (bytes int64, from string, ok bool) {
	take := func(n int64, known bool, name string) {
		if known && n > 0 && n < noMemoryLimit && (!ok || n < bytes) {
			bytes, from, ok = n, name, true
		}
	}
	n, known := available(root)
	take(n, known, "available")
	v1, v2 := groupDirs(root, "memory")
	for _, dir := range v2 {
		n, known := number(root, path.Join(dir, "memory.max"))
		take(n, known, "cgroup limit")
	}
	for _, dir := range v1 {
		n, known := number(root, path.Join(dir, "memory.limit_in_bytes"))
		take(n, known, "cgroup limit")
	}
	return bytes, from, ok
}

// available is MemAvailable of /proc/meminfo, which is in kB (proc_meminfo(5)).
func available(root fs.FS) (int64, bool) {
	text, _ := read(root, "proc/meminfo")
	for line := range strings.Lines(text) {
		if value, is := strings.CutPrefix(line, "MemAvailable:"); is {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return n << 10, err == nil
		}
	}
	return 0, false
}
