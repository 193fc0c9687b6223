package lab

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are pipes, so that net/http's server runs in a bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, open := <-p; open {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// dial connects to whatever serves p and sends a request.
func (p pipes) dial(t *testing.T, request string) net.Conn {
	t.Helper()
	here, there := net.Pipe()
	p <- there
	if _, err := io.WriteString(here, request); err != nil {
		t.Fatal(err)
	}
	return here
}

func TestAClientThatHangsUpIsNoticedOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backend(t, BackendConfig{Servers: 1, Mean: time.Second, Service: Deterministic})
		p, server, served := make(pipes), &http.Server{Handler: b}, make(chan error, 1)
		go func() { served <- server.Serve(p) }()
		stays := p.dial(t, "GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
		time.Sleep(100 * time.Millisecond)
		goes := p.dial(t, "POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 5\r\n\r\nhello")
		time.Sleep(100 * time.Millisecond)
		goes.Close()
		synctest.Wait()
		if got, want := b.Stats(), (Stats{Capacity: 1, Requests: 2, Abandoned: 1, InFlight: 1, Queue: 1}); got != want {
			t.Errorf("after one of two hung up: got %+v, want %+v", got, want)
		}
		answer, err := http.ReadResponse(bufio.NewReader(stays), nil)
		if err != nil || answer.StatusCode != 200 {
			t.Errorf("who stayed got %v, %v, want 200", answer, err)
		}
		stays.Close()
		server.Close()
		<-served
	})
}
