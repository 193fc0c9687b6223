package engine

import (
	"math"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/engine/host"
)

const ms = time.Millisecond

// looked is what a self-check said, and what it should.
type looked struct {
	got  attack.SelfCheck
	want attack.CheckOutcome
}

func TestSelfChecksOfThisMachinesPace(t *testing.T) {
	healthy := lags{n: 1000, p99: 5 * ms, quarter: 250, early: ms, late: 2 * ms}
	with := func(change func(*lags)) attack.SelfCheck {
		l := healthy
		change(&l)
		return checkLag(l)
	}
	calm := strain{own: .5, idle: .3, sched: 2 * ms, cores: 2}
	held := func(n int64, change func(*strain)) attack.SelfCheck {
		s := calm
		change(&s)
		return checkHeld(n, 1000, s)
	}
	asItIs := func(*strain) {}
	ownBusy := func(s *strain) { s.own = .91 }
	nan := math.NaN()
	wantLooks(t, map[string]looked{
		"lag of some ms is healthy":                            {checkLag(healthy), attack.Healthy},
		"lag above 10ms is a warning":                          {with(func(l *lags) { l.p99 = 11 * ms }), attack.Warn},
		"lag of 50ms is still a warning":                       {with(func(l *lags) { l.p99 = 50 * ms }), attack.Warn},
		"lag above 50ms is void":                               {with(func(l *lags) { l.p99 = 51 * ms }), attack.Void},
		"lag that rises twelvefold is void":                    {with(func(l *lags) { l.late = 12 * ms }), attack.Void},
		"a rise that stays small is healthy":                   {with(func(l *lags) { l.early, l.late = 100*time.Microsecond, 9*ms }), attack.Healthy},
		"a rise of a few arrivals is no rise":                  {with(func(l *lags) { l.late, l.quarter = 30*ms, 99 }), attack.Healthy},
		"a rise less than tenfold is no rise":                  {with(func(l *lags) { l.early, l.late = 2*ms, 15*ms }), attack.Healthy},
		"the lag of 99 arrivals has no p99":                    {with(func(l *lags) { l.n, l.p99 = 99, time.Second }), attack.Unavailable},
		"a slow target holds all, and this machine is calm":    {held(1000, asItIs), attack.Healthy},
		"a machine at all its bounds is calm":                  {held(1000, func(s *strain) { s.own, s.idle, s.sched = .9, .1, 4*ms }), attack.Healthy},
		"a busy generator that held more than 1% is void":      {held(11, ownBusy), attack.Void},
		"a busy generator that held 1% is a warning":           {held(10, ownBusy), attack.Warn},
		"a busy generator that held nobody is healthy":         {held(0, ownBusy), attack.Healthy},
		"a busy host is void":                                  {held(11, func(s *strain) { s.idle = .09 }), attack.Void},
		"a scheduler that keeps goroutines waiting is void":    {held(11, func(s *strain) { s.sched = 4100 * time.Microsecond }), attack.Void},
		"a scheduler with too few values tells nothing":        {held(1000, func(s *strain) { s.sched, s.few = time.Second, true }), attack.Healthy},
		"without own CPU the host tells":                       {held(11, func(s *strain) { s.own, s.idle = nan, .01 }), attack.Void},
		"without the host own CPU tells":                       {held(11, func(s *strain) { s.own, s.idle = .99, nan }), attack.Void},
		"held while nothing of the machine could be read":      {held(11, func(s *strain) { s.own, s.idle, s.few = nan, nan, true }), attack.Unavailable},
		"nobody held and nothing of the machine could be read": {held(0, func(s *strain) { s.own, s.idle, s.few = nan, nan, true }), attack.Healthy},
	})
}

func TestSelfChecksThatCount(t *testing.T) {
	wantLooks(t, map[string]looked{
		"all sent is healthy":                      {checkUnsent(0, 10_000), attack.Healthy},
		"10 unsent of 10,000 are healthy":          {checkUnsent(10, 10_000), attack.Healthy},
		"11 unsent of 10,000 are void":             {checkUnsent(11, 10_000), attack.Void},
		"nothing due is healthy":                   {checkUnsent(0, 0), attack.Healthy},
		"goroutines that run at once are healthy":  {checkSched(2*ms, 5000), attack.Healthy},
		"goroutines that wait 3ms are a warning":   {checkSched(3*ms, 5000), attack.Warn},
		"goroutines that wait 21ms are void":       {checkSched(21*ms, 5000), attack.Void},
		"too few goroutines to tell":               {checkSched(time.Second, 99), attack.Unavailable},
		"connections that are kept are healthy":    {checkDials(false, 0, 1000), attack.Healthy},
		"50 dials again in 1,000 are healthy":      {checkDials(false, 50, 1000), attack.Healthy},
		"51 dials again in 1,000 are void":         {checkDials(false, 51, 1000), attack.Void},
		"more excused than dialed is healthy":      {checkDials(false, -7, 1000), attack.Healthy},
		"connections not kept by order are no sin": {checkDials(true, 1000, 1000), attack.Unavailable},
		"dials of a few requests tell nothing":     {checkDials(false, 20, 99), attack.Unavailable},
		"a host with a tenth idle is healthy":      {checkIdle(10, 100), attack.Healthy},
		"a host with less is a warning":            {checkIdle(9, 100), attack.Warn},
		"a host that cannot be read is unknown":    {checkIdle(0, 0), attack.Unavailable},
		"a moment is too short to tell idleness":   {checkIdle(0, 19), attack.Unavailable},
		"no own errors are healthy":                {checkFaults(nil)[0], attack.Healthy},
		"one own error is void":                    {checkFaults(map[fault]int64{ownFaults[0].fault: 1})[0], attack.Void},
	})
}

