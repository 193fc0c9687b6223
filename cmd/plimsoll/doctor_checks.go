package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/engine/host"
	"github.com/plimsoll-load/plimsoll/report"
)

// What a generator wants of its machine. A trial has up to 20,000 requests in flight, each over a connection of its own,
// which is a file and a local port; beside them a run has fewer than 480 files open.
const (
	filesWant, filesBad = 20_480, 1024 + 64
	portsWant, portsBad = 20_000, 1000
	twWarn, twBad       = 0.25, 0.75 // of the ports
	twHeld              = 60         // seconds that a closed connection keeps its port (TCP_TIMEWAIT_LEN of Linux)
	coresWant, coresBad = 2, 0.5
	// 2,000 connections of net/http took 94 MB: 20,000 take a GB. 128 MB is what a run with few of them needs for itself.
	memoryWant, memoryBad = 1 << 30, 128 << 20
	stepWarn, stepBad     = 10 * time.Microsecond, time.Millisecond
	readWarn, readBad     = time.Microsecond, 100 * time.Microsecond // a clock that is read by a system call takes above 0.2 µs
	lateWarn, lateBad     = 10 * time.Millisecond, 50 * time.Millisecond
	idleWarn, idleBad     = 0.70, 0.30
)

// examine looks at everything that can be seen without sending anything. It takes about half a second.
func examine(root fs.FS) []attack.SelfCheck {
	files, hard, filesKnown := host.Files()
	idle, total := host.CPU(root)
	watch := timed()
	idle2, total2 := host.CPU(root)
	source, _ := host.ClockSource(root)
	quota, limited := host.Quota(root)
	return []attack.SelfCheck{
		checkFiles(files, hard, filesKnown),
		checkPorts(root),
		checkTimeWait(root),
		checkCores(runtime.NumCPU(), quota, limited),
		checkProcs(runtime.GOMAXPROCS(0), runtime.NumCPU(), quota, limited),
		checkMemory(root),
		checkSource(source),
		checkClock(watch),
		checkSleep(watch),
		checkRest(idle2-idle, total2-total),
	}
}

// unknown is a check of something that this system does not tell.
func unknown(name, want string) attack.SelfCheck {
	return attack.SelfCheck{Name: name, Outcome: attack.Unavailable, Got: "not told by " + runtime.GOOS, Want: want}
}

// least grades a value that must not be under two bounds, most one that must not be over them.
func least[T cmp.Ordered](v, warn, worse T) attack.CheckOutcome { return graded(v < worse, v < warn) }
func most[T cmp.Ordered](v, warn, worse T) attack.CheckOutcome  { return graded(v > worse, v > warn) }

func graded(worse, warn bool) attack.CheckOutcome {
	switch {
	case worse:
		return bad
	case warn:
		return attack.Warn
	}
	return attack.Healthy
}

// told leaves the way out to checks that need one.
func told(c attack.SelfCheck) attack.SelfCheck {
	if c.Outcome == attack.Healthy {
		c.Fix = ""
	}
	return c
}

func checkFiles(soft, hard uint64, known bool) attack.SelfCheck {
	c := attack.SelfCheck{Name: "open files", Want: "at least " + report.Number(filesWant), Fix: "raise ulimit -n to 65536"}
	if !known {
		return unknown(c.Name, c.Want)
	}
	c.Outcome, c.Got = least(soft, filesWant, filesBad), report.Number(float64(soft))
	if soft != hard {
		c.Got += ", may be raised to " + report.Number(float64(hard))
	}
	return told(c)
}

func checkPorts(root fs.FS) attack.SelfCheck {
	c := attack.SelfCheck{Name: "local ports", Want: "at least " + report.Number(portsWant),
		Fix: `widen the ports: sysctl -w net.ipv4.ip_local_port_range="10240 65535"`}
	low, high, known := host.Ports(root)
	if !known {
		return unknown(c.Name, c.Want)
	}
	n := high - low + 1
	c.Outcome, c.Got = least(n, portsWant, portsBad), fmt.Sprintf("%s, %d to %d", report.Number(float64(n)), low, high)
	return told(c)
}

