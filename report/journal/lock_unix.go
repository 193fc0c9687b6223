//go:build unix

package journal

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockTriesMax bounds how often a lock is asked for again after a signal interrupted the call.
const lockTriesMax = 100

// lock takes f for this writer alone, or says errBusy at once. The lock belongs to the open file (flock(2)): the kernel
// takes it back when f is closed or the process dies, however it dies. Readers never see it.
func lock(f *os.File) error {
	conn, err := f.SyscallConn() // f.Fd() would turn the file to blocking mode
	if err != nil {
		return err
	}
	var got error
	err = conn.Control(func(fd uintptr) {
		for range lockTriesMax {
			if got = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB); got != unix.EINTR {
				return
			}
		}
	})
	switch {
	case err != nil:
		return err
	case got == unix.EWOULDBLOCK:
		return errBusy
	}
	return got
}
