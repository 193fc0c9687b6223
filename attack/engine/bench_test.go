package engine

import (
	"testing"
	"time"
)

// BenchmarkSendPath is the cost of one request from the pacer to the ledger over a real connection, pacing left out: the
// load is far above what can be sent, so that nothing waits for its moment. The target is in a process of its own.
func BenchmarkSendPath(b *testing.B) {
	url := child(b, "null")
	e := open(b, Options{Target: to(url), Timeout: time.Minute})
	trial := steady(float64(b.N)/0.2, 200*time.Millisecond)
	trial.Flight = 64
	b.ReportAllocs()
	began := time.Now()
	m := run(b, e, trial, nil)
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "req/s")
	b.ReportMetric(float64(m.All().OK)/float64(b.N), "ok/req")
}
