package engine

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A generator that runs out of something of its own must void its trial, and say what to do.
func TestAStarvedGeneratorVoidsItsTrial(t *testing.T) {
	const ports = `ip link set lo up && echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range`
	for name, row := range map[string]struct {
		shell    []string // runs "$0"
		possible []string // tells whether this machine allows it
		why, fix string
	}{
		"of files": {[]string{"/bin/sh", "-c", `ulimit -n 40 && exec "$0"`}, []string{"/bin/sh", "-c", "ulimit -n 40"},
			"open files exhausted", "ulimit -n"},
		"of ports": {[]string{"unshare", "-n", "/bin/sh", "-c", ports + ` && exec "$0"`}, []string{"unshare", "-n", "/bin/sh", "-c", ports},
			"local ports exhausted", "ip_local_port_range"},
	} {
		if err := exec.Command(row.possible[0], row.possible[1:]...).Run(); err != nil {
			t.Logf("starved %s: cannot be shown on this machine: %v", name, err)
			continue
		}
		var got struct{ Why, Fix string }
		line := child(t, "starved", row.shell...)
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("child said %q: %v", line, err)
		}
		if !strings.Contains(got.Why, row.why) || !strings.Contains(got.Fix, row.fix) {
			t.Errorf("starved %s: void %q, fix %q; want %q and %q", name, got.Why, got.Fix, row.why, row.fix)
		}
	}
}

// starved sends a trial that needs more than it has, and prints what that came to.
func starved() {
	l, err := net.Listen("tcp", "127.0.0.1:0") // never accepts: connections wait in its backlog
	if err != nil {
		panic(err)
	}
	defer l.Close() // and not when it is swept up
	e, err := New(Options{Target: to("http://" + l.Addr().String()), Timeout: time.Second})
	if err != nil {
		panic(err)
	}
	m, err := e.Run(context.Background(), steady(200, 500*time.Millisecond), nil)
	if err != nil {
		panic(err)
	}
	why, fix := m.Void()
	json.NewEncoder(os.Stdout).Encode(map[string]string{"Why": why, "Fix": fix})
}
