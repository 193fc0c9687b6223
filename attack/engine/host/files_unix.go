//go:build unix

package host

import "syscall"

// Files is how many files this process may have open, and how far it may raise that itself (getrlimit(2)). Go raises the
// soft limit to the hard one when a program starts.
func Files() (soft, hard uint64, ok bool) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0, false
	}
	return uint64(r.Cur), uint64(r.Max), true //nolint:unconvert // signed on some systems
}
