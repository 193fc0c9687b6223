package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/plimsoll-load/plimsoll/attack"
)

var (
	errRedirects = errors.New("more redirects than --redirects allows")
	errBody      = errors.New("answer larger than the most that is read")
)

// fault is what an error comes to: a class, short and the same for all of its kind, so that memory does not grow with
// their number; and the bin of the arrival.
type fault struct {
	class   string
	outcome attack.Outcome
	fix     string // the way out, where the fault is the generator's own and voids the trial
}

// The classes that are the generator's own doing, and the way out of each.
var ownFaults = []struct {
	errnos []syscall.Errno
	fault  fault
}{
	{emfile, fault{"open files exhausted", attack.Failed, "raise the limit of open files: ulimit -n 20000"}},
	{enfile, fault{"system open files exhausted", attack.Failed, "raise the system's limit of open files: sysctl fs.file-max, or close other programs"}},
	{eaddrnotavail, fault{"local ports exhausted", attack.Failed, "widen the range of local ports: sysctl net.ipv4.ip_local_port_range='1024 65535', or keep connections alive"}},
	{eaddrinuse, fault{"local address in use", attack.Failed, "widen the range of local ports: sysctl net.ipv4.ip_local_port_range='1024 65535', or keep connections alive"}},
	{enobufs, fault{"socket buffers exhausted", attack.Failed, "lower the load or the flight, or raise the system's socket memory: sysctl net.ipv4.tcp_mem"}},
}

// classify tells whose doing an error is. Order matters: what is sure comes first, words come last.
func classify(err error) fault {
	var refused *addressError
	if errors.As(err, &refused) {
		return fault{class: "not authorized", outcome: attack.Failed}
	}
	for _, own := range ownFaults {
		if slices.ContainsFunc(own.errnos, func(n syscall.Errno) bool { return errors.Is(err, n) }) {
			return own.fault
		}
	}
	// The resolver keeps the words of an error alone.
	if isA[*net.DNSError](err) && strings.Contains(err.Error(), "too many open files") {
		return ownFaults[0].fault
	}
	for _, known := range targetFaults {
		if known.is(err) {
			return fault{class: known.class, outcome: known.outcome}
		}
	}
	return byWords(err.Error())
}

var targetFaults = []struct {
	class   string
	outcome attack.Outcome
	is      func(error) bool
}{
	{"template", attack.Failed, is(errTemplate)},
	{"too many redirects", attack.Failed, is(errRedirects)},
	{"body too large", attack.Failed, is(errBody)},
	{"dial timeout", attack.Timeout, isDialTimeout},
	{"dns", attack.Failed, isA[*net.DNSError]},
	{"timeout", attack.Timeout, isTimeout},
	{"tls", attack.Failed, isTLS},
	{"connection refused", attack.Failed, isErrno(econnrefused)},
	{"connection reset", attack.Failed, isErrno(econnreset)},
	{"unix socket", attack.Failed, isUnixDial},
	{"unreachable", attack.Failed, isErrno(eunreach)},
	{"eof", attack.Failed, func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }},
	{"cancelled", attack.Failed, is(context.Canceled)},
}

func is(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

func isErrno(any []syscall.Errno) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(any, func(n syscall.Errno) bool { return errors.Is(err, n) })
	}
}

func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &e) && e.Timeout()
}

// isDialTimeout tells a connection that did not come about in time, its handshake included, from an answer that did not.
func isDialTimeout(err error) bool {
	var op *net.OpError
	return isTimeout(err) && (isA[*handshakeError](err) || errors.As(err, &op) && op.Op == "dial" && !isA[*net.DNSError](err))
}

// isUnixDial tells a socket of this machine that is missing, is none, or may not be used.
func isUnixDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && op.Net == "unix"
}

func isTLS(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" { // as crypto/tls calls an alert from the other side
		return true
	}
	return isA[*handshakeError](err) || isA[*tls.CertificateVerificationError](err) || isA[tls.RecordHeaderError](err) ||
		isA[tls.AlertError](err) || isA[x509.UnknownAuthorityError](err) || isA[x509.HostnameError](err)
}

// PlainText is said of a place that answers a handshake with something else.
const PlainText = "no TLS is spoken there"

// tlsReasons say in words what a handshake failed of. The other side's alerts have no type of their own outside of QUIC, so
// their text tells, as crypto/tls writes it: with TLS 1.3 who wants a certificate says so, before it there was no alert for
// that (RFC 5246 7.4.6: handshake_failure; many send bad_certificate).
var tlsReasons = []struct {
	words string
	is    func(error) bool
}{
	{"the certificate is expired or not valid yet", func(err error) bool {
		var e x509.CertificateInvalidError
		return errors.As(err, &e) && e.Reason == x509.Expired
	}},
	{"the certificate is of an unknown authority", isA[x509.UnknownAuthorityError]},
	{"the certificate is for another host", isA[x509.HostnameError]},
	{PlainText, isA[tls.RecordHeaderError]},
	{"a client certificate is wanted", isAlert("certificate required")},
	{"a client certificate is wanted, or another one", isAlert("bad certificate")},
	{"a client certificate is wanted, or the two ends have no version or cipher in common", isAlert("handshake failure")},
	{"the client certificate's authority is unknown there", isAlert("unknown certificate authority")},
	{"the client certificate is expired", isAlert("expired certificate")},
}

// isAlert tells an alert that came from the other side.
func isAlert(text string) func(error) bool {
	return func(err error) bool {
		var op *net.OpError
		return errors.As(err, &op) && op.Op == "remote error" && strings.HasSuffix(op.Err.Error(), text)
	}
}

// inWords is an error's text; a TLS fault's says first what is wrong.
func inWords(err error) string {
	text := err.Error()
	if !isTLS(err) {
		return text
	}
	for strings.HasPrefix(text, "tls: ") {
		text = strings.TrimPrefix(text, "tls: ")
	}
	for _, reason := range tlsReasons {
		if reason.is(err) {
			return reason.words + ": " + text
		}
	}
	return text
}

// byWords knows the errors that net/http tells apart by their text alone.
func byWords(text string) fault {
	for _, w := range []struct{ part, class string }{
		{"server closed idle connection", "eof"},
		{"GOAWAY", "goaway"},
		{"REFUSED_STREAM", "stream refused"},
		{"stream error", "stream reset"},
		{"connection error", "connection reset"},
		{"client connection lost", "connection reset"},
		{"malformed", "malformed answer"},
		{"bad Content-Length", "malformed answer"},
		{"in chunk length", "malformed answer"},
		{"server response headers exceeded", "malformed answer"},
		{"transport connection broken", "eof"},
	} {
		if strings.Contains(text, w.part) {
			return fault{class: w.class, outcome: attack.Failed}
		}
	}
	return fault{class: "other", outcome: attack.Failed}
}
