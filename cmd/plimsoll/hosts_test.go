package main

import (
	"net/netip"
	"testing"
)

func TestOnlyPrivateAddressesMayBeLoadedUnasked(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1": true, "127.8.9.1": true, "::1": true, "10.1.2.3": true, "172.16.0.1": true, "192.168.1.1": true, "fd00::1": true, "169.254.1.1": true, "::ffff:10.0.0.1": true,
		"8.8.8.8": false, "172.32.0.1": false, "2001:4860:4860::8888": false, "::ffff:8.8.8.8": false, "100.64.0.1": false,
	} {
		if err := private(netip.MustParseAddr(addr)); (err == nil) != ok {
			t.Errorf("%s: %v, want allowed %v", addr, err, ok)
		}
	}
}
