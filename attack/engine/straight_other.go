//go:build !linux || race

package engine

import "net"

// straighten leaves a connection as it is: elsewhere there is nothing to gain, and the race detector learns from the syscall
// package alone what a socket puts in order.
func straighten(c net.Conn) net.Conn { return c }
