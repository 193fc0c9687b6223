package main

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// even is what arrives of a schedule of 1,000/s over 2 s, each arrival moved by what late says.
func even(late func(i int) float64) []float64 {
	at := make([]float64, 2000)
	for i := range at {
		at[i] = float64(i)/1000 + late(i)
	}
	slices.Sort(at)
	return at
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

func TestFaithfulSeesWhatIsWrong(t *testing.T) {
	fine := faithful(even(func(int) float64 { return .003 }), 1000, 2*time.Second)
	if !near(fine.achieved, 1) || !near(fine.p50, 0) || !near(fine.p99, 0) || !near(fine.cv, 0) {
		t.Errorf("an exact schedule behind a path of 3 ms: %+v", fine)
	}
	late := faithful(even(func(i int) float64 {
		if i%20 == 19 {
			return .0009
		}
		return 0
	}), 1000, 2*time.Second)
	if !near(late.achieved, 1) || !near(late.p50, 0) || !near(late.p99, .0009) || late.cv < .1 {
		t.Errorf("one in twenty 0.9 ms late: %+v", late)
	}
	few := faithful(even(func(int) float64 { return 0 })[:1500], 1000, 2*time.Second)
	if !near(few.achieved, .75) {
		t.Errorf("three quarters: %+v", few)
	}
	slow := faithful(even(func(i int) float64 { return float64(i) / 1000 }), 1000, 2*time.Second)
	if slow.achieved > .51 || slow.p99 < .4 {
		t.Errorf("half the rate: %+v", slow)
	}
	if none := faithful(nil, 1000, time.Second); none.achieved != 0 {
		t.Errorf("nothing: %+v", none)
	}
}

func TestBarsAreMetAndMissed(t *testing.T) {
	tb := newTable("", "", known)
	tb.bars = []bar{{"≤ 0.35 × vegeta", func(v, vegeta, _ float64) bool { return v <= .35*vegeta }}, {"≤ 10", atMost(10)}}
	for _, v := range []float64{50, 30, 31} {
		tb.add("row", "plimsoll", v)
		tb.add("row", "vegeta", 100)
	}
	if got := tb.judged("row"); !slices.Equal(got, []string{"≤ 0.35 × vegeta: met", "≤ 10: **missed**"}) {
		t.Errorf("a median of 31: %q", got)
	}
	tb.worst = slices.Max
	if got := tb.judged("row")[0]; got != "≤ 0.35 × vegeta: **missed**" {
		t.Errorf("a worst of 50: %q", got)
	}
	tb.add("row", "plimsoll", math.NaN())
	if got := tb.cell("row", "plimsoll"); got != "–" {
		t.Errorf("a run without a number leaves %q", got)
	}
}

func TestArrivalsAreKeptAndStalled(t *testing.T) {
	a, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	get := func() time.Duration {
		began := time.Now()
		resp, err := http.Get(a.url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return time.Since(began)
	}
	a.begin(0)
	for range 5 {
		get()
	}
	if got := a.log(2); len(got) != 3 || !slices.IsSorted(got) {
		t.Errorf("the log is %v, want 3 moments in order", got)
	}
	a.begin(time.Millisecond)
	get()
	time.Sleep(2 * time.Millisecond)
	if took := get(); took < 100*time.Millisecond {
		t.Errorf("the stalled answer took %v, want about a second", took)
	}
}

func TestReportedP99(t *testing.T) {
	for name, row := range map[string]struct {
		out string
		ms  float64
	}{
		"plimsoll": {`{"load":{"response":{"p99_ms":907.5}}}`, 907.5},
		"vegeta":   {`{"latencies":{"99th":7000000}}`, 7},
		"fortio":   {`{"DurationHistogram":{"Percentiles":[{"Percentile":90,"Value":0.1},{"Percentile":99,"Value":0.009}]}}`, 9},
		"hey":      {"  95%% in 0.0010 secs\n  99%% in 0.0110 secs\n", 11},
		"k6":       {"p99_ms=13.5\n", 13.5},
	} {
		i := slices.IndexFunc(known, func(t tool) bool { return t.name == name })
		if ms, err := known[i].p99([]byte(row.out)); err != nil || !near(ms, row.ms) {
			t.Errorf("%s: %v, %v; want %v", name, ms, err, row.ms)
		}
		if ms, err := known[i].p99([]byte("{}")); err == nil && ms != 0 {
			t.Errorf("%s makes %v of nothing", name, ms)
		}
	}
}

func TestCollapsesAreCounted(t *testing.T) {
	tb := newTable("", "", known[:2])
	for _, achieved := range []float64{100, 99.95, 99.8, 97} {
		tb.add("worst", "plimsoll", achieved)
		tb.add("fell", "plimsoll", map[bool]float64{true: 1}[achieved < 100*collapsed])
	}
	printCollapse(tb)
	if got := tb.cell("worst", "plimsoll") + " " + tb.cell("fell", "plimsoll"); got != "97.00 2.00" {
		t.Errorf("worst and fallen %s, want 97.00 and 2.00", got)
	}
	if got := tb.judged("fell")[0] + ", " + tb.judged("worst")[0]; got != "none: **missed**, ≥ 99.9: **missed**" {
		t.Errorf("two of four collapsed: %s", got)
	}
}

func TestNginxTellsWhenItAnswered(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Skip("nginx is not installed")
	}
	n, err := startNginx(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer n.stop()
	get := func() {
		resp, err := http.Get(n.logging)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	get()
	time.Sleep(flush + flush/2)
	from, err := n.logged()
	if err != nil || from == 0 {
		t.Fatalf("the log is %d bytes long, %v", from, err)
	}
	for range 3 {
		get()
	}
	at, err := n.log(from, 1)
	if err != nil || len(at) != 2 || time.Since(time.UnixMilli(int64(at[0]*1000))) > time.Minute {
		t.Errorf("log %v, %v; want the moments of the last two", at, err)
	}
}

// TestWhoLooksOnIsThere: without viewers that see something, the comparison would compare nothing.
func TestWhoLooksOnIsThere(t *testing.T) {
	var held atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held.Add(1)
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if seen := look(ctx, 3, 1, true, s.Listener.Addr().String(), s.Listener.Addr().String()); seen < 4*9 || held.Load() < 5 {
		t.Errorf("%d bytes seen by %d, want 9 by each of three viewers and a Prometheus, and one more who takes none", seen, held.Load())
	}
}
