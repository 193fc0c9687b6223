package engine

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// One answer with a large head is not paid for by all that are in flight from then on.
func TestALargeHeadIsLetGo(t *testing.T) {
	large := okHead + "X-Large: " + strings.Repeat("x", 300_000) + "\r\nContent-Length: 2\r\n\r\nok"
	url := rough(t, says(large, nil))
	e := open(t, Options{Target: to(url), Via: Fast})
	if m := once(t, e, 3); m.All().OK != 3 {
		t.Fatalf("%+v, errors %v; want three answers", m.All().Counts, m.All().Errors)
	}
	if size := e.fast.head.Load(); size != keptHead {
		t.Errorf("buffers begin with %d bytes, want %d", size, keptHead)
	}
	for kept, _ := e.fast.talks.Get().(*talk); kept != nil; kept, _ = e.fast.talks.Get().(*talk) {
		if size := kept.in.Size(); size > keptHead {
			t.Errorf("a buffer of %d bytes is kept, want at most %d", size, keptHead)
		}
	}
}

// A target that says much does not fill the log.
func TestHeadersAreKeptWithinBounds(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		var head strings.Builder
		head.WriteString("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nX-RateLimit-Limit: " + strings.Repeat("9", 50_000) + "\r\n")
		for i := range 1000 {
			fmt.Fprintf(&head, "X-RateLimit-%d: 1\r\n", i)
		}
		head.WriteString("Retry-After: 7\r\n\r\n")
		e := open(t, Options{Target: to(rough(t, says(head.String(), nil)))})
		got := once(t, e, 1).Log[0]
		if got.Status != 429 || got.Headers["Retry-After"] != "7" || len(got.Headers) < keptNames || len(got.Headers) > keptNames+1 || len(got.Headers["X-Ratelimit-Limit"]) > keptValue {
			t.Errorf("status %d with %d headers, one of %d bytes; want Retry-After and %d others of at most %d", got.Status, len(got.Headers), len(got.Headers["X-Ratelimit-Limit"]), keptNames, keptValue)
		}
	})
}

// Places that never come twice are forgotten, with their connections, and those in use are not.
func TestPlacesAreForgotten(t *testing.T) {
	n := newNetwork(Options{})
	s := lanes{net: n, limit: 1, kept: 2}
	busy := s.take(place{address: "busy:80"})
	if err := busy.enter(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for i := range 3 * placesMax {
		r := s.take(place{address: fmt.Sprintf("host%d:80", i)})
		here, there := net.Pipe()
		defer there.Close()
		n.open.Add(1)
		n.dials.Add(1)
		r.push(newLane(&conn{Conn: here, net: n}), s.kept)
		s.give(r)
		if len(s.rows) > placesMax {
			t.Fatalf("%d places are known after %d, want at most %d", len(s.rows), i+2, placesMax)
		}
	}
	if open := n.open.Load(); open >= placesMax || open < placesMax/2 || n.dials.Load() != open {
		t.Errorf("%d connections are open and %d count as dialed, want fewer than %d of both", open, n.dials.Load(), placesMax)
	}
	if again := s.take(place{address: "busy:80"}); again != busy {
		t.Error("a place in use was forgotten: its connections are bounded no more")
	}
	s.sweep(func(*lane) bool { return true })
	if open := n.open.Load(); open != 0 {
		t.Errorf("%d connections are open after all were closed", open)
	}
}

// All places may be in use at once.
func TestAllPlacesInUseAreKnown(t *testing.T) {
	s := lanes{net: newNetwork(Options{})}
	var rows []*row
	for i := range placesMax + 10 {
		rows = append(rows, s.take(place{address: fmt.Sprintf("host%d:80", i)}))
	}
	if len(s.rows) != placesMax+10 {
		t.Fatalf("%d places are known, want all %d that are in use", len(s.rows), placesMax+10)
	}
	for _, r := range rows {
		s.give(r)
	}
	for i := range 20 {
		s.give(s.take(place{address: fmt.Sprintf("other%d:80", i)}))
	}
	if len(s.rows) > placesMax {
		t.Errorf("%d places are known when none is in use any more, want %d", len(s.rows), placesMax)
	}
}

// A run of many identities keeps nothing of any of them from one trial to the next.
func TestIdentitiesLeaveNothing(t *testing.T) {
	const many, size = 100, 20_000 // bytes of a key, so that one that is kept is seen
	e := open(t, Options{Target: to(serve(t, hello).URL), Via: Fast})
	round := func(n int) (heap uint64) {
		trial := attack.Trial{N: n}
		for i := range many {
			who := attack.Identity{Header: "X-Api-Key", Value: attack.Secret(fmt.Sprintf("%d-%d-%s", n, i, strings.Repeat("k", size)))}
			trial.Actors = append(trial.Actors, attack.Actor{Identity: who, Schedule: attack.Constant(50, 20*time.Millisecond, attack.Even)})
		}
		answered(t, run(t, e, trial, nil))
		runtime.GC()
		runtime.GC() // what a sync.Pool holds is let go by the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := round(1)
	for n := range 4 {
		round(n + 2)
	}
	if last := round(6); last > first+many*size {
		t.Errorf("%d kB more after five more rounds of %d keys, want less than the %d kB of one round's keys", (last-first)/1000, many, many*size/1000)
	}
}