// checkTimeWait tells what closed connections hold back, and how many new ones a second that leaves. A connection that is
// kept alive uses one port however many requests it carries.
func checkTimeWait(root fs.FS) attack.SelfCheck {
	c := attack.SelfCheck{Name: "ports in TIME_WAIT", Want: "at most 25% of the ports", Fix: "wait a minute for closed connections, or sysctl -w net.ipv4.tcp_tw_reuse=1"}
	n, known := host.TimeWait(root)
	low, high, known2 := host.Ports(root)
	if !known || !known2 {
		return unknown(c.Name, c.Want)
	}
	ports, held := float64(high-low+1), float64(twHeld)
	if whose, ok := host.Reuse(root); ok && whose == "all" {
		held = 1 // a port may be taken again after a second
	}
	c.Outcome = most(float64(n)/ports, twWarn, twBad)
	c.Got = fmt.Sprintf("%s; without keep-alive %s new connections/s to one address", report.Number(float64(n)), report.Number(math.Floor(ports/held)))
	return told(c)
}

func checkCores(n int, quota float64, limited bool) attack.SelfCheck {
	c := attack.SelfCheck{Name: "cores", Want: "at least 2", Fix: "give this machine or container more cores"}
	usable := float64(n)
	c.Got = fmt.Sprintf("%d, no quota", n)
	if limited {
		usable = min(usable, quota)
		c.Got = fmt.Sprintf("%d, with a quota of %.3g", n, quota)
	}
	c.Outcome = least(usable, coresWant, coresBad)
	return told(c)
}

// checkProcs looks for a GOMAXPROCS that leaves cores unused, or wants more than a quota pays for: then the kernel stops
// the whole program for the rest of each period. The runtime's own choice is the quota rounded up, and at least 2.
func checkProcs(procs, cores int, quota float64, limited bool) attack.SelfCheck {
	least, most := cores, cores
	if limited {
		least = min(cores, int(max(1, math.Floor(quota))))
		most = min(cores, int(max(2, math.Ceil(quota))))
	}
	c := attack.SelfCheck{Name: "GOMAXPROCS", Got: fmt.Sprint(procs), Want: fmt.Sprint(least), Fix: "unset GOMAXPROCS"}
	if most > least {
		c.Want = fmt.Sprintf("%d to %d", least, most)
	}
	c.Outcome = graded(false, procs < least || procs > most)
	return told(c)
}

func checkMemory(root fs.FS) attack.SelfCheck {
	c := attack.SelfCheck{Name: "memory", Want: "at least 1 GB", Fix: "give this machine or container more memory, or keep --max-inflight low"}
	n, from, known := host.Memory(root)
	if !known {
		return unknown(c.Name, c.Want)
	}
	c.Outcome, c.Got = least(n, memoryWant, memoryBad), fmt.Sprintf("%s MB (%s)", report.Number(float64(n>>20)), from)
	return told(c)
}

// slowClocks are clock sources that every reading is a system call of, or that tick slowly.
var slowClocks = []string{"hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies", "xen"}

func checkSource(source string) attack.SelfCheck {
	c := attack.SelfCheck{Name: "clock source", Got: source, Want: "read without a system call, as tsc is", Fix: "choose a faster clock source: tsc, if the kernel offers it"}
	if source == "" {
		return unknown(c.Name, c.Want)
	}
	c.Outcome = graded(false, slices.Contains(slowClocks, source))
	return told(c)
}

func checkRest(idle, total int64) attack.SelfCheck {
	c := attack.SelfCheck{Name: "idle at rest", Want: "at least 70% of all cores", Fix: "stop what else keeps this machine busy"}
	if total <= 0 {
		return unknown(c.Name, c.Want)
	}
	share := float64(idle) / float64(total)
	c.Outcome, c.Got = least(share, idleWarn, idleBad), fmt.Sprintf("%.0f%%", 100*share)
	return told(c)
}
