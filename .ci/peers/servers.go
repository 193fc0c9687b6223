package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// nginx is one worker that answers two bytes, and counts.
type nginx struct {
	cmd         *exec.Cmd
	url, status string
	logging     string // answers as url does, and logs each request
	file        string // its log: the moment of each, in seconds
}

const nginxConf = `
pid %[1]s/nginx.pid; error_log %[1]s/error.log warn; daemon off; worker_processes 1; worker_rlimit_nofile 30000;
events { worker_connections 20000; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen 127.0.0.1:%[2]d backlog=4096; location / { return 200 "ok"; } }
  server { listen 127.0.0.1:%[3]d; location / { stub_status; } }
  log_format moment $msec;
  server { listen 127.0.0.1:%[4]d backlog=4096; access_log %[1]s/moments.log moment buffer=256k flush=1s; location / { return 200 "ok"; } }
}`

func startNginx(tmp string) (*nginx, error) {
	port, port2, port3 := freePort(), freePort(), freePort()
	conf := filepath.Join(tmp, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, tmp, port, port2, port3), 0o644); err != nil {
		return nil, err
	}
	n := &nginx{cmd: exec.Command("nginx", "-p", tmp, "-c", conf, "-e", filepath.Join(tmp, "error.log")),
		url: fmt.Sprintf("http://127.0.0.1:%d/", port), status: fmt.Sprintf("http://127.0.0.1:%d/", port2),
		logging: fmt.Sprintf("http://127.0.0.1:%d/", port3), file: filepath.Join(tmp, "moments.log")}
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if _, err := n.requests(); err == nil {
			return n, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	n.stop()
	return nil, fmt.Errorf("nginx does not answer")
}

func (n *nginx) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	_ = n.cmd.Wait()
}

// requests is how many requests nginx has answered, those for this number left out. Each asks over a connection of its own.
func (n *nginx) requests() (int64, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get(n.status)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	lines := bytes.Split(text, []byte("\n")) // the third line: accepts handled requests
	if len(lines) < 3 {
		return 0, fmt.Errorf("stub_status said %q", text)
	}
	fields := bytes.Fields(lines[2])
	total, err := strconv.ParseInt(string(fields[len(fields)-1]), 10, 64)
	asked.Add(1)
	return total - asked.Load(), err
}

var asked atomic.Int64

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// maxArrivals bounds what is kept of one run.
const maxArrivals = 4_000_000

// arrivals is a server that answers two bytes and keeps the moment at which each request was read. It may stall once.
type arrivals struct {
	l     net.Listener
	url   string
	began time.Time
	n     atomic.Int64
	at    []int64 // nanoseconds since began, by order of arrival
	stall atomic.Int64
	from  atomic.Int64 // stall begins
}

func listen() (*arrivals, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &arrivals{l: l, url: "http://" + l.Addr().String() + "/", began: time.Now(), at: make([]int64, maxArrivals)}
	go func() { // ends when close does
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go a.serve(c)
		}
	}()
	return a, nil
}

func (a *arrivals) close() { _ = a.l.Close() }

var answer = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")

func (a *arrivals) serve(c net.Conn) {
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
		now := int64(time.Since(a.began))
		if i := a.n.Add(1) - 1; i < maxArrivals {
			a.at[i] = now
		}
		a.wait(now)
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// wait holds an answer back while the server stalls: for a second, from so long after the first arrival.
func (a *arrivals) wait(now int64) {
	after := a.stall.Load()
	if after == 0 {
		return
	}
	a.from.CompareAndSwap(0, now+after)
	from := a.from.Load()
	if until := from + int64(time.Second); now >= from && now < until {
		time.Sleep(time.Duration(until - now))
	}
}

// begin forgets what arrived before; the server will stall so long after the first arrival, 0 for never.
func (a *arrivals) begin(stall time.Duration) {
	a.n.Store(0)
	a.from.Store(0)
	a.stall.Store(int64(stall))
}

// log is what arrived, sorted, in seconds, without the first few.
func (a *arrivals) log(before int) []float64 {
	at := slices.Clone(a.at[:min(a.n.Load(), maxArrivals)])
	slices.Sort(at)
	at = at[min(before, len(at)):]
	out := make([]float64, len(at))
	for i, t := range at {
		out[i] = float64(t) / 1e9
	}
	return out
}
