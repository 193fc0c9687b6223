package host

import (
	"io/fs"
	"runtime"
	"slices"
	"testing"
	"testing/fstest"
)

// tree is a machine's files: path, text, path, text …
func tree(pairs ...string) fs.FS {
	m := fstest.MapFS{}
	for pair := range slices.Chunk(pairs, 2) {
		m[pair[0]] = &fstest.MapFile{Data: []byte(pair[1])}
	}
	return m
}

func TestQuotas(t *testing.T) {
	const group = "proc/self/cgroup"
	for name, row := range map[string]struct {
		files   []string
		cores   float64
		limited bool
	}{
		"half a core":            {[]string{group, "0::/a\n", "sys/fs/cgroup/a/cpu.max", "50000 100000\n"}, .5, true},
		"two cores":              {[]string{group, "0::/a\n", "sys/fs/cgroup/a/cpu.max", "200000 100000\n"}, 2, true},
		"no quota":               {[]string{group, "0::/a\n", "sys/fs/cgroup/a/cpu.max", "max 100000\n"}, 0, false},
		"a period of nothing":    {[]string{group, "0::/a\n", "sys/fs/cgroup/a/cpu.max", "100000 0\n"}, 0, false},
		"another kernel's words": {[]string{group, "0::/a\n", "sys/fs/cgroup/a/cpu.max", "100000\n"}, 0, false},
		"the group above binds": {[]string{group, "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max", "400000 100000\n",
			"sys/fs/cgroup/a/cpu.max", "150000 100000\n"}, 1.5, true},
		"a namespace hides the group": {[]string{group, "0::/../../a\n", "sys/fs/cgroup/cpu.max", "50000 100000"}, .5, true},
		"version 1": {[]string{group, "4:cpu,cpuacct:/docker/x\n", "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "150000\n",
			"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n"}, 1.5, true},
		"version 1, the group mounted as the root": {[]string{group, "4:cpu,cpuacct:/docker/x\n0::/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "25000",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"}, .25, true},
		"version 1 without a quota":   {[]string{group, "1:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"}, 0, false},
		"of another controller alone": {[]string{group, "1:cpuset:/\n", "sys/fs/cgroup/cpuset/cpu.cfs_quota_us", "1", "sys/fs/cgroup/cpuset/cpu.cfs_period_us", "100000"}, 0, false},
		"another system":              {nil, 0, false},
	} {
		if cores, limited := Quota(tree(row.files...)); cores != row.cores || limited != row.limited {
			t.Errorf("%s: Quota = %v, %v; want %v, %v", name, cores, limited, row.cores, row.limited)
		}
	}
}

func TestCoresAreTheLesserOfRuntimeAndQuota(t *testing.T) {
	half := tree("proc/self/cgroup", "0::/", "sys/fs/cgroup/cpu.max", "50000 100000")
	for _, row := range []struct {
		root fs.FS
		want float64
	}{{half, .5}, {tree(), 4}} {
		if got := Cores(row.root, 4); got != row.want {
			t.Errorf("Cores = %v, want %v", got, row.want)
		}
	}
	if got, procs := Cores(Root(), runtime.GOMAXPROCS(0)), runtime.GOMAXPROCS(0); !(got > 0) || got > float64(procs) {
		t.Errorf("this machine's Cores = %v, want more than 0 and at most GOMAXPROCS, %d", got, procs)
	}
}

