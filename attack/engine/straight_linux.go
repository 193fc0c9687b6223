//go:build !race

package engine

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// straight reads and writes a socket without telling the runtime's scheduler that it enters the kernel, where a socket that
// does not block never waits. Told, the runtime wakes its monitor thread for nearly every request of a process that is often
// idle, and that finds nothing to do and sleeps again: half of all context switches at 2,000/s, and a fifth of the CPU.
type straight struct {
	net.Conn
	raw     syscall.RawConn
	in, out passage
}

// passage is one direction: the call under way, and the function made once that the runtime's poller calls.
type passage struct {
	call  uintptr
	bytes []byte
	n     int
	errno syscall.Errno
	turn  func(fd uintptr) bool
}

// straighten is the same connection, without that wakening where it can be had.
func straighten(c net.Conn) net.Conn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return c
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return c
	}
	out := &straight{Conn: c, raw: raw, in: passage{call: syscall.SYS_READ}, out: passage{call: syscall.SYS_WRITE}}
	out.in.turn, out.out.turn = out.in.try, out.out.try
	return out
}

// try makes the call once, and again when a signal came between; false asks to be called when the socket is ready.
func (p *passage) try(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(p.call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p.bytes))), uintptr(len(p.bytes)))
		switch errno {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		}
		p.n, p.errno = int(n), errno
		return true
	}
}

// pass has the call made once that moved or failed.
func (p *passage) pass(b []byte, wait func(func(uintptr) bool) error) (int, error) {
	p.bytes, p.n, p.errno = b, 0, 0
	err := wait(p.turn)
	p.bytes = nil
	switch {
	case err != nil:
		return 0, err
	case p.errno != 0:
		return 0, p.errno
	}
	return p.n, nil
}

func (s *straight) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := s.in.pass(b, s.raw.Read)
	if err != nil {
		return n, s.fault("read", err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *straight) Write(b []byte) (int, error) {
	sent := 0
	for sent < len(b) {
		n, err := s.out.pass(b[sent:], s.raw.Write)
		sent += n
		if err != nil {
			return sent, s.fault("write", err)
		}
	}
	return sent, nil
}

// fault is an error as the net package tells it.
func (s *straight) fault(op string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	} else if told, ok := err.(*net.OpError); ok {
		err = told.Err
	}
	return &net.OpError{Op: op, Net: s.RemoteAddr().Network(), Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: err}
}

// SyscallConn lets others at the socket too.
func (s *straight) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }
