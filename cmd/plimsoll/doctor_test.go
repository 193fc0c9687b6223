package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/plimsoll-load/plimsoll/attack"
)

// machine is a tree of a machine's files: path, text, path, text …
func machine(pairs ...string) fs.FS {
	m := fstest.MapFS{}
	for pair := range slices.Chunk(pairs, 2) {
		m[pair[0]] = &fstest.MapFile{Data: []byte(pair[1])}
	}
	return m
}

const (
	portsFile  = "proc/sys/net/ipv4/ip_local_port_range"
	socketFile = "proc/net/sockstat"
	memoryFile = "proc/meminfo"
)

func slept(late time.Duration) (t timings) {
	for range 200 {
		t.late = append(t.late, late)
	}
	return t
}

func TestDoctorSeesWhatIsWrong(t *testing.T) {
	timeWait := func(n int) fs.FS {
		return machine(portsFile, "32768 60999", socketFile, fmt.Sprintf("TCP: inuse 1 orphan 0 tw %d alloc 1 mem 1", n))
	}
	for says, row := range map[string]struct {
		check attack.SelfCheck
		want  attack.CheckOutcome
		text  string // in what was got, or in the way out
	}{
		"many files":             {checkFiles(65536, 65536, true), attack.Healthy, "65,536"},
		"fewer than a flight":    {checkFiles(20_000, 20_000, true), attack.Warn, "raise ulimit -n to 65536"},
		"few files":              {checkFiles(64, 4096, true), bad, "may be raised to 4,096"},
		"files unknown":          {checkFiles(0, 0, false), attack.Unavailable, "not told"},
		"many ports":             {checkPorts(machine(portsFile, "32768\t60999")), attack.Healthy, "28,232"},
		"fewer ports":            {checkPorts(machine(portsFile, "40000 50000")), attack.Warn, "10240 65535"},
		"ten ports":              {checkPorts(machine(portsFile, "40000 40009")), bad, "10, 40000 to 40009"},
		"ports unknown":          {checkPorts(machine()), attack.Unavailable, "not told"},
		"few in TIME_WAIT":       {checkTimeWait(timeWait(12)), attack.Healthy, "12; without keep-alive 470 new connections/s"},
		"many in TIME_WAIT":      {checkTimeWait(timeWait(10_000)), attack.Warn, "tcp_tw_reuse"},
		"all in TIME_WAIT":       {checkTimeWait(timeWait(28_000)), bad, "28,000"},
		"TIME_WAIT unknown":      {checkTimeWait(machine(portsFile, "32768 60999")), attack.Unavailable, "not told"},
		"two cores":              {checkCores(2, 0, false), attack.Healthy, "2, no quota"},
		"a quota of 1.5":         {checkCores(8, 1.5, true), attack.Warn, "a quota of 1.5"},
		"a quota of a fifth":     {checkCores(8, .2, true), bad, "more cores"},
		"all cores used":         {checkProcs(8, 8, 0, false), attack.Healthy, "8"},
		"GOMAXPROCS too small":   {checkProcs(1, 8, 0, false), attack.Warn, "unset GOMAXPROCS"},
		"the runtime's choice":   {checkProcs(3, 8, 2.5, true), attack.Healthy, "3"},
		"its least choice":       {checkProcs(2, 8, .5, true), attack.Healthy, "2"},
		"more than a quota pays": {checkProcs(8, 8, 2, true), attack.Warn, "unset GOMAXPROCS"},
		"much memory":            {checkMemory(machine(memoryFile, "MemAvailable: 2097152 kB")), attack.Healthy, "2,048 MB (available)"},
		"less memory":            {checkMemory(machine(memoryFile, "MemAvailable: 524288 kB")), attack.Warn, "--max-inflight"},
		"a small cgroup": {checkMemory(machine(memoryFile, "MemAvailable: 2097152 kB", "proc/self/cgroup", "0::/a", "sys/fs/cgroup/a/memory.max", "67108864")),
			bad, "64 MB (cgroup limit)"},
		"memory unknown":   {checkMemory(machine()), attack.Unavailable, "not told"},
		"a fast source":    {checkSource("tsc"), attack.Healthy, "tsc"},
		"a slow source":    {checkSource("hpet"), attack.Warn, "faster clock source"},
		"a source unknown": {checkSource(""), attack.Unavailable, "not told"},
		"a fine clock":     {checkClock(timings{step: 40, read: 50}), attack.Healthy, "steps of 40ns, 50ns a reading"},
		"a coarse clock":   {checkClock(timings{step: 100 * time.Microsecond, read: 50}), attack.Warn, "faster clock"},
		"a clock of jiffies": {checkClock(timings{step: 4 * time.Millisecond, read: 50}), bad,
			"steps of 4ms"},
		"a clock that is slow to read": {checkClock(timings{step: 40, read: 2 * time.Microsecond}), attack.Warn, "2µs a reading"},
		"on time":                      {checkSleep(slept(time.Millisecond)), attack.Healthy, "p99 1ms"},
		"late":                         {checkSleep(slept(20 * time.Millisecond)), attack.Warn, "neighbours"},
		"very late":                    {checkSleep(slept(80 * time.Millisecond)), bad, "p99 80ms"},
		"too few sleeps":               {checkSleep(timings{}), attack.Unavailable, ""},
		"at rest":                      {checkRest(90, 100), attack.Healthy, "90%"},
		"half busy":                    {checkRest(50, 100), attack.Warn, "busy"},
		"busy":                         {checkRest(5, 100), bad, "5%"},
		"rest unknown":                 {checkRest(0, 0), attack.Unavailable, "not told"},
	} {
		if row.check.Outcome != row.want || !strings.Contains(row.check.Got+" "+row.check.Fix, row.text) {
			t.Errorf("%s: %+v, want %s and %q", says, row.check, row.want, row.text)
		}
		if sick := row.want == attack.Warn || row.want == bad; sick != (row.check.Fix != "") {
			t.Errorf("%s is %s, with the way out %q", says, row.want, row.check.Fix)
		}
	}
}