func wantLooks(t *testing.T, rows map[string]looked) {
	t.Helper()
	for name, row := range rows {
		if row.got.Outcome != row.want {
			t.Errorf("%s: %+v, want %s", name, row.got, row.want)
		}
		if sick := row.want == attack.Warn || row.want == attack.Void; sick != (row.got.Fix != "") {
			t.Errorf("%s: fix %q, want one exactly when something is wrong", name, row.got.Fix)
		}
		if row.got.Name == "" || row.got.Got == "" || row.got.Want == "" {
			t.Errorf("%s: %+v, want name, got and want filled in", name, row.got)
		}
	}
}

// The planted fault: a process that had its cores for itself and still did not get its answers read.
func TestAGeneratorWithoutCPUIsNotATargetThatIsSlow(t *testing.T) {
	began := time.Now()
	for name, row := range map[string]struct {
		own  time.Duration // of each core, in a second
		want string
	}{
		"all of each core": {time.Second, "held while busy: arrivals waited at the in-flight cap while this machine was busy: 50.00% of them, own CPU 100% of 0.5 cores"},
		"half of each":     {time.Second / 2, ""},
	} {
		l := newLedger(steady(100, time.Second), time.Second)
		l.duen, l.held = 100, 50
		m := attack.Measurement{Checks: l.checks(look{at: began, ownKnown: true}, look{at: began.Add(time.Second), own: row.own / 2, ownKnown: true, cores: .5}, false)}
		why, fix := m.Void()
		if !strings.HasPrefix(why, row.want) || (why == "") != (row.want == "") || (why == "") != (fix == "") {
			t.Errorf("%s used: void %q, fix %q; want %q, and a fix with it", name, why, fix, row.want)
		}
	}
}

func TestOwnCPUGrowsWithWork(t *testing.T) {
	before, known := host.Used()
	if !known {
		t.Skip("own CPU cannot be read on this system")
	}
	for x, end := 1.0, time.Now().Add(10*time.Second); time.Now().Before(end); x = math.Sqrt(x + 1) {
		if now, _ := host.Used(); now-before > 20*ms {
			return
		}
	}
	t.Error("10 seconds of work are not 20ms of CPU")
}

func TestTheCommonestOwnErrorIsNamedFirst(t *testing.T) {
	checks := checkFaults(map[fault]int64{ownFaults[0].fault: 1, ownFaults[2].fault: 5})
	if len(checks) != 2 || !strings.HasPrefix(checks[0].Got, "5 × local ports exhausted") {
		t.Errorf("checks %+v, want the five exhausted ports first", checks)
	}
}

func TestWaitedIsThePercentileOfWhatWasAdded(t *testing.T) {
	edges := []float64{0, .001, .002, .01, math.Inf(1)}
	h := func(counts ...uint64) *metrics.Float64Histogram {
		return &metrics.Float64Histogram{Counts: counts, Buckets: edges}
	}
	for name, row := range map[string]struct {
		before, after *metrics.Float64Histogram
		want          time.Duration
		n             uint64
	}{
		"what was there before does not count": {h(0, 0, 0, 900), h(100, 0, 0, 900), ms, 100},
		"one in a hundred is not the p99":      {h(0, 0, 0, 0), h(99, 0, 1, 0), ms, 100},
		"two in a hundred are":                 {h(0, 0, 0, 0), h(98, 0, 2, 0), 10 * ms, 100},
		"the last bucket has no upper edge":    {h(0, 0, 0, 0), h(0, 0, 0, 5), 10 * ms, 5},
		"nothing was added":                    {h(1, 0, 0, 0), h(1, 0, 0, 0), 0, 0},
		"nothing can be read":                  {nil, h(1, 0, 0, 0), 0, 0},
	} {
		if p99, n := waited(row.before, row.after); p99 != row.want || n != row.n {
			t.Errorf("%s: waited = %v of %d, want %v of %d", name, p99, n, row.want, row.n)
		}
	}
}

func TestWithoutProcTheHostIsUnavailable(t *testing.T) {
	idle, total := (&vitals{}).cpu()
	if c := checkIdle(idle, total); c.Outcome != attack.Unavailable {
		t.Errorf("%+v, want unavailable where /proc/stat is not", c)
	}
}
