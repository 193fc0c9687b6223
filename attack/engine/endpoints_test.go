package engine

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Each endpoint has a ledger of its own, without the warm-up: the one that is slow is seen to be slow, and the one that fails
// to fail.
func TestEndpointsAreCountedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(r *http.Request) (*http.Response, error) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/slow"):
				time.Sleep(50 * time.Millisecond)
			case r.URL.Path == "/bad":
				return reply(500), nil
			}
			time.Sleep(time.Millisecond)
			return reply(200), nil
		}, func(o *Options) {
			o.Target = attack.Target{Requests: []attack.Request{{URL: "http://target/quick", Weight: 6}, {URL: "http://target/slow/{{.Seq}}", Weight: 3}, {Method: "POST", URL: "http://target/bad"}}}
		})
		trial := steady(1000, 3*time.Second)
		trial.Warmup = time.Second
		m := run(t, e, trial, nil)
		if len(m.Endpoints) != 3 {
			t.Fatalf("%d endpoints, want 3", len(m.Endpoints))
		}
		var due int64
		for i, want := range []struct {
			name  string
			share float64
			ms    time.Duration
		}{{"GET /quick", .6, 1}, {"GET /slow/{{.Seq}}", .3, 51}, {"POST /bad", .1, 0}} {
			got := m.Endpoints[i]
			due += got.Due
			if share := float64(got.Due) / 2000; got.Name != want.name || share < want.share-.05 || share > want.share+.05 {
				t.Errorf("endpoint %d: %s with %.2f of the arrivals, want %s with %.2f", i, got.Name, share, want.name, want.share)
			}
			if want.ms == 0 {
				if got.Failed != got.Due || got.Response.N() != 0 {
					t.Errorf("%s: %+v, want all failed", got.Name, got.Counts)
				}
				continue
			}
			if p50 := got.Response.Quantile(.5).Round(time.Millisecond); got.OK != got.Due || p50 != want.ms*time.Millisecond {
				t.Errorf("%s: p50 %v of %+v, want all ok in %v", got.Name, p50, got.Counts, want.ms*time.Millisecond)
			}
		}
		if due != m.Total().Due {
			t.Errorf("endpoints sum to %d arrivals after the warm-up, were %d", due, m.Total().Due)
		}
	})
}

func TestATargetOfOneKindHasNoEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := inMemory(t, func(r *http.Request) (*http.Response, error) { return reply(200), nil })
		if m := run(t, e, steady(100, time.Second), nil); m.Endpoints != nil {
			t.Errorf("endpoints %+v, want none", m.Endpoints)
		}
	})
}