// bench is a machine of arithmetic: healthy up to one rate, able to answer up to another. It hiccups in some trials.
type bench struct {
	healthy, most float64
	hiccups       map[int]bool
}

func (b bench) run(t attack.Trial) attack.Measurement {
	due := t.Count()
	m := attack.Measurement{Trial: t, Took: t.Len(), Windows: []attack.Window{{Len: t.Len(), Counts: attack.Counts{Due: due, OK: due}}}}
	if load := t.Load(); load > b.most {
		m.Took = time.Duration(float64(t.Len()) * load / b.most)
	}
	m.Checks = []attack.SelfCheck{{Name: "late ticks", Outcome: attack.Healthy}}
	if t.Load() > b.healthy || b.hiccups[t.N] {
		m.Checks[0] = attack.SelfCheck{Name: "late ticks", Outcome: attack.Warn, Got: "p99 12ms"}
	}
	return m
}

func calibrated(t *testing.T, b bench) driven {
	t.Helper()
	var done []attack.Measurement
	for {
		trial, more := calibration{each: 500 * time.Millisecond}.Next(done)
		if !more {
			return conclude(done)
		}
		if len(done) > attack.TrialsMax {
			t.Fatal("the calibration does not end")
		}
		done = append(done, b.run(trial))
	}
}

