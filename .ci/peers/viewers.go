package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// audiences are those who look on at a run. The time that looking takes themselves is the bench's, not plimsoll's.
var audiences = []struct {
	name    string
	viewers int // who read the live page's events
	stuck   int // who ask for them and read none
	scrapes bool
}{
	{"nobody, no page", 0, 0, false}, {"1 viewer", 1, 0, false}, {"20 viewers, one of them stuck", 19, 1, false}, {"Prometheus, each second", 0, 0, true},
}

// viewers is what a run costs and how late it sends, by who looks on: rounds are interleaved, and what is compared is of one round.
func (b *bench) viewers(ctx context.Context) error {
	ours := b.tools[:1]
	cpu := newTable("CPU per request by who looks on, µs, at 2,000/s", "who looks on", ours)
	lag := newTable("Lag p99 by who looks on, ms, at 2,000/s", "who looks on", ours)
	d := b.long(10 * time.Second)
	for round := range b.rounds {
		progress("viewers, round %d of %d", round+1, b.rounds)
		var alone watched
		for i, a := range audiences {
			if err := ctx.Err(); err != nil {
				return err
			}
			w, err := b.watched(ctx, i, d)
			if err != nil {
				return fmt.Errorf("%s: %w", a.name, err)
			}
			cpu.add(a.name, "plimsoll", w.cpu)
			lag.add(a.name, "plimsoll", w.lag)
			if i == 0 {
				alone = w
				continue
			}
			cpu.add(a.name+" ÷ nobody", "plimsoll", w.cpu/alone.cpu)
			lag.add(a.name+" ÷ nobody", "plimsoll", w.lag/alone.lag)
		}
	}
	for _, a := range audiences[1:] {
		cpu.barsOf(a.name+" ÷ nobody", bar{"≤ 1.10", atMost(1.10)}, bar{"≤ 1.05", atMost(1.05)})
		lag.barsOf(a.name+" ÷ nobody", bar{"≤ 1.25", atMost(1.25)}, bar{"≤ 1.10", atMost(1.10)})
	}
	for _, t := range []*table{cpu, lag} {
		t.format, t.noRatios = "%.2f", true
		t.print()
	}
	return nil
}

// watched is what one run came to: CPU per request in µs, and the p99 of its lag in ms.
type watched struct{ cpu, lag float64 }

func (b *bench) watched(ctx context.Context, audience int, d time.Duration) (w watched, err error) {
	t, a := b.tools[0], audiences[audience]
	page, metrics := "127.0.0.1:"+strconv.Itoa(freePort()), "127.0.0.1:"+strconv.Itoa(freePort())
	args := t.held(t, b.nginx.url, 2000, d)
	if a.viewers+a.stuck > 0 {
		args = append(args, "--live", page)
	}
	if a.scrapes {
		args = append(args, "--metrics", metrics)
	}
	var seen int64
	r := b.exec(ctx, args, d, func(int) {
		over, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		seen = look(over, a.viewers, a.stuck, a.scrapes, page, metrics)
	})
	var told struct {
		Load struct {
			Due int64
			Lag struct {
				P99 float64 `json:"p99_ms"`
			}
		}
	}
	if err := json.Unmarshal(r.out, &told); err != nil || told.Load.Due == 0 {
		return w, fmt.Errorf("no result: %w %s", err, r.failed)
	}
	if a.viewers+a.stuck > 0 || a.scrapes {
		if seen == 0 {
			return w, fmt.Errorf("nobody saw anything")
		}
	}
	return watched{float64(r.cpu.Microseconds()) / float64(told.Load.Due), told.Load.Lag.P99}, nil
}

// look looks on until ctx ends, and is how many bytes were seen in all.
func look(ctx context.Context, viewers, stuck int, scrapes bool, page, metrics string) (seen int64) {
	var all sync.WaitGroup
	var mu sync.Mutex
	count := func(n int64) { mu.Lock(); seen += n; mu.Unlock() }
	for range viewers {
		all.Go(func() { count(read(ctx, "http://"+page+"/events")) })
	}
	for range stuck {
		all.Go(func() { hold(ctx, page) })
	}
	if scrapes {
		all.Go(func() {
			for ctx.Err() == nil {
				one, cancel := context.WithTimeout(ctx, time.Second)
				count(read(one, "http://"+metrics+"/metrics"))
				<-one.Done()
				cancel()
			}
		})
	}
	all.Wait()
	return seen
}

// read reads what a URL gives until it ends or ctx does, trying again until it is there.
func read(ctx context.Context, url string) (n int64) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return n
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			more, _ := io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			return n + more
		}
		time.Sleep(20 * time.Millisecond)
	}
	return n
}

// hold asks for the events, and reads none of them; where it is let go, it comes back.
func hold(ctx context.Context, page string) {
	for ctx.Err() == nil {
		c, err := net.Dial("tcp", page)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		_ = c.(*net.TCPConn).SetReadBuffer(1024)
		_, _ = io.WriteString(c, "GET /events HTTP/1.1\r\nHost: "+page+"\r\n\r\n")
		pause(ctx, 6*time.Second) // longer than a reader who takes nothing is kept
		_ = c.Close()
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
