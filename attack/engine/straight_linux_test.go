//go:build !race

package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// pairOfSockets is a straight connection and its other end.
func pairOfSockets(t *testing.T) (*straight, *net.TCPConn) {
	t.Helper()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	c, err := net.Dial("tcp", at.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := at.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); other.Close() })
	s, ok := straighten(c).(*straight)
	if !ok {
		t.Fatalf("%T is not straight", c)
	}
	return s, other.(*net.TCPConn)
}

// Far more than the kernel takes at once goes over whole, both ways at once.
func TestStraightCarriesMoreThanFitsAtOnce(t *testing.T) {
	s, other := pairOfSockets(t)
	sent := bytes.Repeat([]byte("plimsoll"), 2<<20)
	go func() { _, _ = io.Copy(other, other); _ = other.CloseWrite() }()
	failed := make(chan error, 1)
	go func() {
		n, err := s.Write(sent)
		if err == nil && n != len(sent) {
			err = io.ErrShortWrite
		}
		failed <- errors.Join(err, s.Conn.(*net.TCPConn).CloseWrite())
	}()
	sum, n := sha256.New(), int64(0)
	n, err := io.Copy(sum, s)
	if err := errors.Join(err, <-failed); err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256(sent); n != int64(len(sent)) || !bytes.Equal(sum.Sum(nil), want[:]) {
		t.Errorf("%d bytes came back, want the same %d", n, len(sent))
	}
}

// What goes wrong is told as the net package tells it, because that is what faults are classified by.
func TestStraightTellsFaultsAsNetDoes(t *testing.T) {
	one := make([]byte, 1)
	for name, c := range map[string]struct {
		harm func(s *straight, other *net.TCPConn)
		act  func(s *straight) error
		want error
	}{
		"end":      {func(_ *straight, o *net.TCPConn) { o.Close() }, func(s *straight) error { _, err := s.Read(one); return err }, io.EOF},
		"reset":    {resetBy, func(s *straight) error { _, err := s.Read(one); return err }, syscall.ECONNRESET},
		"broken":   {resetBy, func(s *straight) error { return untilItFails(s) }, syscall.EPIPE},
		"deadline": {func(s *straight, _ *net.TCPConn) { _ = s.SetDeadline(time.Now()) }, func(s *straight) error { _, err := s.Read(one); return err }, os.ErrDeadlineExceeded},
		"late":     {func(s *straight, _ *net.TCPConn) { _ = s.SetDeadline(time.Now()) }, func(s *straight) error { _, err := s.Write(one); return err }, os.ErrDeadlineExceeded},
		"closed":   {func(s *straight, _ *net.TCPConn) { s.Close() }, func(s *straight) error { _, err := s.Read(one); return err }, net.ErrClosed},
	} {
		s, other := pairOfSockets(t)
		c.harm(s, other)
		err := c.act(s)
		if !errors.Is(err, c.want) || (c.want == os.ErrDeadlineExceeded) != isTimeout(err) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if told := new(net.OpError); c.want != io.EOF && !errors.As(err, &told) {
			t.Errorf("%s: %T, want a *net.OpError", name, err)
		}
	}
}

func resetBy(_ *straight, o *net.TCPConn) { _ = o.SetLinger(0); o.Close() }

// untilItFails writes until the reset is known: the first write after it takes the reset's own error.
func untilItFails(s *straight) (err error) {
	for range 100 {
		if _, err = s.Write([]byte("x")); errors.Is(err, syscall.EPIPE) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return err
}

// Who waits to read is let go when the connection is closed.
func TestStraightIsLetGoByClosing(t *testing.T) {
	s, _ := pairOfSockets(t)
	done := make(chan error, 1)
	go func() { _, err := s.Read(make([]byte, 1)); done <- err }()
	time.Sleep(10 * time.Millisecond)
	s.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, want closed", err)
	}
}

func TestStraightReadsAndWritesWithoutAllocating(t *testing.T) {
	s, other := pairOfSockets(t)
	go func() { _, _ = io.Copy(other, other) }()
	b := make([]byte, 64)
	if n := testing.AllocsPerRun(200, func() {
		if _, err := s.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(s, b); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations for an exchange, want none of its own", n)
	}
}
