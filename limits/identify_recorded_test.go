package limits_test

import (
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
)

// recorded is one trial of a probe over sockets, as far as Identify reads it.
type recorded struct {
	N       int        `json:"n"`
	Phase   string     `json:"phase"`
	Idle    int64      `json:"idle_us"`
	Began   time.Time  `json:"began"`
	Took    int64      `json:"took_us"`
	Aborted bool       `json:"aborted"`
	Peak    float64    `json:"peak"`
	Log     [][3]int64 `json:"log"` // sent and received in µs, status
}

func (r recorded) measurement() attack.Measurement {
	us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	m := attack.Measurement{Began: r.Began, Took: us(r.Took), Trial: attack.Trial{N: r.N, Phase: r.Phase, Idle: us(r.Idle),
		Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{From: r.Peak, To: r.Peak}}}}}}}
	if r.Aborted {
		m.Aborted = &attack.Abort{}
	}
	for _, a := range r.Log {
		outcome := attack.OK
		if a[2] != 200 {
			outcome = attack.Throttled
		}
		m.Log = append(m.Log, attack.Attempt{Sent: us(a[0]), Received: us(a[1]), Status: int(a[2]), Outcome: outcome})
	}
	return m
}

func record(t *testing.T, path string) (done []attack.Measurement) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var trials []recorded
	if err := json.NewDecoder(z).Decode(&trials); err != nil {
		t.Fatal(err)
	}
	for _, r := range trials {
		done = append(done, r.measurement())
	}
	return done
}

// Probes of a sliding counter of 60 in 1 s, over sockets on a machine with too few processors: it was once told to be a token
// bucket.
func TestIdentifyASlidingCounterOverSockets(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "sliding-counter-60", "*.json.gz"))
	if more := os.Getenv("PLIMSOLL_RECORDED"); more != "" {
		paths, err = filepath.Glob(more)
	}
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	if testing.Short() {
		paths = paths[:1]
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			l := limits.Identify(record(t, path))
			t.Logf("%s; explained %.3f, sure %.2f; %s %v", l.Words(), l.Explained, l.Confidence, l.RunnerUp, l.Notes)
			if l.Algorithm != limits.SlidingCounter || math.Abs(l.Rate.Value/60-1) > .02 || l.Burst.Lo > 60 || l.Burst.Hi < 60 || l.Burst.Hi-l.Burst.Lo > 2 {
				t.Errorf("told to be %s, and is a sliding counter of 60 in 1 s", l.Words())
			}
		})
	}
}
