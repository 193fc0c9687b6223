package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

// dialing is an error as net/http wraps what a dialer says.
func dialing(err error) error {
	return &url.Error{Op: "Get", URL: "http://h", Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}}
}

func unixDial(err error) error {
	return &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", err)}
}

func reading(err error) error {
	return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", err)}
}

func TestErrorsAreReducedToTheirClass(t *testing.T) {
	for name, row := range map[string]struct {
		err     error
		class   string
		outcome attack.Outcome
		own     bool
	}{
		"no file left":                   {dialing(syscall.EMFILE), "open files exhausted", attack.Failed, true},
		"no file left to resolve":        {dialing(&net.DNSError{Err: "dial udp 1.1.1.1:53: socket: too many open files"}), "open files exhausted", attack.Failed, true},
		"no file left anywhere":          {dialing(syscall.ENFILE), "system open files exhausted", attack.Failed, true},
		"no port left":                   {dialing(syscall.EADDRNOTAVAIL), "local ports exhausted", attack.Failed, true},
		"address in use":                 {dialing(syscall.EADDRINUSE), "local address in use", attack.Failed, true},
		"no buffers":                     {reading(syscall.ENOBUFS), "socket buffers exhausted", attack.Failed, true},
		"refused":                        {dialing(syscall.ECONNREFUSED), "connection refused", attack.Failed, false},
		"reset":                          {reading(syscall.ECONNRESET), "connection reset", attack.Failed, false},
		"broken pipe":                    {reading(syscall.EPIPE), "connection reset", attack.Failed, false},
		"no route":                       {dialing(syscall.EHOSTUNREACH), "unreachable", attack.Failed, false},
		"dns":                            {dialing(&net.DNSError{Err: "no such host", Name: "h", IsNotFound: true}), "dns", attack.Failed, false},
		"dns that takes too long":        {dialing(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), "dns", attack.Failed, false},
		"dial timeout":                   {dialing(os.ErrDeadlineExceeded), "dial timeout", attack.Timeout, false},
		"a handshake that hangs":         {&handshakeError{context.DeadlineExceeded}, "dial timeout", attack.Timeout, false},
		"timeout of the answer":          {fmt.Errorf("Get: %w", context.DeadlineExceeded), "timeout", attack.Timeout, false},
		"timeout of a read":              {reading(os.ErrDeadlineExceeded), "timeout", attack.Timeout, false},
		"a bad certificate":              {&handshakeError{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, "tls", attack.Failed, false},
		"a handshake that is cut":        {&handshakeError{io.EOF}, "tls", attack.Failed, false},
		"no TLS at the other end":        {tls.RecordHeaderError{Msg: "first record does not look like TLS"}, "tls", attack.Failed, false},
		"a unix socket that is missing":  {unixDial(syscall.ENOENT), "unix socket", attack.Failed, false},
		"a unix socket of somebody else": {unixDial(syscall.EACCES), "unix socket", attack.Failed, false},
		"a unix socket nobody serves":    {unixDial(syscall.ECONNREFUSED), "connection refused", attack.Failed, false},
		"end of file":                    {io.EOF, "eof", attack.Failed, false},
		"end within the body":            {io.ErrUnexpectedEOF, "eof", attack.Failed, false},
		"closed while idle":              {errors.New("http: server closed idle connection"), "eof", attack.Failed, false},
		"goaway":                         {errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=1"), "goaway", attack.Failed, false},
		"refused stream":                 {errors.New("stream error: stream ID 3; REFUSED_STREAM"), "stream refused", attack.Failed, false},
		"another stream error":           {errors.New("stream error: stream ID 3; INTERNAL_ERROR"), "stream reset", attack.Failed, false},
		"an answer that is none":         {errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "x"`), "malformed answer", attack.Failed, false},
		"too many redirects":             {&url.Error{Op: "Get", URL: "http://h", Err: errRedirects}, "too many redirects", attack.Failed, false},
		"a body too large":               {errBody, "body too large", attack.Failed, false},
		"an address not allowed":         {dialing(&addressError{errors.New("public")}), "not authorized", attack.Failed, false},
		"something nobody has named":     {errors.New("from 127.0.0.1:40123"), "other", attack.Failed, false},
	} {
		got := classify(row.err)
		if got.class != row.class || got.outcome != row.outcome || (got.fix != "") != row.own {
			t.Errorf("%s (%v): %+v, want %q, %v, the generator's own %v", name, row.err, got, row.class, row.outcome, row.own)
		}
	}
}
