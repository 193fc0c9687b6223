package lab

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// BenchmarkBook is what a request costs under the backend's lock.
func BenchmarkBook(b *testing.B) {
	backend, err := NewBackend(Sized(20_000, 1))
	if err != nil {
		b.Fatal(err)
	}
	backend.config.QueueMax, backend.config.WaitMax = 1<<40, 1<<62
	b.ReportAllocs()
	for b.Loop() {
		backend.arrive()
		backend.leave(&backend.count.Served)
	}
}

// BenchmarkDecide is what a request costs under the gateway's lock, one in two refused.
func BenchmarkDecide(b *testing.B) {
	g, err := NewGateway(GatewayConfig{Default: Tier{Limit: Limit{1e6, 100}}, Stage: Limit{2e6, 100}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		g.decide(r, -1)
	}
}

// BenchmarkLoopback is a whole request over loopback with net/http on both sides: served by the backend, through the gateway,
// refused by the gateway and, to subtract, answered by a handler that does nothing.
func BenchmarkLoopback(b *testing.B) {
	quick := BackendConfig{Servers: 1000, Mean: time.Millisecond}
	open, err := New(Config{Backend: quick, Gateway: GatewayConfig{Default: Tier{Limit: Limit{1e9, 1e6}}}})
	if err != nil {
		b.Fatal(err)
	}
	shut, err := New(Config{Backend: quick, Gateway: GatewayConfig{Default: Tier{Limit: Limit{1e-3, 1}}}})
	if err != nil {
		b.Fatal(err)
	}
	null := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"message":"served"}`) })
	b.Run("null", func(b *testing.B) { loopback(b, null) })
	b.Run("backend", func(b *testing.B) { loopback(b, open.Direct()) })
	b.Run("admitted", func(b *testing.B) { loopback(b, open.Throttled()) })
	b.Run("refused", func(b *testing.B) { loopback(b, shut.Throttled()) })
}

func loopback(b *testing.B, h http.Handler) {
	const clients = 64
	server := httptest.NewServer(h)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	b.ResetTimer()
	began := cpu(b)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for range b.N/clients + min(1, max(0, b.N%clients-i)) {
				answer, err := client.Get(server.URL)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		})
	}
	all.Wait()
	b.ReportMetric((cpu(b)-began).Seconds()*1e6/float64(b.N), "µs-cpu/op")
}
