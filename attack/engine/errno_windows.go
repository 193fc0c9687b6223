package engine

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// The numbers of errors, by what they mean. Sockets have numbers of their own here.
var (
	emfile        = []syscall.Errno{syscall.EMFILE, windows.WSAEMFILE, windows.ERROR_TOO_MANY_OPEN_FILES}
	enfile        = []syscall.Errno{syscall.ENFILE}
	eaddrnotavail = []syscall.Errno{syscall.EADDRNOTAVAIL, windows.WSAEADDRNOTAVAIL}
	eaddrinuse    = []syscall.Errno{syscall.EADDRINUSE, windows.WSAEADDRINUSE}
	enobufs       = []syscall.Errno{syscall.ENOBUFS, windows.WSAENOBUFS}
	econnrefused  = []syscall.Errno{syscall.ECONNREFUSED, windows.WSAECONNREFUSED}
	econnreset    = []syscall.Errno{syscall.ECONNRESET, syscall.EPIPE, windows.WSAECONNRESET, windows.WSAECONNABORTED}
	eunreach      = []syscall.Errno{syscall.EHOSTUNREACH, windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH}
)
