package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var outs atomic.Int64
var outRoot string

// outDir is a folder that nobody has used, for a run of plimsoll.
func outDir() string { return filepath.Join(outRoot, fmt.Sprintf("run%d", outs.Add(1))) }

// ran is what one run of a tool came to.
type ran struct {
	out    []byte
	cpu    time.Duration // user and system, of the whole tree
	rss    int64         // most of any process of it, bytes
	failed string
}

// grace is how much longer than it was told a tool may take.
const grace = 25 * time.Second

// exec runs a tool to its end and looks at it meanwhile. It lives in a process group of its own, which is ended as one if
// it takes too long or the bench is interrupted.
func (b *bench) exec(ctx context.Context, args []string, long time.Duration, meanwhile func(pid int)) ran {
	outRoot = b.tmp
	ctx, cancel := context.WithTimeout(ctx, long+grace)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = b.tmp
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		return ran{failed: err.Error()}
	}
	seen := make(chan struct{})
	go func() {
		defer close(seen)
		if meanwhile != nil {
			meanwhile(cmd.Process.Pid)
		}
	}()
	err := cmd.Wait()
	<-seen
	r := ran{out: out.Bytes()}
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok { // of the process and of all that it waited for
		r.cpu = time.Duration(u.Utime.Nano() + u.Stime.Nano())
		r.rss = u.Maxrss << 10
	}
	if err != nil {
		r.failed = fmt.Sprintf("%s: %v %s", filepath.Base(args[0]), err, lastLine(errs.String()))
		progress("  %s", r.failed)
	}
	time.Sleep(300 * time.Millisecond) // let sockets close and the machine rest
	return r
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

// resident is what a process and all below it have in memory now, in bytes.
func resident(pid int) (total int64) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	parent, pages := map[int]int{}, map[int]int64{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, ok := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if !ok || len(fields) < 22 {
			continue
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent[id], _ = strconv.Atoi(fields[1])
		pages[id], _ = strconv.ParseInt(fields[21], 10, 64)
	}
	for id := range pages {
		for up, n := id, 0; up > 1 && n < 20; up, n = parent[up], n+1 {
			if up == pid {
				total += pages[id] * int64(os.Getpagesize())
				break
			}
		}
	}
	return total
}
