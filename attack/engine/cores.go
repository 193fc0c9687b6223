package engine

import (
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// maxGroups bounds how many cgroups above one another are asked for their quota.
const maxGroups = 64

// usableCores is how many cores this process may use: GOMAXPROCS, which the runtime bounds by the affinity, or the CPU
// quota of its cgroups. The runtime knows the quota too, but rounds it up, and never to less than 2.
func usableCores() float64 {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		own = nil // not this system: there is no quota to know
	}
	cores := float64(runtime.GOMAXPROCS(0))
	at := groupOf(string(own))
	for range maxGroups {
		if text, err := os.ReadFile(path.Join("/sys/fs/cgroup", at, "cpu.max")); err == nil {
			if quota, limited := parseQuota(string(text)); limited {
				cores = min(cores, quota)
			}
		}
		if at == "/" {
			break
		}
		at = path.Dir(at)
	}
	return cores
}

// groupOf is the cgroup of version 2 that /proc/self/cgroup names, else the root (cgroups(7)).
func groupOf(text string) string {
	for line := range strings.Lines(text) {
		if at, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path.Clean("/" + at)
		}
	}
	return "/"
}

// parseQuota reads cpu.max, "quota period" in microseconds or "max period", as a number of cores.
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
