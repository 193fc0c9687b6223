package host

import (
	"io/fs"
	"strconv"
	"strings"
)

// Ports is the range that the system takes local ports from, both ends in it (ip(7)).
func Ports(root fs.FS) (low, high int, ok bool) {
	text, _ := read(root, "proc/sys/net/ipv4/ip_local_port_range")
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return 0, 0, false
	}
	low, err := strconv.Atoi(fields[0])
	high, err2 := strconv.Atoi(fields[1])
	return low, high, err == nil && err2 == nil && 0 < low && low <= high
}

// TimeWait is how many closed connections still hold their local port, IPv4 and IPv6 together (proc(5), sockstat).
func TimeWait(root fs.FS) (n int, ok bool) {
	text, _ := read(root, "proc/net/sockstat")
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "TCP:" {
			continue
		}
		for i := 1; i+1 < len(fields); i += 2 {
			if fields[i] == "tw" {
				n, err := strconv.Atoi(fields[i+1])
				return n, err == nil && n >= 0
			}
		}
	}
	return 0, false
}

// Reuse says whose ports in TIME_WAIT a new connection may take after a second: "none", "all" or "loopback"
// (tcp_tw_reuse in the kernel's ip-sysctl).
func Reuse(root fs.FS) (whose string, ok bool) {
	text, _ := read(root, "proc/sys/net/ipv4/tcp_tw_reuse")
	whose, ok = map[string]string{"0": "none", "1": "all", "2": "loopback"}[text]
	return whose, ok
}
