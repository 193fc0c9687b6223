package engine

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// children are what the test binary does instead of testing when childEnv names one of them.
var children = map[string]func(){"null": nullServer, "starved": starved}

const childEnv = "PLIMSOLL_ENGINE_TEST_CHILD"

// child starts this test binary again, as one of the children, and returns the first line that it prints.
func child(t testing.TB, name string, wrap ...string) string {
	t.Helper()
	args := append(wrap, os.Args[0])
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("child %s: %v", name, err)
	}
	return strings.TrimSpace(line)
}

// nullServer answers at once, in a process of its own, until its stdin ends.
func nullServer() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s/\n", l.Addr())
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	bufio.NewReader(os.Stdin).ReadString('\n')
}
