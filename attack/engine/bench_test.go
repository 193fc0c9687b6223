package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

var vias = []Via{Fast, Std}

// BenchmarkSendPath is the cost of one request from the pacer to the ledger over a real connection, pacing left out: the
// load is far above what can be sent, so that nothing waits for its moment. The target is in a process of its own.
func BenchmarkSendPath(b *testing.B) {
	url := child(b, "null")
	for _, via := range vias {
		b.Run(string(via), func(b *testing.B) {
			e := open(b, Options{Target: to(url), Timeout: time.Minute, Via: via})
			trial := steady(float64(b.N)/0.2, 200*time.Millisecond)
			trial.Flight = 64
			b.ReportAllocs()
			began := time.Now()
			m := run(b, e, trial, nil)
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "req/s")
			b.ReportMetric(float64(m.All().OK)/float64(b.N), "ok/req")
		})
	}
}

// BenchmarkExchange is the cost of one request and its answer alone, one after the other.
func BenchmarkExchange(b *testing.B) {
	url := child(b, "null")
	for _, via := range vias {
		b.Run(string(via), func(b *testing.B) {
			e := open(b, Options{Target: to(url), Via: via})
			defer e.net.begin()()
			o, err := e.maker(attack.Identity{}, attack.Twist{}).make(0)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if a := e.carry(o, errand{began: time.Now(), patience: time.Minute}); a.status != 200 {
					b.Fatal(a.err)
				}
			}
		})
	}
}

// BenchmarkLedger is the cost of booking one arrival, from due to done, and of closing the books after an hour of them.
func BenchmarkLedger(b *testing.B) {
	const load = 2000
	book := func(l *ledger, n int) {
		for i := range n {
			a := arrival{seq: int64(i), due: time.Duration(i) * time.Second / load}
			sent := a.due + time.Duration(i%97)*time.Microsecond
			l.due(a)
			l.sent(a, sent, 1)
			l.answered(a, answer{sent: sent, received: sent + time.Duration(200+i%1013)*time.Microsecond, status: 200, outcome: attack.OK}, true)
		}
	}
	b.Run("arrival", func(b *testing.B) {
		b.ReportAllocs()
		book(newLedger(steady(load, time.Duration(b.N+load)*time.Second/load), time.Second), b.N)
	})
	b.Run("close", func(b *testing.B) {
		l := newLedger(steady(load, time.Minute), time.Second)
		book(l, 60*load)
		b.ReportAllocs()
		for b.Loop() {
			m := l.close()
			m.All()
		}
	})
}

// BenchmarkBurst is the time from the first to the last request of a burst over connections that are open, as they are sent.
func BenchmarkBurst(b *testing.B) {
	url := child(b, "null")
	for _, via := range vias {
		for _, size := range []int{500, 5000} {
			b.Run(fmt.Sprint(via, "/", size), func(b *testing.B) {
				var (
					spread time.Duration
					ok     int64
				)
				for range b.N {
					e := open(b, Options{Target: to(url), Via: via})
					m := run(b, e, attack.Trial{Warm: size, Actors: []attack.Actor{{Schedule: attack.Schedule{
						Segments: []attack.Segment{{Len: 100 * time.Millisecond}, {Len: time.Second, Burst: size}}}}}}, nil)
					spread, ok = spread+m.Spread, ok+m.All().OK
				}
				b.ReportMetric(float64(ok)/float64(b.N*size), "ok/req")
				b.ReportMetric(float64(spread.Microseconds())/1000/float64(b.N), "spread-ms")
			})
		}
	}
}
