package host

import (
	"bytes"
	"io/fs"
	"strconv"
)

// CPU is the idle and the whole time of all cores since the machine began, in the kernel's ticks; total is 0 where it cannot
// be read.
func CPU(root fs.FS) (idle, total int64) {
	text, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return 0, 0 // not this system
	}
	return ParseStat(text)
}

// ParseStat reads idle and whole time from the first line of /proc/stat: user nice system idle iowait irq softirq steal
// (proc_stat(5)). What guests used is in user already.
func ParseStat(text []byte) (idle, total int64) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 6 || string(fields[0]) != "cpu" {
		return 0, 0
	}
	for i, f := range fields[1:min(len(fields), 9)] {
		ticks, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, 0
		}
		total += ticks
		if i == 3 || i == 4 {
			idle += ticks
		}
	}
	return idle, total
}