func TestCalibrationBracketsTheMachine(t *testing.T) {
	for _, healthy := range []float64{70, 333, 999, 1000, 1500, 9999, 21_000, 100_000, 400_000} {
		d := calibrated(t, bench{healthy: healthy, most: 3 * healthy})
		if d.Undecided || d.Healthy == nil || *d.Healthy > healthy || *d.Healthy < healthy/narrow/1.01 {
			t.Errorf("healthy up to %v: %+v", healthy, d)
			continue
		}
		if *d.Trust != min(*d.Healthy, d.Max/2) {
			t.Errorf("trusts %v of %v healthy, %v at most", *d.Trust, *d.Healthy, d.Max)
		}
		if n := len(d.Trials); n > 2*usualTrials {
			t.Errorf("healthy up to %v: %d trials", healthy, n)
		}
	}
}

func TestCalibrationTrustsHalfOfWhatTheMachineCanDrive(t *testing.T) {
	d := calibrated(t, bench{healthy: 30_000, most: 31_000})
	if math.Abs(d.Max/31_000-1) > 1e-6 || *d.Trust != d.Max/2 {
		t.Errorf("at most %v, trusts %v", d.Max, *d.Trust)
	}
	if got, want := d.sentence(), "this machine can drive about 31,000 requests/s; trust knees up to 15,000/s"; got != want {
		t.Errorf("says %q, want %q", got, want)
	}
}

func TestCalibrationDoesNotBelieveOneHiccup(t *testing.T) {
	b := bench{healthy: 20_000, most: 60_000, hiccups: map[int]bool{1: true, 4: true}}
	if d := calibrated(t, b); d.Healthy == nil || *d.Healthy < 16_000 {
		t.Errorf("a hiccup is taken for the limit: %+v", d)
	}
}

func TestCalibrationEndsAtItsBounds(t *testing.T) {
	weak := calibrated(t, bench{healthy: 1, most: 20})
	if weak.Healthy != nil || weak.Undecided || len(weak.Trials) == 0 {
		t.Errorf("a machine that can do nothing: %+v", weak)
	}
	if c := weak.checks(0); c[0].Outcome != bad || !strings.Contains(c[0].Got, "late ticks") {
		t.Errorf("a machine that can do nothing: %+v", c)
	}
	if !strings.Contains(weak.sentence(), "no rate could be trusted") {
		t.Error(weak.sentence())
	}
	strong := calibrated(t, bench{healthy: 1e9, most: 1e9})
	if strong.Healthy == nil || *strong.Healthy != topLoad || strong.Undecided {
		t.Errorf("a machine beyond the top: %v, undecided %v", strong.Healthy, strong.Undecided)
	}
	if d := conclude(nil); !d.Undecided || d.checks(0)[0].Outcome != bad {
		t.Errorf("no trial at all: %+v", d)
	}
}

func TestUnwellNamesTheCause(t *testing.T) {
	trial, _ := calibration{each: time.Second}.Next(nil)
	of := func(ok, due int64, took, lag time.Duration) attack.Measurement {
		w := attack.Window{Len: time.Second, Counts: attack.Counts{Due: due, OK: ok, Failed: due - ok}}
		for range 100 {
			w.Lag.Record(lag)
		}
		return attack.Measurement{Trial: trial, Took: took, Windows: []attack.Window{w}}
	}
	for want, m := range map[string]attack.Measurement{
		"":                                 of(1000, 1000, time.Second, time.Millisecond),
		"answered: 90 % of what was due":   of(900, 1000, time.Second, time.Millisecond),
		"achieved: 500/s":                  of(1000, 1000, 2*time.Second, time.Millisecond),
		"lag: p99 40ms":                    of(1000, 1000, time.Second, 40*time.Millisecond),
		"answered: 0 % of what was due":    {Trial: trial, Took: time.Second},
		"own errors: 3 × files, and no ok": {Trial: trial, Checks: []attack.SelfCheck{{Name: "own errors", Outcome: attack.Void, Got: "3 × files, and no ok"}}},
	} {
		if got := unwell(m); got != want {
			t.Errorf("unwell = %q, want %q", got, want)
		}
	}
}

