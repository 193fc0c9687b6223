//go:build unix

package engine

import (
	"crypto/tls"
	"io"
	"syscall"
)

// alive tells whether an idle connection can still be used: nothing has come over it, neither an end nor words that nobody
// asked for. Over TLS words may be a session ticket, which comes before the first answer. An end is counted as the target's.
func (l *lane) alive() bool {
	s, ok := l.raw.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	var (
		n    int
		seen error
		one  [1]byte
	)
	if err := raw.Control(func(fd uintptr) {
		n, _, seen = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	}); err != nil {
		return false
	}
	_, secured := l.Conn.(*tls.Conn)
	switch {
	case seen == syscall.EAGAIN, seen == syscall.EINTR, n > 0 && secured && l.since.IsZero():
		return true
	case n == 0 && seen == nil, n > 0:
		seen = io.EOF
	}
	l.lost(seen)
	return false
}
