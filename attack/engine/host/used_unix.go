//go:build unix

package host

import (
	"syscall"
	"time"
)

// Used is the time that this process has had on all cores since it began, its own and the kernel's for it
// (getrusage(2)); known is false where it cannot be read.
func Used() (used time.Duration, known bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
