package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap sleeps in the kernel, which wakes it within tens of microseconds; the runtime's timers are a millisecond coarse. It
// holds a thread meanwhile. An early wake-up by a signal is left to the caller, who looks at the clock again.
func nap(d time.Duration) {
	ts := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&ts, nil)
}
