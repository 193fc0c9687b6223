package engine

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelTimer is a timer of the kernel's that the runtime waits for as it does for sockets (timerfd_create(2)). It wakes within
// tens of microseconds, where the runtime's own timers are a millisecond coarse.
//
// Note: a nap in the kernel (nanosleep) is as exact, but keeps a thread, and its processor until the runtime takes that
// away: it cost four times the CPU at 1,000/s.
type kernelTimer struct {
	file  *os.File
	raw   syscall.RawConn
	spec  unix.ItimerSpec
	armed bool
	turn  func(fd uintptr) bool // arm, made once
}

// newKernelTimer is nil where there is none to be had.
func newKernelTimer() *kernelTimer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	k := &kernelTimer{file: os.NewFile(uintptr(fd), "timer")}
	if k.raw, err = k.file.SyscallConn(); err != nil {
		k.file.Close()
		return nil
	}
	k.turn = k.arm
	return k
}

// arm sets the timer when it is called first, and says when called again that the wait is over.
func (k *kernelTimer) arm(fd uintptr) bool {
	if k.armed {
		return true
	}
	k.armed = true
	_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&k.spec)), 0, 0, 0)
	return errno != 0
}

// wait returns after d, or earlier when it was cut short.
func (k *kernelTimer) wait(d time.Duration) {
	k.spec.Value, k.armed = unix.NsecToTimespec(int64(d)), false
	_ = k.raw.Read(k.turn) // whatever it says, the caller looks at the clock
}

// cut ends the wait and all that follow.
func (k *kernelTimer) cut() { _ = k.file.SetReadDeadline(time.Unix(1, 0)) }

func (k *kernelTimer) close() { _ = k.file.Close() }
