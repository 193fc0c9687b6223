package engine

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// BenchmarkCPU is the processor time of one request at a held load, kernel and runtime included, the target's not.
func BenchmarkCPU(b *testing.B) {
	url := child(b, "null")
	for _, load := range []float64{1000, 2000, 5000, 10_000} {
		b.Run(fmt.Sprint(load), func(b *testing.B) {
			e := open(b, Options{Target: to(url), Lean: true})
			trial := steady(load, time.Duration(float64(b.N)/load*float64(time.Second)))
			trial.Flight = 64
			before := spent(b)
			m := run(b, e, trial, nil)
			b.ReportMetric(float64((spent(b)-before).Microseconds())/float64(b.N), "cpu-µs/req")
			all := m.All()
			b.ReportMetric(float64(all.Lag.Quantile(.5).Microseconds()), "lag-p50-µs")
			b.ReportMetric(float64(all.Lag.Quantile(.99).Microseconds()), "lag-p99-µs")
			for _, c := range m.Checks {
				if c.Outcome != "ok" {
					b.Log(c)
				}
			}
		})
	}
}

func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