func TestTheAskedRate(t *testing.T) {
	d := calibrated(t, bench{healthy: 20_000, most: 60_000})
	for asked, want := range map[attack.Rate]attack.CheckOutcome{100: attack.Healthy, 50_000: bad} {
		c := d.checks(asked)
		if len(c) != 2 || c[1].Outcome != want {
			t.Errorf("asked for %v: %+v, want %s", asked, c, want)
		}
	}
}

func TestTheDoctorsSentenceAndExit(t *testing.T) {
	fine := attack.SelfCheck{Name: "cores", Outcome: attack.Healthy}
	warn := attack.SelfCheck{Name: "memory", Outcome: attack.Warn, Fix: "add memory"}
	sick := attack.SelfCheck{Name: "open files", Outcome: bad, Fix: "raise ulimit -n to 65536"}
	trust := 10_000.
	run := &driven{Max: 21_499, Healthy: &trust, Trust: &trust, Trials: []driveTry{{}}}
	for says, row := range map[string]struct {
		d           diagnosis
		interrupted bool
		exit        int
		want        string
	}{
		"healthy":        {diagnosis{Checks: []attack.SelfCheck{fine}, Calibration: run}, false, 0, "this machine can drive about 21,000 requests/s; trust knees up to 10,000/s"},
		"a warning":      {diagnosis{Checks: []attack.SelfCheck{warn}, Calibration: run}, false, 0, "this machine can drive about 21,000 requests/s; trust knees up to 10,000/s; add memory"},
		"the bad first":  {diagnosis{Checks: []attack.SelfCheck{warn, sick, sick}, Calibration: run}, false, 4, "this machine can drive about 21,000 requests/s; trust knees up to 10,000/s; raise ulimit -n to 65536; add memory"},
		"no calibration": {diagnosis{Checks: []attack.SelfCheck{fine}}, false, 0, "not calibrated: without --quick a few seconds of load tell what this machine can drive"},
		"undecided":      {diagnosis{Calibration: &driven{Undecided: true}}, false, 3, "the calibration came to nothing"},
		"interrupted":    {diagnosis{Calibration: &driven{Undecided: true}}, true, 130, "interrupted: the calibration came to nothing"},
	} {
		if exit, got := row.d.conclude(row.interrupted); exit != row.exit || got != row.want {
			t.Errorf("%s: exit %d, %q\nwant %d, %q", says, exit, got, row.exit, row.want)
		}
	}
}

func TestDoctorPrintsWhatItsSchemaSays(t *testing.T) {
	d := calibrated(t, bench{healthy: 20_000, most: 60_000})
	for _, out := range []diagnosis{
		{Schema: doctorSchema, Checks: examine(machine())},
		{Schema: doctorSchema, Checks: append([]attack.SelfCheck{checkFiles(64, 64, true)}, d.checks(1)...), Calibration: &d},
	} {
		out.Exit, out.Outcome = out.conclude(false)
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		fits(t, doctorJSONSchema, string(text))
		var b strings.Builder
		if err := out.print(&b); err != nil || !strings.HasSuffix(b.String(), "\n"+out.Outcome+"\n") {
			t.Errorf("%v:\n%s", err, b.String())
		}
		for _, c := range out.Checks {
			if !strings.Contains(b.String(), c.Name) || !strings.Contains(b.String(), c.Got) || !strings.Contains(b.String(), c.Fix) {
				t.Errorf("the table lacks %+v:\n%s", c, b.String())
			}
		}
	}
}

func TestTheNullServerAnswersAndLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- answerAll(l) }()
	client := &http.Client{Transport: &http.Transport{}}
	for range 3 {
		resp, err := client.Get("http://" + l.Addr().String() + "/any")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != 200 || string(text) != "ok" {
			t.Errorf("status %d, %q", resp.StatusCode, text)
		}
	}
	_ = l.Close() // with the client's connection still open
	if err := <-done; err != nil {
		t.Error(err)
	}
	client.CloseIdleConnections()
}
