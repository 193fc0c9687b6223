package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/spf13/cobra"
)

// nullCmd serves nothing as fast as can be, for the doctor to load. It is hidden: people have the lab.
func (a *app) nullCmd() *cobra.Command {
	return &cobra.Command{Use: "null-server", Hidden: true, Short: "Answer every request at once, until standard input ends", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.nullServer() }}
}

// nullServer holds no leash but its standard input: Ctrl-C reaches a child too, whose holder still has requests in flight.
func (a *app) nullServer() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen on loopback: %w", err)
	}
	fmt.Fprintf(a.out, "http://%s/\n", l.Addr())
	go func() { // ends with the process: a read of standard input cannot be called off
		_, _ = io.Copy(io.Discard, a.in)
		_ = l.Close()
	}()
	return answerAll(l)
}

// answerAll serves until the listener is closed, and leaves no connection open behind it.
func answerAll(l net.Listener) error {
	var open sync.Map
	var busy sync.WaitGroup
	for {
		c, err := l.Accept()
		if err != nil {
			open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
			busy.Wait()
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		open.Store(c, nil)
		busy.Go(func() {
			defer open.Delete(c)
			answer(c)
		})
	}
}

var nothing = []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

// answer reads requests without bodies up to their blank line, and understands nothing of them: what the calibration
// measures is to be the generator, not a server.
func answer(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(line) > 2 {
			continue
		}
		if _, err := c.Write(nothing); err != nil {
			return
		}
	}
}
