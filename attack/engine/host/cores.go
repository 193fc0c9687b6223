package host

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Cores is how many cores this process may use: procs, which is the runtime's GOMAXPROCS and bounded by the affinity, or the
// CPU quota of its cgroups. The runtime knows the quota too, but rounds it up, and never to less than 2.
func Cores(root fs.FS, procs int) float64 {
	cores := float64(procs)
	if quota, limited := Quota(root); limited {
		cores = min(cores, quota)
	}
	return cores
}

// Quota is the smallest CPU quota of this process's cgroups, in cores; limited is false where none is set or can be read.
func Quota(root fs.FS) (cores float64, limited bool) {
	v1, v2 := groupDirs(root, "cpu")
	take := func(text string) {
		if quota, ok := parseQuota(text); ok && (!limited || quota < cores) {
			cores, limited = quota, true
		}
	}
	for _, dir := range v2 {
		text, _ := read(root, path.Join(dir, "cpu.max"))
		take(text)
	}
	for _, dir := range v1 {
		quota, _ := read(root, path.Join(dir, "cpu.cfs_quota_us"))
		period, _ := read(root, path.Join(dir, "cpu.cfs_period_us"))
		take(quota + " " + period)
	}
	return cores, limited
}

// parseQuota reads "quota period" in microseconds, as cpu.max holds it, as a number of cores. No quota is "max" in version 2
// and -1 in version 1.
func parseQuota(text string) (cores float64, limited bool) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return 0, false
	}
	quota, err := strconv.ParseFloat(fields[0], 64)
	period, err2 := strconv.ParseFloat(fields[1], 64)
	if err != nil || err2 != nil || !(quota > 0) || !(period > 0) {
		return 0, false
	}
	return quota / period, true
}
