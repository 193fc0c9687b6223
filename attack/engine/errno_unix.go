//go:build !windows

package engine

import "syscall"

// The numbers of errors, by what they mean.
var (
	emfile        = []syscall.Errno{syscall.EMFILE}
	enfile        = []syscall.Errno{syscall.ENFILE}
	eaddrnotavail = []syscall.Errno{syscall.EADDRNOTAVAIL}
	eaddrinuse    = []syscall.Errno{syscall.EADDRINUSE}
	enobufs       = []syscall.Errno{syscall.ENOBUFS, syscall.ENOMEM}
	econnrefused  = []syscall.Errno{syscall.ECONNREFUSED}
	econnreset    = []syscall.Errno{syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED}
	eunreach      = []syscall.Errno{syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN}
)
