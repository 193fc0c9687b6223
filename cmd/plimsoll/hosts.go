package main

import (
	"fmt"
	"net/netip"
)

// unauthorized is the refusal to load a machine that may be somebody else's.
type unauthorized struct{ addr netip.Addr }

func (u *unauthorized) Error() string {
	return fmt.Sprintf("%s is not on this machine or a private network", u.addr)
}

// private allows loopback, private and link-local addresses. It is asked with the resolved address at every dial, so that
// neither a name, a redirect nor --connect-to leads around it.
func private(addr netip.Addr) error {
	a := addr.Unmap()
	if a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() {
		return nil
	}
	return &unauthorized{a}
}