func TestMemoryIsTheLeastOfAll(t *testing.T) {
	const meminfo = "MemTotal:       24684092 kB\nMemAvailable:       2048 kB\n"
	for name, row := range map[string]struct {
		files []string
		bytes int64
		from  string
		ok    bool
	}{
		"what is available":      {[]string{"proc/meminfo", meminfo}, 2 << 20, "available", true},
		"a limit of version 2":   {[]string{"proc/meminfo", meminfo, "proc/self/cgroup", "0::/a", "sys/fs/cgroup/a/memory.max", "1048576\n"}, 1 << 20, "cgroup limit", true},
		"a limit of version 1":   {[]string{"proc/self/cgroup", "4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "65536\n"}, 65536, "cgroup limit", true},
		"version 1 without one":  {[]string{"proc/self/cgroup", "4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n"}, 0, "", false},
		"max is no number":       {[]string{"proc/self/cgroup", "0::/", "sys/fs/cgroup/memory.max", "max\n"}, 0, "", false},
		"nothing that is a size": {[]string{"proc/meminfo", "MemAvailable: lots\n"}, 0, "", false},
		"another system":         {nil, 0, "", false},
	} {
		if bytes, from, ok := Memory(tree(row.files...)); bytes != row.bytes || from != row.from || ok != row.ok {
			t.Errorf("%s: Memory = %d, %q, %v; want %d, %q, %v", name, bytes, from, ok, row.bytes, row.from, row.ok)
		}
	}
}

func TestPorts(t *testing.T) {
	for text, row := range map[string]struct {
		low, high int
		ok        bool
	}{
		"32768\t60999\n": {32768, 60999, true},
		"40000 40009":    {40000, 40009, true},
		"60999 32768":    {60999, 32768, false},
		"0 5":            {0, 5, false},
		"many":           {0, 0, false},
		"":               {0, 0, false},
	} {
		low, high, ok := Ports(tree("proc/sys/net/ipv4/ip_local_port_range", text))
		if ok != row.ok || ok && (low != row.low || high != row.high) {
			t.Errorf("%q: Ports = %d, %d, %v; want %d, %d, %v", text, low, high, ok, row.low, row.high, row.ok)
		}
	}
}

func TestTimeWait(t *testing.T) {
	for text, row := range map[string]struct {
		n  int
		ok bool
	}{
		"sockets: used 18\nTCP: inuse 2 orphan 0 tw 1234 alloc 2 mem 6\nUDP: inuse 0 mem 0\n": {1234, true},
		"TCP: inuse 2\n": {0, false},
		"UDP: tw 7\n":    {0, false},
		"":               {0, false},
	} {
		if n, ok := TimeWait(tree("proc/net/sockstat", text)); n != row.n || ok != row.ok {
			t.Errorf("%q: TimeWait = %d, %v; want %d, %v", text, n, ok, row.n, row.ok)
		}
	}
	for text, want := range map[string]string{"0\n": "none", "1": "all", "2": "loopback", "9": ""} {
		if whose, ok := Reuse(tree("proc/sys/net/ipv4/tcp_tw_reuse", text)); whose != want || ok != (want != "") {
			t.Errorf("%q: Reuse = %q, %v; want %q", text, whose, ok, want)
		}
	}
}

func TestClockSource(t *testing.T) {
	const path = "sys/devices/system/clocksource/clocksource0/current_clocksource"
	for text, want := range map[string]string{"tsc\n": "tsc", "": ""} {
		if name, ok := ClockSource(tree(path, text)); name != want || ok != (want != "") {
			t.Errorf("%q: ClockSource = %q, %v", text, name, ok)
		}
	}
	if name, ok := ClockSource(tree()); ok {
		t.Errorf("a machine without one has the clock source %q", name)
	}
}

func TestParseStat(t *testing.T) {
	for name, row := range map[string]struct {
		text        string
		idle, total int64
	}{
		"the first line is all cores": {"cpu  100 1 20 300 40 5 6 7 8 9\ncpu0 1 2 3 4 5 6 7\n", 340, 479},
		"an old kernel has fewer":     {"cpu  1 2 3 4 5\n", 9, 15},
		"another system has none":     {"", 0, 0},
		"words are no ticks":          {"cpu a b c d e f\n", 0, 0},
	} {
		if idle, total := ParseStat([]byte(row.text)); idle != row.idle || total != row.total {
			t.Errorf("%s: ParseStat = %d of %d, want %d of %d", name, idle, total, row.idle, row.total)
		}
		if idle, total := CPU(tree("proc/stat", row.text)); idle != row.idle || total != row.total {
			t.Errorf("%s: CPU = %d of %d, want %d of %d", name, idle, total, row.idle, row.total)
		}
	}
	if _, total := CPU(tree()); total != 0 {
		t.Error("a machine without /proc has had CPU time")
	}
}

func TestGroupsUpwardsAreBounded(t *testing.T) {
	deep := ""
	for range 3 * maxGroups {
		deep += "/x"
	}
	if got := upwards(groups, deep); len(got) != maxGroups {
		t.Errorf("%d folders are asked, want at most %d", len(got), maxGroups)
	}
}
