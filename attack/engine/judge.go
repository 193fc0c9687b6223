package engine

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
)

// addressError marks an address that Options.Authorize turned down.
type addressError struct{ cause error }

func (e *addressError) Error() string { return e.cause.Error() }
func (e *addressError) Unwrap() error { return e.cause }

// authorize is asked by the dialer about every address that a name resolved to, before it connects.
func (n *network) authorize(_ context.Context, network, address string, _ syscall.RawConn) error {
	if n.opt.Authorize == nil || network == "unix" {
		return nil
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &addressError{fmt.Errorf("judge the address %s: %w", address, err)}
	}
	return n.judge(at.Addr())
}

func (n *network) judge(a netip.Addr) error {
	if err := n.opt.Authorize(a.Unmap().WithZone("")); err != nil {
		return &addressError{err}
	}
	return nil
}

// proxy is the proxy for a request. The host behind it is dialed by the proxy, out of our sight: so it is judged here.
func (n *network) proxy(r *http.Request) (*url.URL, error) {
	if n.opt.Proxy == nil {
		return nil, nil
	}
	if n.opt.Authorize == nil {
		return n.opt.Proxy, nil
	}
	verdict, known := n.judged.Load(r.URL.Hostname())
	if !known {
		verdict = judgement{n.judgeHost(r.Context(), r.URL.Hostname())}
		if n.judgings.Add(1)%placesMax == 0 {
			n.judged.Clear()
		}
		n.judged.Store(r.URL.Hostname(), verdict)
	}
	return n.opt.Proxy, verdict.(judgement).err
}

type judgement struct{ err error }

func (n *network) judgeHost(ctx context.Context, host string) error {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return &addressError{fmt.Errorf("cannot tell whose the host %s behind the proxy is: %w", host, err)}
	}
	for _, a := range addrs {
		if err := n.judge(a); err != nil {
			return err
		}
	}
	return nil
}
