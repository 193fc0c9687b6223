package journal

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte is where the locked byte stands, in units of 4 GiB: far behind every journal, because Windows keeps others
// from reading what is locked, and a journal may be read while it is written.
const lockedByte = 1 << 30

// lock takes f for this writer alone, or says errBusy at once. Windows takes the lock back when f is closed or the process
// dies, however it dies (LockFileEx).
func lock(f *os.File) error {
	at := windows.Overlapped{OffsetHigh: lockedByte}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return errBusy
	}
	return err
}
