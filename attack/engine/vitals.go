package engine

import (
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack/engine/host"
)

// vitals reads how this machine and this process are. Files are kept open from the start: with no descriptors left they
// could not be opened when it matters.
type vitals struct {
	stat  *os.File
	cores float64 // that this process may use
}

func openVitals() *vitals {
	stat, err := os.Open("/proc/stat")
	if err != nil {
		stat = nil // not this system: what rests on it is unavailable
	}
	return &vitals{stat: stat, cores: host.Cores(host.Root(), runtime.GOMAXPROCS(0))}
}

func (v *vitals) close() error {
	if v.stat == nil {
		return nil
	}
	return v.stat.Close()
}

// look is what was seen at one moment; counts run from the start of the machine or process.
type look struct {
	sched             *metrics.Float64Histogram // seconds that goroutines waited to run
	idle, total       int64                     // ticks of all cores; total 0 when unknown
	dials, open, lost int64                     // connections
	at                time.Time
	own               time.Duration // what this process had of all cores
	ownKnown          bool
	cores             float64 // that this process may use
}

// look sees nothing where a Transport took the network's place: in virtual time this machine's clocks say nothing.
func (e *Engine) look() look {
	if e.net == nil {
		return look{}
	}
	l := look{sched: schedLatencies(), dials: e.net.dials.Load(), open: e.net.open.Load(), lost: e.net.lost.Load()}
	l.idle, l.total = e.vitals.cpu()
	l.own, l.ownKnown = host.Used()
	l.at, l.cores = time.Now(), e.vitals.cores
	return l
}

// strain is how busy the generator and its machine were between two looks. What could not be read is NaN.
type strain struct {
	own   float64       // share of the cores this process may use that it did use
	idle  float64       // share of this machine's cores that nobody used
	sched time.Duration // 99th percentile of scheduler latency
	cores float64       // that this process may use
	few   bool          // too few values for sched
}

func strained(before, after look) strain {
	p99, n := waited(before.sched, after.sched)
	s := strain{own: math.NaN(), idle: math.NaN(), sched: p99, few: n < enough, cores: after.cores}
	if wall := after.at.Sub(before.at); before.ownKnown && after.ownKnown && wall > 0 && after.cores > 0 {
		s.own = float64(after.own-before.own) / float64(wall) / after.cores
	}
	if total := after.total - before.total; total >= enoughTicks {
		s.idle = float64(after.idle-before.idle) / float64(total)
	}
	return s
}

// schedLatencies is the runtime's own histogram of the time that goroutines were ready and did not run.
func schedLatencies() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil
	}
	h := sample[0].Value.Float64Histogram()
	return &metrics.Float64Histogram{Counts: slices.Clone(h.Counts), Buckets: h.Buckets}
}

// waited is the 99th percentile of what was added between two histograms, as the upper edge of its bucket, and the number
// of values that were.
func waited(before, after *metrics.Float64Histogram) (p99 time.Duration, n uint64) {
	if before == nil || after == nil || len(before.Counts) != len(after.Counts) {
		return 0, 0
	}
	added := make([]uint64, len(after.Counts))
	for i := range added {
		added[i] = after.Counts[i] - before.Counts[i]
		n += added[i]
	}
	seen := uint64(0)
	for i, k := range added {
		if seen += k; k > 0 && float64(seen) >= .99*float64(n) {
			edge := after.Buckets[i+1]
			if math.IsInf(edge, 1) {
				edge = after.Buckets[i]
			}
			return time.Duration(edge * float64(time.Second)), n
		}
	}
	return 0, n
}

// cpu is the idle and the whole time of all cores, in the kernel's ticks; see host.ParseStat.
func (v *vitals) cpu() (idle, total int64) {
	if v.stat == nil {
		return 0, 0
	}
	buf := make([]byte, 512)
	n, _ := v.stat.ReadAt(buf, 0)
	return host.ParseStat(buf[:n])
}
